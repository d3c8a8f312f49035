/* AveragePool: the mean of each window; the divisor counts the elements of the source, and with
 * count_include_pad also those of the padding (but never what ceil_mode adds beyond it). */
#include "ops/fast.h"
#include "ops/pool.h"

static nw_status infer(nw_infer *cx)
{
    nw_pool pool;
    nw_shape shape;
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    NW_TRY(nw_infer_float(cx, 0));
    NW_TRY(nw_pool_infer(cx, &pool, &shape));
    if (!nw_node_int(cx->node, "count_include_pad", 0)) NW_TRY(nw_pool_no_empty(&pool, cx->err));
    return nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &shape);
}

/* The elements k in [*first, *last) of window o that lie inside the source; the number that the divisor
 * counts is returned. */
static int64_t inside(const nw_window *w, int i, int64_t o, bool include_pad, int64_t *first, int64_t *last)
{
    int64_t counted = 0;
    *first = *last = 0;
    for (int64_t k = 0; k < w->kernel[i]; k++) {
        int64_t at = nw_window_at(w, i, o, k);
        if (at < w->src[i] + w->after[i]) counted++;
        if (at < 0 || at >= w->src[i]) continue;
        if (*last == 0) *first = k;
        *last = k + 1;
    }
    return include_pad ? counted : *last - *first;
}

/* What joins a window (offset `dst`) and an element of its source (offset `src`): a weight. */
typedef void (*pair_fn)(const nw_ref *call, int64_t src, int64_t dst, double weight);

static void pair_forward(const nw_ref *call, int64_t src, int64_t dst, double weight)
{
    call->dst[0][dst] += weight * call->src[0][src];
}

static void pair_backward(const nw_ref *call, int64_t src, int64_t dst, double weight)
{
    call->diff_src[0][src] += weight * call->diff_dst[0][dst];
}

static void each_pair(const nw_ref *call, pair_fn pair)
{
    nw_pool pool = nw_pool_read(call);
    const nw_window *w = &pool.window;
    bool include_pad = nw_node_int(call->node, "count_include_pad", 0) != 0;
    int64_t z0, z1, y0, y1, x0, x1, dst = 0;
    for (int64_t p = 0; p < pool.planes; p++) {
        for (int64_t oz = 0; oz < w->dst[0]; oz++) {
            int64_t nz = inside(w, 0, oz, include_pad, &z0, &z1);
            for (int64_t oy = 0; oy < w->dst[1]; oy++) {
                int64_t ny = inside(w, 1, oy, include_pad, &y0, &y1);
                for (int64_t ox = 0; ox < w->dst[2]; ox++, dst++) {
                    double weight = 1 / (double)(nz * ny * inside(w, 2, ox, include_pad, &x0, &x1));
                    for (int64_t kz = z0; kz < z1; kz++) {
                        for (int64_t ky = y0; ky < y1; ky++) {
                            int64_t row = nw_window_at(w, 0, oz, kz) * w->src[1] + nw_window_at(w, 1, oy, ky);
                            int64_t line = p * pool.src_plane + row * w->src[2];
                            for (int64_t kx = x0; kx < x1; kx++)
                                pair(call, line + nw_window_at(w, 2, ox, kx), dst, weight);
                        }
                    }
                }
            }
        }
    }
}

static void forward(const nw_ref *call)
{
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) call->dst[0][i] = 0;
    each_pair(call, pair_forward);
}

static void backward(const nw_ref *call)
{
    if (call->diff_dst[0] && call->diff_src[0]) each_pair(call, pair_backward);
}

const nw_op nw_op_AveragePool = {
    .type = "AveragePool",
    .since = 1,
    .limits = "1 to 3 spatial dimensions",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_pool,
};
