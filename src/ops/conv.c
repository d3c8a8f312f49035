/* Conv: N-dimensional cross-correlation, 1 <= N <= 3.
 * src [batch, channels, spatial...], weights [filters, channels / group, kernel...], bias [filters]. */
#include "base/memory.h"
#include "ops/fast.h"
#include "ops/window.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 3, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    NW_TRY(nw_infer_float(cx, 1));
    const nw_value *x = nw_infer_in(cx, 0), *weights = nw_infer_in(cx, 1), *bias = nw_infer_in(cx, 2);
    if (x->shape.rank < 3 || x->shape.rank > 2 + NW_MAX_SPATIAL)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "the input has %d dimensions; 3 to 5 are supported",
                             x->shape.rank);
    if (weights->shape.rank != x->shape.rank)
        return nw_infer_fail(cx, NW_BAD_MODEL, "weights '%s' have %d dimensions, the input '%s' has %d",
                             weights->name, weights->shape.rank, x->name, x->shape.rank);
    int64_t channels = x->shape.dims[1], filters = weights->shape.dims[0], depth = weights->shape.dims[1];
    int64_t group = nw_node_int(cx->node, "group", 1), needed;
    if (group < 1 || filters < 1 || filters % group)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%lld filters cannot be split into %lld groups",
                             (long long)filters, (long long)group);
    if (depth < 1 || !nw_mul_i64(depth, group, &needed) || needed != channels)
        return nw_infer_fail(
            cx, NW_BAD_MODEL,
            "the input '%s' has %lld channels where weights '%s' of %lld channels in %lld groups "
            "need another number",
            x->name, (long long)channels, weights->name, (long long)depth, (long long)group);
    if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != filters))
        return nw_infer_fail(cx, NW_BAD_MODEL, "bias '%s' must have one number for each of %lld filters",
                             bias->name, (long long)filters);
    size_t n;
    const int64_t *kernel = nw_node_ints(cx->node, "kernel_shape", &n);
    if (kernel && n != (size_t)x->shape.rank - 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "kernel_shape has %zu numbers where %d are expected", n,
                             x->shape.rank - 2);
    for (size_t i = 0; kernel && i < n; i++)
        if (kernel[i] != weights->shape.dims[i + 2])
            return nw_infer_fail(cx, NW_BAD_MODEL, "kernel_shape[%zu] is %lld, the weights have %lld", i,
                                 (long long)kernel[i], (long long)weights->shape.dims[i + 2]);
    nw_window w;
    NW_TRY(nw_window_read(cx->node, &x->shape, weights->shape.dims + 2, &w, cx->err));
    nw_shape shape = {.rank = x->shape.rank, .dims = {x->shape.dims[0], filters}};
    for (int i = 0; i < w.rank; i++) shape.dims[i + 2] = w.dst[i];
    return nw_infer_out(cx, 0, x->dtype, &shape);
}

typedef struct conv {
    nw_window w;
    int64_t batch, group, filters, depth; /* filters and channels of one group */
    int64_t src_plane, dst_plane, kernel_plane;
} conv;

static conv read_conv(const nw_ref *call)
{
    const nw_shape *src = nw_in_shape(call->graph, call->node, 0);
    const nw_shape *weights = nw_in_shape(call->graph, call->node, 1);
    const nw_shape *dst = nw_out_shape(call->graph, call->node, 0);
    nw_window window = {0};
    nw_window_read(call->node, src, weights->dims + 2, &window, NULL);
    int64_t group = nw_node_int(call->node, "group", 1);
    return (conv){.w = nw_window_3d(&window),
                  .batch = src->dims[0],
                  .group = group,
                  .filters = weights->dims[0] / group,
                  .depth = weights->dims[1],
                  .src_plane = nw_span(src, 2, src->rank),
                  .dst_plane = nw_span(dst, 2, dst->rank),
                  .kernel_plane = nw_span(weights, 2, weights->rank)};
}

/* What to do along one line: n outputs from offset dst on, their sources at src, src + stride, ..., all with
 * one weight. Offsets in elements. */
typedef void (*line_fn)(const nw_ref *call, int64_t n, int64_t stride, int64_t src, int64_t weight,
                        int64_t dst);

static void line_forward(const nw_ref *call, int64_t n, int64_t stride, int64_t src, int64_t weight,
                         int64_t dst)
{
    const double *x = call->src[0] + src, k = call->src[1][weight];
    double *y = call->dst[0] + dst;
    for (int64_t i = 0; i < n; i++) y[i] += k * x[i * stride];
}

static void line_diff_src(const nw_ref *call, int64_t n, int64_t stride, int64_t src, int64_t weight,
                          int64_t dst)
{
    const double *dy = call->diff_dst[0] + dst, k = call->src[1][weight];
    double *dx = call->diff_src[0] + src;
    for (int64_t i = 0; i < n; i++) dx[i * stride] += k * dy[i];
}

static void line_diff_weight(const nw_ref *call, int64_t n, int64_t stride, int64_t src, int64_t weight,
                             int64_t dst)
{
    const double *x = call->src[0] + src, *dy = call->diff_dst[0] + dst;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i * stride] * dy[i];
    call->diff_src[1][weight] += sum;
}

/* All lines of one source plane and one destination plane, which begin at those offsets. */
static void each_line(const nw_ref *call, const nw_window *w, line_fn line, int64_t src, int64_t weight,
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
                        line(call, x1 - x0, w->stride[2], src + row * w->src[2] + nw_window_at(w, 2, x0, kx),
                             weight + k, dst + (z * w->dst[1] + y) * w->dst[2] + x0);
                    }
                }
            }
        }
    }
}

/* Every pair of a source plane and a destination plane that a filter joins. */
static void each_plane(const nw_ref *call, const conv *c, line_fn line)
{
    int64_t filters = c->group * c->filters, channels = c->group * c->depth;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t f = 0; f < filters; f++)
            for (int64_t d = 0; d < c->depth; d++)
                each_line(call, &c->w, line, (n * channels + f / c->filters * c->depth + d) * c->src_plane,
                          (f * c->depth + d) * c->kernel_plane, (n * filters + f) * c->dst_plane);
}

static void forward(const nw_ref *call)
{
    conv c = read_conv(call);
    const double *bias = nw_has_in(call->node, 2) ? call->src[2] : NULL;
    double *dst = call->dst[0];
    int64_t planes = c.batch * c.group * c.filters;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < c.dst_plane; i++)
            dst[p * c.dst_plane + i] = bias ? bias[p % (c.group * c.filters)] : 0;
    each_plane(call, &c, line_forward);
}

static void backward(const nw_ref *call)
{
    conv c = read_conv(call);
    const double *diff_dst = call->diff_dst[0];
    if (!diff_dst) return;
    if (call->diff_src[0]) each_plane(call, &c, line_diff_src);
    if (call->diff_src[1]) each_plane(call, &c, line_diff_weight);
    if (!nw_has_in(call->node, 2) || !call->diff_src[2]) return;
    int64_t planes = c.batch * c.group * c.filters;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < c.dst_plane; i++)
            call->diff_src[2][p % (c.group * c.filters)] += diff_dst[p * c.dst_plane + i];
}

const nw_op nw_op_Conv = {
    .type = "Conv",
    .since = 1,
    .limits = "1 to 3 spatial dimensions",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_conv,
};
