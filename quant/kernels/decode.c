/* GPT-2, a few new tokens at a time: the whole forward pass in one call, on a team of threads.

   Every matrix is a stage whose chunks of rows the threads take in turn (team.c). Nothing is shared between calls. */

#include <math.h>
#include <stdlib.h>

#include "packed.h"
#include "team.h"
#include "whole.h"

#define STAGES 5 /* of a block */
#define WIDE 64  /* values of a head that are summed together */

typedef struct {
    const float *weight, *bias; /* [width] */
} Norm;

typedef struct {
    const Matrix *matrix;
    const float *bias; /* or NULL */
    int64_t rounded;   /* whether what comes in is rounded to 8 bits first (W8A8) */
} Linear;

typedef struct {
    Norm before_attention;
    Linear qkv, attended;
    Norm before_mlp;
    Linear up, down;
} Block;

typedef struct {
    int64_t layers, width, heads, vocabulary;
    float epsilon;
    const Matrix *tokens;   /* [vocabulary, width] */
    const float *positions; /* [positions, width] */
    const Block *blocks;
    Norm last;
    Linear head; /* [vocabulary, width] */
} Gpt2;

typedef struct {
    float *keys, *values; /* [layers, heads, room, head width] */
    int64_t room;
} Cache;

typedef struct {
    const Gpt2 *model;
    const Cache *cache;
    const int32_t *ids;
    int64_t n, position, all;
    float *hidden, *added, *qkv, *mixed, *inner, *logits;
    float *memory; /* a part for each thread */
    int64_t part, widest;
} Step;

typedef enum { STORE, ADD, GELU } After;

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

/* For a test of its own: in a whole model its error is lost in others. */
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

/* (x - mean) / sqrt(variance + epsilon) * weight + bias, each of n rows. */
static void normalize(const Norm *norm, float epsilon, const float *x, float *out, int64_t n, int64_t width) {
    for (; n--; x += width, out += width) {
        const float mean = sum_of(x, width) / (float)width;
        for (int64_t i = 0; i < width; i++)
            out[i] = x[i] - mean;
        const float scale = 1.0f / sqrtf(sum_of_products(out, out, width) / (float)width + epsilon);
        for (int64_t i = 0; i < width; i++)
            out[i] = out[i] * scale * norm->weight[i] + norm->bias[i];
    }
}

/* Each of n rows as whole numbers from -127 to 127 times its own scale, ties to even. */
static void round_to_bytes(const float *x, float *out, int64_t n, int64_t width) {
    for (; n--; x += width, out += width) {
        const float scale = eight_bit_scale(x, width);
        for (int64_t i = 0; i < width; i++)
            out[i] = (x[i] / scale + 12582912.0f - 12582912.0f) * scale;
    }
}

static void finish(float *y, const float *bias, float *to, int64_t count, After after) {
    for (int64_t i = 0; bias && i < count; i++)
        y[i] += bias[i];
    if (after == ADD)
        for (int64_t i = 0; i < count; i++)
            to[i] += y[i];
    if (after == GELU)
        for (int64_t i = 0; i < count; i++)
            y[i] = gelu(y[i]);
}

/* A chunk of y [n, rows] = x W^T + bias, stored, added to `to` or through gelu; with a norm, of x normalized. */
static void multiply(Step *s, int thread, int64_t chunk, int fresh, const Norm *norm, const Linear *linear,
                     const float *x, int64_t n, float *y, float *to, After after) {
    const Matrix *m = linear->matrix;
    float *own = s->memory + thread * s->part; /* [n, widest], then the input's */
    Input in;
    if (norm && fresh) /* each thread for itself: cheaper than waiting for another */
        normalize(norm, s->model->epsilon, x, own, n, m->columns);
    float *rest = own + s->n * s->widest;
    const int64_t first = chunk * chunk_rows(m), end = first + chunk_rows(m), last = end < m->rows ? end : m->rows;
    if (linear->rounded && has_whole(m)) {
        Whole8 whole;
        whole_in(&whole, m, rest, norm ? own : x, n, fresh);
        whole_product(m, &whole, first, last, y, m->rows);
    } else {
        if (linear->rounded && fresh)
            round_to_bytes(norm ? own : x, own, n, m->columns);
        input_in(&in, m, rest, norm || linear->rounded ? own : x, n, fresh);
        product(m, &in, first, last, y, m->rows);
    }
    for (int64_t i = 0; i < n; i++)
        finish(y + i * m->rows + first, linear->bias ? linear->bias + first : NULL,
               to ? to + i * m->rows + first : NULL, last - first, after);
}

/* out [size] = softmax(q keys^T / sqrt(size)) values over `count` positions; scores: room for them. */
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

