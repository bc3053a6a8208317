/* GPT-2, a few new tokens at a time: the whole forward pass in one call, on a team of threads.

   Every matrix is a stage whose chunks of rows the threads take in turn (team.c). Nothing is shared between calls. */

#include <stdlib.h>

#include "layer.h"
#include "packed.h"
#include "team.h"
#include "whole.h"

#define STAGES 5 /* of a block */

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

static void finish(float *y, const float *bias, float *to, int64_t count, After after) {
    for (int64_t i = 0; bias && i < count; i++)
        y[i] += bias[i];
    if (after == ADD)
        for (int64_t i = 0; i < count; i++)
            to[i] += y[i];
    if (after == GELU)
        gelu_of(y, y, count);
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
        attend(q, keys, values, t + 1, size, scores, out);
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
