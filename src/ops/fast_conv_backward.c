/* The gradients of a convolution, by the same ways. */
#include "base/parallel.h"
#include "ops/fast_conv_flat.h"
#include "ops/fast_conv_int8.h"
#include "ops/fast_conv_int8_winograd.h"
#include "ops/fast_conv_internal.h"
#include "ops/fast_conv_tiles.h"
#include "ops/fast_kernel.h"
#include "ops/int8_tile.h"

#include <string.h>

/* The layouts of the gradients: those of the values where oneDNN is fast with them, else both blocked or both
 * plain (a first layer of one or three channels). Its slow implementation is the last resort. */
static nw_status backward_kernel(nw_plan *plan, const nw_conv_desc *conv, const nw_layout *src,
                                 const nw_layout *dst, nw_layout *diff_src, nw_layout *diff_dst,
                                 nw_kernel **out, nw_error *err)
{
    int block = nw_plan_block(plan);
    nw_dtype dtype = conv->bf16 ? NW_BF16 : NW_F32; /* of what is read; the result is summed in float32 */
    const nw_layout tries[3][2] = {
        {nw_layout_blocked(NW_F32, &conv->src, src->axis, src->block),
         nw_layout_blocked(dtype, &conv->dst, dst->axis, dst->block)},
        {nw_layout_blocked(NW_F32, &conv->src, 1, block), nw_layout_blocked(dtype, &conv->dst, 1, block)},
        {nw_layout_plain(NW_F32, &conv->src), nw_layout_plain(dtype, &conv->dst)}};
    nw_status status = NW_UNSUPPORTED;
    nw_kernel *best = NULL;
    for (int i = 0; i < 3; i++) {
        nw_kernel *kernel;
        nw_status s = nw_conv_backward(nw_plan_backend(plan), conv, &tries[i][0], &tries[i][1], &kernel, err);
        if (s != NW_OK) {
            if (!best) status = s;
            continue;
        }
        bool slow = strstr(nw_kernel_impl(kernel), " ref") != NULL;
        if (best && slow) {
            nw_kernel_free(kernel);
            continue;
        }
        nw_kernel_free(best);
        best = kernel;
        status = NW_OK;
        *diff_src = tries[i][0];
        *diff_dst = tries[i][1];
        if (!slow) break;
    }
    *out = best;
    return status;
}

/* What the backward steps have in hand: the gradient of the result times the activation's derivative, in the
 * layout of the result, in float32 and, for convolutions in bfloat16, in that as well. */
typedef struct gradient {
    nw_buffer *wide, *narrow;
} gradient;

static nw_status gather(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool multiplied,
                        bool wide, const nw_layout *layout, gradient *out, nw_error *err)
{
    *out = (gradient){NULL, NULL};
    if (multiplied && conv->bf16)
        return nw_plan_diff_narrow(plan, node->outputs[0], &conv->act, layout, wide ? &out->wide : NULL,
                                   &out->narrow, err);
    return nw_plan_diff_act(plan, node->outputs[0], &conv->act, multiplied ? layout : NULL, &out->wide, err);
}

/* diff_dst: what gather() made of it, or NULL where nobody but this needs it: what comes in is then still to
 * be multiplied by the derivative of a ReLU, which is done on the way to 8 bits. */
static nw_status backward_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv,
                               nw_buffer *diff_dst, nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->dst, 1, NW_INT8_BLOCK),
              to = nw_layout_blocked(NW_F32, &conv->src, 1, NW_INT8_BLOCK);
    nw_int8_conv *fast;
    nw_buffer *dst, *made = NULL;
    if (!diff_dst) {
        NW_TRY(nw_plan_diff_lone(plan, node->outputs[0], &from, &diff_dst, err));
        if (diff_dst)
            NW_TRY(nw_plan_src(plan, node->outputs[0], &from, &made, err));
        else
            NW_TRY(nw_plan_diff_act(plan, node->outputs[0], &conv->act, &from, &diff_dst, err));
    }
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &to, &dst, err));
    if (nw_int8_winograd_fits(conv))
        return nw_int8_winograd_step(plan, conv, nw_fast_constant(plan, node, 1), true, diff_dst, made, NULL,
                                     NULL, dst, err);
    NW_TRY(nw_int8_conv_make(plan, conv, nw_fast_constant(plan, node, 1), true, &fast, err));
    return nw_int8_conv_step(plan, fast, diff_dst, made, NULL, NULL, dst, err);
}

static nw_status backward_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv,
                               nw_buffer *diff_dst, nw_error *err)
{
    nw_layout to = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block());
    nw_buffer *dst;
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &to, &dst, err));
    return nw_flat_conv_step(plan, conv, nw_fast_constant(plan, node, 1), true, diff_dst, NULL, NULL, dst,
                             err);
}

/* By which of the ways the gradient of the source is made, if it is wanted, and in which layouts. */
typedef struct way {
    bool integers, flat;
    nw_tile_conv *tiles; /* or NULL */
    nw_kernel_step k;    /* oneDNN's, where none of the others has it */
    nw_layout diff_src, diff_dst;
} way;

