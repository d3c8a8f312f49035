/* Bootstrap of a statistic over samples, or over groups of them. */
#ifndef NW_EVALUATE_RESAMPLE_H
#define NW_EVALUATE_RESAMPLE_H

#include "evaluate/evaluate.h"

#include <narrows/metrics.h>

enum { NW_MOST_DRAWS = 1000000 };

/* Places picked[count] of resample `draw`, a function of seed, draw and count alone. */
void nw_resample(uint64_t seed, uint32_t draw, size_t count, size_t *picked);
/* The q-quantile of n sorted values, linear between neighbours. */
double nw_rank_quantile(const nw_ranked *sorted, size_t n, double q);

/* A statistic of samples of which sample i is there times[i] times. `scratch` holds as many doubles as
 * nw_bootstrap was told. Called on several threads. */
typedef nw_score (*nw_statistic_fn)(const void *context, const uint32_t *times, double *scratch);

/* The statistic of all samples, each once, and its percentile interval. `scratch`: doubles for fn.
 * intervals false: the value alone (low and high are the value). */
nw_status nw_bootstrap(nw_statistic_fn fn, const void *context, size_t count, size_t scratch,
                       const nw_metric_options *options, bool intervals, nw_estimate *out, nw_error *err);

/* For the metrics: NW_NOT_FINITE names the sample that is not. `width` values each. */
nw_status nw_metric_check(const double *values, size_t count, size_t width, const char *what, nw_error *err);
/* The areas of metrics.h under the ROC and the precision-recall curve, of samples that are there times[i]
 * times. order: nw_rank_order of their scores. */
nw_score nw_resampled_auroc(const nw_ranked *order, const uint8_t *labels, size_t count,
                            const uint32_t *times);
nw_score nw_resampled_precision(const nw_ranked *order, const uint8_t *labels, size_t count,
                                const uint32_t *times);
/* A new list of values[count] with their places, sorted; nw_free. NULL when memory is out. */
nw_ranked *nw_rank_order(const double *values, size_t count);

#endif
