#include "commands.h"
#include "evaluate.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

#define FIELD(f)        offsetof(evaluate_arguments, f)
#define METHOD_FIELD(f) offsetof(evaluate_arguments, method.f)
#define METHOD_HELP                                                                                          \
    "methods of explanation, METHOD@TENSOR for one at a layer of its own, and " EVALUATE_BRIGHTNESS          \
    ", the image itself, for comparison"

static const cli_option options[] = {
    {"masks", 0, CLI_TEXT, FIELD(masks), "DIR",
     .help = "folder with a mask for each image, of the same base name (.png, .jpg, .npy, .nii, .nii.gz); "
             "what is not 0 is inside; needed",
     .completes = "folder"},
    {"at", 0, CLI_CHOICE, FIELD(at), "WHERE", "input",
     "compare as the model sees it (its size, turned by --orient), or as the image is stored",
     .choices = "input image"},
    {"tolerance", 0, CLI_NUMBER, FIELD(tolerance), "PIXELS", "0",
     "pointing game: how far from the mask the maximum may lie", .least = 0, .most = 4096},
    {"resamples", 0, CLI_INTEGER, FIELD(resamples), "N", "2000",
     "of the images, for the 95 % intervals (bootstrap, with --seed)", .least = 1, .most = 1000000},
    {"csv", 0, CLI_TEXT, FIELD(csv), "FILE", .help = "write the measures of each image, one row an image",
     .completes = "file"},
#include "method_options.def"
    CLI_MODEL_OPTIONS(evaluate_arguments, model),
    CLI_IMAGE_OPTIONS(evaluate_arguments, image),
    {0},
};

/* Takes over `label`. */
static nw_status add_method(evaluate *e, char *label, nw_error *err)
{
    for (size_t i = 0; i < e->method_count; i++)
        if (strcmp(e->methods[i].label, label) == 0) {
            nw_status status = cli_fail(err, NW_USAGE, "--method: '%s' is named twice", label);
            free(label);
            return status;
        }
    if (e->method_count == CLI_METHODS) {
        free(label);
        return cli_fail(err, NW_USAGE, "--method: more than %d methods", CLI_METHODS);
    }
    evaluate_method *method = &e->methods[e->method_count++];
    method->label = label;
    method->control = strcmp(label, EVALUATE_BRIGHTNESS) == 0;
    if (method->control) return NW_OK;
    char *at = strchr(label, '@');
    char *name = cli_printf("%.*s", at ? (int)(at - label) : (int)strlen(label), label);
    nw_status status = cli_method_find(name, EVALUATE_BRIGHTNESS, &method->use.info, err);
    free(name);
    if (status != NW_OK) return status;
    method->use.layer = at ? at + 1 : cli_method_layer(&e->a->method, method->use.info);
    return cli_method_check(&e->a->method, &method->use, err);
}

static nw_status read_methods(evaluate *e, nw_error *err)
{
    for (const char *p = e->a->method.names;; p++) {
        size_t n = strcspn(p, ",");
        TRY(add_method(e, cli_printf("%.*s", (int)n, p), err));
        p += n;
        if (!*p) return NW_OK;
    }
}

static nw_status check_arguments(const evaluate_arguments *a, nw_error *err)
{
    struct stat st;
    if (!a->masks) return cli_fail(err, NW_USAGE, "--masks needs to be given: the folder with the masks");
    if (stat(a->masks, &st) != 0) return cli_fail(err, NW_IO, "--masks: there is no %s", a->masks);
    if (!S_ISDIR(st.st_mode)) return cli_fail(err, NW_USAGE, "--masks: %s is no folder", a->masks);
    return NW_OK;
}

static nw_status evaluate_all(evaluate *e, cli_list operands, nw_error *err)
{
    const evaluate_arguments *a = e->a;
    TRY(check_arguments(a, err));
    TRY(read_methods(e, err));
    TRY(cli_job_open(operands.items[0], &a->model, &e->job, err));
    TRY(cli_job_images(&e->job, operands.items + 1, operands.count - 1, &a->image, err));
    TRY(cli_job_needs_slices(&e->job, "evaluate", err));
    for (size_t i = 0; i < e->method_count; i++)
        if (!e->methods[i].control) TRY(cli_method_prepare(&e->job, &a->method, &e->methods[i].use, err));
    TRY(evaluate_images(e, err));
    TRY(evaluate_report(e, err));
    const cli_method *used[CLI_METHODS];
    size_t count = 0;
    for (size_t i = 0; i < e->method_count; i++)
        if (!e->methods[i].control) used[count++] = &e->methods[i].use;
    TRY(cli_profile(&a->method, used, count, err));
    if (e->failed)
        return cli_fail(err, e->failure, "%zu images failed, the result is of the others", e->failed);
    return NW_OK;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    evaluate *e = cli_calloc(1, sizeof *e);
    e->a = given;
    nw_status status = evaluate_all(e, operands, err);
    for (size_t i = 0; i < e->method_count; i++) {
        cli_method_free(&e->methods[i].use);
        free(e->methods[i].label);
        free(e->methods[i].provenance);
    }
    for (size_t i = 0; i < e->case_count; i++) {
        free(e->cases[i].name);
        free(e->cases[i].results);
        free(e->cases[i].reason);
    }
    free(e->cases);
    cli_job_free(&e->job);
    free(e);
    return status;
}

const cli_command cli_evaluate = {
    .name = "evaluate",
    .operands = "MODEL INPUT...",
    .summary = "how well maps find what masks mark",
    .description =
        "Explains every image and measures each map against the image's mask: pixel AUC, pointing game, Dice "
        "at the true area, share of the map's mass inside; and over the images Spearman's correlation of the "
        "map's mean with the mask's share. Means come with 95 % intervals. Images without a mask, and what "
        "cannot be measured (an empty mask, say), are left out and counted.\n\n"
        "An image is a picture, or a slice of a scan whose mask has as many slices.",
    .examples =
        "  narrows evaluate model.onnx images --masks masks --stats layer2.stats --method iba,gradcam\n"
        "  narrows evaluate model.onnx images --masks masks --method gradcam@layer3,gradcam@layer4,gradient\n"
        "  narrows evaluate model.onnx ct.nii.gz --masks masks --window -1350,150 --method gradcam --json",
    .options = options,
    .size = sizeof(evaluate_arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
