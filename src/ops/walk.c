#include "ops/walk.h"

#include <string.h>

void nw_walk_start(nw_walk *walk, const nw_shape *shape, int operands, const nw_shape *const *shapes)
{
    memset(walk, 0, sizeof *walk);
    walk->rank = shape->rank;
    walk->operands = operands;
    walk->count = nw_count(shape);
    memcpy(walk->dims, shape->dims, sizeof walk->dims);
    for (int k = 0; k < operands; k++) {
        int64_t strides[NW_MAX_RANK];
        int missing = shape->rank - shapes[k]->rank;
        nw_strides(shapes[k], strides);
        for (int d = missing; d < shape->rank; d++)
            walk->strides[k][d] = shapes[k]->dims[d - missing] == 1 ? 0 : strides[d - missing];
    }
}
