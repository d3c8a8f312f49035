#include "ops/int8_tile.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* 6 pixels by 4 vectors of results are held in registers: 24 of the 32, which is enough for the latency of
 * the sums, and ten loads for 24 of them. */
enum { MOST_PIXELS = 6 };

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNROLL /* checks of every access, unrolled, take clang many minutes */
#endif
#endif
#if !defined(UNROLL) && defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif !defined(UNROLL)
#define UNROLL _Pragma("GCC unroll 8")
#endif

bool nw_int8_available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

/* -- floats to numbers -- */

/* 16 channels of a pixel, or 0 where what an activation made of them is not above it. */
INLINE __m512 value_at(const float *src, const float *made, int64_t at)
{
    __m512 x = _mm512_loadu_ps(src + at);
    if (!made) return x;
    return _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(_mm512_loadu_ps(made + at), _mm512_setzero_ps(), _CMP_GT_OQ), x);
}

/* As whole numbers magnitudes of floats have the same order, and a NaN is above all others. */
INLINE __m512i magnitude(__m512 x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

INLINE void quantise(const float *src, const float *made, int64_t channels, int64_t block, int pixels,
                     int64_t step, const nw_int8_source *dst)
{
    __m512i most[NW_INT8_PIXELS], sum[NW_INT8_PIXELS];
    __m512 factor[NW_INT8_PIXELS];
    for (int p = 0; p < pixels; p++) most[p] = sum[p] = _mm512_setzero_si512();
    for (int64_t c = 0; c < channels / NW_INT8_BLOCK; c++)
        for (int p = 0; p < pixels; p++)
            most[p] =
                _mm512_max_epi32(most[p], magnitude(value_at(src, made, c * block + p * NW_INT8_BLOCK)));
    for (int p = 0; p < pixels; p++) {
        int32_t bits = _mm512_reduce_max_epi32(most[p]);
        float largest;
        memcpy(&largest, &bits, sizeof largest);
        bool nothing = largest < 1e-35F; /* below that 127 / largest is none */
        dst->scales[p] = nothing ? 0 : largest / NW_INT8_LEVELS;
        if (!(largest <= FLT_MAX)) dst->scales[p] = NAN;
        factor[p] = _mm512_set1_ps(nothing ? 0 : NW_INT8_LEVELS / largest);
    }
    for (int64_t c = 0; c < channels / NW_INT8_BLOCK; c++)
        for (int p = 0; p < pixels; p++) {
            __m512 x = value_at(src, made, c * block + p * NW_INT8_BLOCK);
            __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor[p]));
            sum[p] = _mm512_add_epi32(sum[p], q);
            _mm_storeu_si128((__m128i *)(void *)(dst->values + p * step + c * NW_INT8_BLOCK),
                             _mm512_cvtsepi32_epi8(q));
        }
    for (int p = 0; p < pixels; p++)
        dst->correction[p] = (int32_t)(0u - NW_INT8_OFFSET * (uint32_t)_mm512_reduce_add_epi32(sum[p]));
}

TARGET void nw_int8_quantise(const float *src, const float *made, int64_t channels, int64_t block, int pixels,
                             int64_t step, const nw_int8_source *dst)
{
    if (made)
        quantise(src, made, channels, block, pixels, step, dst);
    else
        quantise(src, NULL, channels, block, pixels, step, dst);
}

/* -- products -- */

/* What becomes of a sum at the end. */
INLINE __m512 finished(const nw_int8_strip *s, int64_t v, int64_t at, __m512 x)
{
    x = _mm512_mul_ps(x, _mm512_loadu_ps(s->weight_scales + v * NW_INT8_BLOCK));
    if (s->bias) x = _mm512_add_ps(x, _mm512_loadu_ps(s->bias + v * NW_INT8_BLOCK));
    if (s->add) x = _mm512_add_ps(x, _mm512_loadu_ps(s->add + at));
    return s->relu ? _mm512_max_ps(_mm512_setzero_ps(), x) : x; /* in this order a NaN stays one */
}

