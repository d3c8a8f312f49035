/* LayerNormalization and InstanceNormalization: rows of the input to mean 0 and variance 1 (the
 * population's), then scale and shift. A row is dims[axis..] of one sample, or the plane of one channel. */
#include "ops/op.h"

#include <math.h>

typedef struct norm {
    bool instance;
    int64_t rows, width;
    double epsilon;
    nw_shape row;                                             /* what scale and shift are broadcast to */
    int64_t scale_step[NW_MAX_RANK], shift_step[NW_MAX_RANK]; /* strides within a row, 0 where broadcast */
} norm;

/* Strides of a tensor broadcast to the row, dimensions aligned at the end. */
static bool steps(const nw_shape *from, const nw_shape *row, int64_t step[NW_MAX_RANK])
{
    int64_t strides[NW_MAX_RANK];
    int lead = from->rank - row->rank;
    for (int i = 0; i < lead; i++)
        if (from->dims[i] != 1) return false;
    nw_strides(from, strides);
    for (int i = 0; i < row->rank; i++) {
        int k = i + lead;
        if (k >= 0 && from->dims[k] != 1 && from->dims[k] != row->dims[i]) return false;
        step[i] = k >= 0 && from->dims[k] != 1 ? strides[k] : 0;
    }
    return true;
}

static bool has_shift(const nw_node *node)
{
    return nw_has_in(node, 2);
}

static bool read_norm(const nw_graph *graph, const nw_node *node, bool instance, int axis, norm *out)
{
    const nw_shape *x = nw_in_shape(graph, node, 0);
    norm n = {.instance = instance, .epsilon = (double)nw_node_float(node, "epsilon", 1e-5f)};
    n.rows = nw_span(x, 0, axis);
    n.width = nw_span(x, axis, x->rank);
    n.row.rank = x->rank - axis;
    for (int i = 0; i < n.row.rank; i++) n.row.dims[i] = x->dims[axis + i];
    if (!instance && (!steps(nw_in_shape(graph, node, 1), &n.row, n.scale_step) ||
                      (has_shift(node) && !steps(nw_in_shape(graph, node, 2), &n.row, n.shift_step))))
        return false;
    *out = n;
    return true;
}

/* Index into scale or shift for element i of row r. */
static int64_t param(const norm *n, const nw_shape *x, const int64_t step[NW_MAX_RANK], int64_t r, int64_t i)
{
    if (n->instance) return r % x->dims[1];
    int64_t at = 0;
    for (int d = n->row.rank - 1; d >= 0; d--) {
        at += i % n->row.dims[d] * step[d];
        i /= n->row.dims[d];
    }
    return at;
}

static void moments(const norm *n, const double *x, double *mean, double *rate)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n->width; i++) sum += x[i];
    *mean = sum / (double)n->width;
    for (int64_t i = 0; i < n->width; i++) squares += (x[i] - *mean) * (x[i] - *mean);
    *rate = 1 / sqrt(squares / (double)n->width + n->epsilon);
}

static bool gives(const nw_ref *call, int i)
{
    return i < call->node->output_count && call->node->outputs[i] >= 0;
}

static void forward_rows(const nw_ref *call, const norm *n)
{
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    for (int64_t r = 0; r < n->rows; r++) {
        const double *x = call->src[0] + r * n->width;
        double mean, rate;
        moments(n, x, &mean, &rate);
        for (int64_t i = 0; i < n->width; i++) {
            double y = (x[i] - mean) * rate * call->src[1][param(n, shape, n->scale_step, r, i)];
            if (has_shift(call->node)) y += call->src[2][param(n, shape, n->shift_step, r, i)];
            call->dst[0][r * n->width + i] = y;
        }
        if (gives(call, 1)) call->dst[1][r] = mean;
        if (gives(call, 2)) call->dst[2][r] = rate;
    }
}

/* With u = (x - mean) rate and g = d loss / d u: d loss / d x = rate (g - mean(g) - u mean(g u)); the outputs
 * mean and rate add d mean / d x = 1 / width and d rate / d x = -rate^2 u / width. */
