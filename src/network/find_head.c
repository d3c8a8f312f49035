#include "network/find_head.h"

#include "network/learn.h"

#include <string.h>

static bool one_of(const nw_node *node, const char *const *types)
{
    for (; *types; types++)
        if (strcmp(node->op_type, *types) == 0) return node->input_count > 0 && node->inputs[0] >= 0;
    return false;
}

/* After which the numbers are the same in another shape, or an activation that a new head does without. */
static const char *const passed[] = {"Identity", "Dropout", "Reshape",    "Flatten", "Squeeze", "Unsqueeze",
                                     "Cast",     "Softmax", "LogSoftmax", "Sigmoid", NULL};
/* Only between a convolution and the output. */
static const char *const after_conv[] = {"GlobalAveragePool", "ReduceMean", "AveragePool", "Relu", NULL};

static const nw_value *initializer(const nw_graph *graph, const nw_node *node, int input)
{
    int value = input < node->input_count ? node->inputs[input] : -1;
    return nw_is_initializer(graph, value) ? &graph->values[value] : NULL;
}

static const nw_node *producer(const nw_graph *graph, int value)
{
    int n = value < 0 ? -1 : graph->values[value].producer;
    return n < 0 ? NULL : &graph->nodes[n];
}

static bool is(const nw_node *node, const char *type)
{
    return node && strcmp(node->op_type, type) == 0 && node->input_count >= 2;
}

/* A Gemm or MatMul by an initializer; MatMul reads its first input. */
static bool is_matrix(const nw_graph *graph, const nw_node *node, nw_last_layer *out)
{
    bool gemm = is(node, "Gemm");
    if (!gemm && !is(node, "MatMul")) return false;
    const nw_value *w = initializer(graph, node, 1);
    if (!w || w->shape.rank != 2 || node->inputs[0] < 0 || graph->values[node->inputs[0]].data ||
        (gemm && nw_node_int(node, "transA", 0)))
        return false;
    bool transposed = gemm && nw_node_int(node, "transB", 0);
    out->features = node->inputs[0];
    out->inputs = w->shape.dims[transposed ? 1 : 0];
    out->weight = node->inputs[1];
    out->bias = gemm && initializer(graph, node, 2) ? node->inputs[2] : -1;
    out->node = (int)(node - graph->nodes);
    return true;
}

/* MatMul, then a bias. */
static bool is_biased(const nw_graph *graph, const nw_node *node, nw_last_layer *out)
{
    if (!is(node, "Add")) return false;
    for (int i = 0; i < 2; i++)
        if (initializer(graph, node, i) && is_matrix(graph, producer(graph, node->inputs[1 - i]), out) &&
            out->bias < 0) {
            out->bias = node->inputs[i];
            return true;
        }
    return false;
}

static bool is_pointwise(const nw_graph *graph, const nw_node *node, nw_last_layer *out)
{
    if (!is(node, "Conv") || nw_node_int(node, "group", 1) != 1 || node->inputs[0] < 0) return false;
    const nw_value *w = initializer(graph, node, 1);
    if (!w || w->shape.rank < 3) return false;
    for (int i = 2; i < w->shape.rank; i++)
        if (w->shape.dims[i] != 1) return false;
    *out = (nw_last_layer){.conv = true,
                           .features = node->inputs[0],
                           .inputs = w->shape.dims[1],
                           .weight = node->inputs[1],
                           .bias = initializer(graph, node, 2) ? node->inputs[2] : -1,
                           .axes = w->shape.rank - 2,
                           .node = (int)(node - graph->nodes)};
    return true;
}

nw_status nw_find_last_layer(const nw_graph *graph, nw_last_layer *out, nw_error *err)
{
    int value = graph->outputs[0];
    const nw_node *odd = NULL; /* something that only a convolution may have behind it */
    for (;;) {
        const nw_node *node = producer(graph, value);
        if (!node)
            return nw_fail(
                err, NW_UNSUPPORTED,
                "%s: there is no layer with weights before output '%s', so none that could be replaced",
                graph->name, graph->values[graph->outputs[0]].name);
        nw_last_layer found = {0};
        if (is_pointwise(graph, node, &found) ||
            (!odd && (is_matrix(graph, node, &found) || is_biased(graph, node, &found)))) {
            *out = found;
            return NW_OK;
        }
        bool behind = one_of(node, after_conv);
        if (behind && !odd) odd = node;
        if (!behind && !one_of(node, passed))
            return nw_node_fail(
                err, NW_UNSUPPORTED, graph, odd ? odd : node,
                "the graph ends here; a new head can take the place of a Gemm, of a MatMul (with "
                "an Add), or of a 1x1 Conv before the mean over all positions");
        value = node->inputs[0];
    }
}
