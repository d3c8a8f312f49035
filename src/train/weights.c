/* Copies of a network's weights. */
#include "base/memory.h"
#include "train/trainer.h"

#include <string.h>

nw_status nw_weights_new(nw_weights *out, const int64_t *sizes, size_t count, nw_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += (size_t)sizes[i];
    nw_weights w = {.count = count};
    w.arrays = nw_calloc(count, sizeof *w.arrays);
    w.block = nw_calloc(total, sizeof *w.block);
    if (!w.arrays || !w.block) {
        nw_weights_clear(&w);
        return nw_no_memory(err, total * sizeof *w.block, "a copy of the weights");
    }
    float *at = w.block;
    for (size_t i = 0; i < count; at += sizes[i], i++) w.arrays[i] = at;
    *out = w;
    return NW_OK;
}

void nw_weights_copy(const nw_weights *dst, float *const *src, const int64_t *sizes)
{
    for (size_t i = 0; i < dst->count; i++) memcpy(dst->arrays[i], src[i], (size_t)sizes[i] * sizeof *src[i]);
}

void nw_weights_clear(nw_weights *weights)
{
    nw_free(weights->arrays);
    nw_free(weights->block);
    memset(weights, 0, sizeof *weights);
}
