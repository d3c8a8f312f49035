/* Batch-norm in training mode: two passes over memory forward, two backward, with the activation and the
 * residual sum that follow in the second. Statistics are gathered row by row in float64 and added up in the
 * order of the rows, so they do not depend on the number of threads. */
#include "ops/norm_training.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/fast_act.h"

#include <math.h>

enum { RUN = 32 }; /* positions that are summed in float32 before float64 takes over */

typedef struct norm {
    nw_loops shape; /* rows: shape.outer * shape.blocks */
    nw_act act;
    float epsilon, momentum;
    nw_buffer *x, *scale, *shift, *mean_in, *variance_in,
        *add;                               /* add: NULL, or what is added before the act */
    nw_buffer *y, *mean_out, *variance_out; /* the last two may be NULL */
    nw_buffer *partial;                     /* float64 [rows][2][block] */
    nw_buffer *saved; /* float32 [4][channels, padded]: mean, rate, and two sums of the backward pass */
    nw_buffer *dy, *dx, *dscale, *dshift; /* backward; dx, dscale, dshift may be NULL */
    bool masked;                          /* dy is still to be multiplied by the derivative of ReLU */
} norm;

static int64_t padded(const norm *s)
{
    return s->shape.blocks * s->shape.block;
}

static float *saved(const norm *s, int k)
{
    return (float *)s->saved->data + k * padded(s);
}

static double *partial(const norm *s, size_t row)
{
    return (double *)s->partial->data + 2 * (int64_t)row * s->shape.block;
}

static const float *row_of(const norm *s, const nw_buffer *buffer, size_t row)
{
    return (const float *)buffer->data + (int64_t)row * s->shape.inner * s->shape.block;
}

static int64_t first_channel(const norm *s, size_t row)
{
    return (int64_t)row % s->shape.blocks * s->shape.block;
}

/* A parameter [channels] for the block that starts at c; padding gets 0. */
static void channels(const norm *s, const nw_buffer *parameter, int64_t c, float values[16])
{
    const float *p = parameter->data;
    for (int64_t b = 0; b < s->shape.block; b++) values[b] = c + b < s->shape.extent ? p[c + b] : 0;
}

/* The means of a row, one a channel of the block, then the squares around them. */
NW_SIMD static void row_moments(const norm *s, size_t row)
{
    const float *x = row_of(s, s->x, row);
    int64_t block = s->shape.block, inner = s->shape.inner;
    double mean[16] = {0}, square[16] = {0}, *out = partial(s, row);
    for (int pass = 0; pass < 2; pass++) {
        double *total = pass ? square : mean;
        float centre[16] = {0};
        for (int b = 0; b < block && pass; b++) centre[b] = (float)mean[b];
        for (int64_t i = 0; i < inner; i += RUN) {
            int64_t end = i + RUN < inner ? i + RUN : inner;
            float sum[16] = {0};
            if (block == 16 && pass == 0) {
                for (int64_t k = i; k < end; k++)
#pragma omp simd
                    for (int b = 0; b < 16; b++) sum[b] += x[k * 16 + b];
            } else if (block == 16) {
                for (int64_t k = i; k < end; k++)
#pragma omp simd
                    for (int b = 0; b < 16; b++) {
                        float d = x[k * 16 + b] - centre[b];
                        sum[b] += d * d;
                    }
            } else {
                for (int64_t k = i; k < end; k++)
                    for (int64_t b = 0; b < block; b++) {
                        float d = x[k * block + b] - centre[b];
                        sum[b] += pass ? d * d : d;
                    }
            }
            for (int64_t b = 0; b < block; b++) total[b] += (double)sum[b];
        }
        /* The squares are taken around the mean as rounded; what that shifts is put right below. */
        for (int64_t b = 0; b < block && !pass; b++) mean[b] /= (double)inner;
    }
    for (int64_t b = 0; b < block; b++) {
        double off = mean[b] - (double)(float)mean[b];
        out[b] = mean[b];
        out[block + b] = square[b] - off * off * (double)inner;
    }
}

static void moments_rows(void *context, size_t begin, size_t end)
{
    for (size_t row = begin; row < end; row++) row_moments(context, row);
}

