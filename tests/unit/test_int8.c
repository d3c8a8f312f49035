/* Convolutions by 8-bit integers: against the same rounding of factors done anew here, with sums in double;
 * strides, groups, dilations, padding of any kind, outputs that do not fill a strip, and what such a program
 * must keep: the same bits for any number of threads and other images, and no NaN hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/int8_tile.h"
#include "support/conv_layer.h"

#include <float.h>

static const layer layers[] = {
    {64, 64, 1, 9, 11, 2, LAYER_SAME(1), "", false},
    {256, 144, 1, 14, 14, 3, LAYER_SAME(1), "Relu", false}, /* nine vectors: two strips and a quarter */
    {16, 16, 1, 1, 1, 1, LAYER_SAME(1), "Relu", true},
    {48, 512, 1, 28, 28, 1, LAYER_SAME(1), "Relu", false},
    {32, 48, 1, 7, 7, 2, LAYER_SAME(3), "Relu", false},
    {64, 64, 1, 16, 15, 3, LAYER_SAME(3), "Relu", true},
    {64, 128, 2, 16, 13, 2, LAYER_SAME(3), "LeakyRelu", false},
    {64, 64, 4, 12, 12, 1, LAYER_SAME(3), "LeakyRelu", true},
    {32, 32, 1, 15, 15, 2, LAYER_HALF(3), "Relu", false},
    {32, 64, 1, 16, 16, 2, LAYER_HALF(1), "", false},
    {32, 64, 1, 3, 1, 2, LAYER_HALF(3), "", false},
    {16, 80, 1, 20, 20, 1, LAYER_SAME(7), "Relu", false},
    {32, 32, 1, 18, 17, 1, {3, 3}, {1, 1}, {3, 2}, {3, 2}, {3, 2}, "Relu", false},
    {32, 32, 1, 18, 17, 1, {2, 3}, {3, 1}, {1, 1}, {0, 2}, {1, 0}, "", false},
    {32, 32, 1, 5, 6, 1, {1, 1}, {1, 1}, {1, 1}, {1, 2}, {2, 0}, "Relu", false}, /* the frame reads nothing */
    {32, 32, 1, 4, 4, 1, {3, 3}, {4, 4}, {1, 1}, {1, 1}, {1, 1}, "", false},
    /* As many results as pixels, and other ones. */
    {32, 32, 1, 4, 4, 1, {1, 1}, {2, 2}, {1, 1}, {0, 0}, {3, 3}, "", false},
    {32, 32, 1, 8, 4, 1, {1, 1}, {2, 1}, {1, 1}, {0, 0}, {0, 4}, "", false},
};

/* -- the same anew: factors rounded, everything else in double -- */

/* [N, channels, map], each pixel of each group for itself. */
static void round_pixels(double *values, int64_t images, int64_t groups, int64_t channels, int64_t map)
{
    for (int64_t plane = 0; plane < images * groups; plane++)
        for (int64_t p = 0; p < map; p++)
            layer_round_row(values + plane * channels / groups * map + p, channels / groups, map);
}

/* Weights [out][in / groups][window], rounded for each output, or for each input (backward). */
static double *weights_of(const layer *l, bool backward)
{
    int64_t n = layer_weight_count(l), window = l->kernel[0] * l->kernel[1], in = l->in / l->groups;
    float *plain = malloc((size_t)n * sizeof *plain);
    net_fill(plain, (size_t)n, 5 * 31 + 'w', 0.3F);
    double *w = layer_widened(plain, n);
    free(plain);
    if (!backward) {
        for (int64_t o = 0; o < l->out; o++) layer_round_row(w + o * in * window, in * window, 1);
        return w;
    }
    int64_t out = l->out / l->groups;
    double *row = malloc((size_t)(out * window) * sizeof *row);
    for (int64_t i = 0; i < l->in; i++) {
        double *first = w + (i / in * out * in + i % in) * window;
        for (int64_t k = 0; k < out * window; k++) row[k] = first[k / window * in * window + k % window];
        layer_round_row(row, out * window, 1);
        for (int64_t k = 0; k < out * window; k++) first[k / window * in * window + k % window] = row[k];
    }
    free(row);
    return w;
}

