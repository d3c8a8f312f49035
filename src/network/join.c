/* nw_network_join: several networks as one. */
#include "network/join.h"
#include "base/memory.h"
#include "engine/program.h"
#include "network/made.h"

#include <jansson.h>
#include <narrows/network.h>
#include <stdlib.h>
#include <string.h>

enum { SPLIT_BY_INPUT = 13 }; /* the opset since which Split reads its sizes */

static nw_status copy_value(nw_joint *j, size_t m, const nw_value *from, int *out, nw_error *err)
{
    char *name = nw_strdup_printf("m%zu/%s", m + 1, from->name);
    if (!name) return nw_no_memory(err, strlen(from->name), "the name of a tensor");
    nw_status status = nw_made_value(j->graph, name, out, err);
    nw_free(name);
    NW_TRY(status);
    nw_value *to = &j->graph->values[*out];
    to->dtype = from->dtype;
    to->has_shape = from->has_shape;
    to->shape = from->shape;
    if (from->data) nw_graph_set_constant(j->graph, *out, from->data);
    return NW_OK;
}

static nw_status copy_node(nw_joint *j, size_t m, const nw_node *from, const int *map, nw_error *err)
{
    int *values = nw_calloc((size_t)(from->input_count + from->output_count), sizeof *values);
    char *name = nw_strdup_printf("m%zu/%s", m + 1, from->name);
    int *outputs = values ? values + from->input_count : NULL;
    for (int i = 0; values && i < from->input_count; i++)
        values[i] = from->inputs[i] < 0 ? -1 : map[from->inputs[i]];
    for (int i = 0; values && i < from->output_count; i++)
        outputs[i] = from->outputs[i] < 0 ? -1 : map[from->outputs[i]];
    nw_status status = values && name ? nw_graph_add_copy(j->graph, from, name, values, outputs, err)
                                      : nw_no_memory(err, 256, "a node");
    nw_free(values);
    nw_free(name);
    return status;
}

static nw_status copy_member(nw_joint *j, size_t m, nw_error *err)
{
    const nw_graph *from = j->members[m]->graph;
    int *map = nw_calloc(from->value_count, sizeof *map);
    if (!map) return nw_no_memory(err, from->value_count * sizeof *map, "a copy of a graph");
    nw_status status = NW_OK;
    for (size_t v = 0; v < from->value_count && status == NW_OK; v++) {
        if ((int)v == from->inputs[0])
            map[v] = j->input;
        else
            status = copy_value(j, m, &from->values[v], &map[v], err);
    }
    for (size_t n = 0; n < from->node_count && status == NW_OK; n++)
        status = copy_node(j, m, &from->nodes[n], map, err);
    for (int p = 0; p < NW_JOIN_PLACES; p++)
        if (j->places[p].layers[m] >= 0) j->places[p].features[m] = map[j->places[p].layers[m]];
    j->logits[m] = map[from->outputs[0]];
    nw_free(map);
    return status;
}

static nw_status add_input(nw_joint *j, nw_error *err)
{
    const nw_graph *first = j->members[0]->graph;
    const nw_value *from = &first->values[first->inputs[0]];
    NW_TRY(nw_graph_value(j->graph, from->name, &j->input, err));
    nw_value *to = &j->graph->values[j->input];
    to->dtype = from->dtype;
    to->has_shape = true;
    to->shape = from->shape;
    for (int i = 0; i < from->shape.rank; i++)
        if (from->symbols[i] && !(to->symbols[i] = nw_strdup(from->symbols[i])))
            return nw_no_memory(err, strlen(from->symbols[i]), "the name of a dimension");
    return nw_graph_add_input(j->graph, j->input, err);
}

static nw_status add(nw_joint *j, const char *type, int inputs_count, const int *inputs, int outputs_count,
                     const int *outputs, nw_node **node, nw_error *err)
{
    return nw_graph_add_node(j->graph, type, "", j->opset, type, inputs_count, inputs, outputs_count, outputs,
                             node, err);
}

static nw_status named(nw_joint *j, const nw_join_place *p, const char *part, size_t number, int *out,
                       nw_error *err)
{
    char *name = nw_strdup_printf(number ? "%s.%s%zu" : "%s.%s", p->name, part, number);
    if (!name) return nw_no_memory(err, 64, "the name of a tensor");
    nw_status status = nw_made_value(j->graph, name, out, err);
    nw_free(name);
    return status;
}

static nw_status sizes_input(nw_joint *j, const nw_join_place *p, int *out, nw_error *err)
{
    nw_tensor *sizes;
    NW_TRY(named(j, p, "sizes", 0, out, err));
    NW_TRY(nw_tensor_new(NW_I64, 1, (int64_t[]){(int64_t)j->count}, &sizes, err));
    memcpy(sizes->data, p->channels, j->count * sizeof *p->channels);
    nw_graph_set_constant(j->graph, *out, sizes);
    nw_tensor_unref(sizes);
    return NW_OK;
}

static nw_status split(nw_joint *j, const nw_join_place *p, int joined, const int *parts, nw_error *err)
{
    nw_node *node;
    nw_attr *attr;
    int inputs[2] = {joined, -1};
    bool by_input = j->opset >= SPLIT_BY_INPUT;
    if (by_input) NW_TRY(sizes_input(j, p, &inputs[1], err));
    NW_TRY(add(j, "Split", by_input ? 2 : 1, inputs, (int)j->count, parts, &node, err));
    NW_TRY(nw_node_add_attr(node, "axis", NW_ATTR_INT, &attr, err));
    attr->i = 1;
    if (by_input) return NW_OK;
    NW_TRY(nw_node_add_attr(node, "split", NW_ATTR_INTS, &attr, err));
    attr->ints = nw_calloc(j->count, sizeof *attr->ints);
    if (!attr->ints) return nw_no_memory(err, j->count * sizeof *attr->ints, "an attribute");
    attr->count = j->count;
    memcpy(attr->ints, p->channels, j->count * sizeof *attr->ints);
    return NW_OK;
}

