#include "ops/fast_kernel.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <stdio.h>

static nw_status run(void *state, nw_error *err)
{
    const nw_kernel_step *k = state;
    if (!k->alone) return nw_kernel_run(k->kernel, err);
    int before = nw_threads_set(1);
    nw_status status = nw_kernel_run(k->kernel, err);
    nw_threads_set(before);
    return status;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    nw_kernel_step *k = state;
    for (int i = 0; i < NW_SLOT_COUNT; i++)
        if (k->slots[i]) nw_kernel_set(k->kernel, (nw_slot)i, k->slots[i]->data);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_kernel_free(((nw_kernel_step *)state)->kernel);
    nw_free(state);
}

nw_status nw_fast_kernel_step(nw_plan *plan, const nw_kernel_step *k, nw_error *err)
{
    nw_kernel_step *state = nw_calloc(1, sizeof *state);
    nw_status status = state ? NW_OK : nw_no_memory(err, sizeof *state, "a step");
    if (state) *state = *k;
    size_t scratch = nw_kernel_bytes(k->kernel, NW_SLOT_SCRATCH);
    if (status == NW_OK && scratch)
        status = nw_plan_scratch(plan, scratch, &state->slots[NW_SLOT_SCRATCH], err);
    if (status != NW_OK) {
        nw_kernel_free(k->kernel);
        nw_free(state);
        return status;
    }
    nw_step step = {
        .kind = k->kind, .flops = k->flops, .state = state, .run = run, .bind = bind, .destroy = destroy};
    snprintf(step.impl, sizeof step.impl, "%s", nw_kernel_impl(k->kernel));
    /* Reads and writes alike: a workspace is either. */
    for (int i = 0, n = 0; i < NW_SLOT_COUNT; i++)
        if (state->slots[i]) step.reads[n++] = state->slots[i];
    return nw_plan_step(plan, &step, err);
}
