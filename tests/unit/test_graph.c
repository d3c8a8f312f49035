/* Graphs: building, sorting, refusing, copying, suggesting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

static int value(nw_graph *graph, const char *name)
{
    int index;
    nw_error err;
    assert_int_equal(nw_graph_value(graph, name, &index, &err), NW_OK);
    return index;
}

/* One output; inputs separated by spaces, "-" for an omitted one. */
static nw_node *node(nw_graph *graph, const char *type, const char *name, const char *inputs,
                     const char *output)
{
    char text[256];
    int in[8], count = 0;
    snprintf(text, sizeof text, "%s", inputs);
    for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        in[count++] = value(graph, strcmp(word, "-") == 0 ? "" : word);
    int out = value(graph, output);
    nw_node *made;
    nw_error err;
    assert_int_equal(nw_graph_add_node(graph, type, "", 13, name, count, in, 1, &out, &made, &err), NW_OK);
    return made;
}

static nw_graph *graph_with(const char *input, const char *output)
{
    nw_graph *graph;
    nw_error err;
    assert_int_equal(nw_graph_new("net.onnx", &graph, &err), NW_OK);
    assert_int_equal(nw_graph_add_input(graph, value(graph, input), &err), NW_OK);
    assert_int_equal(nw_graph_add_output(graph, value(graph, output), &err), NW_OK);
    return graph;
}

static void refuses(nw_graph *graph, const char *message)
{
    nw_error err;
    assert_int_equal(nw_graph_finish(graph, &err), NW_BAD_MODEL);
    assert_string_equal(err.message, message);
    nw_graph_free(graph);
}

static void sorts_what_is_out_of_order(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "d");
    node(graph, "Add", "last", "b c", "d");
    node(graph, "Relu", "second", "a", "b");
    node(graph, "Relu", "third", "a", "c");
    node(graph, "Relu", "first", "x", "a");
    nw_error err;
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    const char *order[] = {"first", "second", "third", "last"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(graph->nodes[i].name, order[i]);
        assert_int_equal(graph->values[graph->nodes[i].outputs[0]].producer, i);
    }
    assert_int_equal(graph->values[nw_graph_find(graph, "x")].producer, -1);
    nw_graph_free(graph);
}

static void keeps_an_order_that_is_right(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "e");
    node(graph, "Relu", "n0", "x", "a");
    node(graph, "Relu", "n1", "x", "b");
    node(graph, "Relu", "n2", "b", "c");
    node(graph, "Relu", "n3", "a", "d");
    node(graph, "Add", "n4", "c d", "e");
    nw_error err;
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_string_equal(graph->nodes[i].name, name);
    }
    nw_graph_free(graph);
}

static void sorts_deep_graphs_without_recursion(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    nw_graph *graph = graph_with("v0", "v100000");
    for (int i = DEPTH; i-- > 0;) {
        char from[24], to[24];
        snprintf(from, sizeof from, "v%d", i);
        snprintf(to, sizeof to, "v%d", i + 1);
        node(graph, "Relu", NULL, from, to);
    }
    nw_error err;
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    assert_string_equal(graph->nodes[0].name, "Relu_v1");
    assert_string_equal(graph->nodes[DEPTH - 1].name, "Relu_v100000");
    nw_graph_free(graph);
}

