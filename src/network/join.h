/* The parts of nw_network_join. */
#ifndef NW_NETWORK_JOIN_H
#define NW_NETWORK_JOIN_H

#include "graph/model.h"

enum { NW_JOIN_MOST = 64 }; /* members */

/* A depth at which what the members see is one tensor. */
typedef struct nw_join_place {
    const char *name;
    int layers[NW_JOIN_MOST]; /* values of its own graph; -1: none */
    int64_t channels[NW_JOIN_MOST];
    int features[NW_JOIN_MOST]; /* values of the joined graph */
} nw_join_place;

enum {
    NW_JOIN_LAYER,
    NW_JOIN_LAST,
    NW_JOIN_PLACES
}; /* for a bottleneck; the last map with positions, for Grad-CAM */

typedef struct nw_joint {
    nw_model *const *members;
    size_t count;
    nw_model *model;
    nw_graph *graph;
    int opset; /* of ONNX's operators */
    int input; /* of the graph, for all of them */
    nw_join_place places[NW_JOIN_PLACES];
    int logits[NW_JOIN_MOST];
} nw_joint;

/* join_check.c: whether the members go together; fills in the opset and, of the places, layers and channels.
 */
nw_status nw_join_check(nw_joint *j, const char *layer, nw_error *err);

#endif
