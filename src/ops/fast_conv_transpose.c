/* ConvTranspose by oneDNN: forward it is a convolution's gradient, and its gradient is that convolution. */
#include "ops/conv_transpose.h"
#include "ops/fast_conv.h"
#include "ops/fast_kernel.h"
#include "ops/fast_loop.h"

#include <string.h>

/* The convolution from what the node makes to what it reads. False where there is none that reads all of it:
 * an output padding of a stride and more. */
static bool describe(nw_plan *plan, const nw_node *node, nw_conv_desc *out)
{
    const nw_graph *graph = nw_plan_graph(plan);
    nw_conv_desc conv = {.src = *nw_out_shape(graph, node, 0),
                         .weights = *nw_in_shape(graph, node, 1),
                         .dst = *nw_in_shape(graph, node, 0),
                         .groups = nw_node_int(node, "group", 1)};
    nw_window w = {0};
    if (nw_conv_transpose_window(node, &conv.dst, conv.weights.dims + 2, &w, NULL) != NW_OK) return false;
    for (int i = 0; i < w.rank; i++) {
        int64_t extent = w.dilation[i] * (w.kernel[i] - 1) + 1;
        conv.strides[i] = w.stride[i];
        conv.dilations[i] = w.dilation[i];
        conv.pads_begin[i] = w.before[i];
        /* So that the windows fill it to the last element. */
        conv.pads_end[i] = w.stride[i] * (w.dst[i] - 1) + extent - w.src[i] - w.before[i];
        if (conv.pads_end[i] <= -w.stride[i]) return false;
    }
    *out = conv;
    return true;
}

static double flops(const nw_conv_desc *conv)
{
    return 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, conv->weights.rank);
}

static nw_status fail(nw_kernel *kernel, nw_status status)
{
    nw_kernel_free(kernel);
    return status;
}

/* The first of these layouts with which oneDNN is fast; its slow implementation is the last resort. */
static nw_status choose(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_layout *src,
                        nw_layout *dst, nw_kernel **out, nw_error *err)
{
    int block = nw_plan_block(plan);
    const nw_layout *have = nw_plan_layout(plan, node->inputs[0]);
    const nw_layout tries[3][2] = {
        {nw_layout_blocked(NW_F32, &conv->src, 1, block),
         nw_layout_blocked(NW_F32, &conv->dst, have->axis, have->block)},
        {nw_layout_blocked(NW_F32, &conv->src, 1, block), nw_layout_blocked(NW_F32, &conv->dst, 1, block)},
        {nw_layout_plain(NW_F32, &conv->src), nw_layout_plain(NW_F32, &conv->dst)}};
    nw_status status = NW_UNSUPPORTED;
    *out = NULL;
    for (int i = 0; i < 3; i++) {
        nw_kernel *kernel;
        if (i == 0 && have->block > 1 && have->axis != 1) continue;
        nw_status s = nw_conv_backward(nw_plan_backend(plan), conv, &tries[i][0], &tries[i][1], &kernel, err);
        if (s != NW_OK) {
            if (!*out) status = s;
            continue;
        }
        bool slow = strstr(nw_kernel_impl(kernel), " ref") != NULL;
        if (*out && slow) {
            nw_kernel_free(kernel);
            continue;
        }
        nw_kernel_free(*out);
        *out = kernel;
        status = NW_OK;
        *dst = tries[i][0];
        *src = tries[i][1];
        if (!slow) break;
    }
    return status;
}

static void add_bias(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row);
        float *y = nw_loop_dst(loop, row), v[16];
        nw_loop_channels(loop, loop->src[1]->data, row, 0, v);
        if (block == 16)
            for (int64_t i = 0; i < n; i += 16)
                for (int b = 0; b < 16; b++) y[i + b] = x[i + b] + v[b];
        else
            for (int64_t i = 0; i < n; i += block)
                for (int64_t b = 0; b < block; b++) y[i + b] = x[i + b] + v[b];
    }
}

static nw_status forward(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool *declined,
                         nw_error *err)
{
    nw_layout src, dst;
    nw_kernel_step k = {.kind = "conv transpose", .flops = flops(conv)};
    nw_status status = choose(plan, node, conv, &src, &dst, &k.kernel, err);
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    bool bias = nw_has_in(node, 2);
    nw_buffer **result = &k.slots[NW_SLOT_DIFF_SRC];
    status = nw_plan_src(plan, node->inputs[0], &src, &k.slots[NW_SLOT_DIFF_DST], err);
    if (status == NW_OK) status = nw_fast_conv_pack(plan, node, k.kernel, &k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK)
        status = bias ? nw_plan_buffer(plan, &dst, result, err)
                      : nw_plan_dst(plan, node->outputs[0], &dst, result, err);
    if (status != NW_OK) return fail(k.kernel, status);
    NW_TRY(nw_fast_kernel_step(plan, &k, err));
    if (!bias) return NW_OK;
    nw_loop loop = {.kind = "bias",
                    .fn = add_bias,
                    .src = {*result},
                    .shape = nw_layout_loops(&dst, 1),
                    .in_place = true};
    NW_TRY(nw_plan_src(plan, node->inputs[2], NULL, &loop.src[1], err));
    NW_TRY(nw_plan_dst(plan, node->outputs[0], &dst, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}

static nw_status backward(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, bool *declined,
                          nw_error *err)
{
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    nw_layout diff_dst = {.dtype = NW_F32, .block = 0}, diff_src = diff_dst;
    nw_kernel_step k = {.kind = "conv transpose", .flops = flops(conv)};
    nw_status status = nw_conv_forward(nw_plan_backend(plan), conv, &diff_dst, &diff_src, &k.kernel, err);
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    status = nw_plan_diff_dst(plan, node->outputs[0], &diff_dst, &k.slots[NW_SLOT_SRC], err);
    if (status == NW_OK) status = nw_fast_conv_pack(plan, node, k.kernel, &k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK)
        status = nw_plan_diff_src(plan, node->inputs[0], &diff_src, &k.slots[NW_SLOT_DST], err);
    return status == NW_OK ? nw_fast_kernel_step(plan, &k, err) : fail(k.kernel, status);
}

nw_status nw_fast_conv_transpose(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    /* Weights that change from run to run, and their gradients, are the reference's. */
    const nw_tensor *w = nw_fast_constant(plan, node, 1);
    bool bias = nw_has_in(node, 2) && !nw_fast_constant(plan, node, 2);
    nw_conv_desc conv;
    if (!w || w->dtype != NW_F32 || bias || !nw_count(nw_in_shape(nw_plan_graph(plan), node, 0)) ||
        !describe(plan, node, &conv)) {
        *declined = true;
        return NW_OK;
    }
    return nw_plan_phase(plan) == NW_PHASE_FORWARD ? forward(plan, node, &conv, declined, err)
                                                   : backward(plan, node, &conv, declined, err);
}
