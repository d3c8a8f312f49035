/* Average precision. */
#include "base/memory.h"
#include "evaluate/resample.h"

typedef struct curve {
    const nw_ranked *order; /* the lowest score first */
    const uint8_t *labels;
    size_t count;
} curve;

nw_score nw_resampled_precision(const nw_ranked *order, const uint8_t *labels, size_t count,
                                const uint32_t *times)
{
    double positive = 0, all = 0, sum = 0;
    for (size_t i = count; i > 0;) {
        double before = positive, value = order[i - 1].value;
        for (; i > 0 && order[i - 1].value >= value; i--) {
            double n = (double)times[order[i - 1].at];
            all += n;
            if (labels[order[i - 1].at]) positive += n;
        }
        if (all > 0) sum += (positive - before) * positive / all;
    }
    if (!(positive > 0)) return nw_score_undefined("no sample is positive");
    return nw_score_of(sum / positive);
}

static nw_score average(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const curve *c = context;
    return nw_resampled_precision(c->order, c->labels, c->count, times);
}

nw_status nw_metric_average_precision(const double *scores, const uint8_t *labels, size_t count,
                                      const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    NW_TRY(nw_metric_check(scores, count, 1, "score", err));
    nw_ranked *order = nw_rank_order(scores, count);
    if (!order) return nw_no_memory(err, count * sizeof *order, "an average precision");
    const curve c = {order, labels, count};
    nw_status status = nw_bootstrap(average, &c, count, 0, options, true, out, err);
    nw_free(order);
    return status;
}
