/* The whole of iba against recorded runs of the reference implementation on a tiny network, with the recorded
 * noise: from an ONNX file through the engine to the capacity of every neuron and the loss of every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explain/explainer.h"
#include "explain/safetensors.h"
#include "support/onnx_writer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double number(json_t *run, const char *key)
{
    return json_number_value(json_object_get(run, key));
}

static float *floats(json_t *run, const char *key, size_t count)
{
    json_t *array = json_object_get(run, key);
    assert_int_equal(json_array_size(array), count);
    float *values = calloc(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) values[i] = (float)json_number_value(json_array_get(array, i));
    return values;
}

enum { C = 4, SIDE = 8, N = C * SIDE * SIDE };

/* Convolution, ReLU ("layer"), mean over positions, one linear layer. */
static nw_model *network(json_t *run)
{
    char path[] = "/tmp/narrows-iba-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    float *cw = floats(run, "conv_w", 36), *cb = floats(run, "conv_b", 4), *fw = floats(run, "fc_w", 8),
          *fb = floats(run, "fc_b", 2);
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, SIDE, SIDE});
    ow_floats(&m, "cw", 4, (int64_t[]){4, 1, 3, 3}, cw);
    ow_floats(&m, "cb", 1, (int64_t[]){4}, cb);
    ow_floats(&m, "fw", 2, (int64_t[]){2, 4}, fw);
    ow_floats(&m, "fb", 1, (int64_t[]){2}, fb);
    ow_node(&m, "Conv", "conv", "x cw cb", "c");
    ow_attr_ints(&m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(&m, "pads", 4, (int64_t[]){1, 1, 1, 1});
    ow_node(&m, "Relu", "relu", "c", "layer");
    ow_node(&m, "GlobalAveragePool", "pool", "layer", "p");
    ow_node(&m, "Flatten", "flatten", "p", "f");
    ow_node(&m, "Gemm", "fc", "f fw fb", "logits");
    ow_attr_int(&m, "transB", 1);
    ow_output(&m, "logits");
    ow_end(&m);
    ow_save(&m, path);
    ow_free(&m);
    free(cw);
    free(cb);
    free(fw);
    free(fb);
    nw_model *model = NULL;
    nw_error err;
    if (nw_model_load(path, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    unlink(path);
    return model;
}

static nw_stats *statistics(json_t *run)
{
    char path[] = "/tmp/narrows-iba-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    float *mean = floats(run, "mean", N), *std = floats(run, "std", N), *active = floats(run, "active", N);
    const nw_shape shape = {3, {C, SIDE, SIDE}};
    nw_safetensors_entry entries[] = {
        {"mean", NW_F32, mean, &shape}, {"std", NW_F32, std, &shape}, {"active", NW_F32, active, &shape}};
    nw_stats *stats = NULL;
    nw_error err;
    json_t *none = json_object();
    assert_int_equal(nw_safetensors_write(path, none, entries, 3, &err), NW_OK);
    assert_int_equal(nw_stats_load(path, NULL, NULL, &stats, &err), NW_OK);
    json_decref(none);
    unlink(path);
    free(mean);
    free(std);
    free(active);
    return stats;
}

typedef struct tape {
    const float *eps;
    uint32_t samples;
} tape;

static void play(void *user, uint32_t step, uint32_t sample, uint64_t first, float *dst, size_t n)
{
    const tape *t = user;
    memcpy(dst, t->eps + (step * t->samples + sample) * N + first, n * sizeof *dst);
}

static void follow_with(json_t *run, int batch, nw_precision precision)
{
    nw_model *model = network(run);
    nw_stats *stats = statistics(run);
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.schedule = NW_SCHEDULE_EVEN; /* as the reference */
    options.noise = NW_NOISE_INDEPENDENT;
    options.layer = "layer";
    options.target = (int64_t)number(run, "target");
    options.stats = stats;
    options.beta = number(run, "beta");
    options.sigma = number(run, "sigma"); /* null is none: 0 */
    options.steps = (int)number(run, "steps");
    options.rate = number(run, "lr");
    options.samples = (int)number(run, "batch");
    options.min_std = number(run, "min_std");
    options.initial_alpha = number(run, "alpha0");
    options.relu = json_is_true(json_object_get(run, "relu"));
    options.batch = batch;
    options.precision = precision;
    nw_explainer *e = NULL;
    nw_error err;
    if (nw_explainer_new(model, "iba", &options, NULL, &e, &err) != NW_OK) fail_msg("%s", err.message);
    size_t steps = (size_t)options.steps;
    float *eps = floats(run, "eps", steps * (size_t)options.samples * N), *x = floats(run, "x", SIDE * SIDE);
    float *bits = floats(run, "capacity_bits_fp64", N), *losses = floats(run, "loss_per_step", steps);
    tape recorded = {eps, (uint32_t)options.samples};
    e->inject = play;
    e->inject_user = &recorded;
    nw_map *map = NULL;
    if (nw_explainer_run(e, x, 0, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    double worst_loss = 0, worst = 0;
    for (size_t t = 0; t < steps; t++)
        worst_loss =
            fmax(worst_loss, fabs(map->model_loss[t] + map->information_loss[t] - (double)losses[t]));
    for (size_t i = 0; i < N; i++) worst = fmax(worst, fabs((double)(map->capacity[i] - bits[i])));
    print_message("batch %d: %.2g bits off, losses %.2g\n", nw_explainer_batch(e), worst, worst_loss);
    assert_true(worst_loss < 1e-4);
    assert_true(worst < 5e-4);
    nw_map_free(map);
    nw_explainer_free(e);
    nw_stats_free(stats);
    nw_model_unref(model);
    free(eps);
    free(x);
    free(bits);
    free(losses);
}

static void follow(int which)
{
    char path[256];
    snprintf(path, sizeof path, "%s/golden/iba/golden_%d.json", NW_TEST_SHARED, which);
    json_t *run = json_load_file(path, 0, NULL);
    if (!run) {
        print_message("no recorded run at %s\n", path);
        skip();
    }
    follow_with(run, 0, NW_PRECISION_F32);
    follow_with(run, 1, NW_PRECISION_F32);
    follow_with(run, 2, NW_PRECISION_F64);
    json_decref(run);
}

static void run_4(void **state)
{
    (void)state;
    follow(4);
}

static void run_6(void **state)
{
    (void)state;
    follow(6);
}

static void run_7(void **state)
{
    (void)state;
    follow(7);
}

static void run_8(void **state)
{
    (void)state;
    follow(8);
}

static void run_9(void **state)
{
    (void)state;
    follow(9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_4), cmocka_unit_test(run_6),
                                       cmocka_unit_test(run_7), cmocka_unit_test(run_8),
                                       cmocka_unit_test(run_9)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
