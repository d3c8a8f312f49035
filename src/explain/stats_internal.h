#ifndef NW_EXPLAIN_STATS_INTERNAL_H
#define NW_EXPLAIN_STATS_INTERNAL_H

#include "tensor/tensor.h"

#include <narrows/stats.h>

struct nw_stats {
    nw_shape shape;
    int64_t neurons, count;
    /* Welford's running mean and sum of squares, and how often a neuron was not zero; NULL where a file holds
     * the results alone. */
    double *m, *s;
    int64_t *nonzero;
    float *mean, *std, *active;
    bool stale;           /* the three above are older than the sums */
    nw_stats_facts facts; /* strings owned */
    char *warning;
};

/* The sums alone, without shape, results and facts. */
typedef struct nw_stats_sums {
    int64_t count;
    double *m, *s;
    int64_t *nonzero;
} nw_stats_sums;

/* Copies the sums into `to`, which is made where it is empty; free with nw_stats_sums_free. The statistics
 * have sums. NW_NO_MEMORY. */
nw_status nw_stats_sums_keep(const nw_stats *stats, nw_stats_sums *to, nw_error *err);
void nw_stats_sums_restore(nw_stats *stats, const nw_stats_sums *from);
void nw_stats_sums_free(nw_stats_sums *sums);

#endif
