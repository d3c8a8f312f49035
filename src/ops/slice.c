/* Slice: every step-th element of a range along some axes. Ranges are attributes up to opset 9 and inputs
 * after that; what lies outside is cut off, as in numpy. */
#include "ops/move.h"

typedef struct ranges {
    nw_shape shape; /* of the result */
    int64_t start[NW_MAX_RANK], step[NW_MAX_RANK];
} ranges;

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

static nw_status read_ranges(nw_infer *cx, ranges *out)
{
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    int64_t starts[NW_MAX_RANK], ends[NW_MAX_RANK], axes[NW_MAX_RANK], steps[NW_MAX_RANK];
    int count, end_count, axis_count, step_count;
    bool sliced[NW_MAX_RANK] = {false};
    NW_TRY(nw_infer_list(cx, "starts", 1, starts, &count));
    NW_TRY(nw_infer_list(cx, "ends", 2, ends, &end_count));
    NW_TRY(nw_infer_list(cx, "axes", 3, axes, &axis_count));
    NW_TRY(nw_infer_list(cx, "steps", 4, steps, &step_count));
    if (count < 0 || end_count != count || (axis_count >= 0 && axis_count != count) ||
        (step_count >= 0 && step_count != count) || (axis_count < 0 && count > x->rank))
        return nw_infer_fail(cx, NW_BAD_MODEL, "starts, ends, axes and steps differ in length");
    out->shape = *x;
    for (int i = 0; i < x->rank; i++) {
        out->start[i] = 0;
        out->step[i] = 1;
    }
    for (int i = 0; i < count; i++) {
        int axis;
        NW_TRY(nw_infer_axis(cx, axis_count < 0 ? i : axes[i], x->rank, false, &axis));
        if (sliced[axis]) return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d is sliced twice", axis);
        sliced[axis] = true;
        int64_t n = x->dims[axis], step = step_count < 0 ? 1 : steps[i];
        if (step == 0) return nw_infer_fail(cx, NW_BAD_MODEL, "the step of axis %d is 0", axis);
        bool back = step < 0;
        step = clamp(step, -n - 1, n + 1); /* longer ones select the same */
        int64_t start = clamp(starts[i] < 0 ? starts[i] + n : starts[i], 0, back ? n - 1 : n);
        int64_t end = clamp(ends[i] < 0 ? ends[i] + n : ends[i], back ? -1 : 0, back ? n - 1 : n);
        int64_t span = back ? start - end : end - start, stride = back ? -step : step;
        out->start[axis] = start;
        out->step[axis] = step;
        out->shape.dims[axis] = n == 0 || span <= 0 ? 0 : (span + stride - 1) / stride;
    }
    return NW_OK;
}

static bool describe(const nw_ref *call, int piece, nw_move *move)
{
    nw_infer cx = nw_move_reader(call);
    ranges r;
    if (piece > 0 || read_ranges(&cx, &r) != NW_OK) return false;
    nw_move_start(move, &r.shape);
    nw_move_from(move, nw_in_shape(call->graph, call->node, 0));
    for (int i = 0; i < move->rank; i++) {
        move->axis[i].start = r.start[i];
        move->axis[i].step = r.step[i];
    }
    return true;
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 5, 1, 1));
    ranges r;
    NW_TRY(read_ranges(cx, &r));
    NW_TRY(nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &r.shape));
    return nw_move_fold(cx, describe);
}
NW_MOVE_COMPILE(Slice_compile, describe)
NW_MOVE_OP(Slice, 1, 0x1eU, "ranges must be constant", infer, describe, .compile = Slice_compile);
