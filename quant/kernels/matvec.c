/* y = x W^T from packed rows: sum over runs of scale * dot(v[codes] - zero, x) + offset * sum(x), in float32.

   One row of x: codes become values in registers and are used at once. Several: a row of W is decoded once, then
   multiplied by all of them. A row of y depends on no other, so that any split of the rows gives the same numbers. */

#include <stdlib.h>

#include "packed.h"
#include "team.h"
#include "vector.h"

#define TOGETHER 4 /* rows of x multiplied together */
#define CHUNK_BYTES 16384

#ifdef VECTOR
#define AHEAD 4096 /* bytes to fetch ahead of use: past the page, where processors stop by themselves */

/* How codes come out of 64 bytes: lane l of a register of 32-bit lanes holds `in_lane` consecutive ones.

   1, 2 and 4 bits are packed that way to begin with, where rows are long enough; of others four bytes are made. */
typedef struct {
    int in_lane, shift, bytes; /* bits from one code to the next; bytes of a block of 16 lanes */
} Form;

INLINE Form form_of(const int bits, const int as_packed) {
    return as_packed ? (Form){32 / bits, bits, 64} : (Form){4, 8, 8 * bits};
}

/* One row of W, and the rows of x that it is multiplied by: 1, or TOGETHER. */
typedef struct {
    const float *x, *scale, *zero;
    int64_t runs, run, columns;
} Row;

/* y[i * stride] = sum over runs of scale * dot(v[codes] - zero, row i of x).

   A run is whole blocks, or a block whole runs. */
INLINE void row_times_x(const Row *r, const uint8_t *data, const Lookup *lookup, const Unpack *unpack, float *y,
                        int64_t stride, const int n, const int bits, const int kind, const int zeros,
                        const int as_packed) {
    const Form form = form_of(bits, as_packed);
    const int64_t block = 16 * form.in_lane, span = r->run < block ? block : r->run, runs = span / r->run;
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const int shared = r->run < block ? __builtin_ctzll((uint64_t)(r->run / form.in_lane)) : 4;
    const __m512i run_of = _mm512_srli_epi32(lanes, (unsigned)shared);
    const float *x = r->x;
    __m512 total[TOGETHER];
    for (int k = 0; k < n; k++)
        total[k] = _mm512_setzero_ps();
    for (int64_t g = 0; g < r->runs; g += runs) {
        __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        const __m512 zero = zeros ? _mm512_permutexvar_ps(run_of, _mm512_loadu_ps(r->zero + g)) : sum[0];
        for (int64_t j = 0; j < span; j += block, data += form.bytes, x += block) {
            const __m512i codes = as_packed ? _mm512_loadu_si512(data) : unpacked(unpack, data, bits);
            _mm_prefetch((const char *)data + AHEAD, _MM_HINT_T0);
            for (int i = 0; i < form.in_lane; i++) {
                __m512 v = values_of(lookup, codes, i * form.shift, bits, kind);
                v = zeros ? _mm512_sub_ps(v, zero) : v;
                if (n == 1) /* several sums all the same: a processor begins one before the last is done */
                    sum[i & 3] = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + 16 * i), sum[i & 3]);
                for (int k = 0; n > 1 && k < n; k++)
                    sum[k] = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + k * r->columns + 16 * i), sum[k]);
            }
        }
        const __m512 scale = _mm512_permutexvar_ps(run_of, _mm512_loadu_ps(r->scale + g));
        if (n == 1)
            sum[0] = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
        for (int k = 0; k < n; k++)
            total[k] = _mm512_fmadd_ps(sum[k], scale, total[k]);
    }
    for (int k = 0; k < n; k++)
        y[k * stride] = _mm512_reduce_add_ps(total[k]);
}

