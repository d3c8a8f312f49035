/* 1x1 convolutions of stride 1 and their gradients with respect to the source, in float32 by kernels of our
 * own, on processors with AVX-512. */
#ifndef NW_OPS_FAST_CONV_FLAT_H
#define NW_OPS_FAST_CONV_FLAT_H

#include "ops/fast.h"

/* Whether it is one, on this processor, in blocks of 16 channels. */
bool nw_flat_conv_fits(const nw_conv_desc *conv);
/* Adds the step. weights: of the model. backward: the gradient with respect to the source of `conv`. src:
 * what is read (forward src, backward diff_dst), dst: what is written, both in blocks of 16 channels. bias
 * and add may be NULL; backward they are. */
nw_status nw_flat_conv_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                            nw_buffer *src, nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
