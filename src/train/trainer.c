/* What a trainer is made of. */
#include "train/trainer.h"

#include "base/memory.h"

#include <string.h>

void nw_trainer_free(nw_trainer *t)
{
    if (!t) return;
    nw_program_free(t->program);
    nw_training_net_clear(&t->net);
    nw_optimiser_free(t->optimiser);
    nw_train_log_close(t->log);
    nw_weights_clear(&t->average);
    nw_weights_clear(&t->best);
    void *blocks[] = {t->values,
                      (void *)(uintptr_t)t->updated,
                      t->grads,
                      t->sizes,
                      (void *)(uintptr_t)t->names,
                      t->order,
                      t->repeats,
                      t->targets,
                      t->weights,
                      t->pooled,
                      t->pooled_diff,
                      t->load_status,
                      t->load_errors,
                      t->mixing,
                      t->checkpoint,
                      t->facts};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) nw_free(blocks[i]);
    nw_free(t);
}

/* That there is something to tell apart was seen when the data were opened. */
static nw_status check_data(const nw_dataset *data, nw_error *err)
{
    if (nw_dataset_count(data, NW_SPLIT_TRAIN)) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "there are no images to train with: the training split is empty");
}

static nw_status check_numbers(const nw_trainer *t, nw_error *err)
{
    if (nw_dataset_task(t->data) != NW_TASK_REGRESSION) return NW_OK;
    for (int s = 0; s < NW_SPLITS; s++)
        for (size_t i = 0; i < nw_dataset_count(t->data, (nw_split)s); i++) {
            const nw_sample *sample = nw_dataset_sample(t->data, (nw_split)s, i);
            for (int64_t k = 0; k < t->outputs; k++)
                if ((double)sample->target[k] < t->s.transform->least)
                    return nw_fail(
                        err, NW_BAD_INPUT, "%s: the label %g is less than the %g that the transform %s takes",
                        sample->name, (double)sample->target[k], t->s.transform->least, t->s.transform->name);
        }
    return NW_OK;
}

static nw_status check_model(nw_trainer *t, nw_error *err)
{
    const nw_model *m = t->net.model;
    if (nw_model_input_count(m) != 1 || nw_model_output_count(m) != 1)
        return nw_fail(err, NW_UNSUPPORTED,
                       "%s has %zu inputs and %zu outputs; a network to train has one of each",
                       nw_model_path(m), nw_model_input_count(m), nw_model_output_count(m));
    t->input_name = nw_model_input_name(m, 0);
    t->output_name = nw_model_output_name(m, 0);
    return NW_OK;
}

/* The program, whose variables are what is learned and the running statistics. */
static nw_status compile(nw_trainer *t, nw_error *err)
{
    const nw_preprocess *pre = nw_dataset_preprocess(t->data);
    const char **outputs = nw_calloc(1 + t->net.running_count, sizeof *outputs);
    if (!outputs) return nw_no_memory(err, sizeof *outputs, "a trainer");
    outputs[0] = t->output_name;
    for (size_t i = 0; i < t->net.running_count; i++) outputs[1 + i] = t->net.updated[i];
    nw_shape shape = nw_preprocess_shape(pre, t->rows * t->per_row);
    nw_program_options options = {.inputs = &t->input_name,
                                  .input_count = 1,
                                  .input_shapes = &shape,
                                  .outputs = outputs,
                                  .output_count = 1 + t->net.running_count,
                                  .variables = t->names,
                                  .variable_count = t->count,
                                  .diffs = t->names,
                                  .diff_count = t->learned,
                                  .precision = t->s.o.precision,
                                  .threads = t->s.o.threads};
    nw_status status = nw_program_compile(t->net.model, &options, &t->program, err);
    nw_free(outputs);
    return status;
}

static nw_status bind(nw_trainer *t, nw_error *err)
{
    nw_shape shape;
    t->input = nw_program_input(t->program, t->input_name, NULL);
    t->logits = nw_program_output(t->program, t->output_name, &shape);
    t->diff = nw_program_diff_output(t->program, t->output_name);
    int64_t count;
    if (!nw_shape_count(&shape, &count) || count != t->rows * t->per_row * t->outputs)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s gives %lld numbers for %lld images; the data have %lld outputs each",
                       nw_model_path(t->net.model), (long long)count, (long long)(t->rows * t->per_row),
                       (long long)t->outputs);
    for (size_t i = 0; i < t->count; i++) {
        t->values[i] = nw_program_input(t->program, t->names[i], &shape);
        nw_shape_count(&shape, &t->sizes[i]);
        if (i >= t->learned) {
            t->updated[i - t->learned] = nw_program_output(t->program, t->net.updated[i - t->learned], NULL);
            continue;
        }
        t->grads[i] = (float *)(uintptr_t)nw_program_diff(t->program, t->names[i], NULL); /* to be clipped */
        if (!t->grads[i])
            return nw_fail(err, NW_UNSUPPORTED, "%s: no gradient reaches the weights '%s'",
                           nw_model_path(t->net.model), t->names[i]);
    }
    return NW_OK;
}

