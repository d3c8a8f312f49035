#include "base/memory.h"
#include "plan/internal.h"

#include <stdio.h>

typedef struct reorder {
    nw_kernel *kernel;
    nw_buffer *src, *dst, *scratch;
} reorder;

static nw_status run(void *state, nw_error *err)
{
    return nw_kernel_run(((reorder *)state)->kernel, err);
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    reorder *r = state;
    nw_kernel_set(r->kernel, NW_SLOT_SRC, r->src->data);
    nw_kernel_set(r->kernel, NW_SLOT_DST, r->dst->data);
    if (r->scratch) nw_kernel_set(r->kernel, NW_SLOT_SCRATCH, r->scratch->data);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_kernel_free(((reorder *)state)->kernel);
    nw_free(state);
}

nw_status nw_plan_reorder(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err)
{
    if (nw_layout_is_plain(&src->layout) && nw_layout_is_plain(&dst->layout) &&
        src->layout.dtype == dst->layout.dtype)
        return nw_plan_copy(plan, src, dst, err);
    reorder *r = nw_calloc(1, sizeof *r);
    if (!r) return nw_no_memory(err, sizeof *r, "a step");
    r->src = src;
    r->dst = dst;
    nw_status status = nw_reorder_kernel(plan->backend, &src->layout, &dst->layout, &r->kernel, err);
    size_t scratch = status == NW_OK ? nw_kernel_bytes(r->kernel, NW_SLOT_SCRATCH) : 0;
    if (scratch) status = nw_plan_scratch(plan, scratch, &r->scratch, err);
    if (status != NW_OK) {
        destroy(r);
        return status;
    }
    nw_step step = {.kind = "reorder",
                    .state = r,
                    .run = run,
                    .bind = bind,
                    .destroy = destroy,
                    .reads = {src},
                    .writes = {dst, r->scratch}};
    snprintf(step.impl, sizeof step.impl, "%s", nw_kernel_impl(r->kernel));
    return nw_plan_step(plan, &step, err);
}
