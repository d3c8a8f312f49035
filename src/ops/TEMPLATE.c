/* How to add an operator: copy this file, rename, and add a line to ops.def. A test compiles this file as it
 * is, under the name "Template", and runs it through the checks that every operator passes.
 *
 * Template(x) = x * alpha (attribute, default 2).
 */
#include "ops/op.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static void forward(const nw_ref *call)
{
    double alpha = (double)nw_node_float(call->node, "alpha", 2);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) call->dst[0][i] = alpha * call->src[0][i];
}

/* d loss / d src = d loss / d dst * alpha. Always added: several nodes may read the same value. */
static void backward(const nw_ref *call)
{
    double alpha = (double)nw_node_float(call->node, "alpha", 2);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    if (!call->diff_src[0]) return;
    for (int64_t i = 0; i < n; i++) call->diff_src[0][i] += alpha * call->diff_dst[0][i];
}

/* No fast path: .compile stays NULL and the reference stands in. */
const nw_op nw_op_Template = {
    .type = "Template",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
