/* A convolution with strides as sums over channels (f32_tile.h), a row of results and a tap of the window
 * after the other. A unit of work is some rows and up to 64 outputs; it takes up to 128 channels at a time,
 * whose weights of a tap stay in the first cache. Units go to whichever thread is free.
 *
 * Each result is the same sum in the same order whatever units there are, so bits depend neither on the
 * number of threads nor on the other images. */
#include "ops/fast_conv_rows.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/f32_tile.h"
#include "ops/fast_conv.h"

#include <string.h>

enum {
    BLOCK = NW_F32_BLOCK,
    STRIP = NW_F32_BLOCK * NW_F32_VECTORS,
    CHANNELS = 128, /* of a group, at a time: weights of 32 KiB */
    PIXELS = 96     /* of a unit, or one row */
};

typedef struct rows_conv {
    nw_conv_desc conv;
    int64_t in, out, taps;       /* in, out: channels of a group */
    int64_t strips, rows, parts; /* of a group's outputs; of a unit, and into how many an image is cut */
    bool rows_first;             /* in which order units are worked off */
    nw_tensor *made;
    nw_buffer *src, *weights, *bias, *add, *dst;
} rows_conv;

bool nw_rows_conv_fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    if (conv->src.rank != 4 || conv->bf16 || (conv->strides[0] == 1 && conv->strides[1] == 1)) return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    return nw_f32_available() && nw_backend_block() == BLOCK && in % BLOCK == 0 && out % BLOCK == 0;
}

static void release(void *state)
{
    rows_conv *r = state;
    nw_tensor_unref(r->made);
    nw_free(r);
}

/* -- weights -- */

typedef struct packing {
    const rows_conv *r;
    const float *src;
    float *dst;
} packing;

/* Strips [begin, end) of all groups: [taps][channels][outputs of the strip]. */
static void pack(void *context, size_t begin, size_t end)
{
    const packing *p = context;
    const rows_conv *r = p->r;
    for (int64_t all = (int64_t)begin; all < (int64_t)end; all++) {
        int64_t first = all % r->strips * STRIP, output = all / r->strips * r->out + first;
        int64_t outputs = r->out - first < STRIP ? r->out - first : STRIP;
        const float *src = p->src + output * r->in * r->taps;
        float *dst = p->dst + output * r->in * r->taps;
        for (int64_t t = 0; t < r->taps; t++)
            for (int64_t i = 0; i < r->in; i++)
                for (int64_t o = 0; o < outputs; o++) *dst++ = src[(o * r->in + i) * r->taps + t];
    }
}

/* Once for all programs of a model. */
static nw_status pack_weights(nw_plan *plan, rows_conv *r, nw_tensor *plain, nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {plain}, *made[NW_FOLD_MADE] = {NULL};
    float key = nw_fast_conv_key(NW_MADE_ROWS, r->conv.groups, false);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape shape = {.rank = 1, .dims = {plain->count}};
        NW_TRY(nw_tensor_new_uninitialised(NW_F32, &shape, &made[0], err));
        packing p = {r, plain->data, made[0]->data};
        nw_parallel((size_t)(r->conv.groups * r->strips), 1, pack, &p);
        made[1] = nw_tensor_ref(made[0]);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    nw_tensor_unref(made[1]);
    r->made = made[0];
    return NW_OK;
}

/* -- the step -- */

/* Some rows of up to 64 outputs: [vectors][...][16], each vector `floats` long, `step` floats apart. */
typedef struct results {
    float *dst;
    const float *bias, *add;
    int64_t vectors, floats, step;
    bool relu;
} results;

/* What sums begin with. */
NW_SIMD static void begin_with(const results *r)
{
    for (int64_t v = 0; v < r->vectors; v++) {
        float *dst = r->dst + v * r->step;
        const float *add = r->add ? r->add + v * r->step : NULL;
        float bias[BLOCK] = {0};
        if (r->bias) memcpy(bias, r->bias + v * BLOCK, sizeof bias);
        for (int64_t i = 0; i < r->floats; i += BLOCK)
            for (int b = 0; b < BLOCK; b++) dst[i + b] = add ? add[i + b] + bias[b] : bias[b];
    }
}

NW_SIMD static void end_with(const results *r)
{
    for (int64_t v = 0; r->relu && v < r->vectors; v++) {
        float *dst = r->dst + v * r->step;
        for (int64_t i = 0; i < r->floats; i++) dst[i] = dst[i] < 0 ? 0 : dst[i]; /* a NaN stays one */
    }
}

/* The results [*first, *last) of `count` that a tap at `offset` reaches: 0 <= i * stride + offset < size. */
static void reached(int64_t count, int64_t stride, int64_t offset, int64_t size, int64_t *first,
                    int64_t *last)
{
    *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *last = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    if (*last > count) *last = count;
}

