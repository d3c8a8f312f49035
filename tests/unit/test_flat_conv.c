/* 1x1 convolutions and those with strides by kernels of our own: against sums in double; groups, channels
 * that fill no strip of 64 outputs and more than are taken at once, single pixels, windows that reach over
 * every edge and some that reach nothing, what is added on the way. Bits do not depend on threads or other
 * images, nor does a NaN get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/conv_layer.h"
#include "support/network_run.h"

static const layer layers[] = {
    {16, 16, 1, 1, 1, 1, LAYER_SAME(1), "Relu", true},
    {64, 64, 1, 9, 11, 2, LAYER_SAME(1), "", false},
    {256, 144, 1, 14, 14, 3, LAYER_SAME(1), "Relu", false}, /* nine vectors: two strips and a quarter */
    {304, 304, 1, 7, 7, 2, LAYER_SAME(1), "LeakyRelu", true},
    {96, 224, 2, 13, 5, 1, LAYER_SAME(1), "Relu", false},
    {48, 512, 1, 28, 28, 1, LAYER_SAME(1), "Relu", false},
    {512, 32, 1, 40, 30, 1, LAYER_SAME(1), "", false},
    {16, 256, 1, 10, 10, 1, LAYER_SAME(1), "",
     false}, /* more outputs than pixels, of which there are two parts */
    /* with strides, from here on */
    {64, 144, 1, 9, 11, 2, LAYER_HALF(1), "Relu", false},
    {272, 64, 1, 14, 14, 1, LAYER_HALF(1), "", false},
    {32, 80, 1, 13, 10, 2, LAYER_HALF(3), "LeakyRelu", false},
    {128, 128, 2, 56, 56, 1, LAYER_HALF(3), "Relu", false},
    {160, 96, 1, 7, 7, 3, LAYER_HALF(3), "", false},
    {16, 32, 1, 20, 120, 1, {5, 2}, {3, 1}, {1, 2}, {1, 4}, {4, 0}, "Relu", false},
    {16, 16, 1, 3, 4, 1, {3, 3}, {4, 3}, {2, 1}, {6, 4}, {6, 7}, "", false}, /* some results of nothing */
};

static bool strided(const layer *l)
{
    return l->stride[0] > 1 || l->stride[1] > 1;
}

static void sums_are_right(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = layer_make(l);
        outcome got = layer_compute(model, l, NW_PRECISION_F32, l->batch, 0, 0);
        double *w = layer_random('w', layer_weight_count(l), 0.3F), *y = layer_sums(l, &got);
        double *dy = layer_widened(got.dy, got.ny), *dx = calloc((size_t)got.nx, sizeof *dx);
        for (int64_t k = 0; l->act[0] && k < got.ny; k++)
            if (got.y[k] <= 0) dy[k] *= l->act[0] == 'L' ? (double)0.01F : 0;
        for (int64_t k = 0; l->add && k < got.nx; k++) dx[k] = dy[k];
        layer_convolve(l, w, dx, dy, true);
        double forward = layer_apart(got.y, y, got.ny), backward = layer_apart(got.dx, dx, got.nx);
        print_message("%2zu: %.1e, %.1e\n", i, forward, backward);
        assert_int_equal(got.own, strided(l) ? 1 : 2); /* the gradient of strides is oneDNN's */
        assert_true(forward < 5e-7 && backward < 5e-7);
        free(w);
        free(y);
        free(dy);
        free(dx);
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

/* Each of two takes the sum with the other, and the activation. */
static void strides_take_a_sum(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    static const char *const acts[] = {"Relu", "LeakyRelu", "Sigmoid"};
    for (int i = 0; i < 6; i++) {
        ow m;
        ow_begin(&m, 13);
        ow_input(&m, "x", 4, (int64_t[]){-1, 32, 14, 9});
        net_conv(&m, "x", "a", 32, 80, i & 1 ? 3 : 1, 2, 1);
        net_conv(&m, "x", "b", 32, 80, i & 1 ? 1 : 3, 2, 1);
        ow_node(&m, "Add", "", "a b", "s");
        ow_node(&m, acts[i / 2], "", "s", "y");
        ow_output(&m, "y");
        nw_model *model = net_load(&m);
        for (int64_t batch = 1; batch <= 2; batch++)
            net_compare(model, (net_case){.batch = batch, .back = true});
        nw_model_unref(model);
    }
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    if (!layer_there_f32()) skip();
    layer_check_nan(&layers[2], NW_PRECISION_F32, NAN); /* with a ReLU */
    nw_model *model = layer_make(&layers[8]);
    outcome got = layer_compute(model, &layers[8], NW_PRECISION_F32, 2, 0, NAN);
    int nans = 0;
    for (int64_t i = 0; i < got.ny; i++) nans += isnan(got.y[i]);
    assert_int_equal(nans, layers[8].out); /* the first pixel of the second image, which the stride meets */
    layer_clear(&got);
    nw_model_unref(model);
    layer_check_nan_weight(&layers[1], NW_PRECISION_F32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_right), cmocka_unit_test(bits_depend_on_nothing_else),
        cmocka_unit_test(strides_take_a_sum), cmocka_unit_test(what_is_no_number_stays_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