static nw_status allocate(nw_trainer *t, nw_error *err)
{
    size_t rows = (size_t)t->rows, images = rows * (size_t)t->per_row, k = (size_t)t->outputs;
    t->count = t->net.parameter_count + t->net.running_count;
    t->learned = t->net.parameter_count;
    t->values = nw_calloc(t->count, sizeof *t->values);
    t->updated = nw_calloc(t->net.running_count, sizeof *t->updated);
    t->grads = nw_calloc(t->learned, sizeof *t->grads);
    t->sizes = nw_calloc(t->count, sizeof *t->sizes);
    t->names = nw_calloc(t->count, sizeof *t->names);
    t->order = nw_calloc((size_t)t->steps * rows, sizeof *t->order);
    t->repeats = nw_calloc((size_t)t->steps * rows, sizeof *t->repeats);
    t->targets = nw_calloc(rows * k, sizeof *t->targets);
    t->weights = nw_calloc(rows, sizeof *t->weights);
    t->pooled = nw_calloc(rows * k, sizeof *t->pooled);
    t->pooled_diff = nw_calloc(rows * k, sizeof *t->pooled_diff);
    t->load_status = nw_calloc(images, sizeof *t->load_status);
    t->load_errors = nw_calloc(images, sizeof *t->load_errors);
    t->mixing = nw_calloc(2 * rows, sizeof *t->mixing);
    if (!t->mixing || !t->values || !t->updated || !t->grads || !t->sizes || !t->names || !t->order ||
        !t->repeats || !t->targets || !t->weights || !t->pooled || !t->pooled_diff || !t->load_status ||
        !t->load_errors)
        return nw_no_memory(err, images * sizeof *t->load_errors, "a trainer");
    for (size_t i = 0; i < t->count; i++)
        t->names[i] = i < t->learned ? t->net.parameters[i] : t->net.running[i - t->learned];
    return NW_OK;
}

/* Batches are whole: an epoch goes a little into the next permutation where it must. */
static void plan_steps(nw_trainer *t)
{
    nw_shape image = nw_preprocess_shape(nw_dataset_preprocess(t->data), 1);
    nw_shape_count(&image, &t->image);
    t->outputs = (int64_t)nw_dataset_outputs(t->data);
    t->per_row = t->s.pooling ? t->s.o.bag_slices : 1;
    t->rows = t->s.o.batch / t->per_row > 0 ? t->s.o.batch / t->per_row : 1;
    int64_t all = (int64_t)(t->s.pooling ? nw_dataset_bag_count(t->data, NW_SPLIT_TRAIN)
                                         : nw_dataset_count(t->data, NW_SPLIT_TRAIN));
    if (t->rows > all) t->rows = all;
    t->steps = (all + t->rows - 1) / t->rows;
}

static nw_status plan_rates(nw_trainer *t, nw_error *err)
{
    int64_t steps = t->steps * (t->s.o.epochs > 0 ? t->s.o.epochs : 1);
    int64_t warmup = (int64_t)(t->s.o.warmup * (double)t->steps + 0.5);
    t->schedule = (nw_schedule){.name = t->s.o.schedule,
                                .rate = t->s.o.rate,
                                .steps = steps,
                                .warmup = warmup < steps ? warmup : steps - 1,
                                .every = steps / 3 > 0 ? steps / 3 : 1,
                                .factor = 0.1};
    if (strcmp(t->s.o.schedule, "one-cycle") == 0) t->schedule.warmup = 0;
    return nw_schedule_check(&t->schedule, err);
}

static nw_status build(nw_trainer *t, nw_model *model, const nw_train_options *options, nw_error *err)
{
    NW_TRY(check_data(t->data, err));
    NW_TRY(nw_train_settings_make(t->data, options, &t->s, err));
    plan_steps(t);
    NW_TRY(check_numbers(t, err));
    NW_TRY(plan_rates(t, err));
    NW_TRY(nw_training_net_new(model, 0.9F, &t->net, err));
    NW_TRY(check_model(t, err));
    NW_TRY(allocate(t, err));
    NW_TRY(compile(t, err));
    NW_TRY(bind(t, err));
    NW_TRY(nw_optimiser_new(&t->s.optimiser, t->learned, t->sizes, t->net.decay, &t->optimiser, err));
    if (t->s.o.average > 0) {
        NW_TRY(nw_weights_new(&t->average, t->sizes, t->count, err));
        nw_weights_copy(&t->average, t->values, t->sizes);
    }
    return nw_trainer_describe(t, err);
}

nw_status nw_trainer_new(nw_dataset *data, nw_model *model, const nw_train_options *options, nw_trainer **out,
                         nw_error *err)
{
    nw_trainer *t = nw_calloc(1, sizeof *t);
    if (!t) return nw_no_memory(err, sizeof *t, "a trainer");
    t->data = data;
    nw_status status = build(t, model, options, err);
    if (status != NW_OK) {
        nw_trainer_free(t);
        return status;
    }
    *out = t;
    return NW_OK;
}

float *const *nw_trainer_current(const nw_trainer *t)
{
    return t->average.count ? t->average.arrays : t->values;
}