/* Adds tap (y, x) of channels [c, c + s->channels) to rows [begin, end). src: the image's group. */
static void add_tap(const rows_conv *r, nw_f32_strip *s, const float *src, float *dst, int64_t tap, int64_t c,
                    int64_t begin, int64_t end, int vectors)
{
    const nw_conv_desc *d = &r->conv;
    int64_t height = d->src.dims[2], width = d->src.dims[3], wide = d->dst.dims[3], first, last, top, bottom;
    int64_t y = tap / d->weights.dims[3] * d->dilations[0] - d->pads_begin[0];
    int64_t x = tap % d->weights.dims[3] * d->dilations[1] - d->pads_begin[1];
    reached(d->dst.dims[2], d->strides[0], y, height, &top, &bottom);
    reached(wide, d->strides[1], x, width, &first, &last);
    if (top < begin) top = begin;
    if (bottom > end) bottom = end;
    s->pixels = last - first;
    if (s->pixels <= 0) return;
    for (int64_t row = top; row < bottom; row++) {
        int64_t from = (row * d->strides[0] + y) * width + first * d->strides[1] + x;
        s->src = src + c * height * width + from * BLOCK;
        s->dst = dst + ((row - begin) * wide + first) * BLOCK;
        nw_f32_multiply(s, vectors);
    }
}

static void run_unit(const rows_conv *r, int64_t image, int64_t group, int64_t output, int64_t part)
{
    const nw_conv_desc *d = &r->conv;
    int64_t begin = part * r->rows, end = begin + r->rows, high = d->dst.dims[2], wide = d->dst.dims[3];
    if (end > high) end = high;
    int64_t outputs = r->out - output < STRIP ? r->out - output : STRIP, plane = image * d->groups + group;
    int64_t at = (plane * r->out + output) * high * wide + begin * wide * BLOCK;
    const float *src = (const float *)r->src->data + plane * r->in * d->src.dims[2] * d->src.dims[3];
    const float *weights = (const float *)r->weights->data + (group * r->out + output) * r->in * r->taps;
    results to = {.dst = (float *)r->dst->data + at,
                  .bias = r->bias ? (const float *)r->bias->data + group * r->out + output : NULL,
                  .add = r->add ? (const float *)r->add->data + at : NULL,
                  .vectors = outputs / BLOCK,
                  .floats = (end - begin) * wide * BLOCK,
                  .step = high * wide * BLOCK,
                  .relu = d->act.kind == NW_ACT_RELU};
    nw_f32_strip s = {.src_step = d->strides[1] * BLOCK,
                      .src_block = d->src.dims[2] * d->src.dims[3] * BLOCK,
                      .dst_step = BLOCK,
                      .dst_block = to.step};
    begin_with(&to);
    for (int64_t c = 0; c < r->in; c += CHANNELS) {
        s.channels = r->in - c < CHANNELS ? r->in - c : CHANNELS;
        for (int64_t t = 0; t < r->taps; t++) {
            s.weights = weights + (t * r->in + c) * outputs;
            add_tap(r, &s, src, to.dst, t, c, begin, end, (int)to.vectors);
        }
    }
    end_with(&to);
}

/* Consecutive units share what is larger: the pixels, or the weights. */
static void run_units(void *context, size_t begin, size_t end)
{
    const rows_conv *r = context;
    int64_t images = r->conv.src.dims[0], groups = r->conv.groups;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        if (r->rows_first)
            run_unit(r, i / r->strips / r->parts / groups, i / r->strips / r->parts % groups,
                     i % r->strips * STRIP, i / r->strips % r->parts);
        else
            run_unit(r, i / r->parts % images, i / r->parts / images / r->strips,
                     i / r->parts / images % r->strips * STRIP, i % r->parts);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const rows_conv *r = state;
    nw_parallel((size_t)(r->conv.src.dims[0] * r->conv.groups * r->strips * r->parts), 1, run_units, state);
    nw_fast_conv_activate(&r->conv.act, r->dst);
    return NW_OK;
}

nw_status nw_rows_conv_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, nw_buffer *src,
                            nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    rows_conv *r = nw_calloc(1, sizeof *r);
    if (!r) return nw_no_memory(err, sizeof *r, "a step");
    *r = (rows_conv){.conv = *conv,
                     .in = conv->src.dims[1] / conv->groups,
                     .out = conv->dst.dims[1] / conv->groups,
                     .taps = conv->weights.dims[2] * conv->weights.dims[3],
                     .src = src,
                     .bias = bias,
                     .add = add,
                     .dst = dst};
    int64_t high = conv->dst.dims[2], wide = conv->dst.dims[3];
    r->strips = (r->out + STRIP - 1) / STRIP;
    r->rows = PIXELS / wide > 1 ? PIXELS / wide : 1;
    r->parts = (high + r->rows - 1) / r->rows;
    r->rows_first = conv->src.dims[0] * conv->src.dims[2] * conv->src.dims[3] > r->out * r->taps;
    nw_status status = pack_weights(plan, r, weights, err);
    if (status == NW_OK) status = nw_fast_conv_made(plan, r->made, &r->weights, err);
    if (status != NW_OK) {
        release(r);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .impl = "narrows avx512",
                    .flops = 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, 4),
                    .state = r,
                    .run = run,
                    .destroy = release,
                    .reads = {src, r->weights},
                    .writes = {dst}};
    int reads = 2;
    if (bias) step.reads[reads++] = bias;
    if (add) step.reads[reads++] = add;
    return nw_plan_step(plan, &step, err);
}
