/* oneDNN's matrix product cuts the sums by the number of threads (33x1001 by 1001x100: other bits with 4
 * threads than with 2; 64x3001 by 3001x60: with 2 than with 1). So every kernel is made for one thread, and
 * the product is cut into parts that follow from the shapes alone: the members of a batch, else rows or
 * columns, whichever are more. Threads share the parts. */
#include "ops/fast_matmul_parts.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <stdio.h>

enum { MOST_LANES = 8, MOST_PARTS = 8, LEAST_SIDE = 64, LEAST_WORK = 1 << 18 };

typedef struct lane {
    nw_backend *backend;
    nw_kernel *kernel, *last; /* last: of the last part, where it is smaller */
    nw_buffer *scratch;       /* of both */
} lane;

typedef enum cut { CUT_BATCH, CUT_ROWS, CUT_COLUMNS } cut;

typedef struct parts {
    nw_matmul_desc mm;
    cut cut;
    int64_t count, size, extent; /* parts, along what is cut; extent: all of it */
    int lane_count;
    lane lanes[MOST_LANES];
    nw_buffer *src, *weights, *bias, *dst;
} parts;

static void destroy(void *state)
{
    parts *p = state;
    for (int i = 0; i < p->lane_count; i++) {
        nw_kernel_free(p->lanes[i].kernel);
        nw_kernel_free(p->lanes[i].last);
        nw_backend_free(p->lanes[i].backend);
    }
    nw_free(p);
}

static void choose(parts *p)
{
    const nw_matmul_desc *mm = &p->mm;
    if (mm->batch > 1) {
        p->cut = CUT_BATCH;
        p->extent = p->count = mm->batch;
        p->size = 1;
        return;
    }
    p->cut = mm->m >= mm->n ? CUT_ROWS : CUT_COLUMNS;
    p->extent = p->cut == CUT_ROWS ? mm->m : mm->n;
    int64_t most = p->extent / LEAST_SIDE < MOST_PARTS ? p->extent / LEAST_SIDE : MOST_PARTS;
    if (most < 1 || mm->m * mm->n < LEAST_WORK / mm->k) most = 1;
    p->size = (p->extent + most - 1) / most;
    p->count = (p->extent + p->size - 1) / p->size;
}

static nw_status make_kernel(const parts *p, const lane *l, int64_t size, nw_kernel **out, nw_error *err)
{
    nw_matmul_desc mm = p->mm;
    mm.batch = 1;
    mm.src_strides[0] = mm.weights_strides[0] = mm.dst_strides[0] = 0;
    if (p->cut == CUT_ROWS) mm.m = size;
    if (p->cut == CUT_COLUMNS) mm.n = size;
    return nw_matmul_kernel(l->backend, &mm, out, err);
}

static nw_status make_lanes(parts *p, nw_error *err)
{
    int threads = nw_threads();
    int64_t count = threads < MOST_LANES ? threads : MOST_LANES, rest = p->extent % p->size;
    if (count > p->count) count = p->count;
    nw_status status = NW_OK;
    int before = nw_threads_set(1);
    for (int64_t i = 0; i < count && status == NW_OK; i++) {
        lane *l = &p->lanes[i];
        status = nw_backend_new(&l->backend, err);
        if (status != NW_OK) break;
        p->lane_count++;
        status = make_kernel(p, l, p->size, &l->kernel, err);
        if (status == NW_OK && rest) status = make_kernel(p, l, rest, &l->last, err);
    }
    nw_threads_set(before);
    return status;
}

static float *moved(const nw_buffer *buffer, int64_t floats)
{
    return (float *)buffer->data + floats;
}

