/* The inside of a program, and the passes that make one:
 *
 *     shapes (shapes.c) -> cut (cut.c) -> fuse (fuse.c) -> steps (steps.c, reference.c) -> memory (src/plan)
 */
#ifndef NW_ENGINE_PROGRAM_H
#define NW_ENGINE_PROGRAM_H

#include "graph/model.h"
#include "ops/op.h"
#include "plan/plan.h"

#include <narrows/program.h>

/* A graph with the shapes of one program, and which of its nodes and values the program is about. */
typedef struct nw_piece {
    nw_graph *graph;   /* a clone of the model's, specialised */
    bool *live;        /* [node_count] */
    bool *kept;        /* [kept_count] inputs, outputs and wanted gradients: no fusion may remove them */
    bool *fast;        /* [node_count] compiled to the fast path */
    size_t kept_count; /* values of the graph */
    size_t input_count, output_count, diff_count;
    int *inputs, *outputs, *diffs; /* values */
} nw_piece;

/* The graph with every shape known. */
nw_status nw_piece_shapes(nw_model *model, const nw_program_options *options, nw_graph **out, nw_error *err);
/* Takes over the graph. */
nw_status nw_piece_cut(nw_graph *graph, const nw_program_options *options, nw_piece *out, nw_error *err);
void nw_piece_clear(nw_piece *piece);
/* Removes what does nothing at inference, folds batch-norm into convolutions, and moves activations and sums
 * into the nodes before them. */
nw_status nw_piece_fuse(nw_piece *piece, nw_weights_cache *weights, nw_error *err);
/* For each value, how many live nodes read it (kept values count once more). */
nw_status nw_piece_uses(const nw_piece *piece, int **out, nw_error *err);

/* Compiles all live nodes for the phase of the plan. */
nw_status nw_piece_steps(nw_piece *piece, nw_plan *plan, nw_error *err);
/* The reference path of one node as a step of the plan's current phase. */
nw_status nw_reference_step(nw_plan *plan, const nw_node *node, nw_error *err);

/* A tensor of the program that the caller reads or writes. */
typedef struct nw_port {
    int value;
    nw_buffer *buffer, *diff;
} nw_port;

struct nw_program {
    nw_model *model;
    nw_backend *backend;
    nw_piece piece;
    nw_plan *plan;
    nw_port *inputs, *outputs, *diffs;
    int threads;
    bool ran;
    nw_recorder *recorder; /* a row a step; NULL without profile */
};

#endif
