/* Steps that are loops of our own over memory: which buffers, over which rows, what to do with a row.
 *
 * A layout is seen as rows of `inner` positions, a position being `block` neighbouring channels (one where
 * the layout is plain). Row r belongs to channels [c, c + block) of outer index o. Rows are spread over the
 * threads; each is done by one, so results do not depend on how many there are.
 */
#ifndef NW_OPS_FAST_LOOP_H
#define NW_OPS_FAST_LOOP_H

#include "plan/plan.h"

enum { NW_LOOP_BUFFERS = 4 };

typedef struct nw_loop nw_loop;
/* Does rows [begin, end). */
typedef void (*nw_loop_fn)(const nw_loop *loop, size_t begin, size_t end);

struct nw_loop {
    const char *kind;
    nw_loop_fn fn;
    nw_buffer *src[NW_LOOP_BUFFERS]; /* read; NULL ends */
    nw_buffer *dst;                  /* written */
    nw_loops shape;                  /* rows: shape.outer * shape.blocks, each shape.inner positions */
    float parameters[2];
    int64_t stride; /* of a broadcast operand: elements from one outer index to the next, 0 or its channels */
    nw_act act;
    int choice; /* which function, for those with several */
    bool in_place;
    bool pad; /* channels beyond the extent are set to zero in dst afterwards */
};

/* Adds the loop as a step of the current phase. */
nw_status nw_fast_loop(nw_plan *plan, const nw_loop *loop, nw_error *err);

static inline const float *nw_loop_src(const nw_loop *loop, int i, size_t row)
{
    return (const float *)loop->src[i]->data + (int64_t)row * loop->shape.inner * loop->shape.block;
}
static inline float *nw_loop_dst(const nw_loop *loop, size_t row)
{
    return (float *)loop->dst->data + (int64_t)row * loop->shape.inner * loop->shape.block;
}
/* Elements of a row. */
static inline int64_t nw_loop_length(const nw_loop *loop)
{
    return loop->shape.inner * loop->shape.block;
}
/* Loads the `block` values of a broadcast operand (plain, [outer or 1, extent]) that belong to a row;
 * channels of the padding get `padding`. */
static inline void nw_loop_channels(const nw_loop *loop, const float *operand, size_t row, float padding,
                                    float values[16])
{
    int64_t o = (int64_t)row / loop->shape.blocks, c = (int64_t)row % loop->shape.blocks * loop->shape.block;
    for (int64_t b = 0; b < loop->shape.block; b++)
        values[b] = c + b < loop->shape.extent ? operand[o * loop->stride + c + b] : padding;
}

#endif
