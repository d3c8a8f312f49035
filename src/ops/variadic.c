/* Sum, Mean, Max and Min of any number of inputs that broadcast (before opset 8 models have equal shapes).
 * Where several inputs hold the largest value they share its gradient in equal parts, as in PyTorch. */
#include "ops/binary.h"
#include "ops/fast.h"
#include "ops/walk.h"

#include <limits.h>

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, INT_MAX, 1, 1));
    const nw_value *first = nw_infer_in(cx, 0);
    nw_shape shape = first->shape;
    for (int i = 1; i < cx->node->input_count; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        if (!value) return nw_infer_fail(cx, NW_BAD_MODEL, "input %d must not be omitted", i);
        if (value->dtype != first->dtype)
            return nw_infer_fail(cx, NW_BAD_MODEL, "'%s' is %s and '%s' is %s; expected one type",
                                 first->name, nw_dtype_name(first->dtype), value->name,
                                 nw_dtype_name(value->dtype));
        NW_TRY(nw_infer_broadcast(cx, i, &shape));
    }
    return nw_infer_out(cx, 0, first->dtype, &shape);
}

/* Puts input i into dst: dst = step(dst, src), or a copy of the first. */
static void fold(const nw_ref *call, double (*step)(double, double))
{
    double *dst = call->dst[0];
    for (int k = 0; k < call->node->input_count; k++) {
        const nw_shape *shape = nw_in_shape(call->graph, call->node, k);
        nw_walk walk;
        nw_walk_start(&walk, nw_out_shape(call->graph, call->node, 0), 1, &shape);
        for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
            double x = call->src[k][walk.at[0]];
            dst[i] = k ? step(dst[i], x) : x;
        }
    }
}

/* Elements of input k that broadcast to element i of the result. */
static double element(const nw_ref *call, int k, int64_t i)
{
    const nw_shape *dst = nw_out_shape(call->graph, call->node, 0);
    const nw_shape *src = nw_in_shape(call->graph, call->node, k);
    int64_t at = 0, stride = 1;
    for (int d = dst->rank - 1, s = src->rank - 1; s >= 0; d--, s--) {
        if (src->dims[s] != 1) at += stride * (i % dst->dims[d]);
        stride *= src->dims[s];
        i /= dst->dims[d];
    }
    return call->src[k][at];
}

/* Adds weight * diff_dst to every input, for all elements or those that equal the result. */
static void spread(const nw_ref *call, double weight, bool extreme_only)
{
    if (!call->diff_dst[0]) return;
    for (int k = 0; k < call->node->input_count; k++) {
        if (!call->diff_src[k]) continue;
        const nw_shape *shape = nw_in_shape(call->graph, call->node, k);
        nw_walk walk;
        nw_walk_start(&walk, nw_out_shape(call->graph, call->node, 0), 1, &shape);
        for (int64_t i = 0; i < walk.count; i++, nw_walk_next(&walk)) {
            double share = weight;
            if (extreme_only) {
                if (call->src[k][walk.at[0]] != call->dst[0][i]) continue;
                int ties = 0;
                for (int j = 0; j < call->node->input_count; j++)
                    ties += element(call, j, i) == call->dst[0][i];
                share = 1.0 / ties;
            }
            call->diff_src[k][walk.at[0]] += share * call->diff_dst[0][i];
        }
    }
}

static double add(double a, double b)
{
    return a + b;
}

/* A NaN on either side stays. */
static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}
static double smaller(double a, double b)
{
    return a < b || a != a ? a : b;
}

static void sum_forward(const nw_ref *call)
{
    fold(call, add);
}
static void sum_backward(const nw_ref *call)
{
    spread(call, 1, false);
}
static void mean_forward(const nw_ref *call)
{
    fold(call, add);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) call->dst[0][i] /= call->node->input_count;
}
static void mean_backward(const nw_ref *call)
{
    spread(call, 1.0 / call->node->input_count, false);
}
static void max_forward(const nw_ref *call)
{
    fold(call, larger);
}
static void min_forward(const nw_ref *call)
{
    fold(call, smaller);
}
static void extreme_backward(const nw_ref *call)
{
    spread(call, 1, true);
}

const nw_op nw_op_Sum = {.type = "Sum",
                         .since = 6,
                         .limits = "",
                         .infer = infer,
                         .forward = sum_forward,
                         .backward = sum_backward,
                         .compile = nw_fast_variadic};
const nw_op nw_op_Mean = {.type = "Mean",
                          .since = 6,
                          .limits = "",
                          .infer = infer,
                          .forward = mean_forward,
                          .backward = mean_backward,
                          .compile = nw_fast_variadic};
const nw_op nw_op_Max = {.type = "Max",
                         .since = 6,
                         .limits = "",
                         .infer = infer,
                         .forward = max_forward,
                         .backward = extreme_backward,
                         .compile = nw_fast_variadic};
const nw_op nw_op_Min = {.type = "Min",
                         .since = 6,
                         .limits = "",
                         .infer = infer,
                         .forward = min_forward,
                         .backward = extreme_backward,
                         .compile = nw_fast_variadic};
