/* The ROC curve, and what lies under it and on it. */
#include "base/memory.h"
#include "evaluate/resample.h"

#include <math.h>

static const char *const one_class = "all samples are of one class";
static const double z95 = 1.959963984540054; /* 97.5 % of the normal distribution */

typedef struct roc {
    const nw_ranked *order; /* the lowest score first */
    const uint8_t *labels;
    size_t count;
    double specificity;
} roc;

/* Samples of one score, those of them that are positive, and where the next score begins. */
typedef struct level {
    double positive, negative;
    size_t next;
} level;

static level level_at(const roc *r, const uint32_t *times, size_t i)
{
    level l = {.next = i};
    do {
        int64_t at = r->order[l.next].at;
        double n = times ? (double)times[at] : 1;
        *(r->labels[at] ? &l.positive : &l.negative) += n;
    } while (++l.next < r->count && r->order[l.next].value <= r->order[i].value);
    return l;
}

static level totals(const roc *r, const uint32_t *times)
{
    level all = {0};
    for (size_t i = 0; i < r->count; i++)
        *(r->labels[i] ? &all.positive : &all.negative) += times ? (double)times[i] : 1;
    return all;
}

static nw_score area(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const roc *r = context;
    double below = 0, wins = 0, positive = 0;
    for (size_t i = 0; i < r->count;) {
        level l = level_at(r, times, i);
        wins += l.positive * (below + l.negative / 2);
        positive += l.positive;
        below += l.negative;
        i = l.next;
    }
    if (!(positive > 0) || !(below > 0)) return nw_score_undefined(one_class);
    return nw_score_of(wins / (positive * below));
}

nw_score nw_resampled_auroc(const nw_ranked *order, const uint8_t *labels, size_t count,
                            const uint32_t *times)
{
    const roc r = {.order = order, .labels = labels, .count = count};
    return area(&r, times, NULL);
}

/* Structural components: of a positive sample the share of negative ones below it, of a negative one the
 * share of positive ones above it, equal scores counting half. One walk over the sorted scores gives all of
 * them (they are the differences of mid-ranks of Sun and Xu, equations 5 to 9). */
static double delong_variance(const roc *r, double auc)
{
    level all = totals(r, NULL);
    if (all.positive < 2 || all.negative < 2) return 0;
    double below = 0, above = all.positive, of_positive = 0, of_negative = 0;
    for (size_t i = 0; i < r->count;) {
        level l = level_at(r, NULL, i);
        above -= l.positive;
        double v10 = (below + l.negative / 2) / all.negative - auc;
        double v01 = (above + l.positive / 2) / all.positive - auc;
        of_positive += l.positive * v10 * v10;
        of_negative += l.negative * v01 * v01;
        below += l.negative;
        i = l.next;
    }
    return of_positive / (all.positive - 1) / all.positive + of_negative / (all.negative - 1) / all.negative;
}

static nw_status prepare(const double *scores, const uint8_t *labels, size_t count, roc *out, nw_error *err)
{
    NW_TRY(nw_metric_check(scores, count, 1, "score", err));
    nw_ranked *order = nw_rank_order(scores, count);
    if (!order) return nw_no_memory(err, count * sizeof *order, "a ROC curve");
    *out = (roc){.order = order, .labels = labels, .count = count};
    return NW_OK;
}

static void release(roc *r)
{
    nw_free((void *)r->order);
}

static void set_delong(const roc *r, nw_estimate *out)
{
    level all = totals(r, NULL);
    double half = z95 * sqrt(delong_variance(r, out->score.value));
    bool unknown = all.positive < 2 || all.negative < 2;
    out->low = unknown ? 0 : fmax(0, out->score.value - half);
    out->high = unknown ? 1 : fmin(1, out->score.value + half);
}

nw_status nw_metric_auroc(const double *scores, const uint8_t *labels, size_t count,
                          const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    roc r = {0};
    nw_estimate made;
    bool groups = options && options->groups;
    NW_TRY(prepare(scores, labels, count, &r, err));
    nw_status status = nw_bootstrap(area, &r, count, 0, options, groups, &made, err);
    if (status == NW_OK && !groups && !made.score.undefined) set_delong(&r, &made);
    if (status == NW_OK) *out = made;
    release(&r);
    return status;
}

nw_status nw_metric_delong(const double *scores, const uint8_t *labels, size_t count, nw_score *auroc,
                           double *variance, nw_error *err)
{
    roc r = {0};
    NW_TRY(prepare(scores, labels, count, &r, err));
    *auroc = area(&r, NULL, NULL);
    *variance = auroc->undefined ? 0 : delong_variance(&r, auroc->value);
    release(&r);
    return NW_OK;
}

/* The threshold, and the share of positive samples above it. */
static nw_score sensitivity_at(const roc *r, const uint32_t *times, double *threshold)
{
    level all = totals(r, times);
    if (!(all.positive > 0) || !(all.negative > 0)) return nw_score_undefined(one_class);
    double below = 0, above = all.positive;
    for (size_t i = 0; i < r->count;) {
        level l = level_at(r, times, i);
        below += l.negative;
        above -= l.positive;
        /* 0.9 of 10 is 9, whatever the product rounds to. */
        if (l.negative > 0 && below >= r->specificity * all.negative * (1 - 1e-12)) {
            if (threshold) *threshold = r->order[i].value;
            break;
        }
        i = l.next;
    }
    return nw_score_of(above / all.positive);
}

static nw_score sensitivity(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    return sensitivity_at(context, times, NULL);
}

nw_status nw_metric_sensitivity(const double *scores, const uint8_t *labels, size_t count, double specificity,
                                const nw_metric_options *options, nw_estimate *out, double *threshold,
                                nw_error *err)
{
    if (!(specificity > 0 && specificity <= 1))
        return nw_fail(err, NW_USAGE, "a specificity of %g is not above 0 and at most 1", specificity);
    roc r = {0};
    NW_TRY(prepare(scores, labels, count, &r, err));
    r.specificity = specificity;
    nw_status status = nw_bootstrap(sensitivity, &r, count, 0, options, true, out, err);
    double at = 0;
    if (status == NW_OK) sensitivity_at(&r, NULL, &at);
    if (status == NW_OK && threshold) *threshold = at;
    release(&r);
    return status;
}

nw_status nw_metric_roc_curve(const double *scores, const uint8_t *labels, size_t count,
                              double *false_positive, double *true_positive, size_t *points, nw_error *err)
{
    roc r = {0};
    NW_TRY(prepare(scores, labels, count, &r, err));
    level all = totals(&r, NULL);
    bool both = all.positive > 0 && all.negative > 0;
    size_t n = 0;
    double positive = 0, negative = 0;
    for (size_t i = count; both && n <= count; n++) {
        false_positive[n] = negative / all.negative;
        true_positive[n] = positive / all.positive;
        if (i == 0) break;
        for (double value = r.order[i - 1].value; i > 0 && r.order[i - 1].value >= value; i--)
            *(labels[r.order[i - 1].at] ? &positive : &negative) += 1;
    }
    release(&r);
    if (!both) return nw_fail(err, NW_BAD_INPUT, "no ROC curve: %s", one_class);
    *points = n + 1;
    return NW_OK;
}
