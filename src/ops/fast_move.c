/* Data movement on the fast path: the description that an operator gives for the reference path (move.h),
 * worked out once and walked in single precision. Blocked layouts are kept wherever channels move in whole
 * blocks.
 *
 * A step writes one array: a result, or the gradient of an input, from all pieces that belong to it.
 */
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_route.h"

#include <string.h>

/* -- the step -- */

typedef struct part {
    nw_route route;
    nw_buffer *other; /* the source, or the gradient of the result */
} part;

typedef struct moves {
    bool forward, assign; /* assign: backward, and every element of the gradient is written once */
    nw_buffer *target;
    size_t count;
    part *parts;
} moves;

static void zero(void *context, size_t begin, size_t end)
{
    memset((float *)((const moves *)context)->target->data + begin, 0, (end - begin) * sizeof(float));
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const moves *m = state;
    float *target = m->target->data;
    if (!m->forward && !m->assign) nw_parallel(m->target->bytes / sizeof(float), 16384, zero, state);
    for (size_t i = 0; i < m->count; i++) {
        const part *p = &m->parts[i];
        if (m->forward)
            nw_route_forward(&p->route, p->other->data, target);
        else if (m->assign)
            nw_route_assign(&p->route, p->other->data, target);
        else
            nw_route_add(&p->route, p->other->data, target);
    }
    return NW_OK;
}

static void destroy(void *state)
{
    moves *m = state;
    for (size_t i = 0; i < m->count; i++) nw_route_clear(&m->parts[i].route);
    nw_free(m->parts);
    nw_free(m);
}

/* -- what a node moves -- */

typedef struct plan_of_node {
    nw_plan *plan;
    const nw_node *node;
    nw_tensor **wide; /* [input_count] constants in double, for describe */
    nw_move *moves;
    nw_layout *src, *dst; /* of each move */
    size_t count, capacity;
} plan_of_node;

static void clear(plan_of_node *p)
{
    for (int i = 0; p->wide && i < p->node->input_count; i++) nw_tensor_unref(p->wide[i]);
    nw_free(p->wide);
    nw_free(p->moves);
    nw_free(p->src);
}

static nw_status describe_all(plan_of_node *p, nw_move_fn describe, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(p->plan);
    size_t inputs = (size_t)p->node->input_count;
    p->wide = nw_calloc(inputs, sizeof *p->wide);
    const double **src = nw_calloc(inputs, sizeof *src);
    nw_status status = p->wide && src ? NW_OK : nw_no_memory(err, inputs * sizeof *src, "a step");
    /* Input 0 is data everywhere. */
    for (int i = 1; i < p->node->input_count && status == NW_OK; i++) {
        nw_tensor *constant = nw_fast_constant(p->plan, p->node, i);
        if (!constant) continue;
        status = nw_tensor_convert(constant, NW_F64, &p->wide[i], err);
        if (status == NW_OK) src[i] = nw_tensor_data_const(p->wide[i]);
    }
    nw_ref call = {.graph = graph, .node = p->node, .src = src};
    while (status == NW_OK) {
        if (!NW_GROW(p->moves, p->capacity, p->count))
            status = nw_no_memory(err, sizeof *p->moves, "a step");
        else if (describe(&call, (int)p->count, &p->moves[p->count]))
            p->count++;
        else
            break;
    }
    nw_free(src);
    if (status != NW_OK) return status;
    p->src = nw_calloc(2 * p->count, sizeof *p->src);
    p->dst = p->src + p->count;
    return p->src ? NW_OK : nw_no_memory(err, p->count * sizeof *p->src, "a step");
}

/* Single precision with elements, and everything that the description depends on is constant. */
static bool understood(const plan_of_node *p)
{
    const nw_graph *graph = nw_plan_graph(p->plan);
    for (int i = 0; i < p->node->input_count; i++) {
        if (p->node->inputs[i] < 0) continue;
        const nw_value *value = &graph->values[p->node->inputs[i]];
        bool moved = false;
        for (size_t k = 0; k < p->count; k++) moved |= p->moves[k].input == i;
        if (moved ? value->dtype != NW_F32 || !nw_count(&value->shape) : !value->data) return false;
    }
    for (int i = 0; i < p->node->output_count; i++)
        if (p->node->outputs[i] >= 0 && !nw_count(nw_out_shape(graph, p->node, i))) return false;
    return p->count > 0;
}

static bool absent(const plan_of_node *p, const nw_move *move)
{
    return p->node->outputs[move->output] < 0;
}

