/* Minimal filtering F(2x2, 3x3) with products of 8-bit integers: the transforms (Winograd 1980; Lavin & Gray,
 * CVPR 2016).
 *
 * A tile of 2x2 results of a 3x3 convolution (stride 1) is  A^T [ (G g G^T) * (B^T d B) ] A  for its 4x4
 * source d and the filter g: 16 products where the direct way takes 36. Transforms are made in float32; what
 * they give is rounded to 8 bits afterwards, with a scale for each of the 16 positions of a tile (over the
 * channels of a group) and of a filter. So sums over channels are exact here too, and no bit goes to the
 * sums of four numbers that the transforms are made of. */
#ifndef NW_OPS_INT8_WINOGRAD_H
#define NW_OPS_INT8_WINOGRAD_H

#include "ops/int8_tile.h"

enum {
    NW_INT8_TILE = 2,             /* results along a side */
    NW_INT8_TILE_SOURCE = 4,      /* and what they are made from */
    NW_INT8_POINTS = 16,          /* positions */
    NW_INT8_TILE_CHANNELS = 1024, /* of a group, at most: what nw_int8_tile_source keeps */
    NW_INT8_TAPS = 9
};

/* Where a tile is in a map [channels / 16][height][width][16]: its first row and column, which for a source
 * may be outside. */
typedef struct nw_int8_place {
    int64_t height, width, row, column;
} nw_int8_place;

/* B^T d B of tiles side by side, rounded. place: of the first; src: the first block of 16
 * channels of the group; made as for nw_int8_quantise. What belongs to position p of tile t lies
 * p * value_step + t * channels values and p * step + t scales after *dst. */
void nw_int8_tile_source(const float *src, const float *made, const nw_int8_place *place, int tiles,
                         int64_t channels, int64_t value_step, int64_t step, const nw_int8_source *dst);

/* G g G^T of 16 filters g [16][9 taps], `by_filter` floats apart: [16 positions][16 filters]. mirrored: of
 * filters turned round. */
void nw_int8_tile_filters(const float *src, int64_t by_filter, bool mirrored,
                          float dst[NW_INT8_POINTS][NW_INT8_BLOCK]);

/* A^T m A of one tile of 16 outputs, m of position p at p * step floats. dst is the map's first pixel; bias
 * [16] and add, which lies as dst does, may be NULL. */
typedef struct nw_int8_tile_finish {
    const float *bias, *add;
    bool relu;
} nw_int8_tile_finish;
void nw_int8_tile_result(const float *src, int64_t step, const nw_int8_tile_finish *finish,
                         const nw_int8_place *place, float *dst);

#endif
