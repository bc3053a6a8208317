/* Packed whole numbers times activations rounded to 8 bits, where the processor multiplies bytes four at a time
   (AVX-512 VNNI). It takes unsigned by signed ones: codes are taken as counted from their lowest value, and that value
   times the sum of the activations is put in beforehand. */

#include "vnni.h"

#include "vector.h"

#define AHEAD 8192      /* bytes to fetch ahead of use */
#define BATCHES_AHEAD 4 /* the same for scales */
#define TOGETHER 4      /* rows of W that share what is loaded of the activations */

#if defined(VECTOR) && defined(__AVX512VNNI__)
/* How the codes of a block come out: `parts` registers of bytes, lane l of each with four of its 4 * parts codes. */
typedef struct {
    int parts;
    int64_t block, span, spans; /* codes; of what shares a sum: a run, or the runs of a block */
} Shape;

static Shape shape_of(const Matrix *m) {
    const int parts = parts_of(m);
    const int64_t block = 64 * parts, run = m->columns / m->runs, span = run < block ? block : run;
    return (Shape){parts, block, span, m->columns / span};
}

int has_vnni(const Matrix *m) {
    return !m->portable && m->codes.bits >= 2 && m->codes.bits <= 8 && (is_as_packed(m) || fits_in(m, 64, 4));
}

void vnni_begin(const Matrix *m, const int8_t *digits, int32_t *before) {
    const Shape shape = shape_of(m);
    for (int64_t s = 0; s < shape.spans; s++, before += 16) {
        __m512i sum = _mm512_setzero_si512();
        for (int64_t i = 0; i < shape.span; i += 64, digits += 64)
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), _mm512_loadu_si512(digits));
        _mm512_storeu_si512(before, _mm512_mullo_epi32(sum, _mm512_set1_epi32(-(1 << (m->codes.bits - 1)))));
    }
}

/* In the first four lanes. */
INLINE __m512 sums_of_four(const __m512 *x) {
    const __m512 a = _mm512_add_ps(_mm512_unpacklo_ps(x[0], x[1]), _mm512_unpackhi_ps(x[0], x[1]));
    const __m512 b = _mm512_add_ps(_mm512_unpacklo_ps(x[2], x[3]), _mm512_unpackhi_ps(x[2], x[3]));
    const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
    const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
    __m512 sum = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
    sum = _mm512_add_ps(sum, _mm512_shuffle_f32x4(sum, sum, 0x4e));
    return _mm512_add_ps(sum, _mm512_shuffle_f32x4(sum, sum, 0xb1));
}

typedef struct {
    const uint8_t *data;
    const int8_t *digits;
    const int32_t *before;
    const float *scale; /* [rows, runs] */
    float by;           /* the digits' own scale */
} Product;

/* y [rows]: sums of `rows` rows, 1 or TOGETHER, with one row of digits. */
INLINE void few_rows(const Matrix *m, const Shape *shape, Product p, float *y, const int rows, const int bits,
                     const int as_packed) {
    const Unpack unpack = unpack_of(bits);
    const __m512i mask = _mm512_set1_epi8((char)((1 << bits) - 1)), half = _mm512_set1_epi8((char)(1 << (bits - 1)));
    const int64_t stride = m->columns * bits / 8, run = m->columns / m->runs;
    const int parts = as_packed ? 8 / bits : 1, bytes = as_packed ? 64 : 8 * bits;
    const int shared = run < shape->block ? __builtin_ctzll((uint64_t)(run / (4 * parts))) : 4;
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i run_of = _mm512_srli_epi32(lanes, (unsigned)shared);
    const char *ahead = (const char *)p.data + AHEAD;
    __m512 total[TOGETHER];
    for (int r = 0; r < rows; r++)
        total[r] = _mm512_setzero_ps();
    for (int64_t s = 0; s < shape->spans; s++, p.before += 16, p.scale += shape->span / run) {
        __m512i sum[TOGETHER];
        for (int r = 0; r < rows; r++)
            sum[r] = _mm512_loadu_si512(p.before);
        for (int64_t i = 0; i < shape->span; i += 64 * parts, p.data += bytes, p.digits += 64 * parts)
            for (int r = 0; r < rows; r++, ahead += bytes) {
                const uint8_t *data = p.data + r * stride;
                _mm_prefetch(ahead, _MM_HINT_T0); /* in the order of memory: that of use is half as fast */
                const __m512i raw = as_packed ? _mm512_loadu_si512(data) : unpacked(&unpack, data, bits);
                for (int part = 0; part < parts; part++) {
                    const __m512i moved = part ? _mm512_srli_epi16(raw, (unsigned)(part * bits)) : raw;
                    /* (code & mask) ^ half: two's complement counted from the lowest value */
                    const __m512i codes = _mm512_ternarylogic_epi32(moved, mask, half, 0x6a);
                    sum[r] = _mm512_dpbusd_epi32(sum[r], codes, _mm512_loadu_si512(p.digits + 64 * part));
                }
            }
        for (int r = 0; r < rows; r++) {
            const __m512 scale = _mm512_permutexvar_ps(run_of, _mm512_loadu_ps(p.scale + r * m->runs));
            total[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r]), scale, total[r]);
        }
    }
    if (rows == TOGETHER)
        _mm_storeu_ps(y, _mm_mul_ps(_mm512_castps512_ps128(sums_of_four(total)), _mm_set1_ps(p.by)));
    else
        *y = p.by * _mm512_reduce_add_ps(total[0]);
}

