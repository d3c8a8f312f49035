/* LRN: y = x s^-beta with s_c = bias + alpha / size * sum of x_k^2 over the channels k around c; see lrn.c.
 * In plain layouts, where neighbouring channels are neighbouring rows. */
#include "ops/fast.h"
#include "ops/fast_loop.h"

#include <math.h>

/* Channels `choice` before to `stride` after the row's own, as far as there are any: rows [*first, *last). */
static void around(const nw_loop *loop, size_t row, size_t *first, size_t *last)
{
    int64_t c = (int64_t)row % loop->shape.blocks;
    int64_t before = loop->choice < c ? loop->choice : c;
    int64_t after = loop->stride < loop->shape.blocks - 1 - c ? loop->stride : loop->shape.blocks - 1 - c;
    *first = row - (size_t)before;
    *last = row + (size_t)after + 1;
}

/* dst = s */
static void base_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t n = nw_loop_length(loop);
    float scale = loop->parameters[0], bias = loop->parameters[1];
    for (size_t row = begin; row < end; row++) {
        float *s = nw_loop_dst(loop, row);
        size_t first, last;
        around(loop, row, &first, &last);
        for (int64_t i = 0; i < n; i++) s[i] = 0;
        for (size_t k = first; k < last; k++) {
            const float *x = nw_loop_src(loop, 0, k);
            for (int64_t i = 0; i < n; i++) s[i] += x[i] * x[i];
        }
        for (int64_t i = 0; i < n; i++) s[i] = bias + scale * s[i];
    }
}

/* dst = src[0] s^-beta, src[1] s */
static void power_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t n = nw_loop_length(loop);
    float beta = loop->parameters[0];
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row), *s = nw_loop_src(loop, 1, row);
        float *y = nw_loop_dst(loop, row);
        if (beta == 0.75F) /* as nearly everywhere */
            for (int64_t i = 0; i < n; i++) y[i] = x[i] / (sqrtf(s[i]) * sqrtf(sqrtf(s[i])));
        else
            for (int64_t i = 0; i < n; i++) y[i] = x[i] * powf(s[i], -beta);
    }
}

/* src[0] t = d y s^-beta, src[1] s, src[2] x: d x_c = t_c - 2 alpha / size beta x_c sum of t_k x_k / s_k over
 * the channels k whose s has x_c in it. */
static void diff_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *own = nw_loop_src(loop, 0, row), *factor = nw_loop_src(loop, 2, row);
        float *dx = nw_loop_dst(loop, row);
        size_t first, last;
        around(loop, row, &first, &last);
        for (int64_t i = 0; i < n; i++) dx[i] = 0;
        for (size_t k = first; k < last; k++) {
            const float *t = nw_loop_src(loop, 0, k), *s = nw_loop_src(loop, 1, k),
                        *x = nw_loop_src(loop, 2, k);
            for (int64_t i = 0; i < n; i++) dx[i] += t[i] * x[i] / s[i];
        }
        for (int64_t i = 0; i < n; i++) dx[i] = own[i] - loop->parameters[0] * factor[i] * dx[i];
    }
}

nw_status nw_fast_lrn(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_value *v = &nw_plan_graph(plan)->values[node->inputs[0]];
    int64_t size = nw_node_int(node, "size", 1), before = (size - 1) / 2, after = size - 1 - before;
    float scale = nw_node_float(node, "alpha", 1e-4F) / (float)size,
          beta = nw_node_float(node, "beta", 0.75F);
    if (v->dtype != NW_F32 || !nw_count(&v->shape)) {
        *declined = true;
        return NW_OK;
    }
    nw_layout plain = nw_layout_plain(NW_F32, &v->shape);
    nw_loop loop = {.kind = "LRN", .shape = nw_layout_loops(&plain, 1)};
    nw_buffer *x, *s, *d;
    NW_TRY(nw_plan_src(plan, node->inputs[0], &plain, &x, err));
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        NW_TRY(nw_plan_buffer(plan, &plain, &s, err));
        nw_plan_leave(plan, s);
        nw_loop base = loop, power = loop;
        base.fn = base_rows;
        base.src[0] = x;
        base.dst = s;
        base.parameters[0] = scale;
        base.parameters[1] = nw_node_float(node, "bias", 1);
        base.choice = (int)before;
        base.stride = after;
        NW_TRY(nw_fast_loop(plan, &base, err));
        power.fn = power_rows;
        power.src[0] = x;
        power.src[1] = s;
        power.parameters[0] = beta;
        power.in_place = true;
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &plain, &power.dst, err));
        return nw_fast_loop(plan, &power, err);
    }
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    s = nw_plan_left(plan);
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &plain, &d, err));
    nw_loop power = loop, diff = loop;
    power.fn = power_rows;
    power.src[0] = d;
    power.src[1] = s;
    power.parameters[0] = beta;
    NW_TRY(nw_plan_buffer(plan, &plain, &power.dst, err));
    NW_TRY(nw_fast_loop(plan, &power, err));
    diff.fn = diff_rows;
    diff.src[0] = power.dst;
    diff.src[1] = s;
    diff.src[2] = x;
    diff.parameters[0] = 2 * scale * beta;
    diff.choice = (int)after; /* the window seen from the other side */
    diff.stride = before;
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &plain, &diff.dst, err));
    return nw_fast_loop(plan, &diff, err);
}
