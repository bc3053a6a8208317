/* Packed whole numbers times activations rounded to 8 bits (W4A8, W8A8), a few tokens: sums of whole numbers, exact,
   one product with the scales a run. The definition is the product with the rounded activations (reference.py).

   vnni.c has the loops for one kind of processor, bytes.c for all others. */

#include "whole.h"

#include <float.h>

#include "bytes.h"
#include "vnni.h"

/* Magnitudes are compared as integers, which order alike: compilers make vectors of that, and NaN is the largest. */
float eight_bit_scale(const float *x, int64_t n) {
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    const float scale = from_bits((uint32_t)most) / 127.0f;
    return scale < FLT_MIN ? 1.0f : scale;
}

int has_whole(const Matrix *m) {
    return m->codes.kind == SIGNED && !m->zero.codes.kind && !m->offset.codes.kind && (has_vnni(m) || has_bytes(m));
}

int64_t whole_floats(const Matrix *m, int64_t n) {
    return ((2 * n + 1) * m->columns / 4 + n + 2 * (BATCH * m->runs + PAD) + 31) / 16 * 16;
}

/* A row as digits from -127 to 127 and their scale. */
static void round_row(const float *x, int64_t columns, int8_t *digits, float *scale) {
    const float part = eight_bit_scale(x, columns);
    for (int64_t i = 0; i < columns; i++) {
        const float moved = x[i] / part + 12582912.0f;
        int32_t whole;
        memcpy(&whole, &moved, sizeof whole);
        digits[i] = (int8_t)whole; /* the low byte of 3 * 2^22 + digit */
    }
    *scale = part;
}

/* Digits of each block in the order of the codes' parts: every second one, then the others. */
INLINE void arrange(int8_t *digits, int64_t columns, const int parts) {
    for (int64_t block = 0; block < columns; block += 64 * parts, digits += 64 * parts) {
        int8_t own[256];
        memcpy(own, digits, (size_t)(64 * parts));
        for (int part = 0; part < parts; part++)
            for (int i = 0; i < 64; i++)
                digits[part * 64 + i] = own[i * parts + part];
    }
}

void whole_in(Whole8 *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh) {
    const int64_t columns = m->columns;
    const int parts = parts_of(m);
    *in = (Whole8){.n = n, .digits = (int8_t *)memory, .before = (int32_t *)((int8_t *)memory + n * columns)};
    in->row = (uint8_t *)(in->before + n * columns / 4);
    in->scales = (float *)(in->row + columns);
    in->numbers = in->scales + n;
    for (int64_t t = 0; fresh && t < n; t++) {
        int8_t *digits = in->digits + t * columns;
        round_row(x + t * columns, columns, digits, in->scales + t);
        if (parts == 2)
            arrange(digits, columns, 2);
        else if (parts == 4)
            arrange(digits, columns, 4);
        if (has_vnni(m))
            vnni_begin(m, digits, in->before + t * columns / 4);
        else
            bytes_begin(m, digits, in->before + t * columns / 4);
    }
}

void whole_product(const Matrix *m, const Whole8 *in, int64_t first, int64_t last, float *y, int64_t stride) {
    if (has_vnni(m))
        vnni_product(m, in, first, last, y, stride);
    else
        bytes_whole_product(m, in, first, last, y, stride);
}
