#include "commands.h"
#include "explain.h"
#include "folder.h"
#include "json.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

static const char *method_name(const void *from, size_t i)
{
    (void)from;
    return i < nw_method_count() ? nw_method_list(i)->name : NULL;
}

static nw_status read_methods(explain *e, nw_error *err)
{
    for (const char *p = e->a->method;; p++) {
        size_t n = strcspn(p, ",");
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        const nw_method_info *info = nw_method_find(name);
        if (!info) {
            char all[512] = "";
            for (size_t i = 0, at = 0; i < nw_method_count() && at < sizeof all; i++)
                at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "",
                                       nw_method_list(i)->name);
            const char *near = cli_nearest(name, method_name, NULL);
            return cli_fail(err, NW_USAGE, "--method: there is no method '%s'%s%s%s; there are: %s", name,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", all);
        }
        for (size_t i = 0; i < e->method_count; i++)
            if (e->methods[i].info == info)
                return cli_fail(err, NW_USAGE, "--method: '%s' is named twice", name);
        if (e->method_count == EXPLAIN_METHODS) return cli_fail(err, NW_USAGE, "--method: too many methods");
        e->methods[e->method_count++].info = info;
        p += n;
        if (!*p) return NW_OK;
    }
}

/* The layer that the options name for a method, or NULL. */
static const char *layer_of(const explain *e, const char *method)
{
    const char *layer = NULL;
    for (size_t i = 0; i < e->a->layers.count; i++) {
        const char *text = e->a->layers.items[i], *equals = strchr(text, '=');
        char name[32] = "";
        if (equals) snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        if (!equals || !nw_method_find(name))
            layer = text;
        else if (strcmp(name, method) == 0)
            return equals + 1;
    }
    return layer;
}

static const char *class_name(const void *from, size_t i)
{
    return cli_job_class(from, (int64_t)i);
}

static nw_status read_target(explain *e, nw_error *err)
{
    const char *text = e->a->target;
    char *end;
    e->target = -1;
    if (strcmp(text, "predicted") == 0) return NW_OK;
    for (size_t i = 0; i < e->job.class_count; i++)
        if (strcmp(e->job.classes[i], text) == 0) {
            e->target = (int64_t)i;
            return NW_OK;
        }
    long long value = strtoll(text, &end, 10);
    if (end != text && !*end && value >= 0) {
        e->target = value;
        return NW_OK;
    }
    const char *near = cli_nearest(text, class_name, &e->job);
    if (near)
        return cli_fail(err, NW_BAD_INPUT, "--target: there is no class '%s'; did you mean '%s'?", text,
                        near);
    return cli_fail(err, NW_BAD_INPUT,
                    "--target: '%s' is neither a class of %s, nor a number, nor 'predicted'", text,
                    nw_model_path(e->job.model));
}

static nw_status set_options(explain *e, nw_error *err)
{
    const explain_arguments *a = e->a;
    nw_explain_options *o = &e->options;
    nw_explain_options_init(o);
    TRY(nw_loss_parse(a->loss, &o->loss, &o->loss_value, err));
    TRY(read_target(e, err));
    o->output = a->output;
    o->target = e->target;
    o->beta = a->beta;
    o->beta_over = a->beta_over ? NW_BETA_OVER_SUM : NW_BETA_OVER_MEAN;
    o->sigma = a->sigma;
    o->steps = (int)a->steps;
    o->rate = a->rate;
    o->samples = (int)a->samples;
    o->seed = (uint64_t)a->seed;
    o->min_std = a->min_std;
    o->initial_alpha = a->initial_alpha;
    o->active_threshold = a->active_threshold;
    o->relu = a->relu > 0;
    o->readout = a->readout ? NW_READOUT_AFTER : NW_READOUT_LAST_FORWARD;
    o->loss_weight = a->loss_weight;
    o->batch = (int)a->batch;
    o->precision = a->precision ? NW_PRECISION_F64 : NW_PRECISION_F32;
    o->threads = (int)a->threads;
    o->profile = a->profile > 0;
    return NW_OK;
}

