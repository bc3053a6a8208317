/* Packed codes, numbers and rows to float32: bit for bit `PackedMatrix.rows`. Compile without contraction. */

#include <stdlib.h>

#include "packed.h"
#include "team.h"
#include "vector.h"

INLINE uint32_t code_at(const uint8_t *data, int bits, int64_t i) {
    int64_t at = i * bits;
    const uint8_t *byte = data + at / 8;
    int shift = (int)(at % 8);
    uint32_t word = byte[0];
    if (shift + bits > 8)
        word |= (uint32_t)byte[1] << 8;
    return word >> shift & ((1u << bits) - 1);
}

INLINE float value_at(const Codes *c, int64_t i) {
    uint16_t word;
    float value;
    switch (c->kind) {
    case SINGLE:
        memcpy(&value, c->data + 4 * i, sizeof value);
        return value;
    case HALF:
    case BFLOAT:
        memcpy(&word, c->data + 2 * i, sizeof word);
        return c->kind == HALF ? from_half(word) : from_bfloat(word);
    default:
        return c->table[code_at(c->data, c->bits, i)];
    }
}

/* Eight codes fill `bits` bytes: one small integer holds them. */
INLINE void eights(const uint8_t *data, const float *table, int64_t eights, float *out, const int bits) {
    for (int64_t i = 0; i < eights; i++, data += bits, out += 8) {
        uint64_t word = 0;
        for (int j = 0; j < bits; j++)
            word |= (uint64_t)data[j] << (8 * j);
        for (int j = 0; j < 8; j++)
            out[j] = table[word >> (bits * j) & ((1u << bits) - 1)];
    }
}

static void decode_eights(const Codes *c, const uint8_t *data, int64_t count, float *out) {
    switch (c->bits) {
    case 1: eights(data, c->table, count, out, 1); break;
    case 2: eights(data, c->table, count, out, 2); break;
    case 3: eights(data, c->table, count, out, 3); break;
    case 4: eights(data, c->table, count, out, 4); break;
    case 5: eights(data, c->table, count, out, 5); break;
    case 6: eights(data, c->table, count, out, 6); break;
    case 7: eights(data, c->table, count, out, 7); break;
    default: eights(data, c->table, count, out, 8); break;
    }
}

#ifdef VECTOR
INLINE void sixty_fours(const Codes *c, const uint8_t *data, int64_t count, float *out, const int bits,
                        const int kind) {
    const Lookup lookup = lookup_of(c);
    const Unpack unpack = unpack_of(bits);
    for (int64_t i = 0; i < count; i++, data += 8 * bits, out += 64) {
        __m512i codes = unpacked(&unpack, data, bits);
        for (int j = 0; j < 4; j++)
            _mm512_storeu_ps(out + 16 * j, values_of(&lookup, quarter(codes, j), 0, bits, kind));
    }
}

static void decode_sixty_fours(const Codes *c, const uint8_t *data, int64_t count, float *out) {
    switch (c->bits * 8 + (c->bits > 6 ? c->kind : TABLE)) {
    case 1 * 8 + TABLE: sixty_fours(c, data, count, out, 1, TABLE); break;
    case 2 * 8 + TABLE: sixty_fours(c, data, count, out, 2, TABLE); break;
    case 3 * 8 + TABLE: sixty_fours(c, data, count, out, 3, TABLE); break;
    case 4 * 8 + TABLE: sixty_fours(c, data, count, out, 4, TABLE); break;
    case 5 * 8 + TABLE: sixty_fours(c, data, count, out, 5, TABLE); break;
    case 6 * 8 + TABLE: sixty_fours(c, data, count, out, 6, TABLE); break;
    case 7 * 8 + TABLE: sixty_fours(c, data, count, out, 7, TABLE); break;
    case 7 * 8 + SIGNED: sixty_fours(c, data, count, out, 7, SIGNED); break;
    case 7 * 8 + UNSIGNED: sixty_fours(c, data, count, out, 7, UNSIGNED); break;
    case 8 * 8 + TABLE: sixty_fours(c, data, count, out, 8, TABLE); break;
    case 8 * 8 + NARROW: sixty_fours(c, data, count, out, 8, NARROW); break;
    case 8 * 8 + SIGNED: sixty_fours(c, data, count, out, 8, SIGNED); break;
    default: sixty_fours(c, data, count, out, 8, UNSIGNED); break;
    }
}

static void decode_wide(const Codes *c, const uint8_t *data, int64_t sixteens, float *out) {
    for (int64_t i = 0; i < sixteens; i++)
        _mm512_storeu_ps(out + 16 * i, wide_of(data + 2 * c->bits * i, c->kind));
}
#endif

static void decode_words(const Codes *c, int64_t first, int64_t count, float *out, int portable) {
    int64_t done = 0;
#ifdef VECTOR
    if (!portable && c->kind != SINGLE) {
        decode_wide(c, c->data + first * c->bits / 8, count / 16, out);
        done = count / 16 * 16;
    }
#endif
    (void)portable;
    if (c->kind == SINGLE)
        memcpy(out, c->data + 4 * first, (size_t)(4 * count));
    else if (c->kind == HALF)
        for (int64_t i = done; i < count; i++) {
            uint16_t word;
            memcpy(&word, c->data + 2 * (first + i), sizeof word);
            out[i] = from_half(word);
        }
    else
        for (int64_t i = done; i < count; i++) {
            uint16_t word;
            memcpy(&word, c->data + 2 * (first + i), sizeof word);
            out[i] = from_bfloat(word);
        }
}

