#include "ops/norm_training.h"

#include <math.h>

bool nw_norm_is_training(const nw_node *node)
{
    return nw_node_int(node, "training_mode", 0) != 0;
}

typedef struct moments {
    double mean, variance, rate; /* rate: 1 / sqrt(variance + epsilon) */
    double count;
} moments;

typedef struct extent {
    int64_t batch, channels, inner;
} extent;

static extent extent_of(const nw_ref *call)
{
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 0);
    return (extent){shape->dims[0], shape->dims[1], nw_span(shape, 2, shape->rank)};
}

static moments moments_of(const nw_ref *call, extent e, int64_t channel)
{
    moments m = {.count = (double)(e.batch * e.inner)};
    for (int pass = 0; pass < 2; pass++) {
        double sum = 0;
        for (int64_t n = 0; n < e.batch; n++)
            for (int64_t i = 0; i < e.inner; i++) {
                double x = call->src[0][(n * e.channels + channel) * e.inner + i];
                sum += pass == 0 ? x : (x - m.mean) * (x - m.mean);
            }
        *(pass == 0 ? &m.mean : &m.variance) = m.count > 0 ? sum / m.count : 0;
    }
    m.rate = 1 / sqrt(m.variance + (double)nw_node_float(call->node, "epsilon", 1e-5F));
    return m;
}

void nw_norm_training_forward(const nw_ref *call)
{
    extent e = extent_of(call);
    double keep = (double)nw_node_float(call->node, "momentum", 0.9F);
    for (int64_t c = 0; c < e.channels; c++) {
        moments m = moments_of(call, e, c);
        for (int64_t n = 0; n < e.batch; n++)
            for (int64_t i = 0; i < e.inner; i++) {
                int64_t at = (n * e.channels + c) * e.inner + i;
                call->dst[0][at] = (call->src[0][at] - m.mean) * m.rate * call->src[1][c] + call->src[2][c];
            }
        const double now[2] = {m.mean, m.variance};
        for (int k = 0; k < 2; k++)
            if (call->node->output_count > k + 1 && call->dst[k + 1])
                call->dst[k + 1][c] = call->src[3 + k][c] * keep + now[k] * (1 - keep);
    }
}

/* With x^ = (x - mean) rate: d x = scale rate (d y - mean(d y) - x^ mean(d y x^)), d scale = sum(d y x^),
 * d shift = sum(d y). The running statistics carry no gradient. */
void nw_norm_training_backward(const nw_ref *call)
{
    extent e = extent_of(call);
    if (!call->diff_dst[0]) return;
    for (int64_t c = 0; c < e.channels; c++) {
        moments m = moments_of(call, e, c);
        double sum = 0, sum_x = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t n = 0; n < e.batch; n++)
                for (int64_t i = 0; i < e.inner; i++) {
                    int64_t at = (n * e.channels + c) * e.inner + i;
                    double dy = call->diff_dst[0][at], x = (call->src[0][at] - m.mean) * m.rate;
                    if (pass == 0) {
                        sum += dy;
                        sum_x += dy * x;
                    } else if (call->diff_src[0]) {
                        call->diff_src[0][at] +=
                            call->src[1][c] * m.rate * (dy - sum / m.count - x * sum_x / m.count);
                    }
                }
        if (call->diff_src[1]) call->diff_src[1][c] += sum_x;
        if (call->diff_src[2]) call->diff_src[2][c] += sum;
    }
}
