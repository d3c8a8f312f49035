/* The step of a convolution by minimal filtering in tiles of 4x4 (winograd_tiles.h), for processors whose
 * vectors have eight floats; for wider ones oneDNN has kernels (fast_conv_winograd.c).
 *
 * Transforms are ours, the products oneDNN's: a matrix of a position, [tiles x channels], is an image of so
 * many pixels in oneDNN's blocked layout, and its product with the filters a 1x1 convolution, which oneDNN
 * does at 90 to 100 % of what the processor can. Tiles of all images are worked off some at a time, so that
 * the matrices stay in the cache: transform, 36 products, transform back, each on all threads.
 *
 * A result is the same sum in the same order however many tiles there are at once, and each product is made
 * by one thread, so results depend neither on the number of threads nor on the other images. */
#include "ops/fast_conv_tiles_internal.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv.h"

#include <stdio.h>
#include <string.h>

enum {
    LEAST_CHANNELS = 32,
    LEAST_SIDE = 7,
    MATRICES = 4 << 20, /* bytes of the matrices that are worked with at once */
    LEAST_TILES = 16,
    LEAST_TOTAL = 64, /* tiles of all images for which transforming the filters at every run pays */
    PAD = 16,         /* floats between matrices: else their lines compete for the same places of the cache */
    UNITS = 32
};

void nw_tile_conv_free(nw_tile_conv *t)
{
    if (!t) return;
    for (int i = 0; i < t->lane_count; i++) {
        nw_kernel_free(t->lanes[i].kernel);
        nw_backend_free(t->lanes[i].backend);
    }
    for (int i = 0; i < NW_TILE_GROUPS; i++) nw_tensor_unref(t->made[i]);
    nw_free(t);
}

bool nw_tile_conv_fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    bool three = conv->src.rank == 4 && w[2] == 3 && w[3] == 3;
    for (int i = 0; three && i < 2; i++)
        three = conv->strides[i] == 1 && conv->dilations[i] == 1 && conv->pads_begin[i] == 1 &&
                conv->pads_end[i] == 1 && conv->src.dims[2 + i] >= LEAST_SIDE;
    if (!three || conv->bf16 || nw_backend_block() != NW_TILE_BLOCK || conv->groups > NW_TILE_GROUPS)
        return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    return in % NW_TILE_BLOCK == 0 && out % NW_TILE_BLOCK == 0 && in >= LEAST_CHANNELS &&
           out >= LEAST_CHANNELS;
}

/* -- what is made once -- */

static void measure(nw_tile_conv *t)
{
    const nw_conv_desc *c = &t->conv;
    t->in = c->src.dims[1] / c->groups;
    t->out = c->dst.dims[1] / c->groups;
    t->rows = (c->dst.dims[2] + NW_TILE - 1) / NW_TILE;
    t->columns = (c->dst.dims[3] + NW_TILE - 1) / NW_TILE;
    t->total = c->src.dims[0] * t->rows * t->columns;
    int64_t most = MATRICES / ((int64_t)sizeof(float) * NW_TILE_POINTS * (t->in + t->out));
    if (most < LEAST_TILES) most = LEAST_TILES;
    int64_t times = (t->total + most - 1) / most;
    t->tiles = (t->total + times - 1) / times;
    t->in_stride = (size_t)(t->tiles * t->in) + PAD;
    t->out_stride = (size_t)(t->tiles * t->out) + PAD;
    t->filter_stride = (size_t)(t->in * t->out) + PAD;
}

/* The product of one position. */
static nw_conv_desc product_of(const nw_tile_conv *t)
{
    return (nw_conv_desc){.src = {.rank = 4, .dims = {1, t->in, 1, t->tiles}},
                          .weights = {.rank = 4, .dims = {t->out, t->in, 1, 1}},
                          .dst = {.rank = 4, .dims = {1, t->out, 1, t->tiles}},
                          .groups = 1,
                          .strides = {1, 1},
                          .dilations = {1, 1}};
}

static nw_status make_lanes(nw_tile_conv *t, nw_error *err)
{
    nw_conv_desc one = product_of(t);
    nw_layout src = nw_layout_blocked(NW_F32, &one.src, 1, NW_TILE_BLOCK),
              dst = nw_layout_blocked(NW_F32, &one.dst, 1, NW_TILE_BLOCK);
    int threads = nw_threads(), count = threads < NW_TILE_LANES ? threads : NW_TILE_LANES;
    nw_status status = NW_OK;
    int before = nw_threads_set(1);
    for (int i = 0; i < count && status == NW_OK; i++) {
        nw_tile_lane *l = &t->lanes[i];
        status = nw_backend_new(&l->backend, err);
        if (status != NW_OK) break;
        t->lane_count++;
        status = nw_conv_forward(l->backend, &one, &src, &dst, &l->kernel, err);
        if (status == NW_OK && !nw_kernel_weights_in_eights(l->kernel, t->out, t->in))
            status = nw_fail(err, NW_UNSUPPORTED, "oneDNN has another layout for the filters");
    }
    nw_threads_set(before);
    return status;
}

