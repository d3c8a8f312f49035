/* Convolutions of small maps in float32 that read the model's weights as they are, on processors with
 * AVX-512. */
#ifndef NW_OPS_FAST_CONV_PLAIN_H
#define NW_OPS_FAST_CONV_PLAIN_H

#include "ops/fast.h"

/* Whether it is one, on this processor. */
bool nw_plain_conv_fits(const nw_conv_desc *conv);
/* Adds the step. weights: of the model. src and dst in blocks of 16 channels; bias and add may be NULL. */
nw_status nw_plain_conv_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, nw_buffer *src,
                             nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
