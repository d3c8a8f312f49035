/* BatchNormalization as in inference: an affine function of each channel from recorded statistics. In training
 * mode: norm_training.c. Inputs src [batch, channels, ...], scale, shift, mean, variance [channels]. */
#include "ops/norm_training.h"

#include <math.h>

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 5, 5, 1, 5));
    const nw_value *x = nw_infer_in(cx, 0);
    if (x->shape.rank < 2)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "the input has %d dimensions; at least 2 are needed",
                             x->shape.rank);
    NW_TRY(nw_infer_float(cx, 0));
    for (int i = 1; i < 5; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        NW_TRY(nw_infer_float(cx, i));
        if (value->shape.rank != 1 || value->shape.dims[0] != x->shape.dims[1])
            return nw_infer_fail(cx, NW_BAD_MODEL,
                                 "input %d '%s' must have one number for each of %lld channels", i,
                                 value->name, (long long)x->shape.dims[1]);
    }
    bool training = nw_norm_is_training(cx->node), more = false;
    for (int i = 1; i < cx->node->output_count; i++) more |= cx->node->outputs[i] >= 0;
    if ((training || more) && (!training || cx->node->opset < 14))
        return nw_infer_fail(
            cx, NW_UNSUPPORTED,
            "is in the training mode of an opset before 14, or has more than one output; export the model for "
            "inference (model.eval())");
    if (cx->node->output_count > 3)
        return nw_infer_fail(cx, NW_BAD_MODEL, "has %d outputs; there are three", cx->node->output_count);
    for (int i = 1; i < cx->node->output_count; i++)
        NW_TRY(nw_infer_out(cx, i, nw_infer_in(cx, 2 + i)->dtype, &nw_infer_in(cx, 2 + i)->shape));
    if (cx->node->opset < 9 && nw_node_int(cx->node, "spatial", 1) == 0)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "spatial=0 (statistics for every pixel) is not supported");
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static double rate_of(const nw_ref *call, int64_t channel)
{
    return 1 / sqrt(call->src[4][channel] + (double)nw_node_float(call->node, "epsilon", 1e-5f));
}

static void forward(const nw_ref *call)
{
    if (nw_norm_is_training(call->node)) {
        nw_norm_training_forward(call);
        return;
    }
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    int64_t channels = shape->dims[1], planes = shape->dims[0] * channels, n = nw_span(shape, 2, shape->rank);
    for (int64_t p = 0; p < planes; p++) {
        int64_t c = p % channels;
        double slope = call->src[1][c] * rate_of(call, c), mean = call->src[3][c], shift = call->src[2][c];
        for (int64_t i = p * n; i < (p + 1) * n; i++)
            call->dst[0][i] = (call->src[0][i] - mean) * slope + shift;
    }
}

static void backward(const nw_ref *call)
{
    if (nw_norm_is_training(call->node)) {
        nw_norm_training_backward(call);
        return;
    }
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    int64_t channels = shape->dims[1], planes = shape->dims[0] * channels, n = nw_span(shape, 2, shape->rank);
    if (!call->diff_dst[0]) return;
    for (int64_t p = 0; p < planes; p++) {
        int64_t c = p % channels;
        double rate = rate_of(call, c), scale = call->src[1][c], mean = call->src[3][c], sum = 0, sum_x = 0;
        for (int64_t i = p * n; i < (p + 1) * n; i++) {
            double dy = call->diff_dst[0][i];
            if (call->diff_src[0]) call->diff_src[0][i] += dy * scale * rate;
            sum += dy;
            sum_x += dy * (call->src[0][i] - mean);
        }
        if (call->diff_src[1]) call->diff_src[1][c] += sum_x * rate;
        if (call->diff_src[2]) call->diff_src[2][c] += sum;
        if (call->diff_src[3]) call->diff_src[3][c] -= sum * scale * rate;
        if (call->diff_src[4]) call->diff_src[4][c] -= sum_x * scale * rate * rate * rate / 2;
    }
}

const nw_op nw_op_BatchNormalization = {
    .type = "BatchNormalization",
    .since = 7,
    .limits = "training mode from opset 14 on",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_norm,
};
