/* From the arguments to everything that all studies share. */
#include "folder.h"
#include "json.h"
#include "quantify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

extern const cli_command cli_quantify;

/* ---- Lesions ------------------------------------------------------------------------------------------- */

/* "healthy=0.99": the number, or `fallback` without one. */
static nw_status rule_value(const char *text, double fallback, double *out, nw_error *err)
{
    const char *equals = strchr(text, '=');
    char *end;
    *out = fallback;
    if (!equals) return NW_OK;
    *out = strtod(equals + 1, &end);
    if (end != equals + 1 && !*end && *out > 0 && *out <= 1) return NW_OK;
    return cli_fail(err, NW_USAGE, "--threshold: '%s' is not a number above 0 and up to 1", equals + 1);
}

/* final: what healthy lungs need is known, if ever. */
static nw_status read_threshold(quantify *q, bool final, nw_error *err)
{
    const char *text = q->a->threshold;
    nw_lesion_options *o = &q->options.lesion;
    size_t n = strcspn(text, "=");
    if (strcmp(text, "auto") == 0) {
        if (final && !q->healthy)
            cli_note("threshold by Otsu's rule: what healthy lungs need is not known; 'narrows stats MODEL "
                     "NEGATIVES... --negatives' records it");
        return NW_OK;
    }
    if (n == 7 && strncmp(text, "healthy", n) == 0) {
        if (final && !q->healthy)
            return cli_fail(err, NW_USAGE,
                            "--threshold healthy: the statistics do not say what healthy lungs need in these "
                            "maps; make them with "
                            "'narrows stats MODEL NEGATIVES... --negatives', or take another rule");
        o->rule = NW_THRESHOLD_HEALTHY;
        return rule_value(text, o->quantile, &o->quantile, err);
    }
    if (strcmp(text, "otsu") == 0) {
        o->rule = NW_THRESHOLD_OTSU;
        return NW_OK;
    }
    if (n == 5 && strncmp(text, "share", n) == 0) {
        o->rule = NW_THRESHOLD_SHARE;
        return rule_value(text, o->share, &o->share, err);
    }
    char *end;
    o->rule = NW_THRESHOLD_FIXED;
    o->threshold = strtod(text, &end);
    if (end != text && !*end && isfinite(o->threshold) && o->threshold > 0) return NW_OK;
    return cli_fail(
        err, NW_USAGE,
        "--threshold: '%s' is none of: auto, healthy[=Q], otsu, share[=S], nor a number of bits per mL "
        "above 0",
        text);
}

static nw_status read_lesions(quantify *q, bool final, nw_error *err)
{
    const quantify_arguments *a = q->a;
    nw_lesion_options *o = &q->options.lesion;
    double hu[2];
    int n;
    nw_study_options_init(&q->options, q->healthy);
    o->gate = a->gate;
    o->min_ml = a->min_volume;
    o->smooth_mm = a->smooth;
    q->options.ungated = a->no_gate > 0;
    q->options.explain_all = a->explain_all > 0;
    q->options.repeats = (int)a->repeats;
    q->options.sweep = (int)a->sweep;
    if (a->hu) {
        TRY(cli_numbers("hu", a->hu, 2, 2, hu, &n, err));
        if (!(hu[0] < hu[1])) return cli_fail(err, NW_USAGE, "--hu: %g is not below %g", hu[0], hu[1]);
        o->low_hu = hu[0];
        o->high_hu = hu[1];
    }
    return read_threshold(q, final, err);
}

