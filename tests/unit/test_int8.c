/* Convolutions by 8-bit integers: against the same rounding of factors done anew here, with sums in double;
 * strides, groups, dilations, padding of any kind, outputs that do not fill a strip, and what such a program
 * must keep: the same bits for any number of threads and other images, and no NaN hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/fast_conv_int8.h"
#include "ops/int8_tile.h"
#include "support/network.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct layer {
    int64_t in, out, groups, height, width, batch;
    int64_t kernel[2], stride[2], dilation[2], before[2], after[2];
    const char *act; /* "", "Relu", "LeakyRelu" */
    bool add;        /* x is added to the result */
} layer;

/* kernel, strides, dilations, padding before and after */
#define SAME(k)                                                                                              \
    {k, k}, {1, 1}, {1, 1}, {(k) / 2, (k) / 2},                                                              \
    {                                                                                                        \
        (k) / 2, (k) / 2                                                                                     \
    }
#define HALF(k)                                                                                              \
    {k, k}, {2, 2}, {1, 1}, {(k) / 2, (k) / 2},                                                              \
    {                                                                                                        \
        (k) / 2, (k) / 2                                                                                     \
    }
static const layer layers[] = {
    {64, 64, 1, 9, 11, 2, SAME(1), "", false},
    {256, 144, 1, 14, 14, 3, SAME(1), "Relu", false}, /* nine vectors: two strips and a quarter */
    {16, 16, 1, 1, 1, 1, SAME(1), "Relu", true},
    {48, 512, 1, 28, 28, 1, SAME(1), "Relu", false},
    {32, 48, 1, 7, 7, 2, SAME(3), "Relu", false},
    {64, 64, 1, 16, 15, 3, SAME(3), "Relu", true},
    {64, 128, 2, 16, 13, 2, SAME(3), "LeakyRelu", false},
    {64, 64, 4, 12, 12, 1, SAME(3), "LeakyRelu", true},
    {32, 32, 1, 15, 15, 2, HALF(3), "Relu", false},
    {32, 64, 1, 16, 16, 2, HALF(1), "", false},
    {32, 64, 1, 3, 1, 2, HALF(3), "", false},
    {16, 80, 1, 20, 20, 1, SAME(7), "Relu", false},
    {32, 32, 1, 18, 17, 1, {3, 3}, {1, 1}, {3, 2}, {3, 2}, {3, 2}, "Relu", false},
    {32, 32, 1, 18, 17, 1, {2, 3}, {3, 1}, {1, 1}, {0, 2}, {1, 0}, "", false},
    {32, 32, 1, 5, 6, 1, {1, 1}, {1, 1}, {1, 1}, {1, 2}, {2, 0}, "Relu", false}, /* the frame reads nothing */
    {32, 32, 1, 4, 4, 1, {3, 3}, {4, 4}, {1, 1}, {1, 1}, {1, 1}, "", false},
    /* As many results as pixels, and other ones. */
    {32, 32, 1, 4, 4, 1, {1, 1}, {2, 2}, {1, 1}, {0, 0}, {3, 3}, "", false},
    {32, 32, 1, 8, 4, 1, {1, 1}, {2, 1}, {1, 1}, {0, 0}, {0, 4}, "", false},
};

static int64_t extent(const layer *l, int i)
{
    int64_t size = i ? l->width : l->height;
    return (size + l->before[i] + l->after[i] - l->dilation[i] * (l->kernel[i] - 1) - 1) / l->stride[i] + 1;
}

static int64_t weight_count(const layer *l)
{
    return l->out * l->in / l->groups * l->kernel[0] * l->kernel[1];
}

static nw_model *make(const layer *l)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, l->in, l->height, l->width});
    net_weights(&m, "w", 4, (int64_t[]){l->out, l->in / l->groups, l->kernel[0], l->kernel[1]}, 0.3F, 0);
    net_weights(&m, "b", 1, (int64_t[]){l->out}, 0.2F, 0);
    const char *last = "c";
    ow_node(&m, "Conv", "", "x w b", "c");
    ow_attr_ints(&m, "strides", 2, l->stride);
    ow_attr_ints(&m, "dilations", 2, l->dilation);
    ow_attr_ints(&m, "pads", 4, (int64_t[]){l->before[0], l->before[1], l->after[0], l->after[1]});
    ow_attr_int(&m, "group", l->groups);
    if (l->add) {
        ow_node(&m, "Add", "", "x c", "s");
        last = "s";
    }
    if (l->act[0]) {
        ow_node(&m, l->act, "", last, "y");
        last = "y";
    }
    ow_output(&m, last);
    return net_load(&m);
}

static const char *result_of(const layer *l)
{
    return l->act[0] ? "y" : l->add ? "s" : "c";
}

typedef struct outcome {
    float *x, *y, *dy, *dx;
    int64_t nx, ny;
    int steps; /* convolutions by integers */
} outcome;

