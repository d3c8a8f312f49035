/* Small maps with the weights as they are, in programs that do not run often: against sums in double; groups,
 * strides that leave a remainder, windows that reach over every edge and some that reach nothing, more pixels
 * than are computed at once, what is added on the way. Bits do not depend on threads or other images, nor
 * does a NaN get lost; and what is not small, or may change, goes another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/conv_layer.h"

static const layer layers[] = {
    {64, 64, 1, 7, 7, 1, LAYER_SAME(3), "Relu", true},
    {48, 80, 1, 14, 14, 3, LAYER_SAME(3), "", false},
    {32, 32, 1, 16, 16, 2, LAYER_SAME(3), "LeakyRelu", true}, /* 18 vectors: the most */
    {64, 96, 2, 9, 11, 2, LAYER_SAME(3), "Relu", false},
    {32, 64, 1, 14, 14, 2, LAYER_HALF(3), "Relu", false},
    {32, 64, 2, 13, 10, 3, LAYER_HALF(3), "LeakyRelu", false},
    {16, 16, 1, 12, 12, 1, LAYER_SAME(5), "Relu", true},
    {16, 32, 1, 10, 10, 2, LAYER_SAME(7), "", false},
    {16, 48, 1, 1, 16, 2, {1, 5}, {1, 1}, {1, 1}, {0, 2}, {0, 2}, "Relu", false},
    {16, 32, 1, 20, 30, 1, {5, 2}, {3, 1}, {1, 2}, {1, 4}, {4, 0}, "Relu", false},
    {16, 16, 1, 30, 22, 2, {3, 3}, {3, 2}, {2, 3}, {0, 3}, {1, 5}, "", false},
    /* columns, and rows, that no stride meets */
    {16, 16, 1, 11, 11, 1, {5, 5}, {3, 3}, {1, 1}, {2, 2}, {0, 0}, "", false},
    {32, 32, 1, 10, 15, 2, {2, 2}, {3, 1}, {1, 2}, {2, 3}, {0, 2}, "", false},
    /* some results of nothing */
    {16, 16, 1, 3, 4, 1, {3, 3}, {3, 3}, {2, 1}, {6, 4}, {6, 7}, "", false},
    {16, 16, 1, 2, 2, 2, LAYER_SAME(2), "", false},
};

/* Strides of four, a window of 64, one of a single pixel, channels that fill no vector, a large map, taps
 * that are far outside. */
#define FAR (1 << 30)
static const layer others[] = {
    {16, 16, 1, 12, 12, 1, {3, 3}, {4, 4}, {1, 1}, {1, 1}, {1, 1}, "", false},
    {16, 16, 1, 12, 12, 1, {8, 8}, {1, 1}, {1, 1}, {3, 3}, {4, 4}, "", false},
    {16, 16, 1, 12, 12, 1, LAYER_SAME(1), "", false},
    {16, 24, 1, 12, 12, 1, LAYER_SAME(3), "", false},
    {16, 16, 1, 17, 17, 1, LAYER_SAME(3), "", false},
    {16, 16, 1, 12, 12, 1, {2, 2}, {1, 1}, {FAR, FAR}, {FAR / 2, FAR / 2}, {FAR / 2, FAR / 2}, "", false},
};

static void sums_are_right(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = layer_make(l);
        outcome got = layer_compute(model, l, NW_PRECISION_F32, l->batch, 0, 0);
        double *y = layer_sums(l, &got);
        double apart = layer_apart(got.y, y, got.ny);
        print_message("%2zu: %.1e\n", i, apart);
        assert_int_equal(got.plain, 1);
        assert_true(apart < 5e-7);
        free(y);
        layer_clear(&got);
        nw_model_unref(model);
    }
}

static void bits_depend_on_nothing_else(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        layer_check_bits(&layers[i], NW_PRECISION_F32);
}

static void others_go_another_way(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        nw_model *model = layer_make(&others[i]);
        outcome got = layer_compute(model, &others[i], NW_PRECISION_F32, 1, 0, 0);
        assert_int_equal(got.plain, 0);
        layer_clear(&got);
        nw_model_unref(model);
    }
    layer_few_runs = false;
    nw_model *model = layer_make(&layers[0]);
    outcome got = layer_compute(model, &layers[0], NW_PRECISION_F32, 1, 0, 0);
    assert_int_equal(got.plain, 0);
    layer_clear(&got);
    nw_model_unref(model);
    layer_few_runs = true;
}

static void weights_that_may_change_do_too(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    const char *variables[] = {"w"};
    nw_program_options options = {.variables = variables, .variable_count = 1, .few_runs = 1};
    nw_model *model = layer_make(&layers[0]);
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    for (size_t i = 0; i < nw_program_step_count(program); i++)
        assert_null(strstr(nw_program_step(program, i).impl, "plain"));
    nw_program_free(program);
    nw_model_unref(model);
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    layer_check_nan(&layers[3], NW_PRECISION_F32, NAN); /* with a ReLU */
    layer_check_nan_weight(&layers[1], NW_PRECISION_F32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_right), cmocka_unit_test(bits_depend_on_nothing_else),
        cmocka_unit_test(others_go_another_way), cmocka_unit_test(weights_that_may_change_do_too),
        cmocka_unit_test(what_is_no_number_stays_none)};
    layer_few_runs = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
