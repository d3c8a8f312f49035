/* Making, copying and releasing graphs. */
#include "graph/graph.h"

#include "base/memory.h"

#include <limits.h>
#include <string.h>

nw_status nw_graph_new(const char *name, nw_graph **out, nw_error *err)
{
    nw_graph *graph = nw_calloc(1, sizeof *graph);
    if (graph) graph->name = nw_strdup(name ? name : "");
    if (!graph || !graph->name) {
        nw_free(graph);
        return nw_no_memory(err, sizeof *graph, "a graph");
    }
    *out = graph;
    return NW_OK;
}

static void free_attr(nw_attr *attr)
{
    nw_free(attr->name);
    nw_free(attr->s);
    nw_tensor_unref(attr->t);
    nw_free(attr->floats);
    nw_free(attr->ints);
    if (attr->strings)
        for (size_t i = 0; i < attr->count; i++) nw_free(attr->strings[i]);
    nw_free(attr->strings);
}

void nw_node_clear_attrs(nw_node *node)
{
    for (size_t i = 0; i < node->attr_count; i++) free_attr(&node->attrs[i]);
    nw_free(node->attrs);
    node->attrs = NULL;
    node->attr_count = 0;
}

void nw_node_clear(nw_node *node)
{
    nw_free(node->name);
    nw_free(node->op_type);
    nw_free(node->domain);
    nw_free(node->inputs);
    nw_free(node->outputs);
    nw_node_clear_attrs(node);
}

void nw_value_clear(nw_value *value)
{
    nw_free(value->name);
    for (int d = 0; d < NW_MAX_RANK; d++) nw_free(value->symbols[d]);
    nw_tensor_unref(value->data);
}

void nw_graph_free(nw_graph *graph)
{
    if (!graph) return;
    for (size_t i = 0; i < graph->value_count; i++) nw_value_clear(&graph->values[i]);
    for (size_t i = 0; i < graph->node_count; i++) nw_node_clear(&graph->nodes[i]);
    nw_strmap_clear(&graph->by_name);
    nw_free(graph->values);
    nw_free(graph->nodes);
    nw_free(graph->inputs);
    nw_free(graph->outputs);
    nw_free(graph->name);
    nw_free(graph);
}

nw_status nw_graph_value(nw_graph *graph, const char *name, int *out, nw_error *err)
{
    if (!name[0]) {
        *out = -1;
        return NW_OK;
    }
    int found = nw_strmap_get(&graph->by_name, name);
    if (found >= 0) {
        *out = found;
        return NW_OK;
    }
    if (graph->value_count >= INT_MAX)
        return nw_fail(err, NW_BAD_MODEL, "%s: more than %d tensors", graph->name, INT_MAX);
    char *copy = nw_strdup(name);
    if (!copy || !NW_GROW(graph->values, graph->value_capacity, graph->value_count) ||
        !nw_strmap_set(&graph->by_name, copy, (int)graph->value_count)) {
        nw_free(copy);
        return nw_no_memory(err, graph->value_count * sizeof *graph->values, "the tensors of a graph");
    }
    graph->values[graph->value_count] = (nw_value){.name = copy, .dtype = NW_F32, .producer = -1};
    *out = (int)graph->value_count++;
    return NW_OK;
}

int nw_graph_find(const nw_graph *graph, const char *name)
{
    return nw_strmap_get(&graph->by_name, name);
}

nw_status nw_graph_add_input(nw_graph *graph, int value, nw_error *err)
{
    if (!NW_GROW(graph->inputs, graph->input_capacity, graph->input_count))
        return nw_no_memory(err, graph->input_count * sizeof(int), "the inputs of a graph");
    graph->inputs[graph->input_count++] = value;
    return NW_OK;
}

nw_status nw_graph_add_output(nw_graph *graph, int value, nw_error *err)
{
    if (!NW_GROW(graph->outputs, graph->output_capacity, graph->output_count))
        return nw_no_memory(err, graph->output_count * sizeof(int), "the outputs of a graph");
    graph->outputs[graph->output_count++] = value;
    return NW_OK;
}

void nw_graph_set_constant(nw_graph *graph, int value, nw_tensor *data)
{
    nw_value *v = &graph->values[value];
    nw_tensor *old = v->data;
    v->data = nw_tensor_ref(data);
    nw_tensor_unref(old);
    v->dtype = data->dtype;
    v->shape = data->shape;
    v->has_shape = true;
}

static int *copy_ints(const int *source, size_t count)
{
    int *copy = nw_calloc(count, sizeof *copy);
    if (copy && count) memcpy(copy, source, count * sizeof *copy);
    return copy;
}

