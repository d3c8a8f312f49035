#include "ops/evaluate.h"

#include "base/memory.h"
#include "ops/specialise.h"

#include <string.h>

typedef struct slot {
    double *value, *diff, *diff_output; /* NULL where there is none */
    /* Where a node that is needed for another output produces an input or a constant: its result goes here.
     */
    double *spare;
    bool flows; /* a gradient has reached it in this backward */
} slot;

struct nw_evaluation {
    const nw_graph *graph;
    slot *slots; /* a value of the graph each */
    bool *live;  /* a node each */
    /* the arguments of one call */
    const double **src, **diff_dst;
    double **dst, **diff_src;
};

static bool is_float(const nw_value *value)
{
    return value->dtype == NW_F32 || value->dtype == NW_F64;
}

static nw_status open_slot(nw_evaluation *e, int index, nw_error *err)
{
    const nw_value *value = &e->graph->values[index];
    slot *s = &e->slots[index];
    int64_t n;
    if (s->value) return NW_OK;
    if (!value->has_shape || !nw_shape_count(&value->shape, &n))
        return nw_fail(err, NW_BAD_INPUT, "tensor '%s' has no shape", value->name);
    s->value = nw_calloc((size_t)n, sizeof(double));
    bool has_diff = is_float(value) && !value->data;
    if (has_diff) s->diff = nw_calloc((size_t)n, sizeof(double));
    if (has_diff) s->diff_output = nw_calloc((size_t)n, sizeof(double));
    if (!s->value || (has_diff && (!s->diff || !s->diff_output)))
        return nw_no_memory(err, (size_t)n * sizeof(double), value->name);
    for (int64_t i = 0; value->data && i < n; i++) s->value[i] = nw_tensor_get(value->data, i);
    return NW_OK;
}

static nw_status open_spare(nw_evaluation *e, int index, nw_error *err)
{
    const nw_value *value = &e->graph->values[index];
    slot *s = &e->slots[index];
    if (s->spare || value->producer < 0 || !e->live[value->producer]) return NW_OK;
    s->spare = nw_calloc((size_t)nw_count(&value->shape), sizeof(double));
    return s->spare ? NW_OK
                    : nw_no_memory(err, (size_t)nw_count(&value->shape) * sizeof(double), value->name);
}

static nw_status open_slots(nw_evaluation *e, nw_error *err)
{
    const nw_graph *graph = e->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        for (int i = 0; e->live[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0) NW_TRY(open_slot(e, node->inputs[i], err));
        for (int i = 0; e->live[n] && i < node->output_count; i++) {
            if (node->outputs[i] < 0) continue;
            NW_TRY(open_slot(e, node->outputs[i], err));
            if (graph->values[node->outputs[i]].data) NW_TRY(open_spare(e, node->outputs[i], err));
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        NW_TRY(open_slot(e, graph->inputs[i], err));
        NW_TRY(open_spare(e, graph->inputs[i], err));
    }
    for (size_t i = 0; i < graph->output_count; i++) NW_TRY(open_slot(e, graph->outputs[i], err));
    return NW_OK;
}

nw_status nw_evaluation_new(const nw_graph *graph, nw_evaluation **out, nw_error *err)
{
    nw_evaluation *e = nw_calloc(1, sizeof *e);
    if (!e) return nw_no_memory(err, sizeof *e, "an evaluation");
    size_t inputs = 0, outputs = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        if ((size_t)graph->nodes[n].input_count > inputs) inputs = (size_t)graph->nodes[n].input_count;
        if ((size_t)graph->nodes[n].output_count > outputs) outputs = (size_t)graph->nodes[n].output_count;
    }
    e->graph = graph;
    e->slots = nw_calloc(graph->value_count, sizeof *e->slots);
    e->live = nw_calloc(graph->node_count, sizeof *e->live);
    e->src = nw_calloc(inputs, sizeof *e->src);
    e->diff_src = nw_calloc(inputs, sizeof *e->diff_src);
    e->dst = nw_calloc(outputs, sizeof *e->dst);
    e->diff_dst = nw_calloc(outputs, sizeof *e->diff_dst);
    nw_status status = NW_OK;
    if (!e->slots || !e->live || !e->src || !e->diff_src || !e->dst || !e->diff_dst)
        status = nw_no_memory(err, graph->value_count * sizeof *e->slots, "an evaluation");
    if (status == NW_OK) status = nw_graph_live(graph, e->live, err);
    if (status == NW_OK) status = open_slots(e, err);
    if (status != NW_OK) {
        nw_evaluation_free(e);
        return status;
    }
    *out = e;
    return NW_OK;
}

