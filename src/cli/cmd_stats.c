#include "commands.h"
#include "estimate.h"
#include "json.h"
#include "negatives.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    const char *layer, *output;
    int precision, restart, negatives;
    int64_t threads, limit, negatives_limit;
    double smooth;
    cli_lung_options lung;
    cli_method_options method;
} arguments;

#define NEGATIVES       .group = "Negative scans"
#define METHOD_FIELD(f) offsetof(arguments, method.f)

static const cli_option options[] = {
    {"output", 'o', CLI_TEXT, offsetof(arguments, output), "FILE",
     .help = "safetensors file to write; needed", .completes = "file"},
    {"layer", 'l', CLI_TEXT, offsetof(arguments, layer), "TENSOR",
     .help = "feature map, as `narrows inspect` names it; without it the recommended one"},
    {"limit", 'n', CLI_INTEGER, offsetof(arguments, limit), "N", .help = "the first N images only",
     .least = 1, .most = 1e15},
    {"restart", 0, CLI_FLAG, offsetof(arguments, restart),
     .help = "begin anew, though FILE.partial of an interrupted run is there"},
    {"precision", 0, CLI_CHOICE, offsetof(arguments, precision), "P", "f32",
     "f32: fast; f64: plain loops in double, slow", .choices = "f32 f64"},
    {"threads", 0, CLI_INTEGER, offsetof(arguments, threads), "N", "0", "0: as the environment has it",
     .least = 0, .most = 1024},
    {"negatives", 0, CLI_FLAG, offsetof(arguments, negatives),
     .help =
         "also record how many bits healthy lungs need: DATA are scans, and those labelled 0 (or class 0's "
         "name; without labels all) are explained slice by slice, with the options under Bottleneck",
     NEGATIVES},
    {"negatives-limit", 0, CLI_INTEGER, offsetof(arguments, negatives_limit), "N",
     .help = "the first N negative scans only", NEGATIVES, .least = 1, .most = 1e15},
    {"smooth", 0, CLI_NUMBER, offsetof(arguments, smooth), "MM", "0",
     "smoothing across slices that quantify will use", NEGATIVES, .least = 0, .most = 1000},
    {"target", 't', CLI_TEXT, METHOD_FIELD(target), "CLASS", "predicted",
     .help = "class that quantify will explain, by number or name; of two classes the second", NEGATIVES},
    CLI_LUNG_OPTIONS(arguments, lung),
#include "bottleneck_options.def"
    CLI_MODEL_OPTIONS(arguments, model),
    CLI_IMAGE_OPTIONS(arguments, image),
    {0},
};

static json_t *healthy_json(const arguments *a, const cli_negatives_done *h)
{
    if (!a->negatives) return json_null();
    return json_pack("{s:I, s:I, s:f, s:f, s:f}", "scans", (json_int_t)h->scans, "failed",
                     (json_int_t)h->failed, "litres", h->litres, "bits_per_litre", h->bits_per_litre,
                     "q99_bits_per_ml", h->q99);
}

static nw_status report(const arguments *a, nw_collector *collector, const cli_estimated *done,
                        const cli_negatives_done *healthy, nw_error *err)
{
    nw_stats *stats = nw_collector_stats(collector);
    const nw_shape *shape = nw_stats_shape(stats);
    const float *active = nw_stats_active(stats);
    double neurons = 1, used = 0;
    for (int i = 0; i < shape->rank; i++) neurons *= (double)shape->dims[i];
    for (size_t i = 0; i < (size_t)neurons; i++) used += (double)active[i] > 0.01;
    if (a->common.json)
        return cli_json_print(
            json_pack("{s:o, s:o, s:o, s:I, s:I, s:f, s:o}", "file", cli_json_text(a->output), "layer",
                      cli_json_text(nw_collector_layer(collector)), "shape", cli_json_shape(shape), "samples",
                      (json_int_t)nw_stats_count(stats), "failed", (json_int_t)done->failed, "active_share",
                      used / neurons, "healthy", healthy_json(a, healthy)),
            err);
    char text[CLI_SHAPE];
    printf("%s: %s, %s, %lld samples, %.1f %% of the neurons active\n", a->output,
           nw_collector_layer(collector), cli_shape(shape, text), (long long)nw_stats_count(stats),
           100 * used / neurons);
    if (a->negatives)
        printf(
            "healthy lungs: %zu scans, %.1f L, %.4g bits per litre, 99 %% of them up to %.4g bits per mL\n",
            healthy->scans, healthy->litres, healthy->bits_per_litre, healthy->q99);
    return NW_OK;
}

