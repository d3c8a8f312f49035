/* The reference path of an operator as a step of a plan: in double, on plain arrays. On the fast path it
 * stands in for operators that have no fast one: what it reads is widened, what it gives is rounded. */
#include "base/memory.h"
#include "engine/program.h"

#include <stdlib.h>
#include <string.h>

/* One array of a call: the plan's buffer, and where it is double for the call. */
typedef struct port {
    nw_buffer *buffer;
    size_t count, offset; /* elements; of its double copy in the scratch */
    bool wide;            /* the buffer itself is double */
} port;

typedef struct reference {
    const nw_op *op;
    nw_ref call;
    bool backward;
    int inputs, outputs;
    port *src, *dst, *diff_dst, *diff_src;               /* buffer NULL: not there */
    double **src_p, **dst_p, **diff_dst_p, **diff_src_p; /* what the call sees */
    nw_buffer *scratch;
    size_t scratch_count;
} reference;

static void destroy(void *state)
{
    reference *r = state;
    nw_free(r->src);
    nw_free(r->src_p);
    nw_free(r);
}

static reference *allocate(const nw_node *node)
{
    reference *r = nw_calloc(1, sizeof *r);
    size_t n = 2 * (size_t)(node->input_count + node->output_count);
    port *ports = nw_calloc(n, sizeof *ports);
    double **pointers = nw_calloc(n, sizeof *pointers);
    if (!r || !ports || !pointers) {
        nw_free(r);
        nw_free(ports);
        nw_free(pointers);
        return NULL;
    }
    r->inputs = node->input_count;
    r->outputs = node->output_count;
    r->src = ports;
    r->diff_src = r->src + r->inputs;
    r->dst = r->diff_src + r->inputs;
    r->diff_dst = r->dst + r->outputs;
    r->src_p = pointers;
    r->diff_src_p = r->src_p + r->inputs;
    r->dst_p = r->diff_src_p + r->inputs;
    r->diff_dst_p = r->dst_p + r->outputs;
    return r;
}

static void set(reference *r, port *p, nw_buffer *buffer)
{
    p->buffer = buffer;
    p->count = (size_t)nw_count(&buffer->layout.shape);
    p->wide = buffer->layout.dtype == NW_F64;
    if (p->wide) return;
    p->offset = r->scratch_count;
    r->scratch_count += p->count;
}

/* Without scratch the arrays that are not wide have no elements; their pointers only must not be NULL. */
static void point(const reference *r, port *ports, double **pointers, int count)
{
    for (int i = 0; i < count; i++)
        if (ports[i].buffer)
            pointers[i] = ports[i].wide || !r->scratch ? ports[i].buffer->data
                                                       : (double *)r->scratch->data + ports[i].offset;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    reference *r = state;
    point(r, r->src, r->src_p, r->inputs);
    point(r, r->diff_src, r->diff_src_p, r->inputs);
    point(r, r->dst, r->dst_p, r->outputs);
    point(r, r->diff_dst, r->diff_dst_p, r->outputs);
    r->call.src = (const double *const *)r->src_p;
    r->call.dst = (double *const *)r->dst_p;
    r->call.diff_dst = (const double *const *)r->diff_dst_p;
    r->call.diff_src = (double *const *)r->diff_src_p;
    return NW_OK;
}

static void widen(port *ports, double **pointers, int count)
{
    for (int i = 0; i < count; i++) {
        if (!ports[i].buffer || ports[i].wide) continue;
        const float *from = ports[i].buffer->data;
        for (size_t k = 0; k < ports[i].count; k++) pointers[i][k] = (double)from[k];
    }
}

static void narrow(port *ports, double **pointers, int count)
{
    for (int i = 0; i < count; i++) {
        if (!ports[i].buffer || ports[i].wide) continue;
        float *to = ports[i].buffer->data;
        for (size_t k = 0; k < ports[i].count; k++) to[k] = (float)pointers[i][k];
    }
}

