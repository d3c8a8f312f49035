/* From a graph with dynamic shapes to one where every shape is known and everything that does not depend on
 * the inputs' data is a constant. */
#ifndef NW_OPS_SPECIALISE_H
#define NW_OPS_SPECIALISE_H

#include "ops/op.h"

/* Bytes, counted in double, of the constants that folding may make in one graph; what would exceed them stays
 * a node. */
enum { NW_FOLD_LIMIT = 1 << 30 };

/* live[node_count]: whether a node takes part in computing graph->outputs from graph->inputs and constants.
 * The producers of an input or a constant are not needed for it, so that a graph may be cut at any tensor. */
nw_status nw_graph_live(const nw_graph *graph, bool *live, nw_error *err);

/* Works in place, on a clone of the model's graph in which the caller has set graph->inputs and
 * graph->outputs (any tensors) and given each input a concrete shape, or pinned it to a constant
 * (nw_graph_set_constant). Infers every live node in order and folds those whose inputs are all constants, by
 * their reference path.
 *
 * After it every value that a live node touches has dtype and shape, and every input that an operator needs
 * as a constant is one. (Live: ask nw_graph_live again; what only computed shapes is dead now.) Otherwise
 * NW_UNSUPPORTED or NW_BAD_MODEL that names the node. The graph is half done after a failure: free it. */
nw_status nw_graph_specialise(nw_graph *graph, nw_error *err);

/* For loading: folds the nodes that depend on constants alone, whatever the outputs are; the shapes of the
 * inputs need not be known, and nodes or operators that cannot be worked out stay as they are. */
nw_status nw_graph_fold(nw_graph *graph, nw_error *err);

#endif
