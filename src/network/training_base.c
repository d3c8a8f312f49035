/* The model in the form that is used, with everything that is learned an initializer of its own. */
#include "base/memory.h"
#include "network/learn.h"
#include "network/made.h"
#include "network/training_internal.h"

#include <stdio.h>
#include <string.h>

static bool is(const nw_node *node, const char *op)
{
    return strcmp(node->op_type, op) == 0;
}

/* How often each value is read, by nodes and as an output of the graph. */
static int *count_uses(const nw_graph *graph)
{
    int *uses = nw_calloc(graph->value_count, sizeof *uses);
    for (size_t n = 0; uses && n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] >= 0) uses[graph->nodes[n].inputs[i]]++;
    for (size_t i = 0; uses && i < graph->output_count; i++) uses[graph->outputs[i]]++;
    return uses;
}

/* Dropout becomes Identity: same input, same output. */
static nw_status no_dropout(const nw_graph *graph, nw_node *node, const int *uses, nw_error *err)
{
    if (node->output_count > 1 && node->outputs[1] >= 0 && uses[node->outputs[1]])
        return nw_node_fail(err, NW_UNSUPPORTED, graph, node,
                            "its mask '%s' is read, so it cannot be left out for training",
                            graph->values[node->outputs[1]].name);
    char *type = nw_strdup("Identity");
    if (!type) return nw_no_memory(err, sizeof *node, "a node");
    nw_free(node->op_type);
    node->op_type = type;
    node->input_count = node->output_count = 1;
    nw_node_clear_attrs(node);
    return NW_OK;
}

/* What a Constant holds, or what an Identity repeats, becomes its output's own; the node then is not needed.
 */
static void lift(nw_graph *graph, const nw_node *node)
{
    nw_tensor *data = NULL;
    if (is(node, "Constant")) {
        const nw_attr *attr = nw_node_attr(node, "value");
        data = attr ? attr->t : NULL;
    } else if (is(node, "Identity") && node->inputs[0] >= 0) {
        data = graph->values[node->inputs[0]].data;
    }
    if (data && node->outputs[0] >= 0) nw_graph_set_constant(graph, node->outputs[0], data);
}

/* A vector or a statistic that others read too gets a copy for this node. */
static nw_status separate(nw_graph *graph, size_t n, int *uses, nw_error *err)
{
    for (int i = 0; i < graph->nodes[n].input_count; i++) {
        nw_role role = nw_role_of(&graph->nodes[n], i);
        int shared = graph->nodes[n].inputs[i];
        if ((role != NW_ROLE_VECTOR && role != NW_ROLE_STATISTIC) || shared < 0 || uses[shared] < 2 ||
            !nw_is_initializer(graph, shared))
            continue;
        int own;
        NW_TRY(nw_made_value(graph, graph->values[shared].name, &own, err));
        nw_graph_set_constant(graph, own, graph->values[shared].data);
        graph->nodes[n].inputs[i] = own;
        uses[shared]--;
    }
    return NW_OK;
}

static nw_status prepare(nw_model *base, nw_error *err)
{
    nw_graph *graph = base->graph;
    int *uses = count_uses(graph);
    nw_status status = uses ? NW_OK : nw_no_memory(err, graph->value_count, "the training of a model");
    for (size_t n = 0; status == NW_OK && n < graph->node_count; n++)
        if (is(&graph->nodes[n], "Dropout")) status = no_dropout(graph, &graph->nodes[n], uses, err);
    for (size_t n = 0; status == NW_OK && n < graph->node_count; n++) lift(graph, &graph->nodes[n]);
    nw_free(uses);
    NW_TRY(status);
    NW_TRY(nw_graph_prune(graph, err));
    uses = count_uses(graph);
    if (!uses) return nw_no_memory(err, graph->value_count, "the training of a model");
    /* Copies are read once: `uses` need not know them. */
    for (size_t n = 0; status == NW_OK && n < graph->node_count; n++) status = separate(graph, n, uses, err);
    nw_free(uses);
    NW_TRY(status);
    return nw_made_finish(base, err);
}

nw_status nw_training_base(nw_model *model, nw_model **out, nw_error *err)
{
    nw_model *base;
    NW_TRY(nw_made_copy(model, &base, err));
    nw_status status = prepare(base, err);
    if (status != NW_OK) {
        nw_model_unref(base);
        return status;
    }
    *out = base;
    return NW_OK;
}
