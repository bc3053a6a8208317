/* Sixteen floats at once in the compiler's own vectors, whatever the processor's width. */

#ifndef LANES_H
#define LANES_H

#include <stdint.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Whole __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define ROUNDER 12582912.0f /* 3 * 2^22: added, it leaves a whole number in the low bits, ties to even */

INLINE Vector all(float x) {
    return x - (Vector){0};
}

INLINE Vector chosen(Whole where, Vector yes, Vector no) {
    return (Vector)((where & (Whole)yes) | (~where & (Whole)no));
}

INLINE Vector larger(Vector a, Vector b) {
    return chosen(a > b, a, b);
}

INLINE Vector magnitude(Vector x) {
    return (Vector)((Whole)x & 0x7fffffff);
}

/* e^x for x <= 0, within 2e-7 of it: 2^n times a polynomial of what is left, |r| <= ln 2 / 2 (Taylor to the 7th). */
INLINE Vector exponential(Vector x) {
    x = larger(x, all(-87.0f));
    Vector shifted = x * all(1.44269504f) + all(ROUNDER);
    Vector n = shifted - all(ROUNDER);
    Vector r = x - n * all(0.693359375f) - n * all(-2.12194440e-4f);
    Vector p = all(1.0f / 5040);
    p = p * r + all(1.0f / 720);
    p = p * r + all(1.0f / 120);
    p = p * r + all(1.0f / 24);
    p = p * r + all(1.0f / 6);
    p = p * r + all(0.5f);
    p = p * r + all(1.0f);
    p = p * r + all(1.0f);
    return (Vector)((Whole)p + ((Whole)shifted << 23));
}

/* GELU's tanh form: x times the logistic function of 2 sqrt(2 / pi) (x + 0.044715 x^3). */
INLINE Vector gelu(Vector x) {
    Vector u = all(1.5957691216f) * (x + all(0.044715f) * x * x * x);
    Vector e = exponential(-magnitude(u)), share = all(1.0f) / (all(1.0f) + e);
    return x * chosen(u >= all(0.0f), share, e * share);
}

#endif