static double *expected_y(const layer *l, const outcome *r)
{
    double *x = layer_widened(r->x, r->nx), *w = weights_of(l, false), *y = calloc((size_t)r->ny, sizeof *y);
    int64_t map = layer_extent(l, 0) * layer_extent(l, 1);
    float *bias = malloc((size_t)l->out * sizeof *bias);
    net_fill(bias, (size_t)l->out, 5 * 31 + 'b', 0.2F);
    round_pixels(x, l->batch, l->groups, l->in, l->height * l->width);
    layer_convolve(l, w, x, y, false);
    for (int64_t i = 0; i < r->ny; i++) {
        y[i] += (double)bias[i / map % l->out];
        if (l->add) y[i] += (double)r->x[i];
        if (l->act[0] && y[i] < 0) y[i] *= l->act[0] == 'L' ? 0.01 : 0;
    }
    free(bias);
    free(x);
    free(w);
    return y;
}

static double *expected_dx(const layer *l, const outcome *r)
{
    double *dy = layer_widened(r->dy, r->ny), *w = weights_of(l, true),
           *dx = calloc((size_t)r->nx, sizeof *dx);
    for (int64_t i = 0; l->act[0] && i < r->ny; i++)
        if (r->y[i] <= 0) dy[i] = l->act[0] == 'L' ? (double)((float)dy[i] * 0.01F) : 0;
    for (int64_t i = 0; l->add && i < r->nx; i++) dx[i] = dy[i];
    round_pixels(dy, l->batch, l->groups, l->out, layer_extent(l, 0) * layer_extent(l, 1));
    layer_convolve(l, w, dx, dy, true);
    free(dy);
    free(w);
    return dx;
}

static void sums_are_exact(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        layer_check_int8(&layers[i], expected_y, expected_dx, 0, 0.02);
}

static void bits_depend_on_nothing_else(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        layer_check_bits(&layers[i], NW_PRECISION_INT8);
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        layer_check_nan(&layers[4], NW_PRECISION_INT8, spoilt[i]); /* with a ReLU */
    layer_check_nan_weight(&layers[0], NW_PRECISION_INT8);
}

/* Pixels whose values are all zero, so small that nothing can be divided by them, as large as a float can be,
 * or one of them infinite. */
static void every_size_has_its_scale(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    enum { PIXELS = 4 };
    float src[PIXELS * NW_INT8_BLOCK] = {0}, scales[PIXELS];
    for (int c = 0; c < NW_INT8_BLOCK; c++) {
        src[NW_INT8_BLOCK + c] = 1e-40F;
        src[2 * NW_INT8_BLOCK + c] = c % 2 ? -FLT_MAX : FLT_MAX;
    }
    src[3 * NW_INT8_BLOCK + 5] = -INFINITY;
    int8_t values[PIXELS * NW_INT8_BLOCK];
    int32_t corrections[PIXELS];
    nw_int8_source to = {values, scales, corrections};
    memset(values, 1, sizeof values);
    nw_int8_quantise(src, NULL, NW_INT8_BLOCK, 0, PIXELS, NW_INT8_BLOCK, &to);
    for (int p = 0; p < 2; p++) {
        assert_true(scales[p] == 0);
        assert_int_equal(corrections[p], 0);
    }
    for (int c = 0; c < 2 * NW_INT8_BLOCK; c++) assert_int_equal(values[c], 0);
    assert_true(fabsf(scales[2] / FLT_MAX * 127 - 1) < 1e-6F);
    for (int c = 0; c < NW_INT8_BLOCK; c++)
        assert_int_equal(values[2 * NW_INT8_BLOCK + c], c % 2 ? -127 : 127);
    assert_true(isnan(scales[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact), cmocka_unit_test(bits_depend_on_nothing_else),
        cmocka_unit_test(what_is_no_number_stays_none), cmocka_unit_test(every_size_has_its_scale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