nw_status nw_tile_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                            nw_tile_conv **out, nw_error *err)
{
    *out = NULL;
    nw_tile_conv *t = nw_calloc(1, sizeof *t);
    if (!t) return nw_no_memory(err, sizeof *t, "a step");
    t->conv = *conv;
    t->mirrored = mirrored;
    measure(t);
    nw_status status = weights || t->total >= LEAST_TOTAL ? make_lanes(t, err) : NW_UNSUPPORTED;
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
    const float *src, *filters;
    float *dst;
    nw_status status[NW_TILE_LANES];
    nw_error errors[NW_TILE_LANES];
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

static nw_status multiply_positions(const part *p, nw_kernel *kernel, size_t begin, size_t end, nw_error *err)
{
    for (size_t i = begin; i < end; i++) {
        nw_kernel_set(kernel, NW_SLOT_SRC, (float *)p->t->sources->data + i * p->t->in_stride);
        nw_kernel_set(kernel, NW_SLOT_WEIGHTS, (float *)(uintptr_t)(p->filters + i * p->t->filter_stride));
        nw_kernel_set(kernel, NW_SLOT_DST, (float *)p->t->products->data + i * p->t->out_stride);
        NW_TRY(nw_kernel_run(kernel, err));
    }
    return NW_OK;
}

static void multiply(void *context, size_t begin, size_t end)
{
    part *p = context;
    size_t lanes = (size_t)p->t->lane_count;
    int before = nw_threads_set(1); /* of oneDNN, where there is one lane only */
    for (size_t i = begin; i < end; i++)
        p->status[i] = multiply_positions(p, p->t->lanes[i].kernel, NW_TILE_POINTS * i / lanes,
                                          NW_TILE_POINTS * (i + 1) / lanes, &p->errors[i]);
    nw_threads_set(before);
}

static nw_status run_part(part *p, nw_error *err)
{
    const nw_tile_conv *t = p->t;
    nw_parallel((size_t)(t->in / NW_TILE_BLOCK * t->tiles), UNITS, transform, p);
    nw_parallel((size_t)t->lane_count, 1, multiply, p);
    for (int i = 0; i < t->lane_count; i++)
        if (p->status[i] != NW_OK) {
            if (err) *err = p->errors[i];
            return p->status[i];
        }
    nw_parallel((size_t)(t->out / NW_TILE_BLOCK * t->tiles), UNITS, transform_back, p);
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
    p.source = (nw_tiles){.image_floats = c->src.dims[1] * map,
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
        p.filters = t->filters[g]->data;
        p.finish = (nw_tile_finish){.bias = t->bias ? (const float *)t->bias->data + g * t->out : NULL,
                                    .add = t->add ? (const float *)t->add->data + before : NULL,
                                    .relu = relu};
        for (p.source.first = 0; p.source.first < t->total; p.source.first += t->tiles) {
            p.result.first = p.source.first;
            NW_TRY(run_part(&p, err));
        }
    }
    nw_fast_conv_activate(&c->act, t->dst);
    return NW_OK;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    nw_tile_conv *t = state;
    for (int i = 0; i < t->lane_count; i++)
        if (t->lanes[i].scratch)
            nw_kernel_set(t->lanes[i].kernel, NW_SLOT_SCRATCH, t->lanes[i].scratch->data);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_tile_conv_free(state);
}

static nw_status buffers(nw_plan *plan, nw_tile_conv *t, nw_error *err)
{
    NW_TRY(nw_plan_scratch(plan, NW_TILE_POINTS * t->in_stride * sizeof(float), &t->sources, err));
    NW_TRY(nw_plan_scratch(plan, NW_TILE_POINTS * t->out_stride * sizeof(float), &t->products, err));
    size_t scratch = nw_kernel_bytes(t->lanes[0].kernel, NW_SLOT_SCRATCH);
    for (int i = 0; i < t->lane_count && scratch; i++)
        NW_TRY(nw_plan_scratch(plan, scratch, &t->lanes[i].scratch, err));
    for (int64_t g = 0; g < t->conv.groups; g++) {
        if (!t->made[g]) {
            NW_TRY(nw_plan_scratch(plan, NW_TILE_POINTS * t->filter_stride * sizeof(float), &t->filters[g],
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
    snprintf(step.impl, sizeof step.impl, "winograd, %.32s", nw_kernel_impl(t->lanes[0].kernel));
    nw_buffer *touched[] = {src, bias, add};
    int reads = 0;
    for (size_t i = 0; i < sizeof touched / sizeof touched[0]; i++)
        if (touched[i]) step.reads[reads++] = touched[i];
    int groups = (int)t->conv.groups, lanes = t->lanes[0].scratch ? t->lane_count : 0;
    nw_buffer *filters[NW_TILE_GROUPS], *scratch[NW_TILE_LANES];
    memcpy(filters, t->filters, sizeof filters);
    for (int i = 0; i < lanes; i++) scratch[i] = t->lanes[i].scratch;
    NW_TRY(nw_plan_step(plan, &step, err));
    NW_TRY(nw_plan_touches(plan, filters, groups, false, err));
    return lanes ? nw_plan_touches(plan, scratch, lanes, true, err) : NW_OK;
}
