/* The weights of a convolution as 8-bit numbers, with a scale for each output. */
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/fast_conv.h"
#include "ops/fast_conv_int8_internal.h"

#include <math.h>
#include <string.h>

typedef struct packing {
    const float *src;
    uint8_t *dst;
    float *scales;
    int64_t in, out, taps;       /* as they are computed with: backward exchanged */
    int64_t by_output, by_input; /* floats in src from one to the next, in a group */
} packing;

/* Blocks of 16 outputs [begin, end), of all groups. */
NW_SIMD static void pack(void *context, size_t begin, size_t end)
{
    const packing *p = context;
    int64_t blocks = p->out / NW_INT8_BLOCK;
    for (int64_t all = (int64_t)begin; all < (int64_t)end; all++) {
        int64_t group = all / blocks, first = all % blocks * NW_INT8_BLOCK,
                strip = first / NW_INT8_STRIP * NW_INT8_STRIP;
        int64_t outputs = p->out - strip < NW_INT8_STRIP ? p->out - strip : NW_INT8_STRIP;
        const float *src = p->src + group * p->out * p->in * p->taps + first * p->by_output;
        /* Magnitudes, which have the order of their bits; a NaN is above all. */
        uint32_t most[NW_INT8_BLOCK] = {0};
        float factor[NW_INT8_BLOCK];
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t t = 0; t < p->taps; t++)
                for (int k = 0; k < NW_INT8_BLOCK; k++) {
                    uint32_t bits;
                    memcpy(&bits, &src[i * p->by_input + t + k * p->by_output], sizeof bits);
                    bits &= 0x7fffffffu;
                    most[k] = most[k] < bits ? bits : most[k];
                }
        for (int k = 0; k < NW_INT8_BLOCK; k++) {
            float largest;
            memcpy(&largest, &most[k], sizeof largest);
            factor[k] = largest < 1e-35F ? 0 : NW_INT8_LEVELS / largest;
            p->scales[all * NW_INT8_BLOCK + k] = (isfinite(largest) ? largest : NAN) / NW_INT8_LEVELS;
        }
        uint8_t *to = p->dst + (group * p->out + strip) * p->in * p->taps + (first - strip) * NW_INT8_FOUR;
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t t = 0; t < p->taps; t++) {
                const float *from = src + i * p->by_input + t;
                uint8_t *dst = to + (t * p->in + i - i % NW_INT8_FOUR) * outputs + i % NW_INT8_FOUR;
                for (int k = 0; k < NW_INT8_BLOCK; k++)
                    dst[k * NW_INT8_FOUR] = (uint8_t)nw_int8_weight(from[k * p->by_output] * factor[k]);
            }
    }
}

nw_status nw_int8_conv_weights(nw_plan *plan, nw_int8_conv *conv, nw_tensor *plain, bool backward,
                               nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {plain}, *made[NW_FOLD_MADE] = {NULL};
    float key = nw_fast_conv_key(NW_MADE_INT8, conv->groups, backward);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        nw_shape bytes = {.rank = 1, .dims = {plain->count}};
        nw_shape outputs = {.rank = 1, .dims = {conv->groups * conv->out}};
        NW_TRY(nw_tensor_new_uninitialised(NW_U8, &bytes, &made[0], err));
        nw_status status = nw_tensor_new_uninitialised(NW_F32, &outputs, &made[1], err);
        if (status != NW_OK) {
            nw_tensor_unref(made[0]);
            return status;
        }
        int64_t taps = nw_span(&plain->shape, 2, plain->shape.rank);
        packing p = {.src = plain->data,
                     .dst = made[0]->data,
                     .scales = made[1]->data,
                     .in = conv->in,
                     .out = conv->out,
                     .taps = taps,
                     .by_output = backward ? taps : conv->in * taps,
                     .by_input = backward ? conv->out * taps : taps};
        nw_parallel((size_t)(outputs.dims[0] / NW_INT8_BLOCK), 1, pack, &p);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    conv->made = made[0];
    conv->scales = made[1];
    return NW_OK;
}
