/* Multiple-instance pooling: the logits of a bag (a scan) from those of its instances (slices), and the
 * gradient back. Each class is pooled by itself.
 *
 * None has weights of its own. Gated attention over an embedding (Ilse et al., ICML 2018) has: a classifier
 * that is saved as a network of one instance would not hold them, so it is a matter of the network, not of a
 * pooling.
 *
 * Logits that are NaN or infinite are NW_NOT_FINITE and name their place; a bag without instances is
 * NW_BAD_INPUT, and so is a parameter that cannot be. Nothing is allocated, and |logit| up to 1e4 neither
 * overflows nor vanishes. A pooling is one file pooling_NAME.c and one line of poolings.def.
 */
#ifndef NW_TRAIN_POOLING_H
#define NW_TRAIN_POOLING_H

#include "base/error.h"

#include <stdint.h>

/* What a pooling sees: m logits of one class, logit(i) = logits[i * stride]. */
typedef struct nw_pooling_bag {
    const float *logits;
    int64_t m, stride;
    double parameter;
} nw_pooling_bag;

typedef struct nw_pooling {
    const char *name, *summary;
    double parameter; /* where the caller gives 0 */
    nw_status (*check)(double parameter, nw_error *err);
    double (*forward)(const nw_pooling_bag *bag);
    /* diff[i * stride] = upstream * d forward / d logit(i) */
    void (*backward)(const nw_pooling_bag *bag, double upstream, float *diff);
} nw_pooling;

/* NULL for a name that there is not, or beyond the last. */
const nw_pooling *nw_pooling_find(const char *name);
const nw_pooling *nw_pooling_list(size_t i);

/* bag[k] of logits[m][k]. */
nw_status nw_pooling_forward(const nw_pooling *pooling, const float *logits, int64_t m, int64_t k,
                             double parameter, float *bag, nw_error *err);
/* diff_logits[m][k] of diff_bag[k]. */
nw_status nw_pooling_backward(const nw_pooling *pooling, const float *logits, int64_t m, int64_t k,
                              double parameter, const float *diff_bag, float *diff_logits, nw_error *err);

static inline double nw_pooling_at(const nw_pooling_bag *bag, int64_t i)
{
    return (double)bag->logits[i * bag->stride];
}

/* log sum_i exp(scale logit(i)), for the poolings. */
double nw_pooling_log_sum(const nw_pooling_bag *bag, double scale);

#endif
