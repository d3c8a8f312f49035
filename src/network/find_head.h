/* The last layer of a network that classifies. */
#ifndef NW_NETWORK_FIND_HEAD_H
#define NW_NETWORK_FIND_HEAD_H

#include "graph/graph.h"

typedef struct nw_last_layer {
    bool conv;        /* a 1x1 convolution beside the pooling, else a matrix */
    int features;     /* value that it reads */
    int64_t inputs;   /* numbers or channels of it */
    int weight, bias; /* values; bias -1 where there is none */
    int axes;         /* of a convolution */
    int node;
} nw_last_layer;

/* Goes back from the graph's first output, past activations and what only changes the shape, to a Gemm, a
 * MatMul (with an Add), or a 1x1 Conv before or behind the mean over all positions. NW_UNSUPPORTED names what
 * was found instead. */
nw_status nw_find_last_layer(const nw_graph *graph, nw_last_layer *out, nw_error *err);

#endif
