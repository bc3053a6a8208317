/* Products with packed whole numbers in plain C, in loops that compilers turn into vectors of any processor (AVX2, NEON).

   Codes come out of 64 packed bytes by shifts, `parts` of them to a byte, all first ones before all second ones; of
   numbers of bits that do not fill a byte a row is widened to bytes first. Activations lie in the same order. */

#include "bytes.h"

#define BLOCK 64 /* bytes */
#define LANES 8  /* sums side by side */
#define LEAST 16 /* bytes of a run within a block */
#define AHEAD 4096

typedef float Floats __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* parts: codes to a byte; length: bytes of a run within a block; blocks: of a run, where it is longer than one. */
typedef struct {
    int parts, length;
    int64_t blocks;
} Shape;

static Shape shape_of(const Matrix *m) {
    const int parts = parts_of(m);
    const int64_t run = m->columns / m->runs, block = BLOCK * parts;
    return run < block ? (Shape){parts, (int)(run / parts), 1} : (Shape){parts, BLOCK, run / block};
}

int has_bytes(const Matrix *m) {
    const int bits = m->codes.bits;
    return (m->codes.kind == SIGNED || m->codes.kind == UNSIGNED) && bits >= 2 && bits <= 8 &&
           (is_as_packed(m) || fits_in(m, BLOCK, 4)) && shape_of(m).length >= LEAST;
}

void bytes_arrange(const Matrix *m, const float *x, float *out) {
    const int parts = parts_of(m);
    for (int64_t block = 0; block < m->columns; block += BLOCK * parts)
        for (int part = 0; part < parts; part++)
            for (int i = 0; i < BLOCK; i++)
                *out++ = x[block + i * parts + part];
}

/* Eight codes to the bytes of a word: halves apart, then their halves, then theirs. */
INLINE uint64_t spread(uint64_t codes, const int bits) {
    const uint64_t one = (1ull << bits) - 1, two = (1ull << 2 * bits) - 1, four = (1ull << 4 * bits) - 1;
    codes = (codes & four) | (codes >> 4 * bits & four) << 32;
    codes = (codes & two * 0x100000001ull) | (codes & (two << 2 * bits) * 0x100000001ull) << (16 - 2 * bits);
    return (codes & one * 0x1000100010001ull) | (codes & (one << bits) * 0x1000100010001ull) << (8 - bits);
}

INLINE void widen(const uint8_t *data, int64_t columns, uint8_t *out, const int bits, int is_signed) {
    const uint64_t each = 0x0101010101010101ull, half = is_signed ? each << (bits - 1) : 0, top = each << 7;
    for (int64_t i = 0; i < columns; i += 8, data += bits) {
        uint64_t word = 0; /* the first code lowest: little-endian, as all that torch runs on */
        if ((columns - i) * bits >= 64)
            memcpy(&word, data, sizeof word); /* into the next codes */
        else
            memcpy(&word, data, (size_t)bits);
        word = spread(word, bits);
        word = (((word ^ half) | top) - half) ^ top; /* byte by byte: nothing is borrowed from a neighbour */
        memcpy(out + i, &word, sizeof word);
    }
}

/* A row of codes as bytes: where it lies, or in `scratch`. */
static const uint8_t *as_bytes(const Matrix *m, const uint8_t *data, uint8_t *scratch) {
    const int is_signed = m->codes.kind == SIGNED;
    switch (parts_of(m) == 1 ? m->codes.bits : 8) {
    case 2: widen(data, m->columns, scratch, 2, is_signed); break;
    case 3: widen(data, m->columns, scratch, 3, is_signed); break;
    case 4: widen(data, m->columns, scratch, 4, is_signed); break;
    case 5: widen(data, m->columns, scratch, 5, is_signed); break;
    case 6: widen(data, m->columns, scratch, 6, is_signed); break;
    case 7: widen(data, m->columns, scratch, 7, is_signed); break;
    default: return data;
    }
    return scratch;
}

/* Code `part` of a byte that holds `parts`, counted from its lowest value: compilers know products of such bytes with
   signed ones. (GCC 12 takes two signed ones for them where one has been unsigned, and is wrong.) */
