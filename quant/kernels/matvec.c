/* y = x W^T from packed rows: sum over runs of scale * dot(v[codes] - zero, x) + offset * sum(x), in float32.

   One row of x: codes become values in registers and are used at once. Several: a row of W is decoded once, then
   multiplied by all of them. A row of y depends on no other, so that any split of the rows gives the same numbers. */

#include <stdlib.h>

#include "packed.h"
#include "team.h"
#include "vector.h"

#define MOST_X 4 /* rows of x multiplied together */

#ifdef VECTOR
#define AHEAD 1536 /* bytes to fetch ahead of use */

INLINE void ahead(const uint8_t *data) {
    _mm_prefetch((const char *)data + AHEAD, _MM_HINT_T0);
}

/* What one row's codes are multiplied by. */
typedef struct {
    const float *x, *scale, *zero;
    int64_t runs, run;
} Row;

/* 1, 2 and 4 bits: lane l of a register holds codes l * k .. of 16 k consecutive ones, k = 8 / bits to a byte. */
INLINE float aligned_row(const Row *r, const uint8_t *data, const Lookup *lookup, const int bits, const int zeros) {
    const int k = 8 / bits;
    const int64_t span = r->run < 16 * k ? 16 * k : r->run; /* of at least one run and one register */
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const int shared = r->run < 16 * k ? __builtin_ctzll((uint64_t)r->run) : 30; /* log2 of the weights of one scale */
    const __m512i run_of = _mm512_srlv_epi32(_mm512_mullo_epi32(lanes, _mm512_set1_epi32(k)), _mm512_set1_epi32(shared));
    const int64_t runs = span / r->run;
    const float *x = r->x, *scale = r->scale, *zero = r->zero;
    __m512 total = _mm512_setzero_ps();
    for (int64_t g = 0; g < r->runs; g += runs) {
        __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        __m512 z = zeros ? _mm512_permutexvar_ps(run_of, _mm512_loadu_ps(zero + g)) : _mm512_setzero_ps();
        for (int64_t j = 0; j < span; j += 16 * k, data += 16, x += 16 * k) {
            __m512i codes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)data));
            ahead(data);
            for (int i = 0; i < k; i++) {
                __m512 v = values_of(lookup, _mm512_srli_epi32(codes, (unsigned)(i * bits)), bits, TABLE);
                v = zeros ? _mm512_sub_ps(v, z) : v;
                sum[i & 1] = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + 16 * i), sum[i & 1]);
            }
        }
        __m512 s = _mm512_permutexvar_ps(run_of, _mm512_loadu_ps(scale + g));
        total = _mm512_fmadd_ps(_mm512_add_ps(sum[0], sum[1]), s, total);
    }
    return _mm512_reduce_add_ps(total);
}

/* Other bits, 64 codes at a time in their own order; runs of 16, 32 or a multiple of 64. */
INLINE float odd_row(const Row *r, const uint8_t *data, const Lookup *lookup, const Unpack *unpack, const int bits,
                     const int kind, const int zeros) {
    const int shared = r->run == 16 ? 0 : r->run == 32 ? 1 : 2; /* log2 of the registers that share a scale */
    const int64_t runs = 4 >> shared, blocks = r->run < 64 ? 1 : r->run / 64;
    const float *x = r->x, *scale = r->scale, *zero = r->zero;
    __m512 total[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t g = 0; g < r->runs; g += runs, scale += runs, zero += zeros ? runs : 0) {
        __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int64_t b = 0; b < blocks; b++, data += 8 * bits, x += 64) {
            __m512i codes = unpacked(unpack, data, bits);
            ahead(data);
            for (int i = 0; i < 4; i++) {
                __m512 v = values_of(lookup, quarter(codes, i), bits, kind);
                v = zeros ? _mm512_sub_ps(v, _mm512_set1_ps(zero[i >> shared])) : v;
                sum[i] = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + 16 * i), sum[i]);
            }
        }
        for (int i = 0; i < 4; i++)
            total[i & 1] = _mm512_fmadd_ps(sum[i], _mm512_set1_ps(scale[i >> shared]), total[i & 1]);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(total[0], total[1]));
}

