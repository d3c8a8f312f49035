/* GraphProto to graph. */
#include "base/memory.h"
#include "onnx/onnx_internal.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

typedef struct build {
    const Onnx__ModelProto *source;
    nw_onnx_external *external;
    nw_graph *graph;
    nw_error *err;
} build;

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* "ai.onnx" is the long name of "". */
static const char *short_domain(const char *domain)
{
    return domain && strcmp(domain, "ai.onnx") != 0 ? domain : "";
}

static nw_status check_opsets(const build *b)
{
    for (size_t i = 0; i < b->source->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = b->source->opset_import[i];
        if (set->version < 0 || set->version > INT_MAX)
            return nw_fail(b->err, NW_BAD_MODEL,
                           "%s: version %" PRId64 " of operator set '%.80s' is impossible", b->graph->name,
                           set->version, text_or_empty(set->domain));
    }
    return NW_OK;
}

/* Models of the first two format versions import nothing and mean version 1. */
static int opset_of(const Onnx__ModelProto *source, const char *domain)
{
    for (size_t i = 0; i < source->n_opset_import; i++)
        if (strcmp(short_domain(source->opset_import[i]->domain), domain) == 0)
            return (int)source->opset_import[i]->version;
    return !domain[0] && !source->n_opset_import && source->ir_version < 3 ? 1 : 0;
}

static nw_status add_initializers(build *b)
{
    const Onnx__GraphProto *g = b->source->graph;
    for (size_t i = 0; i < g->n_initializer; i++) {
        Onnx__TensorProto *t = g->initializer[i];
        if (!t->name || !t->name[0])
            return nw_fail(b->err, NW_BAD_MODEL, "%s: initializer %zu has no name", b->graph->name, i);
        int value;
        NW_TRY(nw_graph_value(b->graph, t->name, &value, b->err));
        if (b->graph->values[value].data)
            return nw_fail(b->err, NW_BAD_MODEL, "%s: initializer '%s' is given twice", b->graph->name,
                           t->name);
        nw_tensor *data;
        nw_status status = nw_onnx_tensor(b->external, t, &data, b->err);
        if (status != NW_OK)
            return nw_fail_within(b->err, status, "%s: initializer '%.200s'", b->graph->name, t->name);
        nw_graph_set_constant(b->graph, value, data);
        nw_tensor_unref(data);
    }
    return NW_OK;
}

static nw_status read_type(nw_value *value, const Onnx__TypeProto *type, nw_error *err)
{
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) return NW_OK;
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return nw_fail(err, NW_UNSUPPORTED, "is a sequence, map or other thing that is not a dense tensor");
    const Onnx__TypeProto__Tensor *tensor = type->tensor_type;
    NW_TRY(nw_onnx_dtype(tensor->elem_type, &value->dtype, err));
    const Onnx__TensorShapeProto *shape = tensor->shape;
    if (!shape) return NW_OK;
    if (shape->n_dim > NW_MAX_RANK)
        return nw_fail(err, NW_UNSUPPORTED, "has %zu dimensions; at most %d are supported", shape->n_dim,
                       NW_MAX_RANK);
    value->has_shape = true;
    value->shape = (nw_shape){.rank = (int)shape->n_dim};
    for (size_t d = 0; d < shape->n_dim; d++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
        bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        /* Some exporters write 0 or -1 for a dimension that is not fixed. */
        value->shape.dims[d] = fixed && dim->dim_value > 0 ? dim->dim_value : NW_DIM_DYNAMIC;
        if (dim->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM || !dim->dim_param ||
            !dim->dim_param[0])
            continue;
        value->symbols[d] = nw_strdup(dim->dim_param);
        if (!value->symbols[d]) return nw_no_memory(err, strlen(dim->dim_param), "the name of a dimension");
    }
    return NW_OK;
}

static nw_status add_inputs(build *b)
{
    const Onnx__GraphProto *g = b->source->graph;
    for (size_t i = 0; i < g->n_input; i++) {
        const char *name = text_or_empty(g->input[i]->name);
        if (!name[0]) return nw_fail(b->err, NW_BAD_MODEL, "%s: input %zu has no name", b->graph->name, i);
        int value;
        NW_TRY(nw_graph_value(b->graph, name, &value, b->err));
        if (b->graph->values[value].data) continue; /* an initializer, listed as older files do */
        for (size_t k = 0; k < b->graph->input_count; k++)
            if (b->graph->inputs[k] == value)
                return nw_fail(b->err, NW_BAD_MODEL, "%s: input '%s' is listed twice", b->graph->name, name);
        if (b->graph->input_count >= 4096)
            return nw_fail(b->err, NW_UNSUPPORTED, "%s: the graph has more than 4096 inputs", b->graph->name);
        nw_status status = read_type(&b->graph->values[value], g->input[i]->type, b->err);
        if (status != NW_OK)
            return nw_fail_within(b->err, status, "%s: input '%.200s'", b->graph->name, name);
        NW_TRY(nw_graph_add_input(b->graph, value, b->err));
    }
    return NW_OK;
}

/* What the file says of an output, for the file that may be written of the model; where it says nothing that
 * can be used, inference will know better. */
