/* What decode.c asks of whole.c: products with activations rounded to 8 bits. */

#ifndef WHOLE_H
#define WHOLE_H

#include "packed.h"

typedef struct {
    int64_t n;
    int8_t *digits;  /* [n, columns], of each 64 packed bytes first the first codes' of all bytes, then the second ones' */
    int32_t *before; /* [n, columns / 4]: what sums begin with */
    uint8_t *row;    /* [columns] for a row of codes */
    float *scales;   /* [n] */
    float *numbers;  /* [2, BATCH * runs + PAD] */
} Whole8;

/* What a row is divided by to be rounded to 8 bits: largest magnitude / 127, 1 where that is subnormal. */
float eight_bit_scale(const float *x, int64_t n);

/* Whether this processor and this file have a kernel for `m`. */
int has_whole(const Matrix *m);

/* Floats that `whole_in` takes; it fills them where `fresh`, and points into them always. */
int64_t whole_floats(const Matrix *m, int64_t n);
void whole_in(Whole8 *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh);

/* Rows first .. last of y [n, stride], without bias. */
void whole_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride);

#endif
