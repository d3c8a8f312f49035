#include "base/memory.h"
#include "plan/internal.h"

#include <string.h>

nw_status nw_plan_new(const nw_graph *graph, nw_dtype dtype, nw_backend *backend, nw_weights_cache *weights,
                      const bool *wants_diff, nw_plan **out, nw_error *err)
{
    nw_plan *plan = nw_calloc(1, sizeof *plan);
    nw_plan_value *values = nw_calloc(graph->value_count, sizeof *values);
    nw_buffer **left = nw_calloc(graph->node_count, sizeof *left);
    if (!plan || !values || !left) {
        nw_free(plan);
        nw_free(values);
        nw_free(left);
        return nw_no_memory(err, graph->value_count * sizeof *values, "a plan");
    }
    for (size_t i = 0; i < graph->value_count; i++) values[i].wants_diff = wants_diff[i];
    *plan = (nw_plan){.graph = graph,
                      .dtype = dtype,
                      .backend = backend,
                      .weights = weights,
                      .values = values,
                      .left = left,
                      .node = -1};
    *out = plan;
    return NW_OK;
}

static void destroy_state(nw_step *step)
{
    if (step->destroy)
        step->destroy(step->state);
    else
        nw_free(step->state);
}

void nw_plan_free(nw_plan *plan)
{
    if (!plan) return;
    for (int phase = 0; phase < 2; phase++) {
        for (size_t i = 0; i < plan->steps[phase].count; i++) {
            destroy_state(&plan->steps[phase].rows[i].step);
            nw_free(plan->steps[phase].rows[i].more);
        }
        nw_free(plan->steps[phase].rows);
    }
    for (size_t i = 0; i < plan->graph->value_count; i++) nw_free(plan->values[i].contributions);
    nw_free(plan->values);
    nw_free(plan->left);
    for (size_t i = 0; i < plan->buffer_count; i++) nw_free(plan->buffers[i]);
    nw_free(plan->buffers);
    for (size_t i = 0; i < plan->owner_count; i++) nw_tensor_unref(plan->owners[i]);
    nw_free(plan->owners);
    nw_free(plan->arena_block);
    nw_free(plan);
}

const nw_graph *nw_plan_graph(const nw_plan *plan)
{
    return plan->graph;
}
nw_phase nw_plan_phase(const nw_plan *plan)
{
    return plan->phase;
}
nw_dtype nw_plan_dtype(const nw_plan *plan)
{
    return plan->dtype;
}
nw_backend *nw_plan_backend(nw_plan *plan)
{
    return plan->backend;
}
nw_weights_cache *nw_plan_weights(nw_plan *plan)
{
    return plan->weights;
}
bool nw_plan_bf16(const nw_plan *plan)
{
    return plan->bf16;
}

bool nw_plan_int8(const nw_plan *plan)
{
    return plan->int8;
}

void nw_plan_set_int8(nw_plan *plan, bool int8)
{
    plan->int8 = int8;
}

bool nw_plan_few_runs(const nw_plan *plan)
{
    return plan->few_runs;
}

void nw_plan_set_few_runs(nw_plan *plan, bool few)
{
    plan->few_runs = few;
}

void nw_plan_set_bf16(nw_plan *plan, bool bf16)
{
    plan->bf16 = bf16;
}

int nw_plan_block(const nw_plan *plan)
{
    return plan->backend ? nw_backend_block() : 1;
}
void nw_plan_set_phase(nw_plan *plan, nw_phase phase)
{
    plan->phase = phase;
}
void nw_plan_set_node(nw_plan *plan, int node)
{
    plan->node = node;
}
size_t nw_plan_memory(const nw_plan *plan)
{
    return plan->arena_bytes;
}

static nw_status new_buffer(nw_plan *plan, const nw_layout *layout, size_t bytes, nw_buffer **out,
                            nw_error *err)
{
    nw_buffer *buffer = nw_calloc(1, sizeof *buffer);
    if (!buffer || !NW_GROW(plan->buffers, plan->buffer_capacity, plan->buffer_count)) {
        nw_free(buffer);
        return nw_no_memory(err, sizeof *buffer, "a plan");
    }
    *buffer = (nw_buffer){.layout = *layout, .bytes = bytes, .root = buffer, .first = -1, .last = -1};
    plan->buffers[plan->buffer_count++] = buffer;
    *out = buffer;
    return NW_OK;
}

static nw_status layout_bytes(const nw_layout *layout, size_t *bytes, nw_error *err)
{
    int64_t count;
    /* Blocks and the sum of a program's buffers must fit too: half the address space is far beyond that. */
    if (!nw_shape_count(&layout->shape, &count) || count > INT64_MAX / 1024) {
        char text[NW_SHAPE_TEXT];
        return nw_fail(err, NW_BAD_MODEL, "a tensor of shape %s is too large",
                       nw_shape_text(&layout->shape, text, sizeof text));
    }
    *bytes = (size_t)nw_layout_count(layout) * nw_dtype_size(layout->dtype);
    return NW_OK;
}

nw_status nw_plan_buffer(nw_plan *plan, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    size_t bytes;
    NW_TRY(layout_bytes(layout, &bytes, err));
    return new_buffer(plan, layout, bytes, out, err);
}

