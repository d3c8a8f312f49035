/* 3x3 convolutions by minimal filtering with 8-bit integers: against the same transforms and rounding done
 * anew here, with products and the way back in double; maps that tiles do not cover, groups, padding of any
 * kind, outputs that do not fill a strip. Bits do not depend on threads or other images, nor does a NaN get
 * lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/int8_winograd.h"
#include "support/conv_layer.h"

enum { SIDE = 4, POINTS = 16, TAPS = 9 };

static const layer layers[] = {
    {128, 128, 1, 16, 16, 2, LAYER_SAME(3), "", false},
    {128, 128, 1, 15, 10, 3, LAYER_SAME(3), "Relu", true},
    {256, 416, 2, 9, 12, 1, LAYER_SAME(3), "Relu", false}, /* a strip of 64 and one of 16; 128 and 208 */
    {144, 128, 1, 7, 7, 10, LAYER_SAME(3), "LeakyRelu", false},
    {128, 144, 1, 6, 9, 1, {3, 3}, {1, 1}, {1, 1}, {0, 2}, {1, 0}, "Relu", false},
    {128, 128, 1, 4, 4, 1, {3, 3}, {1, 1}, {1, 1}, {2, 2}, {2, 2}, "", false},
    {128, 128, 1, 5, 4, 1, {3, 3}, {1, 1}, {1, 1}, {1, 0}, {5, 4}, "", false}, /* results that read nothing */
    {128, 128, 1, 44, 41, 1, LAYER_SAME(3), "Relu", false}, /* tiles transformed where they are multiplied */
};

/* A convolution as it is computed: forward, or the gradient with inputs and outputs exchanged. */
typedef struct task {
    int64_t images, groups, in, out; /* in, out: of a group */
    int64_t src[2], dst[2], pads[2];
} task;

/* -- the transforms, in float32 and in the order that the library documents -- */

static void source_side(const float *d, int64_t step, float *out, int64_t out_step)
{
    out[0] = d[0] - d[2 * step];
    out[out_step] = d[step] + d[2 * step];
    out[2 * out_step] = d[2 * step] - d[step];
    out[3 * out_step] = d[step] - d[3 * step];
}

static void filter_side(float a, float b, float c, float *out, int64_t step)
{
    out[0] = a;
    out[step] = ((a + c) + b) * 0.5F;
    out[2 * step] = ((a + c) - b) * 0.5F;
    out[3 * step] = c;
}

/* Filters [groups out][in][9] to [groups out][16][in], rounded for each output and position. */
static double *filters_of(const task *t, const float *w)
{
    int64_t outputs = t->groups * t->out;
    double *all = malloc((size_t)(outputs * POINTS * t->in) * sizeof *all);
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t i = 0; i < t->in; i++) {
            const float *g = w + (o * t->in + i) * TAPS;
            float half[3][SIDE], u[POINTS];
            for (int x = 0; x < 3; x++) filter_side(g[x], g[3 + x], g[6 + x], half[x], 1);
            for (int y = 0; y < SIDE; y++) filter_side(half[0][y], half[1][y], half[2][y], u + y * SIDE, 1);
            for (int k = 0; k < POINTS; k++) all[(o * POINTS + k) * t->in + i] = (double)u[k];
        }
        for (int k = 0; k < POINTS; k++) layer_round_row(all + (o * POINTS + k) * t->in, t->in, 1);
    }
    return all;
}

/* The tile at (row, column) of the channels of a group, rounded: [16][in]. */
static void tile_of(const task *t, const float *src, int64_t row, int64_t column, double *out)
{
    for (int64_t i = 0; i < t->in; i++) {
        float d[POINTS], half[POINTS], v[POINTS];
        for (int64_t k = 0; k < POINTS; k++) {
            int64_t y = row + k / SIDE, x = column + k % SIDE;
            bool inside = y >= 0 && y < t->src[0] && x >= 0 && x < t->src[1];
            d[k] = inside ? src[(i * t->src[0] + y) * t->src[1] + x] : 0;
        }
        for (int x = 0; x < SIDE; x++) source_side(d + x, SIDE, half + x, SIDE);
        for (int y = 0; y < SIDE; y++) source_side(half + y * SIDE, 1, v + y * SIDE, 1);
        for (int k = 0; k < POINTS; k++) out[k * t->in + i] = (double)v[k];
    }
    for (int k = 0; k < POINTS; k++) layer_round_row(out + k * t->in, t->in, 1);
}

static void result_side(const double *m, int64_t step, double *out, int64_t out_step)
{
    out[0] = m[0] + m[step] + m[2 * step];
    out[out_step] = m[step] - m[2 * step] - m[3 * step];
}