/* All that reads a member's layer reads its part of the joined one from now on. */
static nw_status join_at(nw_joint *j, const nw_join_place *p, nw_error *err)
{
    int joined, parts[NW_JOIN_MOST];
    NW_TRY(nw_made_value(j->graph, p->name, &joined, err));
    for (size_t m = 0; m < j->count; m++) {
        NW_TRY(named(j, p, "", m + 1, &parts[m], err));
        for (size_t n = 0; n < j->graph->node_count; n++)
            for (int i = 0; i < j->graph->nodes[n].input_count; i++)
                if (j->graph->nodes[n].inputs[i] == p->features[m]) j->graph->nodes[n].inputs[i] = parts[m];
    }
    nw_node *node;
    nw_attr *attr;
    NW_TRY(add(j, "Concat", (int)j->count, p->features, 1, &joined, &node, err));
    NW_TRY(nw_node_add_attr(node, "axis", NW_ATTR_INT, &attr, err));
    attr->i = 1;
    return split(j, p, joined, parts, err);
}

static nw_status join_layers(nw_joint *j, nw_error *err)
{
    nw_join_place *at = &j->places[NW_JOIN_LAYER], *last = &j->places[NW_JOIN_LAST];
    at->name = "joined";
    last->name = "joined.last";
    NW_TRY(join_at(j, at, err));
    bool apart = true;
    for (size_t m = 0; m < j->count; m++) apart &= last->layers[m] >= 0 && at->layers[m] != last->layers[m];
    if (apart) NW_TRY(join_at(j, last, err));
    return nw_model_set_metadata(j->model, "narrows.bottleneck", "\"joined\"", err);
}

static nw_status add_mean(nw_joint *j, nw_error *err)
{
    int logits;
    NW_TRY(nw_made_value(j->graph, "logits", &logits, err));
    NW_TRY(add(j, "Mean", (int)j->count, j->logits, 1, &logits, NULL, err));
    const nw_graph *first = j->members[0]->graph;
    const nw_value *from = &first->values[first->outputs[0]];
    nw_value *to = &j->graph->values[logits];
    to->has_shape = from->has_shape;
    to->shape = from->shape;
    for (int i = 0; from->has_shape && i < from->shape.rank; i++)
        if (from->symbols[i] && !(to->symbols[i] = nw_strdup(from->symbols[i])))
            return nw_no_memory(err, strlen(from->symbols[i]), "the name of a dimension");
    return nw_graph_add_output(j->graph, logits, err);
}

/* -- what it says about itself -- */

static nw_status describe(nw_joint *j, nw_error *err)
{
    nw_model *first = j->members[0];
    for (size_t i = 0; i < first->metadata_count; i++)
        if (strcmp(first->metadata[i].key, "narrows.training") != 0)
            NW_TRY(nw_model_set_metadata(j->model, first->metadata[i].key, first->metadata[i].value, err));
    json_t *list = json_array();
    for (size_t m = 0; m < j->count; m++) {
        const char *training = nw_model_metadata(j->members[m], "narrows.training");
        json_t *facts = training ? json_loads(training, 0, NULL) : NULL; /* what is no JSON is left out */
        json_array_append_new(list, json_pack("{s:s, s:o}", "digest", j->members[m]->digest, "training",
                                              facts ? facts : json_null()));
    }
    char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(list);
    if (!text) return nw_no_memory(err, 1024, "metadata");
    nw_status status = nw_model_set_metadata(j->model, "narrows.members", text, err);
    free(text);
    return status;
}

static nw_status build(nw_joint *j, const char *layer, nw_error *err)
{
    NW_TRY(nw_join_check(j, layer, err));
    NW_TRY(nw_graph_new("joined", &j->model->graph, err));
    j->graph = j->model->graph;
    NW_TRY(add_input(j, err));
    for (size_t m = 0; m < j->count; m++) NW_TRY(copy_member(j, m, err));
    NW_TRY(describe(j, err));
    NW_TRY(join_layers(j, err));
    NW_TRY(add_mean(j, err));
    NW_TRY(nw_graph_finish(j->graph, err));
    NW_TRY(nw_graph_prune(j->graph, err)); /* other outputs of the members */
    NW_TRY(nw_made_finish(j->model, err));
    /* Layers of different sizes, or outputs, show here. */
    nw_graph *shapes;
    nw_status status = nw_piece_shapes(j->model, &(nw_program_options){.batch = 1}, &shapes, err);
    if (status != NW_OK)
        return nw_fail_within(err, NW_BAD_INPUT, "networks whose layers or outputs differ in size");
    nw_graph_free(shapes);
    return NW_OK;
}

nw_status nw_network_join(nw_model *const *members, size_t count, const char *layer, nw_model **out,
                          nw_error *err)
{
    if (count < 2 || count > NW_JOIN_MOST)
        return nw_fail(err, NW_BAD_INPUT, "from 2 to %d networks are joined, not %zu", NW_JOIN_MOST, count);
    nw_joint j = {.members = members, .count = count};
    NW_TRY(nw_model_new("joined", &j.model, err));
    nw_status status = build(&j, layer, err);
    if (status != NW_OK) {
        nw_model_unref(j.model);
        return status;
    }
    *out = j.model;
    return NW_OK;
}
