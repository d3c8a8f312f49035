/* The geometry of ConvTranspose: that of the convolution whose gradient it is. */
#ifndef NW_OPS_CONV_TRANSPOSE_H
#define NW_OPS_CONV_TRANSPOSE_H

#include "ops/window.h"

/* The window of that convolution: its source is what ConvTranspose makes (out->src), its result what
 * ConvTranspose reads (out->dst). src: of ConvTranspose, rank 3 to 5; kernel[src->rank - 2]. Results that no
 * window reaches (output_padding, or an output_shape beyond) hold the bias. NW_BAD_MODEL without node text.
 */
nw_status nw_conv_transpose_window(const nw_node *node, const nw_shape *src, const int64_t *kernel,
                                   nw_window *out, nw_error *err);

#endif
