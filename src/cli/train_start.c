/* The network as it starts: a new one, or an old one with a new last layer; and its facts. */
#include "folder.h"
#include "json.h"
#include "terminal.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status try_status = (call);                                                                       \
        if (try_status != NW_OK) return try_status;                                                          \
    } while (0)

/* What a network with this input is given where neither it nor the options say: dims as in the model. */
static void usual(nw_preprocess *pre, int rank, const int64_t *dims)
{
    const int64_t *size = dims + rank - 2;
    int64_t side = rank == 5 ? 112 : 224; /* as ResNet and R3D were published */
    if (pre->channels == 0 && dims[1] <= 0) pre->channels = 1;
    if (rank == 5 && pre->depth == 0 && dims[2] <= 0) pre->depth = 32;
    if (pre->height == 0 && size[0] <= 0) pre->height = side;
    if (pre->width == 0 && size[1] <= 0) pre->width = side;
}

/* Axes of an image of the architecture; an unknown one is refused when it is built. */
static int axes_of(const train *t)
{
    const nw_network_info *info;
    for (size_t i = 0; (info = nw_network_at(i)) != NULL; i++)
        if (strcmp(info->name, t->a->arch) == 0) return info->dims;
    return t->a->depth == CLI_UNSET ? 2 : 3;
}

static nw_status whole_scans(train *t, int rank, nw_error *err)
{
    const train_arguments *a = t->a;
    const char *name = a->from ? a->from : a->arch;
    if (rank == 5 && a->per_study)
        return cli_fail(err, NW_USAGE,
                        "--per-study pools slices to a study; %s takes whole scans, of which each is one",
                        name);
    if (a->depth == CLI_UNSET) return NW_OK;
    if (rank == 4)
        return cli_fail(err, NW_USAGE,
                        "--depth is for networks over whole scans (resnet18_3d); %s takes slices", name);
    t->pre.depth = a->depth;
    return NW_OK;
}

static nw_status parse_input(const train *t, nw_preprocess *pre, nw_error *err)
{
    const char *facts = nw_model_metadata(t->from, "narrows.input");
    if (!facts) return NW_OK;
    char *where = cli_printf("%s: metadata 'narrows.input'", t->a->from);
    nw_status status = nw_preprocess_parse(facts, where, pre, err);
    free(where);
    /* Mean and deviation belong to the scale that they were measured on. */
    if (t->a->image.window || t->a->image.scale) pre->mean_count = pre->std_count = 0;
    return status;
}

/* The old network for images of the size that the options ask for. */
static nw_status resize_old(train *t, int rank, int64_t *dims, nw_error *err)
{
    const int64_t wanted[] = {t->pre.depth, t->pre.height, t->pre.width}, *size = wanted + 5 - rank;
    bool other = false;
    int64_t to[3];
    for (int i = 0; i < rank - 2; i++) {
        to[i] = size[i] ? size[i] : dims[2 + i];
        other |= dims[2 + i] > 0 && to[i] != dims[2 + i];
    }
    if (!other) return NW_OK;
    nw_model *resized;
    TRY(nw_network_resize(t->from, to, &resized, err));
    nw_model_unref(t->from);
    t->from = resized;
    memcpy(dims + 2, to, (size_t)(rank - 2) * sizeof *to);
    return NW_OK;
}

static nw_status load_old(train *t, nw_error *err)
{
    TRY(nw_model_load(t->a->from, NULL, &t->from, err));
    snprintf(t->from_digest, sizeof t->from_digest, "%s", nw_model_digest(t->from));
    TRY(parse_input(t, &t->pre, err));
    if (nw_model_input_count(t->from) == 1) return NW_OK;
    return cli_fail(err, NW_UNSUPPORTED, "%s: has %zu inputs; a model with one image as its input is needed",
                    t->a->from, nw_model_input_count(t->from));
}

nw_status train_preprocess(train *t, nw_error *err)
{
    int64_t dims[NW_MAX_RANK] = {-1, -1, -1, -1, -1};
    int rank = 2 + axes_of(t);
    t->pre = (nw_preprocess){.channels = 0};
    if (t->a->from) {
        TRY(load_old(t, err));
        rank = nw_model_input_rank(t->from, 0);
        if (rank == 4 || rank == 5)
            memcpy(dims, nw_model_input_dims(t->from, 0), (size_t)rank * sizeof *dims);
    }
    TRY(cli_preprocess_options(&t->a->image, &t->pre, err));
    TRY(whole_scans(t, rank, err));
    if (rank == 4 || rank == 5) {
        usual(&t->pre, rank, dims);
        if (t->a->from && (t->a->image.size || t->a->depth != CLI_UNSET)) TRY(resize_old(t, rank, dims, err));
    }
    nw_status status = nw_preprocess_fit(&t->pre, rank, dims, err);
    if (status == NW_OK || !t->a->from) return status;
    nw_error why = *err;
    return cli_fail(err, status, "%s: %s%s", t->a->from, why.message,
                    t->a->image.channels != CLI_UNSET
                        ? "; with --from the channels are those of the network: leave out --channels"
                        : "");
}

static int64_t outputs_of(const train *t)
{
    if (t->data) return (int64_t)nw_dataset_outputs(t->data);
    if (t->a->outputs != CLI_UNSET) return t->a->outputs;
    if (t->class_count && t->a->task != 2) return (int64_t)t->class_count;
    return 1;
}