INLINE __m512 byte_values(const uint8_t *data, const int kind, const Lookup *lookup) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)data);
    if (kind == SIGNED)
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
    return values_of(lookup, _mm512_cvtepu8_epi32(bytes), 8, kind);
}

/* A byte, two or four to a weight. */
INLINE float whole_row(const Row *r, const uint8_t *data, const Lookup *lookup, const int bits, const int kind,
                       const int zeros) {
    const int step = 2 * bits;
    const float *x = r->x;
    __m512 total = _mm512_setzero_ps();
    for (int64_t g = 0; g < r->runs; g++) {
        __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        __m512 z = _mm512_set1_ps(zeros ? r->zero[g] : 0.0f);
        for (int64_t j = 0; j < r->run;) {
            const int64_t end = j + 64 <= r->run ? 4 : 1;
            for (int i = 0; i < end; i++, j += 16, data += step, x += 16) {
                __m512 v = bits == 8 ? byte_values(data, kind, lookup) : wide_of(data, kind);
                v = zeros ? _mm512_sub_ps(v, z) : v;
                sum[i] = _mm512_fmadd_ps(v, _mm512_loadu_ps(x), sum[i]);
                if (bits > 8 || i == 0)
                    ahead(data);
            }
        }
        sum[0] = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
        total = _mm512_fmadd_ps(sum[0], _mm512_set1_ps(r->scale[g]), total);
    }
    return _mm512_reduce_add_ps(total);
}

/* Which function a matrix goes to: with constants, each becomes a loop of its own. */
INLINE void rows_with(const Matrix *m, const Row *row, int64_t first, int64_t rows, float *y, const int bits,
                      const int kind, const int zeros) {
    const Lookup lookup = lookup_of(&m->codes);
    const Unpack unpack = unpack_of(bits < 8 ? bits : 8);
    const int64_t stride = m->columns * bits / 8;
    const uint8_t *data = m->codes.data + first * stride;
    for (Row r = *row; rows--; data += stride, r.scale += m->runs, r.zero += zeros ? m->runs : 0)
        *y++ = bits == 1 || bits == 2 || bits == 4 ? aligned_row(&r, data, &lookup, bits, zeros)
               : bits < 8                          ? odd_row(&r, data, &lookup, &unpack, bits, kind, zeros)
                                                   : whole_row(&r, data, &lookup, bits, kind, zeros);
}

static void rows_times_x(const Matrix *m, const Row *r, int64_t first, int64_t rows, float *y) {
#define CASE(bits, kind)                                                                                               \
    case (bits) * 16 + (kind) * 2: rows_with(m, r, first, rows, y, bits, kind, 0); break;                              \
    case (bits) * 16 + (kind) * 2 + 1: rows_with(m, r, first, rows, y, bits, kind, 1); break;
#define PLAIN(bits, kind)                                                                                              \
    case (bits) * 16 + (kind) * 2: rows_with(m, r, first, rows, y, bits, kind, 0); break;
    const int bits = m->codes.bits, kind = bits < 7 ? TABLE : m->codes.kind;
    switch (bits * 16 + kind * 2 + (m->zero.codes.kind != NONE)) {
        PLAIN(1, TABLE) CASE(2, TABLE) CASE(3, TABLE) CASE(4, TABLE) CASE(5, TABLE) CASE(6, TABLE) PLAIN(7, TABLE)
        PLAIN(7, SIGNED) CASE(7, UNSIGNED) PLAIN(8, TABLE) PLAIN(8, SIGNED) CASE(8, UNSIGNED)
        PLAIN(16, HALF) PLAIN(16, BFLOAT) PLAIN(32, SINGLE)
    }
#undef CASE
#undef PLAIN
}