/* The statistics are saved by now: a run that is stopped here has lost the negative scans only. */
static nw_status count_negatives(const arguments *a, cli_job *job, nw_collector *collector,
                                 cli_negatives_done *done, nw_error *err)
{
    cli_method_options method = a->method;
    const char *layer = nw_collector_layer(collector);
    method.layers = (cli_list){&layer, 1};
    method.precision = a->precision;
    method.threads = a->threads;
    cli_negatives what = {.job = job,
                          .method = &method,
                          .lung = &a->lung,
                          .file = a->output,
                          .limit = a->negatives_limit == CLI_UNSET ? 0 : a->negatives_limit,
                          .smooth_mm = a->smooth};
    return cli_negatives_run(&what, done, err);
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    if (!a->output) return cli_fail(err, NW_USAGE, "--output needs to be given: -o FILE, for the statistics");
    cli_job job;
    cli_estimated done = {0};
    char *partial = cli_printf("%s.partial", a->output);
    nw_status status = cli_job_open(operands.items[0], &a->model, &job, err);
    if (status == NW_OK)
        status = cli_job_images(&job, operands.items + 1, operands.count - 1, &a->image, err);
    if (status == NW_OK && a->negatives) status = cli_job_needs_slices(&job, "--negatives", err);
    if (status == NW_OK) {
        cli_estimate what = {.job = &job,
                             .layer = a->layer,
                             .precision = a->precision ? NW_PRECISION_F64 : NW_PRECISION_F32,
                             .threads = (int)a->threads,
                             .limit = a->limit == CLI_UNSET ? 0 : a->limit,
                             .partial = partial,
                             .restart = a->restart > 0};
        status = cli_estimate_run(&what, &done, err);
    }
    if (status == NW_OK) {
        nw_stats *stats = nw_collector_stats(done.collector);
        status = nw_stats_save(stats, a->output, 0, err);
        if (status == NW_OK)
            unlink(partial);
        else if (nw_stats_save(stats, partial, 1, NULL) == NW_OK)
            cli_note("what was counted is in %s: the same command goes on from there", partial);
        cli_negatives_done healthy = {0};
        if (status == NW_OK && a->negatives) status = count_negatives(a, &job, done.collector, &healthy, err);
        if (status == NW_OK) status = report(a, done.collector, &done, &healthy, err);
        if (status == NW_OK && nw_stats_count(stats) < 1000)
            cli_note("%lld samples: the method's authors use a thousand and more",
                     (long long)nw_stats_count(stats));
        if (status == NW_OK && done.failed)
            status = cli_fail(err, done.status, "%zu images failed; the statistics are of the others",
                              done.failed);
    }
    nw_collector_free(done.collector);
    cli_job_free(&job);
    free(partial);
    return status;
}

const cli_command cli_stats = {
    .name = "stats",
    .operands = "MODEL DATA...",
    .summary = "feature statistics for the bottleneck, over many images",
    .description =
        "Runs the model up to a layer on every image and writes each neuron's mean, deviation and share of "
        "non-zero values: the noise of the bottleneck is drawn from them. DATA may be files, folders, .txt "
        "lists or .csv tables with a column `file`; take images as the model will see them, some hundreds or "
        "more.\n\nA run that is interrupted leaves FILE.partial, and the same command goes on from there.\n\n"
        "With --negatives, quantify's default threshold comes from FILE: the density of bits that 99 % of "
        "healthy "
        "lung do not reach.",
    .examples = "  narrows stats model.onnx images/ -o layer2.stats\n"
                "  narrows stats model.onnx train.csv --layer layer3 --limit 2000 -o layer3.stats\n"
                "  narrows stats model.onnx scans.csv --negatives -o model.stats",
    .options = options,
    .size = sizeof(arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
