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

static nw_status read_methods(explain *e, nw_error *err)
{
    for (const char *p = e->a->method.names;; p++) {
        size_t n = strcspn(p, ",");
        char *name = cli_printf("%.*s", (int)n, p);
        const nw_method_info *info;
        nw_status status = cli_method_find(name, NULL, &info, err);
        free(name);
        if (status != NW_OK) return status;
        for (size_t i = 0; i < e->method_count; i++)
            if (e->methods[i].use.info == info)
                return cli_fail(err, NW_USAGE, "--method: '%s' is named twice", info->name);
        if (e->method_count == CLI_METHODS) return cli_fail(err, NW_USAGE, "--method: too many methods");
        cli_method *method = &e->methods[e->method_count++].use;
        method->info = info;
        method->layer = cli_method_layer(&e->a->method, info);
        p += n;
        if (!*p) return NW_OK;
    }
}

static nw_status check_arguments(const explain *e, nw_error *err)
{
    if (!e->a->folder) return cli_fail(err, NW_USAGE, "--output needs to be given: -o DIR, for the maps");
    for (size_t i = 0; i < e->method_count; i++)
        TRY(cli_method_check(&e->a->method, &e->methods[i].use, err));
    return NW_OK;
}

static void print_profile(const explain *e)
{
    for (size_t i = 0; i < e->method_count; i++)
        for (int after = 0; after < 2; after++) {
            nw_program *program = nw_explainer_program(e->methods[i].use.explainer, after);
            if (!program) continue;
            fprintf(stderr, "%s, %s the layer: %.1f MB, %s\n%10s %6s %9s %9s  %s\n",
                    e->methods[i].use.info->name, after ? "after" : "before",
                    (double)nw_program_memory(program) / 1e6, nw_program_isa(program), "ms a run", "runs",
                    "GFLOP/s", "GB/s", "step");
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
    for (size_t i = 0; i < e->method_count; i++)
        TRY(cli_method_prepare(&e->job, &a->method, &e->methods[i].use, err));
    TRY(explain_record_start(e, err));
    int made;
    TRY(cli_folder_make(a->folder, &made, err));
    if (!a->common.json) e->table = cli_table_new("image|method|target|>prediction|>bits|map");
    nw_status status = explain_inputs(e, err);
    if (e->done || status == NW_OK || status == NW_CANCELLED) status = write_record(e, status, err);
    if (status != NW_OK && !e->done) cli_folder_unmake(a->folder, made);
    if (e->table && e->done)
        cli_table_print(e->table);
    else
        cli_table_drop(e->table);
    if (a->method.profile) print_profile(e);
    return status;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    explain *e = cli_calloc(1, sizeof *e);
    e->a = given;
    nw_status status = explain_all(e, operands, err);
    for (size_t i = 0; i < e->method_count; i++) cli_method_free(&e->methods[i].use);
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
