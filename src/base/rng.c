#include "base/rng.h"

#include <math.h>
#include <string.h>

/* The variants promise equal bits, so no multiply and add may be fused in one of them alone. gcc fuses none
 * in ISO mode. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { LANES = NW_RNG_LANES, GROUP = NW_RNG_GROUP, ROUNDS = 10 };

/* Philox4x32: the multipliers, and what is added to the key after each round. */
#define MULTIPLY_0 0xD2511F53u
#define MULTIPLY_1 0xCD9E8D57u
#define WEYL_0     0x9E3779B9u
#define WEYL_1     0xBB67AE85u

static inline __attribute__((always_inline)) void philox(const uint32_t key[2], const uint32_t counter[4],
                                                         uint32_t words[4][LANES])
{
    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint32_t c0 = counter[0] + lane, c1 = counter[1], c2 = counter[2], c3 = counter[3];
        uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t p0 = (uint64_t)c0 * MULTIPLY_0, p1 = (uint64_t)c2 * MULTIPLY_1;
            c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)p1;
            c3 = (uint32_t)p0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        words[0][lane] = c0;
        words[1][lane] = c1;
        words[2][lane] = c2;
        words[3][lane] = c3;
    }
}

/* ln(u) for a normal u in (0, 1]: u = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); a polynomial of degree
 * 8 for (ln(1+f) - f + f^2/2) / f^3, fitted at Chebyshev nodes. Relative error below 3e-7. */
static inline __attribute__((always_inline)) float log_unit(float u)
{
    int32_t bits;
    memcpy(&bits, &u, sizeof bits);
    const int32_t half_root = 0x3f3504f3; /* sqrt(1/2) */
    int32_t e = (bits - half_root) >> 23;
    bits -= e * (1 << 23);
    float m, k = (float)e;
    memcpy(&m, &bits, sizeof m);
    float f = m - 1.F;
    float p = 0.06971612F;
    p = p * f - 0.11479734F;
    p = p * f + 0.1168542F;
    p = p * f - 0.12425687F;
    p = p * f + 0.14249058F;
    p = p * f - 0.16667803F;
    p = p * f + 0.20000716F;
    p = p * f - 0.24999997F;
    p = p * f + 0.3333333F;
    float z = f * f;
    return k * 0.693147180559945F + (f - 0.5F * z + z * f * p);
}

/* Two words -> two normals, lane by lane: sqrt(-2 ln u) times cos and sin of 2 pi v. */
static inline __attribute__((always_inline)) void
box_muller(const uint32_t *radius_word, const uint32_t *angle_word, float *first, float *second)
{
    for (int lane = 0; lane < LANES; lane++) {
        /* u in (0, 1] in steps of 2^-31, never 0. */
        float u = (float)(int32_t)(radius_word[lane] >> 1) * 0x1p-31F + 0x1p-32F;
        float radius = sqrtf(-2.F * log_unit(u));
        /* The angle is w / 2^32 turns: quarter turns, and a rest within an eighth on either side, exactly. */
        uint32_t w = angle_word[lane] + 0x20000000u;
        uint32_t quarter = w >> 30;
        float rest = (float)((int32_t)(w & 0x3fffffffu) - 0x20000000) * (float)(6.283185307179586 * 0x1p-32);
        float z = rest * rest;
        float s = rest + rest * z * ((-0.00019587866F * z + 0.008332748F) * z - 0.16666664F);
        float c = 1.F - 0.5F * z + z * z * ((2.4547917e-05F * z - 0.0013888302F) * z + 0.041666664F);
        float x = quarter & 1u ? s : c, y = quarter & 1u ? c : s;
        first[lane] = radius * (quarter == 1u || quarter == 2u ? -x : x);
        second[lane] = radius * (quarter & 2u ? -y : y);
    }
}

typedef void philox_fn(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4][LANES]);

typedef struct stream {
    uint32_t key[2], counter[4];
} stream;

/* Normals GROUP * group + i for i < GROUP; i = word * LANES + lane, so that nothing is shuffled. */
static inline __attribute__((always_inline)) void make_group(const stream *s, uint64_t group, float *dst,
                                                             philox_fn *make)
{
    uint32_t words[4][LANES];
    uint32_t counter[4] = {(uint32_t)(group * LANES), s->counter[1], s->counter[2], s->counter[3]};
    if (make)
        make(s->key, counter, words);
    else
        philox(s->key, counter, words);
    box_muller(words[0], words[1], dst, dst + LANES);
    box_muller(words[2], words[3], dst + 2 * LANES, dst + 3 * LANES);
}

