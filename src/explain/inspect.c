#include "base/memory.h"
#include "explain/anatomy.h"
#include "ops/op.h"

#include <string.h>

/* Multiply-adds of the operators that matter; 0 for the others. */
static int64_t multiply_adds(const nw_graph *graph, const nw_node *node)
{
    const char *type = node->op_type;
    if (node->input_count < 2 || node->inputs[0] < 0 || node->inputs[1] < 0 || node->outputs[0] < 0) return 0;
    const nw_shape *src = nw_in_shape(graph, node, 0), *other = nw_in_shape(graph, node, 1);
    const nw_shape *dst = nw_out_shape(graph, node, 0);
    if (strcmp(type, "Conv") == 0 && other->rank > 1 && other->dims[0] > 0)
        return nw_count(dst) * (nw_count(other) / other->dims[0]);
    if (strcmp(type, "ConvTranspose") == 0 && other->rank > 1 && other->dims[0] > 0)
        return nw_count(src) * (nw_count(other) / other->dims[0]);
    if (strcmp(type, "Gemm") == 0 && src->rank == 2)
        return nw_count(dst) * src->dims[nw_node_int(node, "transA", 0) ? 0 : 1];
    if (strcmp(type, "MatMul") == 0 && src->rank > 0) return nw_count(dst) * src->dims[src->rank - 1];
    return 0;
}

static int64_t parameters(const nw_graph *graph, const nw_node *node, bool *counted)
{
    int64_t sum = 0;
    for (int i = 0; i < node->input_count; i++) {
        int v = node->inputs[i];
        if (v < 0 || counted[v] || !graph->values[v].data) continue;
        if (graph->values[v].dtype != NW_F32 && graph->values[v].dtype != NW_F64) continue;
        counted[v] = true;
        sum += graph->values[v].data->count;
    }
    return sum;
}

static nw_value_info value_info(const nw_graph *graph, int value)
{
    const nw_value *v = &graph->values[value];
    return (nw_value_info){v->name, v->has_shape ? v->shape : (nw_shape){.rank = -1}};
}

static nw_status fill(nw_inspection *in, nw_model *model, nw_anatomy *a, nw_error *err)
{
    const nw_graph *graph = a->graph;
    in->inputs = nw_calloc(graph->input_count, sizeof *in->inputs);
    in->outputs = nw_calloc(model->graph->output_count, sizeof *in->outputs);
    in->layers = nw_calloc(graph->node_count, sizeof *in->layers);
    bool *counted = nw_calloc(graph->value_count, sizeof *counted);
    if (!in->inputs || !in->outputs || !in->layers || !counted) {
        nw_free(counted);
        return nw_no_memory(err, graph->node_count * sizeof *in->layers, "an inspection");
    }
    for (size_t i = 0; i < graph->input_count; i++) in->inputs[i] = value_info(graph, graph->inputs[i]);
    in->input_count = graph->input_count;
    in->output_count = model->graph->output_count;
    for (size_t i = 0; i < in->output_count; i++) {
        int v = nw_graph_find(graph, model->graph->values[model->graph->outputs[i]].name);
        in->outputs[i] = value_info(graph, v);
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        if (!a->live[n]) continue;
        nw_value_info value =
            node->outputs[0] < 0 ? (nw_value_info){"", {.rank = -1}} : value_info(graph, node->outputs[0]);
        nw_layer_info layer = {node->name,
                               node->op_type,
                               value.name,
                               value.shape,
                               parameters(graph, node, counted),
                               multiply_adds(graph, node)};
        in->parameters += layer.parameters;
        in->multiply_adds += layer.multiply_adds;
        in->layers[in->layer_count++] = layer;
    }
    nw_free(counted);
    return NW_OK;
}

nw_status nw_inspect(nw_model *model, const nw_dimension *dimensions, size_t dimension_count,
                     nw_inspection **out, nw_error *err)
{
    nw_inspection *in = nw_calloc(1, sizeof *in);
    if (!in) return nw_no_memory(err, sizeof *in, "an inspection");
    nw_anatomy a = {0};
    nw_status status = nw_anatomy_new(model, NULL, dimensions, dimension_count, &a, err);
    if (status == NW_OK) status = fill(in, model, &a, err);
    if (status != NW_OK) {
        nw_anatomy_clear(&a);
        nw_inspection_free(in);
        return status;
    }
    /* The graph and the list move over; the rest of the anatomy goes. */
    in->head = a.head;
    in->bottlenecks = a.bottlenecks;
    in->bottleneck_count = a.bottleneck_count;
    in->graph = a.graph;
    in->model = nw_model_ref(model);
    nw_free(a.live);
    *out = in;
    return NW_OK;
}

void nw_inspection_free(nw_inspection *in)
{
    if (!in) return;
    nw_free(in->inputs);
    nw_free(in->outputs);
    nw_free(in->layers);
    nw_free(in->bottlenecks);
    nw_graph_free(in->graph);
    nw_model_unref(in->model);
    nw_free(in);
}
