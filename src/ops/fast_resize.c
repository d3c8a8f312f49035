/* Resize and Upsample of the spatial dimensions: taps of every axis worked out once; a position of all
 * channels of a block at a time, on plain and blocked layouts. */
#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast.h"
#include "ops/resize.h"

#include <string.h>

enum { AXES = 3, LINES = 4, CHUNK = 16384 };

typedef struct tap {
    int64_t low, high;
    float weight; /* of high */
} tap;

typedef struct resize {
    nw_buffer *from, *to; /* forward: source and result; backward: their gradients, exchanged */
    int64_t rows, block;  /* rows of planes, each of src[0] src[1] src[2] blocks */
    int64_t src[AXES], dst[AXES];
    bool copies; /* no weights: the nearest element */
    tap *taps[AXES];
} resize;

static void destroy(void *state)
{
    resize *r = state;
    for (int a = 0; a < AXES; a++) nw_free(r->taps[a]);
    nw_free(r);
}

/* The lines of the source that line (z, y) of the result is made of: offsets in positions. */
static int lines_of(const resize *r, int64_t z, int64_t y, int64_t at[LINES], float weight[LINES])
{
    const tap *tz = &r->taps[0][z], *ty = &r->taps[1][y];
    int n = 0;
    for (int hz = 0; hz <= (tz->weight != 0); hz++)
        for (int hy = 0; hy <= (ty->weight != 0); hy++) {
            at[n] = ((hz ? tz->high : tz->low) * r->src[1] + (hy ? ty->high : ty->low)) * r->src[2];
            weight[n++] = (hz ? tz->weight : 1 - tz->weight) * (hy ? ty->weight : 1 - ty->weight);
        }
    return n;
}

/* y += w x over a block; the common ones with their length known. */
static inline void add_block(float *restrict y, const float *restrict x, float w, int64_t block)
{
    if (block == 16)
        for (int b = 0; b < 16; b++) y[b] += w * x[b];
    else if (block == 8)
        for (int b = 0; b < 8; b++) y[b] += w * x[b];
    else
        for (int64_t b = 0; b < block; b++) y[b] += w * x[b];
}

/* Lines [begin, end) of the result, counted over all rows. */
static void forward_lines(void *context, size_t begin, size_t end)
{
    const resize *r = context;
    int64_t block = r->block, plane = r->src[0] * r->src[1] * r->src[2], at[LINES];
    float weight[LINES];
    for (size_t line = begin; line < end; line++) {
        int64_t y = (int64_t)line % r->dst[1], z = (int64_t)line / r->dst[1] % r->dst[0],
                row = (int64_t)line / r->dst[1] / r->dst[0];
        const float *src = (const float *)r->from->data + row * plane * block;
        float *dst = (float *)r->to->data + (int64_t)line * r->dst[2] * block;
        int n = lines_of(r, z, y, at, weight);
        if (r->copies) {
            for (int64_t x = 0; x < r->dst[2]; x++)
                memcpy(dst + x * block, src + (at[0] + r->taps[2][x].low) * block,
                       (size_t)block * sizeof *dst);
            continue;
        }
        memset(dst, 0, (size_t)(r->dst[2] * block) * sizeof *dst);
        for (int l = 0; l < n; l++)
            for (int64_t x = 0; x < r->dst[2]; x++) {
                const tap *t = &r->taps[2][x];
                const float *low = src + (at[l] + t->low) * block;
                add_block(dst + x * block, low, weight[l] * (1 - t->weight), block);
                if (t->weight != 0)
                    add_block(dst + x * block, src + (at[l] + t->high) * block, weight[l] * t->weight, block);
            }
    }
}

/* Rows [begin, end): each by one thread, in the order of the result's positions. */
static void backward_rows(void *context, size_t begin, size_t end)
{
    const resize *r = context;
    int64_t block = r->block, plane = r->src[0] * r->src[1] * r->src[2], at[LINES];
    float weight[LINES];
    for (size_t row = begin; row < end; row++) {
        float *dx = (float *)r->to->data + (int64_t)row * plane * block;
        memset(dx, 0, (size_t)(plane * block) * sizeof *dx);
        for (int64_t line = 0; line < r->dst[0] * r->dst[1]; line++) {
            const float *dy = (const float *)r->from->data +
                              ((int64_t)row * r->dst[0] * r->dst[1] + line) * r->dst[2] * block;
            int n = lines_of(r, line / r->dst[1], line % r->dst[1], at, weight);
            for (int l = 0; l < n; l++)
                for (int64_t x = 0; x < r->dst[2]; x++) {
                    const tap *t = &r->taps[2][x];
                    add_block(dx + (at[l] + t->low) * block, dy + x * block, weight[l] * (1 - t->weight),
                              block);
                    if (t->weight != 0)
                        add_block(dx + (at[l] + t->high) * block, dy + x * block, weight[l] * t->weight,
                                  block);
                }
        }
    }
}

