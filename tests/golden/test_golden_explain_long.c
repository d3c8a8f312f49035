/* IBA on two real classifiers against the reference implementation's maps of 100 samples: their noise and
 * ours differ, so by rank and total. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded.h"

#include <math.h>

typedef struct ranked {
    float value;
    size_t at;
} ranked;

static int by_value(const void *a, const void *b)
{
    float x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

/* Ranks, equal values sharing their mean. */
static double *ranks(const float *values, size_t n)
{
    ranked *order = malloc(n * sizeof *order);
    double *rank = malloc(n * sizeof *rank);
    assert_true(order && rank);
    for (size_t i = 0; i < n; i++) order[i] = (ranked){values[i], i};
    qsort(order, n, sizeof *order, by_value);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && order[j].value <= order[i].value;) j++;
        for (size_t k = i; k < j; k++) rank[order[k].at] = (double)(i + j - 1) / 2;
    }
    free(order);
    return rank;
}

static double spearman(const float *a, const float *b, size_t n)
{
    double *x = ranks(a, n), *y = ranks(b, n), mean = (double)(n - 1) / 2, xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    free(x);
    free(y);
    return xy / sqrt(xx * yy);
}

static double sum_of(const float *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i];
    return sum;
}

static void maps_of_100_samples(const char *folder, int slices, const char *answer,
                                nw_explain_options options)
{
    nw_model *model = model_of(folder);
    nw_stats *stats = stats_of(folder);
    options.stats = stats;
    options.samples = 100;
    options.batch = 10;
    nw_explainer *e = explainer_of(model, "iba", &options);
    assert_string_equal(nw_explainer_layer(e), layer2);
    for (int slice = 0; slice < slices; slice++) {
        nw_map *map = explain(e, folder, slice);
        nw_tensor *expected = load_of(folder, slice, "iba.bits.batch100"),
                  *logits = load_of(folder, slice, answer);
        size_t n = (size_t)nw_tensor_count(expected);
        assert_int_equal(map->shape.dims[0] * map->shape.dims[1], n);
        for (size_t i = 0; i < map->output_count; i++)
            assert_true(fabs((double)(map->logits[i] - ((float *)nw_tensor_data(logits))[i])) < 1e-4);
        double rho = spearman(map->values, nw_tensor_data(expected), n);
        double total = sum_of(nw_tensor_data(expected), n);
        print_message("%s slice %d: Spearman %.5f, %.1f bits (reference %.1f), %.2f s\n", folder, slice, rho,
                      map->total_bits, total, map->loop_seconds);
        assert_true(rho >= 0.998);
        assert_true(fabs(map->total_bits - total) < 0.02 * total);
        /* 28 to 224 is whole: nothing is lost on the way. */
        assert_true(fabs(sum_of(map->values, n) - map->total_bits) < 1e-4 * total);
        nw_tensor_unref(expected);
        nw_tensor_unref(logits);
        nw_map_free(map);
    }
    nw_explainer_free(e);
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void classifier(void **state)
{
    (void)state;
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.schedule = NW_SCHEDULE_EVEN; /* as the reference */
    options.noise = NW_NOISE_INDEPENDENT;
    options.target = 1;
    maps_of_100_samples("covid-ct-resnet18s", 3, "logits", options);
}

static void regression(void **state)
{
    (void)state;
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.schedule = NW_SCHEDULE_EVEN; /* as the reference */
    options.noise = NW_NOISE_INDEPENDENT;
    options.loss = NW_LOSS_RAISE;
    options.loss_weight = 10;
    maps_of_100_samples("ct-severity-resnet18s", 2, "output", options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classifier), cmocka_unit_test(regression)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
