/* Graph to GraphProto, model to ModelProto: the way back from onnx_build.c. */
#include "onnx/onnx_pack.h"

#include "base/memory.h"

#include <narrows/version.h>
#include <string.h>

void *nw_pack_take(nw_pack *pack, size_t count, size_t size)
{
    void *block = NW_GROW(pack->blocks, pack->capacity, pack->count) ? nw_calloc(count, size) : NULL;
    if (block)
        pack->blocks[pack->count++] = block;
    else
        pack->no_memory = true;
    return block;
}

void nw_pack_clear(nw_pack *pack)
{
    for (size_t i = 0; i < pack->count; i++) nw_free(pack->blocks[i]);
    nw_free(pack->blocks);
    *pack = (nw_pack){0};
}

static nw_status no_memory(nw_error *err)
{
    return nw_no_memory(err, sizeof(Onnx__ModelProto), "a model to be written");
}

/* An array of `count` messages and one of pointers to them: protobuf-c wants the second. */
#define TAKE_LIST(pack, count, list, messages)                                                               \
    ((messages) = nw_pack_take(pack, count, sizeof *(messages)),                                             \
     (list) = nw_pack_take(pack, count, sizeof *(list)), (messages) && (list))

static char *writable(const char *text)
{
    return (char *)(uintptr_t)text; /* protobuf-c has no const; packing writes nothing */
}

/* -- inputs and outputs -- */

static bool pack_shape(nw_pack *pack, const nw_value *value, Onnx__TensorShapeProto **out)
{
    size_t rank = (size_t)value->shape.rank;
    Onnx__TensorShapeProto__Dimension *dims, **list;
    Onnx__TensorShapeProto *shape = nw_pack_take(pack, 1, sizeof *shape);
    if (!shape || !TAKE_LIST(pack, rank, list, dims)) return false;
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = rank;
    shape->dim = list;
    for (size_t i = 0; i < rank; i++) {
        onnx__tensor_shape_proto__dimension__init(list[i] = &dims[i]);
        if (value->shape.dims[i] >= 0) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i].dim_value = value->shape.dims[i];
        } else if (value->symbols[i]) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param = value->symbols[i];
        }
    }
    *out = shape;
    return true;
}

