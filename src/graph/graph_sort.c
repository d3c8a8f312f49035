/* Checks a graph and puts its nodes into topological order. */
#include "base/memory.h"
#include "graph/graph.h"

#include <string.h>

/* Gives every value its producer; one only. */
static nw_status find_producers(nw_graph *graph, nw_error *err)
{
    for (size_t i = 0; i < graph->value_count; i++) graph->values[i].producer = -1;
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        for (int o = 0; o < node->output_count; o++) {
            if (node->outputs[o] < 0) continue;
            nw_value *value = &graph->values[node->outputs[o]];
            if (value->producer >= 0) {
                char other[NW_NODE_TEXT];
                return nw_node_fail(
                    err, NW_BAD_MODEL, graph, node,
                    "its output '%s' is also an output of %s; a tensor can come from one place only",
                    value->name, nw_node_text(graph, &graph->nodes[value->producer], other));
            }
            value->producer = (int)n;
        }
    }
    return NW_OK;
}

static nw_status check_interface(const nw_graph *graph, bool *is_input, nw_error *err)
{
    for (size_t i = 0; i < graph->input_count; i++) {
        const nw_value *value = &graph->values[graph->inputs[i]];
        if (is_input[graph->inputs[i]])
            return nw_fail(err, NW_BAD_MODEL, "%s: input '%s' is listed twice", graph->name, value->name);
        if (value->producer >= 0)
            return nw_node_fail(
                err, NW_BAD_MODEL, graph, &graph->nodes[value->producer],
                "its output '%s' is also an input of the graph; a tensor can come from one place only",
                value->name);
        is_input[graph->inputs[i]] = true;
    }
    if (!graph->output_count)
        return nw_fail(err, NW_BAD_MODEL, "%s: the graph has no outputs, so there is nothing to compute",
                       graph->name);
    for (size_t i = 0; i < graph->output_count; i++) {
        const nw_value *value = &graph->values[graph->outputs[i]];
        if (value->producer < 0 && !value->data && !is_input[graph->outputs[i]])
            return nw_fail(err, NW_BAD_MODEL, "%s: output '%s' of the graph is made by no node", graph->name,
                           value->name);
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] < 0) continue;
            const nw_value *value = &graph->values[node->inputs[i]];
            if (value->producer < 0 && !value->data && !is_input[node->inputs[i]])
                return nw_node_fail(
                    err, NW_BAD_MODEL, graph, node,
                    "its input '%s' is made by no node and is neither an initializer nor an input "
                    "of the graph",
                    value->name);
        }
    }
    return NW_OK;
}

enum { UNSEEN = 0, OPEN, DONE };

typedef struct visit {
    int node, next; /* next: the input to look at */
} visit;

/* Depth first from every node in the file's order, producers before consumers, without recursion: order[]
 * then is the file's own order where that was topological already. stack has room for every node. */
static nw_status sort_nodes(const nw_graph *graph, char *colour, visit *stack, int *order, nw_error *err)
{
    size_t sorted = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        if (colour[n] != UNSEEN) continue;
        size_t depth = 0;
        stack[depth++] = (visit){.node = (int)n};
        colour[n] = OPEN;
        while (depth) {
            visit *top = &stack[depth - 1];
            const nw_node *node = &graph->nodes[top->node];
            if (top->next == node->input_count) {
                colour[top->node] = DONE;
                order[sorted++] = top->node;
                depth--;
                continue;
            }
            int value = node->inputs[top->next++];
            int producer = value < 0 ? -1 : graph->values[value].producer;
            if (producer < 0 || colour[producer] == DONE) continue;
            if (colour[producer] == OPEN)
                return nw_node_fail(err, NW_BAD_MODEL, graph, node,
                                    "the graph is cyclic: its input '%s' depends on its own output",
                                    graph->values[value].name);
            colour[producer] = OPEN;
            stack[depth++] = (visit){.node = producer};
        }
    }
    return NW_OK;
}

static void reorder(nw_graph *graph, const int *order, nw_node *sorted)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        sorted[i] = graph->nodes[order[i]];
        for (int o = 0; o < sorted[i].output_count; o++)
            if (sorted[i].outputs[o] >= 0) graph->values[sorted[i].outputs[o]].producer = (int)i;
    }
    if (graph->node_count) memcpy(graph->nodes, sorted, graph->node_count * sizeof *sorted);
}

nw_status nw_graph_finish(nw_graph *graph, nw_error *err)
{
    NW_TRY(find_producers(graph, err));
    size_t nodes = graph->node_count;
    bool *is_input = nw_calloc(graph->value_count, sizeof *is_input);
    char *colour = nw_calloc(nodes, sizeof *colour);
    visit *stack = nw_calloc(nodes, sizeof *stack);
    int *order = nw_calloc(nodes, sizeof *order);
    nw_node *sorted = nw_calloc(nodes, sizeof *sorted);
    nw_status status = NW_OK;
    if (!is_input || !colour || !stack || !order || !sorted)
        status = nw_no_memory(err, nodes * (sizeof *stack + sizeof *sorted), "sorting a graph");
    if (status == NW_OK) status = check_interface(graph, is_input, err);
    if (status == NW_OK) status = sort_nodes(graph, colour, stack, order, err);
    if (status == NW_OK) reorder(graph, order, sorted);
    nw_free(is_input);
    nw_free(colour);
    nw_free(stack);
    nw_free(order);
    nw_free(sorted);
    return status;
}
