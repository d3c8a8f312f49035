/* A step that is one oneDNN kernel. */
#ifndef NW_OPS_FAST_KERNEL_H
#define NW_OPS_FAST_KERNEL_H

#include "plan/plan.h"

/* Adds the kernel as a step of the plan's current phase, with a scratchpad of its own where it wants one.
 * Buffers by slot; those left NULL must be unused by the kernel. Takes over the kernel, also on failure. */
typedef struct nw_kernel_step {
    const char *kind;
    double flops;
    bool alone; /* made and run by one thread: where the order of sums would depend on how many there are */
    nw_kernel *kernel;
    nw_buffer *slots[NW_SLOT_COUNT];
} nw_kernel_step;
nw_status nw_fast_kernel_step(nw_plan *plan, const nw_kernel_step *k, nw_error *err);

#endif
