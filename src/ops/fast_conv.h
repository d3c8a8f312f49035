/* What the fast path of Conv is made of. */
#ifndef NW_OPS_FAST_CONV_H
#define NW_OPS_FAST_CONV_H

#include "ops/fast.h"

/* The weights (input 1) as the kernel wants them: a constant of the plan where they are one of the model,
 * else packed by a step. */
nw_status nw_fast_conv_pack(nw_plan *plan, const nw_node *node, const nw_kernel *kernel, nw_buffer **out,
                            nw_error *err);

/* Adds the step that computes the gradients of `weights` and, where it is not -1, of `bias` (values of the
 * graph) from the value `src` and the gradient of the result. NW_UNSUPPORTED where oneDNN has no kernel;
 * nothing is added then. */
nw_status nw_fast_conv_weights(nw_plan *plan, const nw_conv_desc *conv, int src, int weights, int bias,
                               nw_buffer *diff_dst, nw_error *err);

#endif