static nw_status annotate(nw_model *model, const char *key, json_t *value, nw_error *err)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    json_decref(value);
    if (!text) return cli_fail(err, NW_NO_MEMORY, "out of memory");
    nw_status status = nw_model_annotate(model, key, text, err);
    free(text);
    return status;
}

static nw_status from_old(train *t, nw_error *err)
{
    TRY(nw_network_new_head(t->from, outputs_of(t), (uint64_t)t->a->seed, &t->start, err));
    return annotate(t->start, "narrows.network",
                    json_pack("{s:s, s:I}", "from", t->from_digest, "seed", (json_int_t)t->a->seed), err);
}

nw_status train_make_network(train *t, nw_error *err)
{
    const train_arguments *a = t->a;
    if (t->from) return from_old(t, err);
    nw_network_options network = {.arch = a->arch,
                                  .width = a->width,
                                  .channels = t->pre.channels,
                                  .size = {t->pre.height, t->pre.width},
                                  .outputs = outputs_of(t),
                                  .seed = (uint64_t)a->seed,
                                  .zero_residual = a->zero_residual};
    if (t->pre.depth)
        memcpy(network.size, (int64_t[]){t->pre.depth, t->pre.height, t->pre.width}, sizeof network.size);
    TRY(nw_network_build(&network, &t->start, err));
    return annotate(t->start, "narrows.network",
                    json_pack("{s:s, s:f, s:I, s:b}", "arch", a->arch, "width", a->width, "seed",
                              (json_int_t)a->seed, "zero_residual", a->zero_residual),
                    err);
}

/* ---- Where nothing is learned ---------------------------------------------------------------------------
 */

/* What the outputs mean, by the data, --task, or their number: a single one is a logit. */
static nw_task task_of(const train *t)
{
    if (t->data) return nw_dataset_task(t->data);
    if (t->a->task > 0) return (nw_task)(t->a->task - 1);
    return outputs_of(t) == 1 ? NW_TASK_BINARY : NW_TASK_CLASSES;
}

static nw_status classes(train *t, nw_task task, nw_error *err)
{
    size_t outputs = (size_t)outputs_of(t), names = task == NW_TASK_BINARY ? 2 : outputs;
    json_t *list = json_array();
    if (t->data) {
        for (size_t i = 0; i < nw_dataset_class_count(t->data); i++)
            json_array_append_new(list, cli_json_text(nw_dataset_class_name(t->data, i)));
    } else {
        for (size_t i = 0; i < t->class_count; i++) json_array_append_new(list, cli_json_text(t->classes[i]));
        if (t->class_count && t->class_count != names) {
            json_decref(list);
            return cli_fail(err, NW_USAGE, "--classes has %zu names; %zu outputs of the task %s have %zu",
                            t->class_count, outputs, nw_task_name(task), names);
        }
    }
    if (json_array_size(list)) return annotate(t->start, "narrows.classes", list, err);
    json_decref(list);
    return NW_OK;
}

static nw_status facts(train *t, nw_error *err)
{
    static const char *const heads[] = {[NW_TASK_CLASSES] = "softmax",
                                        [NW_TASK_BINARY] = "sigmoid",
                                        [NW_TASK_MULTILABEL] = "multilabel",
                                        [NW_TASK_REGRESSION] = "regression"};
    nw_task task = task_of(t);
    if (task == NW_TASK_BINARY && outputs_of(t) != 1)
        return cli_fail(err, NW_USAGE, "--outputs %lld: the task binary has one output",
                        (long long)outputs_of(t));
    if (task == NW_TASK_CLASSES && outputs_of(t) < 2)
        return cli_fail(
            err, NW_USAGE,
            "the task classes has an output for each class, at least two; give --classes or --outputs");
    if (task != NW_TASK_REGRESSION && strcmp(t->options.transform, "none") != 0)
        return cli_fail(err, NW_USAGE, "the transform %s is for regression, not for the task %s",
                        t->options.transform, nw_task_name(task));
    char input[2048];
    nw_preprocess_json(&t->pre, input, sizeof input);
    TRY(nw_model_annotate(t->start, "narrows.input", input, err));
    TRY(annotate(t->start, "narrows.head", json_string(heads[task]), err));
    TRY(classes(t, task, err));
    const nw_lung_view none = {.crop = 0}, *lungs = t->data ? nw_dataset_lungs(t->data) : NULL;
    if (lungs || nw_model_metadata(t->start, "narrows.lungs")) {
        nw_lung_view_json(lungs ? lungs : &none, input, sizeof input);
        TRY(nw_model_annotate(t->start, "narrows.lungs", input, err));
    }
    if (strcmp(t->options.transform, "none") != 0)
        TRY(annotate(t->start, "narrows.transform", json_string(t->options.transform), err));
    return annotate(t->start, "narrows.training", json_pack("{s:i, s:i}", "format", 1, "epochs_done", 0),
                    err);
}

nw_status train_write_start(train *t, nw_error *err)
{
    TRY(facts(t, err));
    TRY(nw_model_save(t->start, t->a->output, err));
    cli_note("wrote %s: %s as it starts", t->a->output, t->a->from ? t->a->from : t->a->arch);
    if (!t->a->common.json) return NW_OK;
    json_t *j = json_pack("{s:o, s:s, s:I}", "model", cli_json_text(cli_base_name(t->a->output)),
                          "model_digest", nw_model_digest(t->start), "outputs", (json_int_t)outputs_of(t));
    return cli_json_print(j, err);
}
