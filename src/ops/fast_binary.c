/* Add, Sub, Mul and Div where one operand has the shape of the result, and the other that shape, or one
 * number, or one number a channel, or one a channel of each image (squeeze-and-excitation). */
#include "base/simd.h"
#include "ops/fast.h"
#include "ops/fast_act.h"
#include "ops/fast_loop.h"
#include "plan/term.h"

#include <string.h>

enum { ADD, SUB, MUL, DIV };

typedef enum spread { SAME, SCALAR, CHANNELS, IMAGES, OTHER } spread;

typedef struct binary {
    int kind;
    int full, other; /* operands: of the result's shape, and the other one */
    spread spread;
    nw_layout layout; /* of the result, the full operand and their gradients */
    int axis;         /* of the channels */
    nw_loops loops;
    int64_t stride; /* of the other operand, see nw_loop */
} binary;

/* How `shape` spreads over `full` when its values lie one a channel along `axis`. */
static spread spreads(const nw_shape *shape, const nw_shape *full, int axis)
{
    if (nw_shape_equal(shape, full)) return SAME;
    if (nw_count(shape) == 1) return SCALAR;
    int skip = full->rank - shape->rank;
    bool images = skip == 0, channels = true;
    if (skip > axis) return OTHER;
    for (int i = skip; i < full->rank; i++) {
        int64_t dim = shape->dims[i - skip];
        if (i < axis) {
            images &= dim == full->dims[i];
            channels &= dim == 1;
        } else if (dim != (i == axis ? full->dims[i] : 1)) {
            return OTHER;
        }
    }
    /* With one image both hold: this one has a gradient. */
    return images ? IMAGES : channels ? CHANNELS : OTHER;
}

static int kind_of(const nw_node *node)
{
    static const char *const names[] = {"Add", "Sub", "Mul", "Div"};
    for (int i = 0; i < 4; i++)
        if (strcmp(node->op->type, names[i]) == 0) return i;
    return strcmp(node->op->type, "Sum") == 0 && node->input_count == 2 ? ADD : -1;
}

/* In plain layouts the channel axis is the last dimension in which the other operand has an extent. */
static int channel_axis(const nw_layout *layout, const nw_shape *other)
{
    if (layout->block > 1) return layout->axis;
    for (int i = other->rank - 1; i >= 0; i--)
        if (other->dims[i] != 1) return i + layout->shape.rank - other->rank;
    return 0;
}

static bool understand(nw_plan *plan, const nw_node *node, binary *b)
{
    const nw_graph *graph = nw_plan_graph(plan);
    const nw_value *in[2] = {&graph->values[node->inputs[0]], &graph->values[node->inputs[1]]};
    const nw_shape *out = nw_out_shape(graph, node, 0);
    b->kind = kind_of(node);
    if (b->kind < 0 || in[0]->dtype != NW_F32 || in[1]->dtype != NW_F32 || !nw_count(out)) return false;
    /* The full operand is one that changes from run to run, the first if both do. */
    b->full =
        nw_shape_equal(&in[0]->shape, out) && (!in[0]->data || !nw_shape_equal(&in[1]->shape, out)) ? 0 : 1;
    if (!nw_shape_equal(&in[b->full]->shape, out)) return false;
    b->other = 1 - b->full;
    b->layout = *nw_plan_layout(plan, node->inputs[b->full]);
    if (nw_shape_equal(&in[0]->shape, &in[1]->shape)) {
        /* A blocked operand draws the plain one to its side. */
        const nw_layout *theirs = nw_plan_layout(plan, node->inputs[b->other]);
        if (b->layout.block == 1 && theirs->block > 1) b->layout = *theirs;
    }
    b->axis = channel_axis(&b->layout, &in[b->other]->shape);
    b->spread = spreads(&in[b->other]->shape, out, b->axis);
    if (b->spread == OTHER) return false;
    /* A constant is the same with one image as with several. */
    if (b->spread == IMAGES && in[b->other]->data && out->dims[0] == 1) b->spread = CHANNELS;
    b->loops = nw_layout_loops(&b->layout, b->axis);
    b->stride = b->spread == IMAGES ? b->loops.extent : 0;
    return true;
}

static inline float apply(int kind, bool swapped, float full, float other)
{
    float a = swapped ? other : full, b = swapped ? full : other;
    switch (kind) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    default: return a / b;
    }
}