/* Lays everything out like `like`; false where some piece does not fit into it. */
static nw_status lay_out(plan_of_node *p, const nw_layout *like, bool *fits, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(p->plan);
    *fits = true;
    for (size_t i = 0; i < p->count && *fits; i++) {
        if (absent(p, &p->moves[i])) continue;
        const nw_shape *from = nw_in_shape(graph, p->node, p->moves[i].input);
        const nw_shape *to = nw_out_shape(graph, p->node, p->moves[i].output);
        nw_route route;
        *fits = like->block == 1 || (from->rank == to->rank && like->axis < from->rank);
        if (!*fits) break;
        p->src[i] = nw_layout_like(like, from);
        p->dst[i] = nw_layout_like(like, to);
        if (like->block == 1) continue;
        NW_TRY(nw_route_make(&p->moves[i], &p->src[i], &p->dst[i], &route, fits, err));
        nw_route_clear(&route);
    }
    return NW_OK;
}

/* As the first blocked input, where that works, else plain. */
static nw_status choose_layouts(plan_of_node *p, nw_error *err)
{
    bool fits = false;
    for (size_t i = 0; i < p->count; i++) {
        const nw_layout *layout = nw_plan_layout(p->plan, p->node->inputs[p->moves[i].input]);
        if (!layout) return nw_no_memory(err, sizeof *layout, "a step");
        if (layout->block == 1) continue;
        nw_layout like = *layout;
        NW_TRY(lay_out(p, &like, &fits, err));
        break;
    }
    if (fits) return NW_OK;
    nw_layout plain = {.dtype = NW_F32, .block = 1};
    return lay_out(p, &plain, &fits, err);
}

/* -- steps -- */

static bool belongs(const plan_of_node *p, const nw_move *move, int target)
{
    if (nw_plan_phase(p->plan) == NW_PHASE_FORWARD) return move->output == target;
    return move->input == target && nw_plan_has_diff(p->plan, p->node->outputs[move->output]);
}

static nw_status add_part(const plan_of_node *p, moves *m, size_t i, nw_error *err)
{
    const nw_move *move = &p->moves[i];
    part *to = &m->parts[m->count];
    bool fits;
    if (m->forward)
        NW_TRY(nw_plan_src(p->plan, p->node->inputs[move->input], &p->src[i], &to->other, err));
    else
        NW_TRY(nw_plan_diff_dst(p->plan, p->node->outputs[move->output], &p->dst[i], &to->other, err));
    NW_TRY(nw_route_make(move, &p->src[i], &p->dst[i], &to->route, &fits, err));
    m->count++;
    return NW_OK;
}

static nw_status fill_step(const plan_of_node *p, moves *m, int target, nw_error *err)
{
    const nw_layout *layout = NULL;
    m->forward = nw_plan_phase(p->plan) == NW_PHASE_FORWARD;
    m->parts = nw_calloc(p->count, sizeof *m->parts);
    if (!m->parts) return nw_no_memory(err, p->count * sizeof *m->parts, "a step");
    for (size_t i = 0; i < p->count; i++) {
        if (!belongs(p, &p->moves[i], target)) continue;
        layout = m->forward ? &p->dst[i] : &p->src[i];
        NW_TRY(add_part(p, m, i, err));
    }
    if (!layout) return NW_OK;
    if (m->forward) return nw_plan_dst(p->plan, p->node->outputs[target], layout, &m->target, err);
    int64_t read = 0;
    bool shared = false;
    for (size_t i = 0; i < m->count; i++) {
        read += m->parts[i].route.read;
        shared |= m->parts[i].route.shared;
    }
    m->assign = !shared && read == nw_layout_count(layout);
    return nw_plan_diff_src(p->plan, p->node->inputs[target], layout, &m->target, err);
}

/* Whether a result is some elements of the source that lie behind each other as the result's do. */
static bool is_window(const nw_route *route, const nw_layout *dst)
{
    const nw_route_axis *axis = &route->axis[0];
    return route->rank == 1 && !axis->table && axis->low == 0 && axis->high == axis->count &&
           axis->src_step == 1 && axis->dst_step == 1 && route->dst_offset == 0 &&
           axis->count == nw_layout_count(dst) &&
           route->src_offset * (int64_t)sizeof(float) % NW_ALIGNMENT == 0;
}

/* Where in the source the result of move i is a window: bytes from its start, or -1. */
static nw_status window_of(const plan_of_node *p, size_t i, int64_t *offset, nw_error *err)
{
    nw_route route;
    bool fits;
    NW_TRY(nw_route_make(&p->moves[i], &p->src[i], &p->dst[i], &route, &fits, err));
    *offset = fits && is_window(&route, &p->dst[i]) ? route.src_offset * (int64_t)sizeof(float) : -1;
    nw_route_clear(&route);
    return NW_OK;
}

