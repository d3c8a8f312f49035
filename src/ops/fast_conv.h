/* What the fast path of Conv is made of. */
#ifndef NW_OPS_FAST_CONV_H
#define NW_OPS_FAST_CONV_H

#include "ops/fast.h"

/* What is made of a convolution's weights is remembered under keys (nw_weights_remember): these, and twice
 * the groups, and one for the gradient. */
enum {
    NW_MADE_INT8 = 100000,
    NW_MADE_INT8_WINOGRAD = 200000,
    NW_MADE_FLAT = 300000,
    NW_MADE_ROWS = 400000,
    NW_MADE_TILES = 500000 /* and 10000 times the tile, and 100 times the group */
};
static inline float nw_fast_conv_key(int64_t kind, int64_t groups, bool backward)
{
    return -(float)(kind + 2 * groups + backward);
}

/* Such a tensor as a constant of the plan, which gets a reference of its own. */
nw_status nw_fast_conv_made(nw_plan *plan, nw_tensor *tensor, nw_buffer **out, nw_error *err);

/* Applies an activation that kernels leave out: every one but ReLU. */
void nw_fast_conv_activate(const nw_act *act, const nw_buffer *dst);

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
