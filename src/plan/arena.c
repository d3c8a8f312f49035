/* How long each buffer lives, and one block of memory for all of them.
 *
 * Steps are numbered through both phases. A buffer is in use from the first step that touches it to the last;
 * two buffers whose times do not meet may lie at the same place. Buffers are placed from the largest to the
 * smallest, each at the lowest place where it fits: simple, and within a few percent of the least possible
 * for networks, whose live set at the peak is a handful of large buffers.
 */
#include "base/memory.h"
#include "plan/internal.h"

#include <stdlib.h>

static void extend(void *context, nw_buffer *buffer)
{
    int step = *(const int *)context;
    nw_buffer *root = buffer->root;
    if (root->first < 0) root->first = step;
    root->last = step;
}

static void lifetimes(nw_plan *plan)
{
    int number = 0;
    for (int phase = 0; phase < 2; phase++)
        for (size_t i = 0; i < plan->steps[phase].count; i++, number++)
            nw_plan_touch(&plan->steps[phase].rows[i], extend, &number);
}

typedef struct other {
    const nw_buffer *first;
    bool found;
} other;

/* Another part of the same storage, or all of it where the first is a part: what is written would be read. */
static void find_other(void *context, nw_buffer *buffer)
{
    other *o = context;
    o->found |= buffer->root == o->first->root &&
                (buffer->within != o->first->within || buffer->bytes != o->first->bytes);
}

/* writes[0] takes over the storage of reads[0] where the step allows it and the one ends where the other
 * begins. */
static void share_in_place(nw_plan *plan)
{
    int number = 0;
    for (int phase = 0; phase < 2; phase++)
        for (size_t i = 0; i < plan->steps[phase].count; i++, number++) {
            nw_step *step = &plan->steps[phase].rows[i].step;
            if (!step->in_place || !step->reads[0] || !step->writes[0]) continue;
            nw_buffer *from = step->reads[0]->root, *to = step->writes[0]->root;
            if (step->reads[0]->within || step->reads[0]->bytes != to->bytes) continue; /* a part of it */
            if (from == to || from->constant || from->pinned || to->pinned || from->bytes != to->bytes ||
                from->last != number || to->first != number)
                continue;
            other o = {.first = step->reads[0]};
            nw_plan_touch(&plan->steps[phase].rows[i], find_other, &o);
            if (o.found) continue;
            from->last = to->last;
            for (size_t b = 0; b < plan->buffer_count; b++)
                if (plan->buffers[b]->root == to) plan->buffers[b]->root = from;
        }
}

static int larger_first(const void *a, const void *b)
{
    const nw_buffer *x = *(nw_buffer *const *)a, *y = *(nw_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first - y->first;
}

static bool meet(const nw_buffer *a, const nw_buffer *b)
{
    return a->pinned || b->pinned || (a->first <= b->last && b->first <= a->last);
}

static size_t rounded(size_t bytes)
{
    return (bytes + NW_ALIGNMENT - 1) / NW_ALIGNMENT * NW_ALIGNMENT;
}

/* The lowest offset where the buffer meets none of the `count` placed before it (kept sorted by offset). */
static size_t lowest_place(nw_buffer *const *placed, size_t count, const nw_buffer *buffer)
{
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        if (!meet(placed[i], buffer)) continue;
        if (placed[i]->offset >= offset + rounded(buffer->bytes)) break;
        size_t end = placed[i]->offset + rounded(placed[i]->bytes);
        if (end > offset) offset = end;
    }
    return offset;
}

nw_status nw_plan_finish(nw_plan *plan, nw_error *err)
{
    lifetimes(plan);
    share_in_place(plan);
    nw_buffer **roots = nw_calloc(2 * plan->buffer_count, sizeof *roots);
    if (!roots) return nw_no_memory(err, plan->buffer_count * sizeof *roots, "a plan");
    nw_buffer **placed = roots + plan->buffer_count;
    size_t count = 0, placed_count = 0, total = 0;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        nw_buffer *b = plan->buffers[i];
        if (b->root == b && !b->constant && (b->pinned || b->first >= 0)) roots[count++] = b;
    }
    qsort(roots, count, sizeof *roots, larger_first);
    for (size_t i = 0; i < count; i++) {
        nw_buffer *b = roots[i];
        b->offset = lowest_place(placed, placed_count, b);
        if (b->offset + rounded(b->bytes) > total) total = b->offset + rounded(b->bytes);
        size_t at = placed_count++;
        for (; at > 0 && placed[at - 1]->offset > b->offset; at--) placed[at] = placed[at - 1];
        placed[at] = b;
    }
    nw_free(roots);

    plan->arena = nw_calloc_aligned(total, 1, &plan->arena_block);
    if (!plan->arena) return nw_no_memory(err, total, "the activations of the program");
    plan->arena_bytes = total;
    for (size_t i = 0; i < plan->buffer_count; i++) {
        nw_buffer *b = plan->buffers[i];
        if (!b->root->constant)
            b->data = plan->arena + b->root->offset + b->within;
        else if (b->root != b)
            b->data = (unsigned char *)b->root->data + b->within;
    }
    for (int phase = 0; phase < 2; phase++)
        for (size_t i = 0; i < plan->steps[phase].count; i++) {
            nw_step *step = &plan->steps[phase].rows[i].step;
            if (step->bind) NW_TRY(step->bind(step->state, err));
        }
    return NW_OK;
}
