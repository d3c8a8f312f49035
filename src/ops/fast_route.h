/* A data movement (nw_move) as loops over memory in single precision, for plain layouts and blocked ones.
 *
 * The offset that an element of the result is read from is a sum of one term an axis, as in nw_move, but axes
 * that lie behind each other in both arrays have become one, and coordinates are worked out beforehand.
 */
#ifndef NW_OPS_FAST_ROUTE_H
#define NW_OPS_FAST_ROUTE_H

#include "ops/move.h"
#include "tensor/layout.h"

enum { NW_ROUTE_AXES = NW_MAX_RANK + 1 };

typedef struct nw_route_axis {
    int64_t count, dst_step;
    int64_t src_step, low, high; /* positions low <= i < high read at i * src_step, the others nothing */
    int64_t *table;              /* or position i reads at table[i], -1 for nothing */
    bool shared;                 /* several positions read one element */
} nw_route_axis;

typedef struct nw_route {
    int rank; /* at least 1; the last axis is the innermost */
    nw_route_axis axis[NW_ROUTE_AXES];
    int64_t src_offset, dst_offset;
    int64_t read; /* elements of the result, padding included, that read from the source */
    bool shared;  /* of any axis */
    float fill;
} nw_route;

/* The route of a move between arrays in these layouts. *fits = false where blocked layouts do not allow it:
 * where the channels move otherwise than in whole blocks. */
nw_status nw_route_make(const nw_move *move, const nw_layout *src, const nw_layout *dst, nw_route *out,
                        bool *fits, nw_error *err);
void nw_route_clear(nw_route *route);

/* dst = src, or fill: for the elements of dst that the route reaches. */
void nw_route_forward(const nw_route *route, const float *src, float *dst);
/* diff_src = diff_dst for the elements that are read; only where none is shared. */
void nw_route_assign(const nw_route *route, const float *diff_dst, float *diff_src);
/* diff_src += diff_dst. Elements that read one element are added in a fixed order. */
void nw_route_add(const nw_route *route, const float *diff_dst, float *diff_src);

#endif
