#include "explain/explainer.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>
#include <time.h>

void nw_explainer_free(nw_explainer *e)
{
    if (!e) return;
    if (e->method->destroy) e->method->destroy(e->state);
    nw_program_free(e->before);
    nw_program_free(e->after);
    nw_program_free(e->few);
    for (size_t i = 0; i < e->dimension_count; i++) nw_free((void *)(uintptr_t)e->dimensions[i].name);
    nw_free(e->dimensions);
    nw_free(e->layer);
    nw_free(e->input);
    nw_model_unref(e->model);
    nw_free(e);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool finite_values(const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static int64_t volume(const nw_shape *shape, int from)
{
    int64_t n = 1;
    for (int i = from; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static nw_status new_map(const nw_explainer *e, nw_map *map, nw_error *err)
{
    map->method = e->method->info.name;
    map->unit = e->method->info.unit;
    map->head = e->head.kind;
    map->layer_shape = e->layer_shape;
    map->shape.rank = e->input_shape.rank - 2;
    memcpy(map->shape.dims, e->input_shape.dims + 2, (size_t)map->shape.rank * sizeof *map->shape.dims);
    map->output_count = (size_t)e->head.count;
    map->layer = nw_strdup(e->layer);
    map->values = nw_calloc((size_t)volume(&map->shape, 0), sizeof *map->values);
    map->layer_map = nw_calloc((size_t)volume(&map->layer_shape, 1), sizeof *map->layer_map);
    map->logits = nw_calloc(map->output_count, sizeof *map->logits);
    map->probabilities = nw_calloc(map->output_count, sizeof *map->probabilities);
    if (!map->layer || !map->values || !map->layer_map || !map->logits || !map->probabilities)
        return nw_no_memory(err, (size_t)volume(&map->shape, 0) * sizeof(float), "a map");
    return NW_OK;
}

nw_status nw_explainer_features(nw_explainer *e, const float *input, nw_error *err)
{
    int64_t n = volume(&e->input_shape, 0);
    if (!finite_values(input, n))
        return nw_fail(err, NW_NOT_FINITE, "the preprocessed image holds NaN or infinity");
    void *dst = nw_program_input(e->before, e->input, NULL);
    if (e->options.precision == NW_PRECISION_F64)
        for (int64_t i = 0; i < n; i++) ((double *)dst)[i] = (double)input[i];
    else
        memcpy(dst, input, (size_t)n * sizeof *input);
    return nw_program_run(e->before, err);
}

nw_status nw_explainer_backward(nw_explainer *e, int64_t target, nw_error *err)
{
    bool one_logit = e->head.kind == NW_HEAD_SIGMOID;
    int64_t chosen = one_logit ? 0 : target;
    double sign = one_logit && target == 0 ? -1 : 1;
    void *seed = nw_program_diff_output(e->before, e->head.logits);
    for (int64_t i = 0; i < e->head.count; i++) {
        double value = i == chosen ? sign : 0;
        if (e->options.precision == NW_PRECISION_F64)
            ((double *)seed)[i] = value;
        else
            ((float *)seed)[i] = (float)value;
    }
    return nw_program_backward(e->before, err);
}

/* The clean image through the model, and its logits. */
static nw_status answer(nw_explainer *e, const float *input, float *logits, nw_error *err)
{
    bool wide = e->options.precision == NW_PRECISION_F64;
    if (input) NW_TRY(nw_explainer_features(e, input, err));
    const void *values = nw_program_output(e->before, e->head.logits, NULL);
    for (int64_t i = 0; i < e->head.count; i++)
        logits[i] = wide ? (float)((const double *)values)[i] : ((const float *)values)[i];
    if (finite_values(logits, e->head.count)) return NW_OK;
    return nw_fail(err, NW_NOT_FINITE,
                   "%s: the model's output is not finite on this image; are its weights, and is the "
                   "preprocessing right?",
                   e->model->path);
}

/* What the model answers for the clean image. */
static nw_status clean(nw_explainer *e, const float *input, nw_map *map, nw_error *err)
{
    NW_TRY(answer(e, input, map->logits, err));
    map->target =
        e->options.target >= 0 ? e->options.target : nw_predicted(e->head.kind, map->logits, e->head.count);
    if (!nw_probabilities(e->head.kind, map->logits, e->head.count, map->probabilities)) {
        nw_free(map->probabilities);
        map->probabilities = NULL;
    }
    return NW_OK;
}

/* Makes the pixels sum up to what the layer's positions do. The reference only divides by the number of
 * pixels a position, which mirrored borders, and sizes that are no whole multiple, leave up to a percent off.
 */
static void share_out(nw_map *map, int64_t pixels)
{
    double whole = 0, sum = 0;
    for (int64_t i = 0; i < volume(&map->layer_shape, 1); i++) whole += (double)map->layer_map[i];
    for (int64_t i = 0; i < pixels; i++) sum += (double)map->values[i];
    if (!(sum > 0)) return;
    for (int64_t i = 0; i < pixels; i++) map->values[i] = (float)((double)map->values[i] * (whole / sum));
}

static nw_status run(nw_explainer *e, const float *input, uint64_t image, const nw_progress *progress,
                     nw_map *map, nw_error *err)
{
    NW_TRY(new_map(e, map, err));
    double start = seconds();
    NW_TRY(clean(e, input, map, err));
    double after_prefix = seconds();
    NW_TRY(e->method->run(e, image, progress, map, err));
    double after_loop = seconds();
    int64_t pixels = volume(&map->shape, 0);
    NW_TRY(nw_upsample(map->layer_map, map->layer_shape.dims + 1, map->shape.rank, e->method->density,
                       map->values, map->shape.dims, err));
    if (e->method->density) share_out(map, pixels);
    if (!finite_values(map->values, pixels))
        return nw_fail(err, NW_NOT_FINITE, "%s: the map is not finite; try --precision f64", map->method);
    map->prefix_seconds = after_prefix - start;
    map->loop_seconds = after_loop - after_prefix;
    map->map_seconds = seconds() - after_loop;
    return nw_provenance(e, image, map, err);
}

nw_status nw_explainer_run(nw_explainer *e, const float *input, uint64_t image, const nw_progress *progress,
                           nw_map **out, nw_error *err)
{
    bool answered = e->answered;
    e->answered = false;
    if (!input && !answered)
        return nw_fail(err, NW_USAGE, "no image is given, and none has just been predicted");
    nw_map *map = nw_calloc(1, sizeof *map);
    if (!map) return nw_no_memory(err, sizeof *map, "a map");
    int old = nw_threads_set(e->options.threads);
    nw_status status = run(e, input, image, progress, map, err);
    nw_threads_set(old);
    if (status != NW_OK) {
        nw_map_free(map);
        return status;
    }
    *out = map;
    return NW_OK;
}

nw_status nw_explainer_predict(nw_explainer *e, const float *input, float *logits, float *probabilities,
                               nw_error *err)
{
    if (e->method->features_only)
        return nw_fail(err, NW_USAGE, "method %s does not run the whole model", e->method->info.name);
    if (!input) return nw_fail(err, NW_USAGE, "no image is given");
    int old = nw_threads_set(e->options.threads);
    nw_status status = answer(e, input, logits, err);
    e->answered = status == NW_OK;
    nw_threads_set(old);
    if (status == NW_OK && probabilities)
        nw_probabilities(e->head.kind, logits, e->head.count, probabilities);
    return status;
}

void nw_map_free(nw_map *map)
{
    if (!map) return;
    nw_free((void *)(uintptr_t)map->layer);
    nw_free(map->values);
    nw_free(map->layer_map);
    nw_free(map->capacity);
    nw_free(map->logits);
    nw_free(map->probabilities);
    nw_free(map->model_loss);
    nw_free(map->information_loss);
    nw_free(map->bits);
    nw_free(map->provenance);
    nw_free(map);
}

const char *nw_explainer_layer(const nw_explainer *e)
{
    return e->layer;
}

const nw_shape *nw_explainer_layer_shape(const nw_explainer *e)
{
    return &e->layer_shape;
}

const nw_shape *nw_explainer_input_shape(const nw_explainer *e)
{
    return &e->input_shape;
}

const char *nw_explainer_input_name(const nw_explainer *e)
{
    return e->input;
}

const nw_head *nw_explainer_head(const nw_explainer *e)
{
    return &e->head;
}

int64_t nw_explainer_target(const nw_explainer *e)
{
    return e->options.target;
}

nw_model *nw_explainer_model(const nw_explainer *e)
{
    return e->model;
}

const char *nw_explainer_isa(const nw_explainer *e)
{
    return nw_program_isa(e->before);
}

int nw_explainer_batch(const nw_explainer *e)
{
    return e->batch;
}

nw_program *nw_explainer_program(nw_explainer *e, nw_explainer_part part)
{
    return part == NW_PART_BEFORE ? e->before : part == NW_PART_AFTER ? e->after : e->few;
}
