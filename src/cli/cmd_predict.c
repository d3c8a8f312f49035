#include "commands.h"
#include "json.h"
#include "predict.h"
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

typedef struct arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    const char *output;
    int csv, precision;
    int64_t threads;
} arguments;

static const cli_option options[] = {
    {"csv", 0, CLI_FLAG, offsetof(arguments, csv), .help = "print comma-separated values, with the logits"},
    {"output-tensor", 0, CLI_TEXT, offsetof(arguments, output), "NAME",
     .help = "which output of the graph, where it has several"},
    {"precision", 0, CLI_CHOICE, offsetof(arguments, precision), "P", "f32",
     "f32: fast; f64: plain loops in double, slow", .choices = "f32 f64"},
    {"threads", 0, CLI_INTEGER, offsetof(arguments, threads), "N", "0", "0: as the environment has it",
     .least = 0, .most = 1024},
    CLI_MODEL_OPTIONS(arguments, model),
    CLI_IMAGE_OPTIONS(arguments, image),
    {0},
};

/* A run of the command. */
typedef struct predictor {
    const arguments *a;
    cli_job job;
    nw_program *program;
    size_t count; /* of outputs */
    size_t reported;
    float *logits, *probabilities;
    char *transform; /* of a regression, by `narrows.transform`; NULL: none */
    cli_table *table;
    json_t *list;
} predictor;

static nw_status compile(predictor *p, nw_error *err)
{
    const char *input = nw_model_input_name(p->job.model, 0);
    TRY(nw_head_detect(p->job.model, p->a->output, &p->job.head, err));
    nw_program_options o = {.inputs = &input,
                            .input_count = 1,
                            .input_shapes = &p->job.input_shape,
                            .outputs = &p->job.head.logits,
                            .output_count = 1,
                            .dimensions = p->job.dimensions,
                            .dimension_count = p->job.dimension_count,
                            .precision = p->a->precision ? NW_PRECISION_F64 : NW_PRECISION_F32,
                            .threads = (int)p->a->threads};
    TRY(nw_program_compile(p->job.model, &o, &p->program, err));
    nw_shape shape;
    if (!nw_program_output(p->program, p->job.head.logits, &shape))
        return cli_fail(err, NW_FAILED, "the program has lost its output '%s'", p->job.head.logits);
    p->count = 1;
    for (int i = 0; i < shape.rank; i++) p->count *= (size_t)shape.dims[i];
    if (p->count < 1 || p->count > 1000000)
        return cli_fail(err, NW_UNSUPPORTED, "%s: output '%s' has %zu numbers an image, not a classifier's",
                        nw_model_path(p->job.model), p->job.head.logits, p->count);
    p->logits = cli_calloc(p->count, sizeof *p->logits);
    p->probabilities = cli_calloc(p->count, sizeof *p->probabilities);
    return NW_OK;
}

static nw_status forward(predictor *p, nw_error *err)
{
    void *dst = nw_program_input(p->program, nw_model_input_name(p->job.model, 0), NULL);
    size_t n = cli_job_numbers(&p->job);
    bool wide = p->a->precision != 0;
    for (size_t i = 0; i < n; i++)
        if (wide)
            ((double *)dst)[i] = (double)p->job.pixels[i];
        else
            ((float *)dst)[i] = p->job.pixels[i];
    TRY(nw_program_run(p->program, err));
    const void *src = nw_program_output(p->program, p->job.head.logits, NULL);
    for (size_t i = 0; i < p->count; i++) {
        p->logits[i] = wide ? (float)((const double *)src)[i] : ((const float *)src)[i];
        if (!isfinite(p->logits[i]))
            return cli_fail(err, NW_NOT_FINITE, "output '%s' of the model is not finite", p->job.head.logits);
    }
    return NW_OK;
}

static void csv_text(const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) printf(*text == '"' ? "\"\"" : "%c", *text);
    putchar('"');
}

