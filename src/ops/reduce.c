/* Reductions over axes: ReduceSum, ReduceMean, ... Axes are an attribute up to opset 12 (ReduceSum) or 17
 * (the others) and an input after that. Elements that share a maximum or minimum share its gradient. */
#include "ops/reduce.h"

#include "ops/fast.h"

#include <math.h>
#include <string.h>

/* The kinds. x: the input; lane: walks over the elements that make one result, from lane->at[0] back to it.
 */
typedef struct reduction {
    double (*value)(const double *x, nw_walk *lane);
    /* What all derivatives of a lane have in common; NULL: 0. */
    double (*common)(const double *x, nw_walk *lane, double y);
    /* d y / d x of one element. */
    double (*slope)(double x, double y, double common);
} reduction;

#define EACH(lane) for (int64_t i = 0; i < (lane)->count; i++, nw_walk_next(lane))
#define VALUE(name, before, step, result)                                                                    \
    static double name(const double *x, nw_walk *lane)                                                       \
    {                                                                                                        \
        double y = before;                                                                                   \
        EACH(lane)                                                                                           \
        {                                                                                                    \
            double v = x[lane->at[0]];                                                                       \
            step;                                                                                            \
        }                                                                                                    \
        return result;                                                                                       \
    }
#define SLOPE(name, expression)                                                                              \
    static double name(double x, double y, double common)                                                    \
    {                                                                                                        \
        (void)x, (void)y, (void)common;                                                                      \
        return expression;                                                                                   \
    }

VALUE(sum, 0, y += v, y)
SLOPE(sum_slope, 1)

VALUE(mean, 0, y += v, y / (double)lane->count)
static double mean_common(const double *x, nw_walk *lane, double y)
{
    (void)x, (void)y;
    return 1 / (double)lane->count;
}
SLOPE(mean_slope, common)

VALUE(largest, -INFINITY, y = v > y || v != v ? v : y, y)
VALUE(smallest, INFINITY, y = v < y || v != v ? v : y, y)
static double share(const double *x, nw_walk *lane, double y)
{
    double ties = 0;
    EACH(lane) ties += x[lane->at[0]] == y;
    return 1 / ties;
}
SLOPE(extreme_slope, x == y ? common : 0)

VALUE(product, 1, y *= v, y)
/* The product without the one zero there is: the derivative at that zero. */
static double product_common(const double *x, nw_walk *lane, double y)
{
    (void)y;
    double others = 1;
    int zeros = 0;
    EACH(lane)
    {
        double v = x[lane->at[0]];
        if (v != 0)
            others *= v;
        else
            zeros++;
    }
    return zeros == 1 ? others : 0;
}
SLOPE(product_slope, x != 0 ? y / x : common)

VALUE(l1, 0, y += fabs(v), y)
SLOPE(l1_slope, (x > 0) - (x < 0))

VALUE(l2, 0, y += v * v, sqrt(y))
SLOPE(l2_slope, y == 0 ? 0 : x / y)

VALUE(log_sum, 0, y += v, log(y))
SLOPE(log_sum_slope, exp(-y))

static double log_sum_exp(const double *x, nw_walk *lane)
{
    double most = largest(x, lane), y = 0;
    if (isinf(most)) return most;
    EACH(lane) y += exp(x[lane->at[0]] - most);
    return most + log(y);
}
SLOPE(log_sum_exp_slope, exp(x - y))

VALUE(sum_square, 0, y += v * v, y)
SLOPE(sum_square_slope, 2 * x)

static const reduction identity = {sum, NULL, sum_slope};

nw_status nw_reduce_axes(nw_infer *cx, nw_reduce_split *out)
{
    const nw_value *x = nw_infer_in(cx, 0);
    int64_t axes[NW_MAX_RANK];
    const int64_t *attribute;
    size_t attribute_count;
    int count;
    attribute = nw_node_ints(cx->node, "axes", &attribute_count);
    if (attribute) {
        if (attribute_count > NW_MAX_RANK)
            return nw_infer_fail(cx, NW_BAD_MODEL, "has %zu axes", attribute_count);
        count = (int)attribute_count;
        memcpy(axes, attribute, attribute_count * sizeof *axes);
    } else {
        NW_TRY(nw_infer_ints(cx, 1, axes, NW_MAX_RANK, &count));
    }
    bool none = count <= 0, reduced[NW_MAX_RANK] = {false};
    out->nothing = none && nw_node_int(cx->node, "noop_with_empty_axes", 0) != 0;
    for (int i = 0; i < count; i++) {
        int axis;
        NW_TRY(nw_infer_axis(cx, axes[i], x->shape.rank, false, &axis));
        reduced[axis] = true;
    }
    if (none)
        for (int i = 0; i < x->shape.rank; i++) reduced[i] = !out->nothing;
    nw_reduce_split_axes(&x->shape, reduced, nw_node_int(cx->node, "keepdims", 1) != 0, out);
    return NW_OK;
}

