/* Pooling by oneDNN, in the layout that the source has. */
#include "ops/fast.h"
#include "ops/fast_kernel.h"
#include "ops/window.h"
#include "plan/term.h"

#include <string.h>

/* oneDNN computes the extent of its result from the padding after: in ceil mode there is more of it than the
 * node says, which for averages that count the padding would be another divisor. */
static bool describe(nw_plan *plan, const nw_node *node, nw_pool_desc *pool)
{
    const nw_graph *graph = nw_plan_graph(plan);
    bool max = strcmp(node->op->type, "MaxPool") == 0;
    bool include = !max && nw_node_int(node, "count_include_pad", 0);
    pool->kind = max ? NW_POOL_MAX : include ? NW_POOL_AVERAGE_INCLUDE_PAD : NW_POOL_AVERAGE_EXCLUDE_PAD;
    pool->src = *nw_in_shape(graph, node, 0);
    pool->dst = *nw_out_shape(graph, node, 0);
    size_t n;
    const int64_t *kernel = nw_node_ints(node, "kernel_shape", &n);
    nw_window w = {0};
    if (!kernel || nw_window_read(node, &pool->src, kernel, &w, NULL) != NW_OK) return false;
    for (int i = 0; i < w.rank; i++) {
        int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
        int64_t needed = (w.dst[i] - 1) * w.stride[i] + extent - w.src[i] - w.before[i];
        pool->kernel[i] = w.kernel[i];
        pool->strides[i] = w.stride[i];
        pool->dilations[i] = w.dilation[i];
        pool->pads_begin[i] = w.before[i];
        pool->pads_end[i] = needed > w.after[i] ? needed : w.after[i];
        if (include && needed > w.after[i]) return false;
        if (!max && w.dilation[i] > 1) return false;
    }
    return true;
}

/* As the source lies; plain where blocks lie along another dimension than the channels, which oneDNN's
 * pooling does not know; in blocks where it lies plain (an input of the program) and channels fill them:
 * oneDNN's kernel for plain ones takes twenty times as long, and convolutions beside it want blocks anyway.
 */
static nw_layout source_layout(nw_plan *plan, const nw_node *node)
{
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    int block = nw_plan_block(plan);
    if (layout.block > 1) return layout.axis == 1 ? layout : nw_layout_plain(layout.dtype, &layout.shape);
    bool fills = block > 1 && layout.shape.rank >= 4 && layout.shape.dims[1] % block == 0;
    return fills ? nw_layout_blocked(layout.dtype, &layout.shape, 1, block) : layout;
}

static nw_status forward(nw_plan *plan, const nw_node *node, const nw_pool_desc *pool, bool *declined,
                         nw_error *err)
{
    nw_layout src = source_layout(plan, node), dst = nw_layout_like(&src, &pool->dst);
    nw_kernel_step k = {.kind = node->op->type};
    nw_status status = nw_pool_forward(nw_plan_backend(plan), pool, &src, &dst, &k.kernel, err);
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    size_t workspace = nw_kernel_bytes(k.kernel, NW_SLOT_WORKSPACE);
    status = nw_plan_src(plan, node->inputs[0], &src, &k.slots[NW_SLOT_SRC], err);
    if (status == NW_OK) status = nw_plan_dst(plan, node->outputs[0], &dst, &k.slots[NW_SLOT_DST], err);
    if (status == NW_OK && workspace) {
        status = nw_plan_scratch(plan, workspace, &k.slots[NW_SLOT_WORKSPACE], err);
        nw_plan_leave(plan, k.slots[NW_SLOT_WORKSPACE]);
    }
    if (status == NW_OK) return nw_fast_kernel_step(plan, &k, err);
    nw_kernel_free(k.kernel);
    return status;
}

/* Averages of windows that lie side by side and cover all of a source of two dimensions. */
static bool is_tiling(const nw_pool_desc *pool)
{
    bool tiles = pool->kind != NW_POOL_MAX && pool->src.rank == 4;
    for (int i = 0; tiles && i < 2; i++)
        tiles = pool->strides[i] == pool->kernel[i] && pool->pads_begin[i] == 0 && pool->pads_end[i] == 0 &&
                pool->dst.dims[2 + i] * pool->kernel[i] == pool->src.dims[2 + i];
    return tiles;
}

/* The gradient of such averages is the same all over a window: who reads it spreads it. */
static nw_status spread(nw_plan *plan, const nw_node *node, const nw_pool_desc *pool, const nw_layout *src,
                        const nw_layout *dst, nw_error *err)
{
    nw_term term = {.layout = *src,
                    .axis = 1,
                    .scale = 1 / (float)(pool->kernel[0] * pool->kernel[1]),
                    .window = {pool->kernel[0], pool->kernel[1]}};
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], dst, &term.src, err));
    return nw_plan_add_diff_term(plan, node->inputs[0], &term, err);
}

static nw_status backward(nw_plan *plan, const nw_node *node, const nw_pool_desc *pool, bool *declined,
                          nw_error *err)
{
    if (!nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    nw_layout src = source_layout(plan, node), dst = nw_layout_like(&src, &pool->dst);
    if (is_tiling(pool)) return spread(plan, node, pool, &src, &dst, err);
    nw_kernel_step k = {.kind = node->op->type};
    nw_status status = nw_pool_backward(nw_plan_backend(plan), pool, &src, &dst, &k.kernel, err);
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    k.slots[NW_SLOT_WORKSPACE] = nw_plan_left(plan);
    status = nw_plan_diff_dst(plan, node->outputs[0], &dst, &k.slots[NW_SLOT_DIFF_DST], err);
    if (status == NW_OK)
        status = nw_plan_diff_src(plan, node->inputs[0], &src, &k.slots[NW_SLOT_DIFF_SRC], err);
    if (status == NW_OK) return nw_fast_kernel_step(plan, &k, err);
    nw_kernel_free(k.kernel);
    return status;
}

nw_status nw_fast_pool(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    nw_pool_desc pool = {0};
    bool indices = node->output_count > 1 && node->outputs[1] >= 0;
    const nw_value *v = &nw_plan_graph(plan)->values[node->inputs[0]];
    if (indices || v->dtype != NW_F32 || !describe(plan, node, &pool) || !nw_count(&pool.dst)) {
        *declined = true;
        return NW_OK;
    }
    return nw_plan_phase(plan) == NW_PHASE_FORWARD ? forward(plan, node, &pool, declined, err)
                                                   : backward(plan, node, &pool, declined, err);
}