nw_status nw_plan_scratch(nw_plan *plan, size_t bytes, nw_buffer **out, nw_error *err)
{
    nw_layout none = {.dtype = NW_U8, .block = 1};
    return new_buffer(plan, &none, bytes, out, err);
}

nw_status nw_plan_pinned(nw_plan *plan, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    NW_TRY(nw_plan_buffer(plan, layout, out, err));
    (*out)->pinned = true;
    return NW_OK;
}

nw_status nw_plan_view(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, nw_buffer **out,
                       nw_error *err)
{
    size_t bytes;
    NW_TRY(layout_bytes(layout, &bytes, err));
    if (bytes != buffer->bytes) return nw_fail(err, NW_FAILED, "a view of another size than its buffer");
    return nw_plan_window(plan, buffer, layout, 0, out, err);
}

nw_status nw_plan_window(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, size_t offset,
                         nw_buffer **out, nw_error *err)
{
    size_t bytes;
    NW_TRY(layout_bytes(layout, &bytes, err));
    if (offset % NW_ALIGNMENT || offset > buffer->bytes || bytes > buffer->bytes - offset)
        return nw_fail(err, NW_FAILED, "a view that is not within its buffer");
    NW_TRY(new_buffer(plan, layout, bytes, out, err));
    (*out)->root = buffer->root;
    (*out)->within = buffer->within + offset;
    return NW_OK;
}

nw_status nw_plan_constant(nw_plan *plan, const nw_layout *layout, const void *data, nw_tensor *owner,
                           nw_buffer **out, nw_error *err)
{
    if (owner && !NW_GROW(plan->owners, plan->owner_capacity, plan->owner_count)) {
        nw_tensor_unref(owner);
        return nw_no_memory(err, sizeof owner, "a plan");
    }
    if (owner) plan->owners[plan->owner_count++] = owner;
    NW_TRY(nw_plan_buffer(plan, layout, out, err));
    (*out)->constant = true;
    (*out)->data = (void *)(uintptr_t)data; /* steps read constants only */
    return NW_OK;
}

nw_status nw_plan_step(nw_plan *plan, const nw_step *step, nw_error *err)
{
    nw_plan_steps *steps = &plan->steps[plan->phase];
    if (!NW_GROW(steps->rows, steps->capacity, steps->count)) {
        nw_step copy = *step;
        destroy_state(&copy);
        return nw_no_memory(err, sizeof *step, "a plan");
    }
    nw_plan_step_row *row = &steps->rows[steps->count++];
    *row = (nw_plan_step_row){.step = *step};
    row->step.node = plan->node;
    if (row->step.bytes == 0) {
        for (int i = 0; i < 10 && step->reads[i]; i++) row->step.bytes += (double)step->reads[i]->bytes;
        for (int i = 0; i < 6 && step->writes[i]; i++) row->step.bytes += (double)step->writes[i]->bytes;
    }
    return NW_OK;
}

nw_status nw_plan_touches(nw_plan *plan, nw_buffer *const *buffers, int count, bool write, nw_error *err)
{
    (void)write; /* lifetimes are the same; the word is for the reader */
    nw_plan_steps *steps = &plan->steps[plan->phase];
    nw_plan_step_row *row = &steps->rows[steps->count - 1];
    nw_buffer **more = nw_realloc(row->more, (size_t)(row->more_count + count), sizeof *more);
    if (!more) return nw_no_memory(err, sizeof *more, "a plan");
    row->more = more;
    for (int i = 0; i < count; i++) {
        more[row->more_count++] = buffers[i];
        row->step.bytes += (double)buffers[i]->bytes;
    }
    return NW_OK;
}

void nw_plan_leave(nw_plan *plan, nw_buffer *buffer)
{
    plan->left[plan->node] = buffer;
}
nw_buffer *nw_plan_left(const nw_plan *plan)
{
    return plan->left[plan->node];
}

void nw_plan_touch(nw_plan_step_row *row, void (*fn)(void *context, nw_buffer *buffer), void *context)
{
    for (int i = 0; i < 10 && row->step.reads[i]; i++) fn(context, row->step.reads[i]);
    for (int i = 0; i < row->more_count; i++) fn(context, row->more[i]);
    for (int i = 0; i < 6 && row->step.writes[i]; i++) fn(context, row->step.writes[i]);
}

size_t nw_plan_step_count(const nw_plan *plan)
{
    return plan->steps[0].count + plan->steps[1].count;
}

const nw_step *nw_plan_step_at(const nw_plan *plan, size_t i, nw_phase *phase)
{
    *phase = i < plan->steps[0].count ? NW_PHASE_FORWARD : NW_PHASE_BACKWARD;
    return *phase == NW_PHASE_FORWARD ? &plan->steps[0].rows[i].step
                                      : &plan->steps[1].rows[i - plan->steps[0].count].step;
}

nw_status nw_plan_run(nw_plan *plan, nw_phase phase, nw_recorder *recorder, nw_error *err)
{
    nw_plan_steps *steps = &plan->steps[phase];
    size_t offset = phase == NW_PHASE_FORWARD ? 0 : plan->steps[0].count;
    double start = nw_record_start(recorder);
    for (size_t i = 0; i < steps->count; i++) {
        NW_TRY(steps->rows[i].step.run(steps->rows[i].step.state, err));
        start = nw_record(recorder, offset + i, start);
    }
    return NW_OK;
}
