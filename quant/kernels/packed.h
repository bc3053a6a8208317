/* A matrix as quant/kernels/matrix.py packs it:

   W [rows, columns] = (v[codes] - zero) * scale or v[codes] * scale + offset.

   A row is `runs` runs of equal length, a multiple of 8, that share a scale, a zero point and an offset; number i of
   each belongs to run i % runs of row i / runs, or there is a single one. Codes follow one another, the first in the
   lowest bits. Nothing here is written to: any number of threads may read the same matrix. */

#ifndef PACKED_H
#define PACKED_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define PAD 16 /* floats that may be read past the numbers of a row */

/* What a code means. The first four are tables: of anything, of whole numbers, of 256 bfloat16 numbers. */
enum { NONE, TABLE, SIGNED, UNSIGNED, NARROW, HALF, BFLOAT, SINGLE };

typedef struct {
    const uint8_t *data;
    const float *table; /* [2^bits], up to 8 bits */
    int32_t bits;
    int32_t kind;
} Codes;

/* Number i is code i, times number i / per of `inner` where there is one, plus `add` (-0 changes no number). */
typedef struct {
    Codes codes;
    Codes inner;
    int64_t per;
    float add;
    int32_t single; /* one for the whole matrix */
} Numbers;

typedef struct {
    int64_t rows, columns, runs;
    Codes codes;
    Numbers scale, zero, offset;
    int32_t portable; /* plain C even where there is something faster */
} Matrix;

/* Rows of an input, as the kernel of one matrix wants them. */
typedef struct {
    const float *x; /* [n, columns] */
    int64_t n;
    float *arranged; /* [n, columns], in the order in which packed codes come out; rows of zeros may follow */
    float *sums;     /* [n, runs] of the inputs of a run, where there are offsets */
    float *row;      /* [4, columns] for decoded rows */
    float *numbers;  /* [4, BATCH * runs + PAD] */
    float *y;        /* [n, BATCH], and the rows of zeros */
} Input;

#define BATCH 16 /* rows whose numbers are decoded together */

/* Whether blocks of codes, of which a vector's lane holds `in_lane`, and runs fit into each other. */
INLINE int fits_in(const Matrix *m, int64_t block, int64_t in_lane) {
    const int64_t run = m->columns / m->runs;
    return m->columns % block == 0 && (run % block == 0 || (block % run == 0 && run % in_lane == 0));
}

/* Whether codes can be taken out of 64 packed bytes by shifts alone. */
INLINE int is_as_packed(const Matrix *m) {
    const int bits = m->codes.bits;
    return (bits == 1 || bits == 2 || bits == 4) && fits_in(m, 512 / bits, 32 / bits);
}

/* How many codes of whole numbers come out of a byte by shifts: 1 where they are first widened to bytes. */
INLINE int parts_of(const Matrix *m) {
    return is_as_packed(m) && m->codes.bits > 1 ? 8 / m->codes.bits : 1;
}

/* matvec.c: what one product takes, and the product of some rows; work is handed out in chunks of rows. */
int64_t chunk_rows(const Matrix *m);
int64_t chunks_of(const Matrix *m);
int64_t input_floats(const Matrix *m, int64_t n);
void input_in(Input *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh);
void product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride);

/* rows.c */
void decode_codes(const Codes *c, int64_t first, int64_t count, float *out, int portable);
void decode_numbers(const Matrix *m, const Numbers *n, int64_t first, int64_t rows, float *out, float *scratch);
void decode_rows(const Matrix *m, int64_t first, int64_t last, float *out, float *numbers);

INLINE float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE float from_bfloat(uint16_t code) {
    return from_bits((uint32_t)code << 16);
}

/* By hand: _Float16 is missing from old compilers. */
INLINE float from_half(uint16_t code) {
    uint32_t sign = (uint32_t)(code & 0x8000u) << 16, magnitude = code & 0x7fffu;
    uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0;
    float small = (float)(int32_t)magnitude * 0x1p-24f;
    uint32_t small_bits;
    memcpy(&small_bits, &small, sizeof small_bits);
    uint32_t normal = (magnitude << 13) + (112u << 23);
    return from_bits(sign | (magnitude < 0x400u ? small_bits : normal | special));
}

/* Sixteen sums side by side, which compilers turn into vectors: one sum alone they may not reorder. */
INLINE float sum_of_products(const float *a, const float *b, int64_t n) {
    float part[16] = {0}, rest = 0.0f;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++)
            part[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        rest += a[i] * b[i];
    for (int width = 8; width; width /= 2)
        for (int j = 0; j < width; j++)
            part[j] += part[j + width];
    return part[0] + rest;
}

#endif
