/* Data movement, described instead of coded. Slice, Transpose, Concat, Pad, Gather, ... read each element of
 * their result from one element of an input, and the offset of that element is a sum with one term per axis.
 * An operator gives that description; copying, its adjoint (adding back) and exact folding of integers are
 * here, once.
 */
#ifndef NW_OPS_MOVE_H
#define NW_OPS_MOVE_H

#include "ops/fast.h"

/* What a source coordinate outside [0, extent) reads. */
typedef enum nw_border {
    NW_BORDER_FILL,    /* the value nw_move.fill */
    NW_BORDER_EDGE,    /* the nearest element */
    NW_BORDER_REFLECT, /* mirrored at the outermost elements, which are not repeated */
    NW_BORDER_WRAP     /* periodic */
} nw_border;

typedef struct nw_move_axis {
    int64_t count, dst_stride;  /* positions i = 0 .. count - 1 of the result */
    int64_t extent, src_stride; /* of the source */
    int64_t start, step;        /* position i reads coordinate start + step * i */
    const double *index;        /* or index[i], negative ones counting from the end; NULL: by step */
    nw_border border;
} nw_move_axis;

typedef struct nw_move {
    int input, output; /* of the node */
    int rank;
    nw_move_axis axis[NW_MAX_RANK];
    int64_t src_offset, dst_offset;
    double fill;
} nw_move;

/* Describes piece 0, 1, ... of a node; false past the last. call->src holds what the pieces depend on
 * (indices, the fill value); dst and the gradients must not be touched. */
typedef bool (*nw_move_fn)(const nw_ref *call, int piece, nw_move *move);

/* Input 0 to output 0, one axis a dimension of `counts`; source and result are dense arrays of that shape. */
void nw_move_start(nw_move *move, const nw_shape *counts);
/* Reads from a dense array of this shape instead (no more axes than the move has; aligned at the last). */
void nw_move_from(nw_move *move, const nw_shape *src);
/* Writes into a dense array of this shape, of the rank of the move, instead. */
void nw_move_into(nw_move *move, const nw_shape *dst);

void nw_move_forward(const nw_ref *call, nw_move_fn describe);
void nw_move_backward(const nw_ref *call, nw_move_fn describe);
/* For infer, after the outputs are set: if all inputs are constants and the data are int64, makes the outputs
 * constants without a detour over double. Large arrays are left to the general folder. */
nw_status nw_move_fold(nw_infer *cx, nw_move_fn describe);

/* For describe functions that read the node's parameters as infer does. */
static inline nw_infer nw_move_reader(const nw_ref *call)
{
    return (nw_infer){.graph = (nw_graph *)call->graph, .node = (nw_node *)call->node};
}

/* The source coordinate of a position, or -1 where it reads the fill value. */
int64_t nw_move_coordinate(const nw_move_axis *axis, int64_t i);

/* The fast path of any operator that can be described so, forward and backward: see nw_op.compile. */
nw_status nw_fast_move(nw_plan *plan, const nw_node *node, nw_move_fn describe, bool *declined,
                       nw_error *err);
#define NW_MOVE_COMPILE(name, describe)                                                                      \
    static nw_status name(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)                 \
    {                                                                                                        \
        return nw_fast_move(plan, node, describe, declined, err);                                            \
    }

/* Integers that older opsets give as an attribute and newer ones as an input, at most NW_MAX_RANK of them;
 * *count = -1 where there are none. */
nw_status nw_infer_list(nw_infer *cx, const char *attribute, int input, int64_t values[NW_MAX_RANK],
                        int *count);

#define NW_MOVE_OP(Type, first_opset, constants, refused, infer_function, describe, ...)                     \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        nw_move_forward(call, describe);                                                                     \
    }                                                                                                        \
    static void Type##_backward(const nw_ref *call)                                                          \
    {                                                                                                        \
        nw_move_backward(call, describe);                                                                    \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = first_opset,                                                        \
                                .limits = refused,                                                           \
                                .constant_inputs = constants,                                                \
                                .infer = infer_function,                                                     \
                                .forward = Type##_forward,                                                   \
                                .backward = Type##_backward,                                                 \
                                __VA_ARGS__}

#endif
