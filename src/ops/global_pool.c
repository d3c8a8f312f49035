/* GlobalAveragePool and GlobalMaxPool: [batch, channels, spatial...] to [batch, channels, 1...]. */
#include "ops/fast.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    const nw_value *x = nw_infer_in(cx, 0);
    nw_shape shape = x->shape;
    if (shape.rank < 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "the input has %d dimensions; at least 2 are needed",
                             shape.rank);
    for (int i = 2; i < shape.rank; i++) {
        if (shape.dims[i] < 1)
            return nw_infer_fail(cx, NW_BAD_MODEL, "dimension %d of the input '%s' is empty", i, x->name);
        shape.dims[i] = 1;
    }
    return nw_infer_out(cx, 0, x->dtype, &shape);
}

static int64_t plane_of(const nw_ref *call)
{
    const nw_shape *src = nw_in_shape(call->graph, call->node, 0);
    return nw_span(src, 2, src->rank);
}

static int64_t planes_of(const nw_ref *call)
{
    return nw_count(nw_out_shape(call->graph, call->node, 0));
}

static void average_forward(const nw_ref *call)
{
    int64_t n = plane_of(call), planes = planes_of(call);
    for (int64_t p = 0; p < planes; p++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += call->src[0][p * n + i];
        call->dst[0][p] = sum / (double)n;
    }
}

static void average_backward(const nw_ref *call)
{
    int64_t n = plane_of(call), planes = planes_of(call);
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < n; i++) call->diff_src[0][p * n + i] += call->diff_dst[0][p] / (double)n;
}

/* The first of the largest elements; a NaN counts as larger than all. */
static int64_t winner(const double *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best] || (x[i] != x[i] && x[best] == x[best])) best = i;
    return best;
}

static void max_forward(const nw_ref *call)
{
    int64_t n = plane_of(call), planes = planes_of(call);
    for (int64_t p = 0; p < planes; p++) {
        const double *x = call->src[0] + p * n;
        call->dst[0][p] = x[winner(x, n)];
    }
}

static void max_backward(const nw_ref *call)
{
    int64_t n = plane_of(call), planes = planes_of(call);
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t p = 0; p < planes; p++)
        call->diff_src[0][p * n + winner(call->src[0] + p * n, n)] += call->diff_dst[0][p];
}

const nw_op nw_op_GlobalAveragePool = {
    .type = "GlobalAveragePool",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = average_forward,
    .backward = average_backward,
    .compile = nw_fast_mean,
};

const nw_op nw_op_GlobalMaxPool = {
    .type = "GlobalMaxPool",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = max_forward,
    .backward = max_backward,
    .compile = nw_fast_max,
};
