/* Clip: limits as attributes up to opset 10, as inputs from 11 on. Gradients pass
 * where min < x < max: at the limits they do not, as in PyTorch's ReLU6 (its clamp lets them pass there). */
#include "ops/fast.h"

#include <math.h>

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, cx->node->opset < 11 ? 1 : 3, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    for (int i = 1; i < 3; i++) {
        const nw_value *limit = nw_infer_in(cx, i);
        if (limit && nw_count(&limit->shape) != 1)
            return nw_infer_fail(cx, NW_BAD_MODEL, "limit '%s' must be one number", limit->name);
    }
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static double limit(const nw_ref *call, int i, const char *attribute, double otherwise)
{
    if (call->node->opset < 11) return (double)nw_node_float(call->node, attribute, (float)otherwise);
    return nw_has_in(call->node, i) ? call->src[i][0] : otherwise;
}

static void forward(const nw_ref *call)
{
    double low = limit(call, 1, "min", -INFINITY), high = limit(call, 2, "max", INFINITY);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) {
        double y = call->src[0][i];
        if (y < low) y = low;
        if (y > high) y = high;
        call->dst[0][i] = y;
    }
}

static void backward(const nw_ref *call)
{
    double low = limit(call, 1, "min", -INFINITY), high = limit(call, 2, "max", INFINITY);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    if (!call->diff_dst[0]) return;
    for (int64_t i = 0; i < n; i++) {
        double x = call->src[0][i];
        int input = x >= high || low > high ? 2 : x <= low ? 1 : 0; /* where the result came from */
        if (nw_has_in(call->node, input) && call->diff_src[input])
            call->diff_src[input][input ? 0 : i] += call->diff_dst[0][i];
    }
}

const nw_op nw_op_Clip = {.type = "Clip",
                          .since = 6,
                          .limits = "",
                          .infer = infer,
                          .forward = forward,
                          .backward = backward,
                          .compile = nw_fast_unary};
