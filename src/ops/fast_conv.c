/* Convolution, by the first of these that has it: 8-bit integers where the program may, 1x1 kernels of our
 * own, minimal filtering, kernels of our own for strides, and oneDNN with layouts of its choice, weights
 * packed once (at every run where they may change). Bias, sum and activation come in the same pass. */
#include "ops/fast_conv.h"
#include "base/parallel.h"
#include "ops/fast_conv_flat.h"
#include "ops/fast_conv_int8.h"
#include "ops/fast_conv_int8_winograd.h"
#include "ops/fast_conv_rows.h"
#include "ops/fast_conv_tiles.h"
#include "ops/fast_kernel.h"
#include "ops/int8_tile.h"
#include "ops/window.h"

#include <string.h>

static nw_status describe(nw_plan *plan, const nw_node *node, nw_conv_desc *out, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    nw_conv_desc conv = {.src = *nw_in_shape(graph, node, 0),
                         .weights = *nw_in_shape(graph, node, 1),
                         .dst = *nw_out_shape(graph, node, 0),
                         .groups = nw_node_int(node, "group", 1),
                         .bias = nw_has_in(node, 2),
                         .add = node->fused_add,
                         .act = node->act};
    nw_window w = {0};
    NW_TRY(nw_window_read(node, &conv.src, conv.weights.dims + 2, &w, err));
    for (int i = 0; i < w.rank; i++) {
        conv.strides[i] = w.stride[i];
        conv.dilations[i] = w.dilation[i];
        conv.pads_begin[i] = w.before[i];
        conv.pads_end[i] = w.after[i];
    }
    /* Depthwise and first layers are bound by memory, and oneDNN has no faster kernels for them. */
    conv.bf16 = nw_plan_bf16(plan) && conv.weights.dims[1] >= 16 && !nw_tile_conv_beats_bf16(&conv);
    *out = conv;
    return NW_OK;
}

static double flops(const nw_conv_desc *conv)
{
    return 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, conv->weights.rank);
}

/* On a single pixel oneDNN cuts the sums of a window by whether there is one thread or several. */
static bool is_alone(const nw_conv_desc *conv)
{
    return nw_span(&conv->dst, 2, conv->dst.rank) == 1 && nw_span(&conv->weights, 2, conv->weights.rank) > 1;
}

/* Weights that may change, packed by a step. */
static nw_status pack(nw_plan *plan, const nw_node *node, const nw_kernel *kernel, nw_buffer **out,
                      nw_error *err)
{
    nw_kernel_step k = {.kind = "pack"};
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, 1));
    NW_TRY(nw_plan_src(plan, node->inputs[1], &plain, out, err));
    NW_TRY(nw_weights_reorder(nw_plan_backend(plan), kernel, NW_SLOT_WEIGHTS, &k.kernel, err));
    if (!k.kernel) return NW_OK;
    k.slots[NW_SLOT_SRC] = *out;
    nw_status status = nw_plan_scratch(plan, nw_kernel_bytes(kernel, NW_SLOT_WEIGHTS), out, err);
    if (status != NW_OK) {
        nw_kernel_free(k.kernel);
        return status;
    }
    k.slots[NW_SLOT_DST] = *out;
    return nw_fast_kernel_step(plan, &k, err);
}

nw_status nw_fast_conv_pack(nw_plan *plan, const nw_node *node, const nw_kernel *kernel, nw_buffer **out,
                            nw_error *err)
{
    nw_tensor *plain = nw_fast_constant(plan, node, 1), *packed;
    if (!plain) return pack(plan, node, kernel, out, err);
    NW_TRY(nw_weights_pack(nw_plan_weights(plan), nw_plan_backend(plan), kernel, plain, &packed, err));
    nw_layout layout = nw_layout_plain(NW_F32, &packed->shape);
    return nw_plan_constant(plan, &layout, packed->data, packed, out, err);
}

static nw_status fail(nw_kernel *kernel, nw_status status)
{
    nw_kernel_free(kernel);
    return status;
}

/* Weights that may change; nothing for those of the model. */
static nw_status plain_weights(nw_plan *plan, const nw_node *node, nw_buffer **out, nw_error *err)
{
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, 1));
    return nw_fast_constant(plan, node, 1) ? NW_OK : nw_plan_src(plan, node->inputs[1], &plain, out, err);
}

/* What a convolution reads and writes beside its weights. */
typedef struct operands {
    nw_buffer *src, *bias, *add, *dst;
} operands;

static nw_status operands_of(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv,
                             const nw_layout *from, const nw_layout *to, operands *o, nw_error *err)
{
    *o = (operands){NULL, NULL, NULL, NULL};
    NW_TRY(nw_plan_src(plan, node->inputs[0], from, &o->src, err));
    if (conv->bias) NW_TRY(nw_plan_src(plan, node->inputs[2], NULL, &o->bias, err));
    if (conv->add) NW_TRY(nw_plan_src(plan, node->inputs[node->input_count - 1], to, &o->add, err));
    return nw_plan_dst(plan, node->outputs[0], to, &o->dst, err);
}

