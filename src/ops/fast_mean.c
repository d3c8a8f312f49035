/* Means and sums: over all dimensions after one (GlobalAveragePool, and ReduceMean and ReduceSum over the
 * spatial dimensions), where the result is plain, one value a channel of each image; and over dimensions in
 * the middle (split attention). */
#include "base/simd.h"
#include "ops/fast.h"
#include "ops/fast_loop.h"
#include "ops/reduce.h"
#include "plan/term.h"

#include <string.h>

enum { RUN = 8 };

/* Adds the positions of a row of blocks of 16 to the sums of its channels. Few at a time in single precision,
 * which is as exact as the mean can be told and needs an eighth of the conversions. */
static inline __attribute__((always_inline)) void add_up(const float *x, int64_t n, double sum[16])
{
    int64_t i = 0;
    for (; i + RUN * 16 <= n; i += RUN * 16) {
        float few[16];
        for (int b = 0; b < 16; b++) few[b] = x[i + b];
        for (int p = 1; p < RUN; p++)
            for (int b = 0; b < 16; b++) few[b] += x[i + p * 16 + b];
        for (int b = 0; b < 16; b++) sum[b] += (double)few[b];
    }
    for (; i < n; i += 16)
        for (int b = 0; b < 16; b++) sum[b] += (double)x[i + b];
}

/* Sums in double: a mean over 512 x 512 positions keeps its digits. One source after the other. */
NW_SIMD static void mean_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        double sum[16] = {0};
        for (int k = 0; k < NW_LOOP_BUFFERS && loop->src[k]; k++) {
            const float *x = nw_loop_src(loop, k, row);
            if (block == 16) {
                add_up(x, n, sum);
                continue;
            }
            for (int64_t i = 0; i < n; i += block)
                for (int64_t b = 0; b < block; b++) sum[b] += (double)x[i + b];
        }
        int64_t o = (int64_t)row / loop->shape.blocks, c = (int64_t)row % loop->shape.blocks * block;
        float *y = (float *)loop->dst->data + o * loop->shape.extent;
        for (int64_t b = 0; b < block && c + b < loop->shape.extent; b++)
            y[c + b] = (float)(sum[b] * (double)loop->parameters[0]);
    }
}

/* The mean of a sum that nobody has computed is read from what it is the sum of. */
static nw_status read_terms(nw_plan *plan, int value, const nw_layout *layout, nw_loop *loop, nw_error *err)
{
    nw_term terms[NW_PLAN_TERMS];
    int count;
    NW_TRY(nw_plan_terms(plan, value, layout, NW_LOOP_BUFFERS, terms, &count, err));
    for (int i = 0; i < count; i++)
        if (!nw_term_is_buffer(&terms[i])) return nw_plan_src(plan, value, layout, &loop->src[0], err);
    for (int i = 0; i < count; i++) loop->src[i] = terms[i].src;
    return NW_OK;
}

/* Reduction over dimensions in the middle: memory is [outer][reduced][rest]. loop->shape.inner is the rest.
 */
NW_SIMD static void middle_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t rest = loop->shape.inner, count = loop->stride;
    for (size_t row = begin; row < end; row++) {
        const float *x = (const float *)loop->src[0]->data + (int64_t)row * count * rest;
        float *y = nw_loop_dst(loop, row), scale = loop->parameters[0];
        for (int64_t i = 0; i < rest; i++) y[i] = x[i];
        for (int64_t r = 1; r < count; r++)
            for (int64_t i = 0; i < rest; i++) y[i] += x[r * rest + i];
        for (int64_t i = 0; scale != 1 && i < rest; i++) y[i] *= scale;
    }
}

static void middle_spread_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t rest = loop->shape.inner, count = loop->stride;
    for (size_t row = begin; row < end; row++) {
        const float *d = nw_loop_src(loop, 0, row);
        float *y = (float *)loop->dst->data + (int64_t)row * count * rest, scale = loop->parameters[0];
        for (int64_t r = 0; r < count; r++)
            for (int64_t i = 0; i < rest; i++) y[r * rest + i] = scale * d[i];
    }
}

