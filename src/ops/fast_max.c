/* Largest values over all dimensions after one: GlobalMaxPool, and ReduceMax over the spatial dimensions. The
 * result is plain, one value a channel of each image. */
#include "ops/fast.h"
#include "ops/fast_loop.h"
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

/* A NaN stays, as on the reference path. */
static void forward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row);
        float most[16];
        for (int64_t b = 0; b < 16; b++) most[b] = -INFINITY;
        for (int64_t i = 0; i < n; i += block)
            for (int64_t b = 0; b < block; b++) {
                float v = x[i + b];
                most[b] = v > most[b] || v != v ? v : most[b];
            }
        int64_t o = (int64_t)row / loop->shape.blocks, c = (int64_t)row % loop->shape.blocks * block;
        float *y = (float *)loop->dst->data + o * loop->shape.extent;
        for (int64_t b = 0; b < block && c + b < loop->shape.extent; b++) y[c + b] = most[b];
    }
}

/* src[0] x, src[1] y, src[2] d y. choice: elements that share the maximum share its gradient (ReduceMax), or
 * the first one has it all (GlobalMaxPool). */
static void backward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row);
        float *dx = nw_loop_dst(loop, row), y[16], d[16];
        nw_loop_channels(loop, loop->src[1]->data, row, 0, y);
        nw_loop_channels(loop, loop->src[2]->data, row, 0, d);
        for (int64_t b = 0; b < block; b++) {
            int64_t ties = 0;
            for (int64_t i = b; i < n; i += block) {
                bool equal = x[i] == y[b] || (x[i] != x[i] && y[b] != y[b]);
                dx[i] = equal && (loop->choice || !ties) ? d[b] : 0;
                ties += equal;
            }
            for (int64_t i = b; loop->choice && ties > 1 && i < n; i += block) dx[i] /= (float)ties;
        }
    }
}

/* The first of the reduced dimensions, which go on to the last one; -1 otherwise. */
static int first_reduced(nw_plan *plan, const nw_node *node)
{
    const nw_shape *src = nw_in_shape(nw_plan_graph(plan), node, 0);
    if (strcmp(node->op->type, "GlobalMaxPool") == 0) return src->rank > 2 ? 2 : -1;
    nw_infer cx = {.graph = (nw_graph *)(uintptr_t)nw_plan_graph(plan), .node = (nw_node *)(uintptr_t)node};
    nw_reduce_split split;
    if (nw_reduce_axes(&cx, &split) != NW_OK || split.nothing) return -1;
    int first = src->rank;
    while (first > 0 && split.reduced[first - 1]) first--;
    for (int i = 0; i < first; i++)
        if (split.reduced[i]) return -1;
    return first > 0 && first < src->rank ? first : -1;
}

nw_status nw_fast_max(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_value *v = &nw_plan_graph(plan)->values[node->inputs[0]];
    int first = v->dtype == NW_F32 && nw_count(&v->shape) ? first_reduced(plan, node) : -1;
    if (first < 0) {
        *declined = true;
        return NW_OK;
    }
    nw_layout src = *nw_plan_layout(plan, node->inputs[0]);
    if (src.block > 1 && src.axis != first - 1) src = nw_layout_plain(NW_F32, &v->shape);
    nw_layout dst = nw_layout_plain(NW_F32, nw_out_shape(nw_plan_graph(plan), node, 0));
    nw_loop loop = {.kind = node->op->type,
                    .shape = nw_layout_loops(&src, first - 1),
                    .choice = strcmp(node->op->type, "GlobalMaxPool") != 0};
    loop.stride = loop.shape.extent; /* of y and its gradient */
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        loop.fn = forward_rows;
        NW_TRY(nw_plan_src(plan, node->inputs[0], &src, &loop.src[0], err));
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &dst, &loop.dst, err));
        return nw_fast_loop(plan, &loop, err);
    }
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    loop.fn = backward_rows;
    NW_TRY(nw_plan_src(plan, node->inputs[0], &src, &loop.src[0], err));
    NW_TRY(nw_plan_src(plan, node->outputs[0], &dst, &loop.src[1], err));
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &dst, &loop.src[2], err));
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &src, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}
