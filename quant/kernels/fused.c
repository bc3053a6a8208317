/* Products of packed codes that become values in registers and are used at once: AVX-512, see vector.h.

   One row of x, or TOGETHER of them. */

#include "fused.h"

#include "streams.h"

#include "vector.h"

#ifdef VECTOR
#define STREAMS 4  /* rows read side by side */
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

/* Floats, no codes, no scales: y [rows] of `rows` rows that lie `stride` bytes apart. The sums of a row are the same
   whatever rows go with it. */
INLINE void wide_times_x(const float *x, const uint8_t *data, int64_t stride, int64_t columns, float *y,
                         const int rows, const int kind) {
    const int bytes = kind == SINGLE ? 64 : 32;
    __m512 sum[STREAMS][4];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 4; i++)
            sum[r][i] = _mm512_setzero_ps();
    int64_t j = 0;
    for (; j + 64 <= columns; j += 64)
        for (int i = 0; i < 4; i++, data += bytes) {
            const __m512 part = _mm512_loadu_ps(x + j + 16 * i);
            for (int r = 0; r < rows; r++) {
                if (kind == SINGLE || i % 2)
                    _mm_prefetch((const char *)data + r * stride + AHEAD, _MM_HINT_T0);
                sum[r][i] = _mm512_fmadd_ps(wide_of(data + r * stride, kind), part, sum[r][i]);
            }
        }
    for (; j < columns; j += 16, data += bytes)
        for (int r = 0; r < rows; r++)
            sum[r][0] = _mm512_fmadd_ps(wide_of(data + r * stride, kind), _mm512_loadu_ps(x + j), sum[r][0]);
    for (int r = 0; r < rows; r++)
        y[r] = _mm512_reduce_add_ps(
            _mm512_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]), _mm512_add_ps(sum[r][2], sum[r][3])));
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

void fused_arrange(const Matrix *m, const float *x, float *out) {
    const int64_t in_lane = is_as_packed(m) ? 32 / m->codes.bits : 4;
    for (int64_t block = 0; block < m->columns; block += 16 * in_lane)
        for (int64_t i = 0; i < in_lane; i++)
            for (int64_t lane = 0; lane < 16; lane++)
                *out++ = x[block + lane * in_lane + i];
}

void fused_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
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

INLINE void wide_rows(const Matrix *m, const float *x, int64_t first, int64_t last, float *y, const int kind) {
    const int64_t stride = m->columns * m->codes.bits / 8, streams = many_streams() ? STREAMS : 1;
    const uint8_t *data = m->codes.data + first * stride;
    int64_t row = first;
    for (; streams == STREAMS && row + STREAMS <= last; row += STREAMS, data += STREAMS * stride)
        wide_times_x(x, data, stride, m->columns, y + row, STREAMS, kind);
    for (; row < last; row++, data += stride)
        wide_times_x(x, data, stride, m->columns, y + row, 1, kind);
}

void wide_product(const Matrix *m, const float *x, int64_t first, int64_t last, float *y) {
    if (m->codes.kind == SINGLE)
        wide_rows(m, x, first, last, y, SINGLE);
    else if (m->codes.kind == HALF)
        wide_rows(m, x, first, last, y, HALF);
    else
        wide_rows(m, x, first, last, y, BFLOAT);
}
#else
int has_kernel(const Matrix *m) {
    (void)m;
    return 0;
}

void fused_arrange(const Matrix *m, const float *x, float *out) {
    (void)m, (void)x, (void)out;
}

void fused_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    (void)m, (void)in, (void)first, (void)last, (void)y, (void)stride;
}

void wide_product(const Matrix *m, const float *x, int64_t first, int64_t last, float *y) {
    (void)m, (void)x, (void)first, (void)last, (void)y;
}
#endif
