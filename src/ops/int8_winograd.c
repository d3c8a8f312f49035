#include "ops/int8_winograd.h"

#include "ops/int8_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SIDE = NW_INT8_TILE_SOURCE, POINTS = NW_INT8_POINTS };

#ifdef NW_AVX512_KERNELS

/* -- the source -- */

/* The four rows of some tiles of a block of 16 channels. */
typedef struct rows {
    const float *src[SIDE], *made[SIDE]; /* first pixels of the rows; of some row where they are outside */
    __mmask16 inside[SIDE];
    int64_t width, next; /* next: floats to the next block */
} rows;

static rows rows_of(const float *src, const float *made, const nw_int8_place *place)
{
    rows r = {.width = place->width, .next = place->height * place->width * NW_INT8_BLOCK};
    for (int i = 0; i < SIDE; i++) {
        int64_t y = place->row + i;
        bool inside = y >= 0 && y < place->height;
        r.inside[i] = inside ? 0xffff : 0;
        r.src[i] = src + (inside ? y : 0) * place->width * NW_INT8_BLOCK;
        r.made[i] = made ? made + (inside ? y : 0) * place->width * NW_INT8_BLOCK : NULL;
    }
    return r;
}

/* B^T d for four of a row or a column. */
INLINE void four_of_four(const __m512 *in, __m512 *out)
{
    out[0] = _mm512_sub_ps(in[0], in[2]);
    out[1] = _mm512_add_ps(in[1], in[2]);
    out[2] = _mm512_sub_ps(in[2], in[1]);
    out[3] = _mm512_sub_ps(in[1], in[3]);
}

/* Column x of the source, transformed. */
INLINE void column(const rows *r, int64_t x, const bool gated, __m512 *out)
{
    __m512 d[SIDE];
    bool inside = x >= 0 && x < r->width;
    int64_t at = (inside ? x : 0) * NW_INT8_BLOCK;
    UNROLL for (int y = 0; y < SIDE; y++)
    {
        __mmask16 which = inside ? r->inside[y] : 0;
        if (gated)
            which = _mm512_mask_cmp_ps_mask(which, _mm512_loadu_ps(r->made[y] + at), _mm512_setzero_ps(),
                                            _CMP_GT_OQ);
        d[y] = _mm512_maskz_loadu_ps(which, r->src[y] + at);
    }
    four_of_four(d, out);
}

/* All blocks of 16 channels of a tile, transformed: [channels / 16][16 positions][16]. */
INLINE void transform(rows r, int64_t first, const bool gated, int64_t blocks, float *kept)
{
    for (int64_t c = 0; c < blocks; c++, kept += POINTS * NW_INT8_BLOCK) {
        __m512 columns[SIDE][SIDE];
        UNROLL for (int x = 0; x < SIDE; x++) column(&r, first + x, gated, columns[x]);
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            __m512 in[SIDE] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]}, out[SIDE];
            four_of_four(in, out);
            UNROLL for (int x = 0; x < SIDE; x++)
            {
                _mm512_store_ps(kept + (y * SIDE + x) * NW_INT8_BLOCK, out[x]);
            }
        }
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            r.src[y] += r.next;
            if (gated) r.made[y] += r.next;
        }
    }
}

/* The 16 elements of each of 16 registers to one: the largest, or the sum. */
INLINE __m512i combined(__m512i a, __m512i b, const bool sum)
{
    return sum ? _mm512_add_epi32(a, b) : _mm512_max_epi32(a, b);
}

INLINE __m512i reduce(const __m512i *x, const bool sum)
{
    __m512i twos[8], fours[4], halves[2];
    UNROLL for (int i = 0; i < 8; i++) twos[i] = combined(_mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]),
                                                          _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]), sum);
    UNROLL for (int i = 0; i < 4; i++) fours[i] =
        combined(_mm512_unpacklo_epi64(twos[2 * i], twos[2 * i + 1]),
                 _mm512_unpackhi_epi64(twos[2 * i], twos[2 * i + 1]), sum);
    UNROLL for (int i = 0; i < 2; i++) halves[i] =
        combined(_mm512_shuffle_i32x4(fours[2 * i], fours[2 * i + 1], 0x44),
                 _mm512_shuffle_i32x4(fours[2 * i], fours[2 * i + 1], 0xee), sum);
    return combined(_mm512_shuffle_i32x4(halves[0], halves[1], 0x88),
                    _mm512_shuffle_i32x4(halves[0], halves[1], 0xdd), sum);
}

/* The largest magnitudes of what was kept of the positions. */
INLINE __m512i most_of(const float *kept, int64_t blocks)
{
    __m512i most[POINTS];
    UNROLL_16 for (int k = 0; k < POINTS; k++) most[k] =
        nw_int8_magnitude(_mm512_load_ps(kept + k * NW_INT8_BLOCK));
    for (int64_t c = 1; c < blocks; c++) {
        kept += POINTS * NW_INT8_BLOCK;
        UNROLL_16 for (int k = 0; k < POINTS; k++) most[k] =
            _mm512_max_epi32(most[k], nw_int8_magnitude(_mm512_load_ps(kept + k * NW_INT8_BLOCK)));
    }
    return reduce(most, false);
}

