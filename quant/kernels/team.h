/* Work in stages, shared by threads that nobody waits for unless they have something in hand. */

#ifndef TEAM_H
#define TEAM_H

#include <stdint.h>

/* Chunk `chunk` of stage `stage`; `fresh`: the first that this thread does in this stage. */
typedef void Work(void *shared, int thread, int stage, int64_t chunk, int fresh);

/* Runs chunks 0 .. chunks[stage] of every stage on up to `threads` threads, this one among them.

   A stage begins when all chunks of the one before are done. 0, or 1 where memory is short. */
int in_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared);

/* The same on the threads that OpenMP keeps for this one, where `share_openmp` has said how to reach them: for what is
   called between operators that use them too. Those threads spin a while after each operator, and would take half of a
   processor from threads of our own. They are waited for. */
int in_shared_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared);

/* GOMP_parallel: runs `work(argument)` on that many threads, this one among them, and waits. */
typedef void Parallel(void (*work)(void *), void *argument, unsigned threads, unsigned flags);

/* Said once, before the first call. */
void share_openmp(Parallel *parallel);

#endif