/* New keys and values of a head into the cache, then each new token's attention. */
static void attention(Step *s, int thread, int64_t layer, int64_t head) {
    const Gpt2 *g = s->model;
    const int64_t size = g->width / g->heads, width = g->width;
    float *scores = s->memory + thread * s->part;
    const int64_t at = (layer * g->heads + head) * s->cache->room * size;
    float *keys = s->cache->keys + at, *values = s->cache->values + at;
    for (int64_t i = 0; i < s->n; i++) {
        const float *q = s->qkv + i * 3 * width + head * size;
        float *out = s->mixed + i * width + head * size;
        const int64_t t = s->position + i;
        memcpy(keys + t * size, q + width, sizeof(float) * (size_t)size);
        memcpy(values + t * size, q + 2 * width, sizeof(float) * (size_t)size);
        if (size == 64) /* a constant: sums stay in registers */
            attend_to(q, keys, values, t + 1, scores, out, 64);
        else
            attend_to(q, keys, values, t + 1, scores, out, size);
    }
}

static void embed(const Step *s, float *numbers) {
    const Gpt2 *g = s->model;
    for (int64_t i = 0; i < s->n; i++) {
        float *row = s->hidden + i * g->width;
        decode_rows(g->tokens, s->ids[i], s->ids[i] + 1, row, numbers);
        for (int64_t j = 0; j < g->width; j++)
            row[j] += g->positions[(s->position + i) * g->width + j];
    }
}

static void run(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    Step *s = shared;
    const Gpt2 *g = s->model;
    if (stage == 0) {
        embed(s, s->memory + thread * s->part);
        return;
    }
    const int64_t layer = (stage - 1) / STAGES, n = s->n, rows = s->all ? n : 1;
    if (layer == g->layers) {
        multiply(s, thread, chunk, fresh, &g->last, &g->head, s->hidden + (n - rows) * g->width, rows, s->logits, NULL,
                 STORE);
        return;
    }
    const Block *b = &g->blocks[layer];
    switch ((stage - 1) % STAGES) {
    case 0:
        multiply(s, thread, chunk, fresh, &b->before_attention, &b->qkv, s->hidden, n, s->qkv, NULL, STORE);
        break;
    case 1:
        attention(s, thread, layer, chunk);
        break;
    case 2:
        multiply(s, thread, chunk, fresh, NULL, &b->attended, s->mixed, n, s->added, s->hidden, ADD);
        break;
    case 3:
        multiply(s, thread, chunk, fresh, &b->before_mlp, &b->up, s->hidden, n, s->inner, NULL, GELU);
        break;
    default:
        multiply(s, thread, chunk, fresh, NULL, &b->down, s->inner, n, s->added, s->hidden, ADD);
    }
}

static void count_chunks(const Gpt2 *g, int64_t *chunks) {
    *chunks++ = 1;
    for (int64_t layer = 0; layer < g->layers; layer++) {
        const Block *b = &g->blocks[layer];
        *chunks++ = chunks_of(b->qkv.matrix);
        *chunks++ = g->heads;
        *chunks++ = chunks_of(b->attended.matrix);
        *chunks++ = chunks_of(b->up.matrix);
        *chunks++ = chunks_of(b->down.matrix);
    }
    *chunks = chunks_of(g->head.matrix);
}

static int64_t at_least(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t floats_for(const Matrix *m, int64_t n) {
    return at_least(input_floats(m, n), has_whole(m) ? whole_floats(m, n) : 0);
}

/* Floats of one thread: normalized rows and a matrix's input, or the scores of attention. */
static int64_t part_floats(const Gpt2 *g, int64_t n, int64_t room, int64_t widest) {
    int64_t most = at_least(floats_for(g->head.matrix, n), floats_for(g->tokens, n));
    for (int64_t layer = 0; layer < g->layers; layer++) {
        const Block *b = &g->blocks[layer];
        most = at_least(most, at_least(floats_for(b->qkv.matrix, n), floats_for(b->attended.matrix, n)));
        most = at_least(most, at_least(floats_for(b->up.matrix, n), floats_for(b->down.matrix, n)));
    }
    return (at_least(room, n * widest + most) + 15) / 16 * 16;
}

/* Tokens `ids` [n] at positions `position` .., whose keys and values go to the cache.

   logits: [n, vocabulary] with `all`, else [1, vocabulary] of the last. 0, or 1 where memory is short. */
int gpt2_step(const Gpt2 *g, const Cache *cache, const int32_t *ids, int64_t n, int64_t position, int32_t all,
              int threads, float *logits) {
    const int64_t up = g->layers ? g->blocks[0].up.matrix->rows : 0, widest = at_least(g->width, up);
    const int64_t part = part_floats(g, n, cache->room, widest);
    const int64_t rows = (n * (6 * g->width + up) + 15) / 16 * 16, stages = g->layers * STAGES + 2;
    float *memory = aligned_alloc(64, sizeof(float) * (size_t)(threads * part + rows));
    int64_t *chunks = malloc(sizeof(int64_t) * (size_t)stages);
    int failed = memory == NULL || chunks == NULL;
    if (!failed) {
        float *hidden = memory + threads * part, *added = hidden + n * g->width, *qkv = added + n * g->width;
        float *mixed = qkv + 3 * n * g->width, *inner = mixed + n * g->width;
        Step s = {g, cache, ids, n, position, all, hidden, added, qkv, mixed, inner, logits, memory, part, widest};
        count_chunks(g, chunks);
        failed = in_stages(threads, (int)stages, chunks, run, &s);
    }
    free(chunks);
    free(memory);
    return failed;
}
