/* Causal attention of many tokens at once, float32: softmax(q k^T / sqrt(d) + mask) v, a few queries at a time.

   The scores of QUERIES rows over all keys so far stay in a core's cache, so that softmax needs no second pass over
   memory, and what lies above the diagonal is never computed. Products and sums may be contracted. */

#include "attention.h"

#include <math.h>
#include <string.h>

#include "lanes.h"
#include "team.h"

#define QUERIES 6 /* rows of scores worked on together: 6 x 4 registers of sums, and a few for what is read */
#define WIDE 4    /* vectors side by side */
#define PANEL (WIDE * LANES) /* keys that lie together: rows of more would fall on the same lines of a cache */
#define AHEAD 8   /* steps to fetch ahead of use, into the nearest cache */
#define BLOCK 48  /* queries in a chunk of work */

/* out[rows][columns of WIDE vectors] = sum over `inner` of a[row][i] * b[i][column]; b in runs of `step` floats. */
INLINE void product(const int rows, const int wide, int64_t inner, const float *a, int64_t a_row, const float *b,
                    int64_t step, float *out, int64_t out_row) {
    Vector sum[QUERIES][WIDE];
    for (int r = 0; r < rows; r++)
        for (int w = 0; w < wide; w++)
            sum[r][w] = all(0.0f);
    for (int64_t i = 0; i < inner; i++, b += step) {
        Vector column[WIDE];
        for (int w = 0; w < wide; w++)
            __builtin_prefetch(b + AHEAD * step + w * LANES);
        for (int w = 0; w < wide; w++)
            column[w] = *(const Vector *)(b + w * LANES);
        for (int r = 0; r < rows; r++) {
            Vector x = all(a[r * a_row + i]);
            for (int w = 0; w < wide; w++)
                sum[r][w] += x * column[w];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int w = 0; w < wide; w++)
            *(Vector *)(out + r * out_row + w * LANES) = sum[r][w];
}

/* The same with the number of rows and vectors known to the compiler. */
static void products(int rows, int wide, int64_t inner, const float *a, int64_t a_row, const float *b, int64_t step,
                     float *out, int64_t out_row) {
#define CASE(R, W)                                                   \
    if (rows == R && wide == W) {                                    \
        product(R, W, inner, a, a_row, b, step, out, out_row);       \
        return;                                                      \
    }
    CASE(QUERIES, WIDE) CASE(QUERIES, 3) CASE(QUERIES, 2) CASE(QUERIES, 1)
#undef CASE
    for (int r = 0; r < rows; r++)
        for (int w = 0; w < wide; w++)
            product(1, 1, inner, a + r * a_row, a_row, b + w * LANES, step, out + r * out_row + w * LANES, out_row);
}

/* The first `n` scores to e^(score - largest), in place, and what follows up to a whole vector to 0; 1 / their sum. */
static float exponentials(float *scores, int64_t n) {
    const int64_t whole = (n + LANES - 1) / LANES * LANES;
    for (int64_t i = n; i < whole; i++)
        scores[i] = -INFINITY;
    Vector most = *(Vector *)scores;
    for (int64_t i = LANES; i < whole; i += LANES)
        most = larger(*(Vector *)(scores + i), most);
    float top = most[0];
    for (int i = 1; i < LANES; i++)
        top = most[i] > top ? most[i] : top;
    Vector total = all(0.0f);
    for (int64_t i = 0; i < whole; i += LANES) {
        Vector e = exponential(*(Vector *)(scores + i) - all(top));
        *(Vector *)(scores + i) = e;
        total += e;
    }
    for (int64_t i = n; i < whole; i++) {
        total[i % LANES] -= scores[i];
        scores[i] = 0.0f;
    }
    float sum = 0.0f;
    for (int i = 0; i < LANES; i++)
        sum += total[i];
    return 1.0f / sum;
}

typedef struct {
    const Attention *a;
    float *turned; /* [heads][panels][width][PANEL]: keys, so that neighbours in memory are neighbours in time */
    float *values; /* [heads][keys][width]: side by side; where they came from, each lies in a page of its own */
    float *scores; /* [threads][QUERIES][room] */
    int64_t keys, room, panels, blocks;
} Job;

static void gather(const Job *job, int64_t head) {
    const Attention *a = job->a;
    const float *keys = a->keys + head * a->key_head, *values = a->values + head * a->value_head;
    float *to = job->values + head * job->keys * a->width;
    for (int64_t i = 0; i < job->keys; i++)
        memcpy(to + i * a->width, values + i * a->value_row, (size_t)a->width * sizeof(float));
    for (int64_t first = 0; first < job->keys; first += LANES) { /* a few rows at a time, which stay in the cache */
        const int64_t n = job->keys - first < LANES ? job->keys - first : LANES;
        to = job->turned + (head * job->panels + first / PANEL) * a->width * PANEL + first % PANEL;
        for (int64_t d = 0; d < a->width; d++)
            for (int64_t i = 0; i < n; i++)
                to[d * PANEL + i] = keys[(first + i) * a->key_row + d];
    }
}

/* QUERIES or fewer queries from `first` on, of one head. */
static void attend(const Job *job, int64_t head, int64_t first, int rows, float *scores) {
    const Attention *a = job->a;
    const int64_t past = job->keys - a->queries_n, seen = past + first + rows, width = a->width;
    const float *turned = job->turned + head * job->panels * width * PANEL;
    const float *query = a->queries + head * a->query_head + first * a->query_row;
    float scaled[QUERIES * 256];
    for (int r = 0; r < rows; r++)
        for (int64_t d = 0; d < width; d++)
            scaled[r * width + d] = query[r * a->query_row + d] * a->scale;
    for (int64_t key = 0; key < seen; key += PANEL) {
        const int64_t left = (job->room - key) / LANES;
        products(rows, left < WIDE ? (int)left : WIDE, width, scaled, width, turned + key * width, PANEL, scores + key,
                 job->room);
    }
    float share[QUERIES];
    for (int r = 0; r < rows; r++) {
        share[r] = exponentials(scores + r * job->room, past + first + r + 1);
        for (int64_t key = past + first + r + 1; key < seen; key++)
            scores[r * job->room + key] = 0.0f;
    }
    const float *values = job->values + head * job->keys * width;
    float *out = a->out + first * a->out_row + head * width;
    for (int64_t d = 0; d < width; d += WIDE * LANES) {
        const int64_t left = (width - d) / LANES;
        products(rows, left < WIDE ? (int)left : WIDE, seen, scores, job->room, values + d, width, out + d,
                 a->out_row);
    }
    for (int r = 0; r < rows; r++)
        for (int64_t d = 0; d < width; d += LANES)
            *(Vector *)(out + r * a->out_row + d) *= all(share[r]);
}

static void attend_block(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    const Job *job = shared;
    (void)fresh;
    if (stage == 0) {
        gather(job, chunk);
        return;
    }
    const int64_t heads = job->a->heads, block = job->blocks - 1 - chunk / heads; /* the longest first */
    const int64_t first = block * BLOCK, most = job->a->queries_n;
    const int64_t last = first + BLOCK < most ? first + BLOCK : most;
    float *scores = job->scores + thread * QUERIES * job->room;
    for (int64_t q = first; q < last; q += QUERIES)
        attend(job, chunk % heads, q, last - q < QUERIES ? (int)(last - q) : QUERIES, scores);
}

static int64_t in_lanes(int64_t n) {
    return (n + LANES - 1) / LANES * LANES;
}

static int64_t panels_of(const Attention *a) {
    return (a->past + a->queries_n + PANEL - 1) / PANEL;
}

int64_t attention_floats(const Attention *a, int threads) {
    const int64_t keys = a->past + a->queries_n, all = a->heads * a->width;
    return all * panels_of(a) * PANEL + all * keys + threads * QUERIES * in_lanes(keys);
}

int causal_attention(const Attention *a, int threads) {
    const int64_t keys = a->past + a->queries_n, panels = panels_of(a), all = a->heads * a->width;
    if (a->width % LANES || a->width > 256)
        return 2;
    float *values = a->memory + all * panels * PANEL, *scores = values + all * keys;
    Job job = {a, a->memory, values, scores, keys, in_lanes(keys), panels, (a->queries_n + BLOCK - 1) / BLOCK};
    const int64_t chunks[] = {a->heads, a->heads * job.blocks};
    return in_shared_stages(threads, 2, chunks, attend_block, &job);
}