INLINE uint8_t code_of(uint8_t byte, const int part, const int parts, const int is_signed) {
    const int bits = 8 / parts;
    const uint8_t code = (uint8_t)(byte >> part * bits & ((1 << bits) - 1));
    return is_signed ? (uint8_t)(code ^ 1 << (bits - 1)) : code;
}

/* What codes that come out of a byte are counted from. */
INLINE int lowest_of(const int parts, const int is_signed) {
    return is_signed ? -(1 << (8 / parts - 1)) : 0;
}

void bytes_begin(const Matrix *m, const int8_t *digits, int32_t *before) {
    const Shape shape = shape_of(m);
    const int lowest = lowest_of(shape.parts, 1);
    int64_t done = 0;
    *before = 0;
    for (int64_t block = 0; block < m->columns; block += BLOCK * shape.parts)
        for (int from = 0; from < BLOCK; from += shape.length) {
            for (int part = 0; part < shape.parts; part++)
                for (int i = from; i < from + shape.length; i++)
                    *before += lowest * digits[block + part * BLOCK + i];
            if (++done % shape.blocks == 0 && done / shape.blocks < m->runs)
                *++before = 0;
        }
}

/* The codes of a row times digits: whole numbers of each run, times the run's scale. */
INLINE float whole_row(const Matrix *m, const uint8_t *data, const int8_t *digits, const int32_t *before,
                       const float *scale, int64_t blocks, const int parts, const int length) {
    float total = 0.0f;
    int32_t sum = 0;
    int64_t done = 0;
    for (int64_t block = 0; block < m->columns; block += BLOCK * parts, data += BLOCK, digits += BLOCK * parts) {
        __builtin_prefetch(data + AHEAD);
        for (int from = 0; from < BLOCK; from += length) {
            for (int part = 0; part < parts; part++)
                for (int i = from; i < from + length; i++)
                    sum += code_of(data[i], part, parts, 1) * digits[part * BLOCK + i];
            if (++done == blocks) {
                total += *scale++ * (float)(sum + *before++);
                sum = 0;
                done = 0;
            }
        }
    }
    return total;
}

INLINE void to_floats(const uint8_t *data, int64_t columns, float *out, const int parts, const int is_signed) {
    for (int64_t block = 0; block < columns; block += BLOCK * parts, data += BLOCK) {
        __builtin_prefetch(data + AHEAD);
        for (int part = 0; part < parts; part++)
            for (int i = 0; i < BLOCK; i++)
                *out++ = (float)(code_of(data[i], part, parts, is_signed) + lowest_of(parts, is_signed));
    }
}

/* The same in float32: v [columns] codes, in the order of x. */
INLINE float float_row(const Matrix *m, const float *v, const float *x, const float *scale, const float *zero,
                       int64_t blocks, const int parts, const int length) {
    Floats total = {0}, even = {0}, odd = {0};
    int64_t done = 0;
    for (int64_t block = 0; block < m->columns; block += BLOCK * parts, v += BLOCK * parts, x += BLOCK * parts)
        for (int from = 0; from < BLOCK; from += length) {
            for (int part = 0; part < parts; part++)
                for (int i = part * BLOCK + from; i < part * BLOCK + from + length; i += 2 * LANES) {
                    even += (*(const Floats *)(v + i) - *zero) * *(const Floats *)(x + i);
                    odd += (*(const Floats *)(v + i + LANES) - *zero) * *(const Floats *)(x + i + LANES);
                }
            if (++done == blocks) {
                total += *scale++ * (even + odd);
                even = odd = (Floats){0};
                zero++;
                done = 0;
            }
        }
    float y = 0.0f;
    for (int j = 0; j < LANES; j++)
        y += total[j];
    return y;
}

/* Constants make each a loop of its own. */
#define WITH_LENGTH(parts, ROW)                  \
    switch (shape.length) {                      \
    case 64: ROW(parts, 64); break;              \
    case 32: ROW(parts, 32); break;              \
    default: ROW(parts, 16); break;              \
    }
