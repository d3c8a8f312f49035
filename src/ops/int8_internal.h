/* What the kernels for 8-bit integers share: how a float becomes a number. Only for
 * files of kernels. */
#ifndef NW_OPS_INT8_INTERNAL_H
#define NW_OPS_INT8_INTERNAL_H

#define NW_AVX512_FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
#include "ops/avx512.h"
#include "ops/int8_tile.h"

#ifdef NW_AVX512_KERNELS

#include <float.h>
#include <math.h>
#include <string.h>

/* 16 channels of a pixel, or 0 where what an activation made of them is not above it. */
INLINE __m512 nw_int8_value_at(const float *src, const float *made, int64_t at)
{
    __m512 x = _mm512_loadu_ps(src + at);
    if (!made) return x;
    return _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(_mm512_loadu_ps(made + at), _mm512_setzero_ps(), _CMP_GT_OQ), x);
}

/* As whole numbers magnitudes of floats have the same order, and a NaN is above all others. */
INLINE __m512i nw_int8_magnitude(__m512 x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

/* The scale of floats of which this is the largest magnitude, and what to multiply them with. */
INLINE float nw_int8_scale(int32_t magnitude, float *scale)
{
    float largest;
    memcpy(&largest, &magnitude, sizeof largest);
    bool nothing = largest < 1e-35F; /* below that 127 / largest is none */
    *scale = nothing ? 0 : largest / NW_INT8_LEVELS;
    if (!(largest <= FLT_MAX)) *scale = NAN;
    return nothing ? 0 : NW_INT8_LEVELS / largest;
}

/* For the offset of the weights. */
INLINE int32_t nw_int8_correction(int32_t sum)
{
    return (int32_t)(0u - NW_INT8_OFFSET * (uint32_t)sum);
}

#endif
#endif
