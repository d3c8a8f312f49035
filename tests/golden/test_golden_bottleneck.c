/* The bottleneck against recorded runs of the reference implementation on a tiny network (convolution, ReLU,
 * mean over positions, one linear layer), with the recorded noise. The network is worked out here by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explain/bottleneck.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(json_t *run, const char *key)
{
    return json_number_value(json_object_get(run, key));
}

static float *floats(json_t *run, const char *key, size_t *count)
{
    json_t *array = json_object_get(run, key);
    *count = json_array_size(array);
    float *values = calloc(*count + 1, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < *count; i++) values[i] = (float)json_number_value(json_array_get(array, i));
    return values;
}

typedef struct tape {
    const float *eps;
    size_t neurons;
    uint32_t samples;
} tape;

static void play(void *user, uint32_t step, uint32_t sample, uint64_t first, float *dst, size_t n)
{
    const tape *t = user;
    memcpy(dst, t->eps + (step * t->samples + sample) * t->neurons + first, n * sizeof *dst);
}

static void follow(int number_of_run)
{
    char path[256];
    snprintf(path, sizeof path, "%s/golden/iba/golden_%d.json", NW_TEST_SHARED, number_of_run);
    json_t *run = json_load_file(path, 0, NULL);
    if (!run) {
        print_message("no recorded run at %s\n", path);
        skip();
    }
    size_t n, k, steps;
    float *x = floats(run, "layer", &n), *mean = floats(run, "mean", &n), *std = floats(run, "std", &n);
    float *active = floats(run, "active", &n), *eps = floats(run, "eps", &k),
          *losses = floats(run, "loss_per_step", &steps);
    float *w = floats(run, "fc_w", &k), *bias = floats(run, "fc_b", &k),
          *bits = floats(run, "capacity_bits_fp64", &k);
    int64_t channels = (int64_t)number(run, "C"), positions = (int64_t)n / channels;
    uint32_t samples = (uint32_t)number(run, "batch");
    int target = (int)number(run, "target");
    assert_int_equal(k, n);

    nw_bottleneck_config config = {
        .shape = {3, {channels, (int64_t)number(run, "H"), (int64_t)number(run, "W")}},
        .mean = mean,
        .std = std,
        .active_share = active,
        .active_threshold = .01,
        .min_std = number(run, "min_std"),
        .initial_alpha = number(run, "alpha0"),
        .sigma = number(run, "sigma"),
        .weight = number(run, "beta") / (double)n,
        .rate = number(run, "lr"),
        .relu = json_is_true(json_object_get(run, "relu")),
    };
    nw_bottleneck *b = NULL;
    nw_error err;
    assert_int_equal(nw_bottleneck_new(&config, &b, &err), NW_OK);
    tape recorded = {eps, n, samples};
    float *z = calloc(samples * n, sizeof *z);
    nw_bottleneck_begin(b, x);
    for (uint32_t t = 0; t < steps; t++) {
        nw_noise noise = {.step = t, .inject = play, .user = &recorded};
        double loss = config.weight * nw_bottleneck_forward(b);
        nw_bottleneck_sample(b, &noise, 0, samples, z);
        for (uint32_t s = 0; s < samples; s++) {
            double logit[2] = {(double)bias[0], (double)bias[1]};
            for (size_t i = 0; i < n; i++)
                for (int o = 0; o < 2; o++)
                    logit[o] += (double)w[o * channels + (int64_t)i / positions] * (double)z[s * n + i] /
                                (double)positions;
            double top = fmax(logit[0], logit[1]), sum = exp(logit[0] - top) + exp(logit[1] - top);
            loss += (log(sum) + top - logit[target]) / samples;
            for (size_t i = 0; i < n; i++) {
                double diff = 0;
                for (int o = 0; o < 2; o++)
                    diff += (exp(logit[o] - top) / sum - (o == target)) *
                            (double)w[o * channels + (int64_t)i / positions];
                z[s * n + i] = (float)(diff / (double)positions / samples);
            }
        }
        assert_true(fabs(loss - (double)losses[t]) < 1e-4);
        nw_bottleneck_gather(b, &noise, 0, samples, z);
        nw_bottleneck_gradient(b);
        nw_bottleneck_update(b);
    }
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)nw_bottleneck_capacity(b)[i] / log(2) - (double)bits[i]));
    print_message("golden_%d: worst neuron %.2g bits off\n", number_of_run, worst);
    assert_true(worst < 5e-4);
    nw_bottleneck_free(b);
    float *all[] = {x, mean, std, active, eps, losses, w, bias, bits, z};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
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
