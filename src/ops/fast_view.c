/* Operators that give the same elements another shape: a view on the same memory wherever the layout allows.
 */
#include "ops/fast.h"

/* The layout under which `shape` sees the memory of `layout`, if there is one: plain for plain; blocked along
 * the dimension that has as many elements after it, where no block is cut. */
static bool seen_as(const nw_layout *layout, const nw_shape *shape, nw_layout *out)
{
    nw_layout plain = nw_layout_plain(layout->dtype, &layout->shape);
    if (nw_layout_same_memory(layout, &plain)) {
        *out = nw_layout_plain(layout->dtype, shape);
        return true;
    }
    nw_loops loops = nw_layout_loops(layout, 0);
    for (int axis = 0; axis < shape->rank; axis++) {
        int64_t dim = shape->dims[axis];
        if (nw_span(shape, axis + 1, shape->rank) != loops.inner) continue;
        if (dim == loops.extent || (dim % loops.block == 0 && loops.extent % loops.block == 0)) {
            *out = nw_layout_blocked(layout->dtype, shape, axis, layout->block);
            return true;
        }
    }
    return false;
}

nw_status nw_fast_view(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    int in = node->inputs[0], out = node->outputs[0];
    if (node->output_count > 1 && node->outputs[1] >= 0) { /* Dropout's mask */
        *declined = true;
        return NW_OK;
    }
    nw_layout src = *nw_plan_layout(plan, in), dst;
    if (!seen_as(&src, &graph->values[out].shape, &dst)) {
        src = nw_layout_plain(src.dtype, &src.shape);
        dst = nw_layout_plain(src.dtype, &graph->values[out].shape);
    }
    nw_buffer *buffer, *view;
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) {
        NW_TRY(nw_plan_src(plan, in, &src, &buffer, err));
        NW_TRY(nw_plan_view(plan, buffer, &dst, &view, err));
        return nw_plan_set_dst(plan, out, view, err);
    }
    if (!nw_plan_wants_diff(plan, in)) return NW_OK;
    NW_TRY(nw_plan_diff_dst(plan, out, &dst, &buffer, err));
    NW_TRY(nw_plan_view(plan, buffer, &src, &view, err));
    return nw_plan_add_diff(plan, in, view, err);
}