/* choice: kind, times two, plus one where the full operand is the second. src[0] full, src[1] other. */
#define ROWS(name, KIND, SWAPPED)                                                                            \
    NW_SIMD static void name(const nw_loop *loop, size_t begin, size_t end)                                  \
    {                                                                                                        \
        int64_t block = loop->shape.block, n = nw_loop_length(loop);                                         \
        for (size_t row = begin; row < end; row++) {                                                         \
            const float *x = nw_loop_src(loop, 0, row);                                                      \
            float *y = nw_loop_dst(loop, row), v[16];                                                        \
            if (loop->choice == SAME) {                                                                      \
                const float *z = nw_loop_src(loop, 1, row);                                                  \
                for (int64_t i = 0; i < n; i++) y[i] = apply(KIND, SWAPPED, x[i], z[i]);                     \
            } else if (loop->choice == SCALAR || block == 1) {                                               \
                if (loop->choice == SCALAR)                                                                  \
                    v[0] = *(const float *)loop->src[1]->data;                                               \
                else                                                                                         \
                    nw_loop_channels(loop, loop->src[1]->data, row, 1, v);                                   \
                for (int64_t i = 0; i < n; i++) y[i] = apply(KIND, SWAPPED, x[i], v[0]);                     \
            } else if (block == 16) {                                                                        \
                nw_loop_channels(loop, loop->src[1]->data, row, 1, v);                                       \
                for (int64_t i = 0; i < n; i += 16)                                                          \
                    for (int b = 0; b < 16; b++) y[i + b] = apply(KIND, SWAPPED, x[i + b], v[b]);            \
            } else {                                                                                         \
                nw_loop_channels(loop, loop->src[1]->data, row, 1, v);                                       \
                for (int64_t i = 0; i < n; i += block)                                                       \
                    for (int64_t b = 0; b < block; b++) y[i + b] = apply(KIND, SWAPPED, x[i + b], v[b]);     \
            }                                                                                                \
            nw_act_row(&loop->act, y, n);                                                                    \
        }                                                                                                    \
    }
ROWS(add_rows, ADD, false)
ROWS(sub_rows, SUB, false)
ROWS(rsub_rows, SUB, true)
ROWS(mul_rows, MUL, false)
ROWS(div_rows, DIV, false)
ROWS(rdiv_rows, DIV, true)

static const nw_loop_fn forward_fns[4][2] = {
    {add_rows, add_rows}, {sub_rows, rsub_rows}, {mul_rows, mul_rows}, {div_rows, rdiv_rows}};

/* d other, one value a channel of each image: sums over a row, in the order of the row. src[0] d dst, src[1]
 * full operand (Mul), dst plain [outer, extent]. Sub with the other operand second negates. */
NW_SIMD static void reduce_rows(const nw_loop *loop, size_t begin, size_t end)
{
    int64_t block = loop->shape.block, n = nw_loop_length(loop);
    for (size_t row = begin; row < end; row++) {
        const float *d = nw_loop_src(loop, 0, row), *x = loop->src[1] ? nw_loop_src(loop, 1, row) : NULL;
        float sum[16] = {0};
        if (block == 16 && x)
            for (int64_t i = 0; i < n; i += 16)
                for (int b = 0; b < 16; b++) sum[b] += d[i + b] * x[i + b];
        else
            for (int64_t i = 0; i < n; i += block)
                for (int64_t b = 0; b < block; b++) sum[b] += x ? d[i + b] * x[i + b] : d[i + b];
        int64_t o = (int64_t)row / loop->shape.blocks, c = (int64_t)row % loop->shape.blocks * block;
        float *y = (float *)loop->dst->data + o * loop->shape.extent;
        for (int64_t b = 0; b < block && c + b < loop->shape.extent; b++)
            y[c + b] = loop->parameters[0] * sum[b];
    }
}

/* A buffer times the other operand's values, one a channel of each image: nobody has to compute that yet. */
static nw_status weighted(nw_plan *plan, const nw_node *node, const binary *b, nw_buffer *src, nw_term *out,
                          nw_error *err)
{
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, b->other));
    *out = (nw_term){.layout = b->layout, .src = src, .axis = b->axis};
    return nw_plan_src(plan, node->inputs[b->other], &plain, &out->factor, err);
}

/* Sums and weighted values are computed by who reads them (plan/term.h). */
static nw_status forward_terms(nw_plan *plan, const nw_node *node, const binary *b, nw_error *err)
{
    nw_term terms[2 * NW_PLAN_TERMS];
    int count;
    if (b->kind == MUL) {
        nw_buffer *src;
        count = 1;
        NW_TRY(nw_plan_src(plan, node->inputs[b->full], &b->layout, &src, err));
        NW_TRY(weighted(plan, node, b, src, &terms[0], err));
    } else {
        int more;
        NW_TRY(nw_plan_terms(plan, node->inputs[0], &b->layout, NW_PLAN_TERMS - 1, terms, &count, err));
        NW_TRY(nw_plan_terms(plan, node->inputs[1], &b->layout, NW_PLAN_TERMS - count, terms + count, &more,
                             err));
        count += more;
    }
    return nw_plan_set_terms(plan, node->outputs[0], terms, count, err);
}

