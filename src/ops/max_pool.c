/* MaxPool: the largest element of each window, and where it lies. Padding never wins; of equal elements the
 * first in window order does, in the value's gradient too. */
#include "ops/fast.h"
#include "ops/pool.h"

#include <string.h>

static nw_status infer(nw_infer *cx)
{
    nw_pool pool;
    nw_shape shape;
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 2));
    NW_TRY(nw_pool_infer(cx, &pool, &shape));
    NW_TRY(nw_pool_no_empty(&pool, cx->err));
    int64_t order = nw_node_int(cx->node, "storage_order", 0);
    if (order != 0 && order != 1)
        return nw_infer_fail(cx, NW_BAD_MODEL, "storage_order is %lld; expected 0 or 1", (long long)order);
    NW_TRY(nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &shape));
    return nw_infer_out(cx, 1, NW_I64, &shape);
}

/* Offset in the plane of the element that wins window (z, y, x). A NaN wins: it must not be hidden. */
static int64_t winner(const nw_window *w, const double *plane, const int64_t o[3])
{
    int64_t best = -1;
    for (int64_t kz = 0; kz < w->kernel[0]; kz++) {
        int64_t z = nw_window_at(w, 0, o[0], kz);
        if (z < 0 || z >= w->src[0]) continue;
        for (int64_t ky = 0; ky < w->kernel[1]; ky++) {
            int64_t y = nw_window_at(w, 1, o[1], ky);
            if (y < 0 || y >= w->src[1]) continue;
            for (int64_t kx = 0; kx < w->kernel[2]; kx++) {
                int64_t x = nw_window_at(w, 2, o[2], kx), at = (z * w->src[1] + y) * w->src[2] + x;
                if (x < 0 || x >= w->src[2]) continue;
                if (best < 0 || plane[at] > plane[best] ||
                    (plane[at] != plane[at] && plane[best] == plane[best]))
                    best = at;
            }
        }
    }
    return best;
}

/* The index that the second output gives: into the whole tensor, columns first where storage_order is 1. */
static double index_of(const nw_window *w, int64_t plane, int64_t at, bool columns)
{
    int64_t count = w->src[0] * w->src[1] * w->src[2];
    int64_t x = at % w->src[2], y = at / w->src[2] % w->src[1], z = at / w->src[2] / w->src[1];
    if (columns) at = (x * w->src[1] + y) * w->src[0] + z;
    return (double)(plane * count + at);
}

static void forward(const nw_ref *call)
{
    nw_pool pool = nw_pool_read(call);
    const nw_window *w = &pool.window;
    bool columns = nw_node_int(call->node, "storage_order", 0) == 1;
    double *indices = call->node->output_count > 1 && call->node->outputs[1] >= 0 ? call->dst[1] : NULL;
    int64_t out = 0, o[3];
    for (int64_t p = 0; p < pool.planes; p++) {
        const double *src = call->src[0] + p * pool.src_plane;
        for (o[0] = 0; o[0] < w->dst[0]; o[0]++) {
            for (o[1] = 0; o[1] < w->dst[1]; o[1]++) {
                for (o[2] = 0; o[2] < w->dst[2]; o[2]++, out++) {
                    int64_t at = winner(w, src, o);
                    call->dst[0][out] = src[at];
                    if (indices) indices[out] = index_of(w, p, at, columns);
                }
            }
        }
    }
}

static void backward(const nw_ref *call)
{
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    nw_pool pool = nw_pool_read(call);
    const nw_window *w = &pool.window;
    int64_t out = 0, o[3];
    for (int64_t p = 0; p < pool.planes; p++)
        for (o[0] = 0; o[0] < w->dst[0]; o[0]++)
            for (o[1] = 0; o[1] < w->dst[1]; o[1]++)
                for (o[2] = 0; o[2] < w->dst[2]; o[2]++, out++)
                    call->diff_src[0][p * pool.src_plane + winner(w, call->src[0] + p * pool.src_plane, o)] +=
                        call->diff_dst[0][out];
}

const nw_op nw_op_MaxPool = {
    .type = "MaxPool",
    .since = 1,
    .limits = "1 to 3 spatial dimensions",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_pool,
};
