/* What whole.c asks of vnni.c. */

#ifndef VNNI_H
#define VNNI_H

#include "whole.h"

/* Whether this processor and this file have a kernel for the codes of `m`, signed whole numbers. */
int has_vnni(const Matrix *m);

/* What sums begin with, for a row of digits: the codes' lowest value times those of a lane; before: [columns / 4]. */
void vnni_begin(const Matrix *m, const int8_t *digits, int32_t *before);

/* Rows first .. last of y [n, stride], without bias. */
void vnni_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride);

#endif
