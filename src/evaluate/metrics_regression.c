/* Measures of a regression. */
#include "base/memory.h"
#include "evaluate/resample.h"

#include <math.h>

typedef struct data {
    const double *predicted, *truth;
    const nw_ranked *by_predicted, *by_truth; /* of Spearman's */
    size_t count;
} data;

static nw_score correlation(const double *a, const double *b, const uint32_t *times, size_t count)
{
    double n = 0, mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        n += times[i];
        mean_a += times[i] * a[i];
        mean_b += times[i] * b[i];
    }
    if (n < 2) return nw_score_undefined("fewer than two samples");
    mean_a /= n;
    mean_b /= n;
    double low_a = INFINITY, high_a = -INFINITY, low_b = INFINITY, high_b = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!times[i]) continue;
        double da = a[i] - mean_a, db = b[i] - mean_b;
        ab += times[i] * da * db;
        aa += times[i] * da * da;
        bb += times[i] * db * db;
        low_a = fmin(low_a, a[i]);
        high_a = fmax(high_a, a[i]);
        low_b = fmin(low_b, b[i]);
        high_b = fmax(high_b, b[i]);
    }
    /* Not by the sums: the mean of equal values rounds, and leaves a rest. */
    if (!(high_a > low_a) || !(high_b > low_b) || !(aa > 0) || !(bb > 0))
        return nw_score_undefined("all values are equal");
    return nw_score_of(fmax(-1, fmin(1, ab / sqrt(aa) / sqrt(bb))));
}

static nw_score pearson(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const data *d = context;
    return correlation(d->predicted, d->truth, times, d->count);
}

/* Mean ranks where a sample is there several times. */
static void ranks_of(const nw_ranked *order, const uint32_t *times, size_t count, double *ranks)
{
    double below = 0;
    for (size_t i = 0, j; i < count; i = j) {
        double n = 0;
        for (j = i; j < count && order[j].value <= order[i].value; j++) n += times[order[j].at];
        for (size_t k = i; k < j; k++) ranks[order[k].at] = below + (n + 1) / 2;
        below += n;
    }
}

static nw_score spearman(const void *context, const uint32_t *times, double *scratch)
{
    const data *d = context;
    ranks_of(d->by_predicted, times, d->count, scratch);
    ranks_of(d->by_truth, times, d->count, scratch + d->count);
    return correlation(scratch, scratch + d->count, times, d->count);
}

static nw_score mae(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const data *d = context;
    double sum = 0, n = 0;
    for (size_t i = 0; i < d->count; i++) {
        sum += times[i] * fabs(d->predicted[i] - d->truth[i]);
        n += times[i];
    }
    return nw_score_of(sum / n);
}

static nw_score r2(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const data *d = context;
    double n = 0, mean = 0, left = 0, all = 0, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < d->count; i++) {
        n += times[i];
        mean += times[i] * d->truth[i];
    }
    mean /= n;
    for (size_t i = 0; i < d->count; i++) {
        if (!times[i]) continue;
        double e = d->truth[i] - d->predicted[i], m = d->truth[i] - mean;
        left += times[i] * e * e;
        all += times[i] * m * m;
        low = fmin(low, d->truth[i]);
        high = fmax(high, d->truth[i]);
    }
    if (!(high > low) || !(all > 0)) return nw_score_undefined("all values are equal");
    return nw_score_of(1 - left / all);
}

static nw_status measure(nw_statistic_fn fn, bool ranked, const double *predicted, const double *truth,
                         size_t count, const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    NW_TRY(nw_metric_check(predicted, count, 1, "prediction", err));
    NW_TRY(nw_metric_check(truth, count, 1, "truth", err));
    nw_ranked *a = ranked ? nw_rank_order(predicted, count) : NULL;
    nw_ranked *b = ranked ? nw_rank_order(truth, count) : NULL;
    const data d = {predicted, truth, a, b, count};
    nw_estimate made;
    nw_status status = NW_OK;
    if (ranked && (!a || !b)) status = nw_no_memory(err, count * sizeof *a, "a correlation");
    if (status == NW_OK)
        status = nw_bootstrap(fn, &d, count, ranked ? 2 * count : 0, options, true, &made, err);
    if (status == NW_OK && (!isfinite(made.score.value) || !isfinite(made.low) || !isfinite(made.high)))
        status = nw_fail(err, NW_NOT_FINITE, "a measure of the regression is not finite: values too large");
    if (status == NW_OK) *out = made;
    nw_free(a);
    nw_free(b);
    return status;
}

nw_status nw_metric_pearson(const double *predicted, const double *truth, size_t count,
                            const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return measure(pearson, false, predicted, truth, count, options, out, err);
}

nw_status nw_metric_spearman(const double *predicted, const double *truth, size_t count,
                             const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return measure(spearman, true, predicted, truth, count, options, out, err);
}

nw_status nw_metric_mae(const double *predicted, const double *truth, size_t count,
                        const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return measure(mae, false, predicted, truth, count, options, out, err);
}

nw_status nw_metric_r2(const double *predicted, const double *truth, size_t count,
                       const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return measure(r2, false, predicted, truth, count, options, out, err);
}
