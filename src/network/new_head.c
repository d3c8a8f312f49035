/* nw_network_new_head: the same network up to its last layer, and a new one. */
#include "base/memory.h"
#include "engine/program.h"
#include "network/find_head.h"
#include "network/init.h"
#include "network/made.h"

#include <math.h>
#include <narrows/network.h>
#include <string.h>

enum { MOST_OUTPUTS = 1 << 20 };

typedef struct head {
    nw_graph *graph;
    nw_last_layer last;
    int64_t outputs;
    uint64_t seed;
    int opset;
    int rank; /* of the features; 0: not known */
    /* The old layer's names, which the new one takes over. */
    char *node, *weight, *bias;
} head;

static nw_status node(head *h, const char *type, const char *name, int count, const int *inputs, int output,
                      nw_node **out, nw_error *err)
{
    return nw_graph_add_node(h->graph, type, "", h->opset, name, count, inputs, 1, &output, out, err);
}

/* Uniform within 1 / sqrt(inputs), as the last layer of a new network. */
static nw_status parameter(head *h, const char *name, const nw_shape *shape, int *out, nw_error *err)
{
    nw_tensor *data;
    NW_TRY(nw_made_value(h->graph, name, out, err));
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, shape, &data, err));
    nw_init_uniform(data, h->seed, h->graph->values[*out].name, 1 / sqrt((double)h->last.inputs));
    nw_graph_set_constant(h->graph, *out, data);
    nw_tensor_unref(data);
    return NW_OK;
}

static nw_status add_matrix(head *h, int features, int logits, nw_error *err)
{
    int inputs[3] = {features};
    if (h->rank > 2) {
        NW_TRY(nw_made_value(h->graph, "features.flat", &inputs[0], err));
        NW_TRY(node(h, "Flatten", "", 1, &features, inputs[0], NULL, err));
    }
    nw_node *gemm;
    nw_attr *attr;
    NW_TRY(parameter(h, h->weight, &(nw_shape){2, {h->outputs, h->last.inputs}}, &inputs[1], err));
    NW_TRY(parameter(h, h->bias, &(nw_shape){1, {h->outputs}}, &inputs[2], err));
    NW_TRY(node(h, "Gemm", h->node, 3, inputs, logits, &gemm, err));
    NW_TRY(nw_node_add_attr(gemm, "transB", NW_ATTR_INT, &attr, err));
    attr->i = 1;
    return NW_OK;
}

static nw_status add_conv(head *h, int features, int logits, nw_error *err)
{
    nw_shape shape = {2 + h->last.axes, {h->outputs, h->last.inputs}};
    for (int i = 0; i < h->last.axes; i++) shape.dims[2 + i] = 1;
    int inputs[3] = {features}, map, pooled;
    NW_TRY(parameter(h, h->weight, &shape, &inputs[1], err));
    NW_TRY(parameter(h, h->bias, &(nw_shape){1, {h->outputs}}, &inputs[2], err));
    NW_TRY(nw_made_value(h->graph, "logits.map", &map, err));
    NW_TRY(nw_made_value(h->graph, "logits.mean", &pooled, err));
    NW_TRY(node(h, "Conv", h->node, 3, inputs, map, NULL, err));
    NW_TRY(node(h, "GlobalAveragePool", "", 1, &map, pooled, NULL, err));
    return node(h, "Flatten", "", 1, &pooled, logits, NULL, err);
}

/* [batch, outputs], with the batch of the input. */
static nw_status shape_logits(head *h, int logits, nw_error *err)
{
    const nw_value *input = h->graph->input_count ? &h->graph->values[h->graph->inputs[0]] : NULL;
    int64_t batch = input && input->has_shape && input->shape.rank ? input->shape.dims[0] : NW_DIM_DYNAMIC;
    const char *symbol = input && input->symbols[0] ? input->symbols[0] : "N";
    nw_value *value = &h->graph->values[logits];
    value->has_shape = true;
    value->shape = (nw_shape){2, {batch, h->outputs}};
    if (batch < 0 && !(value->symbols[0] = nw_strdup(symbol)))
        return nw_no_memory(err, strlen(symbol), "the name of a dimension");
    return NW_OK;
}

