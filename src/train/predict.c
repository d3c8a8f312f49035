/* What a network gives for a split. */
#include "train/predictions.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

typedef struct run {
    nw_dataset *data;
    nw_split split;
    nw_program *program;
    const char *input_name, *output_name;
    int64_t batch, image, outputs, threads;
    float *input;
    const float *logits;
    nw_status *status; /* [batch] */
    nw_error *errors;
    size_t first, count; /* of the batch in hand */
} run;

static void load(void *context, size_t begin, size_t end)
{
    run *r = context;
    for (size_t i = begin; i < end; i++)
        r->status[i] = nw_dataset_load(r->data, r->split, r->first + i, NULL, 0, 0,
                                       r->input + (int64_t)i * r->image, &r->errors[i]);
}

static nw_status compile(run *r, nw_model *model, const nw_train_options *o, nw_error *err)
{
    const nw_preprocess *pre = nw_dataset_preprocess(r->data);
    if (nw_model_input_count(model) != 1 || nw_model_output_count(model) != 1)
        return nw_fail(err, NW_UNSUPPORTED, "%s has %zu inputs and %zu outputs; one of each is expected",
                       nw_model_path(model), nw_model_input_count(model), nw_model_output_count(model));
    r->input_name = nw_model_input_name(model, 0);
    r->output_name = nw_model_output_name(model, 0);
    nw_shape shape = nw_preprocess_shape(pre, r->batch);
    nw_program_options options = {.inputs = &r->input_name,
                                  .input_count = 1,
                                  .input_shapes = &shape,
                                  .precision = o->precision,
                                  .threads = o->threads};
    NW_TRY(nw_program_compile(model, &options, &r->program, err));
    r->input = nw_program_input(r->program, r->input_name, NULL);
    r->logits = nw_program_output(r->program, r->output_name, &shape);
    int64_t numbers;
    if (!nw_shape_count(&shape, &numbers) || numbers != r->batch * r->outputs)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s gives %lld numbers for %lld images; the data have %lld outputs each",
                       nw_model_path(model), (long long)numbers, (long long)r->batch, (long long)r->outputs);
    return NW_OK;
}

static nw_status one_batch(run *r, float *into, nw_error *err)
{
    nw_parallel(r->count, 1, load, r);
    for (size_t i = 0; i < r->count; i++)
        if (r->status[i] != NW_OK) {
            if (err) *err = r->errors[i];
            return r->status[i];
        }
    size_t rest = (size_t)r->batch - r->count;
    memset(r->input + (int64_t)r->count * r->image, 0, rest * (size_t)r->image * sizeof *r->input);
    NW_TRY(nw_program_run(r->program, err));
    for (size_t i = 0; i < r->count * (size_t)r->outputs; i++)
        if (!isfinite(r->logits[i])) {
            const nw_sample *sample = nw_dataset_sample(r->data, r->split, r->first + i / (size_t)r->outputs);
            return sample->slice < 0 ? nw_fail(err, NW_NOT_FINITE, "the network gives %g for %s",
                                               (double)r->logits[i], sample->name)
                                     : nw_fail(err, NW_NOT_FINITE, "the network gives %g for %s, slice %lld",
                                               (double)r->logits[i], sample->name, (long long)sample->slice);
        }
    memcpy(into, r->logits, r->count * (size_t)r->outputs * sizeof *into);
    return NW_OK;
}

/* The logits of all images of the split. */
static nw_status all_images(run *r, const nw_progress *progress, float *logits, nw_error *err)
{
    size_t all = nw_dataset_count(r->data, r->split);
    for (r->first = 0; r->first < all; r->first += r->count) {
        r->count = all - r->first < (size_t)r->batch ? all - r->first : (size_t)r->batch;
        if (progress && progress->call &&
            progress->call(progress->user, nw_split_name(r->split), (double)r->first, (double)all))
            return nw_fail(err, NW_CANCELLED, "interrupted");
        NW_TRY(one_batch(r, logits + (int64_t)r->first * r->outputs, err));
    }
    return NW_OK;
}

static nw_status predict(run *r, nw_model *model, const nw_train_options *o, const nw_progress *progress,
                         float *logits, nw_error *err)
{
    r->status = nw_calloc((size_t)r->batch, sizeof *r->status);
    r->errors = nw_calloc((size_t)r->batch, sizeof *r->errors);
    nw_status status =
        r->status && r->errors ? NW_OK : nw_no_memory(err, (size_t)r->batch * sizeof *r->errors, "a batch");
    int before = nw_threads_set(o->threads);
    if (status == NW_OK) status = compile(r, model, o, err);
    if (status == NW_OK) status = all_images(r, progress, logits, err);
    nw_threads_set(before);
    nw_program_free(r->program);
    nw_free(r->status);
    nw_free(r->errors);
    return status;
}

