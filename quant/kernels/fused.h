/* What matvec.c asks of fused.c: products with codes that become values in registers, where there is AVX-512. */

#ifndef FUSED_H
#define FUSED_H

#include "packed.h"

#define TOGETHER 4 /* rows of x multiplied together */

/* Whether codes are multiplied as they come out of the bytes, rather than row by row into memory first. */
int has_kernel(const Matrix *m);

/* A row of x [columns] in the order in which the codes of `m`, of at most 8 bits, come out. */
void fused_arrange(const Matrix *m, const float *x, float *out);

/* Rows first .. last of y [n, stride]: codes of at most 8 bits; `wide`: of more, and one row of x. */
void fused_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride);
void wide_product(const Matrix *m, const float *x, int64_t first, int64_t last, float *y);

#endif