/* Floats: no codes, no scales. */
INLINE float wide_times_x(const float *x, const uint8_t *data, int64_t columns, const int kind) {
    const int bytes = kind == SINGLE ? 64 : 32;
    __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    int64_t j = 0;
    for (; j + 64 <= columns; j += 64)
        for (int i = 0; i < 4; i++, data += bytes) {
            if (kind == SINGLE || i % 2)
                _mm_prefetch((const char *)data + AHEAD, _MM_HINT_T0);
            sum[i] = _mm512_fmadd_ps(wide_of(data, kind), _mm512_loadu_ps(x + j + 16 * i), sum[i]);
        }
    for (; j < columns; j += 16, data += bytes)
        sum[0] = _mm512_fmadd_ps(wide_of(data, kind), _mm512_loadu_ps(x + j), sum[0]);
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

/* With constants for what comes last, each becomes a loop of its own. */
INLINE void rows_with(const Matrix *m, Row r, int64_t first, int64_t rows, float *y, int64_t stride, const int n,
                      const int bits, const int kind, const int zeros, const int as_packed) {
    const Lookup lookup = lookup_of(&m->codes);
    const Unpack unpack = unpack_of(bits);
    const int64_t bytes = m->columns * bits / 8;
    const uint8_t *data = m->codes.data + first * bytes;
    for (; rows--; data += bytes, r.scale += m->runs, r.zero += m->runs)
        row_times_x(&r, data, &lookup, &unpack, y++, stride, n, bits, kind, zeros, as_packed);
}

static void wide_rows(const Matrix *m, const float *x, int64_t first, int64_t rows, float *y) {
    const int64_t stride = m->columns * m->codes.bits / 8;
    const uint8_t *data = m->codes.data + first * stride;
    for (; rows--; data += stride)
        *y++ = m->codes.kind == SINGLE ? wide_times_x(x, data, m->columns, SINGLE)
               : m->codes.kind == HALF ? wide_times_x(x, data, m->columns, HALF)
                                       : wide_times_x(x, data, m->columns, BFLOAT);
}

static int fits_in(const Matrix *m, int64_t block, int64_t in_lane) {
    const int64_t run = m->columns / m->runs;
    return m->columns % block == 0 && (run % block == 0 || (block % run == 0 && run % in_lane == 0));
}

static int is_as_packed(const Matrix *m) {
    const int bits = m->codes.bits;
    return (bits == 1 || bits == 2 || bits == 4) && fits_in(m, 512 / bits, 32 / bits);
}

int has_kernel(const Matrix *m) {
    if (m->portable || (m->zero.codes.kind && (m->codes.bits == 1 || m->codes.kind != UNSIGNED)))
        return 0;
    return m->codes.bits > 8 ? m->columns % 16 == 0 && !m->scale.codes.kind : is_as_packed(m) || fits_in(m, 64, 4);
}

/* Values that whole numbers are computed for rather than looked up: from here on tables take several registers. */
#define COMPUTED 6

/* y [n, stride], n 1 or TOGETHER. */
static void rows_times_x(const Matrix *m, Row r, int64_t first, int64_t rows, float *y, int64_t stride, int64_t n) {
#define CASE(bits, kind, zeros, as_packed)                                                                             \
    case (bits) * 32 + (kind) * 4 + (zeros) * 2 + (as_packed):                                                         \
        if (n == 1)                                                                                                    \
            rows_with(m, r, first, rows, y, stride, 1, bits, kind, zeros, as_packed);                                  \
        else                                                                                                           \
            rows_with(m, r, first, rows, y, stride, TOGETHER, bits, kind, zeros, as_packed);                           \
        break;
    const int bits = m->codes.bits, kind = bits < COMPUTED ? TABLE : m->codes.kind;
    switch (bits * 32 + kind * 4 + (m->zero.codes.kind != NONE) * 2 + is_as_packed(m)) {
        CASE(1, TABLE, 0, 0) CASE(1, TABLE, 0, 1)
        CASE(2, TABLE, 0, 0) CASE(2, TABLE, 0, 1) CASE(2, TABLE, 1, 0) CASE(2, TABLE, 1, 1)
        CASE(3, TABLE, 0, 0) CASE(3, TABLE, 1, 0)
        CASE(4, TABLE, 0, 0) CASE(4, TABLE, 0, 1) CASE(4, TABLE, 1, 0) CASE(4, TABLE, 1, 1)
        CASE(5, TABLE, 0, 0) CASE(5, TABLE, 1, 0)
        CASE(6, TABLE, 0, 0) CASE(6, SIGNED, 0, 0) CASE(6, UNSIGNED, 0, 0) CASE(6, UNSIGNED, 1, 0)
        CASE(7, TABLE, 0, 0) CASE(7, SIGNED, 0, 0) CASE(7, UNSIGNED, 0, 0) CASE(7, UNSIGNED, 1, 0)
        CASE(8, TABLE, 0, 0) CASE(8, NARROW, 0, 0) CASE(8, SIGNED, 0, 0) CASE(8, UNSIGNED, 0, 0) CASE(8, UNSIGNED, 1, 0)
    }
#undef CASE
}

INLINE void several(const float *w, const float *x, int64_t columns, float *y, int64_t stride, const int n) {
    __m512 sum[TOGETHER];
    for (int i = 0; i < n; i++)
        sum[i] = _mm512_setzero_ps();
    int64_t j = 0;
    for (; j + 16 <= columns; j += 16)
        for (int i = 0; i < n; i++)
            sum[i] = _mm512_fmadd_ps(_mm512_loadu_ps(w + j), _mm512_loadu_ps(x + i * columns + j), sum[i]);
    const __mmask16 rest = (__mmask16)((1u << (columns - j)) - 1);
    for (int i = 0; i < n; i++) {
        sum[i] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest, w + j), _mm512_maskz_loadu_ps(rest, x + i * columns + j),
                                 sum[i]);
        y[i * stride] = _mm512_reduce_add_ps(sum[i]);
    }
}
#else
int has_kernel(const Matrix *m) {
    (void)m;
    return 0;
}
#endif

