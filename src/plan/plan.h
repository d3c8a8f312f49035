/* A plan: buffers and the steps that fill them, made once, run often.
 *
 * While operators are compiled, the plan tracks for every value in which layouts it is available and, in the
 * backward phase, which steps contribute to its gradient. Every step writes fresh buffers (no step changes
 * what another one wrote); nw_plan_finish finds out how long each buffer lives and packs all of them into one
 * arena, so that running allocates nothing.
 */
#ifndef NW_PLAN_PLAN_H
#define NW_PLAN_PLAN_H

#include "backend/backend.h"
#include "base/record.h"
#include "graph/graph.h"
#include "tensor/layout.h"

typedef struct nw_plan nw_plan;

typedef struct nw_buffer {
    nw_layout layout; /* of bytes: rank 0 */
    size_t bytes;
    void *data;             /* valid from bind on */
    struct nw_buffer *root; /* whose storage this shares; itself where it is its own */
    size_t within;          /* bytes from where that begins */
    /* The same values as 8-bit numbers (ops/int8_values.h), once a step makes them, and in how many groups.
     */
    struct nw_buffer *int8;
    int64_t int8_groups;
    /* the planner's: */
    int first, last; /* steps between which the storage is in use */
    bool pinned;     /* in use always: inputs, outputs, gradients of the program */
    bool constant;   /* data belongs to someone else */
    size_t offset;
} nw_buffer;

/* A step of the program. `run` reads and writes the buffers' data and nothing else; must not allocate. */
typedef struct nw_step {
    const char *kind; /* "conv", "reorder", ...: a literal */
    char impl[48];    /* "onednn jit:avx512_core", "narrows", "reference" */
    int node;         /* index in the plan's graph, or -1 */
    double flops;     /* floating-point operations a run; 0 where they do not matter */
    double bytes;     /* memory traffic; filled in from reads and writes where 0 */
    void *state;      /* belongs to the step */
    nw_status (*run)(void *state, nw_error *err);
    /* Once, after all buffers have got their data; NULL where there is nothing to do. */
    nw_status (*bind)(void *state, nw_error *err);
    void (*destroy)(void *state); /* NULL: nw_free */
    nw_buffer *reads[10];         /* ended by NULL where fewer; more: call nw_plan_touches */
    nw_buffer *writes[6];
    /* writes[0] may take the storage of reads[0] where that dies here: run must then work in place. */
    bool in_place;
} nw_step;

typedef enum nw_phase { NW_PHASE_FORWARD, NW_PHASE_BACKWARD } nw_phase;

/* What the operators' compile functions see. The graph is specialised: every value has its shape. */
const nw_graph *nw_plan_graph(const nw_plan *plan);
nw_phase nw_plan_phase(const nw_plan *plan);
nw_dtype nw_plan_dtype(const nw_plan *plan); /* of activations: NW_F32, or NW_F64 on the reference path */
/* oneDNN's engine, and the packed weights that the programs of the model share. */
nw_backend *nw_plan_backend(nw_plan *plan);
nw_weights_cache *nw_plan_weights(nw_plan *plan);
/* Whether convolutions may work in bfloat16. */
bool nw_plan_bf16(const nw_plan *plan);
void nw_plan_set_bf16(nw_plan *plan, bool bf16);
/* Whether they may multiply 8-bit integers. */
bool nw_plan_int8(const nw_plan *plan);
void nw_plan_set_int8(nw_plan *plan, bool int8);
/* Whether it will not run often, so that preparing weights had better take no time. */
bool nw_plan_few_runs(const nw_plan *plan);
void nw_plan_set_few_runs(nw_plan *plan, bool few);
/* The processor's vector length in floats for blocked layouts: 16, 8, or 1 for none. */
int nw_plan_block(const nw_plan *plan);

/* -- buffers -- */
nw_status nw_plan_buffer(nw_plan *plan, const nw_layout *layout, nw_buffer **out, nw_error *err);
nw_status nw_plan_scratch(nw_plan *plan, size_t bytes, nw_buffer **out, nw_error *err);
/* A view on the same storage in another layout of the same size in memory. */
nw_status nw_plan_view(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, nw_buffer **out,
                       nw_error *err);
/* A view on the part of the storage that begins `offset` bytes on: a multiple of NW_ALIGNMENT. */
nw_status nw_plan_window(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, size_t offset,
                         nw_buffer **out, nw_error *err);
/* Data that outlives the plan or belongs to `owner`, which the plan unrefs (NULL: nobody). */
nw_status nw_plan_constant(nw_plan *plan, const nw_layout *layout, const void *data, nw_tensor *owner,
                           nw_buffer **out, nw_error *err);

/* -- steps: appended to the current phase. Takes over step->state, also on failure. -- */
nw_status nw_plan_step(nw_plan *plan, const nw_step *step, nw_error *err);
/* More buffers that the last step reads, or writes (concat, split); the array is copied. */
nw_status nw_plan_touches(nw_plan *plan, nw_buffer *const *buffers, int count, bool write, nw_error *err);
/* A buffer that the forward step of the current node leaves for its backward step (a workspace); NULL: none.
 */