static nw_status read_output(nw_value *value, const Onnx__TypeProto *type, nw_error *err)
{
    if (value->data || value->has_shape) return NW_OK;
    nw_value said = {.dtype = value->dtype};
    nw_status status = read_type(&said, type, NULL);
    if (status == NW_OK) {
        value->dtype = said.dtype;
        value->has_shape = said.has_shape;
        value->shape = said.shape;
    }
    for (int i = 0; i < NW_MAX_RANK; i++) {
        if (status == NW_OK && !value->symbols[i])
            value->symbols[i] = said.symbols[i];
        else
            nw_free(said.symbols[i]);
    }
    return status == NW_NO_MEMORY ? nw_no_memory(err, sizeof said, "the shape of an output") : NW_OK;
}

static nw_status add_outputs(build *b)
{
    const Onnx__GraphProto *g = b->source->graph;
    for (size_t i = 0; i < g->n_output; i++) {
        const char *name = text_or_empty(g->output[i]->name);
        int value = nw_graph_find(b->graph, name);
        if (!name[0]) return nw_fail(b->err, NW_BAD_MODEL, "%s: output %zu has no name", b->graph->name, i);
        if (value < 0)
            return nw_fail(b->err, NW_BAD_MODEL, "%s: output '%s' of the graph is made by no node",
                           b->graph->name, name);
        NW_TRY(read_output(&b->graph->values[value], g->output[i]->type, b->err));
        NW_TRY(nw_graph_add_output(b->graph, value, b->err));
    }
    return NW_OK;
}

static nw_status find_values(build *b, size_t count, char *const *names, int **out)
{
    if (count > INT_MAX)
        return nw_fail(b->err, NW_BAD_MODEL, "%s: a node with %zu inputs or outputs", b->graph->name, count);
    int *values = nw_calloc(count, sizeof *values);
    if (!values) return nw_no_memory(b->err, count * sizeof *values, "the inputs of a node");
    nw_status status = NW_OK;
    for (size_t i = 0; status == NW_OK && i < count; i++)
        status = nw_graph_value(b->graph, text_or_empty(names[i]), &values[i], b->err);
    if (status == NW_OK)
        *out = values;
    else
        nw_free(values);
    return status;
}

static nw_status fill_node(build *b, const Onnx__NodeProto *source, nw_node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && b->graph->values[node->outputs[i]].data)
            return nw_node_fail(
                b->err, NW_BAD_MODEL, b->graph, node,
                "its output '%s' is also an initializer; a tensor can come from one place only",
                b->graph->values[node->outputs[i]].name);
    for (size_t i = 0; i < source->n_attribute; i++) {
        nw_status status = nw_onnx_attr(b->external, node, source->attribute[i], b->err);
        if (status == NW_OK) continue;
        char place[NW_NODE_TEXT];
        return nw_fail_within(b->err, status, "%s: %s", b->graph->name, nw_node_text(b->graph, node, place));
    }
    return NW_OK;
}

static nw_status add_node(build *b, const Onnx__NodeProto *source, size_t index)
{
    if (!source->op_type || !source->op_type[0])
        return nw_fail(b->err, NW_BAD_MODEL, "%s: node %zu '%.200s' has no operator", b->graph->name, index,
                       text_or_empty(source->name));
    int *inputs = NULL, *outputs = NULL;
    nw_node *node;
    const char *domain = short_domain(source->domain);
    nw_status status = find_values(b, source->n_input, source->input, &inputs);
    if (status == NW_OK) status = find_values(b, source->n_output, source->output, &outputs);
    if (status == NW_OK)
        status =
            nw_graph_add_node(b->graph, source->op_type, domain, opset_of(b->source, domain), source->name,
                              (int)source->n_input, inputs, (int)source->n_output, outputs, &node, b->err);
    nw_free(inputs);
    nw_free(outputs);
    return status == NW_OK ? fill_node(b, source, node) : status;
}

static nw_status add_metadata(const build *b, nw_model *model)
{
    for (size_t i = 0; i < b->source->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *e = b->source->metadata_props[i];
        if (model->metadata_count >= 4096)
            return nw_fail(b->err, NW_BAD_MODEL, "%s: more than 4096 entries of metadata", b->graph->name);
        if (e->key && e->key[0])
            NW_TRY(nw_model_set_metadata(model, e->key, text_or_empty(e->value), b->err));
    }
    return NW_OK;
}

nw_status nw_onnx_build(Onnx__ModelProto *source, nw_onnx_external *external, nw_model *model, nw_error *err)
{
    const char *name = external->options->name;
    const Onnx__GraphProto *g = source->graph;
    if (!g) return nw_fail(err, NW_BAD_MODEL, "%s: holds no graph, so it is not an ONNX model", name);
    if (g->n_sparse_initializer)
        return nw_fail(
            err, NW_UNSUPPORTED,
            "%s: has sparse initializers, which are not supported; export the model with dense ones", name);
    if (!model->graph) NW_TRY(nw_graph_new(name, &model->graph, err));
    build b = {.source = source, .external = external, .graph = model->graph, .err = err};
    NW_TRY(check_opsets(&b));
    NW_TRY(add_initializers(&b));
    NW_TRY(add_inputs(&b));
    for (size_t i = 0; i < g->n_node; i++) NW_TRY(add_node(&b, g->node[i], i));
    NW_TRY(add_outputs(&b));
    NW_TRY(add_metadata(&b, model));
    return nw_graph_finish(b.graph, err);
}
