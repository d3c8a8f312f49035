#include "ops/int8_internal.h"

/* 6 pixels by 4 vectors of results are held in registers: 24 of the 32, which is enough for the latency of
 * the sums, and ten loads for 24 of them. Two such rounds in a loop are some 5 % faster than one. */
enum { MOST_PIXELS = 6 };

#ifdef NW_AVX512_KERNELS

bool nw_int8_available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

/* -- floats to numbers -- */

INLINE void quantise(const float *src, const float *made, int64_t channels, int64_t block, int pixels,
                     int64_t step, const nw_int8_source *dst)
{
    __m512i most[NW_INT8_PIXELS], sum[NW_INT8_PIXELS];
    __m512 factor[NW_INT8_PIXELS];
    for (int p = 0; p < pixels; p++) most[p] = sum[p] = _mm512_setzero_si512();
    for (int64_t c = 0; c < channels / NW_INT8_BLOCK; c++)
        for (int p = 0; p < pixels; p++)
            most[p] = _mm512_max_epi32(
                most[p], nw_int8_magnitude(nw_int8_value_at(src, made, c * block + p * NW_INT8_BLOCK)));
    for (int p = 0; p < pixels; p++) {
        factor[p] = _mm512_set1_ps(nw_int8_scale(_mm512_reduce_max_epi32(most[p]), &dst->scales[p]));
    }
    for (int64_t c = 0; c < channels / NW_INT8_BLOCK; c++)
        for (int p = 0; p < pixels; p++) {
            __m512 x = nw_int8_value_at(src, made, c * block + p * NW_INT8_BLOCK);
            __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor[p]));
            sum[p] = _mm512_add_epi32(sum[p], q);
            _mm_storeu_si128((__m128i *)(void *)(dst->values + p * step + c * NW_INT8_BLOCK),
                             _mm512_cvtsepi32_epi8(q));
        }
    for (int p = 0; p < pixels; p++) dst->correction[p] = nw_int8_correction(_mm512_reduce_add_epi32(sum[p]));
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

/* What is done to a sum: added to what is there, or the first; the same, and finished; only written. */
typedef enum ending { ADDED, FINISHED, WRITTEN } ending;

/* `pixels`, `vectors` and `end` are constants where this is called, and the loops over them unrolled. */
INLINE void tile(const nw_int8_strip *s, int64_t begin, const int pixels, const int vectors, const ending end)
{
    int64_t value_step = s->value_step, step = s->step, dst_step = s->dst_step, block = s->block;
    const int8_t *from = s->values + begin * value_step, *behind = from + s->channels;
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
    UNROLL_2 for (; from < behind; from += NW_INT8_FOUR)
    {
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
            __m512 x = _mm512_cvtepi32_ps(sum[p][v]);
            if (end == WRITTEN) {
                x = _mm512_mul_ps(x, scale);
                _mm512_storeu_ps(to, _mm512_mul_ps(x, _mm512_loadu_ps(s->weight_scales + v * NW_INT8_BLOCK)));
                continue;
            }
            x = _mm512_fmadd_ps(x, scale, _mm512_maskz_loadu_ps(before, to));
            if (end == FINISHED) x = finished(s, v, (begin + p) * dst_step + v * block, x);
            _mm512_storeu_ps(to, x);
        }
    }
}

INLINE void strip(const nw_int8_strip *s, const int vectors, const ending end)
{
    int64_t tiles = (s->pixels + MOST_PIXELS - 1) / MOST_PIXELS, least = s->pixels / tiles,
            more = s->pixels % tiles;
    for (int64_t t = 0, begin = 0; t < tiles; t++) {
        int64_t pixels = least + (t < more);
        switch (pixels) {
        case 1: tile(s, begin, 1, vectors, end); break;
        case 2: tile(s, begin, 2, vectors, end); break;
        case 3: tile(s, begin, 3, vectors, end); break;
        case 4: tile(s, begin, 4, vectors, end); break;
        case 5: tile(s, begin, 5, vectors, end); break;
        default: tile(s, begin, 6, vectors, end); break;
        }
        begin += pixels;
    }
}

INLINE void multiply(const nw_int8_strip *s, int vectors, const ending end)
{
    switch (vectors) {
    case 1: strip(s, 1, end); break;
    case 2: strip(s, 2, end); break;
    case 3: strip(s, 3, end); break;
    default: strip(s, 4, end); break;
    }
}

TARGET void nw_int8_multiply(const nw_int8_strip *s, int vectors)
{
    if (s->last)
        multiply(s, vectors, FINISHED);
    else
        multiply(s, vectors, ADDED);
}

TARGET void nw_int8_products(const nw_int8_strip *s, int vectors)
{
    multiply(s, vectors, WRITTEN);
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

void nw_int8_products(const nw_int8_strip *s, int vectors)
{
    (void)s, (void)vectors;
}

#endif