/* Four products a sum. GCC 12 copies every sum to another register before its intrinsic for this, which
 * halves the speed. */
INLINE void add_products(__m512i *sum, __m512i w, __m512i x)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(w), "v"(x));
}

/* `pixels`, `vectors` and `last` are constants where this is called, and the loops over them unrolled. */
INLINE void tile(const nw_int8_strip *s, int64_t begin, const int pixels, const int vectors, const bool last)
{
    int64_t value_step = s->value_step, step = s->step, dst_step = s->dst_step, block = s->block;
    const int8_t *from = s->values + begin * value_step, *end = from + s->channels;
    const uint8_t *weights = s->weights;
    const int32_t *correction = s->correction + begin * step;
    const float *scales = s->scales + begin * step;
    float *dst = s->dst + begin * dst_step;
    __mmask16 before = s->first ? 0 : 0xffff;
    __m512i sum[MOST_PIXELS][NW_INT8_VECTORS];
    UNROLL for (int p = 0; p < pixels; p++)
    {
        __m512i start = _mm512_set1_epi32(correction[p * step]);
        UNROLL for (int v = 0; v < vectors; v++) sum[p][v] = start;
    }
    for (; from < end; from += NW_INT8_FOUR) {
        __m512i w[NW_INT8_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) w[v] = _mm512_loadu_si512(weights + 64 * v);
        weights += 64 * vectors;
        UNROLL for (int p = 0; p < pixels; p++)
        {
            int32_t four;
            memcpy(&four, from + p * value_step, sizeof four);
            __m512i x = _mm512_set1_epi32(four);
            UNROLL for (int v = 0; v < vectors; v++) add_products(&sum[p][v], w[v], x);
        }
    }
    UNROLL for (int p = 0; p < pixels; p++)
    {
        __m512 scale = _mm512_set1_ps(scales[p * step]);
        UNROLL for (int v = 0; v < vectors; v++)
        {
            float *to = dst + p * dst_step + v * block;
            __m512 x = _mm512_maskz_loadu_ps(before, to);
            x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[p][v]), scale, x);
            _mm512_storeu_ps(to, last ? finished(s, v, (begin + p) * dst_step + v * block, x) : x);
        }
    }
}

INLINE void strip(const nw_int8_strip *s, const int vectors, const bool last)
{
    int64_t tiles = (s->pixels + MOST_PIXELS - 1) / MOST_PIXELS, least = s->pixels / tiles,
            more = s->pixels % tiles;
    for (int64_t t = 0, begin = 0; t < tiles; t++) {
        int64_t pixels = least + (t < more);
        switch (pixels) {
        case 1: tile(s, begin, 1, vectors, last); break;
        case 2: tile(s, begin, 2, vectors, last); break;
        case 3: tile(s, begin, 3, vectors, last); break;
        case 4: tile(s, begin, 4, vectors, last); break;
        case 5: tile(s, begin, 5, vectors, last); break;
        default: tile(s, begin, 6, vectors, last); break;
        }
        begin += pixels;
    }
}

INLINE void multiply(const nw_int8_strip *s, int vectors, const bool last)
{
    switch (vectors) {
    case 1: strip(s, 1, last); break;
    case 2: strip(s, 2, last); break;
    case 3: strip(s, 3, last); break;
    default: strip(s, 4, last); break;
    }
}

TARGET void nw_int8_multiply(const nw_int8_strip *s, int vectors)
{
    if (s->last)
        multiply(s, vectors, true);
    else
        multiply(s, vectors, false);
}

#else

bool nw_int8_available(void)
{
    return false;
}

void nw_int8_quantise(const float *src, const float *made, int64_t channels, int64_t block, int pixels,
                      int64_t step, const nw_int8_source *dst)
{
    (void)src, (void)made, (void)channels, (void)block, (void)pixels, (void)step, (void)dst;
}

void nw_int8_multiply(const nw_int8_strip *s, int vectors)
{
    (void)s, (void)vectors;
}

#endif
