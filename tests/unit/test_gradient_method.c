/* The gradient method against finite differences, for the heads whose sign or choice of output differs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/network.h"

#include <math.h>
#include <narrows/explain.h>
#include <unistd.h>

enum { SIDE = 6, CHANNELS = 2, POSITIONS = SIDE * SIDE, PIXELS = CHANNELS * POSITIONS };

static nw_model *network(int64_t outputs)
{
    char path[] = "/tmp/narrows-gradient-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, CHANNELS, SIDE, SIDE});
    net_conv(&m, "x", "c", CHANNELS, 4, 3, 1, 1);
    ow_node(&m, "Relu", "", "c", "r");
    ow_node(&m, "Flatten", "", "r", "f");
    net_weights(&m, "w", 2, (int64_t[]){4 * POSITIONS, outputs}, .2F, 0);
    ow_node(&m, "Gemm", "", "f w", "logits");
    ow_output(&m, "logits");
    ow_end(&m);
    ow_save(&m, path);
    ow_free(&m);
    nw_model *model = NULL;
    nw_error err;
    if (nw_model_load(path, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    unlink(path);
    return model;
}

static double logit(nw_program *program, const float *x, int moved, double by, int64_t which)
{
    double *input = nw_program_input(program, "x", NULL);
    nw_error err;
    for (int i = 0; i < PIXELS; i++) input[i] = (double)x[i] + (i == moved ? by : 0);
    assert_int_equal(nw_program_run(program, &err), NW_OK);
    return ((const double *)nw_program_output(program, "logits", NULL))[which];
}

static void against_finite_differences(void **state)
{
    (void)state;
    const struct {
        int64_t outputs, target, logit;
        nw_precision precision;
    } cases[] = {{3, 0, 0, NW_PRECISION_F32},
                 {3, 2, 2, NW_PRECISION_F64},
                 {1, 0, 0, NW_PRECISION_F32},
                 {1, 1, 0, NW_PRECISION_F64}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        nw_model *model = network(cases[k].outputs);
        nw_explain_options options;
        nw_explain_options_init(&options);
        options.target = cases[k].target;
        options.precision = cases[k].precision;
        nw_explainer *e = NULL;
        nw_map *map = NULL;
        nw_error err;
        float x[PIXELS];
        net_fill(x, PIXELS, 40 + k, 1);
        if (nw_explainer_new(model, "gradient", &options, NULL, &e, &err) != NW_OK)
            fail_msg("%s", err.message);
        if (nw_explainer_run(e, x, 0, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
        assert_string_equal(map->layer, "x");
        assert_int_equal(map->layer_shape.dims[0], CHANNELS);

        nw_program *program = NULL;
        nw_program_options plain = {.precision = NW_PRECISION_F64};
        assert_int_equal(nw_program_compile(model, &plain, &program, &err), NW_OK);
        double sum = 0;
        for (int i = 0; i < POSITIONS; i++) {
            double most = 0, h = 1e-6;
            for (int c = 0; c < CHANNELS; c++) {
                int at = c * POSITIONS + i;
                double up = logit(program, x, at, h, cases[k].logit),
                       down = logit(program, x, at, -h, cases[k].logit);
                most = fmax(most, fabs(up - down) / (2 * h));
            }
            sum += most;
            if (!(fabs((double)map->values[i] - most) < 1e-5))
                fail_msg("case %zu, pixel %d: %g, expected %g", k, i, (double)map->values[i], most);
        }
        assert_true(sum > 1);
        nw_program_free(program);
        nw_map_free(map);
        nw_explainer_free(e);
        nw_model_unref(model);
    }
}

static void takes_no_layer(void **state)
{
    (void)state;
    nw_model *model = network(3);
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.layer = "r";
    nw_explainer *e = NULL;
    nw_error err;
    assert_int_equal(nw_explainer_new(model, "gradient", &options, NULL, &e, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "no layer"));
    assert_null(e);
    assert_true(nw_method_find("gradient")->at_input);
    nw_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_finite_differences),
                                       cmocka_unit_test(takes_no_layer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