static Onnx__ValueInfoProto *pack_value(nw_pack *pack, const nw_value *value)
{
    Onnx__ValueInfoProto *info = nw_pack_take(pack, 1, sizeof *info);
    Onnx__TypeProto *type = nw_pack_take(pack, 1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = nw_pack_take(pack, 1, sizeof *tensor);
    if (!info || !type || !tensor) return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    info->name = value->name;
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = nw_pack_dtype(value->dtype);
    return !value->has_shape || pack_shape(pack, value, &tensor->shape) ? info : NULL;
}

static nw_status pack_interface(nw_pack *pack, const nw_graph *graph, Onnx__GraphProto *out, nw_error *err)
{
    out->input = nw_pack_take(pack, graph->input_count, sizeof *out->input);
    out->output = nw_pack_take(pack, graph->output_count, sizeof *out->output);
    if (!out->input || !out->output) return no_memory(err);
    for (size_t i = 0; i < graph->input_count; i++) {
        out->input[i] = pack_value(pack, &graph->values[graph->inputs[i]]);
        if (!out->input[i]) return no_memory(err);
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        out->output[i] = pack_value(pack, &graph->values[graph->outputs[i]]);
        if (!out->output[i]) return no_memory(err);
    }
    out->n_input = graph->input_count;
    out->n_output = graph->output_count;
    return NW_OK;
}

/* Constants that no node makes. */
static nw_status pack_initializers(nw_pack *pack, const nw_graph *graph, Onnx__GraphProto *out, nw_error *err)
{
    out->initializer = nw_pack_take(pack, graph->value_count, sizeof *out->initializer);
    if (!out->initializer) return no_memory(err);
    for (size_t i = 0; i < graph->value_count; i++) {
        const nw_value *value = &graph->values[i];
        if (!value->data || value->producer >= 0) continue;
        Onnx__TensorProto *tensor = nw_pack_tensor(pack, value->data, value->name);
        if (!tensor) return no_memory(err);
        out->initializer[out->n_initializer++] = tensor;
    }
    return NW_OK;
}

/* -- nodes -- */

static char **pack_names(nw_pack *pack, const nw_graph *graph, const int *values, int count)
{
    char **names = nw_pack_take(pack, (size_t)count, sizeof *names);
    for (int i = 0; names && i < count; i++)
        names[i] = values[i] < 0 ? writable("") : graph->values[values[i]].name;
    return names;
}

static nw_status pack_node(nw_pack *pack, const nw_graph *graph, const nw_node *node, Onnx__NodeProto *out,
                           nw_error *err)
{
    onnx__node_proto__init(out);
    out->name = node->name;
    out->op_type = node->op_type;
    out->domain = node->domain[0] ? node->domain : NULL;
    out->n_input = (size_t)node->input_count;
    out->input = pack_names(pack, graph, node->inputs, node->input_count);
    out->n_output = (size_t)node->output_count;
    out->output = pack_names(pack, graph, node->outputs, node->output_count);
    Onnx__AttributeProto *attrs;
    if (!TAKE_LIST(pack, node->attr_count, out->attribute, attrs) || !out->input || !out->output)
        return no_memory(err);
    for (size_t i = 0; i < node->attr_count; i++) {
        nw_status status = nw_pack_attr(pack, node, &node->attrs[i], &attrs[i], err);
        char place[NW_NODE_TEXT];
        if (status != NW_OK) return nw_fail_within(err, status, "%s", nw_node_text(graph, node, place));
        out->attribute[out->n_attribute++] = &attrs[i];
    }
    return NW_OK;
}

static nw_status pack_graph(nw_pack *pack, const nw_graph *graph, Onnx__GraphProto *out, nw_error *err)
{
    onnx__graph_proto__init(out);
    out->name = writable("narrows");
    NW_TRY(pack_initializers(pack, graph, out, err));
    NW_TRY(pack_interface(pack, graph, out, err));
    Onnx__NodeProto *nodes;
    if (!TAKE_LIST(pack, graph->node_count, out->node, nodes)) return no_memory(err);
    for (size_t i = 0; i < graph->node_count; i++) {
        out->node[i] = &nodes[i];
        NW_TRY(pack_node(pack, graph, &graph->nodes[i], &nodes[i], err));
        out->n_node++;
    }
    return NW_OK;
}

/* -- the model -- */

/* One entry for each domain that a node is of; nodes of one domain mean one version of it. */
static nw_status pack_opsets(nw_pack *pack, const nw_graph *graph, Onnx__ModelProto *out, nw_error *err)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const nw_node *node = &graph->nodes[i];
        size_t k = 0;
        while (k < out->n_opset_import && strcmp(out->opset_import[k]->domain, node->domain) != 0) k++;
        if (k < out->n_opset_import) {
            if (out->opset_import[k]->version == node->opset) continue;
            char place[NW_NODE_TEXT];
            return nw_fail(err, NW_UNSUPPORTED,
                           "%s is meant as opset %d defines it, others as %lld; a file holds one of them",
                           nw_node_text(graph, node, place), node->opset,
                           (long long)out->opset_import[k]->version);
        }
        /* Few domains: a new list a domain. */
        Onnx__OperatorSetIdProto *set, **list;
        if (!TAKE_LIST(pack, k + 1, list, set)) return no_memory(err);
        if (k) memcpy(list, out->opset_import, k * sizeof(*list));
        list[k] = set;
        onnx__operator_set_id_proto__init(set);
        set->domain = node->domain;
        set->has_version = 1;
        set->version = node->opset;
        out->opset_import = list;
        out->n_opset_import = k + 1;
    }
    return NW_OK;
}

/* The first version of the format that knows this version of the operators, from 8 on (ONNX's Versioning.md).
 */
static int format_version(const Onnx__ModelProto *model)
{
    int64_t opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (!model->opset_import[i]->domain[0]) opset = model->opset_import[i]->version;
    return opset >= 21 ? 10 : opset >= 19 ? 9 : 8;
}

static nw_status pack_metadata(nw_pack *pack, const nw_model *model, Onnx__ModelProto *out, nw_error *err)
{
    Onnx__StringStringEntryProto *entries;
    if (!TAKE_LIST(pack, model->metadata_count, out->metadata_props, entries)) return no_memory(err);
    for (size_t i = 0; i < model->metadata_count; i++) {
        onnx__string_string_entry_proto__init(out->metadata_props[i] = &entries[i]);
        entries[i].key = model->metadata[i].key;
        entries[i].value = model->metadata[i].value;
    }
    out->n_metadata_props = model->metadata_count;
    return NW_OK;
}

nw_status nw_pack_model(nw_pack *pack, const nw_model *model, Onnx__ModelProto *out, nw_error *err)
{
    onnx__model_proto__init(out);
    out->producer_name = writable("narrows");
    out->producer_version = writable(nw_version());
    out->graph = nw_pack_take(pack, 1, sizeof *out->graph);
    if (!out->graph) return no_memory(err);
    NW_TRY(pack_graph(pack, model->graph, out->graph, err));
    NW_TRY(pack_opsets(pack, model->graph, out, err));
    NW_TRY(pack_metadata(pack, model, out, err));
    out->has_ir_version = 1;
    out->ir_version = format_version(out);
    return NW_OK;
}
