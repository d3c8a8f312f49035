#include "network/learn.h"

#include <string.h>

static const struct row {
    const char *op;
    nw_role roles[5]; /* of inputs 0 .. 4 */
} rows[] = {
    {"BatchNormalization", {0, NW_ROLE_VECTOR, NW_ROLE_VECTOR, NW_ROLE_STATISTIC, NW_ROLE_STATISTIC}},
    {"Conv", {0, NW_ROLE_WEIGHT, NW_ROLE_VECTOR}},
    {"Gemm", {0, NW_ROLE_WEIGHT, NW_ROLE_VECTOR}},
    {"InstanceNormalization", {0, NW_ROLE_VECTOR, NW_ROLE_VECTOR}},
    {"LayerNormalization", {0, NW_ROLE_VECTOR, NW_ROLE_VECTOR}},
    {"MatMul", {NW_ROLE_WEIGHT, NW_ROLE_WEIGHT}},
    {"PRelu", {0, NW_ROLE_VECTOR}},
};

nw_role nw_role_of(const nw_node *node, int input)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].op, node->op_type) == 0) return input < 5 ? rows[i].roles[input] : NW_ROLE_NONE;
    return NW_ROLE_NONE;
}

bool nw_is_initializer(const nw_graph *graph, int value)
{
    if (value < 0) return false;
    const nw_value *v = &graph->values[value];
    return v->data && v->producer < 0 && v->data->dtype == NW_F32;
}
