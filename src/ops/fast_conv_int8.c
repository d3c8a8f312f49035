/* The step of a convolution by products of 8-bit integers (int8_tile.h): directly, a tap of the window after
 * the other, since each reads pixels with other scales. The gradient with respect to the source is the same
 * with inputs and outputs of the weights exchanged, and other taps.
 *
 * A unit of work is some rows of results and up to 64 outputs: its weights come from the second cache, its
 * results stay in the first. Each result is the same sum in the same order whatever units there are, so bits
 * depend neither on the number of threads nor on the other images. */
#include "ops/fast_conv_int8_internal.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv.h"

#include <string.h>

void nw_int8_conv_free(nw_int8_conv *c)
{
    if (!c) return;
    nw_tensor_unref(c->made);
    nw_tensor_unref(c->scales);
    nw_free(c);
}

/* -- what is made once -- */

nw_status nw_int8_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                            nw_int8_conv **out, nw_error *err)
{
    nw_int8_conv *c = nw_calloc(1, sizeof *c);
    if (!c) return nw_no_memory(err, sizeof *c, "a step");
    nw_int8_conv_measure(c, conv, backward);
    nw_status status = nw_int8_conv_weights(plan, c, weights, backward, err);
    if (status != NW_OK) {
        nw_int8_conv_free(c);
        return status;
    }
    *out = c;
    return NW_OK;
}

/* -- the step -- */

/* What a unit computes. */
typedef struct unit {
    int64_t image, group, strip; /* strip: its first output in the group */
    const nw_int8_phase *phase;
    int64_t begin, end;                          /* rows */
    int first[NW_INT8_ROWS], last[NW_INT8_ROWS]; /* taps of each, where there is a window */
} unit;

/* Consecutive units, which a thread gets, share what is larger: the pixels that they read (and which this
 * thread has made into numbers, in the same order), or the weights. */
static unit unit_at(const nw_int8_conv *c, int64_t index)
{
    int64_t strips = (c->out + NW_INT8_STRIP - 1) / NW_INT8_STRIP, images = c->src.dims[0], part;
    unit u;
    u.phase = c->phases;
    if (c->pixels_first) {
        u.strip = index % strips * NW_INT8_STRIP;
        part = index / strips % c->units;
        u.group = index / strips / c->units % c->groups;
        u.image = index / strips / c->units / c->groups;
    } else {
        part = index % c->units;
        u.image = index / c->units % images;
        u.strip = index / c->units / images % strips * NW_INT8_STRIP;
        u.group = index / c->units / images / strips;
    }
    for (;; u.phase++) {
        int64_t rows = nw_int8_rows_of_unit(u.phase), parts = (u.phase->rows + rows - 1) / rows;
        if (part < parts) {
            u.begin = part * rows;
            u.end = u.begin + rows < u.phase->rows ? u.begin + rows : u.phase->rows;
            return u;
        }
        part -= parts;
    }
}

static const void *at(const nw_int8_conv *c, size_t offset)
{
    return (const unsigned char *)c->source->data + offset;
}

/* What is the same for all rows and taps of a unit; pointers to the first pixel of the image, and to the
 * first output of the strip. */
static nw_int8_strip strip_of(const nw_int8_conv *c, const unit *u)
{
    int64_t map = c->dst.dims[2] * c->dst.dims[3], output = u->group * c->out + u->strip;
    int64_t before = (u->image * c->groups * c->out + output) * map;
    return (nw_int8_strip){.value_step = c->src_step[1] * c->groups * c->in,
                           .step = c->src_step[1],
                           .weights = (const uint8_t *)c->weights->data + output * c->in * c->window,
                           .channels = c->in,
                           .dst = (float *)c->dst_buffer->data + before,
                           .dst_step = c->dst_step[1] * NW_INT8_BLOCK,
                           .block = map * NW_INT8_BLOCK,
                           .weight_scales = (const float *)c->weight_scales->data + output,
                           .bias = c->bias ? (const float *)c->bias->data + output : NULL,
                           .add = c->add ? (const float *)c->add->data + before : NULL,
                           .relu = c->act.kind == NW_ACT_RELU};
}

/* Moves a strip to the results that begin at this pixel. */
static void move_to(nw_int8_strip *s, int64_t pixel, int64_t pixels)
{
    s->dst += pixel * NW_INT8_BLOCK;
    if (s->add) s->add += pixel * NW_INT8_BLOCK;
    s->pixels = pixels;
}

static void run_flat(const nw_int8_conv *c, const unit *u, int vectors)
{
    int64_t pixels = c->values.height * c->values.width;
    int64_t plane = (u->image * c->groups + u->group) * pixels, all = c->groups * c->in;
    for (int64_t row = u->begin; row < u->end; row++) {
        int64_t first = row * NW_INT8_FLAT_ROWS,
                last = first + NW_INT8_FLAT_ROWS < pixels ? first + NW_INT8_FLAT_ROWS : pixels;
        nw_int8_strip s = strip_of(c, u);
        move_to(&s, first, last - first);
        s.values =
            (const int8_t *)at(c, c->values.values) + (u->image * pixels + first) * all + u->group * c->in;
        s.scales = (const float *)at(c, c->values.scales) + plane + first;
        s.correction = (const int32_t *)at(c, c->values.corrections) + plane + first;
        s.first = s.last = true;
        nw_int8_multiply(&s, vectors);
    }
}

