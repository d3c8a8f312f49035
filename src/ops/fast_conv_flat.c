/* A 1x1 convolution as sums over channels (f32_tile.h). A unit of work is some pixels and up to 64 outputs;
 * it takes up to 128 channels at a time, whose weights stay in the first cache. Units go to whichever thread
 * is free, where oneDNN cuts an image into as many equal parts as there are threads.
 *
 * Each result is the same sum in the same order whatever units there are, so bits depend neither on the
 * number of threads nor on the other images. */
#include "ops/fast_conv_flat.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/f32_tile.h"
#include "ops/fast_conv.h"

enum {
    STRIP = NW_F32_BLOCK * NW_F32_VECTORS,
    CHANNELS = 128, /* of a group, at a time: weights of 32 KiB */
    PIXELS = 96     /* of a unit, at most */
};

typedef struct flat_conv {
    int64_t images, groups, in, out, map; /* in, out: channels of a group */
    int64_t strips, parts;                /* of a group's outputs, and of an image's pixels */
    bool pixels_first;                    /* in which order units are worked off */
    nw_act act;
    nw_tensor *made;
    nw_buffer *src, *weights, *bias, *add, *dst;
} flat_conv;

bool nw_flat_conv_fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    bool flat = conv->src.rank == 4 && w[2] == 1 && w[3] == 1 && !conv->bf16;
    for (int i = 0; flat && i < 2; i++)
        flat = conv->strides[i] == 1 && !conv->pads_begin[i] && !conv->pads_end[i];
    int64_t in = w[1], out = w[0] / conv->groups;
    return flat && nw_f32_available() && nw_backend_block() == NW_F32_BLOCK && in % NW_F32_BLOCK == 0 &&
           out % NW_F32_BLOCK == 0;
}

static void release(void *state)
{
    flat_conv *f = state;
    nw_tensor_unref(f->made);
    nw_free(f);
}

/* -- weights -- */

typedef struct packing {
    const float *src;
    float *dst;
    int64_t in, out, by_output, by_input; /* by_: floats in src from one to the next, in a group */
} packing;

/* Strips [begin, end) of all groups: [channels][outputs of the strip]. */
static void pack(void *context, size_t begin, size_t end)
{
    const packing *p = context;
    int64_t strips = (p->out + STRIP - 1) / STRIP;
    for (int64_t all = (int64_t)begin; all < (int64_t)end; all++) {
        int64_t group = all / strips, first = all % strips * STRIP;
        int64_t outputs = p->out - first < STRIP ? p->out - first : STRIP;
        const float *src = p->src + group * p->out * p->in + first * p->by_output;
        float *dst = p->dst + (group * p->out + first) * p->in;
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t o = 0; o < outputs; o++)
                dst[i * outputs + o] = src[o * p->by_output + i * p->by_input];
    }
}

/* Once for all programs of a model. */
static nw_status pack_weights(nw_plan *plan, flat_conv *f, nw_tensor *plain, bool backward, nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {plain}, *made[NW_FOLD_MADE] = {NULL};
    float key = nw_fast_conv_key(NW_MADE_FLAT, f->groups, backward);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape shape = {.rank = 1, .dims = {plain->count}};
        NW_TRY(nw_tensor_new_uninitialised(NW_F32, &shape, &made[0], err));
        packing p = {.src = plain->data,
                     .dst = made[0]->data,
                     .in = f->in,
                     .out = f->out,
                     .by_output = backward ? 1 : f->in,
                     .by_input = backward ? f->out : 1};
        nw_parallel((size_t)(f->groups * f->strips), 1, pack, &p);
        made[1] = nw_tensor_ref(made[0]);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    nw_tensor_unref(made[1]);
    f->made = made[0];
    return NW_OK;
}

/* -- the step -- */

static void run_unit(const flat_conv *f, int64_t image, int64_t group, int64_t output, int64_t part)
{
    int64_t outputs = f->out - output < STRIP ? f->out - output : STRIP, plane = image * f->groups + group;
    int64_t begin = f->map * part / f->parts, end = f->map * (part + 1) / f->parts;
    int64_t at = (plane * f->out + output) * f->map + begin * NW_F32_BLOCK;
    const float *src = (const float *)f->src->data + plane * f->in * f->map + begin * NW_F32_BLOCK;
    nw_f32_strip s = {.src_step = NW_F32_BLOCK,
                      .src_block = f->map * NW_F32_BLOCK,
                      .dst = (float *)f->dst->data + at,
                      .dst_step = NW_F32_BLOCK,
                      .dst_block = f->map * NW_F32_BLOCK,
                      .pixels = end - begin,
                      .bias = f->bias ? (const float *)f->bias->data + group * f->out + output : NULL,
                      .add = f->add ? (const float *)f->add->data + at : NULL,
                      .relu = f->act.kind == NW_ACT_RELU};
    for (int64_t c = 0; c < f->in; c += CHANNELS) {
        s.src = src + c * f->map;
        s.weights = (const float *)f->weights->data + (group * f->out + output) * f->in + c * outputs;
        s.channels = f->in - c < CHANNELS ? f->in - c : CHANNELS;
        s.first = c == 0;
        s.last = c + CHANNELS >= f->in;
        nw_f32_multiply(&s, (int)(outputs / NW_F32_BLOCK));
    }
}

/* Consecutive units share what is larger: the pixels, or the weights. */
static void run_units(void *context, size_t begin, size_t end)
{
    const flat_conv *f = context;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        if (f->pixels_first)
            run_unit(f, i / f->strips / f->parts / f->groups, i / f->strips / f->parts % f->groups,
                     i % f->strips * STRIP, i / f->strips % f->parts);
        else
            run_unit(f, i / f->parts % f->images, i / f->parts / f->images / f->strips,
                     i / f->parts / f->images % f->strips * STRIP, i % f->parts);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const flat_conv *f = state;
    nw_parallel((size_t)(f->images * f->groups * f->strips * f->parts), 1, run_units, state);
    nw_fast_conv_activate(&f->act, f->dst);
    return NW_OK;
}

nw_status nw_flat_conv_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                            nw_buffer *src, nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    const nw_shape *from = backward ? &conv->dst : &conv->src, *to = backward ? &conv->src : &conv->dst;
    flat_conv *f = nw_calloc(1, sizeof *f);
    if (!f) return nw_no_memory(err, sizeof *f, "a step");
    *f = (flat_conv){.images = from->dims[0],
                     .groups = conv->groups,
                     .in = from->dims[1] / conv->groups,
                     .out = to->dims[1] / conv->groups,
                     .map = from->dims[2] * from->dims[3],
                     .src = src,
                     .bias = bias,
                     .add = add,
                     .dst = dst};
    f->strips = (f->out + STRIP - 1) / STRIP;
    f->parts = (f->map + PIXELS - 1) / PIXELS;
    f->pixels_first = f->images * f->map > f->out;
    if (!backward) f->act = conv->act;
    nw_status status = pack_weights(plan, f, weights, backward, err);
    if (status == NW_OK) status = nw_fast_conv_made(plan, f->made, &f->weights, err);
    if (status != NW_OK) {
        release(f);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .impl = "narrows avx512",
                    .flops = 2.0 * (double)nw_count(&conv->dst) * (double)conv->weights.dims[1],
                    .state = f,
                    .run = run,
                    .destroy = release,
                    .reads = {src, f->weights},
                    .writes = {dst}};
    int reads = 2;
    if (bias) step.reads[reads++] = bias;
    if (add) step.reads[reads++] = add;
    return nw_plan_step(plan, &step, err);
}
