/* LRN, local response normalisation across channels (Krizhevsky et al. 2012, section 3.3):
 * y_c = x_c / (bias + alpha / size * sum of x_k^2)^beta, k over `size` channels around c. */
#include "ops/fast.h"

#include <math.h>

typedef struct lrn {
    double alpha, beta, bias; /* alpha already divided by size */
    int64_t before, after, channels, plane;
} lrn;

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    const nw_value *x = nw_infer_in(cx, 0);
    int64_t size = nw_node_int(cx->node, "size", 0);
    if (size < 1 || size > INT32_MAX)
        return nw_infer_fail(cx, NW_BAD_MODEL, "attribute size is %lld; expected 1 to %d", (long long)size,
                             INT32_MAX);
    if (x->shape.rank < 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "the input has %d dimensions; at least 2 are needed",
                             x->shape.rank);
    return nw_infer_out(cx, 0, x->dtype, &x->shape);
}

static lrn read_lrn(const nw_ref *call)
{
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    int64_t size = nw_node_int(call->node, "size", 1);
    return (lrn){.alpha = (double)nw_node_float(call->node, "alpha", 1e-4f) / (double)size,
                 .beta = (double)nw_node_float(call->node, "beta", 0.75f),
                 .bias = (double)nw_node_float(call->node, "bias", 1),
                 .before = (size - 1) / 2,
                 .after = size - 1 - (size - 1) / 2,
                 .channels = shape->dims[1],
                 .plane = nw_span(shape, 2, shape->rank)};
}

/* What x_c is divided by, before the power; x points to channel 0 of one pixel. */
static double base(const lrn *l, const double *x, int64_t c)
{
    double sum = 0;
    for (int64_t k = c < l->before ? 0 : c - l->before; k < l->channels && k <= c + l->after; k++)
        sum += x[k * l->plane] * x[k * l->plane];
    return l->bias + l->alpha * sum;
}

static void forward(const nw_ref *call)
{
    lrn l = read_lrn(call);
    int64_t n = nw_count(nw_in_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i / l.plane % l.channels;
        call->dst[0][i] = call->src[0][i] * pow(base(&l, call->src[0] + i - c * l.plane, c), -l.beta);
    }
}

static void backward(const nw_ref *call)
{
    lrn l = read_lrn(call);
    int64_t n = nw_count(nw_in_shape(call->graph, call->node, 0));
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i / l.plane % l.channels, first = i - c * l.plane;
        const double *x = call->src[0] + first;
        double s = base(&l, x, c), dy = call->diff_dst[0][i];
        double common = -2 * l.alpha * l.beta * dy * x[c * l.plane] * pow(s, -l.beta - 1);
        call->diff_src[0][i] += dy * pow(s, -l.beta);
        for (int64_t k = c < l.before ? 0 : c - l.before; k < l.channels && k <= c + l.after; k++)
            call->diff_src[0][first + k * l.plane] += common * x[k * l.plane];
    }
}

const nw_op nw_op_LRN = {
    .type = "LRN",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_lrn,
};
