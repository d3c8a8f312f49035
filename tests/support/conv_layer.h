/* Convolutions of one layer by kernels of our own: the network, what a program makes of it, and what is
 * needed to do the same anew. */
#ifndef NW_TESTS_CONV_LAYER_H
#define NW_TESTS_CONV_LAYER_H

#include "backend/backend.h"
#include "ops/f32_tile.h"
#include "ops/fast_conv_int8.h"
#include "support/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct layer {
    int64_t in, out, groups, height, width, batch;
    int64_t kernel[2], stride[2], dilation[2], before[2], after[2];
    const char *act; /* "", "Relu", "LeakyRelu" */
    bool add;        /* x is added to the result */
} layer;

static bool layer_few_runs; /* whether programs are for a few runs only */

/* kernel, strides, dilations, padding before and after */
#define LAYER_SAME(k)                                                                                        \
    {k, k}, {1, 1}, {1, 1}, {(k) / 2, (k) / 2},                                                              \
    {                                                                                                        \
        (k) / 2, (k) / 2                                                                                     \
    }
#define LAYER_HALF(k)                                                                                        \
    {k, k}, {2, 2}, {1, 1}, {(k) / 2, (k) / 2},                                                              \
    {                                                                                                        \
        (k) / 2, (k) / 2                                                                                     \
    }
static inline int64_t layer_extent(const layer *l, int i)
{
    int64_t size = i ? l->width : l->height;
    return (size + l->before[i] + l->after[i] - l->dilation[i] * (l->kernel[i] - 1) - 1) / l->stride[i] + 1;
}

static inline int64_t layer_weight_count(const layer *l)
{
    return l->out * l->in / l->groups * l->kernel[0] * l->kernel[1];
}

static inline nw_model *layer_make(const layer *l)
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

static inline const char *layer_result_of(const layer *l)
{
    return l->act[0] ? "y" : l->add ? "s" : "c";
}

typedef struct outcome {
    float *x, *y, *dy, *dx;
    int64_t nx, ny;
    int steps, tiled; /* convolutions by integers, and those of them by minimal filtering */
    int own, plain;   /* and in float32 by kernels of our own, and by those with weights as they are */
} outcome;

static inline void layer_clear(outcome *r)
{
    free(r->x);
    free(r->y);
    free(r->dy);
    free(r->dx);
}

static inline float *layer_copy(const void *data, int64_t n)
{
    float *out = malloc((size_t)n * sizeof *out);
    memcpy(out, data, (size_t)n * sizeof *out);
    return out;
}

/* spoilt: put into one place of x, where it is no number. */
static inline outcome layer_compute(nw_model *model, const layer *l, nw_precision precision, int64_t batch,
                                    int threads, float spoilt)
{
    const char *diffs[] = {"x"};
    nw_program_options options = {.diffs = diffs,
                                  .diff_count = 1,
                                  .batch = batch,
                                  .precision = precision,
                                  .threads = threads,
                                  .few_runs = layer_few_runs};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    float *x = nw_program_input(program, "x", NULL),
          *dy = nw_program_diff_output(program, layer_result_of(l));
    outcome r = {.nx = batch * l->in * l->height * l->width,
                 .ny = batch * l->out * layer_extent(l, 0) * layer_extent(l, 1)};
    for (size_t i = 0; i < nw_program_step_count(program); i++) {
        const char *impl = nw_program_step(program, i).impl;
        r.steps += strncmp(impl, "int8", 4) == 0;
        r.own += strcmp(impl, "narrows avx512") == 0;
        r.plain += strcmp(impl, "plain, narrows avx512") == 0;
        r.tiled += strncmp(impl, "int8, winograd", 14) == 0;
    }
    for (int round = 0; round < 2; round++) { /* nothing of the first may be left in the second */
        net_fill(x, (size_t)r.nx, 3, round ? 1 : 5);
        for (int64_t i = 0; i < r.nx; i++) x[i] *= x[i] * x[i]; /* some large, many small */
        if (!isfinite(spoilt)) x[r.nx / 2] = spoilt;
        net_fill(dy, (size_t)r.ny, 4, 1e-3F);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = layer_copy(nw_program_output(program, layer_result_of(l), NULL), r.ny);
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    r.x = layer_copy(x, r.nx);
    r.dy = layer_copy(dy, r.ny);
    r.dx = layer_copy(nw_program_diff(program, "x", NULL), r.nx);
    nw_program_free(program);
    return r;
}

/* Rounds n floats that lie `step` apart to numbers of -127 to 127 times a common scale. */
static inline void layer_round_row(double *values, int64_t n, int64_t step)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++) most = fmaxf(most, fabsf((float)values[i * step]));
    for (int64_t i = 0; i < n; i++) {
        float q = rintf((float)values[i * step] * (127 / most));
        values[i * step] = most > 0 ? (double)q * (double)(most / 127) : 0;
    }
}

