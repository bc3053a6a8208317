/* Packed whole numbers times activations rounded to 8 bits (W4A8, W8A8), a few tokens: sums of whole numbers, exact,
   one product with the scales a run. The definition is the product with the rounded activations (reference.py).

   The processor multiplies unsigned by signed bytes: codes are taken as counted from their lowest value, and that
   value times the sum of the activations is put in beforehand. */

#include "whole.h"

#include <float.h>

#include "vector.h"

#if defined(VECTOR) && defined(__AVX512VNNI__)
#define WHOLE 1
#else
#define WHOLE 0
#endif

#define RUN 64 /* codes to a step */
#define AHEAD 4096
#define PAD 16

/* Magnitudes are compared as integers, which order alike: compilers make vectors of that, and NaN is the largest. */
float eight_bit_scale(const float *x, int64_t n) {
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    const float scale = from_bits((uint32_t)most) / 127.0f;
    return scale < FLT_MIN ? 1.0f : scale;
}

int has_whole(const Matrix *m) {
    return WHOLE && !m->portable && m->codes.kind == SIGNED && m->codes.bits >= 2 && m->codes.bits <= 8 &&
           !m->zero.codes.kind && !m->offset.codes.kind && m->columns % m->runs == 0 && m->columns / m->runs % RUN == 0;
}

int64_t whole_floats(const Matrix *m, int64_t n) {
    return (n * m->columns / 2 + n + 2 * (BATCH * m->runs + PAD) + 31) / 16 * 16;
}

/* A row as digits from -127 to 127 and their scale. */
static void round_row(const float *x, int64_t columns, int8_t *digits, float *scale) {
    const float part = eight_bit_scale(x, columns);
    for (int64_t i = 0; i < columns; i++) {
        const float moved = x[i] / part + 12582912.0f;
        int32_t whole;
        memcpy(&whole, &moved, sizeof whole);
        digits[i] = (int8_t)whole; /* the low byte of 3 * 2^22 + digit */
    }
    *scale = part;
}

void whole_in(Whole8 *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh) {
    const int64_t columns = m->columns;
    *in = (Whole8){n, (int8_t *)memory, (int32_t *)((int8_t *)memory + n * columns), NULL, NULL};
    in->scales = (float *)(in->before + n * columns / 4);
    in->numbers = in->scales + n;
    for (int64_t t = 0; fresh && t < n; t++) {
        round_row(x + t * columns, columns, in->digits + t * columns, in->scales + t);
        const int32_t lowest = -(1 << (m->codes.bits - 1));
        for (int64_t i = 0; i < columns / 4; i++) {
            const int8_t *d = in->digits + t * columns + i * 4;
            in->before[t * columns / 4 + i] = lowest * (d[0] + d[1] + d[2] + d[3]);
        }
    }
}

#if WHOLE
INLINE float row_of(const Matrix *m, const uint8_t *data, const int8_t *digits, const int32_t *before,
                    const float *scale, const int bits) {
    const Unpack unpack = unpack_of(bits);
    const __m512i mask = _mm512_set1_epi8((char)((1 << bits) - 1)), half = _mm512_set1_epi8((char)(1 << (bits - 1)));
    const int64_t steps = m->columns / m->runs / RUN;
    __m512 total = _mm512_setzero_ps();
    for (int64_t run = 0; run < m->runs; run++) {
        __m512i sum = _mm512_setzero_si512();
        for (int64_t i = 0; i < steps; i++, data += RUN * bits / 8, digits += RUN, before += RUN / 4) {
            __builtin_prefetch(data + AHEAD);
            /* (code & mask) ^ half: two's complement counted from the lowest value */
            __m512i codes = _mm512_ternarylogic_epi32(unpacked(&unpack, data, bits), mask, half, 0x6a);
            sum = _mm512_add_epi32(sum, _mm512_loadu_si512(before));
            sum = _mm512_dpbusd_epi32(sum, codes, _mm512_loadu_si512(digits));
        }
        total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale[run]), total);
    }
    return _mm512_reduce_add_ps(total);
}

INLINE void rows_of(const Matrix *m, const Whole8 *in, int64_t first, int64_t rows, const float *scale, float *y,
                    int64_t stride, const int bits) {
    for (int64_t j = 0; j < rows; j++) {
        const uint8_t *data = m->codes.data + (first + j) * m->columns * bits / 8;
        for (int64_t t = 0; t < in->n; t++)
            y[t * stride + first + j] = in->scales[t] * row_of(m, data, in->digits + t * m->columns,
                                                               in->before + t * m->columns / 4, scale + j * m->runs, bits);
    }
}
#endif

void whole_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride) {
#if WHOLE
    float *scale = in->numbers, *scratch = scale + BATCH * m->runs + PAD;
    for (int64_t i = 0; !m->scale.codes.kind && i < BATCH * m->runs; i++)
        scale[i] = 1.0f;
    for (int64_t row = first; row < last; row += BATCH) {
        const int64_t rows = last - row < BATCH ? last - row : BATCH;
        if (m->scale.codes.kind)
            decode_numbers(m, &m->scale, row, rows, scale, scratch);
        switch (m->codes.bits) { /* known to the compiler */
#define CASE(B)                                              \
    case B:                                                  \
        rows_of(m, in, row, rows, scale, y, stride, B);      \
        break;
            CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
        }
    }
#else
    (void)m, (void)in, (void)first, (void)last, (void)y, (void)stride;
#endif
}
