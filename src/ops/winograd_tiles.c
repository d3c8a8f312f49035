/* The transforms of minimal filtering, eight channels at once. */
#include "ops/winograd_tiles.h"

#include "base/simd.h"

#define INLINE static inline __attribute__((always_inline))
#define A      0.70710678118654752F /* and A A = 1/2, B B = 2 */
#define B      1.41421356237309505F

/* Eight channels. Only pointers to it are handed on: how it is passed would depend on the processor. */
typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(32), aligned(4), may_alias));

/* One column (or row) of B^T d: six values at d[0], d[step], ... */
INLINE void source_line(const vec *d, int step, vec *out, int out_step)
{
    vec d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    vec even_a = d4 - 2 * d2, odd_a = A * (d3 - 2 * d1);
    vec even_b = d4 - 0.5F * d2, odd_b = B * (d3 - 0.5F * d1);
    out[0] = d[0] - 2.5F * d2 + d4;
    out[out_step] = even_a + odd_a;
    out[2 * out_step] = even_a - odd_a;
    out[3 * out_step] = even_b + odd_b;
    out[4 * out_step] = even_b - odd_b;
    out[5 * out_step] = d1 - 2.5F * d3 + d[5 * step];
}

/* One column (or row) of A^T m: six values to four. */
INLINE void result_line(const vec *m, int step, vec *out, int out_step)
{
    vec sum_a = m[step] + m[2 * step], diff_a = m[step] - m[2 * step];
    vec sum_b = m[3 * step] + m[4 * step], diff_b = m[3 * step] - m[4 * step];
    out[0] = m[0] + sum_a + sum_b;
    out[out_step] = A * diff_a + B * diff_b;
    out[2 * out_step] = 0.5F * sum_a + 2 * sum_b;
    out[3 * out_step] = A * (0.5F * diff_a) + B * (2 * diff_b) + m[5 * step];
}

/* One column (or row) of G g: three values to six, each divided by the product of the distances of its point.
 */
INLINE void filter_line(const vec *g, int step, vec *out, int out_step)
{
    vec ends_a = g[0] + 0.5F * g[2 * step], ends_b = g[0] + 2 * g[2 * step];
    vec middle_a = A * g[step], middle_b = B * g[step];
    out[0] = g[0];
    out[out_step] = (ends_a + middle_a) * (-2 / 3.0F);
    out[2 * out_step] = (ends_a - middle_a) * (-2 / 3.0F);
    out[3 * out_step] = (ends_b + middle_b) * (1 / 6.0F);
    out[4 * out_step] = (ends_b - middle_b) * (1 / 6.0F);
    out[5 * out_step] = g[2 * step];
}

NW_SIMD void nw_tile_transform_filters(const nw_tile_filters *f, size_t begin, size_t end)
{
    int64_t inputs = f->inputs / NW_TILE_BLOCK;
    /* From one output to the next, and from one input. */
    int64_t by_output = f->mirrored ? 9 : f->inputs * 9, by_input = f->mirrored ? f->outputs * 9 : 9;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t o = (int64_t)unit / inputs * NW_TILE_BLOCK, i = (int64_t)unit % inputs * NW_TILE_BLOCK;
        float *dst = f->dst + unit * NW_TILE_BLOCK * NW_TILE_BLOCK;
        for (int64_t k = 0; k < NW_TILE_BLOCK; k++, dst += NW_TILE_BLOCK) {
            vec g[9], half[18], full[NW_TILE_POINTS];
            const float *src = f->src + o * by_output + (i + k) * by_input;
            for (int p = 0; p < 9; p++)
                for (int c = 0; c < NW_TILE_BLOCK; c++)
                    g[p][c] = src[c * by_output + (f->mirrored ? 8 - p : p)];
            for (int x = 0; x < 3; x++) filter_line(g + x, 3, half + x, 3);
            for (int y = 0; y < NW_TILE_SOURCE; y++) filter_line(half + 3 * y, 1, full + 6 * y, 1);
            for (int p = 0; p < NW_TILE_POINTS; p++) *(vec *)(void *)(dst + (size_t)p * f->stride) = full[p];
        }
    }
}

/* Where a tile is. */
typedef struct place {
    int64_t image, y, x; /* y, x: of its first result */
} place;

INLINE place place_of(const nw_tiles *t, int64_t tile)
{
    int64_t of_image = t->rows * t->columns, in_image = tile % of_image;
    return (place){tile / of_image, in_image / t->columns * NW_TILE, in_image % t->columns * NW_TILE};
}

