/* Where a bottleneck can sit, and where it should. */
#include "base/memory.h"
#include "explain/anatomy.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Values on a path from an input to `to`. */
static void mark_relevant(const nw_graph *graph, const bool *live, int to, unsigned char *marks)
{
    enum { FROM_INPUT = 1, TO_OUTPUT = 2 };
    for (size_t i = 0; i < graph->input_count; i++)
        if (!graph->values[graph->inputs[i]].data) marks[graph->inputs[i]] |= FROM_INPUT;
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        bool reached = false;
        for (int i = 0; live[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0 && marks[node->inputs[i]] & FROM_INPUT) reached = true;
        for (int i = 0; reached && i < node->output_count; i++)
            if (node->outputs[i] >= 0 && !graph->values[node->outputs[i]].data)
                marks[node->outputs[i]] |= FROM_INPUT;
    }
    marks[to] |= TO_OUTPUT;
    for (size_t n = graph->node_count; n-- > 0;) {
        const nw_node *node = &graph->nodes[n];
        bool needed = false;
        for (int i = 0; live[n] && i < node->output_count; i++)
            if (node->outputs[i] >= 0 && marks[node->outputs[i]] & TO_OUTPUT) needed = true;
        for (int i = 0; needed && i < node->input_count; i++)
            if (node->inputs[i] >= 0) marks[node->inputs[i]] |= TO_OUTPUT;
    }
}

/* In topological order a value is open from its producer to its last reader. A value is on every path where
 * it is the only one that is open just after its producer: an edge past it would have to be open there. */
nw_status nw_graph_cuts(const nw_graph *graph, const bool *live, int to, bool *cut, nw_error *err)
{
    enum { RELEVANT = 3 };
    unsigned char *marks = nw_calloc(graph->value_count, 1);
    int *last = nw_calloc(graph->value_count, sizeof *last);
    int *open = nw_calloc(graph->node_count + 2, sizeof *open); /* [0]: before the first node */
    if (!marks || !last || !open) {
        nw_free(marks);
        nw_free(last);
        nw_free(open);
        return nw_no_memory(err, graph->value_count, "the cuts of a graph");
    }
    mark_relevant(graph, live, to, marks);
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        bool relevant = false;
        for (int i = 0; live[n] && i < node->output_count; i++)
            if (node->outputs[i] >= 0 && marks[node->outputs[i]] == RELEVANT) relevant = true;
        for (int i = 0; relevant && i < node->input_count; i++)
            if (node->inputs[i] >= 0) last[node->inputs[i]] = (int)n;
    }
    int end = (int)graph->node_count;
    last[to] = end;
    for (size_t v = 0; v < graph->value_count; v++) {
        if (marks[v] != RELEVANT || last[v] <= graph->values[v].producer) continue;
        open[graph->values[v].producer + 1]++;
        open[last[v] + 1]--;
    }
    for (int n = 1; n <= end; n++) open[n] += open[n - 1];
    for (size_t v = 0; v < graph->value_count; v++) {
        int at = graph->values[v].producer;
        cut[v] = marks[v] == RELEVANT && last[v] > at && open[at + 1] == 1;
    }
    nw_free(marks);
    nw_free(last);
    nw_free(open);
    return NW_OK;
}

bool nw_is_feature_map(const nw_value *value)
{
    if (!value->has_shape || value->data || value->dtype != NW_F32) return false;
    if (value->shape.rank != 4 && value->shape.rank != 5) return false;
    if (value->shape.dims[0] != 1) return false;
    for (int i = 2; i < value->shape.rank; i++)
        if (value->shape.dims[i] < 2) return false;
    return true;
}

static bool one_of(const char *type, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, types[i]) == 0) return true;
    return false;
}

static bool activated(const nw_graph *graph, int value, int depth)
{
    static const char *const activations[] = {"Relu",      "Clip",     "LeakyRelu", "PRelu",      "Elu",
                                              "Selu",      "Celu",     "Gelu",      "Sigmoid",    "Tanh",
                                              "HardSwish", "Softplus", "Mish",      "HardSigmoid"};
    static const char *const passing[] = {"Identity", "Dropout", "MaxPool"};
    int n = value < 0 ? -1 : graph->values[value].producer;
    if (n < 0 || depth > 8) return false;
    const nw_node *node = &graph->nodes[n];
    if (one_of(node->op_type, activations, sizeof activations / sizeof activations[0])) return true;
    if (one_of(node->op_type, passing, sizeof passing / sizeof passing[0]))
        return activated(graph, node->inputs[0], depth + 1);
    if (strcmp(node->op_type, "Concat") == 0) {
        for (int i = 0; i < node->input_count; i++)
            if (!activated(graph, node->inputs[i], depth + 1)) return false;
        return node->input_count > 0;
    }
    /* x sigmoid(x), as SiLU is exported. */
    if (strcmp(node->op_type, "Mul") == 0 && node->input_count == 2)
        for (int i = 0; i < 2; i++) {
            int gate = node->inputs[i] < 0 ? -1 : graph->values[node->inputs[i]].producer;
            static const char *const gates[] = {"Sigmoid", "HardSigmoid"};
            if (gate >= 0 && one_of(graph->nodes[gate].op_type, gates, 2) &&
                graph->nodes[gate].inputs[0] == node->inputs[1 - i])
                return true;
        }
    return false;
}

