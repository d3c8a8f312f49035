/* Where: the second input where the first is true, else the third; all three broadcast. */
#include "ops/binary.h"
#include "ops/walk.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 3, 3, 1, 1));
    const nw_value *a = nw_infer_in(cx, 1), *b = nw_infer_in(cx, 2);
    if (nw_infer_in(cx, 0)->dtype != NW_BOOL || a->dtype != b->dtype)
        return nw_infer_fail(cx, NW_BAD_MODEL, "takes a bool and two inputs of one type");
    nw_shape shape = nw_infer_in(cx, 0)->shape;
    NW_TRY(nw_infer_broadcast(cx, 1, &shape));
    NW_TRY(nw_infer_broadcast(cx, 2, &shape));
    return nw_infer_out(cx, 0, a->dtype, &shape);
}

static void start(const nw_ref *call, nw_walk *walk)
{
    const nw_shape *shapes[3];
    for (int i = 0; i < 3; i++) shapes[i] = nw_in_shape(call->graph, call->node, i);
    nw_walk_start(walk, nw_out_shape(call->graph, call->node, 0), 3, shapes);
}

static void forward(const nw_ref *call)
{
    nw_walk walk;
    start(call, &walk);
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
        int from = call->src[0][walk.at[0]] != 0 ? 1 : 2;
        call->dst[0][i] = call->src[from][walk.at[from]];
    }
}

static void backward(const nw_ref *call)
{
    nw_walk walk;
    start(call, &walk);
    if (!call->diff_dst[0]) return;
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
        int from = call->src[0][walk.at[0]] != 0 ? 1 : 2;
        if (call->diff_src[from]) call->diff_src[from][walk.at[from]] += call->diff_dst[0][i];
    }
}

const nw_op nw_op_Where = {
    .type = "Where", .since = 9, .limits = "", .infer = infer, .forward = forward, .backward = backward};
