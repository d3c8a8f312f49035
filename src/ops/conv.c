/* Conv: N-dimensional cross-correlation, 1 <= N <= 3.
 * src [batch, channels, spatial...], weights [filters, channels / group, kernel...], bias [filters]. */
#include "ops/conv.h"

#include "base/memory.h"
#include "ops/fast.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 3, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    NW_TRY(nw_infer_float(cx, 1));
    const nw_value *x = nw_infer_in(cx, 0), *weights = nw_infer_in(cx, 1), *bias = nw_infer_in(cx, 2);
    if (x->shape.rank < 3 || x->shape.rank > 2 + NW_MAX_SPATIAL)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "the input has %d dimensions; 3 to 5 are supported",
                             x->shape.rank);
    if (weights->shape.rank != x->shape.rank)
        return nw_infer_fail(cx, NW_BAD_MODEL, "weights '%s' have %d dimensions, the input '%s' has %d",
                             weights->name, weights->shape.rank, x->name, x->shape.rank);
    int64_t channels = x->shape.dims[1], filters = weights->shape.dims[0], depth = weights->shape.dims[1];
    int64_t group = nw_node_int(cx->node, "group", 1), needed;
    if (group < 1 || filters < 1 || filters % group)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%lld filters cannot be split into %lld groups",
                             (long long)filters, (long long)group);
    if (depth < 1 || !nw_mul_i64(depth, group, &needed) || needed != channels)
        return nw_infer_fail(
            cx, NW_BAD_MODEL,
            "the input '%s' has %lld channels where weights '%s' of %lld channels in %lld groups "
            "need another number",
            x->name, (long long)channels, weights->name, (long long)depth, (long long)group);
    if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != filters))
        return nw_infer_fail(cx, NW_BAD_MODEL, "bias '%s' must have one number for each of %lld filters",
                             bias->name, (long long)filters);
    size_t n;
    const int64_t *kernel = nw_node_ints(cx->node, "kernel_shape", &n);
    if (kernel && n != (size_t)x->shape.rank - 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "kernel_shape has %zu numbers where %d are expected", n,
                             x->shape.rank - 2);
    for (size_t i = 0; kernel && i < n; i++)
        if (kernel[i] != weights->shape.dims[i + 2])
            return nw_infer_fail(cx, NW_BAD_MODEL, "kernel_shape[%zu] is %lld, the weights have %lld", i,
                                 (long long)kernel[i], (long long)weights->shape.dims[i + 2]);
    nw_window w;
    NW_TRY(nw_window_read(cx->node, &x->shape, weights->shape.dims + 2, &w, cx->err));
    nw_shape shape = {.rank = x->shape.rank, .dims = {x->shape.dims[0], filters}};
    for (int i = 0; i < w.rank; i++) shape.dims[i + 2] = w.dst[i];
    return nw_infer_out(cx, 0, x->dtype, &shape);
}

static nw_conv read_conv(const nw_ref *call)
{
    const nw_shape *src = nw_in_shape(call->graph, call->node, 0);
    const nw_shape *weights = nw_in_shape(call->graph, call->node, 1);
    const nw_shape *dst = nw_out_shape(call->graph, call->node, 0);
    nw_window window = {0};
    nw_window_read(call->node, src, weights->dims + 2, &window, NULL);
    return nw_conv_of(&window, src, weights, dst, nw_node_int(call->node, "group", 1));
}

static void forward(const nw_ref *call)
{
    nw_conv c = read_conv(call);
    nw_conv_start(nw_out_shape(call->graph, call->node, 0), nw_has_in(call->node, 2) ? call->src[2] : NULL,
                  call->dst[0]);
    nw_conv_product(&c, call->src[0], call->src[1], call->dst[0]);
}

static void backward(const nw_ref *call)
{
    nw_conv c = read_conv(call);
    const double *diff_dst = call->diff_dst[0];
    if (!diff_dst) return;
    if (call->diff_src[0]) nw_conv_diff_src(&c, diff_dst, call->src[1], call->diff_src[0]);
    if (call->diff_src[1]) nw_conv_diff_weights(&c, call->src[0], diff_dst, call->diff_src[1]);
    if (nw_has_in(call->node, 2) && call->diff_src[2])
        nw_conv_diff_bias(nw_out_shape(call->graph, call->node, 0), diff_dst, call->diff_src[2]);
}

const nw_op nw_op_Conv = {
    .type = "Conv",
    .since = 1,
    .limits = "1 to 3 spatial dimensions",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_conv,
};
