#include "ops/fast_loop.h"

#include "base/memory.h"
#include "base/parallel.h"

static void zero_padding(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t used = loop->shape.extent % loop->shape.block;
    for (size_t row = begin; row < end; row++) {
        if ((int64_t)row % loop->shape.blocks != loop->shape.blocks - 1) continue;
        float *dst = nw_loop_dst(loop, row);
        for (int64_t s = 0; s < loop->shape.inner; s++)
            for (int64_t b = used; b < loop->shape.block; b++) dst[s * loop->shape.block + b] = 0;
    }
}

static void rows(void *context, size_t begin, size_t end)
{
    const nw_loop *loop = context;
    loop->fn(loop, begin, end);
    if (loop->pad) zero_padding(loop, begin, end);
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const nw_loop *loop = state;
    size_t count = (size_t)(loop->shape.outer * loop->shape.blocks);
    /* About 16 K elements at a time: enough to be worth a thread, few enough to share evenly. */
    size_t each = (size_t)nw_loop_length(loop);
    size_t chunk = each ? 16384 / each : 1;
    nw_parallel(count, chunk ? chunk : 1, rows, state);
    return NW_OK;
}

nw_status nw_fast_loop(nw_plan *plan, const nw_loop *loop, nw_error *err)
{
    nw_loop *state = nw_calloc(1, sizeof *state);
    if (!state) return nw_no_memory(err, sizeof *state, "a step");
    *state = *loop;
    state->pad = loop->pad && loop->shape.extent % loop->shape.block;
    nw_step step = {.kind = loop->kind,
                    .impl = "narrows",
                    .state = state,
                    .run = run,
                    .writes = {loop->dst},
                    .in_place = loop->in_place};
    for (int i = 0; i < NW_LOOP_BUFFERS && loop->src[i]; i++) step.reads[i] = loop->src[i];
    return nw_plan_step(plan, &step, err);
}