/* Which dimensions are reduced: [first, last), without a gap. False otherwise, or where the node is no sum.
 */
static bool reduced_range(nw_plan *plan, const nw_node *node, bool *mean, int *first, int *last)
{
    const nw_shape *src = nw_in_shape(nw_plan_graph(plan), node, 0);
    *mean = strcmp(node->op->type, "ReduceSum") != 0;
    *first = 2;
    *last = src->rank;
    if (strcmp(node->op->type, "GlobalAveragePool") == 0) return src->rank > 2;
    if (*mean && strcmp(node->op->type, "ReduceMean") != 0) return false;
    nw_infer cx = {.graph = (nw_graph *)(uintptr_t)nw_plan_graph(plan), .node = (nw_node *)(uintptr_t)node};
    nw_reduce_split split;
    if (nw_reduce_axes(&cx, &split) != NW_OK || split.nothing) return false;
    int count = 0;
    for (int i = src->rank; i-- > 0;)
        if (split.reduced[i]) {
            *first = i;
            if (!count++) *last = i + 1;
        }
    return count > 0 && *last - *first == count;
}

/* The result's layout where dimensions before the blocked one are reduced, or all is plain. */
static nw_layout without(const nw_layout *src, const nw_shape *dst, int first, int last)
{
    if (src->block == 1) return nw_layout_plain(src->dtype, dst);
    bool kept = dst->rank == src->shape.rank;
    return nw_layout_blocked(src->dtype, dst, kept ? src->axis : src->axis - (last - first), src->block);
}

nw_status nw_fast_mean(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    bool mean;
    int first, last;
    const nw_value *v = &graph->values[node->inputs[0]];
    const nw_shape *out = nw_out_shape(graph, node, 0);
    if (v->dtype != NW_F32 || !nw_count(&v->shape) || !reduced_range(plan, node, &mean, &first, &last) ||
        (last == v->shape.rank && first < 1)) {
        *declined = true;
        return NW_OK;
    }
    bool trailing = last == v->shape.rank;
    nw_layout src = *nw_plan_layout(plan, node->inputs[0]);
    if (src.block > 1 && (trailing ? src.axis != first - 1 : src.axis < last))
        src = nw_layout_plain(NW_F32, &v->shape);
    nw_layout dst = trailing ? nw_layout_plain(NW_F32, out) : without(&src, out, first, last);
    int64_t reduced = nw_span(&v->shape, first, last);
    nw_loop loop = {.kind = node->op->type, .parameters = {mean ? 1.0F / (float)reduced : 1.0F}};
    if (trailing) {
        loop.shape = nw_layout_loops(&src, first - 1);
    } else {
        int64_t outer = nw_span(&v->shape, 0, first);
        loop.shape = (nw_loops){
            .outer = outer, .blocks = 1, .block = 1, .extent = 1, .inner = nw_layout_count(&dst) / outer};
        loop.stride = reduced;
    }
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        loop.fn = trailing ? mean_rows : middle_rows;
        if (trailing)
            NW_TRY(read_terms(plan, node->inputs[0], &src, &loop, err));
        else
            NW_TRY(nw_plan_src(plan, node->inputs[0], &src, &loop.src[0], err));
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &dst, &loop.dst, err));
        return nw_fast_loop(plan, &loop, err);
    }
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    nw_buffer *diff_dst;
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &dst, &diff_dst, err));
    if (trailing) {
        /* The same for all positions of a channel: added up with what else flows there. */
        nw_term term = {.layout = src, .factor = diff_dst, .axis = first - 1, .scale = loop.parameters[0]};
        return nw_plan_add_diff_term(plan, node->inputs[0], &term, err);
    }
    loop.fn = middle_spread_rows;
    loop.src[0] = diff_dst;
    NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &src, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}
