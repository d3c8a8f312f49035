/* Gaussian blur of a feature map, channel by channel, as the bottleneck smooths lambda (Schulz et al. 2020,
 * section 3.2): normalised weights exp(-d^2 / (2 sigma^2)), kernel of 2 round(2 sigma) + 1 positions (halves
 * round to even), mirrored borders without the edge repeated. Separable: one pass an axis.
 */
#ifndef NW_EXPLAIN_BLUR_H
#define NW_EXPLAIN_BLUR_H

#include "tensor/tensor.h"

typedef struct nw_blur nw_blur;

/* shape: [C, H, W] or [C, D, H, W]. sigma 0 (or so small that the kernel is one position): nothing changes.
 * NW_USAGE for a sigma that is negative or no number, NW_BAD_INPUT where a map is not larger than half the
 * kernel. */
nw_status nw_blur_new(const nw_shape *shape, double sigma, nw_blur **out, nw_error *err);
void nw_blur_free(nw_blur *blur);
/* Positions on either side of the middle of the kernel. */
int nw_blur_radius(const nw_blur *blur);

/* dst = B src, and dst = B^T src. Arrays of the whole shape; dst is not src. One call at a time. */
void nw_blur_apply(nw_blur *blur, const float *src, float *dst);
void nw_blur_adjoint(nw_blur *blur, const float *src, float *dst);

#endif
