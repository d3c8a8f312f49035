/* An epoch: its steps, then a look at the validation split. */
#include "base/memory.h"
#include "train/trainer.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The order, and for each place how often its image came before: it is augmented anew each time. */
static nw_status order(nw_trainer *t, nw_error *err)
{
    size_t count = (size_t)(t->steps * t->rows);
    nw_status status = t->s.pooling
                           ? nw_dataset_bag_order(t->data, NW_SPLIT_TRAIN, t->s.o.balance, t->s.o.seed,
                                                  (uint64_t)t->epoch, t->order, count, err)
                           : nw_dataset_order(t->data, NW_SPLIT_TRAIN, t->s.o.balance, t->s.o.seed,
                                              (uint64_t)t->epoch, t->order, count, err);
    NW_TRY(status);
    size_t all = t->s.pooling ? nw_dataset_bag_count(t->data, NW_SPLIT_TRAIN)
                              : nw_dataset_count(t->data, NW_SPLIT_TRAIN);
    size_t *seen = nw_calloc(all, sizeof *seen);
    if (!seen) return nw_no_memory(err, all * sizeof *seen, "the order of an epoch");
    for (size_t i = 0; i < count; i++) t->repeats[i] = seen[t->order[i]]++;
    nw_free(seen);
    return NW_OK;
}

static nw_status steps(nw_trainer *t, const nw_progress *progress, nw_train_record *record, nw_error *err)
{
    double loss = 0, norm = 0;
    for (int64_t i = 0; i < t->steps; i++) {
        double one_loss, one_norm;
        if (progress && progress->call &&
            progress->call(progress->user, "training", (double)i, (double)t->steps))
            return nw_fail(err, NW_CANCELLED, "interrupted in epoch %lld", (long long)t->epoch + 1);
        record->rate = nw_schedule_rate(&t->schedule, t->step);
        NW_TRY(nw_train_step(t, i, &one_loss, &one_norm, err));
        loss += one_loss;
        norm += one_norm;
    }
    if (progress && progress->call)
        progress->call(progress->user, "training", (double)t->steps, (double)t->steps);
    record->loss = loss / (double)t->steps;
    record->norm = norm / (double)t->steps;
    return NW_OK;
}

static nw_status validate(nw_trainer *t, const nw_progress *progress, nw_train_record *record, nw_error *err)
{
    if (!nw_dataset_count(t->data, NW_SPLIT_VAL)) return NW_OK;
    nw_model *model;
    NW_TRY(nw_trainer_network(t, nw_trainer_current(t), &model, err));
    nw_predictions *predictions = NULL;
    nw_status status = nw_predict_split(model, t->data, NW_SPLIT_VAL, &t->s.o, progress, &predictions, err);
    nw_model_unref(model);
    if (status == NW_OK)
        status = nw_measure(t->data, NW_SPLIT_VAL, predictions, &t->s.o, &record->validation, err);
    nw_predictions_free(predictions);
    if (status != NW_OK) return nw_train_failed(t, status, t->step - 1, err);
    record->validated = 1;
    record->score = nw_measures_score(t->data, &record->validation, &record->score_name);
    /* A score that cannot rise any more, such as an AUROC of 1, does not stop what still becomes surer. */
    bool equal = !(record->score < t->best_score) && !(record->score > t->best_score);
    record->best =
        !t->best_epoch || record->score > t->best_score || (equal && record->validation.loss < t->best_loss);
    return NW_OK;
}

static nw_status keep(nw_trainer *t, const nw_train_record *record, nw_error *err)
{
    if (!record->best) return NW_OK;
    if (!t->best.count) NW_TRY(nw_weights_new(&t->best, t->sizes, t->count, err));
    nw_weights_copy(&t->best, nw_trainer_current(t), t->sizes);
    t->best_epoch = t->epoch;
    t->best_score = record->score;
    t->best_loss = record->validation.loss;
    return NW_OK;
}

nw_status nw_trainer_epoch(nw_trainer *t, const nw_progress *progress, nw_train_record *out, nw_error *err)
{
    nw_train_record record = {.images = (double)(t->steps * t->rows * t->per_row)};
    if (nw_trainer_done(t)) return nw_fail(err, NW_USAGE, "the training is done");
    double start = now();
    NW_TRY(order(t, err));
    NW_TRY(steps(t, progress, &record, err));
    record.seconds = now() - start;
    NW_TRY(validate(t, progress, &record, err));
    t->epoch++;
    record.epoch = t->epoch;
    record.step = t->step;
    NW_TRY(keep(t, &record, err));
    NW_TRY(nw_trainer_add_row(t, &record, err));
    *out = record;
    return NW_OK;
}

int nw_trainer_done(const nw_trainer *t)
{
    if (t->epoch >= t->s.o.epochs) return 1;
    return t->s.o.patience > 0 && t->best_epoch > 0 && t->epoch - t->best_epoch >= t->s.o.patience;
}

int64_t nw_trainer_epochs_done(const nw_trainer *t)
{
    return t->epoch;
}

int64_t nw_trainer_best_epoch(const nw_trainer *t)
{
    return t->best_epoch;
}

int64_t nw_trainer_steps(const nw_trainer *t)
{
    return t->steps;
}

int64_t nw_trainer_parameters(const nw_trainer *t)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->learned; i++) sum += t->sizes[i];
    return sum;
}

size_t nw_trainer_memory(const nw_trainer *t)
{
    return nw_program_memory(t->program);
}