INLINE void rows_of(const Matrix *m, const Shape *shape, const Whole8 *in, int64_t first, int64_t rows,
                    const float *scale, float *y, int64_t stride, const int bits, const int as_packed) {
    for (int64_t j = 0; j < rows;) {
        const int together = rows - j >= TOGETHER;
        for (int64_t t = 0; t < in->n; t++) {
            const Product p = {m->codes.data + (first + j) * m->columns * bits / 8, in->digits + t * m->columns,
                               in->before + t * m->columns / 4, scale + j * m->runs, in->scales[t]};
            if (together)
                few_rows(m, shape, p, y + t * stride + first + j, TOGETHER, bits, as_packed);
            else
                few_rows(m, shape, p, y + t * stride + first + j, 1, bits, as_packed);
        }
        j += together ? TOGETHER : 1;
    }
}

static void fetch_scales(const Matrix *m, int64_t row) {
    const int64_t bytes = m->runs * m->scale.codes.bits / 8;
    const char *data = (const char *)m->scale.codes.data + row * bytes;
    for (int64_t i = 0; !m->scale.single && i < BATCH * bytes; i += 64)
        _mm_prefetch(data + i, _MM_HINT_T0); /* past the end it does nothing */
}

void vnni_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const Shape shape = shape_of(m);
    float *scale = in->numbers, *scratch = scale + BATCH * m->runs + PAD;
    for (int64_t i = 0; !m->scale.codes.kind && i < BATCH * m->runs; i++)
        scale[i] = 1.0f;
    for (int64_t row = first; row < last; row += BATCH) {
        const int64_t rows = last - row < BATCH ? last - row : BATCH;
        if (m->scale.codes.kind) {
            fetch_scales(m, row + BATCHES_AHEAD * BATCH);
            decode_numbers(m, &m->scale, row, rows, scale, scratch);
        }
        switch (m->codes.bits * 2 + is_as_packed(m)) { /* known to the compiler */
#define CASE(B, AS_PACKED)                                                   \
    case (B) * 2 + (AS_PACKED):                                              \
        rows_of(m, &shape, in, row, rows, scale, y, stride, B, AS_PACKED);   \
        break;
            CASE(2, 0) CASE(2, 1) CASE(3, 0) CASE(4, 0) CASE(4, 1) CASE(5, 0) CASE(6, 0) CASE(7, 0) CASE(8, 0)
#undef CASE
        }
    }
}
#else
int has_vnni(const Matrix *m) {
    (void)m;
    return 0;
}

void vnni_begin(const Matrix *m, const int8_t *digits, int32_t *before) {
    (void)m, (void)digits, (void)before;
}

void vnni_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride) {
    (void)m, (void)in, (void)first, (void)last, (void)y, (void)stride;
}
#endif