/* Rows that no tap reaches, or (a whole phase) that have none. */
static void finish_nothing(const nw_int8_strip *s, int vectors)
{
    nw_int8_strip none = *s;
    float zeros[1] = {0};
    int32_t no_correction[1] = {0};
    int8_t nothing[1] = {0};
    none.values = nothing;
    none.scales = zeros;
    none.correction = no_correction;
    none.value_step = none.step = none.channels = 0;
    none.first = none.last = true;
    nw_int8_multiply(&none, vectors);
}

static bool reaches(const nw_int8_conv *c, const nw_int8_tap *tap, int64_t row)
{
    int64_t y = row * c->src_step[0] + tap->row;
    return y >= 0 && y < c->values.height;
}

/* The first and the last tap that reach each row; none: -1. */
static void find_ends(const nw_int8_conv *c, unit *u)
{
    for (int64_t row = u->begin; row < u->end; row++) {
        int *first = &u->first[row - u->begin], *last = &u->last[row - u->begin];
        *first = *last = -1;
        for (int t = u->phase->first_tap; t < u->phase->first_tap + u->phase->taps; t++)
            if (reaches(c, &c->taps[t], row)) {
                if (*first < 0) *first = t;
                *last = t;
            }
    }
}

static void run_tap(const nw_int8_conv *c, const unit *u, const nw_int8_strip *whole, int t, int vectors)
{
    const nw_int8_values *v = &c->values;
    const nw_int8_tap *tap = &c->taps[t];
    int64_t wide = v->width + 2 * NW_INT8_MARGIN,
            plane = (u->image * c->groups + u->group) * v->height * wide;
    for (int64_t row = u->begin; row < u->end; row++) {
        if (!reaches(c, tap, row)) continue;
        nw_int8_strip s = *whole;
        int64_t y = row * c->src_step[0] + tap->row, from = y * wide + NW_INT8_MARGIN + tap->column;
        move_to(&s, (u->phase->row + row * c->dst_step[0]) * c->dst.dims[3] + u->phase->column,
                u->phase->columns);
        s.values = (const int8_t *)at(c, v->values) +
                   ((u->image * v->height + y) * v->width + tap->column) * c->groups * c->in +
                   u->group * c->in;
        s.scales = (const float *)at(c, v->wide_scales) + plane + from;
        s.correction = (const int32_t *)at(c, v->wide_corrections) + plane + from;
        s.weights += tap->weight * c->in * vectors * NW_INT8_BLOCK;
        s.first = t == u->first[row - u->begin];
        s.last = t == u->last[row - u->begin];
        nw_int8_multiply(&s, vectors);
    }
}

static void run_units(void *context, size_t begin, size_t end)
{
    const nw_int8_conv *c = context;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        unit u = unit_at(c, i);
        int64_t outputs = c->out - u.strip < NW_INT8_STRIP ? c->out - u.strip : NW_INT8_STRIP;
        int vectors = (int)(outputs / NW_INT8_BLOCK);
        if (c->flat) {
            run_flat(c, &u, vectors);
            continue;
        }
        find_ends(c, &u);
        nw_int8_strip s = strip_of(c, &u);
        for (int t = u.phase->first_tap; t < u.phase->first_tap + u.phase->taps; t++)
            run_tap(c, &u, &s, t, vectors);
        for (int64_t row = u.begin; row < u.end; row++) {
            if (u.first[row - u.begin] >= 0) continue;
            nw_int8_strip none = s;
            move_to(&none, (u.phase->row + row * c->dst_step[0]) * c->dst.dims[3] + u.phase->column,
                    u.phase->columns);
            finish_nothing(&none, vectors);
        }
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const nw_int8_conv *c = state;
    int64_t strips = (c->out + NW_INT8_STRIP - 1) / NW_INT8_STRIP;
    nw_parallel((size_t)(c->groups * strips * c->src.dims[0] * c->units), 1, run_units, state);
    nw_fast_conv_activate(&c->act, c->dst_buffer);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_int8_conv_free(state);
}

nw_status nw_int8_conv_step(nw_plan *plan, nw_int8_conv *c, nw_buffer *src, nw_buffer *made, nw_buffer *bias,
                            nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    c->values = nw_int8_values_of(&c->src, c->groups);
    c->bias = bias;
    c->add = add;
    c->dst_buffer = dst;
    nw_status status = nw_int8_values_step(plan, src, made, &c->src, c->groups, &c->source, err);
    if (status == NW_OK) status = nw_fast_conv_made(plan, c->made, &c->weights, err);
    if (status == NW_OK) status = nw_fast_conv_made(plan, c->scales, &c->weight_scales, err);
    if (status != NW_OK) {
        nw_int8_conv_free(c);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .impl = "int8, narrows avx512_vnni",
                    .flops = c->flops,
                    .state = c,
                    .run = run,
                    .destroy = destroy,
                    .reads = {c->source, c->weights, c->weight_scales},
                    .writes = {dst}};
    int reads = 3;
    if (bias) step.reads[reads++] = bias;
    if (add) step.reads[reads++] = add;
    return nw_plan_step(plan, &step, err);
}
