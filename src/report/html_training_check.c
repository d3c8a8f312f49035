/* A page has no room for a number that is none: everything that is shown is looked at first. */
#include "report/html_training.h"

#include <math.h>

static nw_status check_estimate(const nw_estimate *e, const char *name, nw_error *err)
{
    if (e->score.undefined || (isfinite(e->score.value) && isfinite(e->low) && isfinite(e->high)))
        return NW_OK;
    return nw_fail(err, NW_NOT_FINITE, "%s of the training is not finite", name);
}

static nw_status check_epochs(const nw_training_page *t, nw_error *err)
{
    if (!t->epoch_count || !t->epochs) return nw_fail(err, NW_USAGE, "a training without an epoch");
    if (t->metric && t->metric_index >= NW_EPOCH_METRICS)
        return nw_fail(err, NW_USAGE, "there is no metric %zu of an epoch", t->metric_index);
    for (size_t i = 0; i < t->epoch_count; i++) {
        const nw_epoch *e = &t->epochs[i];
        if (e->epoch != (int64_t)i + 1)
            return nw_fail(err, NW_BAD_INPUT, "epoch %lld of the training where %zu should be",
                           (long long)e->epoch, i + 1);
        if (!isfinite(e->rate) || !isfinite(e->train_loss) || isinf(e->validation_loss) ||
            !isfinite(e->seconds) || !isfinite(e->images_per_second))
            return nw_fail(err, NW_NOT_FINITE, "a number of epoch %zu is not finite", i + 1);
        if (nw_training_has(t, e)) NW_TRY(check_estimate(&e->metrics[t->metric_index], t->metric, err));
    }
    return NW_OK;
}

static bool within(double share)
{
    return share >= 0 && share <= 1;
}

static nw_status check_plots(const nw_training_page *t, nw_error *err)
{
    for (size_t i = 0; i < t->roc_count; i++)
        if (!within(t->false_positive[i]) || !within(t->true_positive[i]))
            return nw_fail(err, NW_BAD_INPUT, "point %zu of the ROC curve is not within 0 and 1", i);
    for (size_t i = 0; i < t->bin_count; i++) {
        const nw_calibration_bin *b = &t->bins[i];
        if (!within(b->low) || !within(b->high) || !within(b->probability) || !within(b->share) ||
            b->low > b->high)
            return nw_fail(err, NW_BAD_INPUT, "bin %zu of the calibration is not within 0 and 1", i);
    }
    return NW_OK;
}

nw_status nw_training_check(const nw_training_page *t, nw_error *err)
{
    NW_TRY(check_epochs(t, err));
    if (t->best_epoch < 0 || t->best_epoch > (int64_t)t->epoch_count)
        return nw_fail(err, NW_BAD_INPUT, "the best epoch is %lld of %zu", (long long)t->best_epoch,
                       t->epoch_count);
    for (size_t i = 0; i < t->result_count; i++)
        NW_TRY(check_estimate(&t->results[i].estimate, t->results[i].name, err));
    return check_plots(t, err);
}

bool nw_training_has(const nw_training_page *t, const nw_epoch *e)
{
    return t->metric && !isnan(e->validation_loss) && !e->metrics[t->metric_index].score.undefined;
}

int nw_training_decimals(double value)
{
    double size = fabs(value);
    return size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.01 || !(size > 0) ? 3 : 5;
}
