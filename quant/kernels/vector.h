/* Codes to float32 values, sixteen at a time, where the processor has AVX-512 with VBMI. */

#ifndef VECTOR_H
#define VECTOR_H

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VBMI__)
#define VECTOR 1
#include <immintrin.h>

#include "packed.h"

/* Tables of up to 64 values sit in four registers; above that whole numbers are computed and others gathered. */
typedef struct {
    __m512 values[4];
    const float *table;
} Lookup;

INLINE Lookup lookup_of(const Codes *c) {
    Lookup l = {.table = c->table};
    if (c->bits <= 6)
        for (int i = 0; i < 64; i++) /* repeated, so that bits above the code need no mask */
            ((float *)l.values)[i] = c->table[i & ((1 << c->bits) - 1)];
    return l;
}

/* Values of 16 codes in 32-bit lanes. Up to 6 bits, what is above the code's bits in a lane is ignored. */
INLINE __m512 values_of(const Lookup *l, __m512i codes, const int bits, const int kind) {
    if (bits <= 4)
        return _mm512_permutexvar_ps(codes, l->values[0]);
    if (bits == 5)
        return _mm512_permutex2var_ps(l->values[0], codes, l->values[1]);
    if (bits == 6)
        return _mm512_mask_blend_ps(_mm512_test_epi32_mask(codes, _mm512_set1_epi32(32)),
                                    _mm512_permutex2var_ps(l->values[0], codes, l->values[1]),
                                    _mm512_permutex2var_ps(l->values[2], codes, l->values[3]));
    codes = _mm512_and_si512(codes, _mm512_set1_epi32((1 << bits) - 1));
    if (kind == TABLE)
        return _mm512_i32gather_ps(codes, l->table, sizeof(float));
    if (kind == SIGNED) {
        __m512i half = _mm512_set1_epi32(1 << (bits - 1));
        codes = _mm512_sub_epi32(_mm512_xor_si512(codes, half), half);
    }
    return _mm512_cvtepi32_ps(codes);
}

/* How 64 packed codes become 64 bytes: eight codes' bytes to each 64-bit lane, then a shift of its own for each. */
typedef struct {
    __m512i place, shift;
    __mmask64 present;
} Unpack;

INLINE Unpack unpack_of(int bits) {
    uint8_t place[64], shift[64];
    for (int i = 0; i < 64; i++) {
        place[i] = (uint8_t)(i / 8 * bits + i % 8);
        shift[i] = (uint8_t)(i % 8 * bits);
    }
    return (Unpack){_mm512_loadu_si512(place), _mm512_loadu_si512(shift), ~(__mmask64)0 >> (64 - 8 * bits)};
}

/* Above the code's bits there is what follows it. */
INLINE __m512i unpacked(const Unpack *u, const uint8_t *data, const int bits) {
    __m512i raw = _mm512_maskz_loadu_epi8(u->present, data);
    if (bits == 8)
        return raw;
    return _mm512_multishift_epi64_epi8(u->shift, _mm512_permutexvar_epi8(u->place, raw));
}

INLINE __m512i quarter(__m512i bytes, const int i) {
    __m128i part = i == 0   ? _mm512_castsi512_si128(bytes)
                   : i == 1 ? _mm512_extracti32x4_epi32(bytes, 1)
                   : i == 2 ? _mm512_extracti32x4_epi32(bytes, 2)
                            : _mm512_extracti32x4_epi32(bytes, 3);
    return _mm512_cvtepu8_epi32(part);
}

INLINE __m512 wide_of(const uint8_t *data, const int kind) {
    if (kind == SINGLE)
        return _mm512_loadu_ps(data);
    __m256i words = _mm256_loadu_si256((const __m256i *)data);
    return kind == HALF ? _mm512_cvtph_ps(words)
                        : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
}

#endif
#endif