#define WITH_SHAPE(ROW)                          \
    switch (shape.parts) {                       \
    case 4: WITH_LENGTH(4, ROW) break;           \
    case 2: WITH_LENGTH(2, ROW) break;           \
    default: WITH_LENGTH(1, ROW) break;          \
    }

static const uint8_t *row_of(const Matrix *m, int64_t row) {
    return m->codes.data + row * m->columns * m->codes.bits / 8;
}

static void ones_where_none(const Matrix *m, float *scale) {
    for (int64_t i = 0; !m->scale.codes.kind && i < BATCH * m->runs; i++)
        scale[i] = 1.0f;
}

void bytes_whole_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const Shape shape = shape_of(m);
    float *scale = in->numbers, *scratch = scale + BATCH * m->runs + PAD;
    ones_where_none(m, scale);
    for (int64_t row = first; row < last; row++) {
        const int64_t at = (row - first) % BATCH, left = last - row < BATCH ? last - row : BATCH;
        if (at == 0 && m->scale.codes.kind)
            decode_numbers(m, &m->scale, row, left, scale, scratch);
        const uint8_t *data = as_bytes(m, row_of(m, row), in->row);
        for (int64_t t = 0; t < in->n; t++) {
            const int8_t *digits = in->digits + t * m->columns;
            const int32_t *before = in->before + t * m->columns / 4;
            const float *scales = scale + at * m->runs;
            float *to = y + t * stride + row;
#define ROW(PARTS, LENGTH) *to = in->scales[t] * whole_row(m, data, digits, before, scales, shape.blocks, PARTS, LENGTH)
            WITH_SHAPE(ROW)
#undef ROW
        }
    }
}

/* A row of codes as floats, in the order of the activations. */
static void row_to_floats(const Matrix *m, const uint8_t *data, float *out) {
    const int is_signed = m->codes.kind == SIGNED;
    switch (parts_of(m) * 2 + is_signed) {
    case 2: to_floats(data, m->columns, out, 1, 0); break;
    case 3: to_floats(data, m->columns, out, 1, 1); break;
    case 4: to_floats(data, m->columns, out, 2, 0); break;
    case 5: to_floats(data, m->columns, out, 2, 1); break;
    case 8: to_floats(data, m->columns, out, 4, 0); break;
    default: to_floats(data, m->columns, out, 4, 1); break;
    }
}

void bytes_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const int64_t room = BATCH * m->runs + PAD;
    float *scale = in->numbers, *zero = scale + room, *offset = zero + room, *scratch = offset + room;
    const Shape shape = shape_of(m);
    ones_where_none(m, scale);
    for (int64_t i = 0; !m->zero.codes.kind && i < BATCH * m->runs; i++)
        zero[i] = 0.0f;
    for (int64_t row = first; row < last; row++) {
        const int64_t at = (row - first) % BATCH, left = last - row < BATCH ? last - row : BATCH;
        if (at == 0 && m->scale.codes.kind)
            decode_numbers(m, &m->scale, row, left, scale, scratch);
        if (at == 0 && m->zero.codes.kind)
            decode_numbers(m, &m->zero, row, left, zero, scratch);
        if (at == 0 && m->offset.codes.kind)
            decode_numbers(m, &m->offset, row, left, offset, scratch);
        float *codes = in->row;
        row_to_floats(m, as_bytes(m, row_of(m, row), (uint8_t *)(codes + m->columns)), codes);
        for (int64_t t = 0; t < in->n; t++) {
            const float *x = in->arranged + t * m->columns, *scales = scale + at * m->runs, *zeros = zero + at * m->runs;
            float *to = y + t * stride + row;
#define ROW(PARTS, LENGTH) *to = float_row(m, codes, x, scales, zeros, shape.blocks, PARTS, LENGTH)
            WITH_SHAPE(ROW)
#undef ROW
            if (m->offset.codes.kind)
                *to += sum_of_products(offset + at * m->runs, in->sums + t * m->runs, m->runs);
        }
    }
}
