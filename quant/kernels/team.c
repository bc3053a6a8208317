/* A few threads for one call, with no state between calls.

   Threads take chunks in turn. At the end of a stage one waits for chunks, not for threads: where another program has
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
    atomic_llong done;
    int64_t chunks;
} Stage;

typedef struct {
    Work *work;
    void *shared;
    int stages;
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

static void *member(void *argument) {
    Team *team = argument;
    const int thread = atomic_fetch_add_explicit(&team->next_thread, 1, memory_order_relaxed);
    for (int i = 0; i < team->stages; i++) {
        Stage *s = &team->stage[i];
        int64_t chunk;
        for (int fresh = 1; (chunk = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->chunks; fresh = 0) {
            team->work(team->shared, thread, i, chunk, fresh);
            atomic_fetch_add_explicit(&s->done, 1, memory_order_release);
        }
        wait_for(s);
    }
    leave(team);
    return NULL;
}

int in_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared) {
    Team *team = aligned_alloc(64, sizeof(Team) + (size_t)stages * sizeof(Stage));
    if (team == NULL)
        return 1;
    team->work = work;
    team->shared = shared;
    team->stages = stages;
    atomic_init(&team->next_thread, 0);
    atomic_init(&team->users, threads);
    for (int i = 0; i < stages; i++) {
        atomic_init(&team->stage[i].next, 0);
        atomic_init(&team->stage[i].done, 0);
        team->stage[i].chunks = chunks[i];
    }
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
