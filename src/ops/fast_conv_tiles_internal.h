/* The parts of fast_conv_tiles.h. */
#ifndef NW_OPS_FAST_CONV_TILES_INTERNAL_H
#define NW_OPS_FAST_CONV_TILES_INTERNAL_H

#include "ops/fast_conv_tiles.h"
#include "ops/winograd_tiles.h"

enum { NW_TILE_GROUPS = 4, NW_TILE_LANES = NW_TILE_POINTS };

/* What multiplies, beside other lanes. */
typedef struct nw_tile_lane {
    nw_backend *backend;
    nw_kernel *kernel;
    nw_buffer *scratch;
} nw_tile_lane;

struct nw_tile_conv {
    nw_conv_desc conv; /* of all images and groups, as it is computed */
    bool mirrored;
    int block, tile, points;                     /* of the layout; results along a side, products */
    int64_t in, out, strip;                      /* channels of a group, and in which filters lie together */
    int64_t rows, columns, total, tiles;         /* tiles: at once */
    size_t in_stride, out_stride, filter_stride; /* floats from one position's matrix to the next */
    int lane_count;
    nw_tile_lane lanes[NW_TILE_LANES];
    nw_tensor *made[NW_TILE_GROUPS];
    nw_buffer *filters[NW_TILE_GROUPS], *src, *bias, *add, *dst, *sources, *products;
};

/* How the products are made, and what that needs. *_run: of t->sources and one group's filters, into
 * t->products. */
nw_status nw_tile_products_make(nw_tile_conv *t, nw_error *err);
void nw_tile_products_clear(nw_tile_conv *t);
nw_status nw_tile_products_buffers(nw_plan *plan, nw_tile_conv *t, nw_error *err);
int nw_tile_products_scratch(const nw_tile_conv *t, nw_buffer *scratch[NW_TILE_LANES]);
void nw_tile_products_bind(nw_tile_conv *t);
const char *nw_tile_products_impl(const nw_tile_conv *t);
nw_status nw_tile_products_run(const nw_tile_conv *t, const float *filters, nw_error *err);

/* The transformed filters of a group: made once for all programs of a model, by way of the cache of tensors
 * made from others. */
nw_status nw_tile_filters_made(nw_plan *plan, nw_tile_conv *t, nw_tensor *weights, int64_t group,
                               nw_tensor **out, nw_error *err);
/* Adds a step that transforms them into t->filters. */
nw_status nw_tile_filters_step(nw_plan *plan, const nw_tile_conv *t, nw_buffer *weights, nw_error *err);

#endif
