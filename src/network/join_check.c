/* Whether networks can be joined, and at which of their layers. */
#include "base/memory.h"
#include "engine/program.h"
#include "network/find_head.h"
#include "network/join.h"
#include "network/made.h"

#include <string.h>

static nw_status differ(const nw_joint *j, size_t m, const char *what, nw_error *err)
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

static nw_status check_facts(const nw_joint *j, size_t m, nw_error *err)
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

static nw_status check_graphs(const nw_joint *j, size_t m, nw_error *err)
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

static nw_status find_layer(nw_joint *j, size_t m, const char *layer, const nw_graph *shapes, nw_error *err)
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
    j->places[NW_JOIN_LAYER].layers[m] = v;
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

static nw_status find_places(nw_joint *j, size_t m, const char *layer, nw_error *err)
{
    nw_graph *shapes;
    const nw_graph *graph = j->members[m]->graph;
    NW_TRY(nw_piece_shapes(j->members[m], &(nw_program_options){.batch = 1}, &shapes, err));
    nw_status status = find_layer(j, m, layer, shapes, err);
    j->places[NW_JOIN_LAST].layers[m] = last_map(graph, shapes);
    for (int p = 0; p < NW_JOIN_PLACES && status == NW_OK; p++)
        if (j->places[p].layers[m] >= 0)
            j->places[p].channels[m] = shaped(shapes, graph, j->places[p].layers[m])->shape.dims[1];
    nw_graph_free(shapes);
    return status;
}

nw_status nw_join_check(nw_joint *j, const char *layer, nw_error *err)
{
    for (size_t m = 0; m < j->count; m++) {
        NW_TRY(check_graphs(j, m, err));
        NW_TRY(check_facts(j, m, err));
        NW_TRY(find_places(j, m, layer, err));
    }
    j->opset = opset_of(j->members[0]->graph);
    return NW_OK;
}
