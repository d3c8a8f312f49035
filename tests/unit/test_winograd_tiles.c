/* The transforms of minimal filtering on any processor: with products multiplied out here, they are the
 * convolution. Maps that tiles cover and that they overlap, several images, some tiles at a time, filters
 * turned round, what is added on the way, and values that are not numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ops/winograd_tiles.h"
#include "support/network.h"

typedef struct shape {
    int64_t images, in, out, height, width;
    int64_t at_once; /* tiles */
    bool mirrored, bias, add, relu;
    int tile, block; /* each shape is done with all that its channels allow */
    int64_t strip;
} shape;

static const shape shapes[] = {
    {1, 8, 8, 4, 4, 1, false, false, false, false, 0, 0, 0},
    {1, 8, 16, 8, 12, 6, false, true, false, false, 0, 0, 0},
    {2, 16, 8, 7, 7, 8, false, false, true, false, 0, 0, 0},
    {3, 16, 24, 5, 9, 4, false, true, true, true, 0, 0, 0},
    {2, 24, 16, 13, 6, 5, true, false, false, false, 0, 0, 0},
    {1, 40, 8, 1, 1, 3, true, false, false, true, 0, 0, 0},
    {2, 32, 48, 6, 7, 3, false, true, true, true, 0, 0, 0}, /* in a strip of 32 outputs and one of 16 */
    {1, 48, 80, 10, 5, 4, true, false, false, false, 0, 0, 0},
};

/* Channel c of [N][C / block][H][W][block]. */
static size_t at(const shape *s, int64_t channels, int64_t n, int64_t c, int64_t y, int64_t x)
{
    int64_t b = s->block;
    return (size_t)((((n * channels / b + c / b) * s->height + y) * s->width + x) * b + c % b);
}

static float *numbers(size_t n, uint64_t seed)
{
    float *out = malloc(n * sizeof *out);
    net_fill(out, n, seed, 1);
    return out;
}

typedef struct data {
    size_t in, out;
    float *src, *filters, *bias, *add, *dst;
} data;

static data make(const shape *s)
{
    data d = {.in = (size_t)(s->images * s->in * s->height * s->width),
              .out = (size_t)(s->images * s->out * s->height * s->width)};
    d.src = numbers(d.in, 1);
    d.filters = numbers((size_t)(s->in * s->out * 9), 2);
    d.bias = numbers((size_t)s->out, 3);
    d.add = numbers(d.out, 4);
    d.dst = numbers(d.out, 5);
    return d;
}

static void drop(data *d)
{
    free(d->src);
    free(d->filters);
    free(d->bias);
    free(d->add);
    free(d->dst);
}

static double filter(const shape *s, const data *d, int64_t o, int64_t i, int64_t k)
{
    return (double)(s->mirrored ? d->filters[(i * s->out + o) * 9 + 8 - k]
                                : d->filters[(o * s->in + i) * 9 + k]);
}

static double direct(const shape *s, const data *d, int64_t n, int64_t o, int64_t y, int64_t x)
{
    double sum = s->bias ? (double)d->bias[o] : 0;
    for (int64_t i = 0; i < s->in; i++)
        for (int64_t k = 0; k < 9; k++) {
            int64_t v = y + k / 3 - 1, u = x + k % 3 - 1;
            if (v >= 0 && v < s->height && u >= 0 && u < s->width)
                sum += filter(s, d, o, i, k) * (double)d->src[at(s, s->in, n, i, v, u)];
        }
    if (s->add) sum += (double)d->add[at(s, s->out, n, o, y, x)];
    return s->relu && sum < 0 ? 0 : sum;
}

/* Where filters have [in] to [out]: in strips of outputs. */
static int64_t filter_at(const shape *s, int64_t i, int64_t o)
{
    int64_t strip = o / s->strip * s->strip, wide = s->out - strip < s->strip ? s->out - strip : s->strip;
    return strip * s->in + i * wide + o - strip;
}

/* [tiles x in] by [in x out] of one position; the blocks as the headers have them. */
static void multiply(const shape *s, const float *source, const float *filters, float *product)
{
    int64_t b = s->block;
    for (int64_t t = 0; t < s->at_once; t++)
        for (int64_t o = 0; o < s->out; o++) {
            double sum = 0;
            for (int64_t i = 0; i < s->in; i++)
                sum += (double)source[(i / b * s->at_once + t) * b + i % b] *
                       (double)filters[filter_at(s, i, o)];
            product[(o / b * s->at_once + t) * b + o % b] = (float)sum;
        }
}

