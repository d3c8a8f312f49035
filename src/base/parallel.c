#include "base/parallel.h"

#include <stdatomic.h>
#include <stdint.h>

/* Clang's OpenMP runtime must not meet the one that oneDNN is linked with (libgomp), so a build by clang runs
 * our own loops on one thread; oneDNN's keep theirs. */
#if defined(_OPENMP) && !defined(__clang__)
#define NW_HAVE_OPENMP 1
#include <omp.h>
#endif

enum { MOST_THREADS = 256, LINE = 64 };

/* Chunks that a thread begins with; who has none left takes some of another's. A cache line each. */
typedef struct share {
    _Alignas(LINE) atomic_size_t next;
    size_t end;
} share;

typedef struct job {
    size_t count, chunk;
    nw_lane_fn fn;
    void *context;
} job;

static void run_chunk(const job *j, size_t lane, size_t i)
{
    size_t begin = i * j->chunk;
    j->fn(j->context, lane, begin, j->count - begin < j->chunk ? j->count : begin + j->chunk);
}

#ifdef NW_HAVE_OPENMP
/* Neighbouring chunks stay with one thread, and from step to step with the same, as long as all are equally
 * fast; where one is held up (by another program, or a neighbour in the same core), the rest do its work. */
static void run_shares(const job *j, share *shares, size_t lanes, size_t lane)
{
    for (size_t k = 0; k < lanes; k++) {
        share *s = &shares[(lane + k) % lanes];
        while (atomic_load_explicit(&s->next, memory_order_relaxed) < s->end) {
            size_t i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (i < s->end) run_chunk(j, lane, i);
        }
    }
}
#endif

void nw_parallel_lanes(size_t count, size_t chunk, size_t lanes, nw_lane_fn fn, void *context)
{
    if (!count) return;
    if (!chunk) chunk = count;
    const job j = {count, chunk, fn, context};
    size_t chunks = (count + chunk - 1) / chunk;
#ifdef NW_HAVE_OPENMP
    size_t threads = (size_t)omp_get_max_threads();
    if (lanes > threads) lanes = threads;
    if (lanes > chunks) lanes = chunks;
    if (lanes > MOST_THREADS) lanes = MOST_THREADS;
    if (lanes > 1) {
        share shares[MOST_THREADS];
        for (size_t k = 0; k < lanes; k++) {
            atomic_init(&shares[k].next, chunks * k / lanes);
            shares[k].end = chunks * (k + 1) / lanes;
        }
        /* All threads, though some may have nothing to do: libgomp ends those that a smaller team leaves out,
         * and starts others for the next loop. */
#pragma omp parallel
        {
            size_t lane = (size_t)omp_get_thread_num();
            if (lane < lanes) run_shares(&j, shares, lanes, lane);
        }
        return;
    }
#else
    (void)lanes;
#endif
    for (size_t i = 0; i < chunks; i++) run_chunk(&j, 0, i);
}

/* A loop whose chunks do not ask who runs them. */
typedef struct plain {
    nw_chunk_fn fn;
    void *context;
} plain;

static void run_plain(void *context, size_t lane, size_t begin, size_t end)
{
    (void)lane;
    const plain *p = context;
    p->fn(p->context, begin, end);
}

void nw_parallel(size_t count, size_t chunk, nw_chunk_fn fn, void *context)
{
    plain p = {fn, context};
    nw_parallel_lanes(count, chunk, SIZE_MAX, run_plain, &p);
}

int nw_threads(void)
{
#ifdef NW_HAVE_OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int nw_threads_set(int threads)
{
#ifdef NW_HAVE_OPENMP
    int old = omp_get_max_threads();
    if (threads > 0) omp_set_num_threads(threads);
    return old;
#else
    (void)threads;
    return 1;
#endif
}
