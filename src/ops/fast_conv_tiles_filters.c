/* The filters of a convolution by minimal filtering: those of the model transformed once, those that change
 * by a step. */
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv.h"
#include "ops/fast_conv_tiles_internal.h"

enum { UNITS = 32 };

static void filters_part(void *context, size_t begin, size_t end)
{
    nw_tile_transform_filters(context, begin, end);
}

static nw_tile_filters filters_desc(const nw_tile_conv *t, const float *weights, int64_t group, float *dst)
{
    return (nw_tile_filters){.src = weights + group * t->in * t->out * 9,
                             .dst = dst,
                             .tile = t->tile,
                             .block = t->block,
                             .outputs = t->out,
                             .inputs = t->in,
                             .strip = t->strip,
                             .mirrored = t->mirrored,
                             .stride = t->filter_stride};
}

static void transform_filters(nw_tile_filters *f)
{
    nw_parallel((size_t)(f->inputs / f->block * (f->outputs / f->block)), UNITS, filters_part, f);
}

nw_status nw_tile_filters_made(nw_plan *plan, nw_tile_conv *t, nw_tensor *weights, int64_t group,
                               nw_tensor **out, nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {weights}, *made[NW_FOLD_MADE] = {NULL};
    float key = nw_fast_conv_key(NW_MADE_TILES + 10000 * t->tile + 100 * group, t->conv.groups, t->mirrored);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape shape = {.rank = 1, .dims = {(int64_t)t->filter_stride * t->points}};
        NW_TRY(nw_tensor_new_uninitialised(NW_F32, &shape, &made[0], err));
        nw_tile_filters f = filters_desc(t, weights->data, group, made[0]->data);
        transform_filters(&f);
        made[1] = nw_tensor_ref(made[0]);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    nw_tensor_unref(made[1]);
    *out = made[0];
    return NW_OK;
}

typedef struct filters_step {
    const nw_tile_conv *t; /* whose step comes after this one */
    nw_buffer *weights;
} filters_step;

static nw_status run_filters(void *state, nw_error *err)
{
    (void)err;
    const filters_step *s = state;
    for (int64_t g = 0; g < s->t->conv.groups; g++) {
        nw_tile_filters f = filters_desc(s->t, s->weights->data, g, s->t->filters[g]->data);
        transform_filters(&f);
    }
    return NW_OK;
}

nw_status nw_tile_filters_step(nw_plan *plan, const nw_tile_conv *t, nw_buffer *weights, nw_error *err)
{
    filters_step *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = (filters_step){t, weights};
    nw_step step = {.kind = "pack", .impl = "winograd", .state = s, .run = run_filters, .reads = {weights}};
    for (int64_t g = 0; g < t->conv.groups; g++) step.writes[g] = t->filters[g];
    return nw_plan_step(plan, &step, err);
}