/* What fusion hung on the node. */
static void finish_fused(reference *r)
{
    const nw_node *node = r->call.node;
    double *dst = r->dst_p[0];
    for (size_t i = 0; node->fused_add && i < r->dst[0].count; i++) dst[i] += r->src_p[r->inputs - 1][i];
    double alpha = (double)node->act.alpha, beta = (double)node->act.beta;
    for (size_t i = 0; node->act.kind != NW_ACT_NONE && i < r->dst[0].count; i++) {
        double x = dst[i];
        switch (node->act.kind) {
        case NW_ACT_NONE: break;
        case NW_ACT_RELU: dst[i] = x < 0 ? 0 : x; break;
        case NW_ACT_LEAKY: dst[i] = x < 0 ? alpha * x : x; break;
        case NW_ACT_CLIP: dst[i] = x < alpha ? alpha : x > beta ? beta : x; break;
        }
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    reference *r = state;
    widen(r->src, r->src_p, r->inputs);
    if (!r->backward) {
        r->op->forward(&r->call);
        finish_fused(r);
        narrow(r->dst, r->dst_p, r->outputs);
        return NW_OK;
    }
    widen(r->dst, r->dst_p, r->outputs);
    widen(r->diff_dst, r->diff_dst_p, r->outputs);
    for (int i = 0; i < r->inputs; i++)
        if (r->diff_src[i].buffer) memset(r->diff_src_p[i], 0, r->diff_src[i].count * sizeof(double));
    r->op->backward(&r->call);
    narrow(r->diff_src, r->diff_src_p, r->inputs);
    return NW_OK;
}

/* Constants come as exact doubles, other values plain in the plan's type. */
static nw_status source(nw_plan *plan, int value, nw_buffer **out, nw_error *err)
{
    const nw_value *v = &nw_plan_graph(plan)->values[value];
    nw_layout plain = nw_layout_plain(nw_plan_dtype(plan), &v->shape);
    if (!v->data) return nw_plan_src(plan, value, &plain, out, err);
    nw_tensor *wide;
    NW_TRY(nw_tensor_convert(v->data, NW_F64, &wide, err));
    nw_layout layout = nw_layout_plain(NW_F64, &v->shape);
    return nw_plan_constant(plan, &layout, wide->data, wide, out, err);
}

static nw_status gather(nw_plan *plan, const nw_node *node, reference *r, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] < 0) continue;
        nw_buffer *buffer;
        NW_TRY(source(plan, node->inputs[i], &buffer, err));
        set(r, &r->src[i], buffer);
    }
    for (int i = 0; i < node->output_count; i++) {
        int v = node->outputs[i];
        if (v < 0) continue;
        nw_layout plain = nw_layout_plain(nw_plan_dtype(plan), &graph->values[v].shape);
        nw_buffer *buffer;
        if (r->backward)
            NW_TRY(nw_plan_src(plan, v, &plain, &buffer, err));
        else
            NW_TRY(nw_plan_dst(plan, v, &plain, &buffer, err));
        set(r, &r->dst[i], buffer);
        if (!r->backward || !nw_plan_has_diff(plan, v)) continue;
        NW_TRY(nw_plan_diff_act(plan, v, &node->act, &plain, &buffer, err));
        set(r, &r->diff_dst[i], buffer);
        /* What a fused sum added gets the gradient as it is. */
        int added = node->fused_add ? node->inputs[node->input_count - 1] : -1;
        if (nw_plan_wants_diff(plan, added)) NW_TRY(nw_plan_add_diff(plan, added, buffer, err));
    }
    for (int i = 0; r->backward && i < node->input_count - node->fused_add; i++) {
        int v = node->inputs[i];
        if (!nw_plan_wants_diff(plan, v)) continue;
        nw_layout plain = nw_layout_plain(nw_plan_dtype(plan), &graph->values[v].shape);
        nw_buffer *buffer;
        NW_TRY(nw_plan_diff_src(plan, v, &plain, &buffer, err));
        set(r, &r->diff_src[i], buffer);
    }
    return NW_OK;
}

static nw_status touch(nw_plan *plan, port *ports, int count, bool write, nw_error *err)
{
    for (int i = 0; i < count; i++)
        if (ports[i].buffer) NW_TRY(nw_plan_touches(plan, &ports[i].buffer, 1, write, err));
    return NW_OK;
}

nw_status nw_reference_step(nw_plan *plan, const nw_node *node, nw_error *err)
{
    reference *r = allocate(node);
    if (!r) return nw_no_memory(err, sizeof *r, "a step");
    r->op = node->op;
    r->backward = nw_plan_phase(plan) == NW_PHASE_BACKWARD;
    r->call.graph = nw_plan_graph(plan);
    r->call.node = node;
    nw_status status = gather(plan, node, r, err);
    if (status == NW_OK && r->scratch_count)
        status = nw_plan_scratch(plan, r->scratch_count * sizeof(double), &r->scratch, err);
    if (status != NW_OK) {
        destroy(r);
        return status;
    }
    nw_step step = {.kind = node->op->type,
                    .impl = "reference",
                    .state = r,
                    .run = run,
                    .bind = bind,
                    .destroy = destroy,
                    .writes = {r->scratch}};
    NW_TRY(nw_plan_step(plan, &step, err));
    NW_TRY(touch(plan, r->src, r->inputs, false, err));
    NW_TRY(touch(plan, r->dst, r->outputs, true, err));
    NW_TRY(touch(plan, r->diff_dst, r->outputs, false, err));
    return touch(plan, r->diff_src, r->inputs, true, err);
}
