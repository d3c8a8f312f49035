/* The transforms of minimal filtering for WIDTH channels at once: read by winograd_tiles.c for each. */

#define CAT(a, b)  a##b
#define JOIN(a, b) CAT(a, b)
#define NAME(x)    JOIN(x##_, WIDTH)
#define vec        NAME(vec)
#define bits       NAME(bits)

/* Only pointers to it are handed on: how it is passed would depend on the processor. */
typedef float vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* One column (or row) of B^T d: four or six values at d[0], d[step], ... */
INLINE void NAME(source_line)(int tile, const vec *d, int step, vec *out, int out_step)
{
    vec d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    if (tile == 2) {
        out[0] = d[0] - d2;
        out[out_step] = d1 + d2;
        out[2 * out_step] = d2 - d1;
        out[3 * out_step] = d1 - d3;
        return;
    }
    vec d4 = d[4 * step];
    vec even_a = d4 - 2 * d2, odd_a = A * (d3 - 2 * d1);
    vec even_b = d4 - 0.5F * d2, odd_b = B * (d3 - 0.5F * d1);
    out[0] = d[0] - 2.5F * d2 + d4;
    out[out_step] = even_a + odd_a;
    out[2 * out_step] = even_a - odd_a;
    out[3 * out_step] = even_b + odd_b;
    out[4 * out_step] = even_b - odd_b;
    out[5 * out_step] = d1 - 2.5F * d3 + d[5 * step];
}

/* One column (or row) of A^T m: four values to two, or six to four. */
INLINE void NAME(result_line)(int tile, const vec *m, int step, vec *out, int out_step)
{
    vec sum_a = m[step] + m[2 * step], diff_a = m[step] - m[2 * step];
    if (tile == 2) {
        out[0] = m[0] + sum_a;
        out[out_step] = diff_a - m[3 * step];
        return;
    }
    vec sum_b = m[3 * step] + m[4 * step], diff_b = m[3 * step] - m[4 * step];
    out[0] = m[0] + sum_a + sum_b;
    out[out_step] = A * diff_a + B * diff_b;
    out[2 * out_step] = 0.5F * sum_a + 2 * sum_b;
    out[3 * out_step] = A * (0.5F * diff_a) + B * (2 * diff_b) + m[5 * step];
}

/* One column (or row) of G g: three values to four or six, each divided by the product of the distances of
 * its point. */
INLINE void NAME(filter_line)(int tile, const vec *g, int step, vec *out, int out_step)
{
    out[0] = g[0];
    out[(tile + 1) * out_step] = g[2 * step];
    if (tile == 2) {
        vec ends = 0.5F * (g[0] + g[2 * step]), middle = 0.5F * g[step];
        out[out_step] = ends + middle;
        out[2 * out_step] = ends - middle;
        return;
    }
    vec ends_a = g[0] + 0.5F * g[2 * step], ends_b = g[0] + 2 * g[2 * step];
    vec middle_a = A * g[step], middle_b = B * g[step];
    out[out_step] = (ends_a + middle_a) * (-2 / 3.0F);
    out[2 * out_step] = (ends_a - middle_a) * (-2 / 3.0F);
    out[3 * out_step] = (ends_b + middle_b) * (1 / 6.0F);
    out[4 * out_step] = (ends_b - middle_b) * (1 / 6.0F);
}

INLINE void NAME(filters_of)(int tile, const nw_tile_filters *f, size_t begin, size_t end)
{
    int side = tile + 2;
    int64_t inputs = f->inputs / WIDTH;
    /* From one output to the next, and from one input. */
    int64_t by_output = f->mirrored ? 9 : f->inputs * 9, by_input = f->mirrored ? f->outputs * 9 : 9;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t o = (int64_t)unit / inputs * WIDTH, i = (int64_t)unit % inputs * WIDTH;
        int64_t strip = o / f->strip * f->strip,
                wide = f->outputs - strip < f->strip ? f->outputs - strip : f->strip;
        float *dst = f->dst + strip * f->inputs + i * wide + o - strip;
        for (int64_t k = 0; k < WIDTH; k++, dst += wide) {
            vec g[9], half[18], full[NW_TILE_POINTS];
            const float *src = f->src + o * by_output + (i + k) * by_input;
            for (int p = 0; p < 9; p++)
                for (int c = 0; c < WIDTH; c++) g[p][c] = src[c * by_output + (f->mirrored ? 8 - p : p)];
            for (int x = 0; x < 3; x++) NAME(filter_line)(tile, g + x, 3, half + x, 3);
            for (int y = 0; y < side; y++) NAME(filter_line)(tile, half + 3 * y, 1, full + side * y, 1);
            for (int p = 0; p < side * side; p++) *(vec *)(void *)(dst + (size_t)p * f->stride) = full[p];
        }
    }
}