static nw_status replace(head *h, nw_error *err)
{
    /* Indices change in pruning; names do not. */
    char *features = nw_strdup(h->graph->values[h->last.features].name);
    if (!features) return nw_no_memory(err, 64, "the name of a tensor");
    h->graph->outputs[0] = h->last.features;
    h->graph->output_count = 1;
    nw_status status = nw_graph_prune(h->graph, err);
    int value = nw_graph_find(h->graph, features), logits;
    nw_free(features);
    NW_TRY(status);
    NW_TRY(nw_made_value(h->graph, "logits", &logits, err));
    NW_TRY(h->last.conv ? add_conv(h, value, logits, err) : add_matrix(h, value, logits, err));
    h->graph->outputs[0] = logits;
    return shape_logits(h, logits, err);
}

static nw_status take_names(head *h, nw_error *err)
{
    const nw_graph *g = h->graph;
    const nw_node *old = &g->nodes[h->last.node];
    h->opset = old->opset;
    h->node = nw_strdup(old->name);
    h->weight = nw_strdup(g->values[h->last.weight].name);
    h->bias =
        h->last.bias >= 0 ? nw_strdup(g->values[h->last.bias].name) : nw_strdup_printf("%s.bias", old->name);
    return h->node && h->weight && h->bias ? NW_OK : nw_no_memory(err, 64, "the names of a layer");
}

/* Where the input's size is known, so is the shape of the features: one row of numbers an image is wanted. */
static nw_status look_at_features(head *h, nw_model *from, nw_error *err)
{
    nw_graph *shapes;
    if (nw_piece_shapes(from, &(nw_program_options){.batch = 1}, &shapes, NULL) != NW_OK) return NW_OK;
    const nw_value *value =
        &shapes->values[nw_graph_find(shapes, from->graph->values[h->last.features].name)];
    int64_t rows = 1;
    if (value->has_shape) h->rank = value->shape.rank;
    for (int i = 0; i + 1 < h->rank; i++) rows *= value->shape.dims[i];
    nw_graph_free(shapes);
    if (h->last.conv || rows == 1) return NW_OK;
    return nw_node_fail(err, NW_UNSUPPORTED, from->graph, &from->graph->nodes[h->last.node],
                        "the last layer works on %lld positions of an image one by one; a new head needs one "
                        "row of numbers an image",
                        (long long)rows);
}

/* Facts about the old outputs, or about a tensor that is gone. */
static void forget(nw_model *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->metadata_count; i++) {
        struct nw_metadata *entry = &model->metadata[i];
        bool gone = strcmp(entry->key, "narrows.classes") == 0 || strcmp(entry->key, "narrows.head") == 0 ||
                    strcmp(entry->key, "narrows.transform") == 0;
        if (strcmp(entry->key, "narrows.bottleneck") == 0) {
            char *name = nw_made_unquoted(entry->value);
            gone = !name || nw_graph_find(model->graph, name) < 0;
            nw_free(name);
        }
        if (gone) {
            nw_free(entry->key);
            nw_free(entry->value);
        } else {
            model->metadata[kept++] = *entry;
        }
    }
    model->metadata_count = kept;
}

static nw_status give_head(nw_model *model, nw_model *from, head *h, nw_error *err)
{
    NW_TRY(nw_find_last_layer(model->graph, &h->last, err));
    NW_TRY(look_at_features(h, from, err));
    NW_TRY(take_names(h, err));
    NW_TRY(replace(h, err));
    forget(model);
    return nw_made_finish(model, err);
}

nw_status nw_network_new_head(nw_model *from, int64_t outputs, uint64_t seed, nw_model **out, nw_error *err)
{
    if (outputs < 1 || outputs > MOST_OUTPUTS)
        return nw_fail(err, NW_BAD_INPUT, "%s: a head needs from 1 to %d outputs, not %lld", from->path,
                       MOST_OUTPUTS, (long long)outputs);
    nw_model *model;
    NW_TRY(nw_made_copy(from, &model, err));
    head h = {.graph = model->graph, .outputs = outputs, .seed = seed};
    nw_status status = give_head(model, from, &h, err);
    nw_free(h.node);
    nw_free(h.weight);
    nw_free(h.bias);
    if (status != NW_OK) {
        nw_model_unref(model);
        return status;
    }
    *out = model;
    return NW_OK;
}
