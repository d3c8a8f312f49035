#include "ops/f32_plain.h"

#include "ops/avx512.h"

#ifdef NW_AVX512_KERNELS

enum { WIDE = 16 };

/* `vectors` is a constant where this is called, and the loops over it unrolled: 24 sums at most, and ten
 * loads for them. */
INLINE void tile(const nw_f32_plain *p, const int vectors)
{
    const float *weights = p->weights, *src = p->src;
    int64_t by_output = p->channels * p->tap_count;
    __m512 sum[NW_PLAIN_OUTPUTS][NW_PLAIN_VECTORS];
    UNROLL for (int o = 0; o < NW_PLAIN_OUTPUTS; o++)
    {
        UNROLL for (int v = 0; v < vectors; v++) sum[o][v] = _mm512_setzero_ps();
    }
    for (int64_t c = 0; c < p->channels; c++, src += p->src_step)
        for (int64_t t = 0; t < p->tap_count; t++, weights++) {
            const float *from = src + p->taps[t];
            __m512 x[NW_PLAIN_VECTORS];
            UNROLL for (int v = 0; v < vectors; v++) x[v] = _mm512_loadu_ps(from + v * WIDE);
            UNROLL for (int o = 0; o < NW_PLAIN_OUTPUTS; o++)
            {
                __m512 w = _mm512_set1_ps(weights[o * by_output]);
                UNROLL for (int v = 0; v < vectors; v++) sum[o][v] = _mm512_fmadd_ps(w, x[v], sum[o][v]);
            }
        }
    UNROLL for (int o = 0; o < NW_PLAIN_OUTPUTS; o++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
            _mm512_storeu_ps(p->dst + o * p->dst_step + v * WIDE, sum[o][v]);
    }
}

TARGET void nw_f32_plain_multiply(const nw_f32_plain *p, int vectors)
{
    switch (vectors) {
    case 1: tile(p, 1); break;
    case 2: tile(p, 2); break;
    case 3: tile(p, 3); break;
    case 4: tile(p, 4); break;
    case 5: tile(p, 5); break;
    default: tile(p, 6); break;
    }
}

#else

void nw_f32_plain_multiply(const nw_f32_plain *p, int vectors)
{
    (void)p, (void)vectors;
}

#endif