static nw_status open_healthy(quantify *q, nw_error *err)
{
    nw_lesion_options smooth = {.smooth_mm = q->a->smooth};
    char *settings = nw_study_map_settings(q->method.explainer, &q->job.pre, &smooth);
    nw_status status = NW_OK;
    const char *digest = nw_model_digest(q->job.model);
    const char *recorded = q->method.stats ? nw_stats_get_facts(q->method.stats)->healthy : NULL;
    if (q->a->healthy) {
        status = nw_healthy_load(q->a->healthy, digest, settings, &q->healthy, err);
    } else if (recorded) {
        status = nw_healthy_parse(recorded, q->a->method.stats, digest, NULL, &q->healthy, err);
        const char *theirs = q->healthy ? nw_healthy_settings(q->healthy) : NULL;
        if (theirs && settings && strcmp(theirs, settings) != 0) {
            /* Of no use, but no reason to fail where another rule will do. */
            cli_warn(
                "%s: what healthy lungs need was recorded with other settings of the map, and is not used",
                q->a->method.stats);
            cli_detail("recorded: %s\nnow: %s", theirs, settings);
            nw_healthy_free(q->healthy);
            q->healthy = NULL;
        }
    }
    nw_manifest_release_text(settings);
    return status;
}

/* ---- Settings ------------------------------------------------------------------------------------------ */

static json_t *option_value(const cli_option *o, const void *field)
{
    bool path = o->completes && strcmp(o->completes, "method") != 0;
    const char *text;
    switch (o->kind) {
    case CLI_FLAG: return json_integer(*(const int *)field);
    case CLI_CHOICE: return json_integer(*(const int *)field);
    case CLI_INTEGER:
        return *(const int64_t *)field == CLI_UNSET ? json_null() : json_integer(*(const int64_t *)field);
    case CLI_NUMBER: return isnan(*(const double *)field) ? json_null() : json_real(*(const double *)field);
    case CLI_TEXT:
        text = *(const char *const *)field;
        return cli_json_text(text && path ? cli_base_name(text) : text);
    case CLI_LIST: break;
    }
    const cli_list *list = field;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, cli_json_text(path ? cli_base_name(list->items[i]) : list->items[i]));
    return array;
}

/* Those that results do not depend on. */
static bool is_aside(const char *name)
{
    static const char *const aside[] = {"output", "shard", "restart", "merge",   "threads", "profile",
                                        "trace",  "json",  "quiet",   "verbose", "help",    "recursive"};
    for (size_t i = 0; i < sizeof aside / sizeof aside[0]; i++)
        if (strcmp(name, aside[i]) == 0) return true;
    return false;
}

static json_t *options_json(const quantify *q)
{
    json_t *all = json_object();
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(&cli_quantify, i)); i++)
        if (!is_aside(o->name))
            json_object_set_new(all, o->name, option_value(o, (const char *)q->a + o->offset));
    return all;
}

static json_t *statistics_json(const cli_method *method)
{
    nw_stats *stats = method->stats                 ? method->stats
                      : method->estimated.collector ? nw_collector_stats(method->estimated.collector)
                                                    : NULL;
    if (!stats) return json_null();
    const nw_shape *shape = nw_stats_shape(stats);
    size_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= (size_t)shape->dims[i];
    char mean[65], deviation[65], active[65];
    nw_bytes_digest(nw_stats_mean(stats), n * sizeof(float), mean);
    nw_bytes_digest(nw_stats_std(stats), n * sizeof(float), deviation);
    nw_bytes_digest(nw_stats_active(stats), n * sizeof(float), active);
    return json_pack("{s:I, s:s, s:s, s:s}", "samples", (json_int_t)nw_stats_count(stats), "mean", mean,
                     "std", deviation, "active", active);
}

static nw_status describe(quantify *q, nw_error *err)
{
    char *map = nw_study_map_settings(q->method.explainer, &q->job.pre, &q->options.lesion);
    double healthy = NAN;
    if (q->healthy && nw_healthy_quantile(q->healthy, q->options.lesion.quantile, &healthy, err) != NW_OK)
        healthy = NAN;
    json_t *network =
        q->lungs.has_network ? json_string(nw_model_digest(q->lungs.network.model)) : json_null();
    q->settings = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "version", nw_version(), "model_digest",
                            nw_model_digest(q->job.model), "options", options_json(q), "statistics",
                            statistics_json(&q->method), "map", map ? json_loads(map, 0, NULL) : json_null(),
                            "lung_network_digest", network, "healthy_bits_per_ml",
                            isnan(healthy) ? json_null() : json_real(healthy));
    nw_manifest_release_text(map);
    q->settings_text =
        q->settings ? json_dumps(q->settings, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15)) : NULL;
    if (!q->settings_text) return cli_fail(err, NW_NO_MEMORY, "out of memory for the settings");
    nw_bytes_digest(q->settings_text, strlen(q->settings_text), q->digest);
    q->options.settings = q->settings_text;
    return NW_OK;
}

