/* Codes to float32 values, sixteen at a time, where the processor has AVX-512 with VBMI. */

#ifndef VECTOR_H
#define VECTOR_H

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VBMI__)
#define VECTOR 1
#include <immintrin.h>

#include "packed.h"

#define UPPER_HALF 2 /* byte of a float where its bfloat16 begins: x86 is little-endian */

/* Up to 64 values sit in four registers, 256 narrow ones in eight; whole numbers are computed, others gathered. */
typedef struct {
    __m512 values[4];
    __m512i narrow[8];
    const float *table;
} Lookup;

INLINE Lookup lookup_of(const Codes *c) {
    Lookup l = {.table = c->table};
    if (c->bits <= 6)
        for (int i = 0; i < 64; i++) /* repeated, so that bits above the code need no mask */
            ((float *)l.values)[i] = c->table[i & ((1 << c->bits) - 1)];
    if (c->kind == NARROW)
        for (int i = 0; i < 256; i++)
            memcpy((uint16_t *)l.narrow + i, (const char *)(c->table + i) + UPPER_HALF, sizeof(uint16_t));
    return l;
}

/* bfloat16 values of codes in 16-bit lanes: a register pair for each value of the upper two bits. */
INLINE __m512i narrow_of(const Lookup *l, __m512i codes) {
    const __mmask32 top = _mm512_movepi16_mask(_mm512_slli_epi16(codes, 8));
    const __mmask32 next = _mm512_movepi16_mask(_mm512_slli_epi16(codes, 9));
    __m512i found[4];
    for (int i = 0; i < 4; i++)
        found[i] = _mm512_permutex2var_epi16(l->narrow[2 * i], codes, l->narrow[2 * i + 1]);
    return _mm512_mask_blend_epi16(top, _mm512_mask_blend_epi16(next, found[0], found[1]),
                                   _mm512_mask_blend_epi16(next, found[2], found[3]));
}

/* Values of the 16 codes that begin at bit `at` of each 32-bit lane, whatever else is in the lanes. */
INLINE __m512 values_of(const Lookup *l, __m512i lanes, const int at, const int bits, const int kind) {
    if (kind == NARROW) { /* two codes at a time: bytes 0 and 2 of a lane, or 1 and 3 */
        __m512i even = _mm512_and_si512(lanes, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(lanes, 8);
        __m512i pair = narrow_of(l, at & 8 ? odd : even);
        return _mm512_castsi512_ps(at & 16 ? _mm512_and_si512(pair, _mm512_set1_epi32((int)0xffff0000))
                                           : _mm512_slli_epi32(pair, 16));
    }
    if (kind != TABLE) {
        __m512i top = _mm512_slli_epi32(lanes, (unsigned)(32 - at - bits));
        return _mm512_cvtepi32_ps(kind == SIGNED ? _mm512_srai_epi32(top, (unsigned)(32 - bits))
                                                 : _mm512_srli_epi32(top, (unsigned)(32 - bits)));
    }
    __m512i codes = at ? _mm512_srli_epi32(lanes, (unsigned)at) : lanes;
    if (bits <= 4) /* these instructions look at the lowest bits only */
        return _mm512_permutexvar_ps(codes, l->values[0]);
    if (bits == 5)
        return _mm512_permutex2var_ps(l->values[0], codes, l->values[1]);
    if (bits == 6)
        return _mm512_mask_blend_ps(_mm512_test_epi32_mask(codes, _mm512_set1_epi32(32)),
                                    _mm512_permutex2var_ps(l->values[0], codes, l->values[1]),
                                    _mm512_permutex2var_ps(l->values[2], codes, l->values[3]));
    return _mm512_i32gather_ps(_mm512_and_si512(codes, _mm512_set1_epi32((1 << bits) - 1)), l->table, sizeof(float));
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
