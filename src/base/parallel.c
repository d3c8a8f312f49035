#include "base/parallel.h"

/* Clang's OpenMP runtime must not meet the one that oneDNN is linked with (libgomp), so a build by clang runs
 * our own loops on one thread; oneDNN's keep theirs. */
#if defined(_OPENMP) && !defined(__clang__)
#define NW_HAVE_OPENMP 1
#include <omp.h>
#endif

void nw_parallel(size_t count, size_t chunk, nw_chunk_fn fn, void *context)
{
    if (!count) return;
    if (!chunk) chunk = count;
    size_t chunks = (count + chunk - 1) / chunk;
#ifdef NW_HAVE_OPENMP
    if (chunks > 1 && omp_get_max_threads() > 1) {
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < chunks; i++) {
            size_t begin = i * chunk;
            fn(context, begin, count - begin < chunk ? count : begin + chunk);
        }
        return;
    }
#endif
    for (size_t i = 0; i < chunks; i++) {
        size_t begin = i * chunk;
        fn(context, begin, count - begin < chunk ? count : begin + chunk);
    }
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