/* In the unit of the label. */
static double value_of(const predictor *p, size_t i)
{
    return p->transform ? nw_train_value(p->transform, (double)p->logits[i]) : (double)p->logits[i];
}

static json_t *values_json(const predictor *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->count; i++) json_array_append_new(list, json_real(value_of(p, i)));
    return list;
}

static nw_status read_transform(predictor *p, nw_error *err)
{
    const char *text = nw_model_metadata(p->job.model, "narrows.transform");
    if (!text || p->job.head.kind != NW_HEAD_REGRESSION) return NW_OK;
    json_t *name = json_loads(text, JSON_DECODE_ANY, NULL);
    bool known = json_is_string(name) && !isnan(nw_train_value(json_string_value(name), 1));
    if (known) p->transform = cli_printf("%s", json_string_value(name));
    json_decref(name);
    return known
               ? NW_OK
               : cli_fail(err, NW_BAD_MODEL, "%s: metadata 'narrows.transform' is %.60s, which is not known",
                          nw_model_path(p->job.model), text);
}

static void csv_head(const predictor *p)
{
    printf("name,slice,predicted");
    for (size_t i = 0; p->job.head.kind != NW_HEAD_REGRESSION && i < p->count; i++)
        printf(",p%zu", p->count == 1 ? 1 : i);
    for (size_t i = 0; i < p->count; i++) printf(",output%zu", i);
    for (size_t i = 0; p->transform && i < p->count; i++) printf(",value%zu", i);
    putchar('\n');
}

/* slice -1: the whole scan. */
static void report(predictor *p, const nw_input *input, int64_t slice, int64_t slices)
{
    nw_head_kind kind = p->job.head.kind;
    p->reported++;
    bool has = cli_probabilities(kind, p->logits, p->count, p->probabilities);
    int64_t best = cli_predicted(kind, p->logits, p->count);
    const char *label = has ? cli_job_class(&p->job, best) : NULL;
    if (p->list) {
        json_t *row = json_pack("{s:o, s:o, s:o, s:o}", "name", cli_json_text(input->name), "file",
                                cli_json_text(input->path), "slice",
                                slice < 0 ? json_null() : json_integer((json_int_t)slice), "outputs",
                                cli_json_numbers(p->logits, p->count));
        if (has) {
            json_object_set_new(row, "probabilities", cli_json_numbers(p->probabilities, p->count));
            json_object_set_new(row, "predicted", json_integer(best));
            json_object_set_new(row, "class", cli_json_text(label));
        }
        if (p->transform) json_object_set_new(row, "values", values_json(p));
        json_array_append_new(p->list, row);
        return;
    }
    if (p->a->csv) {
        csv_text(input->name);
        putchar(',');
        if (slice >= 0) printf("%lld", (long long)slice);
        putchar(',');
        if (has) printf("%lld", (long long)best);
        for (size_t i = 0; has && i < p->count; i++) printf(",%.9g", (double)p->probabilities[i]);
        for (size_t i = 0; i < p->count; i++) printf(",%.9g", (double)p->logits[i]);
        for (size_t i = 0; p->transform && i < p->count; i++) printf(",%.9g", value_of(p, i));
        putchar('\n');
        return;
    }
    cli_table_cell(p->table, "%s", input->name);
    if (slices > 1 && slice >= 0)
        cli_table_cell(p->table, "%lld", (long long)slice);
    else
        cli_table_cell(p->table, "-");
    if (!has) {
        cli_table_cell(p->table, "%.6g", value_of(p, 0));
        return;
    }
    cli_table_cell(p->table, label ? "%lld %s" : "%lld", (long long)best, label);
    cli_table_cell(p->table, "%.4f", cli_probability_of(kind, p->probabilities, p->count, best));
}

