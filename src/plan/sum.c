/* Sums of gradients, fused with the derivative of the activation that follows from its result, and with
 * rounding to bfloat16 for convolutions that read that. */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "plan/internal.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK = 16384, AT_ONCE = 7, TILE = 1024 };

typedef struct sum {
    int count; /* of src[] */
    nw_buffer *src[AT_ONCE], *result, *dst, *narrow;
    nw_act act;
    size_t elements;
} sum;

/* Multiplies x[0..n) by the derivative that follows from the result, whose element i is READ. */
#define SLOPE(READ)                                                                                          \
    switch (act->kind) {                                                                                     \
    case NW_ACT_NONE: break;                                                                                 \
    case NW_ACT_RELU:                                                                                        \
        for (size_t i = 0; i < n; i++) x[i] = READ > 0 ? x[i] : 0;                                           \
        break;                                                                                               \
    case NW_ACT_LEAKY:                                                                                       \
        for (size_t i = 0; i < n; i++) x[i] = READ > 0 ? x[i] : alpha * x[i];                                \
        break;                                                                                               \
    case NW_ACT_CLIP:                                                                                        \
        for (size_t i = 0; i < n; i++) x[i] = READ > alpha && READ < beta ? x[i] : 0;                        \
        break;                                                                                               \
    }

/* The sum of the sources at `first`, n elements, in x. */
#define ADD(T)                                                                                               \
    const T *a = (const T *)s->src[0]->data + first;                                                         \
    if (s->count == 1) {                                                                                     \
        if (x != a) memcpy(x, a, n * sizeof(T));                                                             \
    } else {                                                                                                 \
        const T *b = (const T *)s->src[1]->data + first;                                                     \
        for (size_t i = 0; i < n; i++) x[i] = a[i] + b[i];                                                   \
    }                                                                                                        \
    for (int k = 2; k < s->count; k++) {                                                                     \
        const T *c = (const T *)s->src[k]->data + first;                                                     \
        for (size_t i = 0; i < n; i++) x[i] += c[i];                                                         \
    }

static inline __attribute__((always_inline)) void tile_f64(const sum *s, size_t first, size_t n, double *x)
{
    const nw_act *act = &s->act;
    double alpha = (double)act->alpha, beta = (double)act->beta;
    ADD(double)
    if (act->kind == NW_ACT_NONE) return;
    const double *y = (const double *)s->result->data + first;
    SLOPE(y[i])
}

static inline __attribute__((always_inline)) void tile_f32(const sum *s, size_t first, size_t n, float *x)
{
    const nw_act *act = &s->act;
    float alpha = act->alpha, beta = act->beta;
    ADD(float)
    if (act->kind == NW_ACT_NONE) return;
    if (s->result->layout.dtype == NW_BF16) {
        const uint16_t *y = (const uint16_t *)s->result->data + first;
        SLOPE(nw_bf16_to_f32(y[i]))
    } else {
        const float *y = (const float *)s->result->data + first;
        SLOPE(y[i])
    }
}

/* Sums in tiles that stay in the first cache; where there is no float32 result, in one on the stack. */
NW_SIMD static void range(void *context, size_t begin, size_t end)
{
    const sum *s = context;
    float spare[TILE];
    bool f64 = s->src[0]->layout.dtype == NW_F64;
    for (size_t first = begin; first < end; first += TILE) {
        size_t n = end - first < TILE ? end - first : TILE;
        if (f64) {
            tile_f64(s, first, n, (double *)s->dst->data + first);
            continue;
        }
        float *x = s->dst ? (float *)s->dst->data + first : spare;
        tile_f32(s, first, n, x);
        if (!s->narrow) continue;
        uint16_t *half = (uint16_t *)s->narrow->data + first;
        for (size_t i = 0; i < n; i++) half[i] = nw_bf16_from_f32(x[i]);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    sum *s = state;
    nw_parallel(s->elements, CHUNK, range, s);
    return NW_OK;
}

static nw_status add_step(nw_plan *plan, const sum *what, nw_error *err)
{
    sum *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = *what;
    s->elements = (size_t)nw_layout_count(&s->src[0]->layout);
    nw_step step = {
        .kind = s->act.kind == NW_ACT_NONE ? "sum" : "sum+act", .impl = "narrows", .state = s, .run = run};
    for (int i = 0; i < s->count; i++) step.reads[i] = s->src[i];
    if (s->result) step.reads[s->count] = s->result;
    int writes = 0;
    if (s->dst) step.writes[writes++] = s->dst;
    if (s->narrow) step.writes[writes++] = s->narrow;
    return nw_plan_step(plan, &step, err);
}

nw_status nw_plan_sum(nw_plan *plan, nw_buffer *const *src, size_t count, const nw_act *act,
                      nw_buffer *result, nw_buffer *dst, nw_buffer *narrow, nw_error *err)
{
    sum s = {.count = 0};
    while (count) {
        while (count && s.count < AT_ONCE) s.src[s.count++] = *src++, count--;
        if (!count) break;
        /* More than fit: a partial sum takes the first place of the next round. */
        NW_TRY(nw_plan_buffer(plan, &s.src[0]->layout, &s.dst, err));
        NW_TRY(add_step(plan, &s, err));
        s = (sum){.count = 1, .src = {s.dst}};
    }
    if (act) s.act = *act;
    s.result = act && act->kind != NW_ACT_NONE ? result : NULL;
    s.dst = dst;
    s.narrow = narrow;
    return add_step(plan, &s, err);
}

nw_status nw_plan_copy(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err)
{
    return nw_plan_sum(plan, &src, 1, NULL, NULL, dst, NULL, err);
}