/* Whether whole registers fit in runs, or whole runs in registers. */
int has_kernel(const Matrix *m) {
    const int64_t run = m->columns / m->runs, bits = m->codes.bits;
    if (m->portable || run % 16 || (m->zero.codes.kind && (bits == 1 || m->codes.kind != UNSIGNED)))
        return 0;
    if (bits >= 8)
        return 1;
    const int64_t block = bits == 3 || bits > 4 ? 64 : 128 / bits;
    return m->columns % block == 0 && (run % block == 0 || block % run == 0);
}

INLINE void several(const float *w, const float *x, int64_t columns, float *y, int64_t stride, const int n) {
    __m512 sum[MOST_X];
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
    for (; !portable && done < in->n; done += MOST_X) {
        const float *x = in->x + done * columns;
        float *to = y + done * stride;
        switch (in->n - done) {
        case 1: several(w, x, columns, to, stride, 1); break;
        case 2: several(w, x, columns, to, stride, 2); break;
        case 3: several(w, x, columns, to, stride, 3); break;
        default: several(w, x, columns, to, stride, MOST_X); break;
        }
    }
#endif
    (void)portable;
    for (; done < in->n; done++)
        y[done * stride] = sum_of_products(w, in->x + done * columns, columns);
}

/* Floats of scratch that `input_in` wants, whole cache lines. */
int64_t input_floats(const Matrix *m, int64_t n) {
    return (2 * m->columns + n * m->runs + 3 * (BATCH * m->runs + PAD) + 15) / 16 * 16;
}

static void arrange(const Matrix *m, const float *x, float *out) {
    const int k = 8 / m->codes.bits;
    for (int64_t block = 0; block < m->columns; block += 16 * k)
        for (int i = 0; i < k; i++)
            for (int lane = 0; lane < 16; lane++)
                *out++ = x[block + lane * k + i];
}

/* Prepares x [n, columns] for `product`; memory: `input_floats`, as the last call left it unless `fresh`. */
void input_in(Input *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh) {
    const int64_t run = m->columns / m->runs;
    *in = (Input){x, n, x, memory, memory + m->columns, NULL, NULL};
    in->row = in->sums + n * m->runs;
    in->numbers = in->row + m->columns;
    if (n > 1 || !has_kernel(m))
        return;
    const int packed = m->codes.bits == 1 || m->codes.bits == 2 || m->codes.bits == 4;
    in->in_order = packed ? in->arranged : x;
    if (packed && fresh)
        arrange(m, x, in->arranged);
    if (m->offset.codes.kind && fresh)
        for (int64_t g = 0; g < m->runs; g++) {
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
static void fused_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y) {
    float *scale = in->numbers, *zero = scale + BATCH * m->runs + PAD, *offset = zero + BATCH * m->runs + PAD;
    const Row r = {in->in_order, scale, zero, m->runs, m->columns / m->runs};
    for (int64_t i = 0; !m->scale.codes.kind && i < BATCH * m->runs; i++)
        scale[i] = 1.0f;
    for (int64_t row = first; row < last; row += BATCH) {
        int64_t rows = last - row < BATCH ? last - row : BATCH;
        if (m->scale.codes.kind)
            decode_numbers(m, &m->scale, row, rows, scale);
        if (m->zero.codes.kind)
            decode_numbers(m, &m->zero, row, rows, zero);
        rows_times_x(m, &r, row, rows, y + row);
        if (!m->offset.codes.kind)
            continue;
        decode_numbers(m, &m->offset, row, rows, offset);
        for (int64_t i = 0; i < rows; i++)
            y[row + i] += sum_of_products(offset + i * m->runs, in->sums, m->runs);
    }
}
#endif

/* Rows first .. last of y [n, stride] = x W^T, without bias. */
void product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
#ifdef VECTOR
    if (in->n == 1 && has_kernel(m)) {
        fused_product(m, in, first, last, y);
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
