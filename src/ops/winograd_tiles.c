/* The transforms of minimal filtering, 8 or 16 channels at once. */
#include "ops/winograd_tiles.h"

#include "base/simd.h"

#define INLINE static inline __attribute__((always_inline))
#define A      0.70710678118654752F /* and A A = 1/2, B B = 2 */
#define B      1.41421356237309505F

/* Where a tile is. */
typedef struct place {
    int64_t image, y, x; /* y, x: of its first result */
} place;

INLINE place place_of(const nw_tiles *t, int tile, int64_t number)
{
    int64_t of_image = t->rows * t->columns, in_image = number % of_image;
    return (place){number / of_image, in_image / t->columns * tile, in_image % t->columns * tile};
}

#define WIDTH 8
#include "ops/winograd_tiles_loops.h"
#undef WIDTH
#define WIDTH 16
#include "ops/winograd_tiles_loops.h"

void nw_tile_transform_filters(const nw_tile_filters *f, size_t begin, size_t end)
{
    (f->block == 16 ? filters_16 : filters_8)(f, begin, end);
}

void nw_tile_transform_source(const nw_tiles *t, const float *src, float *dst, size_t begin, size_t end)
{
    (t->block == 16 ? source_16 : source_8)(t, src, dst, begin, end);
}

void nw_tile_transform_result(const nw_tiles *t, const nw_tile_finish *finish, const float *src, float *dst,
                              size_t begin, size_t end)
{
    (t->block == 16 ? result_16 : result_8)(t, finish, src, dst, begin, end);
}