static void clear(outcome *r)
{
    free(r->x);
    free(r->y);
    free(r->dy);
    free(r->dx);
}

static float *copy(const void *data, int64_t n)
{
    float *out = malloc((size_t)n * sizeof *out);
    memcpy(out, data, (size_t)n * sizeof *out);
    return out;
}

/* spoilt: put into one place of x, where it is no number. */
static outcome compute(nw_model *model, const layer *l, nw_precision precision, int64_t batch, int threads,
                       float spoilt)
{
    const char *diffs[] = {"x"};
    nw_program_options options = {
        .diffs = diffs, .diff_count = 1, .batch = batch, .precision = precision, .threads = threads};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    float *x = nw_program_input(program, "x", NULL), *dy = nw_program_diff_output(program, result_of(l));
    outcome r = {.nx = batch * l->in * l->height * l->width,
                 .ny = batch * l->out * extent(l, 0) * extent(l, 1)};
    for (size_t i = 0; i < nw_program_step_count(program); i++)
        r.steps += strncmp(nw_program_step(program, i).impl, "int8", 4) == 0;
    for (int round = 0; round < 2; round++) { /* nothing of the first may be left in the second */
        net_fill(x, (size_t)r.nx, 3, round ? 1 : 5);
        for (int64_t i = 0; i < r.nx; i++) x[i] *= x[i] * x[i]; /* some large, many small */
        if (!isfinite(spoilt)) x[r.nx / 2] = spoilt;
        net_fill(dy, (size_t)r.ny, 4, 1e-3F);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = copy(nw_program_output(program, result_of(l), NULL), r.ny);
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    r.x = copy(x, r.nx);
    r.dy = copy(dy, r.ny);
    r.dx = copy(nw_program_diff(program, "x", NULL), r.nx);
    nw_program_free(program);
    return r;
}

/* -- the same anew: factors rounded, everything else in double -- */

/* Rounds n floats that lie `step` apart to numbers of -127 to 127 times a common scale. */
static void round_row(double *values, int64_t n, int64_t step)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++) most = fmaxf(most, fabsf((float)values[i * step]));
    for (int64_t i = 0; i < n; i++) {
        float q = rintf((float)values[i * step] * (127 / most));
        values[i * step] = most > 0 ? (double)q * (double)(most / 127) : 0;
    }
}

/* [N, channels, map], each pixel of each group for itself. */
static void round_pixels(double *values, int64_t images, int64_t groups, int64_t channels, int64_t map)
{
    for (int64_t plane = 0; plane < images * groups; plane++)
        for (int64_t p = 0; p < map; p++)
            round_row(values + plane * channels / groups * map + p, channels / groups, map);
}

static double *widened(const float *from, int64_t n)
{
    double *to = malloc((size_t)n * sizeof *to);
    for (int64_t i = 0; i < n; i++) to[i] = (double)from[i];
    return to;
}

/* Weights [out][in / groups][window], rounded for each output, or for each input (backward). */
static double *weights_of(const layer *l, bool backward)
{
    int64_t n = weight_count(l), window = l->kernel[0] * l->kernel[1], in = l->in / l->groups;
    float *plain = malloc((size_t)n * sizeof *plain);
    net_fill(plain, (size_t)n, 5 * 31 + 'w', 0.3F);
    double *w = widened(plain, n);
    free(plain);
    if (!backward) {
        for (int64_t o = 0; o < l->out; o++) round_row(w + o * in * window, in * window, 1);
        return w;
    }
    int64_t out = l->out / l->groups;
    double *row = malloc((size_t)(out * window) * sizeof *row);
    for (int64_t i = 0; i < l->in; i++) {
        double *first = w + (i / in * out * in + i % in) * window;
        for (int64_t k = 0; k < out * window; k++) row[k] = first[k / window * in * window + k % window];
        round_row(row, out * window, 1);
        for (int64_t k = 0; k < out * window; k++) first[k / window * in * window + k % window] = row[k];
    }
    free(row);
    return w;
}

/* Every product of the convolution: to y from x, or (backward) to dx from dy. */
static void convolve(const layer *l, const double *w, double *x, double *y, bool backward)
{
    int64_t in = l->in / l->groups, out = l->out / l->groups, high = extent(l, 0), wide = extent(l, 1);
    for (int64_t at = 0; at < l->batch * l->out * high * wide; at++) {
        int64_t column = at % wide, row = at / wide % high, o = at / wide / high % l->out,
                n = at / wide / high / l->out;
        for (int64_t k = 0; k < in * l->kernel[0] * l->kernel[1]; k++) {
            int64_t kx = k % l->kernel[1], ky = k / l->kernel[1] % l->kernel[0],
                    i = k / l->kernel[1] / l->kernel[0];
            int64_t sy = row * l->stride[0] + ky * l->dilation[0] - l->before[0],
                    sx = column * l->stride[1] + kx * l->dilation[1] - l->before[1];
            if (sy < 0 || sy >= l->height || sx < 0 || sx >= l->width) continue;
            int64_t from = ((n * l->in + o / out * in + i) * l->height + sy) * l->width + sx;
            double weight = w[o * in * l->kernel[0] * l->kernel[1] + k];
            if (backward)
                x[from] += weight * y[at];
            else
                y[at] += weight * x[from];
        }
    }
}