static double sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static void mean_what(const nw_dataset *data, const nw_train_settings *s, const float *logits, double *values,
                      size_t k)
{
    double most = -INFINITY, sum = 0;
    switch (nw_dataset_task(data)) {
    case NW_TASK_REGRESSION:
        for (size_t i = 0; i < k; i++) values[i] = s->transform->back((double)logits[i]);
        break;
    case NW_TASK_CLASSES:
        for (size_t i = 0; i < k; i++) most = fmax(most, (double)logits[i]);
        for (size_t i = 0; i < k; i++) sum += values[i] = exp((double)logits[i] - most);
        for (size_t i = 0; i < k; i++) values[i] /= sum;
        break;
    case NW_TASK_BINARY:
    case NW_TASK_MULTILABEL:
        for (size_t i = 0; i < k; i++) values[i] = sigmoid((double)logits[i]);
        break;
    }
}

/* Rows of images, or of studies pooled from theirs. */
static nw_status rows(nw_predictions *p, const nw_dataset *data, nw_split split, const nw_train_settings *s,
                      const float *images, nw_error *err)
{
    size_t k = p->outputs, most = 0;
    for (size_t i = 0; s->pooling && i < p->count; i++) {
        size_t n = nw_dataset_bag(data, split, i)->count;
        most = n > most ? n : most;
    }
    float *bag = nw_calloc(most * k, sizeof *bag);
    if (!bag) return nw_no_memory(err, most * k * sizeof *bag, "the slices of a study");
    nw_status status = NW_OK;
    for (size_t i = 0; i < p->count && status == NW_OK; i++) {
        size_t sample = i;
        if (s->pooling) {
            const nw_bag *b = nw_dataset_bag(data, split, i);
            for (size_t j = 0; j < b->count; j++)
                memcpy(bag + j * k, images + b->items[j] * k, k * sizeof *bag);
            status = nw_pooling_forward(s->pooling, bag, (int64_t)b->count, (int64_t)k,
                                        s->o.pooling_parameter, p->logits + i * k, err);
            sample = b->items[0];
        } else {
            memcpy(p->logits + i * k, images + i * k, k * sizeof *images);
        }
        p->samples[i] = nw_dataset_sample(data, split, sample);
        mean_what(data, s, p->logits + i * k, p->values + i * k, k);
    }
    nw_free(bag);
    return status;
}

nw_status nw_predict_split(nw_model *model, nw_dataset *data, nw_split split, const nw_train_options *options,
                           const nw_progress *progress, nw_predictions **out, nw_error *err)
{
    nw_train_settings s;
    NW_TRY(nw_train_settings_make(data, options, &s, err));
    size_t images = nw_dataset_count(data, split), k = nw_dataset_outputs(data);
    if (!images) return nw_fail(err, NW_USAGE, "the split '%s' is empty", nw_split_name(split));
    nw_shape image = nw_preprocess_shape(nw_dataset_preprocess(data), 1);
    run r = {.data = data,
             .split = split,
             .batch = s.o.batch < (int64_t)images ? s.o.batch : (int64_t)images,
             .outputs = (int64_t)k};
    nw_shape_count(&image, &r.image);
    nw_predictions *p = nw_calloc(1, sizeof *p);
    float *logits = nw_calloc(images * k, sizeof *logits);
    if (p) {
        p->count = s.pooling ? nw_dataset_bag_count(data, split) : images;
        p->outputs = k;
        p->logits = nw_calloc(p->count * k, sizeof *p->logits);
        p->values = nw_calloc(p->count * k, sizeof *p->values);
        p->samples = nw_calloc(p->count, sizeof *p->samples);
    }
    nw_status status = p && logits && p->logits && p->values && p->samples
                           ? NW_OK
                           : nw_no_memory(err, images * k * sizeof *logits, "predictions");
    if (status == NW_OK) status = predict(&r, model, &s.o, progress, logits, err);
    if (status == NW_OK) status = rows(p, data, split, &s, logits, err);
    nw_free(logits);
    if (status != NW_OK) {
        nw_predictions_free(p);
        return status;
    }
    *out = p;
    return NW_OK;
}

void nw_predictions_free(nw_predictions *p)
{
    if (!p) return;
    nw_free(p->logits);
    nw_free(p->values);
    nw_free((void *)(uintptr_t)p->samples);
    nw_free(p);
}

size_t nw_predictions_count(const nw_predictions *p)
{
    return p->count;
}

const float *nw_predictions_logits(const nw_predictions *p, size_t i)
{
    return p->logits + i * p->outputs;
}

const double *nw_predictions_values(const nw_predictions *p, size_t i)
{
    return p->values + i * p->outputs;
}

const nw_sample *nw_predictions_sample(const nw_predictions *p, size_t i)
{
    return p->samples[i];
}
