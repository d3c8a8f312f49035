/* Softmax and LogSoftmax along any axis. Lines of `n` elements lie `step` apart, so neighbouring lines are
 * done together; sums are in double. */
#include "ops/fast.h"
#include "ops/fast_loop.h"

#include <math.h>
#include <string.h>

enum { TILE = 64 }; /* neighbouring lines at a time */

/* Rows of the loop are tiles: shape.extent is n, stride is step, shape.blocks tiles for each of shape.outer.
 */
typedef struct tile {
    int64_t n, step, offset, width;
} tile;

static tile tile_of(const nw_loop *loop, size_t row)
{
    int64_t step = loop->stride, n = loop->shape.extent;
    int64_t o = (int64_t)row / loop->shape.blocks, first = (int64_t)row % loop->shape.blocks * TILE;
    return (tile){.n = n,
                  .step = step,
                  .offset = o * n * step + first,
                  .width = step - first < TILE ? step - first : TILE};
}

static void forward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    bool logarithm = loop->choice != 0;
    for (size_t row = begin; row < end; row++) {
        tile t = tile_of(loop, row);
        const float *x = (const float *)loop->src[0]->data + t.offset;
        float *y = (float *)loop->dst->data + t.offset, most[TILE];
        double sum[TILE] = {0};
        memcpy(most, x, (size_t)t.width * sizeof *most);
        for (int64_t i = 1; i < t.n; i++)
            for (int64_t k = 0; k < t.width; k++) {
                float v = x[i * t.step + k];
                most[k] = v > most[k] ? v : most[k];
            }
        for (int64_t i = 0; i < t.n; i++)
            for (int64_t k = 0; k < t.width; k++) {
                float d = x[i * t.step + k] - most[k], e = expf(d);
                sum[k] += (double)e;
                y[i * t.step + k] = logarithm ? d : e;
            }
        for (int64_t k = 0; k < t.width; k++) sum[k] = logarithm ? log(sum[k]) : 1 / sum[k];
        for (int64_t i = 0; i < t.n; i++)
            for (int64_t k = 0; k < t.width; k++) {
                float *v = &y[i * t.step + k];
                *v = logarithm ? *v - (float)sum[k] : *v * (float)sum[k];
            }
    }
}

/* src[0] y, src[1] d y. Softmax: d x = y (d y - <d y, y>); LogSoftmax: d x = d y - exp(y) sum(d y). */
static void backward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    bool logarithm = loop->choice != 0;
    for (size_t row = begin; row < end; row++) {
        tile t = tile_of(loop, row);
        const float *y = (const float *)loop->src[0]->data + t.offset;
        const float *d = (const float *)loop->src[1]->data + t.offset;
        float *dx = (float *)loop->dst->data + t.offset;
        double sum[TILE] = {0};
        for (int64_t i = 0; i < t.n; i++)
            for (int64_t k = 0; k < t.width; k++) {
                int64_t at = i * t.step + k;
                sum[k] += logarithm ? (double)d[at] : (double)d[at] * (double)y[at];
            }
        for (int64_t i = 0; i < t.n; i++)
            for (int64_t k = 0; k < t.width; k++) {
                int64_t at = i * t.step + k;
                double v = (double)d[at];
                dx[at] = (float)(logarithm ? v - (double)expf(y[at]) * sum[k] : (double)y[at] * (v - sum[k]));
            }
    }
}

/* The lines as they lie in a layout that they allow: blocked where all channels are real and the axis is
 * another. */
static nw_layout lines(nw_plan *plan, const nw_node *node, nw_loop *loop)
{
    const nw_shape *x = nw_in_shape(nw_plan_graph(plan), node, 0);
    bool old = node->opset < 13; /* then over all dimensions from the axis on */
    int64_t axis = nw_node_int(node, "axis", old ? 1 : -1);
    int a = (int)(axis < 0 ? axis + x->rank : axis);
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    int64_t n = old ? nw_span(x, a, x->rank) : x->dims[a], step = old ? 1 : nw_span(x, a + 1, x->rank);
    bool blocked = layout.block > 1 && !old && layout.axis != a && x->dims[layout.axis] % layout.block == 0;
    if (blocked && layout.axis < a) step *= layout.block;
    if (!blocked) layout = nw_layout_plain(NW_F32, x);
    loop->stride = step;
    loop->shape = (nw_loops){.outer = nw_count(x) / (n * step),
                             .blocks = (step + TILE - 1) / TILE,
                             .inner = n * (step < TILE ? step : TILE),
                             .block = 1,
                             .extent = n};
    return layout;
}

nw_status nw_fast_softmax(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_value *v = &nw_plan_graph(plan)->values[node->inputs[0]];
    if (v->dtype != NW_F32 || !nw_count(&v->shape) || !v->shape.rank) {
        *declined = true;
        return NW_OK;
    }
    nw_loop loop = {.kind = node->op->type, .choice = strcmp(node->op->type, "LogSoftmax") == 0};
    nw_layout layout = lines(plan, node, &loop);
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        loop.fn = forward_rows;
        loop.in_place = true;
        NW_TRY(nw_plan_src(plan, node->inputs[0], &layout, &loop.src[0], err));
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &layout, &loop.dst, err));
        return nw_fast_loop(plan, &loop, err);
    }
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    loop.fn = backward_rows;
    NW_TRY(nw_plan_src(plan, node->outputs[0], &layout, &loop.src[0], err));
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &layout, &loop.src[1], err));
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &layout, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}