static nw_status run_part(const parts *p, const lane *l, int64_t part, nw_error *err)
{
    const nw_matmul_desc *mm = &p->mm;
    int64_t begin = part * p->size, src = 0, weights = 0, bias = 0, dst = 0;
    switch (p->cut) {
    case CUT_BATCH:
        src = begin * mm->src_strides[0];
        weights = begin * mm->weights_strides[0];
        dst = begin * mm->dst_strides[0];
        break;
    case CUT_ROWS:
        src = begin * mm->src_strides[1];
        dst = begin * mm->dst_strides[1];
        break;
    case CUT_COLUMNS:
        weights = begin * mm->weights_strides[2];
        bias = begin;
        dst = begin * mm->dst_strides[2];
        break;
    }
    nw_kernel *kernel = l->last && part == p->count - 1 ? l->last : l->kernel;
    nw_kernel_set(kernel, NW_SLOT_SRC, moved(p->src, src));
    nw_kernel_set(kernel, NW_SLOT_WEIGHTS, moved(p->weights, weights));
    nw_kernel_set(kernel, NW_SLOT_DST, moved(p->dst, dst));
    if (p->bias) nw_kernel_set(kernel, NW_SLOT_BIAS, moved(p->bias, bias));
    if (l->scratch) nw_kernel_set(kernel, NW_SLOT_SCRATCH, l->scratch->data);
    return nw_kernel_run(kernel, err);
}

typedef struct lanes_run {
    const parts *p;
    nw_status status[MOST_LANES];
    nw_error errors[MOST_LANES];
} lanes_run;

static void run_lanes(void *context, size_t begin, size_t end)
{
    lanes_run *r = context;
    const parts *p = r->p;
    int before = nw_threads_set(1); /* of oneDNN, where there is one lane only */
    for (size_t i = begin; i < end; i++) {
        r->status[i] = NW_OK;
        for (int64_t part = p->count * (int64_t)i / p->lane_count;
             part < p->count * (int64_t)(i + 1) / p->lane_count && r->status[i] == NW_OK; part++)
            r->status[i] = run_part(p, &p->lanes[i], part, &r->errors[i]);
    }
    nw_threads_set(before);
}

static nw_status run(void *state, nw_error *err)
{
    const parts *p = state;
    lanes_run r;
    r.p = p;
    nw_parallel((size_t)p->lane_count, 1, run_lanes, &r);
    for (int i = 0; i < p->lane_count; i++)
        if (r.status[i] != NW_OK) {
            if (err) *err = r.errors[i];
            return r.status[i];
        }
    return NW_OK;
}

static nw_status scratch(nw_plan *plan, parts *p, nw_error *err)
{
    for (int i = 0; i < p->lane_count; i++) {
        lane *l = &p->lanes[i];
        size_t bytes = nw_kernel_bytes(l->kernel, NW_SLOT_SCRATCH);
        size_t last = l->last ? nw_kernel_bytes(l->last, NW_SLOT_SCRATCH) : 0;
        if (last > bytes) bytes = last;
        if (bytes) NW_TRY(nw_plan_scratch(plan, bytes, &l->scratch, err));
    }
    return NW_OK;
}

nw_status nw_matmul_parts_step(nw_plan *plan, const nw_matmul_desc *mm, nw_buffer *src, nw_buffer *weights,
                               nw_buffer *bias, nw_buffer *dst, nw_error *err)
{
    parts *p = nw_calloc(1, sizeof *p);
    if (!p) return nw_no_memory(err, sizeof *p, "a step");
    p->mm = *mm;
    p->src = src;
    p->weights = weights;
    p->bias = bias;
    p->dst = dst;
    choose(p);
    nw_status status = make_lanes(p, err);
    if (status == NW_OK) status = scratch(plan, p, err);
    if (status != NW_OK) {
        destroy(p);
        return status;
    }
    nw_step step = {.kind = "matmul",
                    .flops = 2.0 * (double)mm->batch * (double)mm->m * (double)mm->n * (double)mm->k,
                    .state = p,
                    .run = run,
                    .destroy = destroy,
                    .reads = {src, weights, bias},
                    .writes = {dst}};
    snprintf(step.impl, sizeof step.impl, "%s", nw_kernel_impl(p->lanes[0].kernel));
    nw_buffer *scratches[MOST_LANES];
    int count = 0;
    for (int i = 0; i < p->lane_count; i++)
        if (p->lanes[i].scratch) scratches[count++] = p->lanes[i].scratch;
    NW_TRY(nw_plan_step(plan, &step, err));
    return count ? nw_plan_touches(plan, scratches, count, true, err) : NW_OK;
}
