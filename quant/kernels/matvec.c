/* y = x W^T from packed rows: sum over runs of scale * dot(v[codes] - zero, x) + offset * sum(x), in float32.

   Where fused.c or bytes.c has a kernel, codes become values in registers; elsewhere a row of W is decoded once, then
   multiplied by all rows of x. A row of y depends on no other, so that any split of the rows gives the same numbers. */

#include <stdlib.h>

#include "bytes.h"
#include "fused.h"
#include "team.h"
#include "vector.h"

#define CHUNK_BYTES 32768
#define WIDE_CHUNK_BYTES 131072 /* of numbers that need no decoding */

#ifdef VECTOR
#define MOST 8 /* rows of x to a tile */
#define AHEAD 8192

/* y[i * stride + r]: rows of W by n rows of x, all sums in registers: rows * n is at most 16. */
INLINE void tile(const float *w, const float *x, int64_t columns, float *y, int64_t stride, const int rows,
                 const int n) {
    __m512 sum[16];
    for (int k = 0; k < rows * n; k++)
        sum[k] = _mm512_setzero_ps();
    const char *ahead = (const char *)w + AHEAD;
    int64_t j = 0;
    for (; j + 16 <= columns; j += 16) {
        __m512 v[4];
        for (int r = 0; r < rows; r++, ahead += 64) {
            _mm_prefetch(ahead, _MM_HINT_T0);
            v[r] = _mm512_loadu_ps(w + r * columns + j);
        }
        for (int i = 0; i < n; i++)
            for (int r = 0; r < rows; r++)
                sum[i * rows + r] = _mm512_fmadd_ps(v[r], _mm512_loadu_ps(x + i * columns + j), sum[i * rows + r]);
    }
    const __mmask16 rest = (__mmask16)((1u << (columns - j)) - 1);
    for (int i = 0; i < n; i++) {
        const __m512 last = _mm512_maskz_loadu_ps(rest, x + i * columns + j);
        for (int r = 0; r < rows; r++) {
            const __m512 v = _mm512_maskz_loadu_ps(rest, w + r * columns + j);
            y[i * stride + r] = _mm512_reduce_add_ps(_mm512_fmadd_ps(v, last, sum[i * rows + r]));
        }
    }
}

static void tile_of(const float *w, int64_t rows, const float *x, int64_t n, int64_t columns, float *y,
                    int64_t stride) {
    switch (n * 8 + rows) {
#define CASE(N, ROWS)                                       \
    case (N) * 8 + (ROWS):                                  \
        tile(w, x, columns, y, stride, ROWS, N);            \
        break;
        CASE(1, 1) CASE(1, 4) CASE(2, 1) CASE(2, 4) CASE(3, 1) CASE(3, 4) CASE(4, 1) CASE(4, 4)
        CASE(5, 1) CASE(5, 2) CASE(6, 1) CASE(6, 2) CASE(7, 1) CASE(7, 2) CASE(8, 1) CASE(8, 2)
#undef CASE
    }
}
#endif

/* Rows of W that are multiplied together. */
static int64_t tile_rows(int64_t n) {
    return n <= 4 ? 4 : 2;
}

/* `rows` rows of W, 1 or `tile_rows`, by all rows of x. */
static void rows_times(const float *w, int64_t rows, const Input *in, int64_t columns, float *y, int64_t stride,
                       int portable) {
    int64_t done = 0;
#ifdef VECTOR
    for (int64_t n; !portable && done < in->n; done += n) {
        n = in->n - done < MOST ? in->n - done : MOST;
        for (int64_t row = 0, each = rows < tile_rows(n) ? 1 : tile_rows(n); row < rows; row += each)
            tile_of(w + row * columns, each, in->x + done * columns, n, columns, y + done * stride + row, stride);
    }
#endif
    (void)portable;
    for (; done < in->n; done++)
        for (int64_t row = 0; row < rows; row++)
            y[done * stride + row] = sum_of_products(w + row * columns, in->x + done * columns, columns);
}

/* Rows of x as they are multiplied: 1, or a multiple of TOGETHER that zeros fill. */
static int64_t filled(int64_t n) {
    return n == 1 ? 1 : (n + TOGETHER - 1) / TOGETHER * TOGETHER;
}

