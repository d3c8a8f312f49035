/* Specialising: what is inferred, folded, cut away and refused. */
#include "support/net.h"

#include "ops/evaluate.h"
#include "ops/specialise.h"

static const double two_by_two[] = {1, 2, 3, 4}, ones[] = {1, 1, 1, 1};

static const nw_value *value_of(const nw_graph *graph, const char *name)
{
    int index = nw_graph_find(graph, name);
    assert_true(index >= 0);
    return &graph->values[index];
}

static void specialise_or_fail(nw_graph *graph)
{
    nw_error err = {0};
    if (nw_graph_specialise(graph, &err) != NW_OK) fail_msg("%s", err.message);
}

static void refused(nw_graph *graph, nw_status status, const char *words)
{
    nw_error err = {0};
    nw_status got = nw_graph_specialise(graph, &err);
    if (got != status || !strstr(err.message, words))
        fail_msg("status %d: '%s' lacks '%s'", got, err.message, words);
    nw_graph_free(graph);
}

static size_t live_count(const nw_graph *graph)
{
    bool live[16];
    size_t count = 0;
    assert_true(graph->node_count <= 16);
    assert_int_equal(nw_graph_live(graph, live, NULL), NW_OK);
    for (size_t i = 0; i < graph->node_count; i++) count += live[i];
    return count;
}

/* w w' is worked out once, x (w w') is left. */
static void constants_fold(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "3x2");
    net_constant(graph, "w", "2x2", two_by_two);
    net_node(graph, "Gemm", "w w", "ww", "transB=1");
    net_node(graph, "MatMul", "x ww", "y", "");
    net_finish(graph, "y");
    specialise_or_fail(graph);
    const double want[] = {5, 11, 11, 25};
    for (int i = 0; i < 4; i++) assert_true(nw_tensor_get(value_of(graph, "ww")->data, i) == want[i]);
    assert_int_equal(nw_tensor_dtype(value_of(graph, "ww")->data), NW_F32);
    assert_null(value_of(graph, "y")->data);
    assert_int_equal(value_of(graph, "y")->shape.dims[0], 3);
    assert_int_equal(live_count(graph), 1);
    nw_graph_free(graph);
}

/* Before the inputs have shapes: what depends on constants alone, and only that. */
static void loading_folds_constants_alone(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", NULL);
    net_constant(graph, "w", "2x2", two_by_two);
    net_node(graph, "MatMul", "w w", "ww", "");
    net_node(graph, "MatMul", "x ww", "y", "");
    net_node(graph, "Nonsense", "w", "z", "");
    net_finish(graph, "y");
    assert_int_equal(nw_graph_fold(graph, NULL), NW_OK);
    assert_true(nw_tensor_get(value_of(graph, "ww")->data, 3) == 22);
    assert_null(value_of(graph, "y")->data);
    assert_null(value_of(graph, "z")->data);
    nw_graph_free(graph);
}

/* The usual flattening of exporters: all of it but the Reshape is known with the shape of x. */
static void shapes_fold(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "2x3x4");
    net_ints(graph, "zero", "=0");
    net_ints(graph, "axes", "{0}");
    net_ints(graph, "rest", "{-1}");
    net_node(graph, "Shape", "x", "shape", "");
    net_node(graph, "Gather", "shape zero", "batch", "");
    net_node(graph, "Unsqueeze", "batch axes", "first", "");
    net_node(graph, "Concat", "first rest", "target", "axis=0");
    net_node(graph, "Reshape", "x target", "y", "");
    net_finish(graph, "y");
    specialise_or_fail(graph);
    const nw_value *target = value_of(graph, "target"), *y = value_of(graph, "y");
    assert_int_equal(nw_tensor_get_i64(target->data, 0), 2);
    assert_int_equal(nw_tensor_get_i64(target->data, 1), -1);
    assert_int_equal(y->shape.rank, 2);
    assert_int_equal(y->shape.dims[1], 12);
    assert_int_equal(live_count(graph), 1);
    nw_graph_free(graph);
}

/* Integers that a double cannot hold pass through operators that move them. */
static void integers_stay_exact(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_ints(graph, "a", "{9223372036854775807,-9223372036854775807,9007199254740993}");
    net_ints(graph, "b", "{9223372036854775805}");
    net_ints(graph, "one", "{1}");
    net_ints(graph, "end", "{9223372036854775807}");
    net_node(graph, "Concat", "a b", "c", "axis=0");
    net_node(graph, "Slice", "c one end", "d", "");
    net_node(graph, "Identity", "d", "e", "");
    net_finish(graph, "e");
    specialise_or_fail(graph);
    const nw_tensor *e = value_of(graph, "e")->data;
    assert_int_equal(nw_tensor_count(e), 3);
    assert_true(nw_tensor_get_i64(e, 0) == -INT64_MAX);
    assert_true(nw_tensor_get_i64(e, 1) == 9007199254740993);
    assert_true(nw_tensor_get_i64(e, 2) == INT64_MAX - 2);
    assert_int_equal(live_count(graph), 0);
    nw_graph_free(graph);
}

/* What a program leaves out is not looked at: dynamic shapes and unknown operators before the cut do no harm.
 */
