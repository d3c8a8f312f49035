/* Losses of a batch and their gradient at the logits.
 *
 * All take logits[n][k], targets[n][k] and weights[n] (>= 0; NULL: 1 each) and give
 *
 *     L = sum_i w_i l(logits_i, targets_i) / sum_i w_i
 *
 * and diff[n][k] = dL / dlogits. Where all weights are 0 the loss is 0 and so is the gradient. Sums run in
 * double precision, in the order of the batch. A logit, target or weight that is NaN or infinite is
 * NW_NOT_FINITE and names its place; n or k below 1 and a negative weight are NW_BAD_INPUT. Outputs are
 * left as they were after an error. `diff` may be NULL where only the loss is wanted (validation).
 *
 * A loss is one file loss_NAME.c and one line of losses.def.
 */
#ifndef NW_TRAIN_LOSS_H
#define NW_TRAIN_LOSS_H

#include "base/error.h"

#include <stdint.h>

typedef struct nw_train_loss {
    const char *name, *summary;
    /* parameter: what the loss says it is (huber: delta); 0 is its default. The others do not look at it. */
    nw_status (*run)(const float *logits, const float *targets, const float *weights, int64_t n, int64_t k,
                     double parameter, float *diff, double *loss, nw_error *err);
} nw_train_loss;

/* NULL for a name that there is not, or beyond the last. */
const nw_train_loss *nw_train_loss_find(const char *name);
const nw_train_loss *nw_train_loss_list(size_t i);

/* Soft targets[n][k] of class labels: 1 - s + s / k at the label and s / k elsewhere, with smoothing s in
 * 0 .. 1 (Szegedy et al., CVPR 2016, section 7). NW_BAD_INPUT for a label outside 0 .. k - 1. */
nw_status nw_train_soft_targets(const int32_t *labels, int64_t n, int64_t k, double smoothing, float *targets,
                                nw_error *err);

/* For the losses: everything that is checked before. *total: the sum of the weights. */
nw_status nw_train_loss_check(const float *logits, const float *targets, const float *weights, int64_t n,
                              int64_t k, double *total, nw_error *err);

#endif
