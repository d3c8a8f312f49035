/* 3x3 convolutions of stride 1, and their gradients with respect to the source, by minimal filtering with
 * products of 8-bit integers. */
#ifndef NW_OPS_FAST_CONV_INT8_WINOGRAD_H
#define NW_OPS_FAST_CONV_INT8_WINOGRAD_H

#include "ops/fast.h"

/* Whether it is one, on this processor, and minimal filtering is faster. */
bool nw_int8_winograd_fits(const nw_conv_desc *conv);
/* Adds the step; operands as for nw_int8_conv_step. weights: of the model. */
nw_status nw_int8_winograd_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                                nw_buffer *src, nw_buffer *made, nw_buffer *bias, nw_buffer *add,
                                nw_buffer *dst, nw_error *err);

#endif
