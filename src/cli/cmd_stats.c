#include "commands.h"
#include "estimate.h"
#include "json.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    const char *layer, *output;
    int precision, restart;
    int64_t threads, limit;
} arguments;

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
    CLI_MODEL_OPTIONS(arguments, model),
    CLI_IMAGE_OPTIONS(arguments, image),
    {0},
};

static nw_status report(const arguments *a, nw_collector *collector, const cli_estimated *done, nw_error *err)
{
    nw_stats *stats = nw_collector_stats(collector);
    const nw_shape *shape = nw_stats_shape(stats);
    const float *active = nw_stats_active(stats);
    double neurons = 1, used = 0;
    for (int i = 0; i < shape->rank; i++) neurons *= (double)shape->dims[i];
    for (size_t i = 0; i < (size_t)neurons; i++) used += (double)active[i] > 0.01;
    if (a->common.json)
        return cli_json_print(json_pack("{s:o, s:o, s:o, s:I, s:I, s:f}", "file", cli_json_text(a->output),
                                        "layer", cli_json_text(nw_collector_layer(collector)), "shape",
                                        cli_json_shape(shape), "samples", (json_int_t)nw_stats_count(stats),
                                        "failed", (json_int_t)done->failed, "active_share", used / neurons),
                              err);
    char text[CLI_SHAPE];
    printf("%s: %s, %s, %lld samples, %.1f %% of the neurons active\n", a->output,
           nw_collector_layer(collector), cli_shape(shape, text), (long long)nw_stats_count(stats),
           100 * used / neurons);
    return NW_OK;
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
        unlink(partial);
        if (status == NW_OK) status = report(a, done.collector, &done, err);
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
        "more.\n\nA run that is interrupted leaves FILE.partial, and the same command goes on from there.",
    .examples = "  narrows stats model.onnx images/ -o layer2.stats\n"
                "  narrows stats model.onnx train.csv --layer layer3 --limit 2000 -o layer3.stats",
    .options = options,
    .size = sizeof(arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
