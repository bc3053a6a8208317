/* One pass over a matrix that learns where torch's operators take six, and one back where they take nine.

   Of what goes forward nothing is kept: w / s + z and the code nearest to it are found again on the way back, which
   costs less than reading them. Whether a weight is inside the grid, and its code, are those of the definition bit for
   bit; sums over a group are not, since they are taken in another order. */

#include "learner.h"

#include <string.h>

#include "lanes.h"
#include "team.h"

#define CHUNK 16384 /* weights, about */
#define UPPER 16    /* bits of a float32 that are a bfloat16 */

typedef uint16_t Narrow __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

typedef struct {
    const Learner *a;
    int64_t groups; /* in a chunk */
} Job;

/* What one group has in common. */
typedef struct {
    Vector inverse, scale, zero, low, high;
} Group;

static Group group_of(const Learner *a, int64_t g) {
    const float s = a->scale[g];
    return (Group){all(s != 0.0f ? 1.0f / s : 0.0f), all(s), all(a->zero ? a->zero[g] : 0.0f), all(a->low),
                   all(a->high)};
}

/* Where weights lie, in steps from the value 0. */
INLINE Vector place(const Group *group, Vector w) {
    return w * group->inverse + group->zero;
}

/* The value nearest to x, ties to even; NaN stays NaN where there are more than two. */
INLINE Vector nearest(const Learner *a, const Group *group, Vector x) {
    if (a->two)
        return chosen(x < all(0.0f), group->low, group->high);
    Vector q = x + all(ROUNDER) - all(ROUNDER); /* beyond 2^22 it is not whole, and beyond the grid anyway */
    q = chosen(q < group->low, group->low, q);
    return chosen(q > group->high, group->high, q);
}

INLINE Vector read(const float *from, int64_t n) {
    Vector x = all(0.0f);
    if (n >= LANES)
        return *(const Vector *)from;
    memcpy(&x, from, (size_t)n * sizeof(float));
    return x;
}

INLINE Vector read_narrow(const uint16_t *from, int64_t n) {
    Narrow x = {0};
    if (n >= LANES)
        x = *(const Narrow *)from;
    else
        memcpy(&x, from, (size_t)n * sizeof(uint16_t));
    return (Vector)(__builtin_convertvector(x, Whole) << UPPER);
}

INLINE void write(float *to, int64_t n, Vector x) {
    memcpy(to, &x, (size_t)(n >= LANES ? LANES : n) * sizeof(float));
}

/* To the nearest bfloat16, ties to even; any NaN to the usual one. */
INLINE void write_narrow(uint16_t *to, int64_t n, Vector x) {
    const Whole bits = (Whole)x, last = (bits >> UPPER) & 1;
    const Whole rounded = ((bits + 0x7fff + last) >> UPPER) & 0xffff;
    const Narrow y = __builtin_convertvector(((x == x) & rounded) | ((x != x) & 0x7fc0), Narrow);
    memcpy(to, &y, (size_t)(n >= LANES ? LANES : n) * sizeof(uint16_t));
}

INLINE float sum(Vector x) {
    float total = 0.0f;
    for (int i = 0; i < LANES; i++)
        total += x[i];
    return total;
}

static void round_group(const Learner *a, int64_t g) {
    const Group group = group_of(a, g);
    const int64_t first = g * a->size;
    for (int64_t i = 0; i < a->size; i += LANES) {
        const int64_t at = first + i, left = a->size - i;
        const Vector q = nearest(a, &group, place(&group, read(a->w + at, left)));
        const Vector y = (q - group.zero) * group.scale;
        if (a->narrow)
            write_narrow((uint16_t *)a->out + at, left, y);
        else
            write((float *)a->out + at, left, y);
    }
}

static void gradients_of_group(const Learner *a, int64_t g) {
    const Group group = group_of(a, g);
    const int64_t first = g * a->size;
    Vector of_scale = all(0.0f), beyond = all(0.0f);
    for (int64_t i = 0; i < a->size; i += LANES) {
        const int64_t at = first + i, left = a->size - i;
        const Vector x = place(&group, read(a->w + at, left)), q = nearest(a, &group, x);
        const Vector d = a->narrow ? read_narrow((const uint16_t *)a->gradient + at, left)
                                   : read((const float *)a->gradient + at, left);
        const Vector of_w = chosen((x >= group.low) & (x <= group.high), d, all(0.0f));
        of_scale += d * q - of_w * x;
        beyond += d - of_w;
        write((float *)a->out + at, left, of_w);
    }
    const float outside = sum(beyond);
    a->of_scale[g] = sum(of_scale) - outside * group.zero[0];
    if (a->of_zero)
        a->of_zero[g] = -outside * a->scale[g];
}

static void do_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh, void one(const Learner *, int64_t)) {
    const Job *job = shared;
    const int64_t first = chunk * job->groups, end = first + job->groups;
    (void)thread, (void)stage, (void)fresh;
    for (int64_t g = first; g < end && g < job->a->groups; g++)
        one(job->a, g);
}

static void round_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    do_chunk(shared, thread, stage, chunk, fresh, round_group);
}

static void gradients_of_chunk(void *shared, int thread, int stage, int64_t chunk, int fresh) {
    do_chunk(shared, thread, stage, chunk, fresh, gradients_of_group);
}

static int in_chunks(const Learner *a, int threads, Work *work) {
    Job job = {a, a->size < CHUNK ? CHUNK / a->size : 1};
    const int64_t chunks = (a->groups + job.groups - 1) / job.groups;
    return in_shared_stages(threads, 1, &chunks, work, &job);
}

int fake_quantize(const Learner *a, int threads) {
    return in_chunks(a, threads, round_chunk);
}

int fake_quantize_gradients(const Learner *a, int threads) {
    return in_chunks(a, threads, gradients_of_chunk);
}
