/* ArgMax and ArgMin: the index along one axis, int64. The first of several equal ones, or the last with
 * select_last_index. */
#include "ops/reduce.h"

static nw_status split_axis(nw_infer *cx, nw_reduce_split *out)
{
    const nw_value *x = nw_infer_in(cx, 0);
    bool reduced[NW_MAX_RANK] = {false};
    int axis;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 0), x->shape.rank, false, &axis));
    reduced[axis] = true;
    nw_reduce_split_axes(&x->shape, reduced, nw_node_int(cx->node, "keepdims", 1) != 0, out);
    return NW_OK;
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    nw_reduce_split split;
    NW_TRY(split_axis(cx, &split));
    if (split.lane.count == 0) return nw_infer_fail(cx, NW_BAD_MODEL, "the axis has no elements");
    return nw_infer_out(cx, 0, NW_I64, &split.shape);
}

static void forward(const nw_ref *call, double sign)
{
    nw_infer cx = {.graph = (nw_graph *)call->graph, .node = (nw_node *)call->node};
    nw_reduce_split split;
    if (split_axis(&cx, &split) != NW_OK) return;
    bool last = nw_node_int(call->node, "select_last_index", 0) != 0;
    for (int64_t o = 0; o < split.kept.count; o++, nw_walk_next(&split.kept)) {
        nw_walk *lane = &split.lane;
        lane->at[0] = split.kept.at[0];
        double best = 0;
        int64_t index = 0;
        for (int64_t i = 0; i < lane->count; i++, nw_walk_next(lane)) {
            double x = sign * call->src[0][lane->at[0]];
            if (i == 0 || x > best || (last && x == best)) {
                best = x;
                index = i;
            }
        }
        call->dst[0][o] = (double)index;
    }
}

static void max_forward(const nw_ref *call)
{
    forward(call, 1);
}
static void min_forward(const nw_ref *call)
{
    forward(call, -1);
}

const nw_op nw_op_ArgMax = {
    .type = "ArgMax", .since = 1, .limits = "", .infer = infer, .forward = max_forward};
const nw_op nw_op_ArgMin = {
    .type = "ArgMin", .since = 1, .limits = "", .infer = infer, .forward = min_forward};
