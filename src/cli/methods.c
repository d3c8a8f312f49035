#include "methods.h"

#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

/* Those of the library, then the one that the command has besides. */
static const char *method_name(const void *more, size_t i)
{
    if (i < nw_method_count()) return nw_method_list(i)->name;
    return i == nw_method_count() ? more : NULL;
}

nw_status cli_method_find(const char *name, const char *more, const nw_method_info **out, nw_error *err)
{
    *out = nw_method_find(name);
    if (*out) return NW_OK;
    char all[512] = "";
    for (size_t i = 0, at = 0; method_name(more, i) && at < sizeof all; i++)
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "", method_name(more, i));
    const char *near = cli_nearest(name, method_name, more);
    return cli_fail(err, NW_USAGE, "--method: there is no method '%s'%s%s%s; there are: %s", name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", all);
}

const char *cli_method_layer(const cli_method_options *options, const nw_method_info *info)
{
    const char *layer = NULL;
    for (size_t i = 0; i < options->layers.count; i++) {
        const char *text = options->layers.items[i], *equals = strchr(text, '=');
        char name[32] = "";
        if (equals) snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        if (!equals || !nw_method_find(name))
            layer = text;
        else if (strcmp(name, info->name) == 0)
            return equals + 1;
    }
    return info->at_input ? NULL : layer;
}

nw_status cli_method_check(const cli_method_options *options, const cli_method *method, nw_error *err)
{
    if (options->stats && options->stats_from.count)
        return cli_fail(err, NW_USAGE, "--stats and --stats-from exclude each other");
    if (method->info->needs_stats && !options->stats && !options->stats_from.count)
        return cli_fail(
            err, NW_USAGE,
            "method %s needs feature statistics: make them with 'narrows stats MODEL DATA -o FILE' and "
            "give --stats FILE, or give --stats-from DATA to estimate them now",
            method->info->name);
    return NW_OK;
}

static const char *class_name(const void *from, size_t i)
{
    return cli_job_class(from, (int64_t)i);
}

static nw_status read_target(const cli_job *job, const char *text, int64_t *target, nw_error *err)
{
    char *end;
    *target = -1;
    if (strcmp(text, "predicted") == 0) return NW_OK;
    for (size_t i = 0; i < job->class_count; i++)
        if (strcmp(job->classes[i], text) == 0) {
            *target = (int64_t)i;
            return NW_OK;
        }
    long long value = strtoll(text, &end, 10);
    if (end != text && !*end && value >= 0) {
        *target = value;
        return NW_OK;
    }
    const char *near = cli_nearest(text, class_name, job);
    if (near)
        return cli_fail(err, NW_BAD_INPUT, "--target: there is no class '%s'; did you mean '%s'?", text,
                        near);
    return cli_fail(err, NW_BAD_INPUT,
                    "--target: '%s' is neither a class of %s, nor a number, nor 'predicted'", text,
                    nw_model_path(job->model));
}

static nw_status set_options(const cli_job *job, const cli_method_options *a, nw_explain_options *o,
                             nw_error *err)
{
    nw_explain_options_init(o);
    TRY(nw_loss_parse(a->loss, &o->loss, &o->loss_value, err));
    TRY(read_target(job, a->target, &o->target, err));
    o->output = a->output;
    o->beta = a->beta;
    o->beta_over = a->beta_over ? NW_BETA_OVER_SUM : NW_BETA_OVER_MEAN;
    o->sigma = a->sigma;
    o->steps = (int)a->steps;
    o->rate = a->rate;
    o->samples = (int)a->samples;
    o->early_samples = (int)a->early_samples;
    o->early_steps = (int)a->early_steps;
    o->schedule = a->schedule ? NW_SCHEDULE_SLOPE : NW_SCHEDULE_EVEN;
    o->seed = (uint64_t)a->seed;
    o->min_std = a->min_std;
    o->initial_alpha = a->initial_alpha;
    o->active_threshold = a->active_threshold;
    o->relu = a->relu > 0;
    o->noise = (nw_noise_kind)a->noise;
    o->readout = a->readout ? NW_READOUT_AFTER : NW_READOUT_LAST_FORWARD;
    o->loss_weight = a->loss_weight;
    o->batch = (int)a->batch;
    o->precision = (nw_precision)a->precision; /* the choices are in the order of the type */
    o->threads = (int)a->threads;
    o->profile = a->profile > 0 || a->trace;
    return NW_OK;
}

static nw_status stats_from_file(const cli_job *job, const char *path, cli_method *method,
                                 nw_explain_options *o, nw_error *err)
{
    method->stats_file = path;
    TRY(nw_stats_load(path, nw_model_digest(job->model), o->layer, &method->stats, err));
    if (nw_stats_warning(method->stats)) cli_warn("%s", nw_stats_warning(method->stats));
    const nw_stats_facts *facts = nw_stats_get_facts(method->stats);
    if (!o->layer) o->layer = facts->tensor;
    o->stats = method->stats;
    char pre[4096];
    nw_preprocess_json(&job->pre, pre, sizeof pre);
    if (facts->preprocessing && strcmp(facts->preprocessing, pre) != 0)
        cli_warn("%s was made from images that were prepared in another way: %s", path, facts->preprocessing);
    return NW_OK;
}

static nw_status stats_from_images(const cli_job *job, const cli_method_options *a, cli_method *method,
                                   nw_explain_options *o, nw_error *err)
{
    nw_input_list *list = NULL;
    TRY(nw_input_list_new(a->stats_from.items, a->stats_from.count, NULL, &list, err));
    cli_job data = *job; /* the same model and preprocessing on other inputs */
    cli_image_options image = *job->image;
    image.slices = NULL;
    data.inputs = list;
    data.image = &image;
    cli_estimate what = {.job = &data,
                         .layer = o->layer,
                         .precision = o->precision,
                         .threads = o->threads,
                         .limit = a->stats_limit == CLI_UNSET ? 0 : a->stats_limit};
    nw_status status = cli_estimate_run(&what, &method->estimated, err);
    nw_input_list_free(list);
    if (status != NW_OK) return status;
    o->layer = nw_collector_layer(method->estimated.collector);
    o->stats = nw_collector_stats(method->estimated.collector);
    return NW_OK;
}

nw_status cli_method_prepare(cli_job *job, const cli_method_options *options, cli_method *method,
                             nw_error *err)
{
    nw_explain_options o;
    TRY(set_options(job, options, &o, err));
    o.layer = method->layer;
    if (method->info->needs_stats && options->stats)
        TRY(stats_from_file(job, options->stats, method, &o, err));
    if (method->info->needs_stats && !options->stats) TRY(stats_from_images(job, options, method, &o, err));
    return nw_explainer_new(job->model, method->info->name, &o, &job->input_shape, &method->explainer, err);
}

void cli_method_free(cli_method *method)
{
    nw_explainer_free(method->explainer);
    nw_stats_free(method->stats);
    nw_collector_free(method->estimated.collector);
}
