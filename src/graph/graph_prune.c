/* Takes out of a graph what its outputs do not need. */
#include "base/memory.h"
#include "graph/graph.h"

#include <string.h>

/* needed[value_count] and kept[node_count]; nodes in topological order. */
static void mark(const nw_graph *graph, bool *needed, bool *kept)
{
    for (size_t i = 0; i < graph->output_count; i++) needed[graph->outputs[i]] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const nw_node *node = &graph->nodes[n];
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] >= 0 && needed[node->outputs[i]] && !graph->values[node->outputs[i]].data)
                kept[n] = true;
        for (int i = 0; kept[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0) needed[node->inputs[i]] = true;
    }
    for (size_t i = 0; i < graph->input_count; i++) needed[graph->inputs[i]] = true;
    /* A node's other outputs stay, as they are part of it. */
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; kept[n] && i < graph->nodes[n].output_count; i++)
            if (graph->nodes[n].outputs[i] >= 0) needed[graph->nodes[n].outputs[i]] = true;
}

static void move_indices(int *indices, size_t count, const int *places)
{
    for (size_t i = 0; i < count; i++)
        if (indices[i] >= 0) indices[i] = places[indices[i]];
}

static void compact(nw_graph *graph, const bool *needed, const bool *kept, int *places)
{
    size_t values = 0, nodes = 0;
    for (size_t i = 0; i < graph->value_count; i++) {
        places[i] = (int)values;
        if (needed[i])
            graph->values[values++] = graph->values[i];
        else
            nw_value_clear(&graph->values[i]);
    }
    graph->value_count = values;
    for (size_t n = 0; n < graph->node_count; n++) {
        nw_node *node = &graph->nodes[n];
        if (!kept[n]) {
            nw_node_clear(node);
            continue;
        }
        move_indices(node->inputs, (size_t)node->input_count, places);
        move_indices(node->outputs, (size_t)node->output_count, places);
        graph->nodes[nodes++] = *node;
    }
    graph->node_count = nodes;
    move_indices(graph->inputs, graph->input_count, places);
    move_indices(graph->outputs, graph->output_count, places);
}

nw_status nw_graph_prune(nw_graph *graph, nw_error *err)
{
    bool *needed = nw_calloc(graph->value_count, sizeof *needed);
    bool *kept = nw_calloc(graph->node_count, sizeof *kept);
    int *places = nw_calloc(graph->value_count, sizeof *places);
    nw_strmap by_name = {0};
    nw_status status = NW_OK;
    if (needed && kept && places) mark(graph, needed, kept);
    /* The new index before anything is released: on failure the graph is as it was. */
    size_t place = 0;
    bool there = needed && kept && places;
    for (size_t i = 0; there && i < graph->value_count; i++)
        if (needed[i]) there = nw_strmap_set(&by_name, graph->values[i].name, (int)place++);
    if (there) {
        compact(graph, needed, kept, places);
        nw_strmap_clear(&graph->by_name);
        graph->by_name = by_name;
    } else {
        nw_strmap_clear(&by_name);
        status = nw_no_memory(err, graph->value_count * sizeof *places, "pruning a graph");
    }
    nw_free(needed);
    nw_free(kept);
    nw_free(places);
    return status == NW_OK ? nw_graph_finish(graph, err) : status;
}
