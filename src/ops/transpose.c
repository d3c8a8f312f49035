/* Transpose, DepthToSpace and SpaceToDepth: permutations of axes. */
#include "ops/move.h"

#include "base/memory.h"

#include <string.h>

/* The move that permutes `x`: axis i of the result is axis order[i] of x. */
static void permute(nw_move *move, const nw_shape *x, const int *order)
{
    nw_shape shape = {.rank = x->rank};
    int64_t strides[NW_MAX_RANK];
    nw_strides(x, strides);
    for (int i = 0; i < x->rank; i++) shape.dims[i] = x->dims[order[i]];
    nw_move_start(move, &shape);
    for (int i = 0; i < x->rank; i++) move->axis[i].src_stride = strides[order[i]];
}

static nw_status read_order(nw_infer *cx, int order[NW_MAX_RANK])
{
    int rank = nw_infer_in(cx, 0)->shape.rank;
    bool used[NW_MAX_RANK] = {false};
    size_t count;
    const int64_t *perm = nw_node_ints(cx->node, "perm", &count);
    for (int i = 0; i < rank; i++) order[i] = rank - 1 - i;
    if (!perm) return NW_OK;
    if (count != (size_t)rank)
        return nw_infer_fail(cx, NW_BAD_MODEL, "perm has %zu elements for an input of %d dimensions", count,
                             rank);
    for (int i = 0; i < rank; i++) {
        NW_TRY(nw_infer_axis(cx, perm[i], rank, false, &order[i]));
        if (used[order[i]]) return nw_infer_fail(cx, NW_BAD_MODEL, "perm has axis %d twice", order[i]);
        used[order[i]] = true;
    }
    return NW_OK;
}

static bool transpose_describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    int order[NW_MAX_RANK];
    if (piece > 0 || read_order(&cx, order) != NW_OK) return false;
    permute(move, nw_in_shape(call->graph, call->node, 0), order);
    return true;
}

static nw_status transpose_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    int order[NW_MAX_RANK];
    NW_TRY(read_order(cx, order));
    nw_shape shape = {.rank = x->shape.rank};
    for (int i = 0; i < shape.rank; i++) shape.dims[i] = x->shape.dims[order[i]];
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &shape));
    return nw_move_fold(cx, transpose_describe);
}
NW_MOVE_COMPILE(Transpose_compile, transpose_describe)
NW_MOVE_OP(Transpose, 1, 0, "", transpose_infer, transpose_describe, .compile = Transpose_compile);

/* The block size, with the input checked: four dimensions, those from `first` on divisible by the block. */
static nw_status read_block(nw_infer *cx, int64_t *block)
{
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    *block = nw_node_int(cx->node, "blocksize", 0);
    if (x->rank != 4) return nw_infer_fail(cx, NW_BAD_MODEL, "takes four dimensions, not %d", x->rank);
    if (*block < 1 || *block > INT32_MAX)
        return nw_infer_fail(cx, NW_BAD_MODEL, "blocksize is %lld", (long long)*block);
    return NW_OK;
}

/* [N, C b b, H, W] to [N, C, H b, W b]. mode DCR: the block's rows and columns are the slow part of the
 * channels; CRD: the fast one. */
static bool depth_to_space_describe(const nw_ref *call, int piece, nw_move *move)
{
    static const int dcr[6] = {0, 3, 4, 1, 5, 2}, crd[6] = {0, 1, 4, 2, 5, 3};
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    int64_t b = nw_node_int(call->node, "blocksize", 0), c = x->dims[1] / (b * b);
    bool columns_first = strcmp(nw_node_string(call->node, "mode", "DCR"), "CRD") == 0;
    const nw_shape split = {
        .rank = 6,
        .dims = {x->dims[0], columns_first ? c : b, b, columns_first ? b : c, x->dims[2], x->dims[3]}};
    permute(move, &split, columns_first ? crd : dcr);
    return piece == 0;
}

static nw_status depth_to_space_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    const char *mode = nw_node_string(cx->node, "mode", "DCR");
    int64_t b;
    NW_TRY(read_block(cx, &b));
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return nw_infer_fail(cx, NW_BAD_MODEL, "mode is '%s'; expected DCR or CRD", mode);
    nw_shape shape = x->shape;
    if (shape.dims[1] % (b * b))
        return nw_infer_fail(cx, NW_BAD_MODEL, "%lld channels do not fill blocks of %lld x %lld",
                             (long long)shape.dims[1], (long long)b, (long long)b);
    shape.dims[1] /= b * b;
    if (!nw_mul_i64(shape.dims[2], b, &shape.dims[2]) || !nw_mul_i64(shape.dims[3], b, &shape.dims[3]))
        return nw_infer_fail(cx, NW_BAD_MODEL, "the size of the result overflows");
    return nw_infer_out(cx, 0, x->dtype, &shape);
}
NW_MOVE_COMPILE(DepthToSpace_compile, depth_to_space_describe)
NW_MOVE_OP(DepthToSpace, 1, 0, "", depth_to_space_infer, depth_to_space_describe,
           .compile = DepthToSpace_compile);

/* [N, C, H b, W b] to [N, b b C, H, W]. */
static bool space_to_depth_describe(const nw_ref *call, int piece, nw_move *move)
{
    static const int order[6] = {0, 3, 5, 1, 2, 4};
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    int64_t b = nw_node_int(call->node, "blocksize", 0);
    const nw_shape split = {.rank = 6,
                            .dims = {x->dims[0], x->dims[1], x->dims[2] / b, b, x->dims[3] / b, b}};
    permute(move, &split, order);
    return piece == 0;
}

static nw_status space_to_depth_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_value *x = nw_infer_in(cx, 0);
    int64_t b;
    NW_TRY(read_block(cx, &b));
    nw_shape shape = x->shape;
    if (shape.dims[2] % b || shape.dims[3] % b)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%lld x %lld does not divide into blocks of %lld x %lld",
                             (long long)shape.dims[2], (long long)shape.dims[3], (long long)b, (long long)b);
    shape.dims[2] /= b;
    shape.dims[3] /= b;
    if (!nw_mul_i64(shape.dims[1], b * b, &shape.dims[1]))
        return nw_infer_fail(cx, NW_BAD_MODEL, "the size of the result overflows");
    return nw_infer_out(cx, 0, x->dtype, &shape);
}
NW_MOVE_COMPILE(SpaceToDepth_compile, space_to_depth_describe)
NW_MOVE_OP(SpaceToDepth, 1, 0, "", space_to_depth_infer, space_to_depth_describe,
           .compile = SpaceToDepth_compile);
