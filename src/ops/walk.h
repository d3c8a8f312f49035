/* Walks over the elements of a shape in row-major order, following operands that broadcast to it. */
#ifndef NW_OPS_WALK_H
#define NW_OPS_WALK_H

#include "ops/op.h"

enum { NW_WALK_OPERANDS = 3 };

typedef struct nw_walk {
    int rank, operands;
    int64_t count; /* elements of the shape */
    int64_t dims[NW_MAX_RANK], index[NW_MAX_RANK];
    int64_t strides[NW_WALK_OPERANDS][NW_MAX_RANK]; /* 0 along a broadcast dimension */
    int64_t at[NW_WALK_OPERANDS];                   /* offset of each operand's current element */
} nw_walk;

/* Starts at the first element of `shape`; operands[i] broadcasts to it. */
void nw_walk_start(nw_walk *walk, const nw_shape *shape, int operands, const nw_shape *const *shapes);

/* One element further; after the last one comes the first again. */
static inline void nw_walk_next(nw_walk *walk)
{
    for (int d = walk->rank - 1; d >= 0; d--) {
        walk->index[d]++;
        for (int k = 0; k < walk->operands; k++) walk->at[k] += walk->strides[k][d];
        if (walk->index[d] < walk->dims[d]) return;
        for (int k = 0; k < walk->operands; k++) walk->at[k] -= walk->strides[k][d] * walk->dims[d];
        walk->index[d] = 0;
    }
}

#endif
