#include "ops/specialise.h"

#include "base/memory.h"
#include "ops/fold.h"

#include <string.h>

static bool is_input(const nw_graph *graph, int value)
{
    for (size_t i = 0; i < graph->input_count; i++)
        if (graph->inputs[i] == value) return true;
    return false;
}

nw_status nw_graph_live(const nw_graph *graph, bool *live, nw_error *err)
{
    /* 1: needed; 2: an input of the graph, whose producer is not */
    unsigned char *marks = nw_calloc(graph->value_count, 1);
    if (!marks) return nw_no_memory(err, graph->value_count, "the live nodes");
    for (size_t i = 0; i < graph->output_count; i++) marks[graph->outputs[i]] |= 1;
    for (size_t i = 0; i < graph->input_count; i++) marks[graph->inputs[i]] |= 2;
    for (size_t n = graph->node_count; n-- > 0;) {
        const nw_node *node = &graph->nodes[n];
        live[n] = false;
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] >= 0 && marks[node->outputs[i]] == 1 &&
                !graph->values[node->outputs[i]].data)
                live[n] = true;
        for (int i = 0; live[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0) marks[node->inputs[i]] |= 1;
    }
    nw_free(marks);
    return NW_OK;
}

/* Puts the node's text in front of what err says. */
static nw_status within(const nw_graph *graph, const nw_node *node, nw_status status, nw_error *err)
{
    char text[NW_NODE_TEXT];
    return nw_fail_within(err, status, "%s", nw_node_text(graph, node, text));
}

static nw_status check_operator(const nw_graph *graph, const nw_node *node, nw_error *err)
{
    if (!node->op)
        return nw_node_fail(err, NW_UNSUPPORTED, graph, node,
                            "this operator is not supported (see `narrows ops`)");
    if (node->opset < node->op->since)
        return nw_node_fail(err, NW_UNSUPPORTED, graph, node,
                            "version %d of the operator set; the operator is supported from version %d on",
                            node->opset, node->op->since);
    return NW_OK;
}

static nw_status check_inputs(const nw_graph *graph, const nw_node *node, nw_error *err)
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] < 0) continue;
        const nw_value *value = &graph->values[node->inputs[i]];
        int64_t count;
        bool known = value->has_shape && nw_shape_count(&value->shape, &count);
        if (!known && value->producer >= 0 && !is_input(graph, node->inputs[i]))
            return nw_node_fail(err, NW_BAD_MODEL, graph, node, "input %d '%s' has no shape", i, value->name);
        if (!known)
            return nw_node_fail(err, NW_BAD_INPUT, graph, node,
                                "input %d '%s' needs a size for each of its dimensions", i, value->name);
        if (i < 32 && node->op->constant_inputs >> i & 1 && !value->data)
            return nw_node_fail(
                err, NW_UNSUPPORTED, graph, node,
                "input %d '%s' depends on the data; its value must be known when the program is "
                "compiled",
                i, value->name);
    }
    return NW_OK;
}

/* What the caller or an earlier pass has fixed must survive inference, and agree with it. */
typedef struct fixed {
    nw_value saved;
    bool is_fixed;
} fixed;

static nw_status infer_node(nw_graph *graph, nw_node *node, nw_error *err)
{
    nw_infer cx = {graph, node, err};
    fixed *outputs = nw_calloc((size_t)node->output_count, sizeof *outputs);
    if (!outputs) return nw_no_memory(err, sizeof *outputs, "inference");
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        nw_value *value = &graph->values[node->outputs[i]];
        outputs[i].is_fixed = value->data || is_input(graph, node->outputs[i]);
        outputs[i].saved = *value;
        if (outputs[i].is_fixed) value->data = NULL;
        value->has_shape = false;
    }
    nw_status status = node->op->infer(&cx);
    if (status != NW_OK) within(graph, node, status, err);
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        nw_value *value = &graph->values[node->outputs[i]];
        if (status == NW_OK && !value->has_shape)
            status =
                nw_node_fail(err, NW_BAD_MODEL, graph, node, "output %d '%s' gets no shape", i, value->name);
        if (status == NW_OK && outputs[i].is_fixed &&
            !nw_shape_equal(&value->shape, &outputs[i].saved.shape)) {
            char given[NW_SHAPE_TEXT], inferred[NW_SHAPE_TEXT];
            status = nw_node_fail(err, NW_BAD_INPUT, graph, node, "'%s' was given the shape %s but has %s",
                                  value->name, nw_shape_text(&outputs[i].saved.shape, given, sizeof given),
                                  nw_shape_text(&value->shape, inferred, sizeof inferred));
        }
        if (!outputs[i].is_fixed) continue;
        nw_tensor_unref(value->data);
        *value = outputs[i].saved;
    }
    nw_free(outputs);
    return status;
}

static nw_status fold_if_ready(nw_graph *graph, const nw_node *node, size_t *budget, nw_error *err)
{
    if (!nw_fold_ready(graph, node)) return NW_OK;
    nw_status status = nw_fold_node(graph, node, budget, err);
    return status == NW_OK ? NW_OK : within(graph, node, status, err);
}

nw_status nw_graph_specialise(nw_graph *graph, nw_error *err)
{
    size_t budget = NW_FOLD_LIMIT;
    bool *live = nw_calloc(graph->node_count, sizeof *live);
    if (!live) return nw_no_memory(err, graph->node_count, "the live nodes");
    nw_status status = nw_graph_live(graph, live, err);
    for (size_t n = 0; status == NW_OK && n < graph->node_count; n++) {
        nw_node *node = &graph->nodes[n];
        if (!live[n]) continue;
        status = check_operator(graph, node, err);
        if (status == NW_OK) status = check_inputs(graph, node, err);
        if (status == NW_OK) status = infer_node(graph, node, err);
        if (status == NW_OK) status = fold_if_ready(graph, node, &budget, err);
    }
    nw_free(live);
    return status;
}

nw_status nw_graph_fold(nw_graph *graph, nw_error *err)
{
    size_t budget = NW_FOLD_LIMIT;
    for (size_t n = 0; n < graph->node_count; n++) {
        nw_node *node = &graph->nodes[n];
        if (!node->op || node->opset < node->op->since || !nw_fold_ready(graph, node)) continue;
        /* What is wrong with a node is said when a program needs it. */
        nw_error ignored;
        nw_status status = infer_node(graph, node, &ignored);
        if (status == NW_NO_MEMORY) return nw_no_memory(err, 0, "constant folding");
        if (status == NW_OK) NW_TRY(fold_if_ready(graph, node, &budget, err));
    }
    return NW_OK;
}