/* Floats of scratch that `input_in` wants, whole cache lines. */
int64_t input_floats(const Matrix *m, int64_t n) {
    return (filled(n) * (m->columns + BATCH) + tile_rows(n) * m->columns + n * m->runs + 4 * (BATCH * m->runs + PAD) + 15) / 16 * 16;
}

/* Prepares x [n, columns] for `product`; memory: `input_floats`, as the last call left it unless `fresh`. */
void input_in(Input *in, const Matrix *m, float *memory, const float *x, int64_t n, int fresh) {
    const int64_t run = m->columns / m->runs;
    *in = (Input){x, n, memory, memory + filled(n) * m->columns, NULL, NULL, NULL};
    in->row = in->sums + n * m->runs;
    in->numbers = in->row + tile_rows(n) * m->columns;
    in->y = in->numbers + 4 * (BATCH * m->runs + PAD);
    const int fused = has_kernel(m) && m->codes.bits <= 8;
    if (!fused && !has_bytes(m))
        return;
    for (int64_t i = 0; fresh && i < n; i++)
        if (fused)
            fused_arrange(m, x + i * m->columns, memory + i * m->columns);
        else
            bytes_arrange(m, x + i * m->columns, memory + i * m->columns);
    for (int64_t i = n * m->columns; fresh && i < filled(n) * m->columns; i++)
        memory[i] = 0.0f;
    if (m->offset.codes.kind && fresh)
        for (int64_t g = 0; g < n * m->runs; g++) {
            float part[8] = {0};
            for (int64_t j = 0; j < run; j += 8)
                for (int i = 0; i < 8; i++)
                    part[i] += x[g * run + j + i];
            in->sums[g] = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
        }
}

static void decoded_product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    const int plain = m->codes.kind == SINGLE && !m->scale.codes.kind;
    for (int64_t row = first, rows; row < last; row += rows) {
        rows = last - row < tile_rows(in->n) ? 1 : tile_rows(in->n);
        if (!plain)
            decode_rows(m, row, row + rows, in->row, in->numbers);
        const float *w = plain ? (const float *)m->codes.data + row * m->columns : in->row;
        rows_times(w, rows, in, m->columns, y + row, stride, m->portable);
    }
}

/* Rows first .. last of y [n, stride] = x W^T, without bias. */
void product(const Matrix *m, const Input *in, int64_t first, int64_t last, float *y, int64_t stride) {
    if (has_kernel(m) && m->codes.bits <= 8)
        fused_product(m, in, first, last, y, stride);
    else if (has_kernel(m) && in->n == 1)
        wide_product(m, in->x, first, last, y);
    else if (has_bytes(m))
        bytes_product(m, in, first, last, y, stride);
    else
        decoded_product(m, in, first, last, y, stride);
}

/* Rows that are taken together: some tens of kilobytes. */
int64_t chunk_rows(const Matrix *m) {
    const int64_t bytes = (m->columns * m->codes.bits + 7) / 8, most = m->codes.bits > 8 ? WIDE_CHUNK_BYTES : CHUNK_BYTES;
    return (most / bytes + BATCH) / BATCH * BATCH;
}

int64_t chunks_of(const Matrix *m) {
    return (m->rows + chunk_rows(m) - 1) / chunk_rows(m);
}

typedef struct {
    const Matrix *matrix;
    const float *x, *bias;
    float *y, *memory;
    int64_t n, part;
} Product;

static void product_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    const Product *p = shared;
    const Matrix *m = p->matrix;
    const int64_t first = chunk * chunk_rows(m), end = first + chunk_rows(m), last = end < m->rows ? end : m->rows;
    Input in;
    (void)stage;
    input_in(&in, m, p->memory + thread * p->part, p->x, p->n, fresh);
    product(m, &in, first, last, p->y, m->rows);
    for (int64_t i = 0; p->bias && i < p->n; i++)
        for (int64_t row = first; row < last; row++)
            p->y[i * m->rows + row] += p->bias[row];
}

/* y [n, rows] = x [n, columns] W^T + bias; 0, or 1 where memory is short. */
int packed_matvec(const Matrix *m, const float *x, const float *bias, float *y, int64_t n, int threads) {
    const int64_t chunks = chunks_of(m), part = input_floats(m, n);
    float *memory = aligned_alloc(64, sizeof(float) * (size_t)(threads * part));
    Product p = {m, x, bias, y, memory, n, part};
    int failed = memory == NULL || in_shared_stages(threads, 1, &chunks, product_chunk, &p);
    free(memory);
    return failed;
}