static nw_status forward(nw_plan *plan, const nw_node *node, const binary *b, nw_error *err)
{
    if (node->act.kind == NW_ACT_NONE &&
        ((b->kind == ADD && b->spread == SAME) || (b->kind == MUL && b->spread == IMAGES)))
        return forward_terms(plan, node, b, err);
    nw_loop loop = {.kind = node->op->type,
                    .fn = forward_fns[b->kind][b->full == 1],
                    .shape = b->loops,
                    .stride = b->stride,
                    .choice = (int)b->spread,
                    .act = node->act,
                    .in_place = true,
                    /* 0 stays 0 in the padded channels of sums and products of padded operands only */
                    .pad = b->spread != SAME || b->kind == DIV};
    nw_layout other = b->spread == SAME
                          ? b->layout
                          : nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, b->other));
    NW_TRY(nw_plan_src(plan, node->inputs[b->full], &b->layout, &loop.src[0], err));
    NW_TRY(nw_plan_src(plan, node->inputs[b->other], &other, &loop.src[1], err));
    NW_TRY(nw_plan_dst(plan, node->outputs[0], &b->layout, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}

/* Gradient of one operand of the result's shape: d, -d, d * the other one or d / the other one. */
static nw_status diff_full(nw_plan *plan, const nw_node *node, const binary *b, int operand, nw_buffer *d,
                           nw_error *err)
{
    int value = node->inputs[operand];
    if (b->kind == ADD || (b->kind == SUB && operand == 0)) return nw_plan_add_diff(plan, value, d, err);
    if (b->kind == MUL && b->spread == IMAGES && operand == b->full) {
        nw_term term;
        NW_TRY(weighted(plan, node, b, d, &term, err));
        return nw_plan_add_diff_term(plan, value, &term, err);
    }
    nw_loop loop = {.kind = node->op->type, .src = {d}, .shape = b->loops, .stride = b->stride};
    NW_TRY(nw_plan_diff_src(plan, value, &b->layout, &loop.dst, err));
    if (b->kind == SUB) {
        /* d = 0 - d: a scalar operand that is zero. */
        static const float zero;
        nw_shape one = {.rank = 0};
        nw_layout scalar = nw_layout_plain(NW_F32, &one);
        NW_TRY(nw_plan_constant(plan, &scalar, &zero, NULL, &loop.src[1], err));
        loop.fn = rsub_rows;
        loop.choice = SCALAR;
        return nw_fast_loop(plan, &loop, err);
    }
    int partner = 1 - operand;
    nw_layout layout = b->spread == SAME || partner == b->full
                           ? b->layout
                           : nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, partner));
    NW_TRY(nw_plan_src(plan, node->inputs[partner], &layout, &loop.src[1], err));
    loop.fn = b->kind == MUL ? mul_rows : div_rows;
    loop.choice = (int)b->spread;
    loop.pad = b->kind == DIV;
    return nw_fast_loop(plan, &loop, err);
}

static nw_status diff_other(nw_plan *plan, const nw_node *node, const binary *b, nw_buffer *d, nw_error *err)
{
    int value = node->inputs[b->other];
    nw_layout plain = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, b->other));
    nw_loop loop = {.kind = "reduce",
                    .fn = reduce_rows,
                    .src = {d},
                    .shape = b->loops,
                    .parameters = {b->kind == SUB && b->other == 1 ? -1.0F : 1.0F}};
    if (b->kind == MUL) NW_TRY(nw_plan_src(plan, node->inputs[b->full], &b->layout, &loop.src[1], err));
    NW_TRY(nw_plan_diff_src(plan, value, &plain, &loop.dst, err));
    return nw_fast_loop(plan, &loop, err);
}

/* The gradient of a sum is that of each operand, as it comes. */
static nw_status hand_on(nw_plan *plan, const nw_node *node, const binary *b, nw_error *err)
{
    nw_term term;
    NW_TRY(nw_plan_diff_term(plan, node->outputs[0], &b->layout, &term, err));
    for (int i = 0; i < 2; i++)
        if (nw_plan_wants_diff(plan, node->inputs[i]))
            NW_TRY(nw_plan_add_diff_term(plan, node->inputs[i], &term, err));
    return NW_OK;
}

/* The gradients that the loops here have: of Div the numerator's, of a spread operand where it is one value a
 * channel of each image. */
static bool has_backward(const nw_plan *plan, const nw_node *node, const binary *b)
{
    bool wants[2] = {nw_plan_wants_diff(plan, node->inputs[0]), nw_plan_wants_diff(plan, node->inputs[1])};
    if (b->kind == DIV && wants[1]) return false;
    if (b->kind == DIV && b->full == 1 && wants[0]) return false;
    return b->spread == SAME || !wants[b->other] || b->spread == IMAGES;
}

nw_status nw_fast_binary(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    binary b = {0};
    if (!understand(plan, node, &b)) {
        *declined = true;
        return NW_OK;
    }
    if (nw_plan_phase(plan) == NW_PHASE_FORWARD) return forward(plan, node, &b, err);
    if (!has_backward(plan, node, &b)) {
        *declined = true;
        return NW_OK;
    }
    if (b.kind == ADD && b.spread == SAME && node->act.kind == NW_ACT_NONE)
        return hand_on(plan, node, &b, err);
    nw_buffer *d;
    NW_TRY(nw_plan_diff_act(plan, node->outputs[0], &node->act, &b.layout, &d, err));
    for (int i = 0; i < 2; i++) {
        if (!nw_plan_wants_diff(plan, node->inputs[i])) continue;
        if (i == b.full || b.spread == SAME)
            NW_TRY(diff_full(plan, node, &b, i, d, err));
        else
            NW_TRY(diff_other(plan, node, &b, d, err));
    }
    return NW_OK;
}
