/* The parts of a GPT-2 layer that are not products with weights, one token or a few at a time. */

#include "layer.h"

#include <math.h>

#include "packed.h"
#include "whole.h"

#define WIDE 64 /* values of a head that are summed together */

/* e^x within 2 ulp: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]; x is held to where that is a normal number. */
INLINE float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: what is below the point is rounded off */
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    uint32_t power;
    memcpy(&power, &shifted, sizeof power);
    return p * from_bits((power << 23) + (127u << 23)); /* 12582912 leaves nothing above its low bits after the shift */
}

/* x (1 + tanh u) / 2 = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3). */
INLINE float gelu(float x) {
    float u = 0.7978845608f * (x + 0.044715f * x * x * x);
    return x / (1.0f + exponential(-2.0f * u));
}

void gelu_of(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        y[i] = gelu(x[i]);
}

static float sum_of(const float *x, int64_t n) {
    float part[16] = {0}, sum = 0.0f;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++)
            part[j] += x[i + j];
    for (; i < n; i++)
        sum += x[i];
    for (int j = 0; j < 16; j++)
        sum += part[j];
    return sum;
}

void normalize(const Norm *norm, float epsilon, const float *x, float *out, int64_t n, int64_t width) {
    for (; n--; x += width, out += width) {
        const float mean = sum_of(x, width) / (float)width;
        for (int64_t i = 0; i < width; i++)
            out[i] = x[i] - mean;
        const float scale = 1.0f / sqrtf(sum_of_products(out, out, width) / (float)width + epsilon);
        for (int64_t i = 0; i < width; i++)
            out[i] = out[i] * scale * norm->weight[i] + norm->bias[i];
    }
}

void round_to_bytes(const float *x, float *out, int64_t n, int64_t width) {
    for (; n--; x += width, out += width) {
        const float scale = eight_bit_scale(x, width);
        for (int64_t i = 0; i < width; i++)
            out[i] = (x[i] / scale + 12582912.0f - 12582912.0f) * scale;
    }
}

INLINE void attend_to(const float *q, const float *keys, const float *values, int64_t count, float *scores, float *out,
                      const int64_t size) {
    const float scale = 1.0f / sqrtf((float)size);
    float most = -INFINITY;
    for (int64_t t = 0; t < count; t++) {
        scores[t] = sum_of_products(q, keys + t * size, size) * scale;
        most = scores[t] > most ? scores[t] : most;
    }
    for (int64_t t = 0; t < count; t++)
        scores[t] = exponential(scores[t] - most);
    const float whole = 1.0f / sum_of(scores, count);
    int64_t j = 0;
    for (; j + WIDE <= size; j += WIDE) { /* sums of a constant number stay in registers */
        float sum[WIDE] = {0};
        for (int64_t t = 0; t < count; t++)
            for (int i = 0; i < WIDE; i++)
                sum[i] += scores[t] * values[t * size + j + i];
        for (int i = 0; i < WIDE; i++)
            out[j + i] = sum[i] * whole;
    }
    for (; j < size; j++) {
        float sum = 0.0f;
        for (int64_t t = 0; t < count; t++)
            sum += scores[t] * values[t * size + j];
        out[j] = sum * whole;
    }
}

void attend(const float *q, const float *keys, const float *values, int64_t count, int64_t size, float *scores,
            float *out) {
    if (size == 64) /* a constant: sums stay in registers */
        attend_to(q, keys, values, count, scores, out, 64);
    else
        attend_to(q, keys, values, count, scores, out, size);
}
