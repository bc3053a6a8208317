/* 8-bit weights times 8-bit activations (W8A8) for many tokens: what one rounds, sums in whole numbers and scales.

   The processor multiplies unsigned by signed bytes, four products to a sum: activations are stored 128 too large, and
   128 times the sum of a row of weights is taken off again. The weights of COLUMNS rows are put in the order in which
   they are read (four inputs of sixteen rows together) once a call, in a core's cache, while they serve all tokens. */

#include "int8.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "lanes.h"
#include "team.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)
#include <immintrin.h>
#define BYTES 1
#else
#define BYTES 0
#endif

#define QUAD 4
#define WIDE 4 /* vectors of sums side by side */
#define COLUMNS (WIDE * LANES)
#define TOKENS 6 /* rows of sums: 6 x 4 registers */
#define OFFSET 128
#define HUGE_PAGE (2u << 20)

int has_int8(void) {
    return BYTES;
}

#if BYTES
typedef struct {
    const Int8 *a;
    uint8_t *codes;  /* [tokens][inputs]: activations, 128 too large */
    float *scales;   /* [tokens] */
    int8_t *panels;  /* [threads][inputs / 4][COLUMNS][4] */
    int32_t *excess; /* [threads][COLUMNS] */
} Job;

/* One token to bytes: scale = largest magnitude / 127 (1 where that is subnormal), codes to nearest, ties to even. */
static void round_token(const Job *job, int64_t token) {
    const int64_t n = job->a->inputs;
    const float *x = job->a->x + token * n;
    uint8_t *codes = job->codes + token * n;
    Vector largest = all(0.0f), total = all(0.0f); /* the total is there for what is not finite: it stays so */
    for (int64_t i = 0; i < n; i += LANES) {
        const Vector m = magnitude(*(const Vector *)(x + i));
        largest = larger(m, largest);
        total += m;
    }
    float most = 0.0f, nothing = 0.0f;
    for (int i = 0; i < LANES; i++) {
        most = largest[i] > most ? largest[i] : most;
        nothing += (total[i] > most ? most : total[i]) * 0.0f;
    }
    const float part = most / 127.0f, scale = (part < FLT_MIN ? 1.0f : part) + nothing;
    job->scales[token] = scale;
    for (int64_t i = 0; i < n; i += LANES) {
        Vector rounded = *(const Vector *)(x + i) / all(scale) + all(ROUNDER);
        __m512i whole = (__m512i)((Whole)rounded - (Whole)all(ROUNDER - OFFSET));
        _mm_storeu_si128((__m128i *)(codes + i), _mm512_cvtepi32_epi8(whole));
    }
}

/* COLUMNS rows of the weights, from `first` on, in the order in which they are read; those that are not there are 0. */
static void make_panel(const Job *job, int64_t first, int8_t *panel, int32_t *excess) {
    const int64_t n = job->a->inputs, present = job->a->outputs - first;
    if (present < COLUMNS)
        memset(panel, 0, (size_t)(n * COLUMNS));
    for (int64_t c = 0; c < COLUMNS; c++) {
        excess[c] = 0;
        if (c >= present)
            continue;
        const int8_t *row = job->a->weights + (first + c) * n;
        int32_t sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += row[i];
        excess[c] = OFFSET * sum;
        for (int64_t i = 0; i < n; i += QUAD)
            memcpy(panel + (i * COLUMNS) + c * QUAD, row + i, QUAD);
    }
}

/* sums[rows][COLUMNS]: the products of whole numbers, of codes [rows][inputs] and a panel. */
INLINE void sums_of(const int rows, int64_t inputs, const uint8_t *codes, const int8_t *panel,
                    int32_t sums[TOKENS][COLUMNS]) {
    __m512i sum[TOKENS][WIDE];
    for (int r = 0; r < rows; r++)
        for (int w = 0; w < WIDE; w++)
            sum[r][w] = _mm512_setzero_si512();
    for (int64_t i = 0; i < inputs; i += QUAD, panel += COLUMNS * QUAD) {
        __m512i weights[WIDE];
        for (int w = 0; w < WIDE; w++)
            weights[w] = _mm512_loadu_si512(panel + w * LANES * QUAD);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, codes + r * inputs + i, sizeof four);
            for (int w = 0; w < WIDE; w++)
                sum[r][w] = _mm512_dpbusd_epi32(sum[r][w], _mm512_set1_epi32(four), weights[w]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int w = 0; w < WIDE; w++)
            _mm512_storeu_si512(sums[r] + w * LANES, sum[r][w]);
}

