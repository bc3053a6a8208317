/* Float weights straight to the blocks of Q4_0 and Q8_0, with the arithmetic of quant/methods/rtn.py.

   Plain loops of fixed length over one block, which compilers turn into vector instructions. Two things keep them from
   doing so and are written another way: a maximum of floats is one of their bit patterns as integers, which order alike;
   rounding half away from zero is truncation after adding the float just below one half. Compile without contraction:
   a fused multiply-add would round once where the definition rounds twice.

   Both return the bits of the largest magnitude that they met, 0x7f800000 or more for infinity and NaN: whether all of
   it could be encoded is known without a pass of its own. */

#include <stdint.h>
#include <string.h>

#define BLOCK 32
#define MAGNITUDE 0x7fffffffu
#define BELOW_HALF 0.49999997f

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t magnitude_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & MAGNITUDE;
}

static void store_half(uint8_t *out, float value) {
    _Float16 half = (_Float16)value;
    memcpy(out, &half, sizeof half);
}

/* The weight of largest magnitude with its sign; of two equal ones the first. */
static float signed_max(const uint32_t *bits) {
    uint32_t as_unsigned = 0;
    int32_t as_signed = INT32_MIN;
    for (int i = 0; i < BLOCK; i++) {
        as_unsigned = bits[i] > as_unsigned ? bits[i] : as_unsigned;
        as_signed = (int32_t)bits[i] > as_signed ? (int32_t)bits[i] : as_signed;
    }
    uint32_t negative = as_unsigned > MAGNITUDE ? as_unsigned & MAGNITUDE : 0;
    uint32_t positive = as_signed > 0 ? (uint32_t)as_signed : 0;
    if (negative != positive)
        return negative > positive ? from_bits(negative | ~MAGNITUDE) : from_bits(positive);
    for (int i = 0; i < BLOCK; i++)
        if ((bits[i] & MAGNITUDE) == positive)
            return from_bits(bits[i]);
    return 0.0f;
}

/* A scale whose reciprocal is not a finite number rounds everything to 0, as in the definition. */
static float reciprocal(float scale) {
    float inverse = 1.0f / scale;
    return magnitude_of(inverse) < 0x7f800000u ? inverse : 0.0f;
}

uint32_t encode_q4_0(const float *x, uint8_t *out, int64_t blocks) {
    uint32_t most = 0;
    for (int64_t b = 0; b < blocks; b++, x += BLOCK, out += 2 + BLOCK / 2) {
        uint32_t bits[BLOCK];
        int32_t codes[BLOCK];
        memcpy(bits, x, sizeof bits);
        float extreme = signed_max(bits);
        most = magnitude_of(extreme) > most ? magnitude_of(extreme) : most;
        float scale = extreme / -8.0f;
        float inverse = reciprocal(scale);
        for (int i = 0; i < BLOCK; i++) {
            int32_t code = (int32_t)(x[i] * inverse + 8.5f);
            codes[i] = code < 15 ? code : 15;
        }
        store_half(out, scale);
        for (int i = 0; i < BLOCK / 2; i++)
            out[2 + i] = (uint8_t)(codes[i] | codes[i + BLOCK / 2] << 4);
    }
    return most;
}

uint32_t encode_q8_0(const float *x, uint8_t *out, int64_t blocks) {
    uint32_t most = 0;
    for (int64_t b = 0; b < blocks; b++, x += BLOCK, out += 2 + BLOCK) {
        uint32_t bits[BLOCK], largest = 0;
        memcpy(bits, x, sizeof bits);
        for (int i = 0; i < BLOCK; i++) {
            uint32_t magnitude = bits[i] & MAGNITUDE;
            largest = magnitude > largest ? magnitude : largest;
        }
        most = largest > most ? largest : most;
        float scale = from_bits(largest) / 127.0f;
        float inverse = reciprocal(scale);
        store_half(out, scale);
        int8_t codes[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            float scaled = x[i] * inverse;
            codes[i] = (int8_t)(int32_t)(scaled + (scaled < 0.0f ? -BELOW_HALF : BELOW_HALF));
        }
        memcpy(out + 2, codes, sizeof codes);
    }
    return most;
}
