/* Rounding to a grid for a matrix that learns, and its gradients: quant/estimator.py has the equations. */

#ifndef LEARNER_H
#define LEARNER_H

#include <stdint.h>

typedef struct {
    const float *w;       /* [groups][size] */
    const float *scale;   /* [groups] */
    const float *zero;    /* [groups], or NULL for 0 */
    const void *gradient; /* [groups][size]: of the loss by what `fake_quantize` gave; unused there */
    void *out;            /* [groups][size]: the rounded matrix, or the gradient by w, float32 */
    float *of_scale;      /* [groups] */
    float *of_zero;       /* [groups], or NULL */
    int64_t groups, size;
    float low, high;
    int32_t two;    /* `low` and `high` are the only values */
    int32_t narrow; /* the rounded matrix, or `gradient`, is bfloat16 */
} Learner;

/* 0, or 1 where memory is short. */
int fake_quantize(const Learner *a, int threads);
int fake_quantize_gradients(const Learner *a, int threads);

#endif
