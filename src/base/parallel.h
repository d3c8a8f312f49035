/* Loops over threads, with results that do not depend on how many there are.
 *
 * The range is cut into chunks of a fixed size that only the caller chooses; a reduction therefore stores
 * one partial result a chunk and adds them up in order.
 */
#ifndef NW_BASE_PARALLEL_H
#define NW_BASE_PARALLEL_H

#include <stddef.h>

typedef void (*nw_chunk_fn)(void *context, size_t begin, size_t end);

/* Calls fn for [0, chunk), [chunk, 2 chunk), ... of [0, count), each once, on the threads of this call. */
void nw_parallel(size_t count, size_t chunk, nw_chunk_fn fn, void *context);

/* The same with the number of who calls, below `lanes`: two that run at the same time have two numbers, so
 * that each can have memory of its own. Which chunk goes to which is left open. */
typedef void (*nw_lane_fn)(void *context, size_t lane, size_t begin, size_t end);
void nw_parallel_lanes(size_t count, size_t chunk, size_t lanes, nw_lane_fn fn, void *context);

/* Threads that nw_parallel and oneDNN use when called from this thread (1 without OpenMP). */
int nw_threads(void);

/* Sets that number for the calling thread alone and returns the old one; 0 leaves it. To be restored by the
 * caller, so that the library changes nothing for others. */
int nw_threads_set(int threads);

#endif