static nw_status predict_input(predictor *p, const nw_input *input, nw_error *err)
{
    nw_volume *volume;
    TRY(cli_job_read(&p->job, input->path, &volume, err));
    int64_t slices = nw_volume_get_info(volume)->slices;
    cli_slices range;
    cli_seen seen = {.own = NULL};
    nw_status status = cli_job_slices(&p->job, volume, input->path, &range, err);
    if (status == NW_OK) status = cli_job_see(&p->job, input, volume, &seen, err);
    for (int64_t s = range.first; status == NW_OK && s < range.end; s += range.step) {
        status = cli_check_interrupt(err);
        if (status == NW_OK) status = cli_job_fill(&p->job, &seen, s, err);
        if (status == NW_OK) status = forward(p, err);
        if (status == NW_OK) report(p, input, p->job.pre.depth ? -1 : s, slices);
    }
    cli_seen_free(&seen);
    nw_volume_free(volume);
    return status;
}

/* A bad image does not stop the others: the last failure is the command's. */
static nw_status predict_all(predictor *p, nw_error *err)
{
    size_t count = nw_input_list_count(p->job.inputs), failed = 0;
    nw_status result = NW_OK;
    cli_progress_start("predicting", (double)count, 0);
    for (size_t i = 0; i < count; i++) {
        const nw_input *input = nw_input_list_get(p->job.inputs, i);
        cli_progress_at((double)i, input->name);
        nw_status status = predict_input(p, input, err);
        if (status == NW_OK) continue;
        result = status;
        failed++;
        if (status == NW_CANCELLED || count == 1) break;
        cli_error("%s", err->message);
    }
    cli_progress_end();
    if (failed && result != NW_CANCELLED && count > 1)
        cli_fail(err, result, "%zu of %zu images failed", failed, count);
    return result;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    predictor p = {.a = a};
    nw_status status = cli_job_open(operands.items[0], &a->model, &p.job, err);
    if (status == NW_OK)
        status = cli_job_images(&p.job, operands.items + 1, operands.count - 1, &a->image, err);
    if (status == NW_OK) status = compile(&p, err);
    if (status == NW_OK) status = read_transform(&p, err);
    if (status == NW_OK) {
        if (a->common.json)
            p.list = json_array();
        else if (a->csv)
            csv_head(&p);
        else
            p.table =
                cli_table_new(p.job.head.kind == NW_HEAD_REGRESSION ? "image|>slice|>output"
                                                                    : "image|>slice|class|>probability");
        status = predict_all(&p, err);
        if (p.table && (status == NW_OK || p.reported))
            cli_table_print(p.table);
        else
            cli_table_drop(p.table);
        if (p.list) {
            json_t *root =
                json_pack("{s:o, s:o, s:s, s:o}", "model", cli_json_text(nw_model_path(p.job.model)),
                          "digest", cli_json_text(nw_model_digest(p.job.model)), "head",
                          nw_head_name(p.job.head.kind), "predictions", p.list);
            nw_error ignored;
            cli_json_print(root, status == NW_OK ? err : &ignored);
        }
    }
    free(p.logits);
    free(p.probabilities);
    free(p.transform);
    nw_program_free(p.program);
    cli_job_free(&p.job);
    return status;
}

const cli_command cli_predict = {
    .name = "predict",
    .operands = "MODEL INPUT...",
    .summary = "probabilities for images",
    .description =
        "Runs the model on every image (PNG, JPEG, .npy; every slice of a NIfTI scan, or the whole scan "
        "where the model takes those) and prints the predicted class and its probability. An INPUT may be a "
        "file, a folder, a .txt list or a .csv with a column "
        "`file`. How an image becomes the model's input comes from the model's metadata, from MODEL.json, or "
        "from the options below.",
    .examples = "  narrows predict model.onnx scan.png\n"
                "  narrows predict model.onnx folder --csv > predictions.csv\n"
                "  narrows predict model.onnx ct.nii.gz --window -1350,150 --slices 20:60 --json",
    .options = options,
    .size = sizeof(arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
