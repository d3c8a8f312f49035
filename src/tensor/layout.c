#include "tensor/layout.h"

nw_layout nw_layout_plain(nw_dtype dtype, const nw_shape *shape)
{
    return (nw_layout){.dtype = dtype, .shape = *shape, .axis = 0, .block = 1};
}

nw_layout nw_layout_blocked(nw_dtype dtype, const nw_shape *shape, int axis, int block)
{
    nw_layout layout = {.dtype = dtype, .shape = *shape, .axis = axis, .block = block};
    if (block == 1) layout.axis = 0;
    return layout;
}

bool nw_layout_equal(const nw_layout *a, const nw_layout *b)
{
    return a->dtype == b->dtype && a->axis == b->axis && a->block == b->block &&
           nw_shape_equal(&a->shape, &b->shape);
}

nw_layout nw_layout_like(const nw_layout *like, const nw_shape *shape)
{
    return nw_layout_blocked(like->dtype, shape, like->axis, like->block);
}

nw_loops nw_layout_loops(const nw_layout *layout, int axis_if_plain)
{
    int axis = layout->block == 1 ? axis_if_plain : layout->axis;
    nw_loops loops = {.outer = 1, .blocks = 1, .inner = 1, .block = layout->block, .extent = 1};
    for (int i = 0; i < layout->shape.rank; i++) {
        int64_t dim = layout->shape.dims[i];
        if (i < axis)
            loops.outer *= dim;
        else if (i > axis)
            loops.inner *= dim;
        else
            loops.extent = dim;
    }
    loops.blocks = (loops.extent + loops.block - 1) / loops.block;
    return loops;
}

int64_t nw_layout_count(const nw_layout *layout)
{
    nw_loops loops = nw_layout_loops(layout, 0);
    return loops.outer * loops.blocks * loops.inner * loops.block;
}

static bool lies_plain(const nw_layout *layout)
{
    nw_loops loops = nw_layout_loops(layout, 0);
    return loops.block == 1 || (loops.inner == 1 && loops.extent % loops.block == 0);
}

bool nw_layout_same_memory(const nw_layout *a, const nw_layout *b)
{
    if (nw_layout_equal(a, b)) return true;
    return a->dtype == b->dtype && nw_shape_equal(&a->shape, &b->shape) && lies_plain(a) && lies_plain(b);
}
