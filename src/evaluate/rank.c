#include "evaluate/evaluate.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = ((const nw_ranked *)a)->value, y = ((const nw_ranked *)b)->value;
    return (x > y) - (x < y);
}

void nw_rank_sort(nw_ranked *order, size_t count)
{
    qsort(order, count, sizeof *order, by_value);
}

void nw_rank_mean(const double *values, size_t count, nw_ranked *order, double *ranks)
{
    for (size_t i = 0; i < count; i++) order[i] = (nw_ranked){values[i], (int64_t)i};
    nw_rank_sort(order, count);
    for (size_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && order[j].value <= order[i].value;) j++;
        for (size_t k = i; k < j; k++) ranks[order[k].at] = (double)(i + j + 1) / 2;
    }
}

nw_score nw_rank_correlation(const double *a, const double *b, size_t count)
{
    if (count < 2) return nw_score_undefined("fewer than two images");
    /* Ranks, with ties at their mean, always add up to count (count + 1) / 2. */
    double mean = (double)(count + 1) / 2, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (a[i] - mean) * (b[i] - mean);
        aa += (a[i] - mean) * (a[i] - mean);
        bb += (b[i] - mean) * (b[i] - mean);
    }
    if (!(aa > 0) || !(bb > 0)) return nw_score_undefined("all values are equal");
    return nw_score_of(ab / sqrt(aa * bb));
}

nw_status nw_spearman(const double *a, const double *b, size_t count, nw_score *out, nw_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return nw_fail(err, NW_NOT_FINITE, "pair %zu of a rank correlation is %g and %g", i, a[i], b[i]);
    nw_ranked *order = nw_calloc(count, sizeof *order);
    double *ranks = nw_calloc(count, 2 * sizeof *ranks);
    nw_status status = NW_OK;
    if (order && ranks) {
        nw_rank_mean(a, count, order, ranks);
        nw_rank_mean(b, count, order, ranks + count);
        *out = nw_rank_correlation(ranks, ranks + count, count);
    } else {
        status = nw_no_memory(err, count * sizeof *order, "a rank correlation");
    }
    nw_free(order);
    nw_free(ranks);
    return status;
}