/* One row of W by n rows of x. */
static void row_times(const float *w, const Input *in, int64_t columns, float *y, int64_t stride, int portable) {
    int64_t done = 0;
#ifdef VECTOR
    for (; !portable && done < in->n; done += TOGETHER) {
        const float *x = in->x + done * columns;
        float *to = y + done * stride;
        switch (in->n - done) {
        case 1: several(w, x, columns, to, stride, 1); break;
        case 2: several(w, x, columns, to, stride, 2); break;
        case 3: several(w, x, columns, to, stride, 3); break;
        default: several(w, x, columns, to, stride, TOGETHER); break;
        }
    }
#endif
    (void)portable;
    for (; done < in->n; done++)
        y[done * stride] = sum_of_products(w, in->x + done * columns, columns);
}

/* Rows of x as they are multiplied: 1, or a multiple of TOGETHER that zeros fill. */
static int64_t filled(int64_t n) {
    return n == 1 ? 1 : (n + TOGETHER - 1) / TOGETHER * TOGETHER;
}

/* Floats of scratch that `input_in` wants, whole cache lines. */
int64_t input_floats(const Matrix *m, int64_t n) {
    return (filled(n) * (m->columns + BATCH) + m->columns + n * m->runs + 4 * (BATCH * m->runs + PAD) + 15) / 16 * 16;
}

#ifdef VECTOR
/* x in the order in which the codes of a block come out: first codes of all 16 lanes, then second ones ... */
static void arrange(int64_t columns, int64_t in_lane, const float *x, float *out) {
    for (int64_t block = 0; block < columns; block += 16 * in_lane)
        for (int64_t i = 0; i < in_lane; i++)
            for (int64_t lane = 0; lane < 16; lane++)
                *out++ = x[block + lane * in_lane + i];
}
#endif

/* Prepares x [n, columns] for `product`; memory: `input_floats`, as the last call left it unless `fresh`. */
void input_in(Input *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh) {
    const int64_t run = m->columns / m->runs;
    *in = (Input){x, n, memory, memory + filled(n) * m->columns, NULL, NULL, NULL};
    in->row = in->sums + n * m->runs;
    in->numbers = in->row + m->columns;
    in->y = in->numbers + 4 * (BATCH * m->runs + PAD);
    if (!has_kernel(m) || m->codes.bits > 8)
        return;
#ifdef VECTOR
    for (int64_t i = 0; fresh && i < n; i++)
        arrange(m->columns, is_as_packed(m) ? 32 / m->codes.bits : 4, x + i * m->columns, memory + i * m->columns);
    for (int64_t i = n * m->columns; fresh && i < filled(n) * m->columns; i++)
        memory[i] = 0.0f;
#endif
    if (m->offset.codes.kind && fresh)
        for (int64_t g = 0; g < n * m->runs; g++) {
            float part[8] = {0};
            for (int64_t j = 0; j < run; j += 8)
                for (int i = 0; i < 8; i++)
                    part[i] += x[g * run + j + i];
            in->sums[g] = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
        }
}

