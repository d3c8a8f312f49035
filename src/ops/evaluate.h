/* A whole graph on the reference path, in double: slow, simple, and what everything faster is compared with.
 *
 *     nw_graph_evaluate(graph, (const double *const[]){image}, &e, &err);
 *     nw_evaluation_diff_output(e, "logits")[3] = 1;
 *     nw_evaluation_backward(e);        then read nw_evaluation_diff(e, "image")
 */
#ifndef NW_OPS_EVALUATE_H
#define NW_OPS_EVALUATE_H

#include "ops/op.h"

typedef struct nw_evaluation nw_evaluation;

/* For a specialised graph, which must outlive it. Takes memory for every value, and for the gradients of
 * those that are not constants. */
nw_status nw_evaluation_new(const nw_graph *graph, nw_evaluation **out, nw_error *err);
void nw_evaluation_free(nw_evaluation *evaluation);

/* nw_evaluation_new, then inputs[i] (row-major; nw_count of its shape) for graph->inputs[i], then forward.
 * NULL leaves an input zero, or the constant that it is pinned to. */
nw_status nw_graph_evaluate(const nw_graph *graph, const double *const *inputs, nw_evaluation **out,
                            nw_error *err);

/* The elements of a tensor: to be set for inputs, to be read after forward. NULL where no live node or output
 * touches a tensor of that name. *shape may be NULL. */
double *nw_evaluation_value(nw_evaluation *evaluation, const char *name, nw_shape *shape);
void nw_evaluation_forward(nw_evaluation *evaluation);

/* Where the caller writes d loss / d tensor, for any floating-point tensor that is not a constant; zero at
 * first, and kept from one backward to the next. */
double *nw_evaluation_diff_output(nw_evaluation *evaluation, const char *name);
/* From there to all other tensors. After a forward. */
void nw_evaluation_backward(nw_evaluation *evaluation);
/* d loss / d tensor, zero where nothing flows; NULL for integers. Those of a constant are worked out by the
 * backwards that follow the first call; NULL also where memory for them is out. */
const double *nw_evaluation_diff(nw_evaluation *evaluation, const char *name);

#endif
