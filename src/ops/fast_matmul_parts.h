/* A product of matrices as a step, with the same bits from any number of threads. */
#ifndef NW_OPS_FAST_MATMUL_PARTS_H
#define NW_OPS_FAST_MATMUL_PARTS_H

#include "ops/fast.h"

/* Buffers are plain; bias may be NULL. */
nw_status nw_matmul_parts_step(nw_plan *plan, const nw_matmul_desc *mm, nw_buffer *src, nw_buffer *weights,
                               nw_buffer *bias, nw_buffer *dst, nw_error *err);

#endif
