/* 1x1 convolutions by kernels of our own: against sums in double; groups, channels that fill no strip of 64
 * outputs and more than are taken at once, single pixels, what is added on the way. Bits do not depend on
 * threads or other images, nor does a NaN get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/f32_tile.h"
#include "support/conv_layer.h"

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
};

static bool there(void)
{
    if (nw_f32_available() && nw_backend_block() == NW_F32_BLOCK) return true;
    print_message("this processor has no AVX-512, or oneDNN does not use it: skipped\n");
    return false;
}

static double *random_of(char name, int64_t n, float scale)
{
    float *data = malloc((size_t)n * sizeof *data);
    net_fill(data, (size_t)n, 5 * 31 + (uint64_t)name, scale);
    double *out = layer_widened(data, n);
    free(data);
    return out;
}

static void sums_are_right(void **state)
{
    (void)state;
    if (!there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = layer_make(l);
        outcome got = layer_compute(model, l, NW_PRECISION_F32, l->batch, 0, 0);
        int64_t map = l->height * l->width;
        double *w = random_of('w', layer_weight_count(l), 0.3F), *bias = random_of('b', l->out, 0.2F);
        double *x = layer_widened(got.x, got.nx), *y = calloc((size_t)got.ny, sizeof *y);
        double *dy = layer_widened(got.dy, got.ny), *dx = calloc((size_t)got.nx, sizeof *dx);
        layer_convolve(l, w, x, y, false);
        for (int64_t k = 0; k < got.ny; k++) {
            y[k] += bias[k / map % l->out] + (l->add ? x[k] : 0);
            if (l->act[0] && y[k] < 0) y[k] *= l->act[0] == 'L' ? 0.01 : 0;
            if (l->act[0] && got.y[k] <= 0) dy[k] *= l->act[0] == 'L' ? (double)0.01F : 0;
        }
        for (int64_t k = 0; l->add && k < got.nx; k++) dx[k] = dy[k];
        layer_convolve(l, w, dx, dy, true);
        double forward = layer_apart(got.y, y, got.ny), backward = layer_apart(got.dx, dx, got.nx);
        print_message("%2zu: %.1e, %.1e\n", i, forward, backward);
        assert_int_equal(got.own, 2);
        assert_true(forward < 5e-7 && backward < 5e-7);
        free(w);
        free(bias);
        free(x);
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
    if (!there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        layer_check_bits(&layers[i], NW_PRECISION_F32);
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    if (!there()) skip();
    layer_check_nan(&layers[2], NW_PRECISION_F32, NAN); /* with a ReLU */
    layer_check_nan_weight(&layers[1], NW_PRECISION_F32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_right),
                                       cmocka_unit_test(bits_depend_on_nothing_else),
                                       cmocka_unit_test(what_is_no_number_stays_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
