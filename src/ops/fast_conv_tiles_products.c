/* The 16 or 36 products of minimal filtering, [tiles x channels] by [channels x outputs] each.
 *
 * With AVX-512 by our own kernel (f32_tile.h), in units of some tiles and up to 64 outputs of a position,
 * which go to whichever thread is free. With AVX2 by oneDNN: a matrix is an image of so many pixels in its
 * blocked layout, and the product a 1x1 convolution, which it does at 90 to 100 % of what the processor can;
 * each product is made by one thread. */
#include "base/parallel.h"
#include "ops/f32_tile.h"
#include "ops/fast_conv_tiles_internal.h"

enum { STRIP = NW_F32_BLOCK * NW_F32_VECTORS, CHANNELS = 128, TILES = 96 };

static bool is_own(const nw_tile_conv *t)
{
    return t->block == NW_F32_BLOCK;
}

/* -- ours -- */

typedef struct own {
    const nw_tile_conv *t;
    const float *filters;
    int64_t strips, parts;
} own;

static void multiply_units(void *context, size_t begin, size_t end)
{
    const own *o = context;
    const nw_tile_conv *t = o->t;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        /* Those that follow each other share the filters. */
        int64_t part = i % o->parts, output = i / o->parts % o->strips * STRIP,
                point = i / o->parts / o->strips;
        int64_t first = t->tiles * part / o->parts, last = t->tiles * (part + 1) / o->parts;
        int64_t outputs = t->out - output < STRIP ? t->out - output : STRIP, step = t->tiles * NW_F32_BLOCK;
        const float *filters = o->filters + (size_t)point * t->filter_stride + output * t->in;
        const float *src =
            (const float *)t->sources->data + (size_t)point * t->in_stride + first * NW_F32_BLOCK;
        nw_f32_strip s = {.src_step = NW_F32_BLOCK,
                          .src_block = step,
                          .dst = (float *)t->products->data + (size_t)point * t->out_stride +
                                 output * t->tiles + first * NW_F32_BLOCK,
                          .dst_step = NW_F32_BLOCK,
                          .dst_block = step,
                          .pixels = last - first};
        for (int64_t c = 0; c < t->in; c += CHANNELS) {
            s.src = src + c * t->tiles;
            s.weights = filters + c * outputs;
            s.channels = t->in - c < CHANNELS ? t->in - c : CHANNELS;
            s.first = c == 0;
            nw_f32_multiply(&s, (int)(outputs / NW_F32_BLOCK));
        }
    }
}

static void multiply_own(const nw_tile_conv *t, const float *filters)
{
    own o = {t, filters, (t->out + STRIP - 1) / STRIP, (t->tiles + TILES - 1) / TILES};
    nw_parallel((size_t)(t->points * o.strips * o.parts), 1, multiply_units, &o);
}

/* -- oneDNN's -- */

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
    nw_layout src = nw_layout_blocked(NW_F32, &one.src, 1, t->block),
              dst = nw_layout_blocked(NW_F32, &one.dst, 1, t->block);
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

typedef struct lanes {
    const nw_tile_conv *t;
    const float *filters;
    nw_status status[NW_TILE_LANES];
    nw_error errors[NW_TILE_LANES];
} lanes;

static nw_status multiply_positions(const lanes *l, nw_kernel *kernel, size_t begin, size_t end,
                                    nw_error *err)
{
    const nw_tile_conv *t = l->t;
    for (size_t i = begin; i < end; i++) {
        nw_kernel_set(kernel, NW_SLOT_SRC, (float *)t->sources->data + i * t->in_stride);
        nw_kernel_set(kernel, NW_SLOT_WEIGHTS, (float *)(uintptr_t)(l->filters + i * t->filter_stride));
        nw_kernel_set(kernel, NW_SLOT_DST, (float *)t->products->data + i * t->out_stride);
        NW_TRY(nw_kernel_run(kernel, err));
    }
    return NW_OK;
}

static void multiply_lanes(void *context, size_t begin, size_t end)
{
    lanes *l = context;
    size_t count = (size_t)l->t->lane_count;
    int before = nw_threads_set(1); /* of oneDNN, where there is one lane only */
    for (size_t i = begin; i < end; i++)
        l->status[i] = multiply_positions(l, l->t->lanes[i].kernel, (size_t)l->t->points * i / count,
                                          (size_t)l->t->points * (i + 1) / count, &l->errors[i]);
    nw_threads_set(before);
}

/* -- either -- */

nw_status nw_tile_products_make(nw_tile_conv *t, nw_error *err)
{
    t->strip = is_own(t) ? STRIP : t->block;
    if (!is_own(t)) return make_lanes(t, err);
    return nw_f32_available() ? NW_OK : nw_fail(err, NW_UNSUPPORTED, "no instructions for the products");
}

void nw_tile_products_clear(nw_tile_conv *t)
{
    for (int i = 0; i < t->lane_count; i++) {
        nw_kernel_free(t->lanes[i].kernel);
        nw_backend_free(t->lanes[i].backend);
    }
}

nw_status nw_tile_products_buffers(nw_plan *plan, nw_tile_conv *t, nw_error *err)
{
    size_t scratch = t->lane_count ? nw_kernel_bytes(t->lanes[0].kernel, NW_SLOT_SCRATCH) : 0;
    for (int i = 0; i < t->lane_count && scratch; i++)
        NW_TRY(nw_plan_scratch(plan, scratch, &t->lanes[i].scratch, err));
    return NW_OK;
}

int nw_tile_products_scratch(const nw_tile_conv *t, nw_buffer *scratch[NW_TILE_LANES])
{
    int count = t->lane_count && t->lanes[0].scratch ? t->lane_count : 0;
    for (int i = 0; i < count; i++) scratch[i] = t->lanes[i].scratch;
    return count;
}

void nw_tile_products_bind(nw_tile_conv *t)
{
    for (int i = 0; i < t->lane_count; i++)
        if (t->lanes[i].scratch)
            nw_kernel_set(t->lanes[i].kernel, NW_SLOT_SCRATCH, t->lanes[i].scratch->data);
}

const char *nw_tile_products_impl(const nw_tile_conv *t)
{
    return is_own(t) ? "narrows avx512" : nw_kernel_impl(t->lanes[0].kernel);
}

nw_status nw_tile_products_run(const nw_tile_conv *t, const float *filters, nw_error *err)
{
    if (is_own(t)) {
        multiply_own(t, filters);
        return NW_OK;
    }
    lanes l;
    l.t = t;
    l.filters = filters;
    nw_parallel((size_t)t->lane_count, 1, multiply_lanes, &l);
    for (int i = 0; i < t->lane_count; i++)
        if (l.status[i] != NW_OK) {
            if (err) *err = l.errors[i];
            return l.status[i];
        }
    return NW_OK;
}
