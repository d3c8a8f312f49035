#include "ops/move.h"

#include "base/memory.h"

#include <string.h>

void nw_move_start(nw_move *move, const nw_shape *counts)
{
    int64_t strides[NW_MAX_RANK];
    memset(move, 0, sizeof *move);
    move->rank = counts->rank;
    nw_strides(counts, strides);
    for (int i = 0; i < counts->rank; i++)
        move->axis[i] = (nw_move_axis){.count = counts->dims[i],
                                       .dst_stride = strides[i],
                                       .extent = counts->dims[i],
                                       .src_stride = strides[i],
                                       .step = 1};
}

void nw_move_from(nw_move *move, const nw_shape *src)
{
    int64_t strides[NW_MAX_RANK];
    int missing = move->rank - src->rank;
    nw_strides(src, strides);
    for (int i = 0; i < move->rank; i++) {
        nw_move_axis *axis = &move->axis[i];
        axis->extent = i < missing ? 1 : src->dims[i - missing];
        axis->src_stride = i < missing ? 0 : strides[i - missing];
    }
}

void nw_move_into(nw_move *move, const nw_shape *dst)
{
    int64_t strides[NW_MAX_RANK];
    nw_strides(dst, strides);
    for (int i = 0; i < move->rank; i++) move->axis[i].dst_stride = strides[i];
}

int64_t nw_move_coordinate(const nw_move_axis *axis, int64_t i)
{
    int64_t extent = axis->extent, s;
    if (axis->index) {
        double index = axis->index[i] < 0 ? axis->index[i] + (double)extent : axis->index[i];
        s = index >= 0 && index < (double)extent ? (int64_t)index : -1;
    } else {
        s = axis->start + axis->step * i;
    }
    if (s >= 0 && s < extent) return s;
    switch (extent > 0 ? axis->border : NW_BORDER_FILL) {
    case NW_BORDER_EDGE: return s < 0 ? 0 : extent - 1;
    case NW_BORDER_WRAP: return (s % extent + extent) % extent;
    case NW_BORDER_REFLECT:
        if (extent == 1) return 0;
        s = (s < 0 ? -s : s) % (2 * (extent - 1));
        return s < extent ? s : 2 * (extent - 1) - s;
    case NW_BORDER_FILL: break;
    }
    return -1;
}

/* What happens to each pair of elements. */
typedef struct action {
    const nw_move *move;
    const double *src; /* copy: src to dst, or fill */
    double *dst;
    const double *diff_dst; /* add back: diff_dst to diff_src */
    double *diff_src;
    const int64_t *exact_src; /* copy of integers */
    int64_t *exact_dst;
    int64_t exact_fill;
} action;

static void visit(const action *a, int axis, bool inside, int64_t src, int64_t dst)
{
    const nw_move *move = a->move;
    if (axis < move->rank) {
        const nw_move_axis *along = &move->axis[axis];
        for (int64_t i = 0; i < along->count; i++) {
            int64_t s = nw_move_coordinate(along, i);
            visit(a, axis + 1, inside && s >= 0, src + s * along->src_stride, dst + i * along->dst_stride);
        }
    } else if (a->exact_dst) {
        a->exact_dst[dst] = inside ? a->exact_src[src] : a->exact_fill;
    } else if (a->dst) {
        a->dst[dst] = inside ? a->src[src] : move->fill;
    } else if (inside) {
        a->diff_src[src] += a->diff_dst[dst];
    }
}

void nw_move_forward(const nw_ref *call, nw_move_fn describe)
{
    nw_move move;
    for (int piece = 0; describe(call, piece, &move); piece++) {
        action a = {.move = &move, .src = call->src[move.input], .dst = call->dst[move.output]};
        if (a.dst) visit(&a, 0, true, move.src_offset, move.dst_offset);
    }
}

void nw_move_backward(const nw_ref *call, nw_move_fn describe)
{
    nw_move move;
    for (int piece = 0; describe(call, piece, &move); piece++) {
        action a = {
            .move = &move, .diff_src = call->diff_src[move.input], .diff_dst = call->diff_dst[move.output]};
        if (a.diff_src && a.diff_dst) visit(&a, 0, true, move.src_offset, move.dst_offset);
    }
}

enum { FOLD_LIMIT = 1 << 16 }; /* elements; shapes and axes have a few */

/* Whether the outputs can be folded here: int64, and small. */
static bool foldable(const nw_infer *cx)
{
    const nw_node *node = cx->node;
    for (int i = 0; i < node->input_count; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        if (value && (!value->data || value->data->count > FOLD_LIMIT)) return false;
    }
    if (!nw_has_in(node, 0) || nw_infer_in(cx, 0)->dtype != NW_I64) return false;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && nw_count(nw_out_shape(cx->graph, node, i)) > FOLD_LIMIT) return false;
    return true;
}

static int64_t saturated(double x)
{
    return x >= 0x1p63 ? INT64_MAX : x >= -0x1p63 ? (int64_t)x : INT64_MIN;
}

static nw_status fold(nw_infer *cx, nw_move_fn describe, const double **src)
{
    nw_ref call = {.graph = cx->graph, .node = cx->node, .src = src};
    nw_move move;
    for (int i = 0; i < cx->node->output_count; i++) {
        nw_tensor *data;
        if (cx->node->outputs[i] < 0) continue;
        NW_TRY(nw_tensor_new_uninitialised(NW_I64, nw_out_shape(cx->graph, cx->node, i), &data, cx->err));
        NW_TRY(nw_infer_constant(cx, i, data));
    }
    for (int piece = 0; describe(&call, piece, &move); piece++) {
        if (cx->node->outputs[move.output] < 0) continue;
        action a = {.move = &move,
                    .exact_src = nw_tensor_data_const(nw_infer_in(cx, move.input)->data),
                    .exact_dst = nw_tensor_data(cx->graph->values[cx->node->outputs[move.output]].data),
                    .exact_fill = saturated(move.fill)};
        visit(&a, 0, true, move.src_offset, move.dst_offset);
    }
    return NW_OK;
}

nw_status nw_move_fold(nw_infer *cx, nw_move_fn describe)
{
    if (!foldable(cx)) return NW_OK;
    int count = cx->node->input_count;
    const double **src = nw_calloc((size_t)count, sizeof *src);
    nw_tensor **rounded = nw_calloc((size_t)count, sizeof *rounded); /* for indices and fill values */
    nw_status status =
        src && rounded ? NW_OK : nw_no_memory(cx->err, (size_t)count * sizeof *src, "constants");
    for (int i = 0; status == NW_OK && i < count; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        if (!value) continue;
        status = nw_tensor_convert(value->data, NW_F64, &rounded[i], cx->err);
        if (status == NW_OK) src[i] = nw_tensor_data_const(rounded[i]);
    }
    if (status == NW_OK) status = fold(cx, describe, src);
    for (int i = 0; rounded && i < count; i++) nw_tensor_unref(rounded[i]);
    nw_free(rounded);
    nw_free(src);
    return status;
}

nw_status nw_infer_list(nw_infer *cx, const char *attribute, int input, int64_t values[NW_MAX_RANK],
                        int *count)
{
    size_t n;
    const int64_t *listed = nw_node_ints(cx->node, attribute, &n);
    if (!listed) return nw_infer_ints(cx, input, values, NW_MAX_RANK, count);
    if (n > NW_MAX_RANK) return nw_infer_fail(cx, NW_BAD_MODEL, "%s has %zu elements", attribute, n);
    memcpy(values, listed, n * sizeof *values);
    *count = (int)n;
    return NW_OK;
}
