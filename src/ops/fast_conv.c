/* Convolution: what it is, and what forward and backward steps share. */
#include "ops/fast_conv_flat.h"
#include "ops/fast_conv_int8.h"
#include "ops/fast_conv_internal.h"
#include "ops/fast_conv_tiles.h"
#include "ops/fast_kernel.h"
#include "ops/window.h"

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
    conv.bf16 = nw_plan_bf16(plan) && conv.weights.dims[1] >= 16 &&
                !nw_tile_conv_beats_bf16(&conv, nw_fast_constant(plan, node, 1));
    *out = conv;
    return NW_OK;
}

double nw_fast_conv_flops(const nw_conv_desc *conv)
{
    return 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, conv->weights.rank);
}

bool nw_fast_conv_is_alone(const nw_conv_desc *conv)
{
    bool window = nw_span(&conv->weights, 2, conv->weights.rank) > 1;
    return nw_span(&conv->dst, 2, conv->dst.rank) == 1 && (window || conv->bf16);
}

bool nw_fast_conv_in_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool backward)
{
    return nw_plan_int8(plan) && nw_fast_constant(plan, node, 1) && nw_int8_conv_fits(conv, backward);
}

bool nw_fast_conv_is_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv)
{
    return nw_fast_constant(plan, node, 1) && nw_flat_conv_fits(conv);
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

nw_status nw_fast_conv_plain(nw_plan *plan, const nw_node *node, nw_buffer **out, nw_error *err)
{
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, 1));
    return nw_fast_constant(plan, node, 1) ? NW_OK : nw_plan_src(plan, node->inputs[1], &plain, out, err);
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
    return nw_plan_phase(plan) == NW_PHASE_FORWARD ? nw_fast_conv_forward(plan, node, &conv, declined, err)
                                                   : nw_fast_conv_backward(plan, node, &conv, declined, err);
}
