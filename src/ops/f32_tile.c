#include "ops/f32_tile.h"

#include "ops/avx512.h"

#ifdef NW_AVX512_KERNELS

bool nw_f32_available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* What becomes of a sum at the end. */
INLINE __m512 finished(const nw_f32_strip *s, int64_t v, int64_t at, __m512 x)
{
    if (s->bias) x = _mm512_add_ps(x, _mm512_loadu_ps(s->bias + v * NW_F32_BLOCK));
    if (s->add) x = _mm512_add_ps(x, _mm512_loadu_ps(s->add + at));
    return s->relu ? _mm512_max_ps(_mm512_setzero_ps(), x) : x; /* in this order a NaN stays one */
}

/* Where the weights of the next channels begin, some of which a tile asks for while it is at work on these:
 * they come from far away, in an order that processors follow only from page to page. Nothing is read, so
 * that it does not matter what is there. */
INLINE uintptr_t weights_ahead(const nw_f32_strip *s, int64_t tile, int64_t vectors)
{
    uintptr_t floats = (uintptr_t)(s->channels * NW_F32_BLOCK * (vectors + tile % vectors));
    return (uintptr_t)s->weights + floats * sizeof *s->weights;
}

/* 6 pixels by 4 vectors are 24 of the 32 registers: enough for the latency of the sums, and ten loads for 24
 * of them. Two channels a round are some 5 % faster than one. `pixels` and `vectors` are constants where this
 * is called, and the loops over them unrolled. */
INLINE void tile(const nw_f32_strip *s, uintptr_t ahead, int64_t begin, const int pixels, const int vectors)
{
    int64_t step = s->src_step, dst_step = s->dst_step, block = s->dst_block;
    const float *from = s->src + begin * step, *weights = s->weights;
    float *dst = s->dst + begin * dst_step;
    __m512 sum[NW_F32_PIXELS][NW_F32_VECTORS];
    UNROLL for (int p = 0; p < pixels; p++)
    {
        UNROLL for (int v = 0; v < vectors; v++) sum[p][v] = _mm512_setzero_ps();
    }
    for (int64_t c = 0; c < s->channels; c += NW_F32_BLOCK, from += s->src_block)
        UNROLL_2 for (int k = 0; k < NW_F32_BLOCK; k++)
        {
            __m512 w[NW_F32_VECTORS];
            UNROLL for (int v = 0; v < vectors; v++) w[v] = _mm512_loadu_ps(weights + v * NW_F32_BLOCK);
            weights += vectors * NW_F32_BLOCK;
            _mm_prefetch((const char *)ahead, _MM_HINT_T1);
            ahead += NW_F32_BLOCK * sizeof(float);
            UNROLL for (int p = 0; p < pixels; p++)
            {
                __m512 x = _mm512_set1_ps(from[p * step + k]);
                UNROLL for (int v = 0; v < vectors; v++) sum[p][v] = _mm512_fmadd_ps(w[v], x, sum[p][v]);
            }
        }
    UNROLL for (int p = 0; p < pixels; p++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            float *to = dst + p * dst_step + v * block;
            __m512 x = sum[p][v];
            if (!s->first) x = _mm512_add_ps(x, _mm512_loadu_ps(to));
            if (s->last) x = finished(s, v, (begin + p) * dst_step + v * block, x);
            _mm512_storeu_ps(to, x);
        }
    }
}

INLINE void strip(const nw_f32_strip *s, const int vectors)
{
    int64_t tiles = (s->pixels + NW_F32_PIXELS - 1) / NW_F32_PIXELS, least = s->pixels / tiles,
            more = s->pixels % tiles;
    for (int64_t t = 0, begin = 0; t < tiles; t++) {
        int64_t pixels = least + (t < more);
        uintptr_t ahead = weights_ahead(s, t, vectors);
        switch (pixels) {
        case 1: tile(s, ahead, begin, 1, vectors); break;
        case 2: tile(s, ahead, begin, 2, vectors); break;
        case 3: tile(s, ahead, begin, 3, vectors); break;
        case 4: tile(s, ahead, begin, 4, vectors); break;
        case 5: tile(s, ahead, begin, 5, vectors); break;
        default: tile(s, ahead, begin, 6, vectors); break;
        }
        begin += pixels;
    }
}

TARGET void nw_f32_multiply(const nw_f32_strip *s, int vectors)
{
    switch (vectors) {
    case 1: strip(s, 1); break;
    case 2: strip(s, 2); break;
    case 3: strip(s, 3); break;
    default: strip(s, 4); break;
    }
}

#else

bool nw_f32_available(void)
{
    return false;
}

void nw_f32_multiply(const nw_f32_strip *s, int vectors)
{
    (void)s, (void)vectors;
}

#endif