/* dst += the convolution of src, both [images][channels][map]. */
static void filter_map(const task *t, const float *src, const float *w, double *dst)
{
    double *filters = filters_of(t, w), *v = malloc((size_t)(POINTS * t->in) * sizeof *v);
    int64_t from = t->src[0] * t->src[1], to = t->dst[0] * t->dst[1];
    for (int64_t plane = 0; plane < t->images * t->groups; plane++)
        for (int64_t y = 0; y < t->dst[0]; y += 2)
            for (int64_t x = 0; x < t->dst[1]; x += 2) {
                tile_of(t, src + plane * t->in * from, y - t->pads[0], x - t->pads[1], v);
                for (int64_t o = 0; o < t->out; o++) {
                    const double *u = filters + (plane % t->groups * t->out + o) * POINTS * t->in;
                    double m[POINTS] = {0}, half[2 * SIDE], r[4];
                    for (int64_t k = 0; k < POINTS * t->in; k++) m[k / t->in] += u[k] * v[k];
                    for (int k = 0; k < SIDE; k++) result_side(m + k, SIDE, half + k, SIDE);
                    for (int k = 0; k < 2; k++) result_side(half + k * SIDE, 1, r + 2 * k, 1);
                    for (int64_t k = 0; k < 4; k++)
                        if (y + k / 2 < t->dst[0] && x + k % 2 < t->dst[1])
                            dst[(plane * t->out + o) * to + (y + k / 2) * t->dst[1] + x + k % 2] += r[k];
                }
            }
    free(filters);
    free(v);
}

/* -- what is expected of a layer -- */

static float *random_of(char name, int64_t n, float scale)
{
    float *data = malloc((size_t)n * sizeof *data);
    net_fill(data, (size_t)n, 5 * 31 + (uint64_t)name, scale);
    return data;
}

static double *expected_y(const layer *l, const outcome *r)
{
    task t = {l->batch,
              l->groups,
              l->in / l->groups,
              l->out / l->groups,
              {l->height, l->width},
              {layer_extent(l, 0), layer_extent(l, 1)},
              {l->before[0], l->before[1]}};
    float *w = random_of('w', layer_weight_count(l), 0.3F), *bias = random_of('b', l->out, 0.2F);
    double *y = calloc((size_t)r->ny, sizeof *y);
    filter_map(&t, r->x, w, y);
    for (int64_t i = 0; i < r->ny; i++) {
        y[i] += (double)bias[i / (t.dst[0] * t.dst[1]) % l->out] + (l->add ? (double)r->x[i] : 0);
        if (l->act[0] && y[i] < 0) y[i] *= l->act[0] == 'L' ? 0.01 : 0;
    }
    free(w);
    free(bias);
    return y;
}

static double *expected_dx(const layer *l, const outcome *r)
{
    task t = {l->batch,
              l->groups,
              l->out / l->groups,
              l->in / l->groups,
              {layer_extent(l, 0), layer_extent(l, 1)},
              {l->height, l->width},
              {2 - l->before[0], 2 - l->before[1]}};
    float *w = random_of('w', layer_weight_count(l), 0.3F),
          *turned = malloc((size_t)layer_weight_count(l) * sizeof *turned);
    float *dy = layer_copy(r->dy, r->ny);
    double *dx = calloc((size_t)r->nx, sizeof *dx);
    for (int64_t k = 0; k < layer_weight_count(l); k++) {
        int64_t tap = k % TAPS, i = k / TAPS % t.out, o = k / TAPS / t.out;
        turned[((o / t.in * t.out + i) * t.in + o % t.in) * TAPS + TAPS - 1 - tap] = w[k];
    }
    for (int64_t i = 0; l->act[0] && i < r->ny; i++)
        if (r->y[i] <= 0) dy[i] *= l->act[0] == 'L' ? 0.01F : 0;
    for (int64_t i = 0; l->add && i < r->nx; i++) dx[i] = (double)dy[i];
    filter_map(&t, dy, turned, dx);
    free(w);
    free(turned);
    free(dy);
    return dx;
}

static void sums_are_exact(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    /* Twice the rounding of a direct convolution (test_int8.c). */
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        layer_check_int8(&layers[i], expected_y, expected_dx, 2, 0.03);
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
        layer_check_nan(&layers[1], NW_PRECISION_INT8, spoilt[i]); /* with a ReLU */
    layer_check_nan_weight(&layers[0], NW_PRECISION_INT8);
}

/* A tile of zeros, and one that is too small to divide by. */
static void every_size_has_its_scale(void **state)
{
    (void)state;
    if (!layer_there()) skip();
    static float src[POINTS * NW_INT8_BLOCK];
    for (int round = 0; round < 2; round++) {
        int8_t values[POINTS * NW_INT8_BLOCK];
        float scales[POINTS];
        int32_t corrections[POINTS];
        nw_int8_source to = {values, scales, corrections};
        nw_int8_place place = {.height = SIDE, .width = SIDE};
        for (int k = 0; round && k < POINTS * NW_INT8_BLOCK; k++) src[k] = 1e-40F;
        memset(values, 1, sizeof values);
        nw_int8_tile_source(src, NULL, &place, 1, NW_INT8_BLOCK, NW_INT8_BLOCK, 1, &to);
        for (int k = 0; k < POINTS; k++) {
            assert_true(scales[k] == 0);
            assert_int_equal(corrections[k], 0);
        }
        for (size_t k = 0; k < sizeof values; k++) assert_int_equal(values[k], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact), cmocka_unit_test(bits_depend_on_nothing_else),
        cmocka_unit_test(what_is_no_number_stays_none), cmocka_unit_test(every_size_has_its_scale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
