#include "commands.h"
#include "explain.h"
#include "folder.h"
#include "json.h"
#include "profile.h"
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

static nw_status profile(const explain *e, nw_error *err)
{
    const cli_method *used[CLI_METHODS];
    for (size_t i = 0; i < e->method_count; i++) used[i] = &e->methods[i].use;
    return cli_profile(&e->a->method, used, e->method_count, err);
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
    nw_error own;
    nw_status told = e->done ? profile(e, &own) : NW_OK;
    if (status == NW_OK && told != NW_OK) {
        *err = own;
        status = told;
    }
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
