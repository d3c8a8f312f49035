#include "ops/binary.h"

#include "ops/walk.h"

nw_status nw_infer_broadcast(nw_infer *cx, int i, nw_shape *shape)
{
    const nw_shape *other = &nw_infer_in(cx, i)->shape;
    nw_shape result;
    if (!nw_broadcast(shape, other, &result)) {
        char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
        return nw_infer_fail(cx, NW_BAD_MODEL, "shapes %s and %s do not broadcast",
                             nw_shape_text(shape, a, sizeof a), nw_shape_text(other, b, sizeof b));
    }
    *shape = result;
    return NW_OK;
}

static nw_status infer(nw_infer *cx, bool compares)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *a = nw_infer_in(cx, 0), *b = nw_infer_in(cx, 1);
    if (a->dtype != b->dtype)
        return nw_infer_fail(cx, NW_BAD_MODEL, "'%s' is %s and '%s' is %s; expected one type", a->name,
                             nw_dtype_name(a->dtype), b->name, nw_dtype_name(b->dtype));
    nw_shape shape = a->shape;
    NW_TRY(nw_infer_broadcast(cx, 1, &shape));
    return nw_infer_out(cx, 0, compares ? NW_BOOL : a->dtype, &shape);
}

nw_status nw_binary_infer(nw_infer *cx)
{
    return infer(cx, false);
}

nw_status nw_compare_infer(nw_infer *cx)
{
    return infer(cx, true);
}

static void start(const nw_ref *call, nw_walk *walk)
{
    const nw_shape *shapes[2] = {nw_in_shape(call->graph, call->node, 0),
                                 nw_in_shape(call->graph, call->node, 1)};
    nw_walk_start(walk, nw_out_shape(call->graph, call->node, 0), 2, shapes);
}

void nw_binary_forward(const nw_ref *call, const nw_binary *binary)
{
    nw_walk walk;
    start(call, &walk);
    double (*value)(double, double) = binary->value;
    if (binary->integer && nw_is_integer(call->graph->values[call->node->inputs[0]].dtype))
        value = binary->integer;
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk))
        call->dst[0][i] = value(call->src[0][walk.at[0]], call->src[1][walk.at[1]]);
}

/* A broadcast input gets the sum over the elements that read it: the walk visits each of them. */
void nw_binary_backward(const nw_ref *call, const nw_binary *binary)
{
    nw_walk walk;
    start(call, &walk);
    if (!call->diff_dst[0]) return;
    for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
        double a = call->src[0][walk.at[0]], b = call->src[1][walk.at[1]];
        double y = call->dst[0][i], diff = call->diff_dst[0][i];
        if (call->diff_src[0]) call->diff_src[0][walk.at[0]] += diff * binary->slope_a(a, b, y);
        if (call->diff_src[1]) call->diff_src[1][walk.at[1]] += diff * binary->slope_b(a, b, y);
    }
}
