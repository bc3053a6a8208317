/* Whether this processor reads memory faster when several rows are read side by side. */

#ifndef STREAMS_H
#define STREAMS_H

/* Intel's do: each core follows some tens of streams, and one alone leaves a quarter of the bandwidth unused. AMD's
   read one in the order of memory, fetched ahead, at nine tenths of theirs. bench/NOTES.md has the figures. */
int many_streams(void);

#endif