void nw_evaluation_free(nw_evaluation *e)
{
    if (!e) return;
    for (size_t i = 0; e->slots && i < e->graph->value_count; i++) {
        nw_free(e->slots[i].value);
        nw_free(e->slots[i].diff);
        nw_free(e->slots[i].diff_output);
        nw_free(e->slots[i].spare);
    }
    nw_free(e->slots);
    nw_free(e->live);
    nw_free(e->src);
    nw_free(e->diff_src);
    nw_free(e->dst);
    nw_free(e->diff_dst);
    nw_free(e);
}

nw_status nw_graph_evaluate(const nw_graph *graph, const double *const *inputs, nw_evaluation **out,
                            nw_error *err)
{
    nw_evaluation *e;
    NW_TRY(nw_evaluation_new(graph, &e, err));
    for (size_t i = 0; i < graph->input_count; i++) {
        size_t n = (size_t)nw_count(&graph->values[graph->inputs[i]].shape);
        if (inputs[i]) memcpy(e->slots[graph->inputs[i]].value, inputs[i], n * sizeof(double));
    }
    nw_evaluation_forward(e);
    *out = e;
    return NW_OK;
}

static slot *find(nw_evaluation *e, const char *name)
{
    int index = nw_graph_find(e->graph, name);
    return index >= 0 ? &e->slots[index] : NULL;
}

double *nw_evaluation_value(nw_evaluation *e, const char *name, nw_shape *shape)
{
    slot *s = find(e, name);
    if (!s || !s->value) return NULL;
    if (shape) *shape = e->graph->values[s - e->slots].shape;
    return s->value;
}

double *nw_evaluation_diff_output(nw_evaluation *e, const char *name)
{
    slot *s = find(e, name);
    return s ? s->diff_output : NULL;
}

const double *nw_evaluation_diff(nw_evaluation *e, const char *name)
{
    slot *s = find(e, name);
    if (!s || !s->value) return NULL;
    const nw_value *value = &e->graph->values[s - e->slots];
    if (!s->diff && is_float(value)) s->diff = nw_calloc((size_t)nw_count(&value->shape), sizeof(double));
    return s->diff;
}

static nw_ref call_of(nw_evaluation *e, const nw_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        e->src[i] = node->inputs[i] >= 0 ? e->slots[node->inputs[i]].value : NULL;
        e->diff_src[i] = node->inputs[i] >= 0 ? e->slots[node->inputs[i]].diff : NULL;
    }
    for (int i = 0; i < node->output_count; i++) {
        slot *s = node->outputs[i] >= 0 ? &e->slots[node->outputs[i]] : NULL;
        e->dst[i] = !s ? NULL : s->spare ? s->spare : s->value;
        e->diff_dst[i] = s && s->flows && !s->spare ? s->diff : NULL;
    }
    return (nw_ref){e->graph, node, e->src, e->dst, e->diff_dst, e->diff_src};
}

void nw_evaluation_forward(nw_evaluation *e)
{
    for (size_t n = 0; n < e->graph->node_count; n++) {
        if (!e->live[n]) continue;
        nw_ref call = call_of(e, &e->graph->nodes[n]);
        call.node->op->forward(&call);
    }
}

void nw_evaluation_backward(nw_evaluation *e)
{
    for (size_t i = 0; i < e->graph->value_count; i++) {
        slot *s = &e->slots[i];
        int64_t n = s->diff ? nw_count(&e->graph->values[i].shape) : 0;
        s->flows = false;
        for (int64_t k = 0; k < n; k++) {
            s->diff[k] = s->diff_output ? s->diff_output[k] : 0;
            s->flows = s->flows || s->diff[k] != 0;
        }
    }
    for (size_t n = e->graph->node_count; n-- > 0;) {
        if (!e->live[n]) continue;
        nw_ref call = call_of(e, &e->graph->nodes[n]);
        bool flows = false;
        for (int i = 0; i < call.node->output_count; i++) flows = flows || call.diff_dst[i];
        if (!flows || !call.node->op->backward) continue;
        call.node->op->backward(&call);
        for (int i = 0; i < call.node->input_count; i++)
            if (call.diff_src[i]) e->slots[call.node->inputs[i]].flows = true;
    }
}
