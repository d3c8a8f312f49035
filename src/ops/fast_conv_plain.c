/* A convolution as sums over channels and taps (f32_plain.h), with the weights as ONNX has them: where there
 * are few pixels and runs, packing weights or transforming them takes longer than the convolution.
 *
 * The source is laid out anew, a plane a channel, rows as long as those of the results and what taps reach
 * beyond: then a tap reads all pixels of the map in a row, and what lies between rows is computed for
 * nothing. With strides a channel has a plane for each pixel of the stride.
 *
 * Each result is the same sum in the same order whoever computes it, so bits depend neither on the number of
 * threads nor on the other images. */
#include "ops/fast_conv_plain.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/f32_plain.h"
#include "ops/f32_tile.h"
#include "ops/fast_conv.h"

#include <string.h>

enum {
    BLOCK = NW_F32_BLOCK,
    WIDE = 16,
    LEAST_TAPS = 4,
    MOST_TAPS = 49,
    MOST_PIXELS = 288, /* of a result, and what lies between its rows */
    MOST_STRIDE = 3
};

typedef struct plain_conv {
    nw_conv_desc conv;
    int64_t in, out; /* channels of a group */
    int64_t tap_count, taps[MOST_TAPS];
    int64_t first[2], last[2];   /* pixels of a plane that taps reach, from the result's on */
    int64_t row, plane, channel; /* floats of a row, a plane, all planes of a channel */
    int64_t vectors;             /* of results */
    nw_tensor *plain;
    nw_buffer *src, *planes, *weights, *bias, *add, *dst;
} plain_conv;

/* Rounded down. */
static int64_t divide(int64_t a, int64_t by)
{
    return a >= 0 ? a / by : -((by - 1 - a) / by);
}

static void measure(const nw_conv_desc *conv, plain_conv *p)
{
    const int64_t *w = conv->weights.dims;
    *p = (plain_conv){.conv = *conv, .in = w[1], .out = w[0] / conv->groups, .tap_count = w[2] * w[3]};
    const int64_t *stride = conv->strides;
    for (int i = 0; i < 2; i++) {
        int64_t reach = conv->dilations[i] * (w[2 + i] - 1) - conv->pads_begin[i];
        p->first[i] = divide(-conv->pads_begin[i], stride[i]);
        p->last[i] = divide(reach, stride[i]);
    }
    p->row = conv->dst.dims[3] + p->last[1] - p->first[1];
    int64_t results = (conv->dst.dims[2] - 1) * p->row + conv->dst.dims[3];
    p->vectors = (results + WIDE - 1) / WIDE;
    int64_t reached = (p->last[0] - p->first[0]) * p->row + p->last[1] - p->first[1];
    p->plane = (p->vectors * WIDE + reached + WIDE - 1) / WIDE * WIDE;
    p->channel = p->plane * stride[0] * stride[1];
    for (int64_t t = 0; t < p->tap_count && t < MOST_TAPS; t++) {
        int64_t y = t / w[3] * conv->dilations[0] - conv->pads_begin[0];
        int64_t x = t % w[3] * conv->dilations[1] - conv->pads_begin[1];
        int64_t down = divide(y, stride[0]), right = divide(x, stride[1]);
        int64_t phase = (y - down * stride[0]) * stride[1] + x - right * stride[1];
        p->taps[t] = phase * p->plane + (down - p->first[0]) * p->row + right - p->first[1];
    }
}

bool nw_plain_conv_fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    if (conv->src.rank != 4 || conv->bf16 || w[2] * w[3] < LEAST_TAPS || w[2] * w[3] > MOST_TAPS ||
        conv->strides[0] > MOST_STRIDE || conv->strides[1] > MOST_STRIDE)
        return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    if (!nw_f32_available() || nw_backend_block() != BLOCK || in % BLOCK || out % BLOCK) return false;
    for (int i = 0; i < 2; i++)
        if (conv->dst.dims[2 + i] > MOST_PIXELS || conv->dilations[i] > MOST_PIXELS ||
            conv->pads_begin[i] > MOST_PIXELS)
            return false;
    plain_conv p;
    measure(conv, &p);
    return p.vectors * WIDE <= MOST_PIXELS && p.plane <= 2 * MOST_PIXELS;
}

static void release(void *state)
{
    plain_conv *p = state;
    nw_tensor_unref(p->plain);
    nw_free(p);
}

/* -- the source -- */

