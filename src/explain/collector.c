/* Feature statistics of a model's layer over images. */
#include "base/memory.h"
#include "base/parallel.h"
#include "explain/explainer.h"
#include "explain/stats_internal.h"

#include <math.h>
#include <string.h>

struct nw_collector {
    nw_explainer *e; /* of a method that only looks at the layer */
    nw_stats *stats;
    nw_stats_sums mark;
    float *features; /* [neurons]; NULL where the program computes in single precision */
};

/* What an explainer resolves (input, layer, head) is what statistics need as well. */
static nw_status no_run(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map,
                        nw_error *err)
{
    (void)e;
    (void)image;
    (void)progress;
    (void)map;
    return nw_fail(err, NW_USAGE, "statistics are no explanation");
}

static const nw_method statistics = {
    .info = {.name = "statistics", .description = "feature statistics", .unit = ""},
    .at_cut = true,
    .features_only = true,
    .run = no_run,
};

void nw_collector_free(nw_collector *c)
{
    if (!c) return;
    nw_explainer_free(c->e);
    nw_stats_free(c->stats);
    nw_stats_sums_free(&c->mark);
    nw_free(c->features);
    nw_free(c);
}

static nw_status start(nw_collector *c, nw_stats *resume, nw_error *err)
{
    const nw_shape *shape = nw_explainer_layer_shape(c->e);
    const char *layer = nw_explainer_layer(c->e), *digest = nw_model_digest(c->e->model);
    if (c->e->options.precision == NW_PRECISION_F64) {
        int64_t n;
        nw_shape_count(shape, &n);
        c->features = nw_alloc_aligned((size_t)n, sizeof *c->features);
        if (!c->features) return nw_no_memory(err, (size_t)n * sizeof(float), "feature statistics");
    }
    if (!resume) {
        NW_TRY(nw_stats_new(shape, &c->stats, err));
        nw_stats_facts facts = {.model_digest = digest, .tensor = layer};
        return nw_stats_set_facts(c->stats, &facts, err);
    }
    const nw_stats_facts *facts = nw_stats_get_facts(resume);
    if (!nw_stats_resumable(resume))
        return nw_fail(err, NW_BAD_INPUT,
                       "the statistics to go on with were saved without the sums that it needs");
    if ((facts->model_digest && strcmp(facts->model_digest, digest) != 0) ||
        (facts->tensor && strcmp(facts->tensor, layer) != 0) ||
        !nw_shape_equal(nw_stats_shape(resume), shape))
        return nw_fail(
            err, NW_BAD_INPUT,
            "the statistics to go on with are of '%s'; '%s' or its size is another: start anew (--restart)",
            facts->tensor ? facts->tensor : "an unknown tensor", layer);
    c->stats = resume;
    return NW_OK;
}

nw_status nw_collector_new(nw_model *model, const char *layer, const nw_shape *input_shape, nw_stats *resume,
                           nw_precision precision, int threads, nw_collector **out, nw_error *err)
{
    nw_collector *c = nw_calloc(1, sizeof *c);
    if (!c) return nw_no_memory(err, sizeof *c, "feature statistics");
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.layer = layer;
    options.precision = precision;
    options.threads = threads;
    nw_status status = nw_explainer_make(model, &statistics, &options, input_shape, &c->e, err);
    if (status == NW_OK) status = start(c, resume, err);
    if (status != NW_OK) {
        nw_collector_free(c);
        return status;
    }
    *out = c;
    return NW_OK;
}

nw_status nw_collector_add(nw_collector *c, const float *input, nw_error *err)
{
    int old = nw_threads_set(c->e->options.threads);
    nw_status status = nw_explainer_features(c->e, input, err);
    nw_threads_set(old);
    NW_TRY(status);
    const void *x = nw_program_output(c->e->before, c->e->layer, NULL);
    int64_t n;
    nw_shape_count(&c->e->layer_shape, &n);
    for (int64_t i = 0; c->features && i < n; i++) c->features[i] = (float)((const double *)x)[i];
    status = nw_stats_add(c->stats, c->features ? c->features : x, err);
    if (status != NW_OK) return nw_fail_within(err, status, "layer '%s'", c->e->layer);
    return NW_OK;
}

nw_status nw_collector_mark(nw_collector *c, nw_error *err)
{
    return nw_stats_sums_keep(c->stats, &c->mark, err);
}

void nw_collector_undo(nw_collector *c)
{
    if (c->mark.m) nw_stats_sums_restore(c->stats, &c->mark);
}

nw_stats *nw_collector_stats(nw_collector *c)
{
    return c->stats;
}

const char *nw_collector_layer(const nw_collector *c)
{
    return c->e->layer;
}