static nw_status forward_tiles(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv,
                               nw_tile_conv *fast, nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block()),
              to = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    operands o;
    nw_buffer *weights = NULL;
    nw_status status = plain_weights(plan, node, &weights, err);
    if (status == NW_OK) status = operands_of(plan, node, conv, &from, &to, &o, err);
    if (status == NW_OK) return nw_tile_conv_step(plan, fast, o.src, weights, o.bias, o.add, o.dst, err);
    nw_tile_conv_free(fast);
    return status;
}

/* By 8-bit integers, where the program may and there is a way. */
static bool in_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool backward)
{
    return nw_plan_int8(plan) && nw_fast_constant(plan, node, 1) && nw_int8_conv_fits(conv, backward);
}

static nw_status forward_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->src, 1, NW_INT8_BLOCK),
              to = nw_layout_blocked(NW_F32, &conv->dst, 1, NW_INT8_BLOCK);
    nw_int8_conv *fast;
    operands o;
    NW_TRY(operands_of(plan, node, conv, &from, &to, &o, err));
    if (nw_int8_winograd_fits(conv))
        return nw_int8_winograd_step(plan, conv, nw_fast_constant(plan, node, 1), false, o.src, NULL, o.bias,
                                     o.add, o.dst, err);
    NW_TRY(nw_int8_conv_make(plan, conv, nw_fast_constant(plan, node, 1), false, &fast, err));
    return nw_int8_conv_step(plan, fast, o.src, NULL, o.bias, o.add, o.dst, err);
}

/* 1x1, by kernels of our own. */
static bool is_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv)
{
    return nw_fast_constant(plan, node, 1) && nw_flat_conv_fits(conv);
}

static nw_status forward_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block()),
              to = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    operands o;
    NW_TRY(operands_of(plan, node, conv, &from, &to, &o, err));
    return nw_flat_conv_step(plan, conv, nw_fast_constant(plan, node, 1), false, o.src, o.bias, o.add, o.dst,
                             err);
}

/* With strides, by kernels of our own. */
static nw_status forward_rows(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block()),
              to = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    operands o;
    NW_TRY(operands_of(plan, node, conv, &from, &to, &o, err));
    return nw_rows_conv_step(plan, conv, nw_fast_constant(plan, node, 1), o.src, o.bias, o.add, o.dst, err);
}

static nw_status forward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                         nw_error *err)
{
    nw_layout src = {.dtype = conv->bf16 ? NW_BF16 : NW_F32, .block = 0};
    nw_layout dst = {.dtype = conv->bf16 && node->narrow ? NW_BF16 : NW_F32, .block = 0};
    nw_tile_conv *fast;
    if (in_int8(plan, node, conv, false)) return forward_int8(plan, node, conv, err);
    if (is_flat(plan, node, conv)) return forward_flat(plan, node, conv, err);
    if (nw_fast_constant(plan, node, 1) && nw_rows_conv_fits(conv))
        return forward_rows(plan, node, conv, err);
    NW_TRY(nw_tile_conv_make(plan, conv, nw_fast_constant(plan, node, 1), false, &fast, err));
    if (fast) return forward_tiles(plan, node, conv, fast, err);
    nw_kernel_step k = {.kind = "conv", .flops = flops(conv), .alone = is_alone(conv)};
    int threads = nw_threads_set(k.alone);
    nw_status status = nw_conv_forward(nw_plan_backend(plan), conv, &src, &dst, &k.kernel, err);
    nw_threads_set(threads);
    if (status == NW_UNSUPPORTED && conv->bf16) {
        conv->bf16 = false;
        return forward(plan, node, conv, declined, err);
    }
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    nw_buffer *add = NULL;
    status = nw_plan_src(plan, node->inputs[0], &src, &k.slots[NW_SLOT_SRC], err);
    if (status == NW_OK) status = nw_fast_conv_pack(plan, node, k.kernel, &k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK && conv->bias)
        status = nw_plan_src(plan, node->inputs[2], NULL, &k.slots[NW_SLOT_BIAS], err);
    if (status == NW_OK && conv->add)
        status = nw_plan_src(plan, node->inputs[node->input_count - 1], &dst, &add, err);
    if (status == NW_OK) status = nw_plan_dst(plan, node->outputs[0], &dst, &k.slots[NW_SLOT_DST], err);
    if (status != NW_OK) return fail(k.kernel, status);
    k.slots[NW_SLOT_ADD] = add;
    return nw_fast_kernel_step(plan, &k, err);
}

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