void nw_plan_leave(nw_plan *plan, nw_buffer *buffer);
nw_buffer *nw_plan_left(const nw_plan *plan);

/* -- values -- */
/* The layout in which a value was produced (constants: plain). */
const nw_layout *nw_plan_layout(nw_plan *plan, int value);
/* The value in that layout (NULL: as it was produced); a reorder is added where needed, once. */
nw_status nw_plan_src(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err);
/* A buffer's contents in another layout or type: itself, a view, or a new buffer and a reorder. */
nw_status nw_plan_as(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, nw_buffer **out,
                     nw_error *err);
/* A new buffer for a value that the current node produces. */
nw_status nw_plan_dst(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err);
/* The value is this buffer (a view, usually): no step of its own. */
nw_status nw_plan_set_dst(nw_plan *plan, int value, nw_buffer *buffer, nw_error *err);

/* -- gradients (backward phase) -- */
/* Whether a gradient with respect to the value is needed by anyone; valid in both phases. */
bool nw_plan_wants_diff(const nw_plan *plan, int value);
/* Whether a gradient flows into the value at all. */
bool nw_plan_has_diff(const nw_plan *plan, int value);
/* The gradient of the value: the sum of all contributions, in that layout (NULL: the value's own). The value
 * must have one (nw_plan_has_diff). The buffer may be read, not written. */
nw_status nw_plan_diff_dst(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err);
/* The same, put into a buffer of the value's layout, of which it may be a part (a window), and multiplied by
 * the derivative of act that follows from the value (NULL: by nothing). */
nw_status nw_plan_diff_into(nw_plan *plan, int value, const nw_act *act, nw_buffer *dst, nw_error *err);
/* For the only reader of a value, which may multiply what it contributes to the gradient by the derivative of
 * the activation that made the value: that activation, and nobody else multiplies by it any more. NULL where
 * the value has none, or others contribute. */
const nw_act *nw_plan_take_act(nw_plan *plan, int value);
/* The gradient of the value is asked for by name: nobody takes its activation. */
void nw_plan_name_diff(nw_plan *plan, int value);
/* A new buffer, to be written (not added to) by the current node, that contributes to the gradient of
 * `value`. layout NULL: the value's own. */
nw_status nw_plan_diff_src(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err);
/* This buffer, which already exists, contributes to the gradient of `value`. */
nw_status nw_plan_add_diff(nw_plan *plan, int value, nw_buffer *buffer, nw_error *err);
/* As nw_plan_diff_dst, and multiplied by an activation's derivative that follows from its result (the
 * backward of relu, clip, ... fused into the sum): see nw_act. dst is the value's forward buffer. */
nw_status nw_plan_diff_act(nw_plan *plan, int value, const nw_act *act, const nw_layout *layout,
                           nw_buffer **out, nw_error *err);

/* The gradient of the value where it is a single contribution in that layout, not multiplied by anything;
 * *out is NULL where it is a sum. */
nw_status nw_plan_diff_lone(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out,
                            nw_error *err);
/* The same as nw_plan_diff_act for a convolution that reads bfloat16: *narrow in it and, where wide is not
 * NULL, *wide in float32. Layouts have the order in memory of `layout`. */
nw_status nw_plan_diff_narrow(nw_plan *plan, int value, const nw_act *act, const nw_layout *layout,
                              nw_buffer **wide, nw_buffer **narrow, nw_error *err);

/* -- for the engine -- */
/* wants_diff[value_count of the graph] is copied. The graph, the backend (NULL on the reference path) and the
 * cache must outlive the plan. */
nw_status nw_plan_new(const nw_graph *graph, nw_dtype dtype, nw_backend *backend, nw_weights_cache *weights,
                      const bool *wants_diff, nw_plan **out, nw_error *err);
void nw_plan_free(nw_plan *plan);
void nw_plan_set_phase(nw_plan *plan, nw_phase phase);
/* The node that the next steps belong to, or -1. */
void nw_plan_set_node(nw_plan *plan, int node);
/* A buffer that is in use at all times, zero at first. */
nw_status nw_plan_pinned(nw_plan *plan, const nw_layout *layout, nw_buffer **out, nw_error *err);
/* Copies a buffer into another of the same size. */
nw_status nw_plan_copy(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err);
/* Plans the memory, takes it, binds the steps. */
nw_status nw_plan_finish(nw_plan *plan, nw_error *err);
/* Runs the steps of a phase; the recorder, where not NULL, has one row a step. */
nw_status nw_plan_run(nw_plan *plan, nw_phase phase, nw_recorder *recorder, nw_error *err);
size_t nw_plan_memory(const nw_plan *plan); /* bytes of the arena */
/* Steps, forward ones first. */
size_t nw_plan_step_count(const nw_plan *plan);
const nw_step *nw_plan_step_at(const nw_plan *plan, size_t i, nw_phase *phase);

#endif
