/* Mixup of a batch (Zhang et al., ICLR 2018): each sample becomes lambda times itself and 1 - lambda times
 * another of the batch, and so do its targets; lambda is drawn from Beta(a, a), once a batch.
 *
 * What is drawn is a function of seed and step alone (base/rng.h).
 */
#ifndef NW_TRAIN_MIXUP_H
#define NW_TRAIN_MIXUP_H

#include "base/error.h"

#include <stdint.h>

/* Beta(a, a) for a > 0, by two gamma variates (Marsaglia and Tsang, ACM TOMS 26:363, 2000) whose logarithms
 * are kept: small a do not underflow. In [0, 1]. */
double nw_mixup_lambda(uint64_t seed, uint64_t step, double a);

/* A permutation of 0 .. n - 1, all of them equally likely (Fisher and Yates). n below 2^31. */
void nw_mixup_order(uint64_t seed, uint64_t step, int64_t n, int64_t *order);

/* In place: pixels[n][size], targets[n][k]; sample i is mixed with order[i]. workspace[2 n] is overwritten;
 * its first n are the order. *lambda (may be NULL) is what was drawn. a = 0 changes nothing (lambda 1).
 * NW_USAGE for an a that is negative or not finite. */
nw_status nw_mixup(float *pixels, float *targets, int64_t n, int64_t size, int64_t k, double a, uint64_t seed,
                   uint64_t step, int64_t *workspace, double *lambda, nw_error *err);

#endif
