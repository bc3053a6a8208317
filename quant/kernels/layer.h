/* What decode.c asks of layer.c. */

#ifndef LAYER_H
#define LAYER_H

#include <stdint.h>

typedef struct {
    const float *weight, *bias; /* [width] */
} Norm;

/* (x - mean) / sqrt(variance + epsilon) * weight + bias, each of n rows. */
void normalize(const Norm *norm, float epsilon, const float *x, float *out, int64_t n, int64_t width);

/* Each of n rows as whole numbers from -127 to 127 times its own scale, ties to even. */
void round_to_bytes(const float *x, float *out, int64_t n, int64_t width);

/* y = GELU(x), its tanh form; they may be the same. */
void gelu_of(const float *x, float *y, int64_t n);

/* out [size] = softmax(q keys^T / sqrt(size)) values over `count` positions; scores: room for them. */
void attend(const float *q, const float *keys, const float *values, int64_t count, int64_t size, float *scores,
            float *out);

#endif
