/* BatchNormalization in training mode (ONNX, opset 14): normalised by the mean and the variance of the batch
 * itself (Ioffe and Szegedy, ICML 2015, algorithm 1), with outputs
 *
 *     y, running_mean * momentum + mean * (1 - momentum), running_variance * momentum + variance * (1 -
 * momentum)
 *
 * The variance is that of the population (divided by the count), in the normalisation and in the running one.
 */
#ifndef NW_OPS_NORM_TRAINING_H
#define NW_OPS_NORM_TRAINING_H

#include "ops/fast.h"

bool nw_norm_is_training(const nw_node *node);

/* The reference path. */
void nw_norm_training_forward(const nw_ref *call);
void nw_norm_training_backward(const nw_ref *call);

/* The fast path. */
nw_compile_fn nw_fast_norm_training;

#endif
