/* Expand (broadcasting to a shape) and Tile (repetition). */
#include "ops/move.h"

#include "base/memory.h"

static bool expand_describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_move_start(move, nw_out_shape(call->graph, call->node, 0));
    nw_move_from(move, nw_in_shape(call->graph, call->node, 0));
    for (int i = 0; i < move->rank; i++)
        if (move->axis[i].extent == 1) move->axis[i].step = 0;
    return piece == 0;
}

static nw_status expand_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    nw_shape wanted = {0}, shape;
    char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
    NW_TRY(nw_infer_ints(cx, 1, wanted.dims, NW_MAX_RANK, &wanted.rank));
    if (!nw_broadcast(&x->shape, &wanted, &shape))
        return nw_infer_fail(cx, NW_BAD_MODEL, "%s does not broadcast to %s",
                             nw_shape_text(&x->shape, a, sizeof a), nw_shape_text(&wanted, b, sizeof b));
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &shape));
    return nw_move_fold(cx, expand_describe);
}
NW_MOVE_COMPILE(Expand_compile, expand_describe)
NW_MOVE_OP(Expand, 8, 1U << 1, "the shape must be constant", expand_infer, expand_describe,
           .compile = Expand_compile);

static bool tile_describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_move_start(move, nw_out_shape(call->graph, call->node, 0));
    nw_move_from(move, nw_in_shape(call->graph, call->node, 0));
    for (int i = 0; i < move->rank; i++) move->axis[i].border = NW_BORDER_WRAP;
    return piece == 0;
}

static nw_status tile_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    int64_t repeats[NW_MAX_RANK];
    int count;
    NW_TRY(nw_infer_ints(cx, 1, repeats, NW_MAX_RANK, &count));
    if (count != x->shape.rank)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%d repeats for %d dimensions", count, x->shape.rank);
    nw_shape shape = x->shape;
    for (int i = 0; i < count; i++)
        if (repeats[i] < 0 || !nw_mul_i64(shape.dims[i], repeats[i], &shape.dims[i]))
            return nw_infer_fail(cx, NW_BAD_MODEL, "%lld repeats of axis %d", (long long)repeats[i], i);
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &shape));
    return nw_move_fold(cx, tile_describe);
}
NW_MOVE_COMPILE(Tile_compile, tile_describe)
NW_MOVE_OP(Tile, 6, 1U << 1, "the repeats must be constant", tile_infer, tile_describe,
           .compile = Tile_compile);
