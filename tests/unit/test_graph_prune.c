/* Pruning: what the outputs need stays, under the same names; everything else goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/net.h"

static void what_nobody_needs_goes(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "1x2x4x4");
    net_input(graph, "unread", "1");
    net_constant(graph, "used", "2", (double[]){1, 2});
    net_constant(graph, "unused", "2", (double[]){3, 4});
    net_node(graph, "Relu", "x", "a", "");
    net_node(graph, "Relu", "a", "dead", "");
    net_node(graph, "Neg", "dead", "dead2", "");
    /* One of two outputs is needed: the other stays with its node. */
    net_node(graph, "Split", "a", "left right", "axis=1");
    net_node(graph, "Mul", "left left", "y", "");
    net_node(graph, "Add", "used used", "folded", "");
    net_node(graph, "Add", "y folded", "z", "");
    net_finish(graph, "z");
    /* A constant does not need its producer. */
    nw_tensor *sum;
    assert_int_equal(nw_tensor_new(NW_F32, 1, (int64_t[]){1}, &sum, NULL), NW_OK);
    nw_graph_set_constant(graph, nw_graph_find(graph, "folded"), sum);
    nw_tensor_unref(sum);

    assert_int_equal(nw_graph_prune(graph, NULL), NW_OK);
    static const char *const kept[] = {"x", "unread", "a", "left", "right", "y", "folded", "z"};
    static const char *const types[] = {"Relu", "Split", "Mul", "Add"};
    assert_int_equal(graph->value_count, 8);
    assert_int_equal(graph->node_count, 4);
    for (size_t i = 0; i < 8; i++) {
        int value = nw_graph_find(graph, kept[i]);
        assert_true(value >= 0);
        assert_string_equal(graph->values[value].name, kept[i]);
    }
    for (size_t i = 0; i < 4; i++) assert_string_equal(graph->nodes[i].op_type, types[i]);
    assert_int_equal(nw_graph_find(graph, "unused"), -1);
    assert_int_equal(nw_graph_find(graph, "dead"), -1);
    const nw_node *last = &graph->nodes[3];
    assert_string_equal(graph->values[last->inputs[0]].name, "y");
    assert_string_equal(graph->values[last->inputs[1]].name, "folded");
    assert_int_equal(graph->values[last->inputs[1]].producer, -1);
    assert_int_equal(graph->values[graph->outputs[0]].producer, 3);
    assert_string_equal(graph->values[graph->inputs[1]].name, "unread");

    /* Nothing is left to go; and the graph can grow again. */
    assert_int_equal(nw_graph_prune(graph, NULL), NW_OK);
    assert_int_equal(graph->value_count, 8);
    net_node(graph, "Relu", "z", "more", "");
    assert_int_equal(nw_graph_find(graph, "more"), 8);
    nw_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_nobody_needs_goes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