static inline double *layer_widened(const float *from, int64_t n)
{
    double *to = malloc((size_t)n * sizeof *to);
    for (int64_t i = 0; i < n; i++) to[i] = (double)from[i];
    return to;
}

/* The weights ('w') or the bias ('b') that layer_make gives a layer; free. */
static inline double *layer_random(char name, int64_t n, float scale)
{
    float *data = malloc((size_t)n * sizeof *data);
    net_fill(data, (size_t)n, 5 * 31 + (uint64_t)name, scale);
    double *out = layer_widened(data, n);
    free(data);
    return out;
}

/* Every product of the convolution: to y from x, or (backward) to dx from dy. */
static inline void layer_convolve(const layer *l, const double *w, double *x, double *y, bool backward)
{
    int64_t in = l->in / l->groups, out = l->out / l->groups, high = layer_extent(l, 0),
            wide = layer_extent(l, 1);
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

/* Root of the mean square of the difference over that of the values. */
static inline double layer_apart(const float *a, const double *b, int64_t n)
{
    double diff = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        diff += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(diff / size);
}

/* What the layer should give in float32 for the outcome's x, from sums in double; free. */
static inline double *layer_sums(const layer *l, const outcome *r)
{
    int64_t map = layer_extent(l, 0) * layer_extent(l, 1);
    double *w = layer_random('w', layer_weight_count(l), 0.3F), *bias = layer_random('b', l->out, 0.2F);
    double *x = layer_widened(r->x, r->nx), *y = calloc((size_t)r->ny, sizeof *y);
    layer_convolve(l, w, x, y, false);
    for (int64_t k = 0; k < r->ny; k++) {
        y[k] += bias[k / map % l->out] + (l->add ? x[k] : 0);
        if (l->act[0] && y[k] < 0) y[k] *= l->act[0] == 'L' ? 0.01 : 0;
    }
    free(w);
    free(bias);
    free(x);
    return y;
}

static inline bool layer_there_f32(void)
{
    if (nw_f32_available() && nw_backend_block() == NW_F32_BLOCK) return true;
    print_message("this processor has no AVX-512, or oneDNN does not use it: skipped\n");
    return false;
}

static inline bool layer_there(void)
{
    if (nw_int8_conv_available()) return true;
    print_message("this processor has no AVX512_VNNI: skipped\n");
    return false;
}

/* What a layer should give for the outcome's x and dy, with the rounding done anew; free. */
typedef double *layer_expected(const layer *l, const outcome *r);

/* Sums of rounded factors are exact. off: by how much the rounding may put results off, against float32; each
 * factor is off by up to half of 1/127 of the largest in its row, evenly. Behind an activation the gradients
 * also differ where a value changes its sign. tiled: how many steps are minimal filtering. */
static inline void layer_check_int8(const layer *l, layer_expected *expected_y, layer_expected *expected_dx,
                                    int tiled, double off)
{
    nw_model *model = layer_make(l);
    outcome got = layer_compute(model, l, NW_PRECISION_INT8, l->batch, 0, 0);
    outcome plain = layer_compute(model, l, NW_PRECISION_F32, l->batch, 0, 0);
    double *y = expected_y(l, &got), *dx = expected_dx(l, &got);
    double forward = layer_apart(got.y, y, got.ny), backward = layer_apart(got.dx, dx, got.nx);
    print_message("%3d to %3d: against rounded factors %.1e, %.1e; against float32 %.1e, %.1e\n", (int)l->in,
                  (int)l->out, forward, backward, layer_apart(plain.y, y, got.ny),
                  layer_apart(plain.dx, dx, got.nx));
    assert_int_equal(got.steps, 2);
    assert_int_equal(got.tiled, tiled);
    assert_true(forward < 5e-7 && backward < 5e-7);
    assert_true(layer_apart(plain.y, y, got.ny) < off);
    assert_true(l->act[0] || layer_apart(plain.dx, dx, got.nx) < off);
    free(y);
    free(dx);
    layer_clear(&got);
    layer_clear(&plain);
    nw_model_unref(model);
}

/* The same bits for any number of threads, and for an image alone. */
static inline void layer_check_bits(const layer *l, nw_precision precision)
{
    nw_model *model = layer_make(l);
    outcome one = layer_compute(model, l, precision, l->batch, 1, 0);
    static const int counts[] = {2, 3, 5, 16};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        outcome more = layer_compute(model, l, precision, l->batch, counts[k], 0);
        assert_memory_equal(more.y, one.y, (size_t)one.ny * sizeof *one.y);
        assert_memory_equal(more.dx, one.dx, (size_t)one.nx * sizeof *one.dx);
        layer_clear(&more);
    }
    outcome alone = layer_compute(model, l, precision, 1, 0, 0); /* the first image */
    assert_memory_equal(alone.y, one.y, (size_t)alone.ny * sizeof *one.y);
    assert_memory_equal(alone.dx, one.dx, (size_t)alone.nx * sizeof *one.dx);
    layer_clear(&alone);
    layer_clear(&one);
    nw_model_unref(model);
}