/* Sums to numbers: the excess off, scaled, biased, through gelu. */
static void finish(const Int8 *a, int rows, const float *scales, int64_t token, int64_t first, const int32_t *excess,
                   int32_t sums[TOKENS][COLUMNS]) {
    for (int64_t column = first; column < first + COLUMNS && column < a->outputs; column += LANES) {
        const int64_t left = a->outputs - column, at = column - first;
        const __mmask16 there = left < LANES ? (__mmask16)((1u << left) - 1) : (__mmask16)~0;
        const __m512i off = _mm512_loadu_si512(excess + at);
        const Vector scale = (Vector)_mm512_maskz_loadu_ps(there, a->scales + column);
        const Vector bias = a->bias ? (Vector)_mm512_maskz_loadu_ps(there, a->bias + column) : all(0.0f);
        for (int r = 0; r < rows; r++) {
            Vector y = (Vector)_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(sums[r] + at), off));
            y = y * all(scales[token + r]) * scale + bias;
            y = a->gelu ? gelu(y) : y;
            _mm512_mask_storeu_ps(a->out + (token + r) * a->outputs + column, there, (__m512)y);
        }
    }
}

static void work(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    const Job *job = shared;
    const int64_t tokens = job->a->tokens;
    (void)fresh;
    if (stage == 0) {
        round_token(job, chunk);
        return;
    }
    int8_t *panel = job->panels + thread * job->a->inputs * COLUMNS;
    int32_t *excess = job->excess + thread * COLUMNS;
    make_panel(job, chunk * COLUMNS, panel, excess);
    int32_t sums[TOKENS][COLUMNS];
    const int64_t inputs = job->a->inputs;
    for (int64_t token = 0; token < tokens;) {
        const int rows = tokens - token < TOKENS ? 1 : TOKENS;
        const uint8_t *codes = job->codes + token * inputs;
        if (rows == TOKENS)
            sums_of(TOKENS, inputs, codes, panel, sums);
        else
            sums_of(1, inputs, codes, panel, sums);
        finish(job->a, rows, job->scales, token, chunk * COLUMNS, excess, sums);
        token += rows;
    }
}

/* Fresh memory comes a page at a time, which for the logits of a window takes as long as computing them. */
static void in_huge_pages(float *out, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t first = ((uintptr_t)out + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t last = ((uintptr_t)out + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (first < last)
        madvise((void *)first, last - first, MADV_HUGEPAGE); /* a wish: not heard, nothing is lost */
#else
    (void)out, (void)bytes;
#endif
}

int int8_product(const Int8 *a, int threads) {
    if (a->inputs % LANES)
        return 2;
    in_huge_pages(a->out, (size_t)(a->tokens * a->outputs) * sizeof(float));
    Job job = {
        a, aligned_alloc(64, (size_t)(a->tokens * a->inputs + 63) / 64 * 64), malloc((size_t)a->tokens * sizeof(float)),
        aligned_alloc(64, (size_t)(threads * a->inputs) * COLUMNS),
        aligned_alloc(64, (size_t)threads * COLUMNS * sizeof(int32_t)),
    };
    const int64_t chunks[] = {a->tokens, (a->outputs + COLUMNS - 1) / COLUMNS};
    const int failed = !job.codes || !job.scales || !job.panels || !job.excess || in_shared_stages(threads, 2, chunks, work, &job);
    free(job.codes);
    free(job.scales);
    free(job.panels);
    free(job.excess);
    return failed;
}
#else
int int8_product(const Int8 *a, int threads) {
    (void)a, (void)threads;
    return 2;
}
#endif
