/* Splitting a shape into the axes that a reduction keeps and those it runs over. */
#ifndef NW_OPS_REDUCE_H
#define NW_OPS_REDUCE_H

#include "ops/walk.h"

typedef struct nw_reduce_split {
    nw_shape shape; /* of the result */
    bool reduced[NW_MAX_RANK]; /* by axis of the input */
    nw_walk kept;   /* over the results: at[0] is the offset of the first input element of each */
    nw_walk lane;   /* over the inputs of one result; set at[0] from kept, it comes back to it */
    bool nothing;   /* no axes, and noop_with_empty_axes */
} nw_reduce_split;

void nw_reduce_split_axes(const nw_shape *x, const bool *reduced, bool keep, nw_reduce_split *out);
/* From attributes `axes`, `keepdims`, `noop_with_empty_axes` and input 1. */
nw_status nw_reduce_axes(nw_infer *cx, nw_reduce_split *out);

#endif
