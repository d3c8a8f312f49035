/* nw_network_join: several networks as one. */
#include "base/memory.h"
#include "engine/program.h"
#include "network/find_head.h"
#include "network/made.h"

#include <narrows/network.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MEMBERS = 64, SPLIT_BY_INPUT = 13 /* the opset since which Split reads its sizes */ };

/* A depth at which what the members see is one tensor. */
typedef struct place {
    const char *name;
    int layers[MOST_MEMBERS]; /* values of its own graph */
    int64_t channels[MOST_MEMBERS];
    int features[MOST_MEMBERS]; /* values of the joined graph */
} place;

enum { AT_LAYER, AT_LAST, PLACES }; /* for the bottleneck; the last map with positions, for Grad-CAM */

typedef struct joint {
    nw_model *const *members;
    size_t count;
    nw_model *model;
    nw_graph *graph;
    int opset;
    int input; /* of the graph, for all of them */
    place places[PLACES];
    int logits[MOST_MEMBERS];
} joint;

/* -- whether they go together -- */

static nw_status differ(const joint *j, size_t m, const char *what, nw_error *err)
{
    return nw_fail(
        err, NW_BAD_INPUT,
        "%s and %s differ in %s; networks are joined that were trained for the same images and classes",
        j->members[0]->path, j->members[m]->path, what);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static nw_status check_facts(const joint *j, size_t m, nw_error *err)
{
    static const char *const facts[][2] = {
        {"narrows.input", "how an image becomes the input (narrows.input)"},
        {"narrows.classes", "their classes (narrows.classes)"},
        {"narrows.head", "what the outputs mean (narrows.head)"},
        {"narrows.transform", "what the outputs mean (narrows.transform)"},
        {"narrows.lungs", "what they see of the lungs (narrows.lungs)"}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (!same_text(nw_model_metadata(j->members[0], facts[i][0]),
                       nw_model_metadata(j->members[m], facts[i][0])))
            return differ(j, m, facts[i][1], err);
    return NW_OK;
}

static int opset_of(const nw_graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!graph->nodes[i].domain[0]) return graph->nodes[i].opset;
    return 0;
}

static nw_status check_graphs(const joint *j, size_t m, nw_error *err)
{
    const nw_graph *first = j->members[0]->graph, *other = j->members[m]->graph;
    if (other->input_count != 1 || other->output_count < 1)
        return nw_fail(err, NW_UNSUPPORTED, "%s: one image must be its input, and something its output",
                       j->members[m]->path);
    if (opset_of(first) != opset_of(other)) return differ(j, m, "the opset of their operators", err);
    const nw_value *a = &first->values[first->inputs[0]], *b = &other->values[other->inputs[0]];
    if (!a->has_shape || !b->has_shape || !nw_shape_equal(&a->shape, &b->shape))
        return differ(j, m, "the shape of their input", err);
    return NW_OK;
}

/* -- at which depths -- */

static bool has_positions(const nw_value *value)
{
    int64_t positions = 1;
    for (int i = 2; i < value->shape.rank; i++) positions *= value->shape.dims[i];
    return value->has_shape && value->shape.rank >= 3 && positions > 1;
}

/* The value of that name in a graph with shapes, which has values of the same names. */
static const nw_value *shaped(const nw_graph *shapes, const nw_graph *graph, int value)
{
    int v = nw_graph_find(shapes, graph->values[value].name);
    return v < 0 ? &graph->values[value] : &shapes->values[v];
}

static nw_status find_layer(joint *j, size_t m, const char *layer, const nw_graph *shapes, nw_error *err)
{
    nw_model *member = j->members[m];
    char *name = layer ? nw_strdup(layer) : nw_made_unquoted(nw_model_metadata(member, "narrows.bottleneck"));
    if (!name)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s does not say where a bottleneck goes (narrows.bottleneck): name the tensor at which the "
            "networks are joined",
            member->path);
    int v = nw_graph_find(member->graph, name);
    bool inner = v >= 0 && member->graph->values[v].producer >= 0;
    nw_status status =
        inner && has_positions(shaped(shapes, member->graph, v))
            ? NW_OK
            : nw_fail(err, NW_BAD_INPUT,
                      "%s has no inner tensor '%s' with positions, at which it could be joined", member->path,
                      name);
    nw_free(name);
    j->places[AT_LAYER].layers[m] = v;
    return status;
}

static bool one_of(const char *type, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, types[i]) == 0) return true;
    return false;
}

/* What the mean (or maximum) over all positions reads, on the way back from the last layer; -1 where it is
 * not found, or a map of a single position. */
static int last_map(const nw_graph *graph, const nw_graph *shapes)
{
    static const char *const pools[] = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean"};
    static const char *const passing[] = {"Flatten", "Reshape", "Squeeze", "Dropout", "Identity"};
    nw_last_layer last;
    if (nw_find_last_layer(graph, &last, NULL) != NW_OK) return -1;
    int v = last.features;
    while (v >= 0 && graph->values[v].producer >= 0) {
        const nw_node *node = &graph->nodes[graph->values[v].producer];
        bool pool = one_of(node->op_type, pools, sizeof pools / sizeof pools[0]);
        if (!pool && !one_of(node->op_type, passing, sizeof passing / sizeof passing[0])) break;
        v = node->inputs[0];
        if (pool) break;
    }
    return v >= 0 && has_positions(shaped(shapes, graph, v)) ? v : -1;
}

