/* Means over labels, each of which a sample has or not. */
#include "base/memory.h"
#include "evaluate/resample.h"

typedef nw_score (*area_fn)(const nw_ranked *order, const uint8_t *labels, size_t count,
                            const uint32_t *times);

typedef struct labels {
    area_fn area;
    nw_ranked **orders; /* [classes], NULL for labels that are left out */
    uint8_t *has;       /* [classes][count] */
    size_t count, classes;
} labels;

static nw_score mean(const void *context, const uint32_t *times, double *scratch)
{
    (void)scratch;
    const labels *l = context;
    double sum = 0;
    size_t used = 0;
    for (size_t c = 0; c < l->classes; c++) {
        if (!l->orders[c]) continue;
        nw_score one = l->area(l->orders[c], l->has + c * l->count, l->count, times);
        if (one.undefined) return one;
        sum += one.value;
        used++;
    }
    if (!used) return nw_score_undefined("no label has samples with it and without it");
    return nw_score_of(sum / (double)used);
}

static nw_status prepare(labels *l, const double *scores, const uint8_t *has, nw_error *err)
{
    double *column = nw_calloc(l->count, sizeof *column);
    l->orders = nw_calloc(l->classes, sizeof *l->orders);
    l->has = nw_calloc(l->count, l->classes);
    bool fine = column && l->orders && l->has;
    for (size_t c = 0; fine && c < l->classes; c++) {
        size_t with = 0;
        for (size_t i = 0; i < l->count; i++) {
            column[i] = scores[i * l->classes + c];
            l->has[c * l->count + i] = has[i * l->classes + c] != 0;
            with += l->has[c * l->count + i];
        }
        if (!with || with == l->count) continue;
        l->orders[c] = nw_rank_order(column, l->count);
        fine = l->orders[c];
    }
    nw_free(column);
    return fine ? NW_OK : nw_no_memory(err, l->count * l->classes * sizeof **l->orders, "a mean over labels");
}

static nw_status over_labels(area_fn area, const double *scores, const uint8_t *has, size_t count,
                             size_t classes, const nw_metric_options *options, nw_estimate *out,
                             nw_error *err)
{
    if (classes < 1 || count > SIZE_MAX / sizeof(nw_ranked) / classes)
        return nw_fail(err, NW_USAGE, "%zu labels of %zu samples", classes, count);
    NW_TRY(nw_metric_check(scores, count, classes, "score", err));
    labels l = {.area = area, .count = count, .classes = classes};
    nw_status status = prepare(&l, scores, has, err);
    if (status == NW_OK) status = nw_bootstrap(mean, &l, count, 0, options, true, out, err);
    for (size_t c = 0; l.orders && c < classes; c++) nw_free(l.orders[c]);
    nw_free(l.orders);
    nw_free(l.has);
    return status;
}

nw_status nw_metric_labels_auroc(const double *scores, const uint8_t *has, size_t count, size_t classes,
                                 const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return over_labels(nw_resampled_auroc, scores, has, count, classes, options, out, err);
}

nw_status nw_metric_labels_precision(const double *scores, const uint8_t *has, size_t count, size_t classes,
                                     const nw_metric_options *options, nw_estimate *out, nw_error *err)
{
    return over_labels(nw_resampled_precision, scores, has, count, classes, options, out, err);
}