/* Blocks of 16 channels [begin, end), of all images. */
NW_SIMD static void lay_out(void *context, size_t begin, size_t end)
{
    const plain_conv *p = context;
    const nw_conv_desc *c = &p->conv;
    int64_t height = c->src.dims[2], width = c->src.dims[3], sy = c->strides[0], sx = c->strides[1];
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        const float *src = (const float *)p->src->data + b * height * width * BLOCK;
        float *planes = (float *)p->planes->data + b * BLOCK * p->channel;
        memset(planes, 0, (size_t)(BLOCK * p->channel) * sizeof *planes);
        for (int64_t y = 0; y < height; y++) {
            int64_t down = y / sy - p->first[0];
            if (down >= c->dst.dims[2] + p->last[0] - p->first[0]) break;
            for (int64_t x = 0; x < width; x++) {
                int64_t right = x / sx - p->first[1];
                if (right >= p->row) break;
                float *to = planes + (y % sy * sx + x % sx) * p->plane + down * p->row + right;
                const float *from = src + (y * width + x) * BLOCK;
                for (int k = 0; k < BLOCK; k++) to[k * p->channel] = from[k];
            }
        }
    }
}

/* -- the results -- */

/* Of a block of 16 outputs, from sums [16][vectors][16], in which rows are longer. */
NW_SIMD static void finish(const plain_conv *p, int64_t block, int64_t output, const float *sums)
{
    int64_t height = p->conv.dst.dims[2], width = p->conv.dst.dims[3], step = p->vectors * WIDE;
    int64_t before = block * height * width * BLOCK;
    bool relu = p->conv.act.kind == NW_ACT_RELU;
    float *dst = (float *)p->dst->data + before, bias[BLOCK] = {0};
    const float *add = p->add ? (const float *)p->add->data + before : NULL;
    if (p->bias) memcpy(bias, (const float *)p->bias->data + output, sizeof bias);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const float *from = sums + y * p->row + x;
            int64_t at = (y * width + x) * BLOCK;
            for (int k = 0; k < BLOCK; k++) {
                float sum = from[k * step] + bias[k] + (add ? add[at + k] : 0);
                dst[at + k] = relu && sum < 0 ? 0 : sum; /* a NaN stays one */
            }
        }
}

/* Blocks of 16 outputs [begin, end), of all groups and images. */
static void compute(void *context, size_t begin, size_t end)
{
    const plain_conv *p = context;
    int64_t step = p->vectors * WIDE, each = p->in * p->tap_count, blocks = p->out / BLOCK;
    int64_t times = (p->vectors + NW_PLAIN_VECTORS - 1) / NW_PLAIN_VECTORS;
    float sums[BLOCK * MOST_PIXELS];
    for (int64_t b = (int64_t)begin; b < (int64_t)end; b++) {
        int64_t plane = b / blocks, output = plane % p->conv.groups * p->out + b % blocks * BLOCK;
        const float *planes = (const float *)p->planes->data + plane * p->in * p->channel;
        nw_f32_plain tile = {.channels = p->in,
                             .src_step = p->channel,
                             .taps = p->taps,
                             .tap_count = p->tap_count,
                             .dst_step = step};
        for (int64_t o = 0; o < BLOCK; o += NW_PLAIN_OUTPUTS) {
            tile.weights = (const float *)p->weights->data + (output + o) * each;
            for (int64_t t = 0; t < times; t++) {
                int64_t first = p->vectors * t / times, last = p->vectors * (t + 1) / times;
                tile.src = planes + first * WIDE;
                tile.dst = sums + o * step + first * WIDE;
                nw_f32_plain_multiply(&tile, (int)(last - first));
            }
        }
        finish(p, b, output, sums);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const plain_conv *p = state;
    nw_parallel((size_t)(p->conv.src.dims[0] * p->conv.src.dims[1] / BLOCK), 1, lay_out, state);
    nw_parallel((size_t)(p->conv.dst.dims[0] * p->conv.dst.dims[1] / BLOCK), 1, compute, state);
    nw_fast_conv_activate(&p->conv.act, p->dst);
    return NW_OK;
}

nw_status nw_plain_conv_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, nw_buffer *src,
                             nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    plain_conv *p = nw_calloc(1, sizeof *p);
    if (!p) return nw_no_memory(err, sizeof *p, "a step");
    measure(conv, p);
    p->plain = nw_tensor_ref(weights);
    p->src = src;
    p->bias = bias;
    p->add = add;
    p->dst = dst;
    size_t bytes = (size_t)(conv->src.dims[0] * conv->src.dims[1] * p->channel) * sizeof(float);
    nw_status status = nw_fast_conv_made(plan, weights, &p->weights, err);
    if (status == NW_OK) status = nw_plan_scratch(plan, bytes, &p->planes, err);
    if (status != NW_OK) {
        release(p);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .impl = "plain, narrows avx512",
                    .flops = 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, 4),
                    .state = p,
                    .run = run,
                    .destroy = release,
                    .reads = {src, p->weights},
                    .writes = {dst, p->planes}};
    int reads = 2;
    if (bias) step.reads[reads++] = bias;
    if (add) step.reads[reads++] = add;
    return nw_plan_step(plan, &step, err);
}
