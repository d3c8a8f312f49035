/* How the elements of a value lie in memory: row-major, or with one dimension cut into blocks of 8 or 16
 * that lie innermost (oneDNN's nChw16c when axis = 1). A blocked dimension is padded to whole blocks with
 * zeros, which every writer keeps zero. */
#ifndef NW_TENSOR_LAYOUT_H
#define NW_TENSOR_LAYOUT_H

#include "tensor/tensor.h"

typedef struct nw_layout {
    nw_dtype dtype; /* NW_F32; NW_F64 on the reference path */
    nw_shape shape;
    int axis;  /* the blocked dimension; 0 where plain */
    int block; /* 1: plain */
} nw_layout;

nw_layout nw_layout_plain(nw_dtype dtype, const nw_shape *shape);
nw_layout nw_layout_blocked(nw_dtype dtype, const nw_shape *shape, int axis, int block);
bool nw_layout_equal(const nw_layout *a, const nw_layout *b);
/* The same order in memory (axis, block) for another shape. */
nw_layout nw_layout_like(const nw_layout *like, const nw_shape *shape);
static inline bool nw_layout_is_plain(const nw_layout *layout)
{
    return layout->block == 1;
}

/* Whether the elements of two layouts of one shape lie in the same places: a blocked dimension without
 * padding and with nothing after it lies as a plain one. */
bool nw_layout_same_memory(const nw_layout *a, const nw_layout *b);

/* Elements in memory, padding included. */
int64_t nw_layout_count(const nw_layout *layout);

/* A layout as nested loops: for o < outer, c < blocks, s < inner, b < block: the address is
 * ((o * blocks + c) * inner + s) * block + b, the index along axis is c * block + b (< extent, or padding).
 * Plain: block = 1 and any axis may be chosen. */
typedef struct nw_loops {
    int64_t outer, blocks, inner, block, extent;
} nw_loops;
nw_loops nw_layout_loops(const nw_layout *layout, int axis_if_plain);

#endif
