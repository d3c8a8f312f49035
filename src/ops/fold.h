/* Constant folding of one node. */
#ifndef NW_OPS_FOLD_H
#define NW_OPS_FOLD_H

#include "ops/op.h"

/* Whether every input of the node (that is not omitted) is a constant. */
bool nw_fold_ready(const nw_graph *graph, const nw_node *node);

/* Makes constants of the outputs of a node that has been inferred and is ready, in the outputs' types.
 * Outputs that are constants stay as they are. Takes the bytes from *budget; where they do not suffice
 * nothing is done. Integers that an operator only moves pass exactly, whatever their size. */
nw_status nw_fold_node(nw_graph *graph, const nw_node *node, size_t *budget, nw_error *err);

#endif
