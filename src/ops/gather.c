/* Gather (whole slices along an axis) and GatherElements. Negative indices count from the end; one that is
 * outside and known only when the program runs gives NaN, which no result may hold. */
#include "ops/move.h"

#include <math.h>

/* Constant indices are checked before anything runs. */
static nw_status check_indices(nw_infer *cx, int64_t extent)
{
    const nw_value *indices = nw_infer_in(cx, 1);
    if (indices->dtype != NW_I64 && indices->dtype != NW_I32)
        return nw_infer_fail(cx, NW_BAD_MODEL, "indices are %s; expected int32 or int64",
                             nw_dtype_name(indices->dtype));
    for (int64_t i = 0; indices->data && i < indices->data->count; i++) {
        int64_t index = nw_tensor_get_i64(indices->data, i);
        if (index < -extent || index >= extent)
            return nw_infer_fail(cx, NW_BAD_MODEL, "index %lld is outside an axis of %lld elements",
                                 (long long)index, (long long)extent);
    }
    return NW_OK;
}

/* [outer, indices, inner] from [outer, extent, inner]. */
static bool describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    int axis;
    if (piece > 0 || nw_infer_axis(&cx, nw_node_int(call->node, "axis", 0), x->rank, false, &axis) != NW_OK)
        return false;
    nw_shape src = {.rank = 3, .dims = {nw_span(x, 0, axis), x->dims[axis], nw_span(x, axis + 1, x->rank)}};
    nw_shape dst = src;
    dst.dims[1] = nw_count(nw_in_shape(call->graph, call->node, 1));
    nw_move_start(move, &dst);
    nw_move_from(move, &src);
    move->axis[1].index = call->src[1];
    move->fill = NAN;
    return true;
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0), *indices = nw_infer_in(cx, 1);
    nw_shape shape = {.rank = x->shape.rank - 1 + indices->shape.rank};
    int axis, n = 0;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 0), x->shape.rank, false, &axis));
    NW_TRY(check_indices(cx, x->shape.dims[axis]));
    if (shape.rank > NW_MAX_RANK)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "%d dimensions; at most %d are supported", shape.rank,
                             NW_MAX_RANK);
    for (int i = 0; i < axis; i++) shape.dims[n++] = x->shape.dims[i];
    for (int i = 0; i < indices->shape.rank; i++) shape.dims[n++] = indices->shape.dims[i];
    for (int i = axis + 1; i < x->shape.rank; i++) shape.dims[n++] = x->shape.dims[i];
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &shape));
    return nw_move_fold(cx, describe);
}
NW_MOVE_COMPILE(Gather_compile, describe)
NW_MOVE_OP(Gather, 1, 0, "", infer, describe, .compile = Gather_compile);

static nw_status elements_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0), *indices = nw_infer_in(cx, 1);
    int axis;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 0), x->shape.rank, false, &axis));
    NW_TRY(check_indices(cx, x->shape.dims[axis]));
    bool fits = indices->shape.rank == x->shape.rank;
    for (int i = 0; fits && i < x->shape.rank; i++)
        fits = i == axis || indices->shape.dims[i] <= x->shape.dims[i];
    if (!fits) {
        char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
        return nw_infer_fail(cx, NW_BAD_MODEL, "indices of shape %s do not fit to data of shape %s",
                             nw_shape_text(&indices->shape, a, sizeof a),
                             nw_shape_text(&x->shape, b, sizeof b));
    }
    return nw_infer_out(cx, 0, x->dtype, &indices->shape);
}

/* The offset of the data that element i of the indices stands for, or -1. */
static int64_t element(const nw_ref *call, int axis, int64_t i)
{
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    const nw_shape *shape = nw_in_shape(call->graph, call->node, 1);
    double index = call->src[1][i];
    if (index < 0) index += (double)x->dims[axis];
    if (!(index >= 0 && index < (double)x->dims[axis])) return -1;
    int64_t at = 0, stride = 1;
    for (int d = x->rank - 1; d >= 0; d--) {
        at += stride * (d == axis ? (int64_t)index : i % shape->dims[d]);
        stride *= x->dims[d];
        i /= shape->dims[d];
    }
    return at;
}

static int elements_axis(const nw_ref *call)
{
    int64_t axis = nw_node_int(call->node, "axis", 0);
    return (int)(axis < 0 ? axis + nw_in_shape(call->graph, call->node, 0)->rank : axis);
}

static void elements_forward(const nw_ref *call)
{
    int axis = elements_axis(call);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    for (int64_t i = 0; i < n; i++) {
        int64_t at = element(call, axis, i);
        call->dst[0][i] = at < 0 ? NAN : call->src[0][at];
    }
}

static void elements_backward(const nw_ref *call)
{
    int axis = elements_axis(call);
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    if (!call->diff_src[0] || !call->diff_dst[0]) return;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = element(call, axis, i);
        if (at >= 0) call->diff_src[0][at] += call->diff_dst[0][i];
    }
}

const nw_op nw_op_GatherElements = {.type = "GatherElements",
                                    .since = 11,
                                    .limits = "",
                                    .infer = elements_infer,
                                    .forward = elements_forward,
                                    .backward = elements_backward};
