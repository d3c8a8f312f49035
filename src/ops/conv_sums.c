#include "ops/conv.h"

nw_conv nw_conv_of(const nw_window *window, const nw_shape *src, const nw_shape *weights, const nw_shape *dst,
                   int64_t group)
{
    return (nw_conv){.w = nw_window_3d(window),
                     .batch = src->dims[0],
                     .group = group,
                     .filters = weights->dims[0] / group,
                     .depth = weights->dims[1],
                     .src_plane = nw_span(src, 2, src->rank),
                     .dst_plane = nw_span(dst, 2, dst->rank),
                     .kernel_plane = nw_span(weights, 2, weights->rank)};
}

/* Two of the three are read, the third is added to. */
typedef struct arrays {
    const double *src, *weights, *dst;
    double *sum;
} arrays;

/* What to do along one line: n results from offset dst on, their sources at src, src + stride, ..., all with
 * one weight. Offsets in elements. */
typedef void (*line_fn)(const arrays *a, int64_t n, int64_t stride, int64_t src, int64_t weight, int64_t dst);

static void line_product(const arrays *a, int64_t n, int64_t stride, int64_t src, int64_t weight, int64_t dst)
{
    const double *x = a->src + src, k = a->weights[weight];
    double *y = a->sum + dst;
    for (int64_t i = 0; i < n; i++) y[i] += k * x[i * stride];
}

static void line_diff_src(const arrays *a, int64_t n, int64_t stride, int64_t src, int64_t weight,
                          int64_t dst)
{
    const double *dy = a->dst + dst, k = a->weights[weight];
    double *dx = a->sum + src;
    for (int64_t i = 0; i < n; i++) dx[i * stride] += k * dy[i];
}

static void line_diff_weight(const arrays *a, int64_t n, int64_t stride, int64_t src, int64_t weight,
                             int64_t dst)
{
    const double *x = a->src + src, *dy = a->dst + dst;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i * stride] * dy[i];
    a->sum[weight] += sum;
}

/* All lines of one source plane and one destination plane, which begin at those offsets. */
static void each_line(const arrays *a, const nw_window *w, line_fn line, int64_t src, int64_t weight,
                      int64_t dst)
{
    for (int64_t kz = 0; kz < w->kernel[0]; kz++) {
        for (int64_t ky = 0; ky < w->kernel[1]; ky++) {
            for (int64_t kx = 0; kx < w->kernel[2]; kx++) {
                int64_t k = (kz * w->kernel[1] + ky) * w->kernel[2] + kx, z0, z1, y0, y1, x0, x1;
                nw_window_range(w, 0, kz, &z0, &z1);
                nw_window_range(w, 1, ky, &y0, &y1);
                nw_window_range(w, 2, kx, &x0, &x1);
                for (int64_t z = z0; z < z1 && x0 < x1; z++) {
                    for (int64_t y = y0; y < y1; y++) {
                        int64_t row = nw_window_at(w, 0, z, kz) * w->src[1] + nw_window_at(w, 1, y, ky);
                        line(a, x1 - x0, w->stride[2], src + row * w->src[2] + nw_window_at(w, 2, x0, kx),
                             weight + k, dst + (z * w->dst[1] + y) * w->dst[2] + x0);
                    }
                }
            }
        }
    }
}

/* Every pair of a source plane and a destination plane that a filter joins. */
static void each_plane(const nw_conv *c, const arrays *a, line_fn line)
{
    int64_t filters = c->group * c->filters, channels = c->group * c->depth;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t f = 0; f < filters; f++)
            for (int64_t d = 0; d < c->depth; d++)
                each_line(a, &c->w, line, (n * channels + f / c->filters * c->depth + d) * c->src_plane,
                          (f * c->depth + d) * c->kernel_plane, (n * filters + f) * c->dst_plane);
}

void nw_conv_product(const nw_conv *c, const double *src, const double *weights, double *dst)
{
    each_plane(c, &(arrays){.src = src, .weights = weights, .sum = dst}, line_product);
}

void nw_conv_diff_src(const nw_conv *c, const double *diff_dst, const double *weights, double *diff_src)
{
    each_plane(c, &(arrays){.dst = diff_dst, .weights = weights, .sum = diff_src}, line_diff_src);
}

void nw_conv_diff_weights(const nw_conv *c, const double *src, const double *diff_dst, double *diff_weights)
{
    each_plane(c, &(arrays){.src = src, .dst = diff_dst, .sum = diff_weights}, line_diff_weight);
}

void nw_conv_diff_bias(const nw_shape *dst, const double *diff_dst, double *diff_bias)
{
    int64_t planes = dst->dims[0] * dst->dims[1], plane = nw_span(dst, 2, dst->rank);
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < plane; i++) diff_bias[p % dst->dims[1]] += diff_dst[p * plane + i];
}

void nw_conv_start(const nw_shape *shape, const double *bias, double *dst)
{
    int64_t planes = shape->dims[0] * shape->dims[1], plane = nw_span(shape, 2, shape->rank);
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < plane; i++) dst[p * plane + i] = bias ? bias[p % shape->dims[1]] : 0;
}