void nw_reduce_split_axes(const nw_shape *x, const bool *reduced, bool keep, nw_reduce_split *out)
{
    int64_t strides[NW_MAX_RANK];
    nw_strides(x, strides);
    out->shape.rank = 0;
    memcpy(out->reduced, reduced, (size_t)x->rank * sizeof *reduced);
    memset(&out->kept, 0, sizeof out->kept);
    memset(&out->lane, 0, sizeof out->lane);
    out->kept.operands = out->lane.operands = 1;
    out->kept.count = out->lane.count = 1;
    for (int i = 0; i < x->rank; i++) {
        nw_walk *walk = reduced[i] ? &out->lane : &out->kept;
        walk->dims[walk->rank] = x->dims[i];
        walk->strides[0][walk->rank++] = strides[i];
        walk->count *= x->dims[i];
        if (!reduced[i] || keep) out->shape.dims[out->shape.rank++] = reduced[i] ? 1 : x->dims[i];
    }
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 2, 1, 1));
    nw_reduce_split split;
    NW_TRY(nw_reduce_axes(cx, &split));
    return nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &split.shape);
}

/* With noop_with_empty_axes nothing is reduced and the input comes out as it is, whatever the kind. */
static const reduction *prepare(const nw_ref *call, const reduction *kind, nw_reduce_split *split)
{
    nw_infer cx = {.graph = (nw_graph *)call->graph, .node = (nw_node *)call->node};
    nw_reduce_axes(&cx, split);
    return split->nothing ? &identity : kind;
}

static void forward(const nw_ref *call, const reduction *kind)
{
    nw_reduce_split split;
    kind = prepare(call, kind, &split);
    for (int64_t o = 0; o < split.kept.count; o++, nw_walk_next(&split.kept)) {
        split.lane.at[0] = split.kept.at[0];
        call->dst[0][o] = kind->value(call->src[0], &split.lane);
    }
}

static void backward(const nw_ref *call, const reduction *kind)
{
    nw_reduce_split split;
    kind = prepare(call, kind, &split);
    if (!call->diff_src[0] || !call->diff_dst[0]) return;
    const double *x = call->src[0];
    for (int64_t o = 0; o < split.kept.count; o++, nw_walk_next(&split.kept)) {
        nw_walk *lane = &split.lane;
        lane->at[0] = split.kept.at[0];
        double y = call->dst[0][o], common = kind->common ? kind->common(x, lane, y) : 0;
        EACH(lane)
        call->diff_src[0][lane->at[0]] += call->diff_dst[0][o] * kind->slope(x[lane->at[0]], y, common);
    }
}

#define REDUCTION(Type, fast_path, ...)                                                                      \
    static const reduction Type##_kind = __VA_ARGS__;                                                        \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        forward(call, &Type##_kind);                                                                         \
    }                                                                                                        \
    static void Type##_backward(const nw_ref *call)                                                          \
    {                                                                                                        \
        backward(call, &Type##_kind);                                                                        \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = 1,                                                                  \
                                .limits = "axes must be constant",                                           \
                                .constant_inputs = 1U << 1,                                                  \
                                .infer = infer,                                                              \
                                .forward = Type##_forward,                                                   \
                                .backward = Type##_backward,                                                 \
                                .compile = fast_path}

REDUCTION(ReduceSum, nw_fast_mean, {sum, NULL, sum_slope});
REDUCTION(ReduceMean, nw_fast_mean, {mean, mean_common, mean_slope});
REDUCTION(ReduceMax, nw_fast_max, {largest, share, extreme_slope});
REDUCTION(ReduceMin, NULL, {smallest, share, extreme_slope});
REDUCTION(ReduceProd, NULL, {product, product_common, product_slope});
REDUCTION(ReduceL1, NULL, {l1, NULL, l1_slope});
REDUCTION(ReduceL2, NULL, {l2, NULL, l2_slope});
REDUCTION(ReduceLogSum, NULL, {log_sum, NULL, log_sum_slope});
REDUCTION(ReduceLogSumExp, NULL, {log_sum_exp, NULL, log_sum_exp_slope});
REDUCTION(ReduceSumSquare, NULL, {sum_square, NULL, sum_square_slope});
