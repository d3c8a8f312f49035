/* Sum, Mean, Max and Min of any number of inputs of equal shape, in one pass. */
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast.h"

#include <string.h>

enum { SUM, MEAN, MAX, MIN };
enum { CHUNK = 4096 }; /* elements: stays in the first cache while the inputs pass by */

typedef struct variadic {
    int kind, count, input; /* input: whose gradient, in the backward phase */
    nw_buffer *y, *d, *dst;
    nw_buffer *src[]; /* [count] */
} variadic;

static void forward_chunk(void *context, size_t begin, size_t end)
{
    const variadic *v = context;
    float *y = v->dst->data;
    memmove(y + begin, (const float *)v->src[0]->data + begin, (end - begin) * sizeof *y);
    for (int k = 1; k < v->count; k++) {
        const float *x = v->src[k]->data;
        /* A NaN on either side stays. */
        if (v->kind == MAX)
            for (size_t i = begin; i < end; i++) y[i] = y[i] > x[i] || y[i] != y[i] ? y[i] : x[i];
        else if (v->kind == MIN)
            for (size_t i = begin; i < end; i++) y[i] = y[i] < x[i] || y[i] != y[i] ? y[i] : x[i];
        else
            for (size_t i = begin; i < end; i++) y[i] += x[i];
    }
    for (size_t i = begin; v->kind == MEAN && i < end; i++) y[i] /= (float)v->count;
}

/* Max and Min: inputs that equal the result share its gradient. */
static void backward_chunk(void *context, size_t begin, size_t end)
{
    const variadic *v = context;
    const float *d = v->d->data;
    float *dx = v->dst->data;
    if (v->kind == MEAN) {
        for (size_t i = begin; i < end; i++) dx[i] = d[i] / (float)v->count;
        return;
    }
    const float *x = v->src[v->input]->data, *y = v->y->data;
    for (size_t i = begin; i < end; i++) {
        int ties = 0;
        for (int k = 0; k < v->count; k++) ties += ((const float *)v->src[k]->data)[i] == y[i];
        dx[i] = x[i] == y[i] ? d[i] / (float)ties : 0;
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const variadic *v = state;
    nw_parallel(v->dst->bytes / sizeof(float), CHUNK, v->d ? backward_chunk : forward_chunk, state);
    return NW_OK;
}

static variadic *new_state(const nw_node *node, int kind)
{
    int n = node->input_count;
    variadic *v = nw_calloc(1, sizeof *v + (size_t)n * sizeof v->src[0]);
    if (v) *v = (variadic){.kind = kind, .count = n};
    return v;
}

/* Takes over v. Its buffers are those that it was given so far, and the inputs where they are there. */
static nw_status add_step(nw_plan *plan, const nw_node *node, variadic *v, nw_error *err)
{
    nw_step step = {.kind = node->op->type, .impl = "narrows", .state = v, .run = run, .writes = {v->dst}};
    int n = 0;
    if (v->d) step.reads[n++] = v->d;
    if (v->y) step.reads[n++] = v->y;
    NW_TRY(nw_plan_step(plan, &step, err));
    return v->src[0] ? nw_plan_touches(plan, v->src, v->count, false, err) : NW_OK;
}

static int kind_of(const nw_node *node)
{
    static const char *const names[] = {"Sum", "Mean", "Max", "Min"};
    for (int i = 0; i < 4; i++)
        if (strcmp(node->op->type, names[i]) == 0) return i;
    return -1;
}

/* One shape, single precision. */
static bool alike(nw_plan *plan, const nw_node *node)
{
    const nw_graph *graph = nw_plan_graph(plan);
    const nw_shape *out = nw_out_shape(graph, node, 0);
    for (int i = 0; i < node->input_count; i++)
        if (graph->values[node->inputs[i]].dtype != NW_F32 ||
            !nw_shape_equal(nw_in_shape(graph, node, i), out))
            return false;
    return nw_count(out) > 0;
}

/* A blocked input draws the others to its side. */
static nw_layout common_layout(nw_plan *plan, const nw_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const nw_layout *layout = nw_plan_layout(plan, node->inputs[i]);
        if (layout && layout->block > 1) return *layout;
    }
    return nw_layout_plain(NW_F32, nw_out_shape(nw_plan_graph(plan), node, 0));
}

static nw_status read_inputs(nw_plan *plan, const nw_node *node, const nw_layout *layout, variadic *v,
                             nw_error *err)
{
    for (int i = 0; i < v->count; i++) NW_TRY(nw_plan_src(plan, node->inputs[i], layout, &v->src[i], err));
    return NW_OK;
}

static nw_status forward(nw_plan *plan, const nw_node *node, int kind, const nw_layout *layout, nw_error *err)
{
    variadic *v = new_state(node, kind);
    if (!v) return nw_no_memory(err, sizeof *v, "a step");
    nw_status status = read_inputs(plan, node, layout, v, err);
    if (status == NW_OK) status = nw_plan_dst(plan, node->outputs[0], layout, &v->dst, err);
    if (status == NW_OK) return add_step(plan, node, v, err);
    nw_free(v);
    return status;
}

static nw_status backward(nw_plan *plan, const nw_node *node, int kind, int input, const nw_layout *layout,
                          nw_buffer *d, nw_error *err)
{
    variadic *v = new_state(node, kind);
    if (!v) return nw_no_memory(err, sizeof *v, "a step");
    v->d = d;
    v->input = input;
    nw_status status = NW_OK;
    if (kind != MEAN) {
        status = read_inputs(plan, node, layout, v, err);
        if (status == NW_OK) status = nw_plan_src(plan, node->outputs[0], layout, &v->y, err);
    }
    if (status == NW_OK) status = nw_plan_diff_src(plan, node->inputs[input], layout, &v->dst, err);
    if (status == NW_OK) return add_step(plan, node, v, err);
    nw_free(v);
    return status;
}

nw_status nw_fast_variadic(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    int kind = kind_of(node);
    if (kind == SUM && node->input_count == 2) return nw_fast_binary(plan, node, declined, err);
    if (kind < 0 || !alike(plan, node)) {
        *declined = true;
        return NW_OK;
    }
    nw_layout layout = common_layout(plan, node);
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) return forward(plan, node, kind, &layout, err);
    nw_buffer *d;
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &layout, &d, err));
    for (int i = 0; i < node->input_count; i++) {
        if (!nw_plan_wants_diff(plan, node->inputs[i])) continue;
        if (kind == SUM)
            NW_TRY(nw_plan_add_diff(plan, node->inputs[i], d, err));
        else
            NW_TRY(backward(plan, node, kind, i, &layout, d, err));
    }
    return NW_OK;
}
