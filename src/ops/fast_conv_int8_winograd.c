/* The step of a 3x3 convolution by minimal filtering with 8-bit integers (int8_winograd.h): tiles of all
 * images transformed and rounded, then, some tiles and up to 64 outputs at a time, the products of the 16
 * positions and the way back; or, where the filters of a group stay in the second cache and there are enough
 * tiles for all threads, some tiles transformed and multiplied for all outputs at once. Each result is the
 * same sum in the same order however the work is cut, so bits depend neither on the number of threads nor on
 * the other images. */
#include "ops/fast_conv_int8_winograd_internal.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv.h"
#include "ops/fast_conv_int8.h"

enum {
    LEAST_CHANNELS = 128, /* with fewer the transforms take what is saved */
    LEAST_SIDE = 4,
    TILES = 24,         /* of a unit, at most: sums of 96 KiB, and weights that are read so many times */
    IN_CACHE = 1 << 19, /* bytes of weights of a group that stay in a second cache of 1 MiB */
    LEAST_CHUNKS = 4
};

bool nw_int8_winograd_fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    bool fits = nw_int8_conv_available() && conv->src.rank == 4 && w[2] == 3 && w[3] == 3 && !conv->bf16;
    for (int i = 0; fits && i < 2; i++)
        fits = conv->strides[i] == 1 && conv->dilations[i] == 1 && conv->pads_begin[i] >= 0 &&
               conv->pads_begin[i] < 3 && conv->src.dims[2 + i] >= LEAST_SIDE &&
               conv->dst.dims[2 + i] >= LEAST_SIDE;
    int64_t in = w[1], out = w[0] / conv->groups;
    return fits && in % NW_INT8_BLOCK == 0 && out % NW_INT8_BLOCK == 0 && in >= LEAST_CHANNELS &&
           out >= LEAST_CHANNELS && in <= NW_INT8_TILE_CHANNELS && out <= NW_INT8_TILE_CHANNELS;
}

static void release(void *state)
{
    nw_int8_winograd *w = state;
    nw_tensor_unref(w->made);
    nw_tensor_unref(w->scales);
    nw_free(w);
}

/* -- the source -- */

static nw_int8_place place_of(const nw_int8_winograd *w, const nw_shape *shape, int64_t tile)
{
    return (nw_int8_place){.height = shape->dims[2],
                           .width = shape->dims[3],
                           .row = tile / w->columns * NW_INT8_TILE,
                           .column = tile % w->columns * NW_INT8_TILE};
}

/* Some tiles of a group of an image, which lie together: values [16 positions][tiles][in], scales and
 * corrections without the last, so that positions are not a power of two apart. */
typedef struct chunk {
    int64_t plane, begin, end;
    int8_t *values;
    float *scales;
    int32_t *corrections;
} chunk;

/* lane: whose memory it takes, where each has its own. */
static chunk chunk_at(const nw_int8_winograd *w, int64_t plane, int64_t index, int64_t lane)
{
    chunk c = {
        .plane = plane, .begin = w->tiles * index / w->chunks, .end = w->tiles * (index + 1) / w->chunks};
    int64_t at = (w->at_once ? lane * TILES : plane * w->tiles + c.begin) * NW_INT8_POINTS;
    c.values = (int8_t *)w->values->data + at * w->in;
    c.scales = (float *)w->value_scales->data + at;
    c.corrections = (int32_t *)w->corrections->data + at;
    return c;
}

static void transform(const nw_int8_winograd *w, const chunk *c)
{
    int64_t from = c->plane * w->in * w->src.dims[2] * w->src.dims[3], tiles = c->end - c->begin;
    for (int64_t t = 0, many; t < tiles; t += many) {
        int64_t in_row = w->columns - (c->begin + t) % w->columns;
        many = tiles - t < in_row ? tiles - t : in_row;
        nw_int8_place place = place_of(w, &w->src, c->begin + t);
        place.row -= w->pads[0];
        place.column -= w->pads[1];
        nw_int8_source to = {c->values + t * w->in, c->scales + t, c->corrections + t};
        nw_int8_tile_source((const float *)w->source->data + from,
                            w->gate ? (const float *)w->gate->data + from : NULL, &place, (int)many, w->in,
                            tiles * w->in, tiles, &to);
    }
}

