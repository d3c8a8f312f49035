/* Nodes: their attributes, and how messages call them. */
#include "base/memory.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

nw_status nw_node_add_attr(nw_node *node, const char *name, nw_attr_kind kind, nw_attr **out, nw_error *err)
{
    if (nw_node_attr(node, name)) return nw_fail(err, NW_BAD_MODEL, "attribute '%s' is given twice", name);
    char *copy = nw_strdup(name);
    nw_attr *grown = copy ? nw_realloc(node->attrs, node->attr_count + 1, sizeof *grown) : NULL;
    if (!grown) {
        nw_free(copy);
        return nw_no_memory(err, (node->attr_count + 1) * sizeof *grown, "the attributes of a node");
    }
    node->attrs = grown;
    grown[node->attr_count] = (nw_attr){.name = copy, .kind = kind};
    *out = &grown[node->attr_count++];
    return NW_OK;
}

const nw_attr *nw_node_attr(const nw_node *node, const char *name)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0) return &node->attrs[i];
    return NULL;
}

static const nw_attr *attr_of(const nw_node *node, const char *name, nw_attr_kind kind)
{
    const nw_attr *attr = nw_node_attr(node, name);
    return attr && attr->kind == kind ? attr : NULL;
}

int64_t nw_node_int(const nw_node *node, const char *name, int64_t otherwise)
{
    const nw_attr *attr = attr_of(node, name, NW_ATTR_INT);
    return attr ? attr->i : otherwise;
}

float nw_node_float(const nw_node *node, const char *name, float otherwise)
{
    const nw_attr *attr = attr_of(node, name, NW_ATTR_FLOAT);
    return attr ? attr->f : otherwise;
}

const char *nw_node_string(const nw_node *node, const char *name, const char *otherwise)
{
    const nw_attr *attr = attr_of(node, name, NW_ATTR_STRING);
    return attr ? attr->s : otherwise;
}

const int64_t *nw_node_ints(const nw_node *node, const char *name, size_t *count)
{
    const nw_attr *attr = attr_of(node, name, NW_ATTR_INTS);
    *count = attr ? attr->count : 0;
    return attr ? attr->ints : NULL;
}

char *nw_node_text(const nw_graph *graph, const nw_node *node, char text[NW_NODE_TEXT])
{
    /* A long name is cut so that the operator after it still fits. */
    snprintf(text, NW_NODE_TEXT, "node %td '%.140s' (%.60s)", node - graph->nodes, node->name, node->op_type);
    return text;
}

nw_status nw_node_fail(nw_error *err, nw_status status, const nw_graph *graph, const nw_node *node,
                       const char *format, ...)
{
    char place[NW_NODE_TEXT];
    va_list args;
    va_start(args, format);
    nw_vfail(err, status, format, args);
    va_end(args);
    nw_node_text(graph, node, place);
    if (graph->name[0]) return nw_fail_within(err, status, "%s: %s", graph->name, place);
    return nw_fail_within(err, status, "%s", place);
}