/* d src = weights^T (d dst * act'(dst)), d weights = d dst * act'(dst) by src; what was added gets
 * d dst * act'(dst) as it is. */
static nw_status backward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                          nw_error *err)
{
    nw_kernel_step k = {.kind = "conv", .flops = flops(conv), .alone = is_alone(conv)};
    const nw_layout *src = nw_plan_layout(plan, node->inputs[0]),
                    *dst = nw_plan_layout(plan, node->outputs[0]);
    bool wants = nw_plan_wants_diff(plan, node->inputs[0]);
    bool learns = nw_plan_wants_diff(plan, node->inputs[1]);
    int bias = nw_has_in(node, 2) && nw_plan_wants_diff(plan, node->inputs[2]) ? node->inputs[2] : -1;
    nw_layout diff_src = {0}, diff_dst = *dst;
    nw_tile_conv *fast = NULL;
    bool integers = wants && in_int8(plan, node, conv, true),
         flat = wants && !integers && is_flat(plan, node, conv);
    if (wants && !integers && !flat)
        NW_TRY(nw_tile_conv_make(plan, conv, nw_fast_constant(plan, node, 1), true, &fast, err));
    if (fast) {
        diff_src = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block());
        diff_dst = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    } else if (integers || flat) {
        diff_dst = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    } else if (wants) {
        int threads = nw_threads_set(k.alone);
        nw_status status = backward_kernel(plan, conv, src, dst, &diff_src, &diff_dst, &k.kernel, err);
        nw_threads_set(threads);
        bool slow = status == NW_OK && strstr(nw_kernel_impl(k.kernel), " ref");
        if (conv->bf16 && (status == NW_UNSUPPORTED || slow)) {
            nw_kernel_free(k.kernel);
            conv->bf16 = false;
            return backward(plan, node, conv, declined, err);
        }
        if (status == NW_UNSUPPORTED) {
            *declined = true;
            return NW_OK;
        }
        NW_TRY(status);
    }
    /* Gradients are summed, and handed on to what was added, in float32. */
    int added = conv->add ? node->inputs[node->input_count - 1] : -1;
    bool hand_on = nw_plan_wants_diff(plan, added);
    if (integers && conv->act.kind == NW_ACT_RELU && !hand_on && !learns && bias < 0)
        return backward_int8(plan, node, conv, NULL, err);
    gradient diff;
    nw_status status = gather(plan, node, conv, wants || learns, hand_on, &diff_dst, &diff, err);
    nw_buffer *read = diff.narrow ? diff.narrow : diff.wide;
    if (status == NW_OK && hand_on) status = nw_plan_add_diff(plan, added, diff.wide, err);
    if (status == NW_OK && (learns || bias >= 0))
        status = nw_fast_conv_weights(plan, conv, node->inputs[0], node->inputs[1], bias, read, err);
    if (status == NW_OK && fast) {
        nw_buffer *to, *weights = NULL;
        status = plain_weights(plan, node, &weights, err);
        if (status == NW_OK) status = nw_plan_diff_src(plan, node->inputs[0], &diff_src, &to, err);
        if (status == NW_OK) return nw_tile_conv_step(plan, fast, read, weights, NULL, NULL, to, err);
    }
    if (status == NW_OK && integers) return backward_int8(plan, node, conv, read, err);
    if (status == NW_OK && flat) return backward_flat(plan, node, conv, read, err);
    if (status != NW_OK || !wants) {
        nw_tile_conv_free(fast);
        return fail(k.kernel, status);
    }
    k.slots[NW_SLOT_DIFF_DST] = read;
    status = nw_fast_conv_pack(plan, node, k.kernel, &k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK)
        status = nw_plan_diff_src(plan, node->inputs[0], &diff_src, &k.slots[NW_SLOT_DIFF_SRC], err);
    return status == NW_OK ? nw_fast_kernel_step(plan, &k, err) : fail(k.kernel, status);
}

/* Weights are a tensor of the model or a variable of the program, not a result of other nodes: those, and
 * their gradients, are the reference's. */
static bool is_parameter(nw_plan *plan, const nw_node *node, int i)
{
    const nw_value *value = &nw_plan_graph(plan)->values[node->inputs[i]];
    return value->producer < 0 && value->dtype == NW_F32 && (!value->data || value->data->dtype == NW_F32);
}

nw_status nw_fast_conv(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    if (!is_parameter(plan, node, 1) || (nw_has_in(node, 2) && !is_parameter(plan, node, 2)) ||
        !nw_count(nw_out_shape(nw_plan_graph(plan), node, 0))) {
        *declined = true;
        return NW_OK;
    }
    nw_conv_desc conv;
    NW_TRY(describe(plan, node, &conv, err));
    return nw_plan_phase(plan) == NW_PHASE_FORWARD ? forward(plan, node, &conv, declined, err)
                                                   : backward(plan, node, &conv, declined, err);
}
