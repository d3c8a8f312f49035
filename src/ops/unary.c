#include "ops/unary.h"

static void read_parameters(const nw_ref *call, const nw_unary *unary, double parameters[2])
{
    for (int i = 0; i < 2; i++)
        parameters[i] =
            unary->attributes[i].name
                ? (double)nw_node_float(call->node, unary->attributes[i].name, unary->attributes[i].otherwise)
                : 0;
}

void nw_unary_forward(const nw_ref *call, const nw_unary *unary)
{
    double parameters[2];
    read_parameters(call, unary, parameters);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) call->dst[0][i] = unary->value(call->src[0][i], parameters);
}

void nw_unary_backward(const nw_ref *call, const nw_unary *unary)
{
    double parameters[2];
    read_parameters(call, unary, parameters);
    if (!call->diff_src[0] || !call->diff_dst[0]) return;
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++)
        call->diff_src[0][i] +=
            call->diff_dst[0][i] * unary->slope(call->src[0][i], call->dst[0][i], parameters);
}

nw_status nw_infer_same(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}