/* Chan, Golub and LeVeque's update (Am Stat 37:242, 1983, equation 2.1) of rows of equal length. */
static void combine(const norm *s)
{
    int64_t block = s->shape.block;
    for (int64_t c = 0; c < s->shape.extent; c++) {
        double mean = 0, square = 0;
        for (int64_t n = 0; n < s->shape.outer; n++) {
            const double *p = partial(s, (size_t)(n * s->shape.blocks + c / block)) + c % block;
            double delta = p[0] - mean;
            mean += delta / (double)(n + 1);
            square += p[block] + delta * delta * (double)s->shape.inner * (double)n / (double)(n + 1);
        }
        double variance = square / ((double)s->shape.outer * (double)s->shape.inner);
        variance = variance > 0 ? variance : variance < 0 ? 0 : variance; /* NaN stays */
        saved(s, 0)[c] = (float)mean;
        saved(s, 1)[c] = (float)(1 / sqrt(variance + (double)s->epsilon));
        double keep = (double)s->momentum;
        if (s->mean_out)
            ((float *)s->mean_out->data)[c] =
                (float)((double)((const float *)s->mean_in->data)[c] * keep + mean * (1 - keep));
        if (s->variance_out)
            ((float *)s->variance_out->data)[c] =
                (float)((double)((const float *)s->variance_in->data)[c] * keep + variance * (1 - keep));
    }
    for (int64_t c = s->shape.extent; c < padded(s); c++) saved(s, 0)[c] = saved(s, 1)[c] = 0;
}

/* y = (x - mean) factor + shift with factor = scale rate; both for a block of channels. */
static void coefficients(const norm *s, int64_t c, float factor[16], float mean[16], float shift[16])
{
    float scale[16];
    channels(s, s->scale, c, scale);
    channels(s, s->shift, c, shift);
    for (int64_t b = 0; b < s->shape.block; b++) {
        mean[b] = saved(s, 0)[c + b];
        factor[b] = scale[b] * saved(s, 1)[c + b];
    }
}

NW_SIMD static void normalise(void *context, size_t begin, size_t end)
{
    const norm *s = context;
    int64_t block = s->shape.block, length = s->shape.inner * block;
    for (size_t row = begin; row < end; row++) {
        const float *restrict x = row_of(s, s->x, row), *restrict add =
                                                            s->add ? row_of(s, s->add, row) : NULL;
        float *restrict y = (float *)s->y->data + (int64_t)row * length;
        float factor[16], mean[16], shift[16];
        coefficients(s, first_channel(s, row), factor, mean, shift);
        if (block == 16 && add) {
            for (int64_t i = 0; i < length; i += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++)
                    y[i + b] = (x[i + b] - mean[b]) * factor[b] + shift[b] + add[i + b];
        } else if (block == 16) {
            for (int64_t i = 0; i < length; i += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++) y[i + b] = (x[i + b] - mean[b]) * factor[b] + shift[b];
        } else if (block == 1) {
            for (int64_t i = 0; i < length; i++)
                y[i] = (x[i] - mean[0]) * factor[0] + shift[0] + (add ? add[i] : 0);
        } else {
            for (int64_t i = 0; i < length; i += block)
                for (int64_t b = 0; b < block; b++)
                    y[i + b] = (x[i + b] - mean[b]) * factor[b] + shift[b] + (add ? add[i + b] : 0);
        }
        nw_act_row(&s->act, y, length);
    }
}

static size_t chunk(const norm *s)
{
    size_t each = (size_t)(s->shape.inner * s->shape.block);
    return each && each < 16384 ? 16384 / each : 1;
}

static nw_status run_forward(void *state, nw_error *err)
{
    (void)err;
    norm *s = state;
    size_t rows = (size_t)(s->shape.outer * s->shape.blocks);
    nw_parallel(rows, chunk(s), moments_rows, s);
    combine(s);
    nw_parallel(rows, chunk(s), normalise, s);
    return NW_OK;
}

/* d y times the derivative of ReLU, which follows from x: READ is an element's d y. */
#define MASKED(I, B) ((x[I] - mean[B]) * factor[B] + shift[B] > 0 ? dy[I] : 0)

