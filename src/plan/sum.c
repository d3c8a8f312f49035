/* Sums of gradients, fused with the derivative of the activation that follows from its result. */
#include "base/memory.h"
#include "base/parallel.h"
#include "plan/internal.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK = 16384, AT_ONCE = 8 };

typedef struct sum {
    int count; /* of reads[] */
    nw_buffer *src[AT_ONCE], *result, *dst;
    nw_act act;
    size_t elements;
} sum;

/* One pass for each pair of number of sources and activation would be fastest; a block that stays in the
 * first cache comes close. */
#define DEFINE(T, NAME)                                                                                      \
    static void NAME(void *context, size_t begin, size_t end)                                                \
    {                                                                                                        \
        const sum *s = context;                                                                              \
        T *restrict dst = (T *)s->dst->data;                                                                 \
        const T *a = s->src[0]->data;                                                                        \
        if (s->count == 1) {                                                                                 \
            if (dst != a) memcpy(dst + begin, a + begin, (end - begin) * sizeof(T));                         \
        } else {                                                                                             \
            const T *b = s->src[1]->data;                                                                    \
            for (size_t i = begin; i < end; i++) dst[i] = a[i] + b[i];                                       \
        }                                                                                                    \
        for (int k = 2; k < s->count; k++) {                                                                 \
            const T *c = s->src[k]->data;                                                                    \
            for (size_t i = begin; i < end; i++) dst[i] += c[i];                                             \
        }                                                                                                    \
        if (s->act.kind == NW_ACT_NONE) return;                                                              \
        const T *y = s->result->data;                                                                        \
        T alpha = (T)s->act.alpha, beta = (T)s->act.beta;                                                    \
        switch (s->act.kind) {                                                                               \
        case NW_ACT_NONE: break;                                                                             \
        case NW_ACT_RELU:                                                                                    \
            for (size_t i = begin; i < end; i++) dst[i] = y[i] > 0 ? dst[i] : 0;                             \
            break;                                                                                           \
        case NW_ACT_LEAKY:                                                                                   \
            for (size_t i = begin; i < end; i++) dst[i] = y[i] > 0 ? dst[i] : alpha * dst[i];                \
            break;                                                                                           \
        case NW_ACT_CLIP:                                                                                    \
            for (size_t i = begin; i < end; i++) dst[i] = y[i] > alpha && y[i] < beta ? dst[i] : 0;          \
            break;                                                                                           \
        }                                                                                                    \
    }
DEFINE(float, sum_f32)
DEFINE(double, sum_f64)

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    sum *s = state;
    nw_parallel(s->elements, CHUNK, s->dst->layout.dtype == NW_F64 ? sum_f64 : sum_f32, s);
    return NW_OK;
}

static nw_status add_step(nw_plan *plan, nw_buffer *const *src, int count, const nw_act *act,
                          nw_buffer *result, nw_buffer *dst, nw_error *err)
{
    sum *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = (sum){
        .count = count, .result = result, .dst = dst, .elements = (size_t)nw_layout_count(&dst->layout)};
    if (act) s->act = *act;
    nw_step step = {
        .kind = act ? "sum+act" : "sum", .impl = "narrows", .state = s, .run = run, .writes = {dst}};
    for (int i = 0; i < count; i++) step.reads[i] = s->src[i] = src[i];
    if (result) step.reads[count] = result;
    return nw_plan_step(plan, &step, err);
}

nw_status nw_plan_sum(nw_plan *plan, nw_buffer *const *src, size_t count, const nw_act *act,
                      nw_buffer *result, nw_buffer *dst, nw_error *err)
{
    nw_buffer *part = NULL;
    while (count > AT_ONCE - (part != NULL)) {
        nw_buffer *batch[AT_ONCE], *next;
        int n = 0;
        if (part) batch[n++] = part;
        for (; n < AT_ONCE; n++, count--) batch[n] = *src++;
        NW_TRY(nw_plan_buffer(plan, &dst->layout, &next, err));
        NW_TRY(add_step(plan, batch, n, NULL, NULL, next, err));
        part = next;
    }
    nw_buffer *batch[AT_ONCE];
    int n = 0;
    if (part) batch[n++] = part;
    for (; count; count--) batch[n++] = *src++;
    return add_step(plan, batch, n, act && act->kind != NW_ACT_NONE ? act : NULL, result, dst, err);
}

nw_status nw_plan_copy(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err)
{
    return add_step(plan, &src, 1, NULL, NULL, dst, err);
}
