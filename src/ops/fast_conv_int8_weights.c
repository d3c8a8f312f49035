/* The weights of a convolution as 8-bit numbers, with a scale for each output. */
#include "base/parallel.h"
#include "ops/fast_conv_int8_internal.h"

#include <math.h>

enum { STRIP = NW_INT8_BLOCK * NW_INT8_VECTORS };

typedef struct packing {
    const float *src;
    uint8_t *dst;
    float *scales;
    int64_t in, out, taps; /* as they are computed with: backward exchanged */
    bool backward;
} packing;

/* Of all groups, one after the other, output o of those of its own and input i. */
static const float *window(const packing *p, int64_t group, int64_t o, int64_t i)
{
    return p->src + ((group * p->out * p->in) + (p->backward ? i * p->out + o : o * p->in + i)) * p->taps;
}

static float largest(const packing *p, int64_t group, int64_t o)
{
    float most = 0;
    for (int64_t i = 0; i < p->in; i++)
        for (int64_t t = 0; t < p->taps; t++) most = fmaxf(most, fabsf(window(p, group, o, i)[t]));
    return most;
}

/* Outputs [begin, end) of all groups. */
static void pack(void *context, size_t begin, size_t end)
{
    const packing *p = context;
    for (int64_t all = (int64_t)begin; all < (int64_t)end; all++) {
        int64_t group = all / p->out, o = all % p->out, strip = o / STRIP * STRIP;
        int64_t outputs = p->out - strip < STRIP ? p->out - strip : STRIP;
        uint8_t *dst = p->dst + (group * p->out + strip) * p->in * p->taps + (o - strip) * NW_INT8_FOUR;
        float most = largest(p, group, o), factor = most < 1e-35F ? 0 : NW_INT8_LEVELS / most;
        p->scales[all] = most / NW_INT8_LEVELS;
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t t = 0; t < p->taps; t++) {
                int64_t four = t * p->in / NW_INT8_FOUR + i / NW_INT8_FOUR;
                float q = rintf(window(p, group, o, i)[t] * factor);
                dst[four * outputs * NW_INT8_FOUR + i % NW_INT8_FOUR] = (uint8_t)((int)q + NW_INT8_OFFSET);
            }
    }
}

nw_status nw_int8_conv_weights(nw_plan *plan, nw_int8_conv *conv, nw_tensor *plain, bool backward,
                               nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {plain}, *made[NW_FOLD_MADE] = {NULL};
    float key = -(float)(100000 + 2 * conv->groups + backward); /* minimal filtering has smaller ones */
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape bytes = {.rank = 1, .dims = {plain->count}};
        nw_shape outputs = {.rank = 1, .dims = {conv->groups * conv->out}};
        NW_TRY(nw_tensor_new_uninitialised(NW_U8, &bytes, &made[0], err));
        nw_status status = nw_tensor_new_uninitialised(NW_F32, &outputs, &made[1], err);
        if (status != NW_OK) {
            nw_tensor_unref(made[0]);
            return status;
        }
        packing p = {.src = plain->data,
                     .dst = made[0]->data,
                     .scales = made[1]->data,
                     .in = conv->in,
                     .out = conv->out,
                     .taps = nw_span(&plain->shape, 2, plain->shape.rank),
                     .backward = backward};
        nw_parallel((size_t)outputs.dims[0], NW_INT8_BLOCK, pack, &p);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    conv->made = made[0];
    conv->scales = made[1];
    return NW_OK;
}
