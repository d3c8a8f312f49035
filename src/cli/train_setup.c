/* From options to a dataset, a network and a trainer. */
#include "train.h"

#include "terminal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status try_status = (call);                                                                       \
        if (try_status != NW_OK) return try_status;                                                          \
    } while (0)

static void split_classes(train *t)
{
    if (!t->a->classes) return;
    char *text = cli_printf("%s", t->a->classes);
    t->classes = cli_calloc(strlen(text) + 1, sizeof *t->classes);
    for (char *p = text, *word; (word = p) != NULL;) {
        p = strchr(p, ',');
        if (p) *p++ = 0;
        t->classes[t->class_count++] = cli_printf("%s", word);
    }
    free(text);
}

static nw_status data_options(train *t, nw_error *err)
{
    const train_arguments *a = t->a;
    split_classes(t);
    nw_dataset_options *o = &t->data_options;
    *o = (nw_dataset_options){.file_column = a->file,
                              .label_column = a->label,
                              .split_column = a->split,
                              .group_column = a->group,
                              .weight_column = a->weight,
                              .slice_column = a->slice,
                              .orient_column = a->orient,
                              .bag_column = a->bag,
                              .task_given = a->task > 0,
                              .task = a->task > 0 ? (nw_task)(a->task - 1) : NW_TASK_CLASSES,
                              .classes = (const char *const *)t->classes,
                              .class_count = t->class_count,
                              .val_share = a->val,
                              .test_share = a->test,
                              .seed = (uint64_t)a->seed,
                              .fold = (int)a->fold,
                              .folds = (int)a->folds,
                              .straddle = (nw_straddle)a->straddle,
                              .root = a->root,
                              .pre = t->pre,
                              .per_study = a->per_study,
                              .slice_step = a->slice_step,
                              .lungs_crop = a->lungs_crop,
                              .lungs_fill = a->lungs_fill,
                              .lungs_margin_mm = a->lungs_margin > 0 ? a->lungs_margin : -1,
                              .cache_bytes = (size_t)(a->cache * 1073741824.0)};
    if (!a->slices) return NW_OK;
    double range[2];
    int n;
    TRY(cli_numbers("slice-range", a->slices, 2, 2, range, &n, err));
    if (!(range[0] >= 0 && range[0] < range[1] && range[1] <= 1))
        return cli_fail(err, NW_USAGE, "--slice-range: %s is not LO,HI with 0 <= LO < HI <= 1", a->slices);
    o->slice_low = range[0];
    o->slice_high = range[1];
    return NW_OK;
}

/* Choices in the order of the options' texts. */
static nw_status train_options_of(train *t, nw_error *err)
{
    static const char *const losses[] = {NULL, "softmax", "sigmoid", "squared", "huber"};
    static const char *const optimisers[] = {"adamw", "sgd"};
    static const char *const schedules[] = {"cosine", "one-cycle", "constant", "step"};
    static const char *const poolings[] = {"top", "mean", "noisy-or", "log-sum-exp", "attention"};
    static const char *const transforms[] = {"none", "sqrt", "log1p"};
    const train_arguments *a = t->a;
    nw_train_options *o = &t->options;
    nw_train_options_init(o);
    o->epochs = a->epochs;
    o->batch = a->batch != CLI_UNSET ? a->batch : t->pre.depth ? 4 : 32;
    o->bag_slices = a->bag_slices;
    o->pooling = poolings[a->pooling];
    o->pooling_parameter = a->pooling_parameter;
    o->loss = losses[a->loss];
    o->loss_parameter = a->loss_parameter;
    o->transform = transforms[a->transform];
    o->optimiser = optimisers[a->optimiser];
    o->rate = isnan(a->rate) ? 0 : a->rate;
    o->weight_decay = isnan(a->decay) ? -1 : a->decay;
    o->momentum = a->momentum;
    o->schedule = schedules[a->schedule];
    o->warmup = a->warmup;
    o->smoothing = a->smoothing;
    o->mixup = a->mixup;
    o->clip = a->clip;
    o->average = a->average;
    o->balance = a->balance;
    o->patience = a->patience;
    o->keep_last = a->keep_last;
    o->seed = (uint64_t)a->seed;
    o->precision = a->precision ? NW_PRECISION_BF16 : NW_PRECISION_F32;
    o->threads = (int)a->threads;
    o->draws = (int)a->draws;
    return nw_augment_parse(a->augment, &o->augment, err);
}

/* Where the options give no mean and deviation, those of the training images, to three digits. */
static nw_status open_data(train *t, nw_error *err)
{
    TRY(nw_dataset_open(t->path, &t->data_options, &t->data, err));
    if (t->pre.mean_count || t->pre.std_count) return NW_OK;
    double mean[NW_MAX_CHANNELS], std[NW_MAX_CHANNELS];
    TRY(nw_train_moments(t->data, 0, mean, std, err));
    t->pre.mean_count = t->pre.std_count = t->pre.channels;
    for (int c = 0; c < t->pre.channels; c++) {
        t->pre.mean[c] = round(mean[c] * 1000) / 1000;
        t->pre.std[c] = fmax(round(std[c] * 1000) / 1000, 0.001);
    }
    return nw_dataset_normalise(t->data, t->pre.mean, t->pre.std, err);
}

/* Not only after hours of training. */
static nw_status check_output(const char *path, nw_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return cli_fail(err, NW_IO, "%s: is a folder; --output is the file of the network", path);
    const char *slash = strrchr(path, '/');
    char *folder =
        slash ? cli_printf("%.*s", slash == path ? 1 : (int)(slash - path), path) : cli_printf(".");
    bool good = access(folder, W_OK | X_OK) == 0;
    nw_status status =
        good ? NW_OK
             : cli_fail(err, NW_IO, "%s: cannot write into the folder %s: %s", path, folder, strerror(errno));
    free(folder);
    return status;
}

static nw_status check(const train *t, nw_error *err)
{
    const train_arguments *a = t->a;
    if (!a->output) return cli_fail(err, NW_USAGE, "--output MODEL.onnx is needed");
    TRY(check_output(a->output, err));
    if (!t->path && a->epochs > 0)
        return cli_fail(err, NW_USAGE,
                        "DATA is needed to learn from; without it only --epochs 0 makes sense");
    if (t->path && a->outputs != CLI_UNSET)
        return cli_fail(err, NW_USAGE,
                        "--outputs is for a network without data; with DATA the labels say how many");
    if (a->folds > 0 && a->fold >= a->folds)
        return cli_fail(err, NW_USAGE, "--fold %lld is not below --folds %lld", (long long)a->fold,
                        (long long)a->folds);
    return NW_OK;
}

nw_status train_open(train *t, nw_error *err)
{
    TRY(check(t, err));
    TRY(train_preprocess(t, err));
    TRY(data_options(t, err));
    TRY(train_options_of(t, err));
    if (t->path) TRY(open_data(t, err));
    TRY(train_make_network(t, err));
    if (!t->data || !t->options.epochs) return NW_OK;
    return nw_trainer_new(t->data, t->start, &t->options, &t->trainer, err);
}

void train_close(train *t)
{
    nw_trainer_free(t->trainer);
    nw_dataset_free(t->data);
    nw_model_unref(t->from);
    nw_model_unref(t->start);
    for (size_t i = 0; i < t->class_count; i++) free(t->classes[i]);
    free(t->classes);
    free(t->folder);
    free(t->checkpoint);
}