/* A pixel that is no number reaches every output at its place, and neither other images nor (a window of
 * up to 3, tiles of 2) places that are three away. */
static inline void layer_check_nan(const layer *l, nw_precision precision, float spoilt)
{
    nw_model *model = layer_make(l);
    outcome got = layer_compute(model, l, precision, l->batch, 0, spoilt);
    int64_t map = l->height * l->width, at = got.nx / 2, group = at / map % l->in / (l->in / l->groups);
    int64_t row = at % map / l->width, column = at % l->width, image = at / map / l->in;
    for (int64_t i = 0; i < got.ny; i++) {
        int64_t y = i % map / l->width, x = i % l->width;
        bool same = i / map / l->out == image && i / map % l->out / (l->out / l->groups) == group;
        if (same && y == row && x == column)
            assert_true(isnan(got.y[i]));
        else if (!same || llabs(y - row) > 2 || llabs(x - column) > 2)
            assert_true(isfinite(got.y[i]));
    }
    layer_clear(&got);
    nw_model_unref(model);
}

/* A weight that is none reaches its output everywhere (where the window is inside), and no other; so its
 * input in the gradient. */
static inline void layer_check_nan_weight(const layer *l, nw_precision precision)
{
    int64_t window = l->kernel[0] * l->kernel[1], in = l->in / l->groups;
    int64_t output = l->out / 2, input = in / 2; /* of the output's group */
    nw_model *model = layer_make(l);
    /* As folding may make one of finite numbers; a file with such a weight is refused. */
    nw_tensor *w = model->graph->values[nw_graph_find(model->graph, "w")].data;
    ((float *)w->data)[(output * in + input) * window + window / 2] = NAN;
    outcome got = layer_compute(model, l, precision, l->batch, 0, 0);
    int64_t map = l->height * l->width, first = output / (l->out / l->groups) * in;
    for (int64_t i = 0; i < got.ny; i++) assert_int_equal(i / map % l->out == output, isnan(got.y[i]));
    for (int64_t i = 0; i < got.nx; i++) assert_int_equal(i / map % l->in == first + input, isnan(got.dx[i]));
    layer_clear(&got);
    nw_model_unref(model);
}

#endif
