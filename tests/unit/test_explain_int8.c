/* Maps of a trained classifier by 8-bit integers: as in float32 but for a little, and said to be what they
 * are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/fast_conv_int8.h"

#include <math.h>
#include <narrows/explain.h>
#include <narrows/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEMO NW_TEST_SOURCE "/examples/demo/classifier"

typedef struct scene {
    nw_model *model;
    nw_stats *stats;
    float *pixels;
} scene;

/* Two dark lungs with a few denser places, in the range that the classifier's inputs have. */
static float *chest(const nw_shape *shape)
{
    int64_t height = shape->dims[shape->rank - 2], width = shape->dims[shape->rank - 1];
    float *x = malloc((size_t)(height * width) * sizeof *x);
    for (int64_t i = 0; i < height * width; i++) {
        double u = 2 * (double)(i % width) / (double)width - 1,
               v = 2 * (double)(i / width) / (double)height - 1;
        double side = fabs(u) - 0.4, lung = 1 / (1 + exp(40 * (side * side / 0.06 + v * v / 0.4 - 1)));
        double spot = exp(-60 * ((u - 0.35) * (u - 0.35) + (v - 0.2) * (v - 0.2))) +
                      exp(-90 * ((u + 0.5) * (u + 0.5) + (v + 0.3) * (v + 0.3)));
        x[i] = (float)(0.9 - 0.7 * lung + 0.5 * lung * spot);
    }
    return x;
}

static int setup(void **state)
{
    scene *s = calloc(1, sizeof *s);
    nw_error err;
    assert_int_equal(nw_model_load(DEMO ".onnx", NULL, &s->model, &err), NW_OK);
    assert_int_equal(nw_stats_load(DEMO ".stats", nw_model_digest(s->model), NULL, &s->stats, &err), NW_OK);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    scene *s = *state;
    nw_stats_free(s->stats);
    nw_model_unref(s->model);
    free(s->pixels);
    free(s);
    return 0;
}

static nw_map *explain(scene *s, const char *method, nw_precision precision)
{
    nw_explain_options options;
    nw_explain_options_init(&options);
    assert_int_equal(options.precision, NW_PRECISION_AUTO);
    options.precision = precision;
    options.stats = s->stats;
    options.loss = NW_LOSS_RAISE;
    options.target = 1;
    nw_explainer *e = NULL;
    nw_map *map = NULL;
    nw_error err;
    if (nw_explainer_new(s->model, method, &options, NULL, &e, &err) != NW_OK) fail_msg("%s", err.message);
    if (!s->pixels) s->pixels = chest(nw_explainer_input_shape(e));
    if (nw_explainer_run(e, s->pixels, 0, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    nw_explainer_free(e);
    return map;
}

typedef struct place {
    float value;
    int64_t at;
} place;

static int ascending(const void *a, const void *b)
{
    float x = ((const place *)a)->value, y = ((const place *)b)->value;
    return (x > y) - (x < y);
}

static double *ranks(const float *values, int64_t n)
{
    place *sorted = malloc((size_t)n * sizeof *sorted);
    double *rank = malloc((size_t)n * sizeof *rank);
    for (int64_t i = 0; i < n; i++) sorted[i] = (place){values[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int64_t i = 0; i < n; i++) rank[sorted[i].at] = (double)i;
    free(sorted);
    return rank;
}

/* Spearman's, of maps without ties. */
static double correlation(const float *a, const float *b, int64_t n)
{
    double *x = ranks(a, n), *y = ranks(b, n), sum = 0, size = (double)n;
    for (int64_t i = 0; i < n; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    free(x);
    free(y);
    return 1 - 6 * sum / (size * (size * size - 1));
}

static bool says(const nw_map *map, const char *precision)
{
    char wanted[64];
    const char *at = strstr(map->provenance, "\"precision\"");
    snprintf(wanted, sizeof wanted, "\"%s\"", precision);
    const char *end = at ? strchr(at, '}') : NULL, *found = at ? strstr(at, wanted) : NULL;
    return found && end && found < end;
}

static void a_map_is_nearly_the_same(void **state)
{
    scene *s = *state;
    nw_map *exact = explain(s, "iba", NW_PRECISION_F32);
    assert_true(says(exact, "f32"));
    nw_map *chosen = explain(s, "iba", NW_PRECISION_AUTO);
    assert_true(says(chosen, nw_int8_conv_available() ? "int8" : "f32"));
    int64_t n = exact->layer_shape.dims[1] * exact->layer_shape.dims[2];
    double rank = correlation(exact->layer_map, chosen->layer_map, n);
    print_message("rank correlation %.5f, bits %.1f and %.1f\n", rank, exact->total_bits, chosen->total_bits);
    assert_true(rank > 0.998);
    assert_true(fabs(chosen->total_bits / exact->total_bits - 1) < 0.03);
    /* The prediction is made in float32 whatever the loop is made in. */
    assert_memory_equal(exact->logits, chosen->logits, exact->output_count * sizeof *exact->logits);
    nw_map_free(exact);
    nw_map_free(chosen);
}

static void only_the_bottleneck_has_a_loop(void **state)
{
    scene *s = *state;
    nw_map *plain = explain(s, "gradcam", NW_PRECISION_F32),
           *other = explain(s, "gradcam", NW_PRECISION_INT8);
    int64_t n = plain->shape.dims[0] * plain->shape.dims[1];
    assert_true(says(other, "f32"));
    assert_memory_equal(plain->values, other->values, (size_t)n * sizeof *plain->values);
    nw_map_free(plain);
    nw_map_free(other);
}

static void what_is_not_there_is_refused(void **state)
{
    scene *s = *state;
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.precision = NW_PRECISION_INT8;
    options.stats = s->stats;
    nw_explainer *e = NULL;
    nw_error err;
    nw_status status = nw_explainer_new(s->model, "iba", &options, NULL, &e, &err);
    if (nw_int8_conv_available()) {
        assert_int_equal(status, NW_OK);
    } else {
        assert_int_equal(status, NW_UNSUPPORTED);
        assert_non_null(strstr(err.message, "AVX512_VNNI"));
    }
    nw_explainer_free(e);
    options.precision = (nw_precision)(NW_PRECISION_AUTO + 1);
    assert_int_equal(nw_explainer_new(s->model, "iba", &options, NULL, &e, &err), NW_USAGE);
    nw_program_options program = {.precision = NW_PRECISION_AUTO};
    nw_program *p = NULL;
    assert_int_equal(nw_program_compile(s->model, &program, &p, &err), NW_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_map_is_nearly_the_same),
                                       cmocka_unit_test(only_the_bottleneck_has_a_loop),
                                       cmocka_unit_test(what_is_not_there_is_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
