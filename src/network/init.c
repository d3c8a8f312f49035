#include "network/init.h"

#include "base/rng.h"

/* Streams of the generator that no other part draws from: noise of explanations counts its steps from zero.
 */
enum { STEP = NW_RNG_MOST_STEPS - 1, UNIFORM = 1 };

/* 64 bits of FNV-1a: where the counters of a parameter begin. */
static uint64_t place_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *p = name; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
    return hash;
}

void nw_init_constant(nw_tensor *tensor, float value)
{
    float *data = tensor->data;
    for (int64_t i = 0; i < tensor->count; i++) data[i] = value;
}

void nw_init_normal(nw_tensor *tensor, uint64_t seed, const char *name, double deviation)
{
    float *data = tensor->data, scale = (float)deviation;
    nw_rng_normals(seed, place_of(name), STEP, 0, 0, data, (size_t)tensor->count);
    for (int64_t i = 0; i < tensor->count; i++) data[i] *= scale;
}

void nw_init_uniform(nw_tensor *tensor, uint64_t seed, const char *name, double bound)
{
    float *data = tensor->data;
    uint64_t place = place_of(name);
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, words[4][NW_RNG_LANES];
    uint32_t counter[4] = {0, (uint32_t)STEP << 16 | UNIFORM, (uint32_t)place, (uint32_t)(place >> 32)};
    for (int64_t i = 0; i < tensor->count; i++) {
        int64_t within = i % NW_RNG_GROUP;
        if (within == 0) {
            counter[0] = (uint32_t)(i / NW_RNG_GROUP * NW_RNG_LANES);
            nw_rng_words(key, counter, words);
        }
        /* In (0, 1), in steps of 2^-24. */
        double u = ((double)(words[within / NW_RNG_LANES][within % NW_RNG_LANES] >> 8) + 0.5) * 0x1p-24;
        data[i] = (float)((2 * u - 1) * bound);
    }
}