static void transform_some(void *context, size_t begin, size_t end)
{
    const nw_int8_winograd *w = context;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        chunk c = chunk_at(w, i / w->chunks, i % w->chunks, 0);
        transform(w, &c);
    }
}

/* -- products, and the way back -- */

/* What a unit computes: some tiles, and outputs from `strip` on. */
typedef struct unit {
    chunk tiles;
    int64_t group, strip;
} unit;

/* Consecutive units share the weights. */
static unit unit_at(const nw_int8_winograd *w, int64_t index)
{
    int64_t images = w->src.dims[0], image = index / w->chunks % images;
    unit u = {.strip = index / w->chunks / images % w->strips * NW_INT8_STRIP,
              .group = index / w->chunks / images / w->strips};
    u.tiles = chunk_at(w, image * w->groups + u.group, index % w->chunks, 0);
    return u;
}

/* Sums [16 positions][vectors][tiles][16]. */
static void multiply(const nw_int8_winograd *w, const unit *u, int vectors, float *sums)
{
    int64_t tiles = u->tiles.end - u->tiles.begin, outputs = w->groups * w->out,
            output = u->group * w->out + u->strip;
    const uint8_t *weights = (const uint8_t *)w->weights->data + output * NW_INT8_POINTS * w->in;
    for (int64_t k = 0; k < NW_INT8_POINTS; k++) {
        nw_int8_strip s = {.values = u->tiles.values + k * tiles * w->in,
                           .scales = u->tiles.scales + k * tiles,
                           .correction = u->tiles.corrections + k * tiles,
                           .value_step = w->in,
                           .step = 1,
                           .weights = weights + k * w->in * vectors * NW_INT8_BLOCK,
                           .channels = w->in,
                           .dst = sums + k * vectors * tiles * NW_INT8_BLOCK,
                           .dst_step = NW_INT8_BLOCK,
                           .block = tiles * NW_INT8_BLOCK,
                           .pixels = tiles,
                           .weight_scales = (const float *)w->weight_scales->data + k * outputs + output};
        nw_int8_products(&s, vectors);
    }
}

static void transform_back(const nw_int8_winograd *w, const unit *u, int vectors, const float *sums)
{
    int64_t tiles = u->tiles.end - u->tiles.begin, output = u->group * w->out + u->strip,
            map = w->dst.dims[2] * w->dst.dims[3];
    for (int64_t v = 0; v < vectors; v++) {
        int64_t before = (u->tiles.plane * w->out + u->strip + v * NW_INT8_BLOCK) * map;
        nw_int8_tile_finish finish = {
            .bias = w->bias ? (const float *)w->bias->data + output + v * NW_INT8_BLOCK : NULL,
            .add = w->add ? (const float *)w->add->data + before : NULL,
            .relu = w->act.kind == NW_ACT_RELU};
        for (int64_t t = 0; t < tiles; t++) {
            nw_int8_place place = place_of(w, &w->dst, u->tiles.begin + t);
            nw_int8_tile_result(sums + (v * tiles + t) * NW_INT8_BLOCK, vectors * tiles * NW_INT8_BLOCK,
                                &finish, &place, (float *)w->result->data + before);
        }
    }
}

static void work(const nw_int8_winograd *w, const unit *u, float *sums)
{
    int64_t outputs = w->out - u->strip < NW_INT8_STRIP ? w->out - u->strip : NW_INT8_STRIP;
    int vectors = (int)(outputs / NW_INT8_BLOCK);
    multiply(w, u, vectors, sums);
    transform_back(w, u, vectors, sums);
}

/* Units [begin, end), or, where tiles are transformed at once, such chunks with all outputs. */
static void run_some(void *context, size_t lane, size_t begin, size_t end)
{
    const nw_int8_winograd *w = context;
    float *sums = (float *)w->sums->data + lane * TILES * NW_INT8_POINTS * NW_INT8_STRIP;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        if (!w->at_once) {
            unit u = unit_at(w, i);
            work(w, &u, sums);
            continue;
        }
        int64_t plane = i / w->chunks;
        unit u = {.tiles = chunk_at(w, plane, i % w->chunks, (int64_t)lane), .group = plane % w->groups};
        transform(w, &u.tiles);
        for (; u.strip < w->out; u.strip += NW_INT8_STRIP) work(w, &u, sums);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const nw_int8_winograd *w = state;
    int64_t chunks = w->src.dims[0] * w->groups * w->chunks;
    if (!w->at_once) nw_parallel((size_t)chunks, 1, transform_some, state);
    nw_parallel_lanes((size_t)(w->at_once ? chunks : chunks * w->strips), 1, (size_t)w->lanes, run_some,
                      state);
    nw_fast_conv_activate(&w->act, w->result);
    return NW_OK;
}

