/* What an operator is: one table row of ops.def, one file of this folder.
 *
 * An operator says which shapes come out (infer), computes in double on plain row-major arrays (forward,
 * backward: the reference path, the oracle of every test, and the constant folder), and may have a fast
 * single-precision path (compile). Without one the reference path stands in, slow but right.
 * TEMPLATE.c is where to start.
 */
#ifndef NW_OPS_OP_H
#define NW_OPS_OP_H

#include "graph/graph.h"

struct nw_plan;

/* Where infer and compile work. The values of node->inputs have dtype and shape, and data where constant. */
typedef struct nw_infer {
    nw_graph *graph;
    nw_node *node;
    nw_error *err;
} nw_infer;

/* One call of the reference path. Arrays are plain, row-major, in double whatever the dtype (integers above
 * 2^53 are rounded; booleans are 0 and 1). Omitted inputs are NULL. */
typedef struct nw_ref {
    const nw_graph *graph;
    const nw_node *node;
    const double *const *src; /* [input_count] */
    double *const *dst;       /* [output_count]; for backward: as forward left them */
    const double *const *diff_dst; /* backward: [output_count], NULL where zero */
    double *const *diff_src;  /* backward: [input_count], NULL where not wanted; ADD to it */
} nw_ref;

typedef struct nw_op {
    const char *type;    /* ONNX name, domain "" */
    int since;           /* first opset whose definition is implemented */
    const char *limits;  /* what is refused, for `narrows ops`; "" for nothing */
    /* Which inputs must be constants once the graph's inputs have shapes (shapes, axes, limits): bit i. */
    unsigned constant_inputs;
    /* Checks attributes and shapes, sets dtype and shape of every output, and data where it is known without
     * computing (Shape, Constant, ...). NW_UNSUPPORTED or NW_BAD_MODEL with a reason. */
    nw_status (*infer)(nw_infer *cx);
    void (*forward)(const nw_ref *call);
    /* NULL: the operator has no gradient (integers, shapes); none flows through it. */
    void (*backward)(const nw_ref *call);
    /* Adds the steps of the fast path, forward or backward as plan->phase says; NULL: the reference stands in.
     * It may decline a case with *declined = true before it has added anything. */
    nw_status (*compile)(struct nw_plan *plan, const nw_node *node, bool *declined, nw_error *err);
} nw_op;

/* The operator of that type, or NULL. domain "" or "ai.onnx". */
const nw_op *nw_op_find(const char *type, const char *domain);
/* The table, ended by a NULL. */
extern const nw_op *const nw_op_table[];

/* For infer: */
nw_status nw_infer_fail(nw_infer *cx, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Input i, or NULL where omitted or beyond the node's inputs. */
const nw_value *nw_infer_in(const nw_infer *cx, int i);
/* Fails unless the node has between these numbers of inputs (the first `least` not omitted), and outputs. */
nw_status nw_infer_arity(nw_infer *cx, int least_in, int most_in, int least_out, int most_out);
/* Sets output i (fine where the output is omitted). */
nw_status nw_infer_out(nw_infer *cx, int i, nw_dtype dtype, const nw_shape *shape);
/* Sets output i to a constant; takes over the reference, also on failure. */
nw_status nw_infer_constant(nw_infer *cx, int i, nw_tensor *data);
/* Reads input i as integers (a constant is required): values[*count], at most `limit`. *count = -1 where the
 * input is omitted. */
nw_status nw_infer_ints(nw_infer *cx, int i, int64_t *values, int limit, int *count);
/* Fails unless input i is there and float32 or float64. */
nw_status nw_infer_float(nw_infer *cx, int i);
/* The axis as 0 <= axis < rank (or <= rank where `inclusive`), from -rank.. */
nw_status nw_infer_axis(nw_infer *cx, int64_t axis, int rank, bool inclusive, int *out);
/* numpy broadcasting of two shapes. */
bool nw_broadcast(const nw_shape *a, const nw_shape *b, nw_shape *out);

/* For forward, backward and compile: shape of input/output i (which must be there). */
static inline const nw_shape *nw_in_shape(const nw_graph *graph, const nw_node *node, int i)
{
    return &graph->values[node->inputs[i]].shape;
}
static inline const nw_shape *nw_out_shape(const nw_graph *graph, const nw_node *node, int i)
{
    return &graph->values[node->outputs[i]].shape;
}
static inline bool nw_has_in(const nw_node *node, int i)
{
    return i < node->input_count && node->inputs[i] >= 0;
}
/* Elements of a shape that inference has checked. */
static inline int64_t nw_count(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}
/* Product of dims[from..to). */
static inline int64_t nw_span(const nw_shape *shape, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= shape->dims[i];
    return n;
}
/* Row-major strides in elements. */
void nw_strides(const nw_shape *shape, int64_t strides[NW_MAX_RANK]);

#endif