static void cut_graphs(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", NULL);
    net_constant(graph, "w", "2x2", two_by_two);
    net_node(graph, "Nonsense", "x", "h", "");
    net_node(graph, "MatMul", "h w", "y", "");
    net_node(graph, "Nonsense", "y", "after", "");
    net_finish(graph, "y");
    graph->input_count = 0;
    net_input(graph, "h", "3x2");
    specialise_or_fail(graph);
    assert_int_equal(live_count(graph), 1);
    assert_int_equal(value_of(graph, "y")->shape.dims[0], 3);
    nw_graph_free(graph);
}

/* An input of the program that a live node produces as well is the caller's, not the node's. */
static void cut_beside_a_live_output(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "1x4");
    net_constant(graph, "w", "2x2", two_by_two);
    net_node(graph, "Split", "x", "left right", "axis=1");
    net_node(graph, "MatMul", "left w", "l", "");
    net_node(graph, "MatMul", "right w", "r", "");
    net_finish(graph, "l r");
    net_input(graph, "left", "1x2");
    specialise_or_fail(graph);
    assert_int_equal(live_count(graph), 3);
    nw_evaluation *e;
    const double x[] = {1, 2, 3, 4}, left[] = {10, 0};
    assert_int_equal(nw_graph_evaluate(graph, (const double *const[]){x, left}, &e, NULL), NW_OK);
    assert_true(nw_evaluation_value(e, "l", NULL)[1] == 20);
    assert_true(nw_evaluation_value(e, "r", NULL)[1] == 22);
    nw_evaluation_diff_output(e, "l")[0] = 1;
    nw_evaluation_diff_output(e, "r")[1] = 1;
    nw_evaluation_backward(e);
    assert_true(nw_evaluation_diff(e, "left")[1] == 3);
    assert_true(nw_evaluation_diff(e, "x")[1] == 0);
    assert_true(nw_evaluation_diff(e, "x")[3] == 4);
    nw_evaluation_free(e);
    nw_graph_free(graph);
    /* Two shapes for the same tensor do not fit together. */
    graph = net_new();
    net_input(graph, "x", "1x4");
    net_node(graph, "Split", "x", "left right", "axis=1");
    net_finish(graph, "left right");
    net_input(graph, "left", "1x3");
    refused(graph, NW_BAD_INPUT, "'left' was given the shape [1, 3] but has [1, 2]");
}

static void pinned_inputs(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "2x2");
    net_input(graph, "s", "2x2");
    net_node(graph, "MatMul", "s s", "ss", "");
    net_node(graph, "MatMul", "x ss", "y", "");
    net_finish(graph, "y");
    net_constant(graph, "s", "2x2", ones);
    specialise_or_fail(graph);
    assert_true(nw_tensor_get(value_of(graph, "ss")->data, 0) == 2);
    assert_int_equal(live_count(graph), 1);
    nw_graph_free(graph);
}

static void refusals(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", NULL);
    net_node(graph, "Softmax", "x", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_BAD_INPUT, "'x' needs a size");

    graph = net_new();
    net_input(graph, "x", "2x2");
    net_node(graph, "Nonsense", "x", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_UNSUPPORTED, "(Nonsense): this operator is not supported");

    graph = net_new();
    net_input(graph, "x", "2x2");
    net_node(graph, "LayerNormalization", "x x", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_UNSUPPORTED, "from version 17 on");

    graph = net_new();
    net_input(graph, "x", "2x2");
    net_input(graph, "mode", "()");
    net_node(graph, "Dropout", "x - mode", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_UNSUPPORTED, "(Dropout): input 2 'mode' depends on the data");

    /* Arithmetic on integers that a double cannot hold would be wrong by a little. */
    graph = net_new();
    net_ints(graph, "a", "{9007199254740993}");
    net_node(graph, "Add", "a a", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_UNSUPPORTED, "(Add): input 0 'a' holds the integer 9007199254740993");

    graph = net_new();
    net_input(graph, "x", "2x3");
    net_node(graph, "MatMul", "x x", "y", "");
    net_finish(graph, "y");
    refused(graph, NW_BAD_MODEL, "(MatMul): shapes [2, 3]");
}

/* A product of constants beyond the limit stays a node; nothing is allocated for it. */
static void too_large_to_fold(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    double *w = nw_calloc(20000, sizeof *w);
    assert_non_null(w);
    net_constant(graph, "column", "20000x1", w);
    net_constant(graph, "row", "1x20000", w);
    net_node(graph, "MatMul", "column row", "y", "");
    net_finish(graph, "y");
    nw_free(w);
    specialise_or_fail(graph);
    assert_null(value_of(graph, "y")->data);
    assert_int_equal(live_count(graph), 1);
    nw_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_fold),    cmocka_unit_test(loading_folds_constants_alone),
        cmocka_unit_test(shapes_fold),       cmocka_unit_test(integers_stay_exact),
        cmocka_unit_test(cut_graphs),        cmocka_unit_test(cut_beside_a_live_output),
        cmocka_unit_test(pinned_inputs),     cmocka_unit_test(refusals),
        cmocka_unit_test(too_large_to_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
