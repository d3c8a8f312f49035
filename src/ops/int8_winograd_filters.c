/* Minimal filtering F(2x2, 3x3) for 8-bit integers: the transform of filters, G g G^T. */
#include "ops/int8_internal.h"
#include "ops/int8_winograd.h"

enum { SIDE = NW_INT8_TILE_SOURCE, LANES = 16 };

#ifdef NW_AVX512_KERNELS

/* 16 filters of nine taps, as nine vectors of 16: a transpose of 16x16 without what lies beyond. */
INLINE void taps_of(const float *src, int64_t by_filter, __m512 taps[NW_INT8_TAPS])
{
    const __mmask16 nine = 0x1ff;
    __m512 a[LANES], b[LANES];
    UNROLL_16 for (int k = 0; k < LANES; k += 2)
    {
        __m512 one = _mm512_maskz_loadu_ps(nine, src + k * by_filter),
               two = _mm512_maskz_loadu_ps(nine, src + (k + 1) * by_filter);
        a[k] = _mm512_unpacklo_ps(one, two);
        a[k + 1] = _mm512_unpackhi_ps(one, two);
    }
    /* b[k + i]: in its quarter q, tap 4 q + i of filters k to k + 3. */
    UNROLL_16 for (int k = 0; k < LANES; k += 4)
    {
        UNROLL for (int i = 0; i < 2; i++)
        {
            __m512d low = _mm512_castps_pd(a[k + i]), high = _mm512_castps_pd(a[k + i + 2]);
            b[k + 2 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            b[k + 2 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        __m512 first = _mm512_shuffle_f32x4(b[i], b[4 + i], 0x44),
               second = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0x44);
        taps[i] = _mm512_shuffle_f32x4(first, second, 0x88);
        taps[4 + i] = _mm512_shuffle_f32x4(first, second, 0xdd);
    }
    taps[8] = _mm512_shuffle_f32x4(_mm512_shuffle_f32x4(b[0], b[4], 0x22),
                                   _mm512_shuffle_f32x4(b[8], b[12], 0x22), 0x88);
}

/* G g: three rows become four. (The test rounds the same sums, so it adds in this order.) */
INLINE void four_of_three(__m512 a, __m512 b, __m512 c, __m512 out[SIDE])
{
    const __m512 half = _mm512_set1_ps(0.5F);
    __m512 ends = _mm512_add_ps(a, c);
    out[0] = a;
    out[1] = _mm512_mul_ps(_mm512_add_ps(ends, b), half);
    out[2] = _mm512_mul_ps(_mm512_sub_ps(ends, b), half);
    out[3] = c;
}

TARGET void nw_int8_tile_filters(const float *src, int64_t by_filter, bool mirrored,
                                 float dst[NW_INT8_POINTS][NW_INT8_BLOCK])
{
    __m512 g[NW_INT8_TAPS], rows[3][SIDE], all[SIDE];
    taps_of(src, by_filter, g);
    UNROLL for (int x = 0; x < 3; x++)
    {
        if (mirrored)
            four_of_three(g[8 - x], g[5 - x], g[2 - x], rows[x]);
        else
            four_of_three(g[x], g[3 + x], g[6 + x], rows[x]);
    }
    UNROLL for (int y = 0; y < SIDE; y++)
    {
        four_of_three(rows[0][y], rows[1][y], rows[2][y], all);
        UNROLL for (int x = 0; x < SIDE; x++) _mm512_storeu_ps(dst[y * SIDE + x], all[x]);
    }
}

#else

void nw_int8_tile_filters(const float *src, int64_t by_filter, bool mirrored,
                          float dst[NW_INT8_POINTS][NW_INT8_BLOCK])
{
    (void)src, (void)by_filter, (void)mirrored, (void)dst;
}

#endif
