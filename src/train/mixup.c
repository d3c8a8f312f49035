#include "train/mixup.h"

#include "base/parallel.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 2048, GAMMA_BLOCKS = 1 << 20 };

/* Blocks of the permutation begin at 0, those of the two gamma variates beyond. */
static void words_at(uint64_t seed, uint64_t step, uint32_t block, uint32_t words[4][NW_RNG_LANES])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    /* The last word keeps these apart from the noise of images and from the bootstrap. */
    const uint32_t counter[4] = {block, (uint32_t)(step >> 32), (uint32_t)step, UINT32_MAX - 1};
    nw_rng_words(key, counter, words);
}

/* In (0, 1), from 52 bits. */
static double uniform(uint32_t high, uint32_t low)
{
    return ((double)(((uint64_t)high << 20) | (low >> 12)) + 0.5) * 0x1p-52;
}

/* The logarithm of a gamma variate of shape a. For a < 1 that of shape a + 1 times u^(1/a). */
static double log_gamma_variate(uint64_t seed, uint64_t step, uint32_t first, double a)
{
    static const double two_pi = 6.28318530717958647693;
    double shape = a < 1 ? a + 1 : a, d = shape - 1. / 3, c = 1 / sqrt(9 * d);
    uint32_t words[4][NW_RNG_LANES];
    words_at(seed, step, first, words);
    double boost = a < 1 ? log(uniform(words[0][0], words[1][0])) / a : 0;
    /* A trial takes two lanes and succeeds with a chance above 0.95. */
    for (uint32_t trial = 1;; trial++) {
        uint32_t lane = 2 * trial % NW_RNG_LANES;
        if (lane == 0) words_at(seed, step, first + 2 * trial, words);
        double radius = sqrt(-2 * log(uniform(words[0][lane], words[1][lane])));
        double x = radius * cos(two_pi * uniform(words[2][lane], words[3][lane]));
        double u = uniform(words[0][lane + 1], words[1][lane + 1]), v = 1 + c * x;
        v = v * v * v;
        if (v > 0 && log(u) < x * x / 2 + d - d * v + d * log(v)) return log(d * v) + boost;
    }
}

double nw_mixup_lambda(uint64_t seed, uint64_t step, double a)
{
    double x = log_gamma_variate(seed, step, 1u << 30, a);
    double y = log_gamma_variate(seed, step, (1u << 30) + GAMMA_BLOCKS, a);
    return 1 / (1 + exp(y - x));
}

void nw_mixup_order(uint64_t seed, uint64_t step, int64_t n, int64_t *order)
{
    uint32_t words[4][NW_RNG_LANES];
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = 0; i + 1 < n; i++) {
        uint32_t lane = (uint32_t)(i % NW_RNG_LANES);
        if (lane == 0) words_at(seed, step, (uint32_t)i, words);
        /* A word scaled to 0 .. n - i - 1: uneven by n / 2^32 at most. */
        int64_t j = i + (int64_t)((words[0][lane] * (uint64_t)(n - i)) >> 32);
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* The first of each cycle of order[n], then -1 (where there is room). The signs of `order` mark what was seen
 * and are back at the end. */
static void find_cycles(int64_t *order, int64_t *firsts, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (order[i] < 0) continue;
        firsts[count++] = i;
        for (int64_t at = i; order[at] >= 0;) {
            int64_t next = order[at];
            order[at] = ~next;
            at = next;
        }
    }
    for (int64_t i = 0; i < n; i++) order[i] = ~order[i];
    if (count < n) firsts[count] = -1;
}

typedef struct work {
    float *values;
    int64_t n, size;
    const int64_t *order, *firsts;
    float lambda, rest;
} work;

static void mix(const work *w, int64_t into, const float *other, size_t begin, size_t end)
{
    float *values = w->values + into * w->size;
    for (size_t i = begin; i < end; i++) values[i] = w->lambda * values[i] + w->rest * other[i - begin];
}

/* Along each cycle every sample is still what it was when its turn as the other comes, but for the first,
 * which is kept. */
static void mix_chunk(void *context, size_t begin, size_t end)
{
    const work *w = context;
    float kept[CHUNK];
    for (int64_t c = 0; c < w->n && w->firsts[c] >= 0; c++) {
        int64_t first = w->firsts[c], at = first;
        memcpy(kept, w->values + first * w->size + begin, (end - begin) * sizeof *kept);
        for (; w->order[at] != first; at = w->order[at])
            mix(w, at, w->values + w->order[at] * w->size + begin, begin, end);
        mix(w, at, kept, begin, end);
    }
}

nw_status nw_mixup(float *pixels, float *targets, int64_t n, int64_t size, int64_t k, double a, uint64_t seed,
                   uint64_t step, int64_t *workspace, double *lambda, nw_error *err)
{
    if (!(a >= 0) || !isfinite(a)) return nw_fail(err, NW_USAGE, "mixup with alpha %g: it cannot be", a);
    if (lambda) *lambda = 1;
    nw_mixup_order(seed, step, n, workspace);
    if (!(a > 0)) return NW_OK;
    find_cycles(workspace, workspace + n, n);
    double drawn = nw_mixup_lambda(seed, step, a);
    work w = {pixels, n, size, workspace, workspace + n, (float)drawn, (float)(1 - drawn)};
    nw_parallel((size_t)size, CHUNK, mix_chunk, &w);
    w.values = targets;
    w.size = k;
    nw_parallel((size_t)k, CHUNK, mix_chunk, &w);
    if (lambda) *lambda = drawn;
    return NW_OK;
}
