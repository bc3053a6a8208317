/* What matvec.c and whole.c ask of bytes.c: products with packed whole numbers for any processor. */

#ifndef BYTES_H
#define BYTES_H

#include "packed.h"
#include "whole.h"

/* Whether the codes are whole numbers in runs that these loops can take. */
int has_bytes(const Matrix *m);

/* A row of x [columns] in the order in which the codes come out. */
void bytes_arrange(const Matrix *m, const float *x, float *out);

/* What sums begin with, for a row of digits: the codes' lowest value times those of a run; before: [runs]. */
void bytes_begin(const Matrix *m, const int8_t *digits, int32_t *before);

/* Rows first .. last of y [n, stride]: activations in float32, or as whole numbers in the same order. */
void bytes_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride);
void bytes_whole_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride);

#endif
