/* Sliding windows over the spatial dimensions of [batch, channels, ...]: what convolution and pooling share.
 */
#ifndef NW_OPS_WINDOW_H
#define NW_OPS_WINDOW_H

#include "ops/op.h"

enum { NW_MAX_SPATIAL = 3 };

/* Window o along dimension i covers the positions o * stride - before + k * dilation, 0 <= k < kernel; those
 * outside [0, src) are padding. All in elements. */
typedef struct nw_window {
    int rank; /* 1 to 3 spatial dimensions */
    int64_t src[NW_MAX_SPATIAL], dst[NW_MAX_SPATIAL];
    int64_t kernel[NW_MAX_SPATIAL], stride[NW_MAX_SPATIAL], dilation[NW_MAX_SPATIAL];
    int64_t before[NW_MAX_SPATIAL], after[NW_MAX_SPATIAL]; /* padding, >= 0 */
} nw_window;

/* Reads strides, dilations, pads, auto_pad and ceil_mode of a node whose source has shape `src` (rank 3 to 5)
 * and whose kernel has extent kernel[src->rank - 2]. Rules of ONNX; in ceil_mode a last window that would
 * start beyond the source and the padding before it is dropped, as newer ONNX and PyTorch do. The message has
 * no node text. */
nw_status nw_window_read(const nw_node *node, const nw_shape *src, const int64_t *kernel, nw_window *out,
                         nw_error *err);

/* attribute[count], or `otherwise` where it is missing; each in low .. INT32_MAX, so that sums and products
 * of two fit. NW_BAD_MODEL without node text. */
nw_status nw_window_ints(const nw_node *node, const char *name, size_t count, int64_t low, int64_t otherwise,
                         int64_t *values, nw_error *err);

/* The same window with three dimensions: dimensions of extent 1 are put in front. */
nw_window nw_window_3d(const nw_window *window);

/* The range [*first, *last) of windows whose element k along dimension i lies inside the source. */
void nw_window_range(const nw_window *window, int i, int64_t k, int64_t *first, int64_t *last);

/* Position of element k of window o along dimension i; outside [0, src) in the padding. */
static inline int64_t nw_window_at(const nw_window *w, int i, int64_t o, int64_t k)
{
    return o * w->stride[i] - w->before[i] + k * w->dilation[i];
}

#endif
