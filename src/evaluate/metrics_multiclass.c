/* One class against the rest, for each. */
#include "base/memory.h"
#include "evaluate/resample.h"

typedef struct several {
    nw_ranked **orders; /* [classes] of the class' scores, the lowest first */
    const int32_t *truth;
    size_t count, classes;
} several;

static nw_score macro(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const several *s = context;
    double sum = 0;
    for (size_t c = 0; c < s->classes; c++) {
        const nw_ranked *order = s->orders[c];
        double below = 0, wins = 0, positive = 0;
        for (size_t i = 0, j; i < s->count; i = j) {
            double in = 0, out = 0; /* of the class and of others, at this score */
            for (j = i; j < s->count && order[j].value <= order[i].value; j++) {
                double n = (double)times[order[j].at];
                *(s->truth[order[j].at] == (int32_t)c ? &in : &out) += n;
            }
            wins += in * (below + out / 2);
            positive += in;
            below += out;
        }
        if (!(positive > 0) || !(below > 0)) return nw_score_undefined("a class has no sample");
        sum += wins / (positive * below);
    }
    return nw_score_of(sum / (double)s->classes);
}

static nw_status prepare(several *s, const double *scores, nw_error *err)
{
    double *column = nw_calloc(s->count, sizeof *column);
    s->orders = nw_calloc(s->classes, sizeof *s->orders);
    bool fine = column && s->orders;
    for (size_t c = 0; fine && c < s->classes; c++) {
        for (size_t i = 0; i < s->count; i++) column[i] = scores[i * s->classes + c];
        s->orders[c] = nw_rank_order(column, s->count);
        fine = s->orders[c];
    }
    nw_free(column);
    return fine ? NW_OK : nw_no_memory(err, s->count * s->classes * sizeof **s->orders, "a ROC curve");
}

nw_status nw_metric_macro_auroc(const double *scores, const int32_t *truth, size_t count, size_t classes,
                                const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    if (classes < 2 || classes > INT32_MAX || count > SIZE_MAX / sizeof *scores / classes)
        return nw_fail(err, NW_USAGE, "%zu classes of %zu samples", classes, count);
    NW_TRY(nw_metric_check(scores, count, classes, "score", err));
    for (size_t i = 0; i < count; i++)
        if (truth[i] < 0 || (size_t)truth[i] >= classes)
            return nw_fail(err, NW_BAD_INPUT, "class %d of sample %zu is none of %zu", truth[i], i, classes);
    several s = {.truth = truth, .count = count, .classes = classes};
    nw_status status = prepare(&s, scores, err);
    if (status == NW_OK) status = nw_bootstrap(macro, &s, count, 0, options, true, out, err);
    for (size_t c = 0; s.orders && c < classes; c++) nw_free(s.orders[c]);
    nw_free(s.orders);
    return status;
}
