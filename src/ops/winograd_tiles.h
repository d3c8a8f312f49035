/* Minimal filtering F(4x4, 3x3) and F(2x2, 3x3): the transforms (Winograd 1980; Lavin & Gray, CVPR 2016).
 *
 * A tile of 4x4 results of a 3x3 convolution (stride 1) is  A^T [ (G g G^T) * (B^T d B) ] A  for its 6x6
 * source d and the filter g: 36 products where the direct way takes 144. A tile of 2x2 takes 16 for 36, and
 * half as many transformed filters. What is multiplied are 36 (16) matrices, one a position in the tile,
 * [tiles x channels] by [channels x outputs]; those are left to others.
 *
 * The transforms evaluate polynomials at 0, a, -a, b, -b and infinity. Usual are a = 1, b = 2. Here a =
 * 1/sqrt 2, b = sqrt 2, whose rounding is half of that (Alam et al., "Winograd Convolution for Deep Neural
 * Networks: Efficient Point Selection", 2022): twice, and not four times, that of a direct sum in float32
 * over 256 channels. F(2x2) has 0, 1, -1 and infinity. */
#ifndef NW_OPS_WINOGRAD_TILES_H
#define NW_OPS_WINOGRAD_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NW_TILE_POINTS = 36 }; /* at most */
/* Positions of a tile of 2x2 or 4x4. */
static inline int nw_tile_points(int tile)
{
    return (tile + 2) * (tile + 2);
}

/* Some of the tiles of some images, and where their matrices are. A matrix of position p begins at
 * p * stride floats and is [channels / block][tiles][block]. */
typedef struct nw_tiles {
    int tile;              /* results along a side: 2 or 4 */
    int block;             /* channels that lie together, 8 or 16: [N][C / block][H][W][block] */
    int64_t image_floats;  /* from one image to the next, of all groups */
    int64_t height, width; /* of the map; source and result have the same, with zeros around */
    int64_t rows, columns; /* of tiles in an image */
    int64_t first, tiles;  /* the tiles of this call, of those of all images one after the other */
    int64_t total;         /* tiles of all images; those from there on are zeros, and not written */
    size_t stride;
} nw_tiles;

/* Filters [outputs][inputs][3][3] to 16 or 36 matrices, each in strips of outputs, [inputs][outputs of the
 * strip], for pairs of blocks [begin, end) of (outputs / block) (inputs / block). mirrored: filters
 * [inputs][outputs][3][3] turned round, as the gradient with respect to the source has them. */
typedef struct nw_tile_filters {
    const float *src;
    float *dst;
    int tile, block;
    int64_t outputs, inputs, strip; /* strip: a multiple of the block */
    bool mirrored;
    size_t stride;
} nw_tile_filters;
void nw_tile_transform_filters(const nw_tile_filters *f, size_t begin, size_t end);

/* B^T d B for units [begin, end) of (channels / block) tiles, tiles innermost. src: the first image, at the
 * group. */
void nw_tile_transform_source(const nw_tiles *t, const float *src, float *dst, size_t begin, size_t end);

/* What is done to a result on its way: bias [channels] or NULL; add, laid out as dst, or NULL; relu. */
typedef struct nw_tile_finish {
    const float *bias, *add;
    bool relu;
} nw_tile_finish;
/* A^T m A for such units, into the first image at the group. */
void nw_tile_transform_result(const nw_tiles *t, const nw_tile_finish *finish, const float *src, float *dst,
                              size_t begin, size_t end);

#endif
