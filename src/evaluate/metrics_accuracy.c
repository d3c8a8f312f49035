/* The share that is right, and Wilson's interval. */
#include "evaluate/resample.h"

#include <math.h>

typedef struct pairs {
    const int32_t *predicted, *truth;
    size_t count;
} pairs;

static nw_score share(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const pairs *p = context;
    int64_t hits = 0, all = 0;
    for (size_t i = 0; i < p->count; i++) {
        all += times[i];
        if (p->predicted[i] == p->truth[i]) hits += times[i];
    }
    return nw_score_of((double)hits / (double)all);
}

nw_status nw_metric_wilson(int64_t hits, int64_t of, double *low, double *high, nw_error *err)
{
    if (of < 1 || hits < 0 || hits > of)
        return nw_fail(err, NW_BAD_INPUT, "%lld of %lld is no share", (long long)hits, (long long)of);
    const double z = 1.959963984540054, n = (double)of, p = (double)hits / n;
    double middle = p + z * z / (2 * n), half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double scale = 1 + z * z / n;
    /* At the ends the two terms are equal but for rounding. */
    *low = hits == 0 ? 0 : fmax(0, (middle - half) / scale);
    *high = hits == of ? 1 : fmin(1, (middle + half) / scale);
    return NW_OK;
}

nw_status nw_metric_accuracy(const int32_t *predicted, const int32_t *truth, size_t count,
                             const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    const pairs p = {predicted, truth, count};
    bool groups = options && options->groups;
    nw_estimate made;
    NW_TRY(nw_bootstrap(share, &p, count, 0, options, groups, &made, err));
    if (!groups && !made.score.undefined) {
        int64_t hits = 0;
        for (size_t i = 0; i < count; i++) hits += predicted[i] == truth[i];
        NW_TRY(nw_metric_wilson(hits, (int64_t)count, &made.low, &made.high, err));
    }
    *out = made;
    return NW_OK;
}
