/* Sums, of gradients and of terms that nobody has computed yet, fused with the derivative of the activation
 * that follows from its result, and with rounding to bfloat16 for convolutions that read that. */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "plan/sum_terms.h"

/* READS: buffers that a step has places for, but that of the activation's result. */
enum { CHUNK = 16384, TILE = 1024, READS = 9 };

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

/* The sum of terms that lie in memory at `first`, n elements, in x. */
#define ADD(T)                                                                                               \
    const T *a = (const T *)s->terms[0].src->data + first;                                                   \
    if (s->count == 1) {                                                                                     \
        if (x != a) memcpy(x, a, n * sizeof(T));                                                             \
    } else {                                                                                                 \
        const T *b = (const T *)s->terms[1].src->data + first;                                               \
        for (size_t i = 0; i < n; i++) x[i] = a[i] + b[i];                                                   \
    }                                                                                                        \
    for (int k = 2; k < s->count; k++) {                                                                     \
        const T *c = (const T *)s->terms[k].src->data + first;                                               \
        for (size_t i = 0; i < n; i++) x[i] += c[i];                                                         \
    }

INLINE void tile_f64(const nw_sum *s, size_t first, size_t n, double *x)
{
    const nw_act *act = &s->act;
    double alpha = (double)act->alpha, beta = (double)act->beta;
    ADD(double)
    if (act->kind == NW_ACT_NONE) return;
    const double *y = (const double *)s->result->data + first;
    SLOPE(y[i])
}

INLINE void tile_f32(const nw_sum *s, size_t first, size_t n, float *x)
{
    const nw_act *act = &s->act;
    float alpha = act->alpha, beta = act->beta;
    if (!s->dense) {
        add_terms(s, first, n, x);
    } else {
        ADD(float)
    }
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
    const nw_sum *s = context;
    float spare[TILE];
    bool f64 = s->terms[0].layout.dtype == NW_F64;
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
    nw_sum *s = state;
    nw_parallel(s->elements, CHUNK, range, s);
    return NW_OK;
}

static bool lies_in(const nw_buffer *buffer, const nw_buffer *other)
{
    return buffer && buffer->root == other->root;
}

/* Whether the result may lie where the first term's source does if nobody reads that later: nothing else may
 * be read from there here. (A map of one pixel may be a factor as well.) */
static bool in_place(const nw_sum *s)
{
    const nw_buffer *src = s->terms[0].src;
    if (!src || !s->dst || s->narrow || lies_in(s->result, src)) return false;
    for (int k = 0; k < s->count; k++)
        if ((k > 0 && lies_in(s->terms[k].src, src)) || lies_in(s->terms[k].factor, src)) return false;
    return true;
}

static nw_status add_step(nw_plan *plan, const nw_sum *what, nw_error *err)
{
    nw_sum *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = *what;
    s->elements = (size_t)nw_layout_count(&s->terms[0].layout);
    s->dense = true;
    nw_step step = {.impl = "narrows", .state = s, .run = run, .in_place = in_place(s)};
    int reads = 0, writes = 0;
    for (int k = 0; k < s->count; k++) {
        const nw_term *t = &s->terms[k];
        s->dense &= nw_term_is_buffer(t);
        s->loops[k] = nw_layout_loops(&t->layout, t->axis);
        if (t->src) step.reads[reads++] = t->src;
        if (t->factor) step.reads[reads++] = t->factor;
    }
    if (s->result) step.reads[reads++] = s->result;
    if (s->dst) step.writes[writes++] = s->dst;
    if (s->narrow) step.writes[writes++] = s->narrow;
    bool act = s->act.kind != NW_ACT_NONE;
    step.kind = s->dense ? (act ? "sum+act" : "sum") : act ? "weighted sum+act" : "weighted sum";
    return nw_plan_step(plan, &step, err);
}

nw_status nw_plan_sum(nw_plan *plan, const nw_term *terms, size_t count, const nw_act *act, nw_buffer *result,
                      nw_buffer *dst, nw_buffer *narrow, nw_error *err)
{
    nw_sum s = {.count = 0};
    int reads = 0;
    while (count) {
        for (; count && s.count < NW_SUM_TERMS; terms++, count--) {
            int more = !!terms->src + !!terms->factor;
            if (reads + more > READS) break;
            reads += more;
            s.terms[s.count++] = *terms;
        }
        if (!count) break;
        /* More than fit: a partial sum takes the first place of the next round. */
        NW_TRY(nw_plan_buffer(plan, &s.terms[0].layout, &s.dst, err));
        NW_TRY(add_step(plan, &s, err));
        s = (nw_sum){.count = 1, .terms = {nw_term_of(s.dst)}};
        reads = 1;
    }
    if (act) s.act = *act;
    s.result = act && act->kind != NW_ACT_NONE ? result : NULL;
    s.dst = dst;
    s.narrow = narrow;
    return add_step(plan, &s, err);
}

nw_status nw_plan_copy(nw_plan *plan, nw_buffer *src, nw_buffer *dst, nw_error *err)
{
    nw_term term = nw_term_of(src);
    return nw_plan_sum(plan, &term, 1, NULL, NULL, dst, NULL, err);
}
