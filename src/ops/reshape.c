/* Identity, Reshape, Flatten, Squeeze and Unsqueeze: the elements stay as they are in memory. */
#include "ops/move.h"

static bool describe(const nw_ref *call, int piece, nw_move *move)
{
    const nw_shape flat = {.rank = 1, .dims = {nw_count(nw_out_shape(call->graph, call->node, 0))}};
    nw_move_start(move, &flat);
    return piece == 0;
}

static nw_status finish(nw_infer *cx, const nw_shape *shape)
{
    NW_TRY(nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, shape));
    return nw_move_fold(cx, describe);
}

static nw_status identity_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    return finish(cx, &nw_infer_in(cx, 0)->shape);
}
NW_MOVE_OP(Identity, 1, 0, "", identity_infer, describe, .compile = nw_fast_view);

/* 0 copies the dimension of the input (unless allowzero is set), one -1 takes what is left. */
static nw_status reshape_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    bool allow_zero = nw_node_int(cx->node, "allowzero", 0) != 0;
    nw_shape shape = {0};
    int rest = -1;
    int64_t count = 1;
    char text[NW_SHAPE_TEXT], wanted[NW_SHAPE_TEXT];
    NW_TRY(nw_infer_ints(cx, 1, shape.dims, NW_MAX_RANK, &shape.rank));
    const nw_shape asked = shape;
    nw_shape known = {.rank = shape.rank};
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dims[i] == 0 && !allow_zero && i < x->rank) shape.dims[i] = x->dims[i];
        known.dims[i] = shape.dims[i] == -1 ? 1 : shape.dims[i];
        if (shape.dims[i] != -1) continue;
        if (rest >= 0) return nw_infer_fail(cx, NW_BAD_MODEL, "the shape has more than one -1");
        rest = i;
    }
    bool fits = nw_shape_count(&known, &count);
    if (fits && rest >= 0) {
        fits = count > 0 && nw_count(x) % count == 0;
        shape.dims[rest] = fits ? nw_count(x) / count : 0;
    } else if (fits) {
        fits = count == nw_count(x);
    }
    if (!fits)
        return nw_infer_fail(cx, NW_BAD_MODEL, "an input of shape %s cannot take the shape %s",
                             nw_shape_text(x, text, sizeof text),
                             nw_shape_text(&asked, wanted, sizeof wanted));
    return finish(cx, &shape);
}
NW_MOVE_OP(Reshape, 5, 1U << 1, "the shape must be constant", reshape_infer, describe, .compile = nw_fast_view);

static nw_status flatten_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    int axis;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 1), x->rank, true, &axis));
    const nw_shape shape = {.rank = 2, .dims = {nw_span(x, 0, axis), nw_span(x, axis, x->rank)}};
    return finish(cx, &shape);
}
NW_MOVE_OP(Flatten, 1, 0, "", flatten_infer, describe, .compile = nw_fast_view);

/* Marks the axes of the attribute (before opset 13) or of input 1. */
static nw_status mark_axes(nw_infer *cx, int rank, bool marked[NW_MAX_RANK], int *count)
{
    int64_t axes[NW_MAX_RANK];
    NW_TRY(nw_infer_list(cx, "axes", 1, axes, count));
    for (int i = 0; i < *count; i++) {
        int axis;
        NW_TRY(nw_infer_axis(cx, axes[i], rank, false, &axis));
        if (marked[axis]) return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d is there twice", axis);
        marked[axis] = true;
    }
    return NW_OK;
}

static nw_status squeeze_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 2, 1, 1));
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    bool marked[NW_MAX_RANK] = {false};
    int count;
    NW_TRY(mark_axes(cx, x->rank, marked, &count));
    nw_shape shape = {0};
    for (int i = 0; i < x->rank; i++) {
        if (marked[i] && x->dims[i] != 1)
            return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d has %lld elements; only 1 can be squeezed", i,
                                 (long long)x->dims[i]);
        if (marked[i] || (count < 0 && x->dims[i] == 1)) continue;
        shape.dims[shape.rank++] = x->dims[i];
    }
    return finish(cx, &shape);
}
NW_MOVE_OP(Squeeze, 1, 1U << 1, "axes must be constant", squeeze_infer, describe, .compile = nw_fast_view);

static nw_status unsqueeze_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 2, 1, 1));
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    bool marked[NW_MAX_RANK] = {false};
    int64_t axes[NW_MAX_RANK];
    int count;
    NW_TRY(nw_infer_list(cx, "axes", 1, axes, &count));
    if (count < 0) return nw_infer_fail(cx, NW_BAD_MODEL, "has no axes");
    if (x->rank + count > NW_MAX_RANK)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "%d dimensions; at most %d are supported", x->rank + count,
                             NW_MAX_RANK);
    nw_shape shape = {.rank = x->rank + count};
    NW_TRY(mark_axes(cx, shape.rank, marked, &count));
    for (int i = 0, from = 0; i < shape.rank; i++) shape.dims[i] = marked[i] ? 1 : x->dims[from++];
    return finish(cx, &shape);
}
NW_MOVE_OP(Unsqueeze, 1, 1U << 1, "axes must be constant", unsqueeze_infer, describe, .compile = nw_fast_view);
