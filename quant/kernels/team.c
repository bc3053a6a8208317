/* A few threads for one call, with no state between calls.

   Each thread takes the chunks of its own range of a stage, since memory is fastest read in long runs, and then what
   others have left of theirs. At the end of a stage one waits for chunks, not for threads: where another program has
   the second processor, this one goes on alone at the speed of one thread. For the same reason nobody joins the
   helpers: one that wakes up late finds nothing to take and touches only the counters, which the last one out frees. */

#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SPINS 2000 /* before others may run: who has the chunk may have lost its processor */

typedef struct {
    _Alignas(64) atomic_llong next;
    int64_t end;
} Range;

typedef struct {
    _Alignas(64) atomic_llong done;
    int64_t chunks;
    Range *ranges; /* [threads] */
} Stage;

typedef struct {
    Work *work;
    void *shared;
    int stages, threads;
    atomic_int next_thread, users;
    Stage stage[];
} Team;

static void leave(Team *team) {
    if (atomic_fetch_sub_explicit(&team->users, 1, memory_order_acq_rel) == 1)
        free(team);
}

static void wait_for(Stage *s) {
    for (int turn = 1; atomic_load_explicit(&s->done, memory_order_acquire) < s->chunks; turn++) {
        if (turn % SPINS == 0)
            sched_yield();
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
}

static void do_stage(Team *team, int thread, int stage) {
    Stage *s = &team->stage[stage];
    int fresh = 1;
    for (int i = 0; i < team->threads; i++) {
        Range *range = &s->ranges[(thread + i) % team->threads];
        int64_t chunk;
        for (; (chunk = atomic_fetch_add_explicit(&range->next, 1, memory_order_relaxed)) < range->end; fresh = 0) {
            team->work(team->shared, thread, stage, chunk, fresh);
            atomic_fetch_add_explicit(&s->done, 1, memory_order_release);
        }
    }
    wait_for(s);
}

static void take_part(Team *team) {
    const int thread = atomic_fetch_add_explicit(&team->next_thread, 1, memory_order_relaxed);
    for (int stage = 0; stage < team->stages; stage++)
        do_stage(team, thread, stage);
}

static void *member(void *argument) {
    take_part(argument);
    leave(argument);
    return NULL;
}

static void joined_member(void *argument) {
    take_part(argument);
}

static Team *made(int threads, int stages, const int64_t *chunks, Work *work, void *shared) {
    const size_t counters = (size_t)stages * sizeof(Stage), ranges = (size_t)(stages * threads) * sizeof(Range);
    Team *team = aligned_alloc(64, sizeof(Team) + counters + ranges);
    if (team == NULL)
        return NULL;
    *team = (Team){.work = work, .shared = shared, .stages = stages, .threads = threads};
    atomic_init(&team->next_thread, 0);
    atomic_init(&team->users, threads);
    Range *range = (Range *)&team->stage[stages];
    for (int i = 0; i < stages; i++) {
        Stage *s = &team->stage[i];
        atomic_init(&s->done, 0);
        s->chunks = chunks[i];
        s->ranges = range;
        for (int thread = 0; thread < threads; thread++, range++) {
            atomic_init(&range->next, chunks[i] * thread / threads);
            range->end = chunks[i] * (thread + 1) / threads;
        }
    }
    return team;
}

int in_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared) {
    Team *team = made(threads, stages, chunks, work, shared);
    if (team == NULL)
        return 1;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (int made = 1; made < threads; made++) {
        pthread_t handle;
        if (pthread_create(&handle, &detached, member, team))
            leave(team);
    }
    pthread_attr_destroy(&detached);
    member(team);
    return 0;
}

static Parallel *openmp;

void share_openmp(Parallel *parallel) {
    openmp = parallel;
}

int in_shared_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared) {
    if (openmp == NULL || threads == 1)
        return in_stages(threads, stages, chunks, work, shared);
    Team *team = made(threads, stages, chunks, work, shared);
    if (team == NULL)
        return 1;
    openmp(joined_member, team, (unsigned)threads, 0); /* fewer threads than asked for do all of it as well */
    free(team);
    return 0;
}
