/* Concat and Split along one axis. */
#include "ops/move.h"

#include "base/memory.h"

#include <limits.h>

/* Piece i is input i, written behind those before it. */
static bool concat_describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    const nw_shape *y = nw_out_shape(call->graph, call->node, 0);
    int axis;
    if (piece >= call->node->input_count ||
        nw_infer_axis(&cx, nw_node_int(call->node, "axis", 1), y->rank, false, &axis) != NW_OK)
        return false;
    nw_move_start(move, nw_in_shape(call->graph, call->node, piece));
    nw_move_into(move, y);
    move->input = piece;
    for (int i = 0; i < piece; i++)
        move->dst_offset += nw_in_shape(call->graph, call->node, i)->dims[axis] * move->axis[axis].dst_stride;
    return true;
}

static nw_status concat_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, INT_MAX, 1, 1));
    const nw_value *first = nw_infer_in(cx, 0);
    nw_shape shape = first->shape;
    int axis;
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 1), shape.rank, false, &axis));
    for (int i = 1; i < cx->node->input_count; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        if (!value) return nw_infer_fail(cx, NW_BAD_MODEL, "input %d must not be omitted", i);
        nw_shape like = value->shape;
        if (like.rank == shape.rank) like.dims[axis] = shape.dims[axis];
        if (!nw_shape_equal(&like, &shape) || value->dtype != first->dtype) {
            char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
            return nw_infer_fail(cx, NW_BAD_MODEL, "%s %s does not fit to %s %s along axis %d",
                                 nw_dtype_name(value->dtype), nw_shape_text(&value->shape, a, sizeof a),
                                 nw_dtype_name(first->dtype), nw_shape_text(&first->shape, b, sizeof b),
                                 axis);
        }
        if (!nw_add_i64(shape.dims[axis], value->shape.dims[axis], &shape.dims[axis]))
            return nw_infer_fail(cx, NW_BAD_MODEL, "the size of the result overflows");
    }
    NW_TRY(nw_infer_out(cx, 0, first->dtype, &shape));
    return nw_move_fold(cx, concat_describe);
}
NW_MOVE_COMPILE(Concat_compile, concat_describe)
NW_MOVE_OP(Concat, 4, 0, "", concat_infer, concat_describe, .compile = Concat_compile);

/* The size of part i of an axis of `whole` elements. */
typedef struct parts {
    int axis;
    bool equal;
    int64_t size; /* of each, the last may have less */
    const int64_t *sizes;
    nw_tensor *tensor; /* int64 sizes as an input */
} parts;

static int64_t part(const parts *p, int i, int64_t whole)
{
    if (p->sizes) return p->sizes[i];
    if (p->tensor) return nw_tensor_get_i64(p->tensor, i);
    int64_t before = p->size * i; /* at most whole + outputs: checked */
    return before >= whole ? 0 : whole - before < p->size ? whole - before : p->size;
}

static nw_status read_parts(nw_infer *cx, parts *p)
{
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    int outputs = cx->node->output_count;
    size_t count;
    *p = (parts){0};
    NW_TRY(nw_infer_axis(cx, nw_node_int(cx->node, "axis", 0), x->rank, false, &p->axis));
    p->sizes = nw_node_ints(cx->node, "split", &count);
    const nw_value *input = nw_infer_in(cx, 1);
    if (!p->sizes && input) {
        if (!input->data)
            return nw_infer_fail(cx, NW_UNSUPPORTED, "the sizes '%s' are not constant", input->name);
        p->tensor = input->data;
        count = (size_t)input->data->count;
    }
    int64_t whole = x->dims[p->axis], sum = 0;
    if (p->sizes || p->tensor) {
        if (count != (size_t)outputs)
            return nw_infer_fail(cx, NW_BAD_MODEL, "%zu sizes for %d outputs", count, outputs);
        for (int i = 0; i < outputs; i++)
            if (part(p, i, whole) < 0 || !nw_add_i64(sum, part(p, i, whole), &sum))
                return nw_infer_fail(cx, NW_BAD_MODEL, "size %d is negative or too large", i);
        if (sum != whole)
            return nw_infer_fail(cx, NW_BAD_MODEL, "the sizes add up to %lld, the axis has %lld elements",
                                 (long long)sum, (long long)whole);
        return NW_OK;
    }
    int64_t number = nw_node_int(cx->node, "num_outputs", outputs);
    if (number != outputs)
        return nw_infer_fail(cx, NW_BAD_MODEL, "num_outputs is %lld, there are %d", (long long)number,
                             outputs);
    if (cx->node->opset < 18 && whole % outputs)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%lld elements do not split into %d equal parts",
                             (long long)whole, outputs);
    p->size = whole / outputs + (whole % outputs != 0);
    return NW_OK;
}

static bool split_describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    const nw_shape *x = nw_in_shape(call->graph, call->node, 0);
    parts p;
    if (piece >= call->node->output_count || read_parts(&cx, &p) != NW_OK) return false;
    nw_shape shape = *x;
    shape.dims[p.axis] = part(&p, piece, x->dims[p.axis]);
    nw_move_start(move, &shape);
    nw_move_from(move, x);
    move->output = piece;
    for (int i = 0; i < piece; i++)
        move->src_offset += part(&p, i, x->dims[p.axis]) * move->axis[p.axis].src_stride;
    return true;
}

static nw_status split_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 2, 1, INT_MAX));
    const nw_value *x = nw_infer_in(cx, 0);
    parts p;
    NW_TRY(read_parts(cx, &p));
    for (int i = 0; i < cx->node->output_count; i++) {
        nw_shape shape = x->shape;
        shape.dims[p.axis] = part(&p, i, x->shape.dims[p.axis]);
        NW_TRY(nw_infer_out(cx, i, x->dtype, &shape));
    }
    return nw_move_fold(cx, split_describe);
}
NW_MOVE_COMPILE(Split_compile, split_describe)
NW_MOVE_OP(Split, 2, 1U << 1, "the sizes must be constant", split_infer, split_describe,
           .compile = Split_compile);