static double *expected_y(const layer *l, const outcome *r)
{
    double *x = widened(r->x, r->nx), *w = weights_of(l, false), *y = calloc((size_t)r->ny, sizeof *y);
    int64_t map = extent(l, 0) * extent(l, 1);
    float *bias = malloc((size_t)l->out * sizeof *bias);
    net_fill(bias, (size_t)l->out, 5 * 31 + 'b', 0.2F);
    round_pixels(x, l->batch, l->groups, l->in, l->height * l->width);
    convolve(l, w, x, y, false);
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
    double *dy = widened(r->dy, r->ny), *w = weights_of(l, true), *dx = calloc((size_t)r->nx, sizeof *dx);
    for (int64_t i = 0; l->act[0] && i < r->ny; i++)
        if (r->y[i] <= 0) dy[i] = l->act[0] == 'L' ? (double)((float)dy[i] * 0.01F) : 0;
    for (int64_t i = 0; l->add && i < r->nx; i++) dx[i] = dy[i];
    round_pixels(dy, l->batch, l->groups, l->out, extent(l, 0) * extent(l, 1));
    convolve(l, w, dx, dy, true);
    free(dy);
    free(w);
    return dx;
}

/* Root of the mean square of the difference over that of the values. */
static double apart(const float *a, const double *b, int64_t n)
{
    double diff = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        diff += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(diff / size);
}

static bool there(void)
{
    if (nw_int8_conv_available()) return true;
    print_message("this processor has no AVX512_VNNI: skipped\n");
    return false;
}

static void sums_are_exact(void **state)
{
    (void)state;
    if (!there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = make(l);
        outcome got = compute(model, l, NW_PRECISION_INT8, l->batch, 0, 0);
        double *y = expected_y(l, &got), *dx = expected_dx(l, &got);
        double forward = apart(got.y, y, got.ny), backward = apart(got.dx, dx, got.nx);
        outcome plain = compute(model, l, NW_PRECISION_F32, l->batch, 0, 0);
        print_message("%2zu: against rounded factors %.1e, %.1e; against float32 %.1e, %.1e\n", i, forward,
                      backward, apart(plain.y, y, got.ny), apart(plain.dx, dx, got.nx));
        assert_int_equal(got.steps, 2);
        assert_true(forward < 5e-7 && backward < 5e-7);
        /* Each factor is off by up to half of 1/127 of the largest in its row, evenly. Behind an activation
         * the gradients also differ where a value changes its sign. */
        assert_true(apart(plain.y, y, got.ny) < 0.02);
        assert_true(l->act[0] || apart(plain.dx, dx, got.nx) < 0.02);
        free(y);
        free(dx);
        clear(&got);
        clear(&plain);
        nw_model_unref(model);
    }
}

static void bits_depend_on_nothing_else(void **state)
{
    (void)state;
    if (!there()) skip();
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = make(l);
        outcome one = compute(model, l, NW_PRECISION_INT8, l->batch, 1, 0);
        static const int counts[] = {2, 3, 5, 16};
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            outcome more = compute(model, l, NW_PRECISION_INT8, l->batch, counts[k], 0);
            assert_memory_equal(more.y, one.y, (size_t)one.ny * sizeof *one.y);
            assert_memory_equal(more.dx, one.dx, (size_t)one.nx * sizeof *one.dx);
            clear(&more);
        }
        outcome alone = compute(model, l, NW_PRECISION_INT8, 1, 0, 0); /* the first image */
        assert_memory_equal(alone.y, one.y, (size_t)alone.ny * sizeof *one.y);
        assert_memory_equal(alone.dx, one.dx, (size_t)alone.nx * sizeof *one.dx);
        clear(&alone);
        clear(&one);
        nw_model_unref(model);
    }
}

static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    if (!there()) skip();
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        const layer *l = &layers[4]; /* 3x3, ReLU */
        nw_model *model = make(l);
        outcome got = compute(model, l, NW_PRECISION_INT8, l->batch, 0, spoilt[i]);
        int64_t map = l->height * l->width, pixel = got.nx / 2 % map, image = got.nx / 2 / map / l->in;
        for (int64_t o = 0; o < l->out; o++) assert_true(isnan(got.y[(image * l->out + o) * map + pixel]));
        clear(&got);
        nw_model_unref(model);
    }
}

/* Pixels whose values are all zero, so small that nothing can be divided by them, as large as a float can be,
 * or one of them infinite. */
static void every_size_has_its_scale(void **state)
{
    (void)state;
    if (!there()) skip();
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