static void decoded_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const int plain = m->codes.kind == SINGLE && !m->scale.codes.kind;
    for (int64_t row = first; row < last; row++) {
        if (!plain)
            decode_rows(m, row, row + 1, in->row, in->numbers);
        const float *w = plain ? (const float *)m->codes.data + row * m->columns : in->row;
        row_times(w, in, m->columns, y + row, stride, m->portable);
    }
}

#ifdef VECTOR
static void fused_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const int64_t room = BATCH * m->runs + PAD;
    float *scale = in->numbers, *zero = scale + room, *offset = zero + room, *scratch = offset + room;
    Row r = {in->arranged, scale, zero, m->runs, m->columns / m->runs, m->columns};
    for (int64_t i = 0; !m->scale.codes.kind && i < BATCH * m->runs; i++)
        scale[i] = 1.0f;
    for (int64_t row = first; row < last; row += BATCH) {
        int64_t rows = last - row < BATCH ? last - row : BATCH;
        if (m->scale.codes.kind)
            decode_numbers(m, &m->scale, row, rows, scale, scratch);
        if (m->zero.codes.kind)
            decode_numbers(m, &m->zero, row, rows, zero, scratch);
        if (m->offset.codes.kind)
            decode_numbers(m, &m->offset, row, rows, offset, scratch);
        for (int64_t i = 0; i < in->n; i += TOGETHER) {
            r.x = in->arranged + i * m->columns;
            rows_times_x(m, r, row, rows, in->y + i * BATCH, BATCH, in->n == 1 ? 1 : TOGETHER);
        }
        for (int64_t i = 0; i < in->n; i++) {
            const float *sums = in->sums + i * m->runs, *from = in->y + i * BATCH;
            for (int64_t j = 0; j < rows; j++)
                y[i * stride + row + j] =
                    m->offset.codes.kind ? from[j] + sum_of_products(offset + j * m->runs, sums, m->runs) : from[j];
        }
    }
}
#endif

/* Rows first .. last of y [n, stride] = x W^T, without bias. */
void product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
#ifdef VECTOR
    if (has_kernel(m) && m->codes.bits <= 8) {
        fused_product(m, in, first, last, y, stride);
        return;
    }
    if (has_kernel(m) && in->n == 1) {
        wide_rows(m, in->x, first, last - first, y + first);
        return;
    }
#endif
    decoded_product(m, in, first, last, y, stride);
}

/* Rows that are taken together: some tens of kilobytes. */
int64_t chunk_rows(const Matrix *m) {
    const int64_t bytes = (m->columns * m->codes.bits + 7) / 8;
    return (CHUNK_BYTES / bytes + BATCH) / BATCH * BATCH;
}

int64_t chunks_of(const Matrix *m) {
    return (m->rows + chunk_rows(m) - 1) / chunk_rows(m);
}

typedef struct {
    const Matrix *matrix;
    const float *x, *bias;
    float *y, *memory;
    int64_t n, part;
} Product;

static void product_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    const Product *p = shared;
    const Matrix *m = p->matrix;
    const int64_t first = chunk * chunk_rows(m), end = first + chunk_rows(m), last = end < m->rows ? end : m->rows;
    Input in;
    (void)stage;
    input_in(&in, m, p->memory + thread * p->part, p->x, p->n, fresh);
    product(m, &in, first, last, p->y, m->rows);
    for (int64_t i = 0; p->bias && i < p->n; i++)
        for (int64_t row = first; row < last; row++)
            p->y[i * m->rows + row] += p->bias[row];
}

/* y [n, rows] = x [n, columns] W^T + bias; 0, or 1 where memory is short. */
int packed_matvec(const Matrix *m, const float *x, const float *bias, float *y, int64_t n, int threads) {
    const int64_t chunks = chunks_of(m), part = input_floats(m, n);
    float *memory = aligned_alloc(64, sizeof(float) * (size_t)(threads * part));
    Product p = {m, x, bias, y, memory, n, part};
    int failed = memory == NULL || in_stages(threads, 1, &chunks, product_chunk, &p);
    free(memory);
    return failed;
}