static void names_the_node_that_is_wrong(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "c");
    node(graph, "Add", "sum", "x c", "b");
    node(graph, "Relu", "act", "b", "c");
    refuses(graph,
            "net.onnx: node 1 'act' (Relu): the graph is cyclic: its input 'b' depends on its own output");

    graph = graph_with("x", "x1");
    node(graph, "Relu", "self", "x1", "x1");
    refuses(graph,
            "net.onnx: node 0 'self' (Relu): the graph is cyclic: its input 'x1' depends on its own output");

    graph = graph_with("x", "y");
    node(graph, "Relu", "one", "x", "y");
    node(graph, "Sigmoid", "two", "x", "y");
    refuses(graph,
            "net.onnx: node 1 'two' (Sigmoid): its output 'y' is also an output of node 0 'one' (Relu); a "
            "tensor can come from one place only");

    graph = graph_with("x", "y");
    node(graph, "Conv", "", "x w", "y");
    refuses(graph, "net.onnx: node 0 'Conv_y' (Conv): its input 'w' is made by no node and is neither an "
                   "initializer nor an input of the graph");

    graph = graph_with("x", "y");
    node(graph, "Relu", "", "x", "x");
    refuses(graph,
            "net.onnx: node 0 'Relu_x' (Relu): its output 'x' is also an input of the graph; a tensor can "
            "come from one place only");

    refuses(graph_with("x", "y"), "net.onnx: output 'y' of the graph is made by no node");

    nw_error err;
    graph = graph_with("x", "x");
    assert_int_equal(nw_graph_add_input(graph, value(graph, "x"), &err), NW_OK);
    refuses(graph, "net.onnx: input 'x' is listed twice");

    assert_int_equal(nw_graph_new("net.onnx", &graph, &err), NW_OK);
    refuses(graph, "net.onnx: the graph has no outputs, so there is nothing to compute");
}

static void omitted_inputs_and_constants_are_fine(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "y");
    assert_int_equal(value(graph, ""), -1);
    nw_node *resize = node(graph, "Resize", "up", "x - scales", "y");
    assert_int_equal(resize->inputs[1], -1);
    nw_tensor *scales;
    nw_error err;
    int64_t dims[1] = {4};
    assert_int_equal(nw_tensor_new(NW_F32, 1, dims, &scales, &err), NW_OK);
    nw_graph_set_constant(graph, value(graph, "scales"), scales);
    nw_tensor_unref(scales);
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    const nw_value *constant = &graph->values[nw_graph_find(graph, "scales")];
    assert_true(constant->has_shape);
    assert_int_equal(constant->shape.dims[0], 4);
    nw_graph_free(graph);
}

static void attributes_by_kind(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "y");
    nw_node *conv = node(graph, "Conv", "c", "x", "y");
    nw_error err;
    nw_attr *attr;
    assert_int_equal(nw_node_add_attr(conv, "group", NW_ATTR_INT, &attr, &err), NW_OK);
    attr->i = 4;
    assert_int_equal(nw_node_add_attr(conv, "pads", NW_ATTR_INTS, &attr, &err), NW_OK);
    attr->ints = nw_calloc(2, sizeof(int64_t));
    attr->count = 2;
    attr->ints[1] = 3;
    assert_int_equal(nw_node_add_attr(conv, "auto_pad", NW_ATTR_STRING, &attr, &err), NW_OK);
    attr->s = nw_strdup("VALID");
    assert_int_equal(nw_node_add_attr(conv, "alpha", NW_ATTR_FLOAT, &attr, &err), NW_OK);
    attr->f = 0.25F;
    assert_int_equal(nw_node_add_attr(conv, "names", NW_ATTR_STRINGS, &attr, &err), NW_OK);
    attr->strings = nw_calloc(1, sizeof(char *));
    attr->strings[0] = nw_strdup("a");
    attr->count = 1;
    assert_int_equal(nw_node_add_attr(conv, "alpha", NW_ATTR_FLOAT, &attr, &err), NW_BAD_MODEL);

    nw_graph *copy;
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    assert_int_equal(nw_graph_clone(graph, &copy, &err), NW_OK);
    nw_graph_free(graph);
    const nw_node *n = &copy->nodes[0];
    size_t count;
    assert_int_equal(nw_node_int(n, "group", 1), 4);
    assert_int_equal(nw_node_int(n, "absent", 7), 7);
    assert_int_equal(nw_node_int(n, "alpha", 7), 7); /* another kind */
    assert_true(nw_node_float(n, "alpha", 0) == 0.25F);
    assert_string_equal(nw_node_string(n, "auto_pad", "NOTSET"), "VALID");
    assert_int_equal(nw_node_ints(n, "pads", &count)[1], 3);
    assert_int_equal(count, 2);
    assert_null(nw_node_ints(n, "strides", &count));
    assert_int_equal(count, 0);
    assert_string_equal(nw_node_attr(n, "names")->strings[0], "a");
    nw_graph_free(copy);
}

