#include "ops/pool.h"

nw_status nw_pool_infer(nw_infer *cx, nw_pool *pool, nw_shape *dst)
{
    const nw_shape *src = &nw_infer_in(cx, 0)->shape;
    size_t n;
    const int64_t *kernel = nw_node_ints(cx->node, "kernel_shape", &n);
    if (!kernel) return nw_infer_fail(cx, NW_BAD_MODEL, "attribute kernel_shape is missing");
    if (src->rank < 3 || src->rank > 2 + NW_MAX_SPATIAL)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "the input has %d dimensions; 3 to 5 are supported",
                             src->rank);
    if (n != (size_t)src->rank - 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "kernel_shape has %zu numbers where %d are expected", n,
                             src->rank - 2);
    NW_TRY(nw_window_read(cx->node, src, kernel, &pool->window, cx->err));
    pool->planes = src->dims[0] * src->dims[1];
    pool->src_plane = nw_span(src, 2, src->rank);
    *dst = *src;
    for (int i = 0; i < pool->window.rank; i++) dst->dims[i + 2] = pool->window.dst[i];
    return NW_OK;
}

nw_status nw_pool_no_empty(const nw_pool *pool, nw_error *err)
{
    const nw_window *w = &pool->window;
    for (int i = 0; i < w->rank; i++) {
        bool at_start = w->before[i] > w->dilation[i] * (w->kernel[i] - 1);
        bool at_end = nw_window_at(w, i, w->dst[i] - 1, 0) >= w->src[i];
        bool between = w->before[i] > 0 && w->dilation[i] > w->src[i];
        if (at_start || at_end || between)
            return nw_fail(
                err, NW_UNSUPPORTED,
                "a window along dimension %d holds padding alone: a kernel of %lld with %lld and %lld "
                "elements of padding",
                i + 2, (long long)w->kernel[i], (long long)w->before[i], (long long)w->after[i]);
    }
    return NW_OK;
}

nw_pool nw_pool_read(const nw_ref *call)
{
    const nw_shape *src = nw_in_shape(call->graph, call->node, 0);
    size_t n;
    nw_window window = {0};
    nw_window_read(call->node, src, nw_node_ints(call->node, "kernel_shape", &n), &window, NULL);
    return (nw_pool){.window = nw_window_3d(&window),
                     .planes = src->dims[0] * src->dims[1],
                     .src_plane = nw_span(src, 2, src->rank)};
}
