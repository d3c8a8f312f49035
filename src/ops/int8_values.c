#include "ops/int8_values.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <stdio.h>
#include <string.h>

enum { UNITS = 8 };

static size_t take(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + NW_ALIGNMENT - 1) / NW_ALIGNMENT * NW_ALIGNMENT;
    return here;
}

nw_int8_values nw_int8_values_of(const nw_shape *shape, int64_t groups)
{
    nw_int8_values v = {.images = shape->dims[0],
                        .groups = groups,
                        .channels = shape->dims[1] / groups,
                        .height = shape->dims[2],
                        .width = shape->dims[3]};
    size_t planes = (size_t)(v.images * groups), pixels = (size_t)(v.height * v.width);
    size_t wide = (size_t)(v.height * (v.width + 2 * NW_INT8_MARGIN));
    size_t edge = (size_t)(NW_INT8_MARGIN * shape->dims[1]); /* before the first pixel and behind the last */
    take(&v.bytes, edge);
    v.values = take(&v.bytes, planes * pixels * (size_t)v.channels);
    take(&v.bytes, edge);
    v.scales = take(&v.bytes, planes * pixels * sizeof(float));
    v.corrections = take(&v.bytes, planes * pixels * sizeof(int32_t));
    v.wide_scales = take(&v.bytes, planes * wide * sizeof(float));
    v.wide_corrections = take(&v.bytes, planes * wide * sizeof(int32_t));
    return v;
}

typedef struct quantise {
    nw_int8_values v;
    nw_buffer *src, *made, *dst;
} quantise;

static void *at(const quantise *q, size_t offset)
{
    return (unsigned char *)q->dst->data + offset;
}

static void clear(float *scales, int32_t *corrections)
{
    memset(scales, 0, NW_INT8_MARGIN * sizeof *scales);
    memset(corrections, 0, NW_INT8_MARGIN * sizeof *corrections);
}

/* With the margins of rows that begin or end here. */
static void widen(const quantise *q, int64_t plane, int64_t begin, int64_t end)
{
    const nw_int8_values *v = &q->v;
    int64_t wide = v->width + 2 * NW_INT8_MARGIN;
    const float *scales = (const float *)at(q, v->scales) + plane * v->height * v->width;
    const int32_t *corrections = (const int32_t *)at(q, v->corrections) + plane * v->height * v->width;
    float *to = (float *)at(q, v->wide_scales) + plane * v->height * wide;
    int32_t *corrected = (int32_t *)at(q, v->wide_corrections) + plane * v->height * wide;
    for (int64_t p = begin; p < end; p++) {
        int64_t x = p % v->width, here = p / v->width * wide + NW_INT8_MARGIN + x;
        to[here] = scales[p];
        corrected[here] = corrections[p];
        if (x == 0) clear(to + here - NW_INT8_MARGIN, corrected + here - NW_INT8_MARGIN);
        if (x == v->width - 1) clear(to + here + 1, corrected + here + 1);
    }
}

static void some(void *context, size_t begin, size_t end)
{
    const quantise *q = context;
    const nw_int8_values *v = &q->v;
    int64_t pixels = v->height * v->width, chunks = (pixels + NW_INT8_PIXELS - 1) / NW_INT8_PIXELS;
    int64_t step = v->groups * v->channels;
    for (int64_t unit = (int64_t)begin; unit < (int64_t)end; unit++) {
        int64_t plane = unit / chunks, first = unit % chunks * NW_INT8_PIXELS;
        int64_t last = first + NW_INT8_PIXELS < pixels ? first + NW_INT8_PIXELS : pixels;
        int64_t image = plane / v->groups, group = plane % v->groups;
        nw_int8_source to = {(int8_t *)at(q, v->values) + (image * pixels + first) * step +
                                 group * v->channels,
                             (float *)at(q, v->scales) + plane * pixels + first,
                             (int32_t *)at(q, v->corrections) + plane * pixels + first};
        int64_t from = plane * v->channels * pixels + first * NW_INT8_BLOCK;
        nw_int8_quantise((const float *)q->src->data + from,
                         q->made ? (const float *)q->made->data + from : NULL, v->channels,
                         pixels * NW_INT8_BLOCK, (int)(last - first), step, &to);
        widen(q, plane, first, last);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const quantise *q = state;
    int64_t pixels = q->v.height * q->v.width;
    nw_parallel((size_t)(q->v.images * q->v.groups * ((pixels + NW_INT8_PIXELS - 1) / NW_INT8_PIXELS)), UNITS,
                some, state);
    return NW_OK;
}

nw_status nw_int8_values_step(nw_plan *plan, nw_buffer *src, nw_buffer *made, const nw_shape *shape,
                              int64_t groups, nw_buffer **out, nw_error *err)
{
    if (!made && src->int8 && src->int8_groups == groups) {
        *out = src->int8;
        return NW_OK;
    }
    quantise *q = nw_calloc(1, sizeof *q);
    if (!q) return nw_no_memory(err, sizeof *q, "a step");
    q->v = nw_int8_values_of(shape, groups);
    q->src = src;
    q->made = made;
    nw_status status = nw_plan_scratch(plan, q->v.bytes, &q->dst, err);
    if (status != NW_OK) {
        nw_free(q);
        return status;
    }
    *out = q->dst;
    if (!made) {
        src->int8 = q->dst;
        src->int8_groups = groups;
    }
    nw_step step = {.kind = made ? "int8+act" : "int8",
                    .impl = "narrows",
                    .state = q,
                    .run = run,
                    .reads = {src, made},
                    .writes = {q->dst}};
    return nw_plan_step(plan, &step, err);
}
