/* Work in stages, shared by threads that nobody waits for unless they have something in hand. */

#ifndef TEAM_H
#define TEAM_H

#include <stdint.h>

/* Chunk `chunk` of stage `stage`; `fresh`: the first that this thread does in this stage. */
typedef void Work(void *shared, int thread, int stage, int64_t chunk, int fresh);

/* Runs chunks 0 .. chunks[stage] of every stage on up to `threads` threads, this one among them.

   A stage begins when all chunks of the one before are done. 0, or 1 where memory is short. */
int in_stages(int threads, int stages, const int64_t *chunks, Work *work, void *shared);

#endif