/* ---- All of it ----------------------------------------------------------------------------------------- */

static nw_status prepare_method(quantify *q, nw_error *err)
{
    cli_method_options o = q->a->method;
    if (strchr(o.names, ','))
        return cli_fail(err, NW_USAGE, "--method: one method makes the map, not several: %s", o.names);
    TRY(cli_method_find(o.names, NULL, &q->method.info, err));
    if (strcmp(q->method.info->unit, "bits per pixel") != 0)
        return cli_fail(err, NW_USAGE, "--method: the map of %s is no map in bits; take iba", o.names);
    q->method.layer = cli_method_layer(&o, q->method.info);
    TRY(cli_method_check(&o, &q->method, err));
    TRY(cli_fixed_target(&q->job, o.target, o.output, &o.target, err));
    return cli_method_prepare(&q->job, &o, &q->method, err);
}

static bool is_list(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && (strcmp(path + n - 4, ".csv") == 0 || strcmp(path + n - 4, ".txt") == 0);
}

static nw_status choose_studies(quantify *q, cli_list operands, nw_error *err)
{
    uint64_t part = 1, parts = 1;
    size_t all = nw_input_list_count(q->job.inputs);
    q->many = all > 1 || operands.count > 2 || is_list(operands.items[1]) || q->a->shard || q->a->merge;
    if (q->a->shard) TRY(quantify_shard(q->a->shard, &part, &parts, err));
    q->mine = cli_calloc(all, sizeof *q->mine);
    for (size_t i = 0; i < all; i++)
        if (quantify_hash(nw_input_list_get(q->job.inputs, i)->name) % parts == part - 1)
            q->mine[q->count++] = i;
    return NW_OK;
}

nw_status quantify_open(quantify *q, cli_list operands, nw_error *err)
{
    const quantify_arguments *a = q->a;
    cli_slices slices;
    if (!a->folder) return cli_fail(err, NW_USAGE, "--output needs to be given: -o DIR, for the results");
    if (a->merge && (a->shard || a->restart))
        return cli_fail(err, NW_USAGE,
                        "--merge and --%s exclude each other: a merge is of all studies, and does none",
                        a->shard ? "shard" : "restart");
    if (a->truth && !strchr(a->truth, '{') && access(a->truth, R_OK) != 0)
        return cli_fail(err, NW_IO, "--truth: %s: there is no such file or folder", a->truth);
    if (a->method.stats == NULL && a->method.stats_from.count == 0) {
        cli_method method = {.info = nw_method_find(a->method.names)};
        if (method.info) TRY(cli_method_check(&a->method, &method, err));
    }
    TRY(cli_slices_of(a->image.slices, INT64_MAX, "", &slices, err));
    TRY(cli_job_open(operands.items[0], &a->model, &q->job, err));
    TRY(cli_job_images(&q->job, operands.items + 1, operands.count - 1, &a->image, err));
    TRY(cli_job_needs_slices(&q->job, "quantify", err));
    TRY(choose_studies(q, operands, err));
    TRY(cli_lungs_open(&a->lung, &a->image, (int)a->method.threads, &q->lungs, err));
    TRY(read_lesions(q, false, err)); /* wrong usage is told before any work */
    TRY(prepare_method(q, err));
    TRY(open_healthy(q, err));
    TRY(read_lesions(q, true, err));
    return describe(q, err);
}

void quantify_close(quantify *q)
{
    cli_method_free(&q->method);
    cli_lungs_free(&q->lungs);
    nw_healthy_free(q->healthy);
    json_decref(q->settings);
    json_decref(q->printed);
    free(q->settings_text);
    free(q->mine);
    cli_table_drop(q->table);
    cli_job_free(&q->job);
}
