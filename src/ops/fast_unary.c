/* Elementwise functions: comparisons by loops of our own, the others by oneDNN. */
#include "base/simd.h"
#include "ops/fast.h"
#include "ops/fast_kernel.h"
#include "ops/fast_loop.h"

#include <math.h>
#include <string.h>

enum { RELU, LEAKY, CLIP, HARD_SIGMOID, HARD_SWISH, NEG, ABS, SQRT, RECIPROCAL };

static const struct unary {
    const char *type;
    int own; /* of the enum above, or -1 */
    nw_eltwise_kind onednn;
    bool keeps_zero; /* so padded channels need no care */
    const char *attributes[2];
    float otherwise[2];
} table[] = {
    {"Relu", RELU, 0, true, {0}, {0}},
    {"LeakyRelu", LEAKY, 0, true, {"alpha"}, {0.01F}},
    {"Clip", CLIP, 0, false, {"min", "max"}, {-INFINITY, INFINITY}},
    {"HardSigmoid", HARD_SIGMOID, 0, false, {"alpha", "beta"}, {0.2F, 0.5F}},
    {"HardSwish", HARD_SWISH, 0, true, {0}, {0}},
    {"Neg", NEG, 0, true, {0}, {0}},
    {"Abs", ABS, 0, true, {0}, {0}},
    {"Sqrt", SQRT, 0, true, {0}, {0}},
    {"Reciprocal", RECIPROCAL, 0, false, {0}, {0}},
    {"Sigmoid", -1, NW_ELTWISE_LOGISTIC, true, {0}, {0}},
    {"Tanh", -1, NW_ELTWISE_TANH, true, {0}, {0}},
    {"Exp", -1, NW_ELTWISE_EXP, true, {0}, {0}},
    {"Elu", -1, NW_ELTWISE_ELU, true, {"alpha"}, {1}},
    {"Softplus", -1, NW_ELTWISE_SOFTPLUS, true, {0}, {0}},
    {"Mish", -1, NW_ELTWISE_MISH, true, {0}, {0}},
};

static const struct unary *find(const char *type)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].type, type) == 0) return &table[i];
    return NULL;
}

#define EACH(expression)                                                                                     \
    for (int64_t i = 0; i < n; i++) y[i] = (expression);                                                     \
    break

/* By comparisons, so that NaN stays NaN; the upper limit comes last, as ONNX has it. */
static inline float limited(float x, float low, float high)
{
    float t = x < low ? low : x;
    return t > high ? high : t;
}

NW_SIMD static void forward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    const float *x = nw_loop_src(loop, 0, begin);
    float *y = nw_loop_dst(loop, begin), p = loop->parameters[0], q = loop->parameters[1];
    int64_t n = (int64_t)(end - begin) * nw_loop_length(loop);
    switch (loop->choice) {
    case RELU: EACH(x[i] < 0 ? 0 : x[i]);
    case LEAKY: EACH(x[i] < 0 ? p * x[i] : x[i]);
    case CLIP: EACH(limited(x[i], p, q));
    case HARD_SIGMOID: EACH(limited(p * x[i] + q, 0, 1));
    case HARD_SWISH: EACH(x[i] * limited(x[i] / 6 + 0.5F, 0, 1));
    case NEG: EACH(-x[i]);
    case ABS: EACH(fabsf(x[i]));
    case SQRT: EACH(sqrtf(x[i]));
    case RECIPROCAL: EACH(1 / x[i]);
    }
}

/* src[0] x, src[1] d y. Kinks as on the reference path. */
NW_SIMD static void backward_rows(const nw_loop *loop, size_t begin, size_t end)
{
    const float *x = nw_loop_src(loop, 0, begin), *d = nw_loop_src(loop, 1, begin);
    float *y = nw_loop_dst(loop, begin), p = loop->parameters[0], q = loop->parameters[1];
    int64_t n = (int64_t)(end - begin) * nw_loop_length(loop);
    switch (loop->choice) {
    case RELU: EACH(x[i] > 0 ? d[i] : 0);
    case LEAKY: EACH(x[i] > 0 ? d[i] : p * d[i]);
    case CLIP: EACH(x[i] > p && x[i] < q ? d[i] : 0);
    case HARD_SIGMOID: EACH(p * x[i] + q > 0 && p * x[i] + q < 1 ? p * d[i] : 0);
    case HARD_SWISH: EACH(x[i] <= -3 ? 0 : x[i] < 3 ? d[i] * (x[i] / 3 + 0.5F) : d[i]);
    case NEG: EACH(-d[i]);
    case ABS: EACH(x[i] > 0 ? d[i] : x[i] < 0 ? -d[i] : 0);
    case SQRT: EACH(d[i] / (2 * sqrtf(x[i])));
    case RECIPROCAL: EACH(-d[i] / (x[i] * x[i]));
    }
}

/* Parameters: attributes, or (Clip) inputs. False where they are not constant. */
static bool parameters(nw_plan *plan, const nw_node *node, const struct unary *u, float p[2])
{
    for (int i = 0; i < 2; i++) {
        p[i] = u->attributes[i] ? nw_node_float(node, u->attributes[i], u->otherwise[i]) : 0;
        if (u->own != CLIP || !nw_has_in(node, i + 1)) continue;
        const nw_tensor *t = nw_fast_constant(plan, node, i + 1);
        if (!t || t->count != 1) return false;
        p[i] = (float)nw_tensor_get(t, 0);
    }
    return true;
}

nw_status nw_fast_unary(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const struct unary *u = find(node->op->type);
    float p[2];
    const nw_value *v = &nw_plan_graph(plan)->values[node->inputs[0]];
    if (!u || !parameters(plan, node, u, p) || v->dtype != NW_F32 || !nw_count(&v->shape)) {
        *declined = true;
        return NW_OK;
    }
    nw_layout layout = *nw_plan_layout(plan, node->inputs[0]);
    bool forward = nw_plan_phase(plan) == NW_PHASE_FORWARD;
    if (!forward && !nw_plan_wants_diff(plan, node->inputs[0])) return NW_OK;
    nw_buffer *src, *diff_dst = NULL, *dst;
    NW_TRY(nw_plan_src(plan, node->inputs[0], &layout, &src, err));
    if (forward) {
        NW_TRY(nw_plan_dst(plan, node->outputs[0], &layout, &dst, err));
    } else {
        NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &layout, &diff_dst, err));
        NW_TRY(nw_plan_diff_src(plan, node->inputs[0], &layout, &dst, err));
    }
    if (u->own < 0) {
        nw_kernel_step k = {.kind = u->type};
        NW_TRY(nw_eltwise_kernel(nw_plan_backend(plan), u->onednn, p[0], &layout, !forward, &k.kernel, err));
        k.slots[NW_SLOT_SRC] = src;
        k.slots[forward ? NW_SLOT_DST : NW_SLOT_DIFF_SRC] = dst;
        k.slots[NW_SLOT_DIFF_DST] = diff_dst;
        return nw_fast_kernel_step(plan, &k, err);
    }
    nw_loop loop = {.kind = u->type,
                    .fn = forward ? forward_rows : backward_rows,
                    .src = {src, diff_dst},
                    .dst = dst,
                    .shape = nw_layout_loops(&layout, 0),
                    .choice = u->own,
                    .parameters = {p[0], p[1]},
                    .in_place = forward,
                    .pad = !u->keeps_zero};
    return nw_fast_loop(plan, &loop, err);
}