INLINE void load_inside(const nw_tiles *t, const float *src, vec *d)
{
    for (int y = 0; y < NW_TILE_SOURCE; y++)
        for (int x = 0; x < NW_TILE_SOURCE; x++)
            d[6 * y + x] = *(const vec *)(const void *)(src + (y * t->width + x) * NW_TILE_BLOCK);
}

INLINE void load_edge(const nw_tiles *t, const float *map, int64_t top, int64_t left, vec *d)
{
    for (int64_t y = 0; y < NW_TILE_SOURCE; y++)
        for (int64_t x = 0; x < NW_TILE_SOURCE; x++) {
            bool inside = top + y >= 0 && top + y < t->height && left + x >= 0 && left + x < t->width;
            const float *at = map + ((top + y) * t->width + left + x) * NW_TILE_BLOCK;
            d[6 * y + x] = inside ? *(const vec *)(const void *)at : (vec){0};
        }
}

NW_SIMD void nw_tile_transform_source(const nw_tiles *t, const float *src, float *dst, size_t begin,
                                      size_t end)
{
    int64_t map = t->height * t->width * NW_TILE_BLOCK;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t block = (int64_t)unit / t->tiles, tile = t->first + (int64_t)unit % t->tiles;
        float *to = dst + unit * NW_TILE_BLOCK;
        if (tile >= t->total) {
            for (int p = 0; p < NW_TILE_POINTS; p++) *(vec *)(void *)(to + (size_t)p * t->stride) = (vec){0};
            continue;
        }
        place at = place_of(t, tile);
        const float *from = src + at.image * t->image_floats + block * map;
        int64_t top = at.y - 1, left = at.x - 1;
        bool inside =
            top >= 0 && left >= 0 && top + NW_TILE_SOURCE <= t->height && left + NW_TILE_SOURCE <= t->width;
        vec d[NW_TILE_POINTS], half[NW_TILE_POINTS];
        if (inside)
            load_inside(t, from + (top * t->width + left) * NW_TILE_BLOCK, d);
        else
            load_edge(t, from, top, left, d);
        for (int x = 0; x < NW_TILE_SOURCE; x++) source_line(d + x, 6, half + x, 6);
        for (int y = 0; y < NW_TILE_SOURCE; y++) source_line(half + 6 * y, 1, d + 6 * y, 1);
        for (int p = 0; p < NW_TILE_POINTS; p++) *(vec *)(void *)(to + (size_t)p * t->stride) = d[p];
    }
}

NW_SIMD void nw_tile_transform_result(const nw_tiles *t, const nw_tile_finish *finish, const float *src,
                                      float *dst, size_t begin, size_t end)
{
    int64_t map = t->height * t->width * NW_TILE_BLOCK;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t block = (int64_t)unit / t->tiles, tile = t->first + (int64_t)unit % t->tiles;
        if (tile >= t->total) continue;
        place at = place_of(t, tile);
        const float *from = src + unit * NW_TILE_BLOCK;
        vec m[NW_TILE_POINTS], half[4 * NW_TILE_SOURCE], y[16];
        for (int p = 0; p < NW_TILE_POINTS; p++)
            m[p] = *(const vec *)(const void *)(from + (size_t)p * t->stride);
        for (int x = 0; x < NW_TILE_SOURCE; x++) result_line(m + x, 6, half + x, 6);
        for (int i = 0; i < NW_TILE; i++) result_line(half + 6 * i, 1, y + 4 * i, 1);
        int64_t offset = at.image * t->image_floats + block * map;
        vec bias = {0};
        if (finish->bias) bias = *(const vec *)(const void *)(finish->bias + block * NW_TILE_BLOCK);
        for (int64_t i = 0; i < NW_TILE && at.y + i < t->height; i++)
            for (int64_t j = 0; j < NW_TILE && at.x + j < t->width; j++) {
                int64_t pixel = offset + ((at.y + i) * t->width + at.x + j) * NW_TILE_BLOCK;
                vec v = y[4 * i + j] + bias;
                if (finish->add) v += *(const vec *)(const void *)(finish->add + pixel);
                if (finish->relu) v = (vec)(~(bits)(v < 0) & (bits)v); /* not a number stays one */
                *(vec *)(void *)(dst + pixel) = v;
            }
    }
}
