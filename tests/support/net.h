/* Small graphs for tests, a line each:
 *
 *     nw_graph *graph = net_new();
 *     net_input(graph, "x", "1x1x4x4");
 *     net_constant(graph, "w", "2x1x3x3", weights);
 *     net_ints(graph, "end", "{9223372036854775807}");
 *     net_node(graph, "Conv", "x w", "y", "pads=[1,1,1,1]");
 *     net_finish(graph, "y");
 *
 * Attributes and shapes as in op_case.h; opset 13. */
#ifndef NW_TESTS_NET_H
#define NW_TESTS_NET_H

#include "support/op_case.h"

enum { NET_OPSET = 13 };

static inline nw_graph *net_new(void)
{
    nw_graph *graph;
    assert_int_equal(nw_graph_new("net", &graph, NULL), NW_OK);
    return graph;
}

static inline int net_value(nw_graph *graph, const char *name)
{
    int index;
    assert_int_equal(nw_graph_value(graph, name, &index, NULL), NW_OK);
    return index;
}

/* dims "2x3"; NULL: an input without a shape. */
static inline void net_input(nw_graph *graph, const char *name, const char *dims)
{
    int index = net_value(graph, name);
    graph->values[index].has_shape = dims != NULL;
    if (dims) graph->values[index].shape = op_case_shape(dims);
    assert_int_equal(nw_graph_add_input(graph, index, NULL), NW_OK);
}

static inline void net_constant(nw_graph *graph, const char *name, const char *dims, const double *values)
{
    nw_shape shape = op_case_shape(dims);
    nw_tensor *data;
    assert_int_equal(nw_tensor_new(NW_F32, shape.rank, shape.dims, &data, NULL), NW_OK);
    for (int64_t i = 0; i < nw_tensor_count(data); i++) nw_tensor_set(data, i, values[i]);
    nw_graph_set_constant(graph, net_value(graph, name), data);
    nw_tensor_unref(data);
}

/* {1,2} or =3, as in op_case.h */
static inline void net_ints(nw_graph *graph, const char *name, const char *text)
{
    int index = net_value(graph, name);
    op_case_constant(&graph->values[index], text);
    graph->values[index].has_shape = true;
}

/* Names separated by spaces; "-" is an omitted one. */
static inline int net_names(nw_graph *graph, const char *text, int indices[OP_CASE_MAX])
{
    char *copy = nw_strdup(text), *next = NULL;
    int count = 0;
    for (char *w = strtok_r(copy, " ", &next); w; w = strtok_r(NULL, " ", &next)) {
        assert_true(count < OP_CASE_MAX);
        indices[count++] = net_value(graph, strcmp(w, "-") ? w : "");
    }
    nw_free(copy);
    return count;
}

static inline nw_node *net_node(nw_graph *graph, const char *type, const char *inputs, const char *outputs,
                                const char *attrs)
{
    int in[OP_CASE_MAX], out[OP_CASE_MAX];
    int input_count = net_names(graph, inputs, in), output_count = net_names(graph, outputs, out);
    nw_node *node;
    assert_int_equal(
        nw_graph_add_node(graph, type, "", NET_OPSET, "", input_count, in, output_count, out, &node, NULL),
        NW_OK);
    node->op = nw_op_find(type, "");
    char *copy = nw_strdup(attrs), *next = NULL;
    for (char *w = strtok_r(copy, " ", &next); w; w = strtok_r(NULL, " ", &next)) op_case_attr(node, w);
    nw_free(copy);
    return node;
}

static inline void net_finish(nw_graph *graph, const char *outputs)
{
    int out[OP_CASE_MAX], count = net_names(graph, outputs, out);
    nw_error err = {0};
    for (int i = 0; i < count; i++) assert_int_equal(nw_graph_add_output(graph, out[i], NULL), NW_OK);
    if (nw_graph_finish(graph, &err) != NW_OK) fail_msg("%s", err.message);
}

#endif