NW_SIMD static void row_sums(const norm *s, size_t row)
{
    const float *x = row_of(s, s->x, row), *dy = row_of(s, s->dy, row);
    int64_t block = s->shape.block, inner = s->shape.inner;
    float factor[16], mean[16], shift[16];
    double *out = partial(s, row);
    coefficients(s, first_channel(s, row), factor, mean, shift);
    for (int64_t b = 0; b < 2 * block; b++) out[b] = 0;
    for (int64_t i = 0; i < inner; i += RUN) {
        int64_t end = i + RUN < inner ? i + RUN : inner;
        float sum[16] = {0}, sum_x[16] = {0};
        if (block == 16 && s->masked) {
            for (int64_t k = i * 16; k < end * 16; k += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++) {
                    float d = MASKED(k + b, b);
                    sum[b] += d;
                    sum_x[b] += d * (x[k + b] - mean[b]);
                }
        } else if (block == 16) {
            for (int64_t k = i * 16; k < end * 16; k += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++) {
                    sum[b] += dy[k + b];
                    sum_x[b] += dy[k + b] * (x[k + b] - mean[b]);
                }
        } else {
            for (int64_t k = i * block; k < end * block; k += block)
                for (int64_t b = 0; b < block; b++) {
                    float d = s->masked ? MASKED(k + b, b) : dy[k + b];
                    sum[b] += d;
                    sum_x[b] += d * (x[k + b] - mean[b]);
                }
        }
        for (int64_t b = 0; b < block; b++) {
            out[b] += (double)sum[b];
            out[block + b] += (double)sum_x[b];
        }
    }
}

static void sums_rows(void *context, size_t begin, size_t end)
{
    for (size_t row = begin; row < end; row++) row_sums(context, row);
}

/* d scale and d shift, and for the second pass the means of d y and of d y x^, the latter times the rate. */
static void combine_sums(const norm *s)
{
    int64_t block = s->shape.block;
    double count = (double)s->shape.outer * (double)s->shape.inner;
    for (int64_t c = 0; c < padded(s); c++) {
        double sum = 0, sum_x = 0, rate = (double)saved(s, 1)[c];
        for (int64_t n = 0; n < s->shape.outer; n++) {
            const double *p = partial(s, (size_t)(n * s->shape.blocks + c / block)) + c % block;
            sum += p[0];
            sum_x += p[block];
        }
        saved(s, 2)[c] = (float)(sum / count);
        saved(s, 3)[c] = (float)(sum_x * rate * rate / count);
        if (c >= s->shape.extent) continue;
        if (s->dshift) ((float *)s->dshift->data)[c] = (float)sum;
        if (s->dscale) ((float *)s->dscale->data)[c] = (float)(sum_x * rate);
    }
}

NW_SIMD static void differentiate(void *context, size_t begin, size_t end)
{
    const norm *s = context;
    int64_t block = s->shape.block, length = s->shape.inner * block;
    for (size_t row = begin; row < end; row++) {
        const float *restrict x = row_of(s, s->x, row), *restrict dy = row_of(s, s->dy, row);
        float *restrict dx = (float *)s->dx->data + (int64_t)row * length;
        int64_t c = first_channel(s, row);
        float factor[16], mean[16], shift[16], m[16], mx[16];
        coefficients(s, c, factor, mean, shift);
        for (int64_t b = 0; b < block; b++) {
            m[b] = saved(s, 2)[c + b];
            mx[b] = saved(s, 3)[c + b];
        }
        if (block == 16 && s->masked) {
            for (int64_t i = 0; i < length; i += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++)
                    dx[i + b] = factor[b] * (MASKED(i + b, b) - m[b] - (x[i + b] - mean[b]) * mx[b]);
        } else if (block == 16) {
            for (int64_t i = 0; i < length; i += 16)
#pragma omp simd
                for (int b = 0; b < 16; b++)
                    dx[i + b] = factor[b] * (dy[i + b] - m[b] - (x[i + b] - mean[b]) * mx[b]);
        } else {
            for (int64_t i = 0; i < length; i += block)
                for (int64_t b = 0; b < block; b++) {
                    float d = s->masked ? MASKED(i + b, b) : dy[i + b];
                    dx[i + b] = factor[b] * (d - m[b] - (x[i + b] - mean[b]) * mx[b]);
                }
        }
    }
}

static nw_status run_backward(void *state, nw_error *err)
{
    (void)err;
    norm *s = state;
    size_t rows = (size_t)(s->shape.outer * s->shape.blocks);
    nw_parallel(rows, chunk(s), sums_rows, s);
    combine_sums(s);
    if (s->dx) nw_parallel(rows, chunk(s), differentiate, s);
    return NW_OK;
}

static nw_status parameter(nw_plan *plan, const nw_node *node, int i, nw_buffer **out, nw_error *err)
{
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, i));
    return nw_plan_src(plan, node->inputs[i], &plain, out, err);
}