/* -- what is made once -- */

static void measure(nw_int8_winograd *w, const nw_conv_desc *conv, bool backward)
{
    w->src = backward ? conv->dst : conv->src;
    w->dst = backward ? conv->src : conv->dst;
    w->groups = conv->groups;
    w->in = w->src.dims[1] / w->groups;
    w->out = w->dst.dims[1] / w->groups;
    for (int i = 0; i < 2; i++) w->pads[i] = backward ? 2 - conv->pads_begin[i] : conv->pads_begin[i];
    w->rows = (w->dst.dims[2] + NW_INT8_TILE - 1) / NW_INT8_TILE;
    w->columns = (w->dst.dims[3] + NW_INT8_TILE - 1) / NW_INT8_TILE;
    w->tiles = w->rows * w->columns;
    w->chunks = (w->tiles + TILES - 1) / TILES;
    w->strips = (w->out + NW_INT8_STRIP - 1) / NW_INT8_STRIP;
    w->lanes = nw_threads() < NW_INT8_WINOGRAD_LANES ? nw_threads() : NW_INT8_WINOGRAD_LANES;
    if (!backward) w->act = conv->act;
    w->at_once = w->in * w->out * NW_INT8_POINTS <= IN_CACHE &&
                 w->src.dims[0] * w->groups * w->chunks >= LEAST_CHUNKS * w->lanes;
}

static nw_status buffers(nw_plan *plan, nw_int8_winograd *w, nw_error *err)
{
    int64_t tiles = w->at_once ? w->lanes * TILES : w->src.dims[0] * w->groups * w->tiles;
    size_t pixels = (size_t)tiles * NW_INT8_POINTS;
    size_t sums = (size_t)w->lanes * TILES * NW_INT8_POINTS * NW_INT8_STRIP;
    NW_TRY(nw_plan_scratch(plan, pixels * (size_t)w->in, &w->values, err));
    NW_TRY(nw_plan_scratch(plan, pixels * sizeof(float), &w->value_scales, err));
    NW_TRY(nw_plan_scratch(plan, pixels * sizeof(int32_t), &w->corrections, err));
    NW_TRY(nw_plan_scratch(plan, sums * sizeof(float), &w->sums, err));
    NW_TRY(nw_fast_conv_made(plan, w->made, &w->weights, err));
    return nw_fast_conv_made(plan, w->scales, &w->weight_scales, err);
}

nw_status nw_int8_winograd_step(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                                nw_buffer *src, nw_buffer *made, nw_buffer *bias, nw_buffer *add,
                                nw_buffer *dst, nw_error *err)
{
    nw_int8_winograd *w = nw_calloc(1, sizeof *w);
    if (!w) return nw_no_memory(err, sizeof *w, "a step");
    measure(w, conv, backward);
    w->source = src;
    w->gate = made;
    w->bias = bias;
    w->add = add;
    w->result = dst;
    nw_status status = nw_int8_winograd_weights(plan, w, weights, backward, err);
    if (status == NW_OK) status = buffers(plan, w, err);
    if (status != NW_OK) {
        release(w);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .impl = "int8, winograd, narrows avx512_vnni",
                    .flops = 2.0 * (double)nw_count(&w->dst) * (double)(w->in * NW_INT8_TAPS),
                    .state = w,
                    .run = run,
                    .destroy = release,
                    .reads = {src, w->weights, w->weight_scales},
                    .writes = {dst, w->values, w->value_scales, w->corrections, w->sums}};
    int reads = 3;
    nw_buffer *others[] = {made, bias, add};
    for (int i = 0; i < 3; i++)
        if (others[i]) step.reads[reads++] = others[i];
    return nw_plan_step(plan, &step, err);
}
