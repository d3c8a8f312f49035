/* Over all elements of a list of arrays: gradients, parameters. */
#ifndef NW_TRAIN_ARRAYS_H
#define NW_TRAIN_ARRAYS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { NW_ARRAYS_CHUNK = 16384 }; /* elements a thread takes at once */

/* Whether all of values[count] are finite. */
bool nw_array_finite(const float *values, int64_t count);

/* Scales all gradients by min(1, limit / (norm + 1e-6)), norm the 2-norm of all of them together (Pascanu et
 * al., ICML 2013; torch's clip_grad_norm_). The norm is summed in double precision in a fixed order. *norm
 * (may be NULL) is that before the clipping. limit 0 only measures. NW_NOT_FINITE names the array that holds
 * NaN or infinity; nothing was changed then. */
nw_status nw_gradient_clip(float *const *grads, size_t count, const int64_t *sizes, double limit,
                           double *norm, nw_error *err);

/* Moving average of the weights (Polyak and Juditsky, SIAM J Control Optim 30:838, 1992; with the warm-up of
 * TensorFlow's ExponentialMovingAverage): average <- d average + (1 - d) params with
 * d = min(decay, (1 + t) / (10 + t)), t = 0, 1, ... the steps that it has seen. Start with a copy of the
 * parameters. NW_USAGE for a decay outside 0 .. 1. */
nw_status nw_average_step(float *const *average, const float *const *params, size_t count,
                          const int64_t *sizes, double decay, int64_t t, nw_error *err);

#endif
