/* The sums of statistics, set aside and put back. */
#include "base/memory.h"
#include "explain/stats_internal.h"

#include <string.h>

void nw_stats_sums_free(nw_stats_sums *sums)
{
    nw_free(sums->m);
    nw_free(sums->s);
    nw_free(sums->nonzero);
    memset(sums, 0, sizeof *sums);
}

nw_status nw_stats_sums_keep(const nw_stats *stats, nw_stats_sums *to, nw_error *err)
{
    size_t n = (size_t)stats->neurons;
    if (!to->m) {
        to->m = nw_calloc(n, sizeof *to->m);
        to->s = nw_calloc(n, sizeof *to->s);
        to->nonzero = nw_calloc(n, sizeof *to->nonzero);
    }
    if (!to->m || !to->s || !to->nonzero) {
        nw_stats_sums_free(to);
        return nw_no_memory(err, n * 24, "feature statistics");
    }
    to->count = stats->count;
    memcpy(to->m, stats->m, n * sizeof *to->m);
    memcpy(to->s, stats->s, n * sizeof *to->s);
    memcpy(to->nonzero, stats->nonzero, n * sizeof *to->nonzero);
    return NW_OK;
}

void nw_stats_sums_restore(nw_stats *stats, const nw_stats_sums *from)
{
    size_t n = (size_t)stats->neurons;
    stats->count = from->count;
    memcpy(stats->m, from->m, n * sizeof *from->m);
    memcpy(stats->s, from->s, n * sizeof *from->s);
    memcpy(stats->nonzero, from->nonzero, n * sizeof *from->nonzero);
    stats->stale = true;
}
