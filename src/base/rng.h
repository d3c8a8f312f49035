/* Normal random numbers that are a function of their address, not of a state: whoever asks for a number gets
 * the same one, in any order, in pieces of any size, on any thread and any instruction set.
 *
 * Philox4x32-10 (Salmon et al., SC 2011; the Random123 library is the reference that the tests compare with)
 * is keyed by the seed; its counter is (block, step and sample, image). Box-Muller makes two normals of two
 * 32-bit words; the largest is 6.7.
 */
#ifndef NW_BASE_RNG_H
#define NW_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

enum {
    NW_RNG_LANES = 64,               /* blocks that are computed together */
    NW_RNG_GROUP = 4 * NW_RNG_LANES, /* normals that come of them: pieces of this size cost nothing extra */
    NW_RNG_MOST_STEPS = 65536,
    NW_RNG_MOST_SAMPLES = 65536
};

/* dst[i] = normal number first + i of that seed, image, step (below NW_RNG_MOST_STEPS) and sample. first + n
 * may be up to 2^34. */
void nw_rng_normals(uint64_t seed, uint64_t image, uint32_t step, uint32_t sample, uint64_t first, float *dst,
                    size_t n);

/* Philox4x32-10 of the counters (first_block + lane, counter[1], counter[2], counter[3]) for all lanes:
 * words[w][lane]. What nw_rng_normals stands on, for tests. */
void nw_rng_words(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4][NW_RNG_LANES]);

/* Names of the variants for instruction sets that this processor can run, and a choice among them for tests:
 * 0 is the plain one; all give the same bits. */
int nw_rng_variants(void);
void nw_rng_normals_variant(int variant, uint64_t seed, uint64_t image, uint32_t step, uint32_t sample,
                            uint64_t first, float *dst, size_t n);

#endif