bool nw_is_activated(const nw_graph *graph, int value)
{
    return activated(graph, value, 0);
}

/* Length of an axis over the input's; the geometric mean over the axes. */
static double resolution(const nw_shape *shape, const nw_shape *input)
{
    int axes = shape->rank - 2;
    if (input->rank != shape->rank) return 0;
    double ratio = 1;
    for (int i = 2; i < shape->rank; i++) ratio *= (double)shape->dims[i] / (double)input->dims[i];
    return pow(ratio, 1.0 / axes);
}

/* An eighth of the input's resolution: deep enough that positions mean parts and not texture, fine enough to
 * localise. Schulz et al. and Demir et al. take layer2 of their residual networks, which is that; on our
 * own measurements it also beat the stages before and after it. The last such tensor, after its activation:
 * what the next stage reads. */
static const double best_resolution = 1.0 / 8;
enum { LEAST_SIDE = 4 };

static int choose(const nw_graph *graph, const nw_bottleneck_info *list, const int *values, size_t count)
{
    int best = -1;
    double best_distance = INFINITY;
    bool best_activated = false;
    for (size_t i = 0; i < count; i++) {
        int64_t side = INT64_MAX;
        for (int k = 2; k < list[i].shape.rank; k++)
            if (list[i].shape.dims[k] < side) side = list[i].shape.dims[k];
        if (side < LEAST_SIDE || !(list[i].resolution > 0)) continue;
        double distance = fabs(log2(list[i].resolution / best_resolution));
        bool is_activated = nw_is_activated(graph, values[i]);
        bool nearer = distance < best_distance - 1e-9, equal = distance < best_distance + 1e-9;
        if (!nearer && (!equal || (best_activated && !is_activated))) continue;
        best = (int)i;
        best_distance = distance;
        best_activated = is_activated;
    }
    return best;
}

static void explain_choice(const nw_graph *graph, nw_bottleneck_info *info, int value, bool by_metadata)
{
    const char *place = nw_is_activated(graph, value) ? "after an activation" : "before the next activation";
    double parts = 1 / info->resolution;
    if (info->recommended && by_metadata)
        snprintf(info->reason, sizeof info->reason,
                 "named by the model's metadata (narrows.bottleneck); 1/%.3g of the "
                 "input's resolution, %s",
                 parts, place);
    else if (info->recommended)
        snprintf(info->reason, sizeof info->reason,
                 "the last cut at 1/%.3g of the input's resolution, %s: near 1/8 maps localise best", parts,
                 place);
    else
        snprintf(info->reason, sizeof info->reason,
                 "every path passes through it; 1/%.3g of the input's resolution%s, %s", parts,
                 info->resolution > 1.5 * best_resolution   ? " (fine: bits go to texture)"
                 : info->resolution < best_resolution / 1.5 ? " (coarse)"
                                                            : "",
                 place);
}

nw_status nw_candidates(const nw_graph *graph, const bool *live, int image, int to, const char *wanted,
                        nw_bottleneck_info **out, size_t *count, nw_error *err)
{
    bool *cut = nw_calloc(graph->value_count, sizeof *cut);
    int *values = nw_calloc(graph->value_count, sizeof *values);
    nw_bottleneck_info *list = NULL;
    nw_status status = cut && values ? nw_graph_cuts(graph, live, to, cut, err)
                                     : nw_no_memory(err, graph->value_count, "bottleneck candidates");
    size_t n = 0;
    /* In the order of the nodes, which is topological. */
    for (size_t k = 0; status == NW_OK && k < graph->node_count; k++)
        for (int i = 0; i < graph->nodes[k].output_count; i++) {
            int v = graph->nodes[k].outputs[i];
            if (v >= 0 && v != to && cut[v] && nw_is_feature_map(&graph->values[v])) values[n++] = v;
        }
    if (status == NW_OK) {
        list = nw_calloc(n, sizeof *list);
        if (!list) status = nw_no_memory(err, n * sizeof *list, "bottleneck candidates");
    }
    if (status == NW_OK) {
        int named = -1;
        for (size_t i = 0; i < n; i++) {
            const nw_value *value = &graph->values[values[i]];
            list[i].name = value->name;
            list[i].shape = value->shape;
            list[i].resolution = resolution(&value->shape, &graph->values[image].shape);
            if (wanted && strcmp(wanted, value->name) == 0) named = (int)i;
        }
        int best = named >= 0 ? named : choose(graph, list, values, n);
        if (best >= 0) list[best].recommended = 1;
        for (size_t i = 0; i < n; i++) explain_choice(graph, &list[i], values[i], named >= 0);
        *out = list;
        *count = n;
    }
    nw_free(cut);
    nw_free(values);
    return status;
}
