#include "ops/fold.h"

#include "base/memory.h"

#include <string.h>

/* Operators that move elements and never look at them, with the inputs whose elements they move (bits). */
static const struct {
    const char *type;
    unsigned moved;
} movers[] = {
    {"Concat", ~0u},  {"Expand", 1},    {"Flatten", 1},   {"Gather", 1},  {"Identity", 1},
    {"Reshape", 1},   {"Slice", 1},     {"Split", 1},     {"Squeeze", 1}, {"Tile", 1},
    {"Transpose", 1}, {"Unsqueeze", 1}, {"Where", 2 | 4},
};

static unsigned moved_inputs(const nw_node *node)
{
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
        if (strcmp(movers[i].type, node->op_type) == 0) return movers[i].moved;
    return 0;
}

bool nw_fold_ready(const nw_graph *graph, const nw_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && !graph->values[node->inputs[i]].data) return false;
    return true;
}

/* Everything a call needs, in double. */
typedef struct work {
    double **src, **dst;
    /* Where integers do not survive in a double, moved elements travel as tickets: the number of the element
     * among all moved ones, counted from first[i] on. */
    bool tickets;
    unsigned moved;
    int64_t *first;
} work;

static void free_work(work *w, const nw_node *node)
{
    for (int i = 0; w->src && i < node->input_count; i++) nw_free(w->src[i]);
    for (int i = 0; w->dst && i < node->output_count; i++) nw_free(w->dst[i]);
    nw_free(w->src);
    nw_free(w->dst);
    nw_free(w->first);
}

static bool is_moved(const work *w, int i)
{
    return i < 32 ? w->moved >> i & 1 : w->moved == ~0u;
}

/* Whether some integer of the tensor changes on its way through a double. */
static bool too_wide(const nw_tensor *data)
{
    if (data->dtype != NW_I64) return false;
    for (int64_t k = 0; k < data->count; k++) {
        int64_t value = nw_tensor_get_i64(data, k);
        if (value > (INT64_C(1) << 53) || value < -(INT64_C(1) << 53)) return true;
    }
    return false;
}

static nw_status load(nw_graph *graph, const nw_node *node, work *w, nw_error *err)
{
    int64_t tickets = 0;
    w->src = nw_calloc((size_t)node->input_count, sizeof *w->src);
    w->dst = nw_calloc((size_t)node->output_count, sizeof *w->dst);
    w->first = nw_calloc((size_t)node->input_count, sizeof *w->first);
    if (!w->src || !w->dst || !w->first) return nw_no_memory(err, 0, "constant folding");
    w->moved = moved_inputs(node);
    for (int i = 0; i < node->input_count; i++)
        if (is_moved(w, i) && nw_has_in(node, i) && too_wide(graph->values[node->inputs[i]].data))
            w->tickets = true;
    for (int i = 0; i < node->input_count; i++) {
        if (!nw_has_in(node, i)) continue;
        const nw_tensor *data = graph->values[node->inputs[i]].data;
        w->src[i] = nw_alloc_aligned((size_t)data->count, sizeof(double));
        if (!w->src[i]) return nw_no_memory(err, (size_t)data->count * sizeof(double), "constant folding");
        bool ticket = w->tickets && is_moved(w, i);
        w->first[i] = tickets;
        for (int64_t k = 0; k < data->count; k++)
            w->src[i][k] = ticket ? (double)(tickets + k) : nw_tensor_get(data, k);
        if (ticket) tickets += data->count;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        size_t count = (size_t)nw_count(nw_out_shape(graph, node, i));
        w->dst[i] = nw_calloc(count, sizeof(double));
        if (!w->dst[i]) return nw_no_memory(err, count * sizeof(double), "constant folding");
    }
    return NW_OK;
}

/* The integer that a ticket stands for. */
static int64_t redeem(const nw_graph *graph, const nw_node *node, const work *w, double ticket)
{
    for (int i = 0; i < node->input_count; i++) {
        if (!nw_has_in(node, i) || !is_moved(w, i)) continue;
        const nw_tensor *data = graph->values[node->inputs[i]].data;
        int64_t k = (int64_t)ticket - w->first[i];
        if (k >= 0 && k < data->count) return nw_tensor_get_i64(data, k);
    }
    return 0;
}

static nw_status store(nw_graph *graph, const nw_node *node, const work *w, int i, nw_error *err)
{
    nw_value *value = &graph->values[node->outputs[i]];
    nw_tensor *data;
    NW_TRY(nw_tensor_new_uninitialised(value->dtype, &value->shape, &data, err));
    for (int64_t k = 0; k < data->count; k++)
        if (w->tickets)
            ((int64_t *)data->data)[k] = redeem(graph, node, w, w->dst[i][k]);
        else
            nw_tensor_set(data, k, w->dst[i][k]);
    value->data = data;
    return NW_OK;
}

nw_status nw_fold_node(nw_graph *graph, const nw_node *node, size_t *budget, nw_error *err)
{
    size_t bytes = 0;
    bool wanted = false;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        const nw_value *value = &graph->values[node->outputs[i]];
        bytes += (size_t)nw_count(&value->shape) * sizeof(double);
        wanted = wanted || !value->data;
        if (bytes > *budget) return NW_OK;
    }
    if (!wanted || !node->op->forward) return NW_OK;
    work w = {0};
    nw_status status = load(graph, node, &w, err);
    if (status == NW_OK) {
        nw_ref call = {.graph = graph, .node = node, .src = (const double *const *)w.src, .dst = w.dst};
        node->op->forward(&call);
    }
    for (int i = 0; status == NW_OK && i < node->output_count; i++)
        if (node->outputs[i] >= 0 && !graph->values[node->outputs[i]].data)
            status = store(graph, node, &w, i, err);
    free_work(&w, node);
    if (status == NW_OK) *budget -= bytes;
    return status;
}