/* The result as a part of the source's own storage: the channels of a Split of one image. */
static nw_status add_window(const plan_of_node *p, int target, bool *done, nw_error *err)
{
    *done = false;
    for (size_t i = 0; i < p->count; i++) {
        int64_t offset;
        nw_buffer *src, *window;
        if (p->moves[i].output != target) continue;
        NW_TRY(window_of(p, i, &offset, err));
        if (offset < 0) return NW_OK;
        *done = true;
        NW_TRY(nw_plan_src(p->plan, p->node->inputs[p->moves[i].input], &p->src[i], &src, err));
        NW_TRY(nw_plan_window(p->plan, src, &p->dst[i], (size_t)offset, &window, err));
        return nw_plan_set_dst(p->plan, p->node->outputs[target], window, err);
    }
    return NW_OK;
}

/* The gradient of an input whose parts, together all of it, are the gradients of the results: those are
 * summed where they belong. */
static nw_status add_diff_windows(const plan_of_node *p, int target, bool *done, nw_error *err)
{
    int64_t covered = 0, offset = 0;
    const nw_layout *whole = NULL;
    *done = false;
    for (size_t i = 0; i < p->count && offset >= 0; i++) {
        if (p->moves[i].input != target) continue;
        int output = p->node->outputs[p->moves[i].output];
        if (!nw_plan_has_diff(p->plan, output)) return NW_OK; /* or absent, which has no layout either */
        whole = &p->src[i];
        NW_TRY(window_of(p, i, &offset, err));
        if (offset != covered * (int64_t)sizeof(float) ||
            !nw_layout_equal(nw_plan_layout(p->plan, output), &p->dst[i]))
            offset = -1;
        covered += nw_layout_count(&p->dst[i]);
    }
    *done = whole && offset >= 0 && covered == nw_layout_count(whole);
    if (!*done) return NW_OK;
    nw_buffer *diff, *window;
    /* The source's activation too, while the parts are at hand. */
    const nw_act *act = nw_plan_take_act(p->plan, p->node->inputs[target]);
    NW_TRY(nw_plan_diff_src(p->plan, p->node->inputs[target], whole, &diff, err));
    offset = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->moves[i].input != target) continue;
        NW_TRY(nw_plan_window(p->plan, diff, &p->dst[i], (size_t)offset, &window, err));
        NW_TRY(nw_plan_diff_into(p->plan, p->node->outputs[p->moves[i].output], act, window, err));
        offset += nw_layout_count(&p->dst[i]) * (int64_t)sizeof(float);
    }
    return NW_OK;
}

static nw_status add_step(const plan_of_node *p, int target, nw_error *err)
{
    bool forward = nw_plan_phase(p->plan) == NW_PHASE_FORWARD, done;
    NW_TRY(forward ? add_window(p, target, &done, err) : add_diff_windows(p, target, &done, err));
    if (done) return NW_OK;
    moves *m = nw_calloc(1, sizeof *m);
    if (!m) return nw_no_memory(err, sizeof *m, "a step");
    nw_status status = fill_step(p, m, target, err);
    if (status != NW_OK || !m->count) {
        destroy(m);
        return status;
    }
    nw_step step = {.kind = p->node->op->type,
                    .impl = "narrows",
                    .state = m,
                    .run = run,
                    .destroy = destroy,
                    .writes = {m->target}};
    NW_TRY(nw_plan_step(p->plan, &step, err));
    for (size_t i = 0; i < m->count; i++) NW_TRY(nw_plan_touches(p->plan, &m->parts[i].other, 1, false, err));
    return NW_OK;
}

static nw_status add_steps(const plan_of_node *p, nw_error *err)
{
    bool forward = nw_plan_phase(p->plan) == NW_PHASE_FORWARD;
    int targets = forward ? p->node->output_count : p->node->input_count;
    for (int i = 0; i < targets; i++)
        if (forward ? p->node->outputs[i] >= 0 : nw_plan_wants_diff(p->plan, p->node->inputs[i]))
            NW_TRY(add_step(p, i, err));
    return NW_OK;
}

nw_status nw_fast_move(nw_plan *plan, const nw_node *node, nw_move_fn describe, bool *declined, nw_error *err)
{
    plan_of_node p = {.plan = plan, .node = node};
    nw_status status = describe_all(&p, describe, err);
    if (status == NW_OK && !understood(&p)) {
        *declined = true;
    } else if (status == NW_OK) {
        status = choose_layouts(&p, err);
        if (status == NW_OK) status = add_steps(&p, err);
    }
    clear(&p);
    return status;
}