static void backward_rows(const nw_ref *call, const norm *n)
{
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    double width = (double)n->width;
    bool shift = has_shift(call->node);
    for (int64_t r = 0; r < n->rows; r++) {
        const double *x = call->src[0] + r * n->width,
                     *dy = call->diff_dst[0] ? call->diff_dst[0] + r * n->width : NULL;
        double mean, rate, sum = 0, sum_u = 0;
        moments(n, x, &mean, &rate);
        for (int64_t i = 0; dy && i < n->width; i++) {
            int64_t k = param(n, shape, n->scale_step, r, i);
            double u = (x[i] - mean) * rate, g = dy[i] * call->src[1][k];
            sum += g;
            sum_u += g * u;
            if (call->diff_src[1]) call->diff_src[1][k] += dy[i] * u;
            if (shift && call->diff_src[2]) call->diff_src[2][param(n, shape, n->shift_step, r, i)] += dy[i];
        }
        if (!call->diff_src[0]) continue;
        double diff_mean = gives(call, 1) && call->diff_dst[1] ? call->diff_dst[1][r] : 0;
        double diff_rate = gives(call, 2) && call->diff_dst[2] ? call->diff_dst[2][r] : 0;
        for (int64_t i = 0; i < n->width; i++) {
            double u = (x[i] - mean) * rate;
            double g = dy ? dy[i] * call->src[1][param(n, shape, n->scale_step, r, i)] : 0;
            call->diff_src[0][r * n->width + i] +=
                rate * (g - (sum + u * sum_u) / width) + (diff_mean - diff_rate * rate * rate * u) / width;
        }
    }
}

static int layer_axis(const nw_node *node, int rank)
{
    int64_t axis = nw_node_int(node, "axis", -1);
    return (int)(axis < 0 ? axis + rank : axis);
}

static nw_status layer_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 3, 1, 3));
    const nw_value *x = nw_infer_in(cx, 0);
    int axis;
    norm n;
    for (int i = 0; i < cx->node->input_count; i++)
        if (nw_infer_in(cx, i)) NW_TRY(nw_infer_float(cx, i));
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", -1), x->shape.rank, false, &axis));
    if (!read_norm(cx->graph, cx->node, false, axis, &n))
        return nw_infer_fail(cx, NW_BAD_MODEL,
                             "scale or shift cannot be broadcast to the dimensions from axis %d", axis);
    nw_shape statistics = x->shape;
    for (int i = axis; i < x->shape.rank; i++) statistics.dims[i] = 1;
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &x->shape));
    NW_TRY(nw_infer_out(cx, 1, NW_F32, &statistics));
    return nw_infer_out(cx, 2, NW_F32, &statistics);
}

static nw_status instance_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 3, 3, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    if (x->shape.rank < 3)
        return nw_infer_fail(cx, NW_BAD_MODEL, "the input has %d dimensions; at least 3 are needed",
                             x->shape.rank);
    NW_TRY(nw_infer_float(cx, 0));
    for (int i = 1; i < 3; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        NW_TRY(nw_infer_float(cx, i));
        if (value->shape.rank != 1 || value->shape.dims[0] != x->shape.dims[1])
            return nw_infer_fail(cx, NW_BAD_MODEL,
                                 "input %d '%s' must have one number for each of %lld channels", i,
                                 value->name, (long long)x->shape.dims[1]);
    }
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static norm norm_of(const nw_ref *call, bool instance)
{
    norm n = {0};
    int rank = nw_in_shape(call->graph, call->node, 0)->rank;
    read_norm(call->graph, call->node, instance, instance ? 2 : layer_axis(call->node, rank), &n);
    return n;
}

static void layer_forward(const nw_ref *call)
{
    norm n = norm_of(call, false);
    forward_rows(call, &n);
}

static void layer_backward(const nw_ref *call)
{
    norm n = norm_of(call, false);
    backward_rows(call, &n);
}

static void instance_forward(const nw_ref *call)
{
    norm n = norm_of(call, true);
    forward_rows(call, &n);
}

static void instance_backward(const nw_ref *call)
{
    norm n = norm_of(call, true);
    backward_rows(call, &n);
}

const nw_op nw_op_LayerNormalization = {
    .type = "LayerNormalization",
    .since = 17,
    .limits = "",
    .infer = layer_infer,
    .forward = layer_forward,
    .backward = layer_backward,
};

const nw_op nw_op_InstanceNormalization = {
    .type = "InstanceNormalization",
    .since = 6,
    .limits = "",
    .infer = instance_infer,
    .forward = instance_forward,
    .backward = instance_backward,
};