/* oneDNN's kernel; NW_UNSUPPORTED where it has none, in bfloat16 also where it has a slow one only. */
static nw_status choose_kernel(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, way *w,
                               nw_error *err)
{
    const nw_layout *src = nw_plan_layout(plan, node->inputs[0]),
                    *dst = nw_plan_layout(plan, node->outputs[0]);
    int threads = nw_threads_set(w->k.alone);
    nw_status status = backward_kernel(plan, conv, src, dst, &w->diff_src, &w->diff_dst, &w->k.kernel, err);
    nw_threads_set(threads);
    if (status != NW_OK || !conv->bf16 || !strstr(nw_kernel_impl(w->k.kernel), " ref")) return status;
    nw_kernel_free(w->k.kernel);
    w->k.kernel = NULL;
    return NW_UNSUPPORTED;
}

/* NW_UNSUPPORTED where there is none. conv->bf16 is taken back where it has to be float32. */
static nw_status choose(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, way *w, nw_error *err)
{
    *w = (way){.k = {.kind = "conv", .flops = nw_fast_conv_flops(conv), .alone = nw_fast_conv_is_alone(conv)},
               .diff_dst = *nw_plan_layout(plan, node->outputs[0])};
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    w->integers = nw_fast_conv_in_int8(plan, node, conv, true);
    w->flat = !w->integers && nw_fast_conv_is_flat(plan, node, conv);
    if (!w->integers && !w->flat)
        NW_TRY(nw_tile_conv_make(plan, conv, nw_fast_constant(plan, node, 1), true, &w->tiles, err));
    if (w->integers || w->flat || w->tiles) {
        w->diff_src = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block());
        w->diff_dst = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
        return NW_OK;
    }
    nw_status status = choose_kernel(plan, node, conv, w, err);
    if (status != NW_UNSUPPORTED || !conv->bf16) return status;
    conv->bf16 = false;
    return choose(plan, node, conv, w, err);
}

static nw_status backward_tiles(nw_plan *plan, const nw_node *node, const way *w, nw_buffer *diff_dst,
                                nw_error *err)
{
    nw_buffer *dst, *weights = NULL;
    nw_status status = nw_fast_conv_plain(plan, node, &weights, err);
    if (status == NW_OK) status = nw_plan_diff_src(plan, node->inputs[0], &w->diff_src, &dst, err);
    if (status == NW_OK) return nw_tile_conv_step(plan, w->tiles, diff_dst, weights, NULL, NULL, dst, err);
    nw_tile_conv_free(w->tiles);
    return status;
}

static nw_status backward_onednn(nw_plan *plan, const nw_node *node, way *w, nw_buffer *diff_dst,
                                 nw_error *err)
{
    w->k.slots[NW_SLOT_DIFF_DST] = diff_dst;
    nw_status status = nw_fast_conv_pack(plan, node, w->k.kernel, &w->k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK)
        status = nw_plan_diff_src(plan, node->inputs[0], &w->diff_src, &w->k.slots[NW_SLOT_DIFF_SRC], err);
    if (status == NW_OK) return nw_fast_kernel_step(plan, &w->k, err);
    nw_kernel_free(w->k.kernel);
    return status;
}

/* d src = weights^T (d dst * act'(dst)), d weights = d dst * act'(dst) by src; what was added gets
 * d dst * act'(dst) as it is. */
nw_status nw_fast_conv_backward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                                nw_error *err)
{
    way w;
    nw_status status = choose(plan, node, conv, &w, err);
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    bool wants = nw_plan_wants_diff(plan, node->inputs[0]);
    bool learns = nw_plan_wants_diff(plan, node->inputs[1]);
    int bias = nw_has_in(node, 2) && nw_plan_wants_diff(plan, node->inputs[2]) ? node->inputs[2] : -1;
    /* Gradients are summed, and handed on to what was added, in float32. */
    int added = conv->add ? node->inputs[node->input_count - 1] : -1;
    bool hand_on = nw_plan_wants_diff(plan, added);
    if (w.integers && conv->act.kind == NW_ACT_RELU && !hand_on && !learns && bias < 0)
        return backward_int8(plan, node, conv, NULL, err);
    gradient diff;
    status = gather(plan, node, conv, wants || learns, hand_on, &w.diff_dst, &diff, err);
    nw_buffer *read = diff.narrow ? diff.narrow : diff.wide;
    if (status == NW_OK && hand_on) status = nw_plan_add_diff(plan, added, diff.wide, err);
    if (status == NW_OK && (learns || bias >= 0))
        status = nw_fast_conv_weights(plan, conv, node->inputs[0], node->inputs[1], bias, read, err);
    if (status != NW_OK || !wants) {
        nw_tile_conv_free(w.tiles);
        nw_kernel_free(w.k.kernel);
        return status;
    }
    if (w.tiles) return backward_tiles(plan, node, &w, read, err);
    if (w.integers) return backward_int8(plan, node, conv, read, err);
    if (w.flat) return backward_flat(plan, node, conv, read, err);
    return backward_onednn(plan, node, &w, read, err);
}
