/* Options of a training: defaults, and what cannot be. */
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

void nw_train_options_init(nw_train_options *options)
{
    *options = (nw_train_options){.epochs = 30,
                                  .batch = 32,
                                  .bag_slices = 16,
                                  .weight_decay = -1,
                                  .momentum = -1,
                                  .warmup = 1,
                                  .draws = 1000};
}

const char *nw_train_name(nw_train_table table, size_t i)
{
    switch (table) {
    case NW_TRAIN_OPTIMISERS: return nw_optimiser_name(i);
    case NW_TRAIN_SCHEDULES: return nw_schedule_name(i);
    case NW_TRAIN_LOSSES: return nw_train_loss_list(i) ? nw_train_loss_list(i)->name : NULL;
    case NW_TRAIN_POOLINGS: return nw_pooling_list(i) ? nw_pooling_list(i)->name : NULL;
    case NW_TRAIN_TRANSFORMS: break;
    }
    return nw_train_transform_list(i) ? nw_train_transform_list(i)->name : NULL;
}

static nw_status unknown(nw_error *err, const char *what, nw_train_table table, const char *name)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; nw_train_name(table, i) && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", nw_train_name(table, i));
    return nw_fail(err, NW_USAGE, "there is no %s '%.40s'; there are %s", what, name, list);
}

/* The table's own text for a name of the caller's, which need not live as long. */
static const char *own_name(nw_train_table table, const char *name)
{
    for (size_t i = 0; nw_train_name(table, i); i++)
        if (strcmp(nw_train_name(table, i), name) == 0) return nw_train_name(table, i);
    return NULL;
}

static nw_status names(const nw_dataset *data, nw_train_settings *s, nw_error *err)
{
    static const char *const losses[] = {[NW_TASK_CLASSES] = "softmax",
                                         [NW_TASK_BINARY] = "sigmoid",
                                         [NW_TASK_MULTILABEL] = "sigmoid",
                                         [NW_TASK_REGRESSION] = "squared"};
    nw_train_options *o = &s->o;
    nw_task task = nw_dataset_task(data);
    struct {
        const char **text;
        const char *fallback, *what;
        nw_train_table table;
    } rows[] = {{&o->loss, losses[task], "loss", NW_TRAIN_LOSSES},
                {&o->optimiser, "adamw", "optimiser", NW_TRAIN_OPTIMISERS},
                {&o->schedule, "cosine", "schedule", NW_TRAIN_SCHEDULES},
                {&o->pooling, "top", "pooling", NW_TRAIN_POOLINGS},
                {&o->transform, "none", "transform", NW_TRAIN_TRANSFORMS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wanted = *rows[i].text ? *rows[i].text : rows[i].fallback;
        *rows[i].text = own_name(rows[i].table, wanted);
        if (!*rows[i].text) return unknown(err, rows[i].what, rows[i].table, wanted);
    }
    bool number = strcmp(o->loss, "squared") == 0 || strcmp(o->loss, "huber") == 0;
    if (number != (task == NW_TASK_REGRESSION) ||
        (strcmp(o->loss, "softmax") == 0) != (task == NW_TASK_CLASSES))
        return nw_fail(err, NW_USAGE, "the loss %s is not for the task %s; its loss is %s", o->loss,
                       nw_task_name(task), losses[task]);
    if (task != NW_TASK_REGRESSION && strcmp(o->transform, "none") != 0)
        return nw_fail(err, NW_USAGE, "the transform %s is for regression, not for the task %s", o->transform,
                       nw_task_name(task));
    s->loss = nw_train_loss_find(o->loss);
    s->transform = nw_train_transform_find(o->transform);
    s->pooling = nw_dataset_per_study(data) ? nw_pooling_find(o->pooling) : NULL;
    return NW_OK;
}

static nw_status optimiser(nw_train_settings *s, nw_error *err)
{
    nw_train_options *o = &s->o;
    NW_TRY(nw_optimiser_defaults(o->optimiser, &s->optimiser, err));
    bool sgd = strcmp(o->optimiser, "sgd") == 0;
    if (o->rate == 0) o->rate = sgd ? 0.05 : 0.001;
    if (o->weight_decay < 0) o->weight_decay = sgd ? 1e-4 : 0.05;
    if (o->momentum < 0) o->momentum = s->optimiser.momentum;
    s->optimiser.weight_decay = o->weight_decay;
    s->optimiser.momentum = o->momentum;
    return NW_OK;
}

static nw_status within(double value, double least, double most, const char *what, nw_error *err)
{
    if (value >= least && value <= most) return NW_OK;
    return nw_fail(err, NW_USAGE, "%s must be between %g and %g, not %g", what, least, most, value);
}

static nw_status ranges(const nw_train_options *o, nw_task task, nw_error *err)
{
    NW_TRY(within((double)o->epochs, 0, 1e6, "the number of epochs", err));
    NW_TRY(within((double)o->batch, 1, 65536, "the batch", err));
    NW_TRY(within((double)o->bag_slices, 1, 65536, "the number of slices of a study", err));
    NW_TRY(within(o->rate, 1e-12, 1e3, "the learning rate", err));
    NW_TRY(within(o->weight_decay, 0, 1e3, "weight decay", err));
    NW_TRY(within(o->warmup, 0, 1e6, "the warm-up", err));
    NW_TRY(within(o->smoothing, 0, 1, "label smoothing", err));
    NW_TRY(within(o->mixup, 0, 100, "mixup", err));
    NW_TRY(within(o->clip, 0, 1e9, "the limit of the gradient's norm", err));
    NW_TRY(within(o->average, 0, 0.999999, "the decay of the moving average", err));
    NW_TRY(within((double)o->patience, 0, 1e6, "patience", err));
    NW_TRY(within((double)o->draws, 0, 1e6, "the draws of the bootstrap", err));
    if (o->smoothing > 0 && task == NW_TASK_REGRESSION)
        return nw_fail(err, NW_USAGE, "label smoothing is for classes and labels, not for a regression");
    if (o->balance && task == NW_TASK_REGRESSION)
        return nw_fail(err, NW_USAGE, "a regression has no classes to balance");
    if (o->precision != NW_PRECISION_F32 && o->precision != NW_PRECISION_BF16)
        return nw_fail(err, NW_USAGE, "training is in f32 or bf16");
    return nw_augment_check(&o->augment, err);
}

nw_status nw_train_settings_make(const nw_dataset *data, const nw_train_options *options,
                                 nw_train_settings *out, nw_error *err)
{
    nw_train_settings s = {.loss = NULL};
    if (options)
        s.o = *options;
    else
        nw_train_options_init(&s.o);
    NW_TRY(names(data, &s, err));
    NW_TRY(optimiser(&s, err));
    NW_TRY(ranges(&s.o, nw_dataset_task(data), err));
    *out = s;
    return NW_OK;
}
