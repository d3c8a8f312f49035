/* Resize and Upsample: nearest neighbour and (bi-, tri-) linear interpolation along any axes. */
#include "ops/resize.h"

#include "ops/fast.h"
#include "ops/move.h"

#include <string.h>

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 4, 1, 1));
    nw_resize resize;
    NW_TRY(nw_resize_read(cx, &resize));
    return nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &resize.shape);
}

/* dst += weight src for every pair of elements, or diff_src += weight diff_dst. */
typedef struct pairs {
    nw_resize resize;
    int64_t strides[NW_MAX_RANK]; /* of the source */
    int64_t index[NW_MAX_RANK];   /* of the element of the result */
    const double *src, *diff_dst;
    double *dst, *diff_src;
} pairs;

/* The elements of the source that element dst of the result is made of, from `axis` on. */
static void visit(const pairs *p, int axis, int64_t src, int64_t dst, double weight)
{
    for (; axis < p->resize.shape.rank; axis++) {
        nw_resize_tap tap = nw_resize_at(&p->resize, axis, p->index[axis]);
        if (tap.weight != 0) visit(p, axis + 1, src + tap.high * p->strides[axis], dst, weight * tap.weight);
        weight *= 1 - tap.weight;
        src += tap.low * p->strides[axis];
    }
    if (p->dst)
        p->dst[dst] += weight * p->src[src];
    else
        p->diff_src[src] += weight * p->diff_dst[dst];
}

static void visit_all(pairs *p, const nw_ref *call)
{
    nw_infer cx = nw_move_reader(call);
    if (nw_resize_read(&cx, &p->resize) != NW_OK) return;
    const nw_shape *shape = &p->resize.shape;
    int64_t n = nw_count(shape);
    nw_strides(nw_in_shape(call->graph, call->node, 0), p->strides);
    for (int64_t i = 0; i < n; i++) {
        visit(p, 0, 0, i, 1);
        for (int d = shape->rank - 1; d >= 0 && ++p->index[d] == shape->dims[d]; d--) p->index[d] = 0;
    }
}

static void forward(const nw_ref *call)
{
    pairs p = {.src = call->src[0], .dst = call->dst[0]};
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    memset(p.dst, 0, (size_t)n * sizeof *p.dst);
    visit_all(&p, call);
}

static void backward(const nw_ref *call)
{
    pairs p = {.diff_src = call->diff_src[0], .diff_dst = call->diff_dst[0]};
    if (p.diff_src && p.diff_dst) visit_all(&p, call);
}

const nw_op nw_op_Resize = {.type = "Resize",
                            .since = 10,
                            .limits = "nearest and linear; no antialias, no cropping; constant sizes",
                            .constant_inputs = 0xeU,
                            .infer = infer,
                            .forward = forward,
                            .backward = backward,
                            .compile = nw_fast_resize};
const nw_op nw_op_Upsample = {.type = "Upsample",
                              .since = 7,
                              .limits = "constant scales",
                              .constant_inputs = 0x2U,
                              .infer = infer,
                              .forward = forward,
                              .backward = backward,
                              .compile = nw_fast_resize};
