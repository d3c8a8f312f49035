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

#endif