static inline __attribute__((always_inline)) void fill(const stream *s, uint64_t first, float *dst, size_t n,
                                                       philox_fn *make)
{
    float piece[GROUP];
    while (n) {
        size_t skip = (size_t)(first % GROUP), take = GROUP - skip < n ? GROUP - skip : n;
        if (take == GROUP)
            make_group(s, first / GROUP, dst, make);
        else {
            make_group(s, first / GROUP, piece, make);
            memcpy(dst, piece + skip, take * sizeof *dst);
        }
        first += take;
        dst += take;
        n -= take;
    }
}

static void fill_plain(const stream *s, uint64_t first, float *dst, size_t n)
{
    fill(s, first, dst, n, NULL);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>

static __attribute__((target("avx2"))) void fill_avx2(const stream *s, uint64_t first, float *dst, size_t n)
{
    fill(s, first, dst, n, NULL);
}

#ifdef __clang__
#define WIDE "avx512f,avx512dq,avx512vl,avx512bw"
#else
#define WIDE "avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512"
#endif

/* a b of 16 lanes, in halves. gcc multiplies 64 bits by 64 for that, in three instructions each. */
static inline __attribute__((always_inline, target(WIDE))) void multiply_wide(__m512i a, __m512i b,
                                                                              __m512i *low, __m512i *high)
{
    const __mmask16 odd = 0xaaaa;
    __m512i even = _mm512_mul_epu32(a, b), other = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), b);
    *low = _mm512_mask_blend_epi32(odd, even, _mm512_slli_epi64(other, 32));
    *high = _mm512_mask_blend_epi32(odd, _mm512_srli_epi64(even, 32), other);
}

/* As philox(). */
static __attribute__((target(WIDE))) void philox_wide(const uint32_t key[2], const uint32_t counter[4],
                                                      uint32_t words[4][LANES])
{
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i m0 = _mm512_set1_epi32((int32_t)MULTIPLY_0), m1 = _mm512_set1_epi32((int32_t)MULTIPLY_1);
    for (uint32_t lane = 0; lane < LANES; lane += 16) {
        __m512i c0 = _mm512_add_epi32(_mm512_set1_epi32((int32_t)(counter[0] + lane)), first);
        __m512i c1 = _mm512_set1_epi32((int32_t)counter[1]), c2 = _mm512_set1_epi32((int32_t)counter[2]),
                c3 = _mm512_set1_epi32((int32_t)counter[3]);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < ROUNDS; round++) {
            __m512i low0, high0, low1, high1;
            multiply_wide(c0, m0, &low0, &high0);
            multiply_wide(c2, m1, &low1, &high1);
            c0 = _mm512_xor_si512(_mm512_xor_si512(high1, c1), _mm512_set1_epi32((int32_t)k0));
            c2 = _mm512_xor_si512(_mm512_xor_si512(high0, c3), _mm512_set1_epi32((int32_t)k1));
            c1 = low1;
            c3 = low0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        _mm512_storeu_si512(&words[0][lane], c0);
        _mm512_storeu_si512(&words[1][lane], c1);
        _mm512_storeu_si512(&words[2][lane], c2);
        _mm512_storeu_si512(&words[3][lane], c3);
    }
}

static __attribute__((target(WIDE))) void fill_avx512(const stream *s, uint64_t first, float *dst, size_t n)
{
    fill(s, first, dst, n, philox_wide);
}
#endif

typedef void (*fill_fn)(const stream *, uint64_t, float *, size_t);

static int variants(fill_fn found[3])
{
    int n = 0;
    found[n++] = fill_plain;
#ifdef HAVE_X86
    if (__builtin_cpu_supports("avx2")) found[n++] = fill_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        found[n++] = fill_avx512;
#endif
    return n;
}

int nw_rng_variants(void)
{
    fill_fn found[3];
    return variants(found);
}

static stream stream_of(uint64_t seed, uint64_t image, uint32_t step, uint32_t sample)
{
    return (stream){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, step << 16 | (sample & 0xffffu), (uint32_t)image, (uint32_t)(image >> 32)}};
}

void nw_rng_normals_variant(int variant, uint64_t seed, uint64_t image, uint32_t step, uint32_t sample,
                            uint64_t first, float *dst, size_t n)
{
    fill_fn found[3];
    int count = variants(found);
    stream s = stream_of(seed, image, step, sample);
    found[variant < count ? variant : count - 1](&s, first, dst, n);
}

void nw_rng_normals(uint64_t seed, uint64_t image, uint32_t step, uint32_t sample, uint64_t first, float *dst,
                    size_t n)
{
    nw_rng_normals_variant(2, seed, image, step, sample, first, dst, n);
}

void nw_rng_words(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4][NW_RNG_LANES])
{
    philox(key, counter, words);
}
