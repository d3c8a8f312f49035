/* ConvTranspose: the gradient of a convolution as an operator of its own, 1 to 3 spatial dimensions.
 * src [batch, channels, spatial...], weights [channels, filters / group, kernel...], bias [filters]. */
#include "ops/conv_transpose.h"

#include "base/memory.h"
#include "ops/conv.h"
#include "ops/fast.h"

#include <string.h>

/* output_shape: the spatial dimensions; some exporters write batch and channels in front. */
static nw_status read_output_shape(const nw_node *node, int rank, const int64_t **shape, nw_error *err)
{
    size_t n;
    *shape = nw_node_ints(node, "output_shape", &n);
    if (*shape && n == (size_t)rank + 2)
        *shape += 2;
    else if (*shape && n != (size_t)rank)
        return nw_fail(err, NW_BAD_MODEL, "attribute output_shape has %zu numbers where %d are expected", n,
                       rank);
    for (int i = 0; *shape && i < rank; i++)
        if ((*shape)[i] < 1 || (*shape)[i] > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL, "attribute output_shape[%d] is %lld", i,
                           (long long)(*shape)[i]);
    return NW_OK;
}

nw_status nw_conv_transpose_window(const nw_node *node, const nw_shape *src, const int64_t *kernel,
                                   nw_window *out, nw_error *err)
{
    nw_window w = {.rank = src->rank - 2};
    int64_t pads[2 * NW_MAX_SPATIAL], extra[NW_MAX_SPATIAL];
    const int64_t *wanted;
    if (w.rank < 1 || w.rank > NW_MAX_SPATIAL)
        return nw_fail(err, NW_UNSUPPORTED, "the input has %d dimensions; 3 to 5 are supported", src->rank);
    size_t rank = (size_t)w.rank;
    NW_TRY(nw_window_ints(node, "strides", rank, 1, 1, w.stride, err));
    NW_TRY(nw_window_ints(node, "dilations", rank, 1, 1, w.dilation, err));
    NW_TRY(nw_window_ints(node, "pads", 2 * rank, 0, 0, pads, err));
    NW_TRY(nw_window_ints(node, "output_padding", rank, 0, 0, extra, err));
    NW_TRY(read_output_shape(node, w.rank, &wanted, err));
    const char *auto_pad = nw_node_string(node, "auto_pad", "NOTSET");
    bool upper = strcmp(auto_pad, "SAME_UPPER") == 0, lower = strcmp(auto_pad, "SAME_LOWER") == 0;
    bool valid = strcmp(auto_pad, "VALID") == 0;
    if (!upper && !lower && !valid && strcmp(auto_pad, "NOTSET") != 0 && *auto_pad)
        return nw_fail(err, NW_BAD_MODEL,
                       "auto_pad is '%s'; expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto_pad);
    for (int i = 0; i < w.rank; i++) {
        w.dst[i] = src->dims[i + 2];
        w.kernel[i] = kernel[i];
        if (w.dst[i] < 1 || w.dst[i] > INT32_MAX || w.kernel[i] < 1 || w.kernel[i] > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL,
                           "dimension %d has %lld elements and a kernel of %lld; both must be 1 to %d", i + 2,
                           (long long)w.dst[i], (long long)w.kernel[i], INT32_MAX);
        int64_t whole, full;
        if (!nw_mul_i64(w.stride[i], w.dst[i] - 1, &whole) ||
            !nw_add_i64(whole, w.dilation[i] * (w.kernel[i] - 1) + 1 + extra[i], &full) || full > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL, "dimension %d would get more than %d elements", i + 2,
                           INT32_MAX);
        if (wanted || upper || lower) {
            w.src[i] = wanted ? wanted[i] : w.dst[i] * w.stride[i];
            int64_t pad = full > w.src[i] ? full - w.src[i] : 0;
            w.before[i] = upper ? pad / 2 : pad - pad / 2;
            w.after[i] = pad - w.before[i];
        } else {
            w.before[i] = valid ? 0 : pads[i];
            w.after[i] = valid ? 0 : pads[w.rank + i];
            w.src[i] = full - w.before[i] - w.after[i];
        }
        if (w.src[i] < 1 || w.src[i] > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL, "dimension %d would get %lld elements", i + 2,
                           (long long)w.src[i]);
    }
    *out = w;
    return NW_OK;
}

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
    int64_t channels = x->shape.dims[1], group = nw_node_int(cx->node, "group", 1), filters;
    if (weights->shape.dims[0] != channels || group < 1 || channels < 1 || channels % group)
        return nw_infer_fail(
            cx, NW_BAD_MODEL, "the input '%s' has %lld channels, weights '%s' are for %lld in %lld groups",
            x->name, (long long)channels, weights->name, (long long)weights->shape.dims[0], (long long)group);
    if (weights->shape.dims[1] < 1 || !nw_mul_i64(weights->shape.dims[1], group, &filters))
        return nw_infer_fail(cx, NW_BAD_MODEL, "weights '%s' have %lld filters a group", weights->name,
                             (long long)weights->shape.dims[1]);
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
    NW_TRY(nw_conv_transpose_window(cx->node, &x->shape, weights->shape.dims + 2, &w, cx->err));
    nw_shape shape = {.rank = x->shape.rank, .dims = {x->shape.dims[0], filters}};
    for (int i = 0; i < w.rank; i++) shape.dims[i + 2] = w.src[i];
    return nw_infer_out(cx, 0, x->dtype, &shape);
}

static nw_conv read_conv(const nw_ref *call)
{
    const nw_shape *src = nw_in_shape(call->graph, call->node, 0);
    const nw_shape *weights = nw_in_shape(call->graph, call->node, 1);
    nw_window window = {0};
    nw_conv_transpose_window(call->node, src, weights->dims + 2, &window, NULL);
    return nw_conv_of(&window, nw_out_shape(call->graph, call->node, 0), weights, src,
                      nw_node_int(call->node, "group", 1));
}

static void forward(const nw_ref *call)
{
    nw_conv c = read_conv(call);
    nw_conv_start(nw_out_shape(call->graph, call->node, 0), nw_has_in(call->node, 2) ? call->src[2] : NULL,
                  call->dst[0]);
    nw_conv_diff_src(&c, call->src[0], call->src[1], call->dst[0]);
}

static void backward(const nw_ref *call)
{
    nw_conv c = read_conv(call);
    const double *diff_dst = call->diff_dst[0];
    if (!diff_dst) return;
    if (call->diff_src[0]) nw_conv_product(&c, diff_dst, call->src[1], call->diff_src[0]);
    if (call->diff_src[1]) nw_conv_diff_weights(&c, diff_dst, call->src[0], call->diff_src[1]);
    if (nw_has_in(call->node, 2) && call->diff_src[2])
        nw_conv_diff_bias(nw_out_shape(call->graph, call->node, 0), diff_dst, call->diff_src[2]);
}

const nw_op nw_op_ConvTranspose = {
    .type = "ConvTranspose",
    .since = 1,
    .limits = "1 to 3 spatial dimensions",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_conv_transpose,
};
