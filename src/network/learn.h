/* Which inputs of a node are learned. */
#ifndef NW_NETWORK_LEARN_H
#define NW_NETWORK_LEARN_H

#include "graph/graph.h"

typedef enum nw_role {
    NW_ROLE_NONE,
    NW_ROLE_WEIGHT,   /* of Conv, Gemm, MatMul */
    NW_ROLE_VECTOR,   /* bias, or a norm's scale or shift */
    NW_ROLE_STATISTIC /* running mean and variance of a batch-norm */
} nw_role;

/* By the operator alone; whether the input is an initializer is left to the caller. */
nw_role nw_role_of(const nw_node *node, int input);
/* A float32 constant that no node makes. */
bool nw_is_initializer(const nw_graph *graph, int value);

#endif
