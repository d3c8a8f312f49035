/* Brier's score. */
#include "base/memory.h"
#include "evaluate/resample.h"

typedef struct losses {
    double *of; /* [count] of a sample */
    size_t count;
} losses;

static nw_score mean(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const losses *l = context;
    double sum = 0, all = 0;
    for (size_t i = 0; i < l->count; i++) {
        sum += times[i] * l->of[i];
        all += times[i];
    }
    return nw_score_of(sum / all);
}

static double loss_of(const double *p, int32_t truth, size_t classes)
{
    if (classes == 1) return (p[0] - truth) * (p[0] - truth);
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double d = p[c] - (c == (size_t)truth);
        sum += d * d;
    }
    return sum;
}

nw_status nw_metric_brier(const double *probabilities, const int32_t *truth, size_t count, size_t classes,
                          const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    if (classes < 1 || count > SIZE_MAX / sizeof *probabilities / classes)
        return nw_fail(err, NW_USAGE, "%zu classes of %zu samples", classes, count);
    NW_TRY(nw_metric_check(probabilities, count, classes, "probability", err));
    losses l = {nw_calloc(count, sizeof *l.of), count};
    if (!l.of) return nw_no_memory(err, count * sizeof *l.of, "a Brier score");
    nw_status status = NW_OK;
    for (size_t i = 0; i < count && status == NW_OK; i++) {
        const double *p = probabilities + i * classes;
        for (size_t c = 0; c < classes && status == NW_OK; c++)
            if (!(p[c] >= 0 && p[c] <= 1))
                status = nw_fail(err, NW_BAD_INPUT, "the probability of sample %zu is %g", i, p[c]);
        if (truth[i] < 0 || (size_t)truth[i] >= (classes == 1 ? 2 : classes))
            status = nw_fail(err, NW_BAD_INPUT, "class %d of sample %zu is none of %zu", truth[i], i,
                             classes == 1 ? 2 : classes);
        else
            l.of[i] = loss_of(p, truth[i], classes);
    }
    if (status == NW_OK) status = nw_bootstrap(mean, &l, count, 0, options, true, out, err);
    nw_free(l.of);
    return status;
}