/* Values of codes first .. first + count. */
void decode_codes(const Codes *c, int64_t first, int64_t count, float *out, int portable) {
    if (c->kind >= HALF) {
        decode_words(c, first, count, out, portable);
        return;
    }
    int64_t i = 0;
    for (; i < count && (first + i) % 8; i++)
        out[i] = value_at(c, first + i);
#ifdef VECTOR
    if (!portable && count - i >= 64) {
        int64_t whole = (count - i) / 64;
        decode_sixty_fours(c, c->data + (first + i) / 8 * c->bits, whole, out + i);
        i += 64 * whole;
    }
#endif
    int64_t whole = (count - i) / 8;
    decode_eights(c, c->data + (first + i) / 8 * c->bits, whole, out + i);
    for (i += 8 * whole; i < count; i++)
        out[i] = value_at(c, first + i);
}

INLINE void times_shared(float *out, const float *shared, int64_t count, const int64_t per) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < per; j++)
            out[i * per + j] *= shared[i];
}

/* Numbers start .. start + count times number i / per of `inner`. */
static void times_inner(const Matrix *m, const Numbers *n, int64_t start, int64_t count, float *out, float *scratch) {
    const int64_t per = n->per, first = start / per, last = (start + count - 1) / per + 1;
    decode_codes(&n->inner, first, last - first, scratch, m->portable);
    if (start % per == 0 && count % per == 0 && per == 8)
        times_shared(out, scratch, last - first, 8);
    else if (start % per == 0 && count % per == 0 && per == 16)
        times_shared(out, scratch, last - first, 16);
    else
        for (int64_t inner = first, i = 0; inner < last; inner++)
            for (const int64_t end = (inner + 1) * per - start; i < end && i < count; i++)
                out[i] *= scratch[inner - first];
}

/* The numbers of the runs of `rows` rows: out [rows, runs]; scratch: as much. */
void decode_numbers(const Matrix *m, const Numbers *n, int64_t first, int64_t rows, float *out, float *scratch) {
    int64_t count = n->single ? 1 : rows * m->runs, start = n->single ? 0 : first * m->runs;
    decode_codes(&n->codes, start, count, out, m->portable);
    if (n->inner.kind)
        times_inner(m, n, start, count, out, scratch);
    for (int64_t i = 0; i < count; i++)
        out[i] += n->add;
    if (n->single)
        for (int64_t i = 1; i < rows * m->runs; i++)
            out[i] = out[0];
}

/* Rows first .. last to out; numbers: room for 2 * BATCH * runs. */
void decode_rows(const Matrix *m, int64_t first, int64_t last, float *out, float *numbers) {
    const int64_t run = m->columns / m->runs;
    float *scratch = numbers + BATCH * m->runs;
    for (int64_t row = first; row < last; row += BATCH) {
        int64_t rows = last - row < BATCH ? last - row : BATCH, runs = rows * m->runs;
        decode_codes(&m->codes, row * m->columns, rows * m->columns, out, m->portable);
        if (m->zero.codes.kind) {
            decode_numbers(m, &m->zero, row, rows, numbers, scratch);
            for (int64_t g = 0; g < runs; g++)
                for (int64_t j = 0; j < run; j++)
                    out[g * run + j] -= numbers[g];
        }
        if (m->scale.codes.kind) {
            decode_numbers(m, &m->scale, row, rows, numbers, scratch);
            for (int64_t g = 0; g < runs; g++)
                for (int64_t j = 0; j < run; j++)
                    out[g * run + j] *= numbers[g];
        }
        if (m->offset.codes.kind) {
            decode_numbers(m, &m->offset, row, rows, numbers, scratch);
            for (int64_t g = 0; g < runs; g++)
                for (int64_t j = 0; j < run; j++)
                    out[g * run + j] += numbers[g];
        }
        out += rows * m->columns;
    }
}

typedef struct {
    const Matrix *matrix;
    int64_t first, last;
    float *out, *memory;
} Rows;

#define CHUNK 64 /* rows */

static void rows_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    const Rows *r = shared;
    const int64_t first = r->first + chunk * CHUNK, last = first + CHUNK < r->last ? first + CHUNK : r->last;
    (void)stage, (void)fresh;
    decode_rows(r->matrix, first, last, r->out + (first - r->first) * r->matrix->columns,
                r->memory + thread * 2 * BATCH * r->matrix->runs);
}

/* Rows first .. last to out [last - first, columns]; 0, or 1 where memory is short. */
int packed_rows(const Matrix *m, int64_t first, int64_t last, float *out, int threads) {
    const int64_t chunks = (last - first + CHUNK - 1) / CHUNK;
    float *memory = malloc(sizeof(float) * (size_t)(threads * 2 * BATCH * m->runs));
    int failed = memory == NULL || in_shared_stages(threads, 1, &chunks, rows_chunk, &(Rows){m, first, last, out, memory});
    free(memory);
    return failed;
}