static void convolve(const shape *s, data *d)
{
    size_t in = (size_t)(s->at_once * s->in) + 16, out = (size_t)(s->at_once * s->out) + 16;
    size_t each = (size_t)(s->in * s->out) + 16;
    size_t points = (size_t)nw_tile_points(s->tile);
    float *filters = malloc(each * points * sizeof *filters);
    float *sources = malloc(in * points * sizeof *sources);
    float *products = malloc(out * points * sizeof *products);
    nw_tile_filters f = {.src = d->filters,
                         .dst = filters,
                         .tile = s->tile,
                         .block = s->block,
                         .outputs = s->out,
                         .inputs = s->in,
                         .strip = s->strip,
                         .mirrored = s->mirrored,
                         .stride = each};
    size_t pairs = (size_t)(s->in / s->block * (s->out / s->block));
    nw_tile_transform_filters(&f, 0, pairs / 2); /* as threads would */
    nw_tile_transform_filters(&f, pairs / 2, pairs);
    int64_t rows = (s->height + s->tile - 1) / s->tile, columns = (s->width + s->tile - 1) / s->tile;
    nw_tiles source = {.tile = s->tile,
                       .block = s->block,
                       .image_floats = s->in * s->height * s->width,
                       .height = s->height,
                       .width = s->width,
                       .rows = rows,
                       .columns = columns,
                       .tiles = s->at_once,
                       .total = s->images * rows * columns,
                       .stride = in};
    nw_tile_finish finish = {s->bias ? d->bias : NULL, s->add ? d->add : NULL, s->relu};
    for (; source.first < source.total; source.first += source.tiles) {
        nw_tiles result = source;
        result.image_floats = s->out * s->height * s->width;
        result.stride = out;
        nw_tile_transform_source(&source, d->src, sources, 0, (size_t)(s->in / s->block * s->at_once));
        for (size_t p = 0; p < points; p++)
            multiply(s, sources + p * in, filters + p * each, products + p * out);
        nw_tile_transform_result(&result, &finish, products, d->dst, 0, (size_t)(s->out / s->block * s->at_once));
    }
    free(filters);
    free(sources);
    free(products);
}

static void check(const shape *s)
{
    data d = make(s);
    convolve(s, &d);
    double worst = 0, size = 0;
    for (int64_t n = 0; n < s->images; n++)
        for (int64_t o = 0; o < s->out; o++)
            for (int64_t y = 0; y < s->height; y++)
                for (int64_t x = 0; x < s->width; x++) {
                    double want = direct(s, &d, n, o, y, x);
                    worst = fmax(worst, fabs((double)d.dst[at(s, s->out, n, o, y, x)] - want));
                    size = fmax(size, fabs(want));
                }
    if (!(worst < 2e-6 * size))
        fail_msg("%d to %d channels, tile %d, block %d: %g of %g", (int)s->in, (int)s->out, s->tile, s->block,
                 worst, size);
    drop(&d);
}

static void tiles_are_the_convolution(void **state)
{
    (void)state;
    int done = 0;
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
        for (int tile = 2; tile <= 4; tile += 2)
            for (int block = 8; block <= 16; block += 8) {
                shape s = shapes[k];
                s.tile = tile;
                s.block = block;
                if (s.in % block || s.out % block) continue;
                for (s.strip = block; s.strip <= 4 * block; s.strip *= 2, done++) check(&s);
            }
    assert_true(done > 40);
}

/* Nothing that is not a number may vanish in an activation. */
static void not_a_number_stays(void **state)
{
    (void)state;
    for (int tile = 2; tile <= 4; tile += 2)
        for (int block = 8; block <= 16; block += 8) {
            const shape s = {1, 16, 16, 9, 9, 9, false, false, false, true, tile, block, block};
            data d = make(&s);
            d.src[at(&s, 16, 0, 3, 4, 4)] = NAN;
            convolve(&s, &d);
            for (int64_t o = 0; o < 16; o++) assert_true(isnan(d.dst[at(&s, 16, 0, o, 4, 4)]));
            assert_false(isnan(d.dst[at(&s, 16, 0, 0, 0, 0)]) && isnan(d.dst[at(&s, 16, 0, 0, 8, 8)]));
            drop(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiles_are_the_convolution),
                                       cmocka_unit_test(not_a_number_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
