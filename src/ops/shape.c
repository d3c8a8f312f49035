/* Shape (of some dimensions from opset 15 on) and Size. */
#include "ops/known.h"

#include <string.h>

static int64_t clamp_axis(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

static nw_status shape_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    int64_t start = clamp_axis(nw_node_int(cx->node, "start", 0), x->rank);
    int64_t end = clamp_axis(nw_node_int(cx->node, "end", x->rank), x->rank);
    const nw_shape shape = {.rank = 1, .dims = {end > start ? end - start : 0}};
    nw_tensor *data;
    NW_TRY(nw_known_new(cx, NW_I64, &shape, &data));
    memcpy(nw_tensor_data(data), x->dims + start, (size_t)shape.dims[0] * sizeof *x->dims);
    return nw_infer_constant(cx, 0, data);
}

static nw_status size_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_shape scalar = {0};
    nw_tensor *data;
    NW_TRY(nw_known_new(cx, NW_I64, &scalar, &data));
    *(int64_t *)nw_tensor_data(data) = nw_count(&nw_infer_in(cx, 0)->shape);
    return nw_infer_constant(cx, 0, data);
}

const nw_op nw_op_Shape = {
    .type = "Shape", .since = 1, .limits = "", .infer = shape_infer, .forward = nw_known_forward};
const nw_op nw_op_Size = {
    .type = "Size", .since = 1, .limits = "", .infer = size_infer, .forward = nw_known_forward};