nw_status nw_graph_add_node(nw_graph *graph, const char *op_type, const char *domain, int opset,
                            const char *name, int input_count, const int *inputs, int output_count,
                            const int *outputs, nw_node **out, nw_error *err)
{
    if (graph->node_count >= INT_MAX)
        return nw_fail(err, NW_BAD_MODEL, "%s: more than %d nodes", graph->name, INT_MAX);
    nw_node node = {
        .op_type = nw_strdup(op_type),
        .domain = nw_strdup(domain ? domain : ""),
        .opset = opset,
        .input_count = input_count,
        .output_count = output_count,
        .inputs = copy_ints(inputs, (size_t)input_count),
        .outputs = copy_ints(outputs, (size_t)output_count),
    };
    if (name && name[0]) {
        node.name = nw_strdup(name);
    } else {
        const char *first = "";
        for (int i = output_count; i-- > 0;)
            if (outputs[i] >= 0) first = graph->values[outputs[i]].name;
        node.name = nw_strdup_printf("%s_%s", op_type, first);
    }
    if (!node.name || !node.op_type || !node.domain || !node.inputs || !node.outputs ||
        !NW_GROW(graph->nodes, graph->node_capacity, graph->node_count)) {
        nw_node_clear(&node);
        return nw_no_memory(err, graph->node_count * sizeof node, "the nodes of a graph");
    }
    graph->nodes[graph->node_count] = node;
    if (out) *out = &graph->nodes[graph->node_count];
    graph->node_count++;
    return NW_OK;
}

/* -- copying: what fails half-way is released with the graph it was made for. -- */

static bool clone_text(char *const source, char **out)
{
    *out = source ? nw_strdup(source) : NULL;
    return !source || *out;
}

static bool clone_array(const void *source, size_t count, size_t size, void **out)
{
    *out = NULL;
    if (!source) return true;
    *out = nw_calloc(count, size);
    if (!*out) return false;
    memcpy(*out, source, count * size);
    return true;
}

static bool clone_attr(const nw_attr *source, nw_attr *out)
{
    *out = (nw_attr){.kind = source->kind, .f = source->f, .i = source->i, .count = source->count};
    out->t = nw_tensor_ref(source->t);
    if (!clone_text(source->name, &out->name) || !clone_text(source->s, &out->s) ||
        !clone_array(source->floats, source->count, sizeof(float), (void **)&out->floats) ||
        !clone_array(source->ints, source->count, sizeof(int64_t), (void **)&out->ints))
        return false;
    if (!source->strings) return true;
    out->strings = nw_calloc(source->count, sizeof(char *));
    for (size_t i = 0; out->strings && i < source->count; i++)
        if (!clone_text(source->strings[i], &out->strings[i])) return false;
    return out->strings != NULL;
}

nw_status nw_graph_add_copy(nw_graph *graph, const nw_node *source, const char *name, const int *inputs,
                            const int *outputs, nw_error *err)
{
    nw_node *node;
    NW_TRY(nw_graph_add_node(graph, source->op_type, source->domain, source->opset, name, source->input_count,
                             inputs, source->output_count, outputs, &node, err));
    node->op = source->op;
    node->attrs = nw_calloc(source->attr_count, sizeof *node->attrs);
    for (size_t i = 0; node->attrs && i < source->attr_count; i++) {
        node->attr_count = i + 1;
        if (!clone_attr(&source->attrs[i], &node->attrs[i]))
            return nw_no_memory(err, sizeof *node->attrs, "a copy of a graph");
    }
    return node->attrs ? NW_OK : nw_no_memory(err, source->attr_count * sizeof(nw_attr), "a copy of a graph");
}

static nw_status clone_into(nw_graph *copy, const nw_graph *source, nw_error *err)
{
    for (size_t i = 0; i < source->value_count; i++) {
        const nw_value *from = &source->values[i];
        int index;
        NW_TRY(nw_graph_value(copy, from->name, &index, err));
        nw_value *to = &copy->values[index];
        to->dtype = from->dtype;
        to->has_shape = from->has_shape;
        to->shape = from->shape;
        to->producer = from->producer;
        to->data = nw_tensor_ref(from->data);
        for (int d = 0; d < NW_MAX_RANK; d++)
            if (!clone_text(from->symbols[d], &to->symbols[d]))
                return nw_no_memory(err, sizeof *to, "a copy of a graph");
    }
    for (size_t i = 0; i < source->node_count; i++) {
        const nw_node *node = &source->nodes[i];
        NW_TRY(nw_graph_add_copy(copy, node, node->name, node->inputs, node->outputs, err));
    }
    for (size_t i = 0; i < source->input_count; i++) NW_TRY(nw_graph_add_input(copy, source->inputs[i], err));
    for (size_t i = 0; i < source->output_count; i++)
        NW_TRY(nw_graph_add_output(copy, source->outputs[i], err));
    return NW_OK;
}

nw_status nw_graph_clone(const nw_graph *graph, nw_graph **out, nw_error *err)
{
    nw_graph *copy = NULL;
    NW_TRY(nw_graph_new(graph->name, &copy, err));
    nw_status status = clone_into(copy, graph, err);
    if (status != NW_OK) {
        nw_graph_free(copy);
        return status;
    }
    *out = copy;
    return NW_OK;
}
