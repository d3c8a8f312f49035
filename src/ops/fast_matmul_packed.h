/* A fully connected layer with its weights packed. */
#ifndef NW_OPS_FAST_MATMUL_PACKED_H
#define NW_OPS_FAST_MATMUL_PACKED_H

#include "ops/fast.h"

/* dst [m][n] = src [m][k] weights^T + bias [n], with weights [n][k] that are a tensor of the model. *out is
 * NULL where it would not pay, or oneDNN has no kernel for it. */
nw_status nw_packed_matmul_kernel(nw_plan *plan, const nw_matmul_desc *mm, const nw_tensor *weights,
                                  nw_kernel **out, nw_error *err);
/* Adds the step; takes over the kernel. */
nw_status nw_packed_matmul_step(nw_plan *plan, const nw_matmul_desc *mm, nw_kernel *kernel,
                                nw_tensor *weights, nw_buffer *src, nw_buffer *bias, nw_buffer *dst,
                                nw_error *err);

#endif
