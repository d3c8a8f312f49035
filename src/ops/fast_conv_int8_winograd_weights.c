/* The filters of a convolution, transformed, as 8-bit numbers, with a scale for each output and position. */
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/fast_conv.h"
#include "ops/fast_conv_int8_winograd_internal.h"

#include <math.h>
#include <string.h>

typedef struct packing {
    const float *src;
    uint8_t *dst;
    float *scales;
    int64_t groups, in, out;     /* as they are computed with: backward exchanged */
    int64_t by_output, by_input; /* floats in src from one to the next, in a group */
    bool mirrored;
} packing;

/* The largest magnitudes of 16 outputs by position; a NaN is above all. */
NW_SIMD static void most_of(const packing *p, const float *src, float most[NW_INT8_POINTS][NW_INT8_BLOCK])
{
    float u[NW_INT8_POINTS][NW_INT8_BLOCK];
    memset(most, 0, NW_INT8_POINTS * sizeof *most);
    for (int64_t i = 0; i < p->in; i++) {
        nw_int8_tile_filters(src + i * p->by_input, p->by_output, p->mirrored, u);
        for (int k = 0; k < NW_INT8_POINTS; k++)
            for (int o = 0; o < NW_INT8_BLOCK; o++) {
                float size = fabsf(u[k][o]);
                most[k][o] = size <= most[k][o] || most[k][o] != most[k][o] ? most[k][o] : size;
            }
    }
}

/* Blocks of 16 outputs [begin, end), of all groups. */
NW_SIMD static void pack(void *context, size_t begin, size_t end)
{
    const packing *p = context;
    int64_t blocks = p->out / NW_INT8_BLOCK, outputs = p->groups * p->out;
    for (int64_t all = (int64_t)begin; all < (int64_t)end; all++) {
        float u[NW_INT8_FOUR][NW_INT8_POINTS][NW_INT8_BLOCK], factor[NW_INT8_POINTS][NW_INT8_BLOCK];
        int64_t group = all / blocks, first = all % blocks * NW_INT8_BLOCK,
                strip = first / NW_INT8_STRIP * NW_INT8_STRIP;
        int64_t together = p->out - strip < NW_INT8_STRIP ? p->out - strip : NW_INT8_STRIP;
        const float *src = p->src + group * p->out * p->in * NW_INT8_TAPS + first * p->by_output;
        most_of(p, src, factor);
        for (int k = 0; k < NW_INT8_POINTS; k++)
            for (int o = 0; o < NW_INT8_BLOCK; o++) {
                float most = factor[k][o];
                p->scales[k * outputs + all * NW_INT8_BLOCK + o] =
                    (isfinite(most) ? most : NAN) / NW_INT8_LEVELS;
                factor[k][o] = most < 1e-35F ? 0 : NW_INT8_LEVELS / most;
            }
        uint8_t *to =
            p->dst + (group * p->out + strip) * NW_INT8_POINTS * p->in + (first - strip) * NW_INT8_FOUR;
        for (int64_t i = 0; i < p->in; i += NW_INT8_FOUR) {
            for (int f = 0; f < NW_INT8_FOUR; f++)
                nw_int8_tile_filters(src + (i + f) * p->by_input, p->by_output, p->mirrored, u[f]);
            for (int64_t k = 0; k < NW_INT8_POINTS; k++) {
                uint32_t fours[NW_INT8_BLOCK] = {0}; /* of inputs, the first in the lowest byte */
                for (int f = 0; f < NW_INT8_FOUR; f++)
                    for (int o = 0; o < NW_INT8_BLOCK; o++)
                        fours[o] |= nw_int8_weight(u[f][k][o] * factor[k][o]) << (8 * f);
                memcpy(to + (k * p->in + i) * together, fours, sizeof fours);
            }
        }
    }
}

nw_status nw_int8_winograd_weights(nw_plan *plan, nw_int8_winograd *w, nw_tensor *plain, bool backward,
                                   nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {plain}, *made[NW_FOLD_MADE] = {NULL};
    float key = nw_fast_conv_key(NW_MADE_INT8_WINOGRAD, w->groups, backward);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape bytes = {.rank = 1, .dims = {w->groups * w->out * w->in * NW_INT8_POINTS}};
        nw_shape scales = {.rank = 1, .dims = {w->groups * w->out * NW_INT8_POINTS}};
        NW_TRY(nw_tensor_new_uninitialised(NW_U8, &bytes, &made[0], err));
        nw_status status = nw_tensor_new_uninitialised(NW_F32, &scales, &made[1], err);
        if (status != NW_OK) {
            nw_tensor_unref(made[0]);
            return status;
        }
        packing p = {.src = plain->data,
                     .dst = made[0]->data,
                     .scales = made[1]->data,
                     .groups = w->groups,
                     .in = w->in,
                     .out = w->out,
                     .by_output = backward ? NW_INT8_TAPS : w->in * NW_INT8_TAPS,
                     .by_input = backward ? w->out * NW_INT8_TAPS : NW_INT8_TAPS,
                     .mirrored = backward};
        nw_parallel((size_t)(w->groups * w->out / NW_INT8_BLOCK), 1, pack, &p);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    w->made = made[0];
    w->scales = made[1];
    return NW_OK;
}
