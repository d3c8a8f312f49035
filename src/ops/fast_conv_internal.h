/* The parts of the fast path of Conv: forward, backward, and what both need. */
#ifndef NW_OPS_FAST_CONV_INTERNAL_H
#define NW_OPS_FAST_CONV_INTERNAL_H

#include "ops/fast_conv.h"

/* Forward, or of the gradient with respect to the source, as the direct way counts. */
double nw_fast_conv_flops(const nw_conv_desc *conv);
/* On a single pixel oneDNN cuts the sums of a window, and in bfloat16 all, by whether there is one thread or
 * several. */
bool nw_fast_conv_is_alone(const nw_conv_desc *conv);
/* By 8-bit integers, where the program may and there is a way. */
bool nw_fast_conv_in_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool backward);
/* 1x1, by kernels of our own. */
bool nw_fast_conv_is_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv);
/* Plain weights that may change; nothing for those of the model. */
nw_status nw_fast_conv_plain(nw_plan *plan, const nw_node *node, nw_buffer **out, nw_error *err);

/* The steps of a node that `conv` describes; conv->bf16 may be taken back. */
nw_status nw_fast_conv_forward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                               nw_error *err);
nw_status nw_fast_conv_backward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                                nw_error *err);

#endif
