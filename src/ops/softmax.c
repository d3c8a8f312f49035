/* Softmax and LogSoftmax. From opset 13 on along one axis (default -1); before, over all dimensions from the
 * axis on taken as one (default 1). */
#include "ops/fast.h"

#include <math.h>

/* Lines of `n` elements, `step` apart; line l starts at (l / step) * n * step + l % step. */
typedef struct lines {
    int64_t count, n, step;
} lines;

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    const nw_value *x = nw_infer_in(cx, 0);
    int axis;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", cx->node->opset < 13 ? 1 : -1), x->shape.rank,
                         false, &axis));
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static lines read_lines(const nw_ref *call)
{
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    bool old = call->node->opset < 13;
    int64_t axis = nw_node_int(call->node, "axis", old ? 1 : -1);
    int a = (int)(axis < 0 ? axis + x->rank : axis);
    lines l = {.n = old ? nw_span(x, a, x->rank) : x->dims[a], .step = old ? 1 : nw_span(x, a + 1, x->rank)};
    l.count = l.n ? nw_count(x) / l.n : 0;
    return l;
}

static int64_t start_of(const lines *l, int64_t line)
{
    return line / l->step * l->n * l->step + line % l->step;
}

static void forward_lines(const nw_ref *call, bool logarithm)
{
    lines l = read_lines(call);
    for (int64_t line = 0; line < l.count; line++) {
        const double *x = call->src[0] + start_of(&l, line);
        double *y = call->dst[0] + start_of(&l, line), most = x[0], sum = 0;
        for (int64_t i = 0; i < l.n; i++) most = x[i * l.step] > most ? x[i * l.step] : most;
        for (int64_t i = 0; i < l.n; i++) sum += exp(x[i * l.step] - most);
        for (int64_t i = 0; i < l.n; i++) {
            double from_most = x[i * l.step] - most;
            y[i * l.step] = logarithm ? from_most - log(sum) : exp(from_most) / sum;
        }
    }
}

static void softmax_forward(const nw_ref *call)
{
    forward_lines(call, false);
}

static void log_forward(const nw_ref *call)
{
    forward_lines(call, true);
}

/* d x = y (d y - <d y, y>) */
static void softmax_backward(const nw_ref *call)
{
    lines l = read_lines(call);
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t line = 0; line < l.count; line++) {
        int64_t start = start_of(&l, line);
        const double *y = call->dst[0] + start, *dy = call->diff_dst[0] + start;
        double inner = 0;
        for (int64_t i = 0; i < l.n; i++) inner += dy[i * l.step] * y[i * l.step];
        for (int64_t i = 0; i < l.n; i++)
            call->diff_src[0][start + i * l.step] += y[i * l.step] * (dy[i * l.step] - inner);
    }
}

/* d x = d y - exp(y) sum(d y) */
static void log_backward(const nw_ref *call)
{
    lines l = read_lines(call);
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t line = 0; line < l.count; line++) {
        int64_t start = start_of(&l, line);
        const double *y = call->dst[0] + start, *dy = call->diff_dst[0] + start;
        double sum = 0;
        for (int64_t i = 0; i < l.n; i++) sum += dy[i * l.step];
        for (int64_t i = 0; i < l.n; i++)
            call->diff_src[0][start + i * l.step] += dy[i * l.step] - exp(y[i * l.step]) * sum;
    }
}

const nw_op nw_op_Softmax = {
    .type = "Softmax",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = softmax_forward,
    .backward = softmax_backward,
    .compile = nw_fast_softmax,
};

const nw_op nw_op_LogSoftmax = {
    .type = "LogSoftmax",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = log_forward,
    .backward = log_backward,
    .compile = nw_fast_softmax,
};
