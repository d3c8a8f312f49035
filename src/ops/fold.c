#include "ops/fold.h"

#include "base/memory.h"

bool nw_fold_ready(const nw_graph *graph, const nw_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && !graph->values[node->inputs[i]].data) return false;
    return true;
}

/* Everything a call needs, in double. */
typedef struct work {
    double **src, **dst;
} work;

static void free_work(work *w, const nw_node *node)
{
    for (int i = 0; w->src && i < node->input_count; i++) nw_free(w->src[i]);
    for (int i = 0; w->dst && i < node->output_count; i++) nw_free(w->dst[i]);
    nw_free(w->src);
    nw_free(w->dst);
}

/* Whether an integer changes on its way through a double. INT64_MAX, the usual "to the end", does not: it
 * comes back saturated. */
static bool changes(int64_t value)
{
    double d = (double)value;
    return (d >= 0x1p63 ? INT64_MAX : (int64_t)d) != value;
}

static nw_status check_exact(const nw_graph *graph, const nw_node *node, nw_error *err)
{
    bool integers = false;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && graph->values[node->outputs[i]].dtype == NW_I64) integers = true;
    for (int i = 0; integers && i < node->input_count; i++) {
        const nw_tensor *data = nw_has_in(node, i) ? graph->values[node->inputs[i]].data : NULL;
        for (int64_t k = 0; data && data->dtype == NW_I64 && k < data->count; k++)
            if (changes(nw_tensor_get_i64(data, k)))
                return nw_fail(err, NW_UNSUPPORTED,
                               "input %d '%s' holds the integer %lld; beyond 2^53 constants cannot be worked "
                               "out exactly",
                               i, graph->values[node->inputs[i]].name, (long long)nw_tensor_get_i64(data, k));
    }
    return NW_OK;
}

static nw_status load(nw_graph *graph, const nw_node *node, work *w, nw_error *err)
{
    w->src = nw_calloc((size_t)node->input_count, sizeof *w->src);
    w->dst = nw_calloc((size_t)node->output_count, sizeof *w->dst);
    if (!w->src || !w->dst) return nw_no_memory(err, sizeof *w->src, "constant folding");
    for (int i = 0; i < node->input_count; i++) {
        if (!nw_has_in(node, i)) continue;
        const nw_tensor *data = graph->values[node->inputs[i]].data;
        w->src[i] = nw_alloc_aligned((size_t)data->count, sizeof(double));
        if (!w->src[i]) return nw_no_memory(err, (size_t)data->count * sizeof(double), "constant folding");
        for (int64_t k = 0; k < data->count; k++) w->src[i][k] = nw_tensor_get(data, k);
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) continue;
        size_t count = (size_t)nw_count(nw_out_shape(graph, node, i));
        w->dst[i] = nw_calloc(count, sizeof(double));
        if (!w->dst[i]) return nw_no_memory(err, count * sizeof(double), "constant folding");
    }
    return NW_OK;
}

static nw_status store(nw_value *value, const double *from, nw_error *err)
{
    nw_tensor *data;
    NW_TRY(nw_tensor_new_uninitialised(value->dtype, &value->shape, &data, err));
    for (int64_t k = 0; k < data->count; k++) nw_tensor_set(data, k, from[k]);
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
    NW_TRY(check_exact(graph, node, err));
    work w = {0};
    nw_status status = load(graph, node, &w, err);
    if (status == NW_OK) {
        nw_ref call = {.graph = graph, .node = node, .src = (const double *const *)w.src, .dst = w.dst};
        node->op->forward(&call);
    }
    for (int i = 0; status == NW_OK && i < node->output_count; i++)
        if (node->outputs[i] >= 0 && !graph->values[node->outputs[i]].data)
            status = store(&graph->values[node->outputs[i]], w.dst[i], err);
    free_work(&w, node);
    if (status == NW_OK) *budget -= bytes;
    return status;
}
