/* Percentile intervals over resamples with replacement. */
#include "base/memory.h"
#include "base/rng.h"
#include "evaluate/resample.h"

#include <math.h>
#include <string.h>

void nw_resample(uint64_t seed, uint32_t draw, size_t count, size_t *picked)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4][NW_RNG_LANES];
    for (size_t i = 0; i < count; i++) {
        size_t lane = i % NW_RNG_LANES;
        /* The last word of the counter keeps these apart from the noise of the bottleneck's images. */
        const uint32_t counter[4] = {(uint32_t)i, draw, 0, UINT32_MAX};
        if (lane == 0) nw_rng_words(key, counter, words);
        /* A word scaled to 0 .. count - 1: uneven by count / 2^32 at most. */
        picked[i] = (size_t)(((uint64_t)words[0][lane] * count) >> 32);
    }
}

typedef struct work {
    const double *a, *b; /* b NULL: the mean of a */
    size_t count;
    double *x, *y; /* [count] a resample, and its ranks after it: [2 count] */
    nw_ranked *order;
} work;

static nw_score statistic(const work *w, const double *x, const double *y)
{
    if (w->b) {
        nw_rank_mean(x, w->count, w->order, w->x + w->count);
        nw_rank_mean(y, w->count, w->order, w->y + w->count);
        return nw_rank_correlation(w->x + w->count, w->y + w->count, w->count);
    }
    double sum = 0;
    for (size_t i = 0; i < w->count; i++) sum += x[i];
    return nw_score_of(sum / (double)w->count);
}

double nw_rank_quantile(const nw_ranked *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    return sorted[low].value + (at - (double)low) * (sorted[high].value - sorted[low].value);
}

static void intervals(const work *w, int draws, uint64_t seed, size_t *picked, nw_ranked *all,
                      nw_estimate *out)
{
    size_t n = 0;
    for (int d = 0; d < draws; d++) {
        nw_resample(seed, (uint32_t)d, w->count, picked);
        for (size_t i = 0; i < w->count; i++) {
            w->x[i] = w->a[picked[i]];
            if (w->b) w->y[i] = w->b[picked[i]];
        }
        nw_score score = statistic(w, w->x, w->y);
        if (score.undefined)
            out->undefined_draws++;
        else
            all[n++] = (nw_ranked){score.value, d};
    }
    out->low = out->high = out->score.value;
    if (n == 0) return;
    nw_rank_sort(all, n);
    out->low = nw_rank_quantile(all, n, 0.025);
    out->high = nw_rank_quantile(all, n, 0.975);
}

static nw_status estimate(const double *a, const double *b, size_t count, int draws, uint64_t seed,
                          nw_estimate *out, nw_error *err)
{
    if (draws < 1 || draws > NW_MOST_DRAWS)
        return nw_fail(err, NW_USAGE, "%d resamples are not within 1 and %d", draws, NW_MOST_DRAWS);
    if (count > UINT32_MAX) return nw_fail(err, NW_USAGE, "%zu images are too many to resample", count);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i]) || (b && !isfinite(b[i])))
            return nw_fail(err, NW_NOT_FINITE, "value %zu of an estimate is not finite", i);
    nw_estimate made = {.count = count};
    size_t *picked = nw_calloc(count, sizeof *picked);
    nw_ranked *all = nw_calloc((size_t)draws, sizeof *all);
    work w = {a,
              b,
              count,
              nw_calloc(count, 2 * sizeof *w.x),
              nw_calloc(count, 2 * sizeof *w.y),
              nw_calloc(count, sizeof *w.order)};
    nw_status status = NW_OK;
    if (!picked || !all || !w.x || !w.y || !w.order) {
        status = nw_no_memory(err, count * sizeof *w.order, "a bootstrap");
    } else {
        made.score = count ? statistic(&w, a, b) : nw_score_undefined("no image has a value");
        if (!made.score.undefined) intervals(&w, draws, seed, picked, all, &made);
        *out = made;
    }
    nw_free(picked);
    nw_free(all);
    nw_free(w.x);
    nw_free(w.y);
    nw_free(w.order);
    return status;
}

nw_status nw_estimate_mean(const double *values, size_t count, int draws, uint64_t seed, nw_estimate *out,
                           nw_error *err)
{
    return estimate(values, NULL, count, draws, seed, out, err);
}

nw_status nw_estimate_spearman(const double *a, const double *b, size_t count, int draws, uint64_t seed,
                               nw_estimate *out, nw_error *err)
{
    return estimate(a, b, count, draws, seed, out, err);
}
