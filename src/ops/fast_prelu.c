/* PRelu with one slope, or one a channel. */
#include "ops/fast.h"
#include "ops/fast_loop.h"

/* src[0] x, src[1] slope, src[2] d y in the backward phase: y or d x. */
static void rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row), *d = loop->src[2] ? nw_loop_src(loop, 2, row) : NULL;
        float *y = nw_loop_dst(loop, row), slope[16];
        if (loop->choice)
            nw_loop_channels(loop, loop->src[1]->data, row, 0, slope);
        else
            for (int b = 0; b < 16; b++) slope[b] = *(const float *)loop->src[1]->data;
        for (int64_t i = 0; i < n; i += block)
            for (int64_t b = 0; b < block; b++) {
                float v = x[i + b];
                if (d)
                    y[i + b] = v > 0 ? d[i + b] : slope[b] * d[i + b];
                else
                    y[i + b] = v < 0 ? slope[b] * v : v;
            }
    }
}

/* The dimension of x that the slopes lie along; -1 where there is more than one. */
static int slope_axis(const nw_shape *slope, const nw_shape *x)
{
    int axis = -1;
    for (int i = 0; i < slope->rank; i++) {
        if (slope->dims[i] == 1) continue;
        if (axis >= 0) return -1;
        axis = i + x->rank - slope->rank;
    }
    return axis;
}

nw_status nw_fast_prelu(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    const nw_value *x = &graph->values[node->inputs[0]], *slope = &graph->values[node->inputs[1]];
    bool one = nw_count(&slope->shape) == 1, forward = nw_plan_phase(plan) == NW_PHASE_FORWARD;
    int axis = slope_axis(&slope->shape, &x->shape);
    if (x->dtype != NW_F32 || slope->dtype != NW_F32 || !nw_count(&x->shape) || (!one && axis < 0) ||
        (!forward && nw_plan_wants_diff(plan, node->inputs[1]))) {
        *declined = true;
        return NW_OK;
    }
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    nw_layout slopes = nw_layout_plain(NW_F32, &slope->shape);
    if (layout.block > 1 && !one && layout.axis != axis) layout = nw_layout_plain(NW_F32, &x->shape);
    nw_loop loop = {.kind = "PRelu",
                    .fn = rows,
                    .shape = nw_layout_loops(&layout, !one                ? axis
                                                      : x->shape.rank > 1 ? 1
                                                                          : 0),
                    .choice = !one,
                    .in_place = forward};
    NW_TRY(nw_plan_src(plan, node->inputs[0], &layout, &loop.src[0], err));
    NW_TRY(nw_plan_src(plan, node->inputs[1], &slopes, &loop.src[1], err));
    if (forward) {
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &layout, &loop.dst, err));
    } else {
        NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &layout, &loop.src[2], err));
        NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &layout, &loop.dst, err));
    }
    return nw_fast_loop(plan, &loop, err);
}
