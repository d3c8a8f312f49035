/* The step of a convolution by minimal filtering in tiles of 4x4 or 2x2 (winograd_tiles.h).
 *
 * Tiles of all images are worked off some at a time, so that the matrices stay in the cache: transform, the
 * products (fast_conv_tiles_products.c), transform back, each on all threads.
 *
 * A result is the same sum in the same order however many tiles there are at once and whoever computes it, so
 * results depend neither on the number of threads nor, with the weights of the model, on the other images. */
#include "ops/fast_conv_tiles_internal.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv.h"

#include <stdio.h>
#include <string.h>

enum {
    LEAST_CHANNELS = 32,
    LEAST_SIDE = 7,
    LARGE_SIDE = 32,
    LEAST_SHARE = 25, /* tiles of an image for which 36 products pay with AVX-512: their filters are large */
    LEAST_TOTAL = 64, /* tiles of all images for which transforming the filters at every run pays */
    MATRICES = 4 << 20,       /* bytes of the matrices that are worked with at once */
    WIDE_MATRICES = 16 << 20, /* with AVX-512 */
    LEAST_TILES = 16,
    PAD = 16, /* floats between matrices: else their lines compete for the same places of the cache */
    UNITS = 32
};

void nw_tile_conv_free(nw_tile_conv *t)
{
    if (!t) return;
    nw_tile_products_clear(t);
    for (int i = 0; i < NW_TILE_GROUPS; i++) nw_tensor_unref(t->made[i]);
    nw_free(t);
}

/* Of an image, not of all: so its bits do not depend on how many there are. */
static int tile_of(const nw_conv_desc *conv)
{
    int64_t tiles = (conv->src.dims[2] + 3) / 4 * ((conv->src.dims[3] + 3) / 4);
    return nw_backend_block() == 16 && tiles < LEAST_SHARE ? 2 : 4;
}

/* constant: weights are the model's. */
static bool fits(const nw_conv_desc *conv, bool constant)
{
    const int64_t *w = conv->weights.dims;
    bool three = conv->src.rank == 4 && w[2] == 3 && w[3] == 3;
    for (int i = 0; three && i < 2; i++)
        three = conv->strides[i] == 1 && conv->dilations[i] == 1 && conv->pads_begin[i] == 1 &&
                conv->pads_end[i] == 1 && conv->src.dims[2 + i] >= LEAST_SIDE;
    int block = nw_backend_block();
    if (!three || conv->bf16 || (block != 8 && block != 16) || conv->groups > NW_TILE_GROUPS) return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    if (in % block || out % block || in < LEAST_CHANNELS || out < LEAST_CHANNELS) return false;
    return block == 8 || constant;
}

bool nw_tile_conv_beats_bf16(const nw_conv_desc *conv, bool constant)
{
    bool large = nw_backend_block() == 16 && fits(conv, constant);
    for (int i = 0; large && i < 2; i++) large = conv->src.dims[2 + i] >= LARGE_SIDE;
    return large;
}

/* -- what is made once -- */

static void measure(nw_tile_conv *t)
{
    const nw_conv_desc *c = &t->conv;
    t->block = nw_backend_block();
    t->in = c->src.dims[1] / c->groups;
    t->out = c->dst.dims[1] / c->groups;
    t->tile = tile_of(c);
    t->points = nw_tile_points(t->tile);
    t->rows = (c->dst.dims[2] + t->tile - 1) / t->tile;
    t->columns = (c->dst.dims[3] + t->tile - 1) / t->tile;
    t->total = c->src.dims[0] * t->rows * t->columns;
    int64_t bytes = t->block == 16 ? WIDE_MATRICES : MATRICES;
    int64_t most = bytes / ((int64_t)sizeof(float) * t->points * (t->in + t->out));
    if (most < LEAST_TILES) most = LEAST_TILES;
    int64_t times = (t->total + most - 1) / most;
    t->tiles = (t->total + times - 1) / times;
    t->in_stride = (size_t)(t->tiles * t->in) + PAD;
    t->out_stride = (size_t)(t->tiles * t->out) + PAD;
    t->filter_stride = (size_t)(t->in * t->out) + PAD;
}

/* The gradient with respect to the source, as a convolution. */
static nw_conv_desc mirror(const nw_conv_desc *conv)
{
    nw_conv_desc m = *conv;
    m.src = conv->dst;
    m.dst = conv->src;
    m.weights.dims[0] = conv->src.dims[1];
    m.weights.dims[1] = conv->dst.dims[1] / conv->groups;
    m.bias = m.add = false;
    m.act.kind = NW_ACT_NONE;
    return m;
}

nw_status nw_tile_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                            nw_tile_conv **out, nw_error *err)
{
    *out = NULL;
    if ((weights && weights->dtype != NW_F32) || !fits(conv, weights != NULL)) return NW_OK;
    nw_tile_conv *t = nw_calloc(1, sizeof *t);
    if (!t) return nw_no_memory(err, sizeof *t, "a step");
    t->conv = mirrored ? mirror(conv) : *conv;
    t->mirrored = mirrored;
    measure(t);
    nw_status status = weights || t->total >= LEAST_TOTAL ? nw_tile_products_make(t, err) : NW_UNSUPPORTED;
    for (int64_t g = 0; weights && g < conv->groups && status == NW_OK; g++)
        status = nw_tile_filters_made(plan, t, weights, g, &t->made[g], err);
    if (status != NW_OK) {
        nw_tile_conv_free(t);
        return status == NW_UNSUPPORTED ? NW_OK : status;
    }
    *out = t;
    return NW_OK;
}

