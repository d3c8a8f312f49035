/* What the pooling operators share. */
#ifndef NW_OPS_POOL_H
#define NW_OPS_POOL_H

#include "ops/window.h"

typedef struct nw_pool {
    nw_window window; /* in nw_pool_read three-dimensional */
    int64_t planes;   /* batch * channels */
    int64_t src_plane;
} nw_pool;

/* Checks the node and gives the shape of its output. */
nw_status nw_pool_infer(nw_infer *cx, nw_pool *pool, nw_shape *dst);
/* Fails where a window might see padding alone: its maximum or mean would be undefined. */
nw_status nw_pool_no_empty(const nw_pool *pool, nw_error *err);
/* The same for forward and backward. */
nw_pool nw_pool_read(const nw_ref *call);

#endif
