/* Shared by the files of this room. */
#ifndef NW_PLAN_INTERNAL_H
#define NW_PLAN_INTERNAL_H

#include "plan/term.h"

enum { NW_PLAN_FORMS = 4 };

typedef struct nw_plan_value {
    bool wants_diff, diff_named;
    bool act_taken; /* contributions are multiplied by the activation's derivative */
    int form_count;
    nw_buffer *forms[NW_PLAN_FORMS]; /* the first is as it was produced */
    int term_count;
    nw_term terms[NW_PLAN_TERMS]; /* what it is the sum of, where there is no form yet */
    size_t contribution_count, contribution_capacity;
    nw_term *contributions; /* to the gradient */
    nw_buffer *diff;        /* their sum, once asked for */
} nw_plan_value;

typedef struct nw_plan_step_row {
    nw_step step;
    int more_count; /* buffers beyond the step's own */
    nw_buffer **more;
} nw_plan_step_row;

typedef struct nw_plan_steps {
    size_t count, capacity;
    nw_plan_step_row *rows;
} nw_plan_steps;

struct nw_plan {
    const nw_graph *graph;
    nw_dtype dtype;
    bool bf16, int8, few_runs;
    nw_backend *backend;
    nw_weights_cache *weights;
    nw_phase phase;
    int node;
    nw_plan_value *values;  /* of the graph */
    nw_buffer **left;       /* of its nodes */
    nw_plan_steps steps[2]; /* by phase */
    size_t buffer_count, buffer_capacity;
    nw_buffer **buffers;
    size_t owner_count, owner_capacity;
    nw_tensor **owners;
    size_t arena_bytes;
    unsigned char *arena; /* in arena_block */
    void *arena_block;
};

/* Steps of this room's own. */
nw_status nw_plan_reorder(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err);
/* dst = sum of terms[count], times the derivative of act at `result` where act is not NULL. All in one
 * layout. narrow: the same in bfloat16. Either may be NULL. */
nw_status nw_plan_sum(nw_plan *plan, const nw_term *terms, size_t count, const nw_act *act, nw_buffer *result,
                      nw_buffer *dst, nw_buffer *narrow, nw_error *err);
/* A term in another layout: as it is where it has no place in memory yet, or a buffer. */
nw_status nw_plan_term_as(nw_plan *plan, const nw_term *term, const nw_layout *layout, nw_term *out,
                          nw_error *err);

/* Calls fn for every buffer that a step touches. */
void nw_plan_touch(nw_plan_step_row *row, void (*fn)(void *context, nw_buffer *buffer), void *context);

#endif
