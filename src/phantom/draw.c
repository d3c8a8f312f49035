#include "phantom/draw.h"

#include <string.h>

nw_draw nw_draw_start(uint64_t seed, uint64_t study, uint32_t part)
{
    nw_draw d = {.seed = seed, .study = study, .part = part};
    d.at = 4 * NW_RNG_LANES;
    return d;
}

uint32_t nw_draw_word(nw_draw *d)
{
    if (d->at == 4 * NW_RNG_LANES) {
        /* The part stands where nw_rng_normals has the step, so the two never meet for different parts. */
        const uint32_t key[2] = {(uint32_t)d->seed, (uint32_t)(d->seed >> 32)};
        const uint32_t counter[4] = {d->block, d->part << 16, (uint32_t)d->study, (uint32_t)(d->study >> 32)};
        nw_rng_words(key, counter, d->words);
        d->block += NW_RNG_LANES;
        d->at = 0;
    }
    uint32_t i = d->at++;
    return d->words[i % 4][i / 4];
}

float nw_draw_uniform(nw_draw *d)
{
    return (float)(nw_draw_word(d) >> 8) * 0x1p-24F;
}

float nw_draw_range(nw_draw *d, float low, float high)
{
    return low + (high - low) * nw_draw_uniform(d);
}

int nw_draw_below(nw_draw *d, int n)
{
    return (int)(((uint64_t)nw_draw_word(d) * (uint64_t)n) >> 32);
}

int nw_draw_chance(nw_draw *d, float probability)
{
    return nw_draw_uniform(d) < probability;
}

float nw_draw_normal(nw_draw *d, float mean, float sd)
{
    /* The sum of four uniforms: variance 1/3, and no tails to cut off beyond 2 sqrt(3) sd. */
    float sum = -2;
    for (int i = 0; i < 4; i++) sum += nw_draw_uniform(d);
    float z = sum * 1.7320508F;
    return mean + sd * (z < -2 ? -2 : z > 2 ? 2 : z);
}
