/* Epochs as rows of the log. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* Metrics of a regression come after those of classes and labels. */
static bool of_task(const nw_trainer *t, const char *name)
{
    static const char *const numbers[] = {"spearman", "pearson", "mean_absolute_error", "r2"};
    static const char *const several[] = {"auroc", "average_precision"}; /* of labels */
    nw_task task = nw_dataset_task(t->data);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i]) == 0) return task == NW_TASK_REGRESSION;
    if (task == NW_TASK_MULTILABEL) return strcmp(name, several[0]) == 0 || strcmp(name, several[1]) == 0;
    return task != NW_TASK_REGRESSION;
}

size_t nw_trainer_metrics(const nw_trainer *t, const char *names[NW_EPOCH_METRICS])
{
    static const nw_measures none;
    const char *name;
    size_t count = 0;
    for (size_t i = 0; nw_measures_at(&none, i, &name, NULL); i++)
        if (of_task(t, name) && count < NW_EPOCH_METRICS) names[count++] = name;
    return count;
}

nw_status nw_trainer_log(nw_trainer *t, const char *path, nw_error *err)
{
    const char *names[NW_EPOCH_METRICS];
    size_t count = nw_trainer_metrics(t, names);
    nw_train_log *log;
    NW_TRY(nw_train_log_open(path, names, count, t->epoch, &log, err));
    nw_train_log_close(t->log);
    t->log = log;
    return NW_OK;
}

nw_status nw_trainer_add_row(nw_trainer *t, const nw_train_record *record, nw_error *err)
{
    if (!t->log) return NW_OK;
    nw_epoch row = {.epoch = record->epoch,
                    .step = record->step,
                    .rate = record->rate,
                    .train_loss = record->loss,
                    .validation_loss = record->validated ? record->validation.loss : (double)NAN,
                    .seconds = record->seconds,
                    .images_per_second = record->seconds > 0 ? record->images / record->seconds : 0};
    const char *name;
    const nw_estimate *e;
    size_t count = 0;
    for (size_t i = 0; (e = nw_measures_at(&record->validation, i, &name, NULL)) != NULL; i++)
        if (of_task(t, name) && count < NW_EPOCH_METRICS) row.metrics[count++] = *e;
    return nw_train_log_add(t->log, &row, err);
}
