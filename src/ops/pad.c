/* Pad. Amounts are an attribute up to opset 10 and an input after that, which opset 18 may restrict to some
 * axes; negative amounts cut off. */
#include "ops/move.h"

#include "base/memory.h"

#include <string.h>

typedef struct padding {
    nw_shape shape; /* of the result */
    int64_t begin[NW_MAX_RANK];
    nw_border border;
} padding;

static nw_status read_border(nw_infer *cx, nw_border *border)
{
    static const struct {
        const char *mode;
        nw_border border;
    } modes[] = {{"constant", NW_BORDER_FILL},
                 {"edge", NW_BORDER_EDGE},
                 {"reflect", NW_BORDER_REFLECT},
                 {"wrap", NW_BORDER_WRAP}};
    const char *mode = nw_node_string(cx->node, "mode", "constant");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode, modes[i].mode) == 0) {
            *border = modes[i].border;
            return NW_OK;
        }
    return nw_infer_fail(cx, NW_BAD_MODEL, "mode is '%s'; expected constant, edge, reflect or wrap", mode);
}

static nw_status read_padding(nw_infer *cx, padding *out)
{
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    int64_t pads[2 * NW_MAX_RANK], axes[NW_MAX_RANK];
    int count, axis_count;
    size_t listed;
    NW_TRY(read_border(cx, &out->border));
    const int64_t *attribute = nw_node_ints(cx->node, "pads", &listed);
    if (attribute) {
        if (listed > 2 * NW_MAX_RANK) return nw_infer_fail(cx, NW_BAD_MODEL, "has %zu pads", listed);
        memcpy(pads, attribute, listed * sizeof *pads);
        count = (int)listed;
    } else {
        NW_TRY(nw_infer_ints(cx, 1, pads, 2 * NW_MAX_RANK, &count));
    }
    NW_TRY(nw_infer_ints(cx, 3, axes, NW_MAX_RANK, &axis_count));
    if (axis_count < 0) {
        axis_count = x->rank;
        for (int i = 0; i < axis_count; i++) axes[i] = i;
    }
    if (count != 2 * axis_count)
        return nw_infer_fail(cx, NW_BAD_MODEL, "%d pads; expected %d, two for each axis", count,
                             2 * axis_count);
    memset(out->begin, 0, sizeof out->begin);
    out->shape = *x;
    for (int i = 0; i < axis_count; i++) {
        int axis;
        NW_TRY(nw_infer_axis(cx, axes[i], x->rank, false, &axis));
        int64_t *dim = &out->shape.dims[axis];
        out->begin[axis] = pads[i];
        if (pads[i] < -INT32_MAX || pads[i] > INT32_MAX || !nw_add_i64(*dim, pads[i], dim) ||
            !nw_add_i64(*dim, pads[i + axis_count], dim) || *dim < 0)
            return nw_infer_fail(cx, NW_BAD_MODEL, "pads of %lld and %lld for axis %d of %lld elements",
                                 (long long)pads[i], (long long)pads[i + axis_count], axis,
                                 (long long)x->dims[axis]);
        if (x->dims[axis] == 0 && *dim > 0 && out->border != NW_BORDER_FILL)
            return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d is empty: there is nothing to repeat", axis);
    }
    return NW_OK;
}

static bool describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    padding p;
    if (piece > 0 || read_padding(&cx, &p) != NW_OK) return false;
    nw_move_start(move, &p.shape);
    nw_move_from(move, nw_in_shape(call->graph, call->node, 0));
    for (int i = 0; i < move->rank; i++) {
        move->axis[i].start = -p.begin[i];
        move->axis[i].border = p.border;
    }
    move->fill = nw_has_in(call->node, 2) ? call->src[2][0] : (double)nw_node_float(call->node, "value", 0);
    return true;
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 4, 1, 1));
    padding p;
    NW_TRY(read_padding(cx, &p));
    const nw_value *fill = nw_infer_in(cx, 2);
    if (fill && nw_count(&fill->shape) != 1)
        return nw_infer_fail(cx, NW_BAD_MODEL, "the padding value '%s' must be one number", fill->name);
    NW_TRY(nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &p.shape));
    return nw_move_fold(cx, describe);
}
NW_MOVE_COMPILE(Pad_compile, describe)
NW_MOVE_OP(Pad, 2, 0xeU, "amounts and value must be constant", infer, describe, .compile = Pad_compile);
