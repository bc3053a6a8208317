/* What quant/kernels/prefill.py passes to int8.c. */

#ifndef INT8_H
#define INT8_H

#include <stdint.h>

typedef struct {
    const float *x;        /* [tokens][inputs] */
    const int8_t *weights; /* [outputs][inputs] */
    const float *scales;   /* [outputs] */
    const float *bias;     /* [outputs] or NULL */
    float *out;            /* [tokens][outputs] */
    int64_t tokens, inputs, outputs;
    int32_t gelu;
} Int8;

/* Whether this processor has the instructions. */
int has_int8(void);

/* 0, 1 where memory is short, 2 where `inputs` is no multiple of 16 or the instructions are not there. */
int int8_product(const Int8 *a, int threads);

#endif