static nw_status common(nw_plan *plan, const nw_node *node, const nw_layout *layout, norm *s, nw_error *err)
{
    *s = (norm){.shape = nw_layout_loops(layout, 1),
                .act = node->act,
                .epsilon = nw_node_float(node, "epsilon", 1e-5F),
                .momentum = nw_node_float(node, "momentum", 0.9F)};
    NW_TRY(nw_plan_src(plan, node->inputs[0], layout, &s->x, err));
    NW_TRY(parameter(plan, node, 1, &s->scale, err));
    NW_TRY(parameter(plan, node, 2, &s->shift, err));
    size_t rows = (size_t)(s->shape.outer * s->shape.blocks);
    return nw_plan_scratch(plan, rows * 2 * (size_t)s->shape.block * sizeof(double), &s->partial, err);
}

static nw_status add_step(nw_plan *plan, const norm *what, bool backward, nw_error *err)
{
    norm *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = *what;
    nw_step step = {
        .kind = "norm", .impl = "narrows", .state = s, .run = backward ? run_backward : run_forward};
    nw_buffer *reads[] = {s->x, s->scale, s->shift, s->mean_in, s->variance_in, s->add, s->dy, s->saved};
    nw_buffer *writes[] = {s->y, s->mean_out, s->variance_out, s->partial, s->dx, s->dscale, s->dshift};
    int r = 0, w = 0;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        if (reads[i]) step.reads[r++] = reads[i];
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        if (writes[i]) step.writes[w++] = writes[i];
    return nw_plan_step(plan, &step, err);
}

static nw_status forward(nw_plan *plan, const nw_node *node, const nw_layout *layout, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    norm s;
    NW_TRY(common(plan, node, layout, &s, err));
    NW_TRY(nw_plan_scratch(plan, 4 * (size_t)padded(&s) * sizeof(float), &s.saved, err));
    if (node->fused_add) NW_TRY(nw_plan_src(plan, node->inputs[node->input_count - 1], layout, &s.add, err));
    NW_TRY(nw_plan_dst(plan, node->outputs[0], layout, &s.y, err));
    for (int k = 1; k < 3 && k < node->output_count; k++) {
        if (node->outputs[k] < 0) continue;
        nw_layout plain = nw_layout_plain(NW_F32, nw_out_shape(graph, node, k));
        NW_TRY(parameter(plan, node, 2 + k, k == 1 ? &s.mean_in : &s.variance_in, err));
        NW_TRY(nw_plan_dst(plan, node->outputs[k], &plain, k == 1 ? &s.mean_out : &s.variance_out, err));
    }
    NW_TRY(add_step(plan, &s, false, err));
    nw_plan_leave(plan, s.saved);
    return NW_OK;
}

static nw_status backward(nw_plan *plan, const nw_node *node, const nw_layout *layout, nw_error *err)
{
    norm s;
    NW_TRY(common(plan, node, layout, &s, err));
    s.saved = nw_plan_left(plan);
    int added = node->fused_add ? node->inputs[node->input_count - 1] : -1;
    s.masked = node->act.kind == NW_ACT_RELU && added < 0;
    if (s.masked)
        NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], layout, &s.dy, err));
    else
        NW_TRY(nw_plan_diff_act(plan, node->outputs[0], &node->act, layout, &s.dy, err));
    if (nw_plan_wants_diff(plan, added)) NW_TRY(nw_plan_add_diff(plan, added, s.dy, err));
    if (nw_plan_wants_diff(plan, node->inputs[0]))
        NW_TRY(nw_plan_diff_src(plan, node->inputs[0], layout, &s.dx, err));
    for (int i = 1; i < 3; i++) {
        nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, i));
        if (nw_plan_wants_diff(plan, node->inputs[i]))
            NW_TRY(nw_plan_diff_src(plan, node->inputs[i], &plain, i == 1 ? &s.dscale : &s.dshift, err));
    }
    return add_step(plan, &s, true, err);
}

nw_status nw_fast_norm_training(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    layout.dtype = NW_F32;
    if (layout.block > 1 && layout.axis != 1) layout = nw_layout_plain(NW_F32, &layout.shape);
    if (!nw_count(&layout.shape) || layout.block > 16) {
        *declined = true;
        return NW_OK;
    }
    return nw_plan_phase(plan) == NW_PHASE_FORWARD ? forward(plan, node, &layout, err)
                                                   : backward(plan, node, &layout, err);
}
