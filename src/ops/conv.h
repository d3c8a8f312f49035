/* The sums of a convolution in double, for Conv and, with the roles of source and result exchanged, for
 * ConvTranspose. Its form is trilinear: sum over f, d, positions o, offsets k of
 * dst[f, o] weights[f, d, k] src[d, o stride - before + k dilation]. */
#ifndef NW_OPS_CONV_H
#define NW_OPS_CONV_H

#include "ops/window.h"

typedef struct nw_conv {
    nw_window w;                          /* of three dimensions */
    int64_t batch, group, filters, depth; /* filters and channels of one group */
    int64_t src_plane, dst_plane, kernel_plane;
} nw_conv;

/* src [batch, group depth, ...], weights [group filters, depth, ...], dst [batch, group filters, ...]. */
nw_conv nw_conv_of(const nw_window *window, const nw_shape *src, const nw_shape *weights, const nw_shape *dst,
                   int64_t group);

/* Each adds to its last argument. */
void nw_conv_product(const nw_conv *c, const double *src, const double *weights, double *dst);
void nw_conv_diff_src(const nw_conv *c, const double *diff_dst, const double *weights, double *diff_src);
void nw_conv_diff_weights(const nw_conv *c, const double *src, const double *diff_dst, double *diff_weights);
/* dst [batch, channels, ...]; diff_bias[channels]. */
void nw_conv_diff_bias(const nw_shape *dst, const double *diff_dst, double *diff_bias);

/* dst = bias of its channel (NULL: 0). */
void nw_conv_start(const nw_shape *shape, const double *bias, double *dst);

#endif
