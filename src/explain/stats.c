#include "base/memory.h"
#include "explain/stats_internal.h"

#include <math.h>
#include <string.h>

nw_status nw_stats_new(const nw_shape *shape, nw_stats **out, nw_error *err)
{
    int64_t n;
    if (shape->rank < 1 || shape->rank > NW_MAX_RANK || !nw_shape_count(shape, &n) || n == 0)
        return nw_fail(err, NW_BAD_INPUT, "statistics of an empty or impossible feature map");
    nw_stats *stats = nw_calloc(1, sizeof *stats);
    if (stats) {
        size_t k = (size_t)n;
        stats->shape = *shape;
        stats->neurons = n;
        stats->m = nw_calloc(k, sizeof *stats->m);
        stats->s = nw_calloc(k, sizeof *stats->s);
        stats->nonzero = nw_calloc(k, sizeof *stats->nonzero);
        stats->mean = nw_calloc(k, sizeof *stats->mean);
        stats->std = nw_calloc(k, sizeof *stats->std);
        stats->active = nw_calloc(k, sizeof *stats->active);
    }
    if (!stats || !stats->m || !stats->s || !stats->nonzero || !stats->mean || !stats->std ||
        !stats->active) {
        nw_stats_free(stats);
        return nw_no_memory(err, (size_t)n * 36, "feature statistics");
    }
    *out = stats;
    return NW_OK;
}

static void free_facts(nw_stats_facts *facts)
{
    const char *strings[] = {facts->model_digest, facts->tensor, facts->preprocessing, facts->inputs_digest,
                             facts->healthy};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) nw_free((void *)(uintptr_t)strings[i]);
}

void nw_stats_free(nw_stats *stats)
{
    if (!stats) return;
    nw_free(stats->m);
    nw_free(stats->s);
    nw_free(stats->nonzero);
    nw_free(stats->mean);
    nw_free(stats->std);
    nw_free(stats->active);
    free_facts(&stats->facts);
    nw_free(stats->warning);
    nw_free(stats);
}

nw_status nw_stats_add(nw_stats *stats, const float *features, nw_error *err)
{
    if (!stats->m)
        return nw_fail(err, NW_USAGE,
                       "these statistics were saved without the sums: they cannot be gone on with");
    for (int64_t i = 0; i < stats->neurons; i++)
        if (!isfinite(features[i]))
            return nw_fail(err, NW_NOT_FINITE, "the feature map is not finite at neuron %lld", (long long)i);
    double share = 1 / (double)(stats->count + 1);
    for (int64_t i = 0; i < stats->neurons; i++) {
        /* Welford 1962. */
        double x = (double)features[i], before = x - stats->m[i];
        stats->m[i] += before * share;
        stats->s[i] += before * (x - stats->m[i]);
        stats->nonzero[i] += features[i] != 0;
    }
    stats->count++;
    stats->stale = true;
    return NW_OK;
}

static void refresh(nw_stats *stats)
{
    if (!stats->stale) return;
    double n = (double)stats->count;
    for (int64_t i = 0; i < stats->neurons; i++) {
        stats->mean[i] = (float)stats->m[i];
        stats->std[i] = stats->count > 1 ? (float)sqrt(stats->s[i] / (n - 1)) : 0;
        stats->active[i] = (float)((double)stats->nonzero[i] / n);
    }
    stats->stale = false;
}

const nw_shape *nw_stats_shape(const nw_stats *stats)
{
    return &stats->shape;
}

int64_t nw_stats_count(const nw_stats *stats)
{
    return stats->count;
}

const float *nw_stats_mean(nw_stats *stats)
{
    refresh(stats);
    return stats->mean;
}

const float *nw_stats_std(nw_stats *stats)
{
    refresh(stats);
    return stats->std;
}

const float *nw_stats_active(nw_stats *stats)
{
    refresh(stats);
    return stats->active;
}

const char *nw_stats_warning(const nw_stats *stats)
{
    return stats->warning;
}

int nw_stats_resumable(const nw_stats *stats)
{
    return stats->m != NULL;
}

const nw_stats_facts *nw_stats_get_facts(const nw_stats *stats)
{
    return &stats->facts;
}

nw_status nw_stats_set_facts(nw_stats *stats, const nw_stats_facts *facts, nw_error *err)
{
    const char *from[] = {facts->model_digest, facts->tensor, facts->preprocessing, facts->inputs_digest,
                          facts->healthy};
    char *copies[5] = {NULL};
    for (int i = 0; i < 5; i++) {
        if (!from[i]) continue;
        copies[i] = nw_strdup(from[i]);
        if (!copies[i]) {
            for (int j = 0; j < i; j++) nw_free(copies[j]);
            return nw_no_memory(err, strlen(from[i]), "the facts of statistics");
        }
    }
    free_facts(&stats->facts);
    stats->facts = (nw_stats_facts){copies[0], copies[1], copies[2], copies[3], facts->position, copies[4]};
    return NW_OK;
}
