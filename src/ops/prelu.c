/* PRelu: x where x > 0, slope x elsewhere; the slope broadcasts to x. */
#include "ops/fast.h"
#include "ops/walk.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0), *slope = nw_infer_in(cx, 1);
    nw_shape shape;
    if (!nw_broadcast(&x->shape, &slope->shape, &shape) || !nw_shape_equal(&shape, &x->shape)) {
        char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
        return nw_infer_fail(cx, NW_BAD_MODEL, "a slope of shape %s does not broadcast to %s",
                             nw_shape_text(&slope->shape, a, sizeof a),
                             nw_shape_text(&x->shape, b, sizeof b));
    }
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static void start(const nw_ref *call, nw_walk *walk)
{
    const nw_shape *slope = nw_in_shape(call->graph, call->node, 1);
    nw_walk_start(walk, nw_out_shape(call->graph, call->node, 0), 1, &slope);
}

static void forward(const nw_ref *call)
{
    nw_walk walk;
    start(call, &walk);
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
        double x = call->src[0][i];
        call->dst[0][i] = x < 0 ? call->src[1][walk.at[0]] * x : x;
    }
}

static void backward(const nw_ref *call)
{
    nw_walk walk;
    start(call, &walk);
    if (!call->diff_dst[0]) return;
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
        double x = call->src[0][i], diff = call->diff_dst[0][i];
        if (call->diff_src[0]) call->diff_src[0][i] += x > 0 ? diff : diff * call->src[1][walk.at[0]];
        if (call->diff_src[1] && x <= 0) call->diff_src[1][walk.at[0]] += diff * x;
    }
}

const nw_op nw_op_PRelu = {.type = "PRelu",
                           .since = 7,
                           .limits = "",
                           .infer = infer,
                           .forward = forward,
                           .backward = backward,
                           .compile = nw_fast_prelu};
