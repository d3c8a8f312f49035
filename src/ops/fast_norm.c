/* Batch-norm at inference is an affine map per channel: y = x * scale + shift. */
#include "ops/fast.h"
#include "ops/fast_act.h"
#include "ops/fast_loop.h"
#include "ops/norm_training.h"

#include <math.h>

/* src[0] the values, src[1] scale, src[2] shift (NULL backward). */
static void affine(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, length = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *x = nw_loop_src(loop, 0, row);
        float *y = nw_loop_dst(loop, row), scale[16], shift[16] = {0};
        nw_loop_channels(loop, loop->src[1]->data, row, 0, scale);
        if (loop->src[2]) nw_loop_channels(loop, loop->src[2]->data, row, 0, shift);
        if (block == 16) {
            for (int64_t i = 0; i < length; i += 16)
                for (int b = 0; b < 16; b++) y[i + b] = x[i + b] * scale[b] + shift[b];
        } else if (block == 8) {
            for (int64_t i = 0; i < length; i += 8)
                for (int b = 0; b < 8; b++) y[i + b] = x[i + b] * scale[b] + shift[b];
        } else {
            for (int64_t i = 0; i < length; i++) y[i] = x[i] * scale[0] + shift[0];
        }
        nw_act_row(&loop->act, y, length);
    }
}

/* scale and shift as constants of the plan. */
static nw_status coefficients(nw_plan *plan, const nw_node *node, nw_buffer *out[2], nw_error *err)
{
    const nw_tensor *p[4];
    for (int i = 0; i < 4; i++) p[i] = nw_fast_constant(plan, node, i + 1);
    double epsilon = (double)nw_node_float(node, "epsilon", 1e-5F);
    nw_layout layout = nw_layout_plain(NW_F32, &p[0]->shape);
    nw_tensor *t[2];
    for (int k = 0; k < 2; k++) {
        NW_TRY(nw_tensor_new_uninitialised(NW_F32, &p[0]->shape, &t[k], err));
        for (int64_t i = 0; i < p[0]->count; i++) {
            double scale = nw_tensor_get(p[0], i) / sqrt(nw_tensor_get(p[3], i) + epsilon);
            nw_tensor_set(t[k], i, k == 0 ? scale : nw_tensor_get(p[1], i) - nw_tensor_get(p[2], i) * scale);
        }
        NW_TRY(nw_plan_constant(plan, &layout, t[k]->data, t[k], &out[k], err));
    }
    return NW_OK;
}

nw_status nw_fast_norm(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    if (nw_norm_is_training(node)) return nw_fast_norm_training(plan, node, declined, err);
    for (int i = 1; i < 5; i++)
        if (!nw_fast_constant(plan, node, i)) *declined = true;
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    if (layout.shape.rank < 2 || (layout.block > 1 && layout.axis != 1)) *declined = true;
    if (*declined) return NW_OK;
    nw_buffer *k[2];
    nw_loop loop = {.kind = "affine", .fn = affine, .shape = nw_layout_loops(&layout, 1), .in_place = true};
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        NW_TRY(coefficients(plan, node, k, err));
        loop.act = node->act;
        NW_TRY(nw_plan_src(plan, node->inputs[0], &layout, &loop.src[0], err));
        loop.src[1] = k[0];
        loop.src[2] = k[1];
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &layout, &loop.dst, err));
        return nw_fast_loop(plan, &loop, err);
    }
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    NW_TRY(coefficients(plan, node, k, err));
    NW_TRY(nw_plan_diff_act(plan, node->outputs[0], &node->act, &layout, &loop.src[0], err));
    loop.src[1] = k[0];
    loop.in_place = false; /* the sum may be someone else's gradient as well */
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &layout, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}