/* As nw_int8_scale, of 16 at once. */
INLINE __m512 scales_of(__m512i magnitudes, __m512 *scales)
{
    __m512 most = _mm512_castsi512_ps(magnitudes), levels = _mm512_set1_ps(NW_INT8_LEVELS);
    __mmask16 some = _mm512_cmp_ps_mask(most, _mm512_set1_ps(1e-35F), _CMP_NLT_UQ);
    __mmask16 finite = _mm512_cmp_ps_mask(most, _mm512_set1_ps(FLT_MAX), _CMP_LE_OQ);
    *scales = _mm512_mask_blend_ps(finite, _mm512_set1_ps(NAN), _mm512_maskz_div_ps(some, most, levels));
    return _mm512_maskz_div_ps(some, levels, most);
}

/* What was kept of a position as numbers, and their sum. */
INLINE __m512i numbers_of(const float *kept, int64_t blocks, float factor, int8_t *to)
{
    __m512 times = _mm512_set1_ps(factor);
    __m512i sum = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    /* Packing goes by quarters of a register: these are the 16 fours in their order. */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    int64_t c = 0;
    for (; c + 4 <= blocks; c += 4, kept += 4 * POINTS * NW_INT8_BLOCK) {
        __m512i q[4];
        UNROLL for (int i = 0; i < 4; i++) q[i] =
            _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(kept + i * POINTS * NW_INT8_BLOCK), times));
        __m512i packed = _mm512_permutexvar_epi32(
            order, _mm512_packs_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3])));
        sum = _mm512_dpbusd_epi32(sum, ones, packed);
        _mm512_storeu_si512(to + c * NW_INT8_BLOCK, packed);
    }
    for (; c < blocks; c++, kept += POINTS * NW_INT8_BLOCK) {
        __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(kept), times));
        sum = _mm512_add_epi32(sum, q);
        _mm_storeu_si128((__m128i *)(void *)(to + c * NW_INT8_BLOCK), _mm512_cvtsepi32_epi8(q));
    }
    return sum;
}

TARGET void nw_int8_tile_source(const float *src, const float *made, const nw_int8_place *place, int tiles,
                                int64_t channels, int64_t value_step, int64_t step, const nw_int8_source *dst)
{
    _Alignas(64) float kept[NW_INT8_TILE_CHANNELS * POINTS];
    rows r = rows_of(src, made, place);
    int64_t blocks = channels / NW_INT8_BLOCK;
    for (int t = 0; t < tiles; t++) {
        if (made)
            transform(r, place->column + NW_INT8_TILE * t, true, blocks, kept);
        else
            transform(r, place->column + NW_INT8_TILE * t, false, blocks, kept);
        __m512 scales, factors = scales_of(most_of(kept, blocks), &scales);
        _Alignas(64) float factor[POINTS], scale[POINTS];
        _Alignas(64) int32_t correction[POINTS];
        __m512i sums[POINTS];
        _mm512_store_ps(factor, factors);
        _mm512_store_ps(scale, scales);
        for (int k = 0; k < POINTS; k++)
            sums[k] = numbers_of(kept + k * NW_INT8_BLOCK, blocks, factor[k],
                                 dst->values + k * value_step + t * channels);
        /* As nw_int8_correction. */
        _mm512_store_si512(
            correction, _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(reduce(sums, true), 7)));
        for (int k = 0; k < POINTS; k++) {
            dst->scales[k * step + t] = scale[k];
            dst->correction[k * step + t] = correction[k];
        }
    }
}

/* -- the result -- */

TARGET void nw_int8_tile_result(const float *src, int64_t step, const nw_int8_tile_finish *finish,
                                const nw_int8_place *place, float *dst)
{
    __m512 half[NW_INT8_TILE][SIDE];
    UNROLL for (int x = 0; x < SIDE; x++)
    {
        __m512 a = _mm512_loadu_ps(src + x * step), b = _mm512_loadu_ps(src + (4 + x) * step),
               c = _mm512_loadu_ps(src + (8 + x) * step), d = _mm512_loadu_ps(src + (12 + x) * step);
        half[0][x] = _mm512_add_ps(_mm512_add_ps(a, b), c);
        half[1][x] = _mm512_sub_ps(_mm512_sub_ps(b, c), d);
    }
    __m512 bias = finish->bias ? _mm512_loadu_ps(finish->bias) : _mm512_setzero_ps();
    for (int y = 0; y < NW_INT8_TILE && place->row + y < place->height; y++) {
        const __m512 *r = half[y];
        __m512 both[NW_INT8_TILE] = {_mm512_add_ps(_mm512_add_ps(r[0], r[1]), r[2]),
                                     _mm512_sub_ps(_mm512_sub_ps(r[1], r[2]), r[3])};
        for (int x = 0; x < NW_INT8_TILE && place->column + x < place->width; x++) {
            int64_t at = ((place->row + y) * place->width + place->column + x) * NW_INT8_BLOCK;
            __m512 value = both[x];
            if (finish->bias) value = _mm512_add_ps(value, bias);
            if (finish->add) value = _mm512_add_ps(value, _mm512_loadu_ps(finish->add + at));
            if (finish->relu) value = _mm512_max_ps(_mm512_setzero_ps(), value); /* a NaN stays one */
            _mm512_storeu_ps(dst + at, value);
        }
    }
}

#else

void nw_int8_tile_source(const float *src, const float *made, const nw_int8_place *place, int tiles,
                         int64_t channels, int64_t value_step, int64_t step, const nw_int8_source *dst)
{
    (void)src, (void)made, (void)place, (void)tiles, (void)channels, (void)value_step, (void)step, (void)dst;
}

void nw_int8_tile_result(const float *src, int64_t step, const nw_int8_tile_finish *finish,
                         const nw_int8_place *place, float *dst)
{
    (void)src, (void)step, (void)finish, (void)place, (void)dst;
}

#endif