static nw_status find_places(joint *j, size_t m, const char *layer, nw_error *err)
{
    nw_graph *shapes;
    const nw_graph *graph = j->members[m]->graph;
    NW_TRY(nw_piece_shapes(j->members[m], &(nw_program_options){.batch = 1}, &shapes, err));
    nw_status status = find_layer(j, m, layer, shapes, err);
    j->places[AT_LAST].layers[m] = last_map(graph, shapes);
    for (int p = 0; p < PLACES && status == NW_OK; p++)
        if (j->places[p].layers[m] >= 0)
            j->places[p].channels[m] = shaped(shapes, graph, j->places[p].layers[m])->shape.dims[1];
    nw_graph_free(shapes);
    return status;
}

/* -- the graph -- */

static nw_status copy_value(joint *j, size_t m, const nw_value *from, int *out, nw_error *err)
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

static nw_status copy_node(joint *j, size_t m, const nw_node *from, const int *map, nw_error *err)
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

static nw_status copy_member(joint *j, size_t m, nw_error *err)
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
    for (int p = 0; p < PLACES; p++)
        if (j->places[p].layers[m] >= 0) j->places[p].features[m] = map[j->places[p].layers[m]];
    j->logits[m] = map[from->outputs[0]];
    nw_free(map);
    return status;
}

static nw_status add_input(joint *j, nw_error *err)
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

static nw_status add(joint *j, const char *type, int inputs_count, const int *inputs, int outputs_count,
                     const int *outputs, nw_node **node, nw_error *err)
{
    return nw_graph_add_node(j->graph, type, "", j->opset, type, inputs_count, inputs, outputs_count, outputs,
                             node, err);
}

static nw_status named(joint *j, const place *p, const char *part, size_t number, int *out, nw_error *err)
{
    char *name = nw_strdup_printf(number ? "%s.%s%zu" : "%s.%s", p->name, part, number);
    if (!name) return nw_no_memory(err, 64, "the name of a tensor");
    nw_status status = nw_made_value(j->graph, name, out, err);
    nw_free(name);
    return status;
}

static nw_status sizes_input(joint *j, const place *p, int *out, nw_error *err)
{
    nw_tensor *sizes;
    NW_TRY(named(j, p, "sizes", 0, out, err));
    NW_TRY(nw_tensor_new(NW_I64, 1, (int64_t[]){(int64_t)j->count}, &sizes, err));
    memcpy(sizes->data, p->channels, j->count * sizeof *p->channels);
    nw_graph_set_constant(j->graph, *out, sizes);
    nw_tensor_unref(sizes);
    return NW_OK;
}

static nw_status split(joint *j, const place *p, int joined, const int *parts, nw_error *err)
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
static nw_status join_at(joint *j, const place *p, nw_error *err)
{
    int joined, parts[MOST_MEMBERS];
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

static nw_status join_layers(joint *j, nw_error *err)
{
    place *at = &j->places[AT_LAYER], *last = &j->places[AT_LAST];
    at->name = "joined";
    last->name = "joined.last";
    NW_TRY(join_at(j, at, err));
    bool apart = true;
    for (size_t m = 0; m < j->count; m++) apart &= last->layers[m] >= 0 && at->layers[m] != last->layers[m];
    if (apart) NW_TRY(join_at(j, last, err));
    return nw_model_set_metadata(j->model, "narrows.bottleneck", "\"joined\"", err);
}

static nw_status add_mean(joint *j, nw_error *err)
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

static nw_status describe(joint *j, nw_error *err)
{
    nw_model *first = j->members[0];
    for (size_t i = 0; i < first->metadata_count; i++)
        if (strcmp(first->metadata[i].key, "narrows.training") != 0)
            NW_TRY(nw_model_set_metadata(j->model, first->metadata[i].key, first->metadata[i].value, err));
    char *text = nw_strdup("[");
    for (size_t m = 0; m < j->count && text; m++) {
        const char *training = nw_model_metadata(j->members[m], "narrows.training");
        char *longer = nw_strdup_printf("%s%s{\"digest\":\"%s\",\"training\":%s}", text, m ? "," : "",
                                        j->members[m]->digest, training ? training : "null");
        nw_free(text);
        text = longer;
    }
    char *closed = text ? nw_strdup_printf("%s]", text) : NULL;
    nw_free(text);
    if (!closed) return nw_no_memory(err, 1024, "metadata");
    nw_status status = nw_model_set_metadata(j->model, "narrows.members", closed, err);
    nw_free(closed);
    return status;
}

static nw_status build(joint *j, const char *layer, nw_error *err)
{
    for (size_t m = 0; m < j->count; m++) {
        NW_TRY(check_graphs(j, m, err));
        NW_TRY(check_facts(j, m, err));
        NW_TRY(find_places(j, m, layer, err));
    }
    j->opset = opset_of(j->members[0]->graph);
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
    if (count < 2 || count > MOST_MEMBERS)
        return nw_fail(err, NW_BAD_INPUT, "from 2 to %d networks are joined, not %zu", MOST_MEMBERS, count);
    joint j = {.members = members, .count = count};
    NW_TRY(nw_model_new("joined", &j.model, err));
    nw_status status = build(&j, layer, err);
    if (status != NW_OK) {
        nw_model_unref(j.model);
        return status;
    }
    *out = j.model;
    return NW_OK;
}