static nw_status run_forward(void *state, nw_error *err)
{
    (void)err;
    const resize *r = state;
    int64_t each = r->dst[2] * r->block, chunk = each ? CHUNK / each : 1;
    nw_parallel((size_t)(r->rows * r->dst[0] * r->dst[1]), (size_t)(chunk ? chunk : 1), forward_lines, state);
    return NW_OK;
}

static nw_status run_backward(void *state, nw_error *err)
{
    (void)err;
    const resize *r = state;
    int64_t each = r->dst[0] * r->dst[1] * r->dst[2] * r->block, chunk = each ? CHUNK / each : 1;
    nw_parallel((size_t)r->rows, (size_t)(chunk ? chunk : 1), backward_rows, state);
    return NW_OK;
}

/* False where batch or channels are resized, or the dimensions are not those of a feature map. */
static bool spatial(const nw_resize *read)
{
    int rank = read->shape.rank;
    if (rank < 3 || rank > 2 + AXES) return false;
    for (int a = 0; a < rank; a++) {
        const struct nw_resize_axis *axis = &read->axis[a];
        if (axis->dst < 1 || axis->src < 1 || (a < 2 && (axis->src != axis->dst || axis->scale != 1)))
            return false;
    }
    return true;
}

static nw_status make(const nw_resize *read, const nw_layout *src, resize **out, nw_error *err)
{
    resize *r = nw_calloc(1, sizeof *r);
    if (!r) return nw_no_memory(err, sizeof *r, "a step");
    nw_loops loops = nw_layout_loops(src, 1);
    int rank = read->shape.rank, shift = 2 + AXES - rank;
    r->rows = loops.outer * loops.blocks;
    r->block = loops.block;
    r->copies = true;
    for (int a = 0; a < AXES; a++) {
        int axis = a + 2 - shift;
        bool there = axis >= 2;
        r->src[a] = there ? read->axis[axis].src : 1;
        r->dst[a] = there ? read->axis[axis].dst : 1;
        r->taps[a] = nw_calloc((size_t)r->dst[a], sizeof *r->taps[a]);
        if (!r->taps[a]) {
            destroy(r);
            return nw_no_memory(err, (size_t)read->shape.dims[rank - 1] * sizeof(tap), "a step");
        }
        for (int64_t i = 0; there && i < r->dst[a]; i++) {
            nw_resize_tap t = nw_resize_at(read, axis, i);
            /* Both the same, at an edge: the weights add up to one. */
            r->taps[a][i] = (tap){t.low, t.high, t.low == t.high ? 0 : (float)t.weight};
            if (r->taps[a][i].weight != 0) r->copies = false;
        }
    }
    *out = r;
    return NW_OK;
}

nw_status nw_fast_resize(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    nw_infer cx = {(nw_graph *)(uintptr_t)graph, (nw_node *)(uintptr_t)node, err};
    nw_resize read;
    bool forward = nw_plan_phase(plan) == NW_PHASE_FORWARD;
    if (graph->values[node->inputs[0]].dtype != NW_F32 || nw_resize_read(&cx, &read) != NW_OK ||
        !spatial(&read)) {
        *declined = true;
        return NW_OK;
    }
    if (!forward && !nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    const nw_layout *have = nw_plan_layout(plan, node->inputs[0]);
    const nw_shape *shape = nw_in_shape(graph, node, 0);
    nw_layout src = have->block > 1 && have->axis == 1 ? *have : nw_layout_plain(NW_F32, shape);
    src.dtype = NW_F32;
    nw_layout dst = nw_layout_like(&src, &read.shape);
    resize *r = NULL;
    NW_TRY(make(&read, &src, &r, err));
    nw_status status;
    if (forward) {
        status = nw_plan_src(plan, node->inputs[0], &src, &r->from, err);
        if (status == NW_OK) status = nw_plan_dst(plan, node->outputs[0], &dst, &r->to, err);
    } else {
        status = nw_plan_diff_dst(plan, node->outputs[0], &dst, &r->from, err);
        if (status == NW_OK) status = nw_plan_diff_src(plan, node->inputs[0], &src, &r->to, err);
    }
    if (status != NW_OK) {
        destroy(r);
        return status;
    }
    nw_step step = {.kind = node->op->type,
                    .impl = "narrows",
                    .state = r,
                    .run = forward ? run_forward : run_backward,
                    .destroy = destroy,
                    .reads = {r->from},
                    .writes = {r->to}};
    return nw_plan_step(plan, &step, err);
}