static void a_clone_shares_constants_only(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("x", "y"), *copy;
    node(graph, "Add", "n", "x w", "y");
    nw_tensor *w;
    nw_error err;
    assert_int_equal(nw_tensor_new(NW_F32, 0, NULL, &w, &err), NW_OK);
    nw_graph_set_constant(graph, value(graph, "w"), w);
    nw_tensor_unref(w);
    nw_value *x = &graph->values[nw_graph_find(graph, "x")];
    x->has_shape = true;
    x->shape = (nw_shape){.rank = 2, .dims = {NW_DIM_DYNAMIC, 3}};
    x->symbols[0] = nw_strdup("batch");
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    assert_int_equal(nw_graph_clone(graph, &copy, &err), NW_OK);
    assert_ptr_equal(copy->values[nw_graph_find(copy, "w")].data, w);
    assert_ptr_not_equal(copy->nodes[0].inputs, graph->nodes[0].inputs);
    nw_graph_free(graph);
    x = &copy->values[copy->inputs[0]];
    assert_string_equal(x->symbols[0], "batch");
    assert_int_equal(x->shape.dims[0], NW_DIM_DYNAMIC);
    assert_int_equal(copy->values[copy->outputs[0]].producer, 0);
    assert_int_equal(nw_graph_finish(copy, &err), NW_OK);
    nw_graph_free(copy);
}

static void suggests_near_names(void **state)
{
    (void)state;
    nw_graph *graph = graph_with("input", "logits");
    node(graph, "Conv", "conv1", "input", "/conv1/Conv_output_0");
    node(graph, "Relu", "relu1", "/conv1/Conv_output_0", "/layer2/layer2.0/Relu_output_0");
    node(graph, "Relu", "relu2", "/layer2/layer2.0/Relu_output_0", "/layer2/layer2.1/Relu_output_0");
    node(graph, "Gemm", "fc", "/layer2/layer2.1/Relu_output_0", "logits");
    nw_error err;
    assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
    char text[NW_SUGGEST_TEXT];
    assert_string_equal(nw_graph_suggest(graph, "logist", text, sizeof text), "'logits'");
    assert_string_equal(nw_graph_suggest(graph, "LOGITS", text, sizeof text), "'logits'");
    assert_string_equal(nw_graph_suggest(graph, "layer2", text, sizeof text),
                        "'/layer2/layer2.1/Relu_output_0' or '/layer2/layer2.0/Relu_output_0'");
    assert_string_equal(nw_graph_suggest(graph, "relu1", text, sizeof text),
                        "'/layer2/layer2.0/Relu_output_0' or '/layer2/layer2.1/Relu_output_0'");
    assert_string_equal(nw_graph_suggest(graph, "unrelated name", text, sizeof text), "");
    assert_string_equal(nw_graph_suggest(graph, "", text, sizeof text), "");
    assert_string_equal(nw_graph_suggest(graph, "layer2", text, 40), "'/layer2/layer2.1/Relu_output_0'");
    nw_graph_free(graph);
}

static void long_names_stay_in_their_buffers(void **state)
{
    (void)state;
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    nw_graph *graph = graph_with("x", name);
    node(graph, name, name, "x", name);
    char text[NW_NODE_TEXT], near[NW_SUGGEST_TEXT];
    assert_true(strlen(nw_node_text(graph, &graph->nodes[0], text)) < sizeof text);
    assert_int_equal(text[strlen(text) - 1], ')');
    assert_string_equal(nw_graph_suggest(graph, name, near, sizeof near), "");
    nw_error err;
    assert_int_equal(nw_node_fail(&err, NW_UNSUPPORTED, graph, &graph->nodes[0], "rank %d", 9),
                     NW_UNSUPPORTED);
    assert_non_null(strstr(err.message, "rank 9"));
    nw_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_what_is_out_of_order),
        cmocka_unit_test(keeps_an_order_that_is_right),
        cmocka_unit_test(sorts_deep_graphs_without_recursion),
        cmocka_unit_test(names_the_node_that_is_wrong),
        cmocka_unit_test(omitted_inputs_and_constants_are_fine),
        cmocka_unit_test(attributes_by_kind),
        cmocka_unit_test(a_clone_shares_constants_only),
        cmocka_unit_test(suggests_near_names),
        cmocka_unit_test(long_names_stay_in_their_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