/* Statistics from a file or from images; *layer is set to theirs where it is NULL. */
static nw_status get_stats(explain *e, explain_method *method, const char **layer, nw_error *err)
{
    const explain_arguments *a = e->a;
    if (a->stats) {
        method->stats_file = a->stats;
        TRY(nw_stats_load(a->stats, nw_model_digest(e->job.model), *layer, &method->stats, err));
        if (nw_stats_warning(method->stats)) cli_warn("%s", nw_stats_warning(method->stats));
        const nw_stats_facts *facts = nw_stats_get_facts(method->stats);
        if (!*layer) *layer = facts->tensor;
        char pre[4096];
        nw_preprocess_json(&e->job.pre, pre, sizeof pre);
        if (facts->preprocessing && strcmp(facts->preprocessing, pre) != 0)
            cli_warn("%s was made from images that were prepared in another way: %s", a->stats,
                     facts->preprocessing);
        return NW_OK;
    }
    nw_input_list *list = NULL;
    TRY(nw_input_list_new(a->stats_from.items, a->stats_from.count, NULL, &list, err));
    cli_job data = e->job; /* the same model and preprocessing on other inputs */
    cli_image_options image = a->image;
    image.slices = NULL;
    data.inputs = list;
    data.image = &image;
    cli_estimate what = {.job = &data,
                         .layer = *layer,
                         .precision = e->options.precision,
                         .threads = e->options.threads,
                         .limit = a->stats_limit == CLI_UNSET ? 0 : a->stats_limit};
    nw_status status = cli_estimate_run(&what, &method->estimated, err);
    nw_input_list_free(list);
    if (status == NW_OK) *layer = nw_collector_layer(method->estimated.collector);
    return status;
}

static nw_status make_explainers(explain *e, nw_error *err)
{
    for (size_t i = 0; i < e->method_count; i++) {
        explain_method *method = &e->methods[i];
        nw_explain_options o = e->options;
        o.layer = layer_of(e, method->info->name);
        if (method->info->needs_stats) {
            TRY(get_stats(e, method, &o.layer, err));
            o.stats = method->stats ? method->stats : nw_collector_stats(method->estimated.collector);
        }
        TRY(nw_explainer_new(e->job.model, method->info->name, &o, &e->job.input_shape, &method->explainer,
                             err));
    }
    return NW_OK;
}

static nw_status check_arguments(const explain *e, nw_error *err)
{
    const explain_arguments *a = e->a;
    if (!a->folder) return cli_fail(err, NW_USAGE, "--output needs to be given: -o DIR, for the maps");
    if (a->stats && a->stats_from.count)
        return cli_fail(err, NW_USAGE, "--stats and --stats-from exclude each other");
    for (size_t i = 0; i < e->method_count; i++)
        if (e->methods[i].info->needs_stats && !a->stats && !a->stats_from.count)
            return cli_fail(
                err, NW_USAGE,
                "method %s needs feature statistics: make them with 'narrows stats MODEL DATA -o FILE' and "
                "give --stats FILE, or give --stats-from DATA to estimate them now",
                e->methods[i].info->name);
    return NW_OK;
}

static void print_profile(const explain *e)
{
    for (size_t i = 0; i < e->method_count; i++)
        for (int after = 0; after < 2; after++) {
            nw_program *program = nw_explainer_program(e->methods[i].explainer, after);
            if (!program) continue;
            fprintf(stderr, "%s, %s the layer: %.1f MB, %s\n%10s %6s %9s %9s  %s\n", e->methods[i].info->name,
                    after ? "after" : "before", (double)nw_program_memory(program) / 1e6,
                    nw_program_isa(program), "ms a run", "runs", "GFLOP/s", "GB/s", "step");
            for (size_t k = 0; k < nw_program_step_count(program); k++) {
                nw_step_info s = nw_program_step(program, k);
                double each = s.runs ? s.seconds / (double)s.runs : 0;
                fprintf(stderr, "%10.3f %6ld %9.1f %9.1f  %s%s %s %s\n", 1e3 * each, s.runs,
                        each > 0 ? 1e-9 * s.flops / each : 0, each > 0 ? 1e-9 * s.bytes / each : 0,
                        s.backward ? "backward " : "", s.kind, s.impl, s.node);
            }
        }
}

