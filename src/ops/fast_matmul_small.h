/* Products of matrices that are too small for a kernel to be made. */
#ifndef NW_OPS_FAST_MATMUL_SMALL_H
#define NW_OPS_FAST_MATMUL_SMALL_H

#include "ops/fast.h"

bool nw_small_matmul_fits(const nw_matmul_desc *mm);
/* Adds the step. bias may be NULL. */
nw_status nw_small_matmul_step(nw_plan *plan, const nw_matmul_desc *mm, nw_buffer *src, nw_buffer *weights,
                               nw_buffer *bias, nw_buffer *dst, nw_error *err);

#endif