INLINE void NAME(load_inside)(int side, const nw_tiles *t, const float *src, vec *d)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            d[side * y + x] = *(const vec *)(const void *)(src + (y * t->width + x) * WIDTH);
}

INLINE void NAME(load_edge)(int side, const nw_tiles *t, const float *map, int64_t top, int64_t left, vec *d)
{
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++) {
            bool inside = top + y >= 0 && top + y < t->height && left + x >= 0 && left + x < t->width;
            const float *at = map + ((top + y) * t->width + left + x) * WIDTH;
            d[side * y + x] = inside ? *(const vec *)(const void *)at : (vec){0};
        }
}

INLINE void NAME(source_of)(int tile, const nw_tiles *t, const float *src, float *dst, size_t begin,
                            size_t end)
{
    int side = tile + 2;
    int64_t map = t->height * t->width * WIDTH;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t block = (int64_t)unit / t->tiles, number = t->first + (int64_t)unit % t->tiles;
        float *to = dst + unit * WIDTH;
        if (number >= t->total) {
            for (int p = 0; p < side * side; p++) *(vec *)(void *)(to + (size_t)p * t->stride) = (vec){0};
            continue;
        }
        place at = place_of(t, tile, number);
        const float *from = src + at.image * t->image_floats + block * map;
        int64_t top = at.y - 1, left = at.x - 1;
        bool inside = top >= 0 && left >= 0 && top + side <= t->height && left + side <= t->width;
        vec d[NW_TILE_POINTS], half[NW_TILE_POINTS];
        if (inside)
            NAME(load_inside)(side, t, from + (top * t->width + left) * WIDTH, d);
        else
            NAME(load_edge)(side, t, from, top, left, d);
        for (int x = 0; x < side; x++) NAME(source_line)(tile, d + x, side, half + x, side);
        for (int y = 0; y < side; y++) NAME(source_line)(tile, half + side * y, 1, d + side * y, 1);
        for (int p = 0; p < side * side; p++) *(vec *)(void *)(to + (size_t)p * t->stride) = d[p];
    }
}

INLINE void NAME(result_of)(int tile, const nw_tiles *t, const nw_tile_finish *finish, const float *src,
                            float *dst, size_t begin, size_t end)
{
    int side = tile + 2;
    int64_t map = t->height * t->width * WIDTH;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t block = (int64_t)unit / t->tiles, number = t->first + (int64_t)unit % t->tiles;
        if (number >= t->total) continue;
        place at = place_of(t, tile, number);
        const float *from = src + unit * WIDTH;
        vec m[NW_TILE_POINTS], half[NW_TILE_POINTS], y[16];
        for (int p = 0; p < side * side; p++)
            m[p] = *(const vec *)(const void *)(from + (size_t)p * t->stride);
        for (int x = 0; x < side; x++) NAME(result_line)(tile, m + x, side, half + x, side);
        for (int i = 0; i < tile; i++) NAME(result_line)(tile, half + side * i, 1, y + tile * i, 1);
        int64_t offset = at.image * t->image_floats + block * map;
        vec bias = {0};
        if (finish->bias) bias = *(const vec *)(const void *)(finish->bias + block * WIDTH);
        for (int64_t i = 0; i < tile && at.y + i < t->height; i++)
            for (int64_t j = 0; j < tile && at.x + j < t->width; j++) {
                int64_t pixel = offset + ((at.y + i) * t->width + at.x + j) * WIDTH;
                vec v = y[tile * i + j] + bias;
                if (finish->add) v += *(const vec *)(const void *)(finish->add + pixel);
                if (finish->relu) v = (vec)(~(bits)(v < 0) & (bits)v); /* not a number stays one */
                *(vec *)(void *)(dst + pixel) = v;
            }
    }
}

/* With the tile a constant, so that loops over it are unrolled. */
NW_SIMD static void NAME(filters)(const nw_tile_filters *f, size_t begin, size_t end)
{
    if (f->tile == 2)
        NAME(filters_of)(2, f, begin, end);
    else
        NAME(filters_of)(4, f, begin, end);
}

NW_SIMD static void NAME(source)(const nw_tiles *t, const float *src, float *dst, size_t begin, size_t end)
{
    if (t->tile == 2)
        NAME(source_of)(2, t, src, dst, begin, end);
    else
        NAME(source_of)(4, t, src, dst, begin, end);
}

NW_SIMD static void NAME(result)(const nw_tiles *t, const nw_tile_finish *finish, const float *src,
                                 float *dst, size_t begin, size_t end)
{
    if (t->tile == 2)
        NAME(result_of)(2, t, finish, src, dst, begin, end);
    else
        NAME(result_of)(4, t, finish, src, dst, begin, end);
}

#undef vec
#undef bits
#undef NAME
#undef JOIN
#undef CAT