static nw_status write_record(explain *e, nw_status result, nw_error *err)
{
    char *path = cli_printf("%s/manifest.json", e->a->folder);
    explain_record_finish(e, result);
    nw_error own;
    nw_status status = nw_manifest_write(e->manifest, path, &own);
    if (status != NW_OK && result == NW_OK) *err = own;
    if (status == NW_OK && e->a->common.json) {
        char *text = nw_manifest_dump(e->manifest);
        if (text) puts(text);
        nw_manifest_release_text(text);
    }
    free(path);
    return result == NW_OK ? status : result;
}

static nw_status explain_all(explain *e, cli_list operands, nw_error *err)
{
    const explain_arguments *a = e->a;
    TRY(read_methods(e, err));
    TRY(check_arguments(e, err));
    TRY(cli_job_open(operands.items[0], &a->model, &e->job, err));
    TRY(cli_job_images(&e->job, operands.items + 1, operands.count - 1, &a->image, err));
    TRY(set_options(e, err));
    TRY(make_explainers(e, err));
    TRY(explain_record_start(e, err));
    int made;
    TRY(cli_folder_make(a->folder, &made, err));
    if (!a->common.json) e->table = cli_table_new("image|method|target|>probability|>bits|map");
    nw_status status = explain_inputs(e, err);
    if (e->done || status == NW_OK || status == NW_CANCELLED) status = write_record(e, status, err);
    if (status != NW_OK && !e->done) cli_folder_unmake(a->folder, made);
    if (e->table && e->done)
        cli_table_print(e->table);
    else
        cli_table_drop(e->table);
    if (a->profile) print_profile(e);
    return status;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    explain *e = cli_calloc(1, sizeof *e);
    e->a = given;
    nw_status status = explain_all(e, operands, err);
    for (size_t i = 0; i < e->method_count; i++) {
        nw_explainer_free(e->methods[i].explainer);
        nw_stats_free(e->methods[i].stats);
        nw_collector_free(e->methods[i].estimated.collector);
    }
    nw_manifest_free(e->manifest);
    cli_job_free(&e->job);
    free(e);
    return status;
}

const cli_command cli_explain = {
    .name = "explain",
    .operands = "MODEL INPUT...",
    .summary = "maps of what a prediction needs, in bits",
    .description =
        "Explains the model's prediction for every image and writes, for each image NAME and METHOD, the map "
        "DIR/NAME.METHOD.npy (or .nii.gz for a NIfTI scan, in its geometry), a picture DIR/NAME.METHOD.png, "
        "and one "
        "DIR/manifest.json that says how all of it was made. Maps of the bottleneck (iba) are in bits a "
        "pixel of the "
        "image and sum up to the bits that the prediction needs.\n\n"
        "iba wants statistics of the layer's features: --stats FILE from 'narrows stats', or --stats-from "
        "DATA.\n\n"
        "Ctrl-C stops after the current step; files are there whole or not at all. A bad image is said and "
        "passed over.",
    .examples =
        "  narrows explain model.onnx scan.png --stats layer2.stats -o out\n"
        "  narrows explain model.onnx folder --method iba,gradcam --stats-from train.csv -o out\n"
        "  narrows explain model.onnx ct.nii.gz --window -1350,150 --slices 20:60 --stats s.stats -o out",
    .options = explain_options,
    .size = sizeof(explain_arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
