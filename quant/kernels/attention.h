/* What quant/kernels/attention.py passes: where queries, keys and values lie, in floats from one to the next. */

#ifndef ATTENTION_H
#define ATTENTION_H

#include <stdint.h>

typedef struct {
    const float *queries, *keys, *values;
    float *out; /* [queries_n, heads * width] by out_row */
    float *memory; /* `attention_floats`, of any content, for this call alone */
    int64_t heads, width, queries_n, past;
    int64_t query_row, query_head, key_row, key_head, value_row, value_head, out_row;
    float scale;
} Attention;

int64_t attention_floats(const Attention *a, int threads);

/* 0, 1 where memory is short, 2 where `width` is no multiple of 16 up to 256. */
int causal_attention(const Attention *a, int threads);

#endif
