#include "base/memory.h"
#include "base/parallel.h"
#include "evaluate/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Draws are cut into so many parts, each with its own working space. */
enum { PARTS = 8, CUSTOMARY_DRAWS = 2000 };

/* Samples in the order of their groups: group g has the members[starts[g]] .. members[starts[g + 1] - 1]. */
typedef struct grouping {
    size_t groups, *starts, *members;
} grouping;

typedef struct work {
    nw_statistic_fn fn;
    const void *context;
    grouping by;
    size_t count, scratch_size, draws, per; /* draws of a part */
    uint64_t seed;
    uint32_t *times;  /* [PARTS][count] */
    size_t *picked;   /* [PARTS][groups] */
    double *scratch;  /* [PARTS][scratch_size] */
    nw_score *scores; /* [draws] */
} work;

static int by_group(const void *a, const void *b)
{
    const int64_t *x = a, *y = b; /* {group, sample} */
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

static nw_status group(const int64_t *groups, size_t count, grouping *out, nw_error *err)
{
    int64_t(*pairs)[2] = nw_calloc(count, sizeof *pairs);
    out->starts = nw_calloc(count + 1, sizeof *out->starts);
    out->members = nw_calloc(count, sizeof *out->members);
    if (!pairs || !out->starts || !out->members) {
        nw_free(pairs);
        return nw_no_memory(err, count * sizeof *pairs, "a bootstrap");
    }
    for (size_t i = 0; i < count; i++) {
        pairs[i][0] = groups ? groups[i] : (int64_t)i;
        pairs[i][1] = (int64_t)i;
    }
    if (groups) qsort(pairs, count, sizeof *pairs, by_group);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || pairs[i][0] != pairs[i - 1][0]) out->starts[out->groups++] = i;
        out->members[i] = (size_t)pairs[i][1];
    }
    out->starts[out->groups] = count;
    nw_free(pairs);
    return NW_OK;
}

static void draw_part(void *context, size_t begin, size_t end)
{
    const work *w = context;
    size_t part = begin / w->per;
    uint32_t *times = w->times + part * w->count;
    size_t *picked = w->picked + part * w->by.groups;
    for (size_t d = begin; d < end; d++) {
        memset(times, 0, w->count * sizeof *times);
        nw_resample(w->seed, (uint32_t)d, w->by.groups, picked);
        for (size_t g = 0; g < w->by.groups; g++)
            for (size_t m = w->by.starts[picked[g]]; m < w->by.starts[picked[g] + 1]; m++)
                times[w->by.members[m]]++;
        w->scores[d] = w->fn(w->context, times, w->scratch + part * w->scratch_size);
    }
}

static nw_status interval(work *w, nw_estimate *out, nw_error *err)
{
    nw_ranked *all = nw_calloc(w->draws, sizeof *all);
    if (!all) return nw_no_memory(err, w->draws * sizeof *all, "a bootstrap");
    size_t n = 0;
    nw_parallel(w->draws, w->per, draw_part, w);
    for (size_t d = 0; d < w->draws; d++)
        if (w->scores[d].undefined)
            out->undefined_draws++;
        else
            all[n++] = (nw_ranked){w->scores[d].value, (int64_t)d};
    if (n) {
        nw_rank_sort(all, n);
        out->low = nw_rank_quantile(all, n, 0.025);
        out->high = nw_rank_quantile(all, n, 0.975);
    }
    nw_free(all);
    return NW_OK;
}

static nw_status run(work *w, const int64_t *groups, bool intervals, nw_estimate *out, nw_error *err)
{
    nw_estimate made = {.count = w->count, .score = nw_score_undefined("there are no samples")};
    NW_TRY(group(groups, w->count, &w->by, err));
    w->times = nw_calloc(PARTS, w->count * sizeof *w->times);
    w->picked = nw_calloc(PARTS, w->by.groups * sizeof *w->picked);
    w->scratch = nw_calloc(PARTS, w->scratch_size * sizeof *w->scratch);
    w->scores = nw_calloc(w->draws, sizeof *w->scores);
    if (!w->times || !w->picked || !w->scratch || !w->scores)
        return nw_no_memory(err, PARTS * w->count * sizeof *w->times, "a bootstrap");
    for (size_t i = 0; i < w->count; i++) w->times[i] = 1;
    if (w->count) made.score = w->fn(w->context, w->times, w->scratch);
    if (!made.score.undefined) {
        made.low = made.high = made.score.value;
        if (intervals) NW_TRY(interval(w, &made, err));
    }
    *out = made;
    return NW_OK;
}

nw_status nw_bootstrap(nw_statistic_fn fn, const void *context, size_t count, size_t scratch,
                       const nw_metric_options *options, bool intervals, nw_estimate *out, nw_error *err)
{
    nw_metric_options o = options ? *options : (nw_metric_options){0};
    int draws = o.draws ? o.draws : CUSTOMARY_DRAWS;
    if (draws < 1 || draws > NW_MOST_DRAWS)
        return nw_fail(err, NW_USAGE, "%d resamples are not within 1 and %d", draws, NW_MOST_DRAWS);
    if (count > UINT32_MAX / 2) return nw_fail(err, NW_USAGE, "%zu samples are too many to resample", count);
    work w = {.fn = fn,
              .context = context,
              .count = count,
              .scratch_size = scratch,
              .draws = (size_t)draws,
              .per = ((size_t)draws + PARTS - 1) / PARTS,
              .seed = o.seed};
    nw_status status = run(&w, o.groups, intervals, out, err);
    nw_free(w.by.starts);
    nw_free(w.by.members);
    nw_free(w.times);
    nw_free(w.picked);
    nw_free(w.scratch);
    nw_free(w.scores);
    return status;
}

nw_status nw_metric_check(const double *values, size_t count, size_t width, const char *what, nw_error *err)
{
    for (size_t i = 0; i < count * width; i++)
        if (!isfinite(values[i]))
            return nw_fail(err, NW_NOT_FINITE, "the %s of sample %zu is %g", what, i / width, values[i]);
    return NW_OK;
}

nw_ranked *nw_rank_order(const double *values, size_t count)
{
    nw_ranked *order = nw_calloc(count, sizeof *order);
    for (size_t i = 0; order && i < count; i++) order[i] = (nw_ranked){values[i], (int64_t)i};
    if (order) nw_rank_sort(order, count);
    return order;
}