/* -- the step -- */

/* Some tiles of a group. */
typedef struct part {
    const nw_tile_conv *t;
    nw_tiles source, result;
    nw_tile_finish finish;
    const float *src;
    float *dst;
} part;

static void transform(void *context, size_t begin, size_t end)
{
    const part *p = context;
    nw_tile_transform_source(&p->source, p->src, p->t->sources->data, begin, end);
}

static void transform_back(void *context, size_t begin, size_t end)
{
    const part *p = context;
    nw_tile_transform_result(&p->result, &p->finish, p->t->products->data, p->dst, begin, end);
}

static nw_status run_part(const part *p, const float *filters, nw_error *err)
{
    const nw_tile_conv *t = p->t;
    nw_parallel((size_t)(t->in / t->block * t->tiles), UNITS, transform, (void *)(uintptr_t)p);
    NW_TRY(nw_tile_products_run(t, filters, err));
    nw_parallel((size_t)(t->out / t->block * t->tiles), UNITS, transform_back, (void *)(uintptr_t)p);
    return NW_OK;
}

static nw_status run(void *state, nw_error *err)
{
    nw_tile_conv *t = state;
    const nw_conv_desc *c = &t->conv;
    int64_t map = c->src.dims[2] * c->src.dims[3];
    bool relu = c->act.kind == NW_ACT_RELU;
    part p;
    p.t = t;
    p.source = (nw_tiles){.tile = t->tile,
                          .block = t->block,
                          .image_floats = c->src.dims[1] * map,
                          .height = c->src.dims[2],
                          .width = c->src.dims[3],
                          .rows = t->rows,
                          .columns = t->columns,
                          .tiles = t->tiles,
                          .total = t->total,
                          .stride = t->in_stride};
    p.result = p.source;
    p.result.image_floats = c->dst.dims[1] * map;
    p.result.stride = t->out_stride;
    for (int64_t g = 0; g < c->groups; g++) {
        int64_t before = g * t->out * map;
        p.src = (const float *)t->src->data + g * t->in * map;
        p.dst = (float *)t->dst->data + before;
        const float *filters = t->filters[g]->data;
        p.finish = (nw_tile_finish){.bias = t->bias ? (const float *)t->bias->data + g * t->out : NULL,
                                    .add = t->add ? (const float *)t->add->data + before : NULL,
                                    .relu = relu};
        for (p.source.first = 0; p.source.first < t->total; p.source.first += t->tiles) {
            p.result.first = p.source.first;
            NW_TRY(run_part(&p, filters, err));
        }
    }
    nw_fast_conv_activate(&c->act, t->dst);
    return NW_OK;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    nw_tile_products_bind(state);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_tile_conv_free(state);
}

static nw_status buffers(nw_plan *plan, nw_tile_conv *t, nw_error *err)
{
    NW_TRY(nw_plan_scratch(plan, (size_t)t->points * t->in_stride * sizeof(float), &t->sources, err));
    NW_TRY(nw_plan_scratch(plan, (size_t)t->points * t->out_stride * sizeof(float), &t->products, err));
    NW_TRY(nw_tile_products_buffers(plan, t, err));
    for (int64_t g = 0; g < t->conv.groups; g++) {
        if (!t->made[g]) {
            NW_TRY(nw_plan_scratch(plan, (size_t)t->points * t->filter_stride * sizeof(float), &t->filters[g],
                                   err));
            continue;
        }
        nw_layout layout = nw_layout_plain(NW_F32, &t->made[g]->shape);
        NW_TRY(nw_plan_constant(plan, &layout, t->made[g]->data, nw_tensor_ref(t->made[g]), &t->filters[g],
                                err));
    }
    return NW_OK;
}

nw_status nw_tile_conv_step(nw_plan *plan, nw_tile_conv *t, nw_buffer *src, nw_buffer *weights,
                            nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    t->src = src;
    t->bias = bias;
    t->add = add;
    t->dst = dst;
    nw_status status = buffers(plan, t, err);
    if (status == NW_OK && !t->made[0]) status = nw_tile_filters_step(plan, t, weights, err);
    if (status != NW_OK) {
        nw_tile_conv_free(t);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .flops = 2.0 * (double)nw_count(&t->conv.dst) * (double)nw_span(&t->conv.weights, 1, 4),
                    .state = t,
                    .run = run,
                    .bind = bind,
                    .destroy = destroy,
                    .writes = {dst, t->sources, t->products}};
    snprintf(step.impl, sizeof step.impl, "winograd, %.32s", nw_tile_products_impl(t));
    nw_buffer *touched[] = {src, bias, add};
    int reads = 0;
    for (size_t i = 0; i < sizeof touched / sizeof touched[0]; i++)
        if (touched[i]) step.reads[reads++] = touched[i];
    nw_buffer *filters[NW_TILE_GROUPS], *scratch[NW_TILE_LANES];
    int groups = (int)t->conv.groups, lanes = nw_tile_products_scratch(t, scratch);
    memcpy(filters, t->filters, sizeof filters);
    NW_TRY(nw_plan_step(plan, &step, err));
    NW_TRY(nw_plan_touches(plan, filters, groups, false, err));
    return lanes ? nw_plan_touches(plan, scratch, lanes, true, err) : NW_OK;
}
