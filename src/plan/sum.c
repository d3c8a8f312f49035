/* Sums, of gradients and of terms that nobody has computed yet, fused with the derivative of the activation
 * that follows from its result, and with rounding to bfloat16 for convolutions that read that. */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "plan/internal.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK = 16384, AT_ONCE = 7, TILE = 1024, READS = 9, BLOCK = 16 };

/* A factor's place: one for each of `extent` channels and outer index, over `inner` positions. */
typedef struct spread {
    nw_loops loops;
    size_t row; /* elements that share a block of channels */
} spread;

typedef struct sum {
    int count, factors; /* of terms, and how many have one */
    nw_term terms[AT_ONCE];
    spread spreads[AT_ONCE];
    nw_buffer *result, *dst, *narrow;
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

/* The sum of terms without factors at `first`, n elements, in x. */
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

/* v: the factors of the block of channels that element `first` belongs to; those of the padding are 0.
 * Returns how many of n elements from there on share them. */
static inline __attribute__((always_inline)) size_t factors(const sum *s, int k, size_t first, size_t n,
                                                            float v[BLOCK])
{
    const nw_term *t = &s->terms[k];
    const nw_loops *l = &s->spreads[k].loops;
    size_t row = first / s->spreads[k].row, rest = s->spreads[k].row - first % s->spreads[k].row;
    int64_t o = (int64_t)row / l->blocks, c = (int64_t)row % l->blocks * l->block;
    const float *f = (const float *)t->factor->data + o * l->extent + c;
    for (int64_t b = 0; b < l->block; b++) v[b] = c + b < l->extent ? f[b] : 0;
    for (int64_t b = 0; !t->src && b < l->block; b++) v[b] *= t->scale;
    return rest < n ? rest : n;
}

/* What a term is, or two are: products a v (b w), or a factor alone. */
typedef struct products {
    const float *a, *b; /* NULL: the factor alone */
    float v[BLOCK], w[BLOCK];
    bool two, more; /* more: added to what is there */
} products;

/* x[0..n), whose channels lie in blocks of B. */
#define EACH(B, EXPRESSION)                                                                                  \
    for (size_t i = 0; i < n; i += (B))                                                                      \
        for (size_t c = 0; c < (B); c++) x[i + c] = EXPRESSION;
#define PRODUCTS(B)                                                                                          \
    if (p->two && p->a && p->b) {                                                                            \
        EACH(B, p->a[i + c] * v[c] + p->b[i + c] * w[c])                                                     \
    } else if (p->two && p->a) {                                                                             \
        EACH(B, p->a[i + c] * v[c] + w[c])                                                                   \
    } else if (p->a && p->more) {                                                                            \
        EACH(B, x[i + c] + p->a[i + c] * v[c])                                                               \
    } else if (p->a) {                                                                                       \
        EACH(B, p->a[i + c] * v[c])                                                                          \
    } else if (p->more) {                                                                                    \
        EACH(B, x[i + c] + v[c])                                                                             \
    } else {                                                                                                 \
        EACH(B, v[c])                                                                                        \
    }

static inline __attribute__((always_inline)) void write(const products *p, size_t block, size_t n, float *x)
{
    float v[BLOCK], w[BLOCK];
    memcpy(v, p->v, sizeof v);
    memcpy(w, p->w, sizeof w);
    if (block == BLOCK) {
        PRODUCTS((size_t)BLOCK)
    } else if (block == 8) {
        PRODUCTS((size_t)8)
    } else {
        PRODUCTS((size_t)1)
    }
}

/* Whether term k and the next are taken together. */
static inline bool is_pair(const sum *s, int k)
{
    if (k + 1 >= s->count || k > 0 || !s->terms[k].src) return false;
    return s->terms[k].factor && s->terms[k + 1].factor && s->spreads[k].row == s->spreads[k + 1].row;
}

/* The sum of terms, some with a factor. The first is read before x, which may be its storage, is written. */
static inline __attribute__((always_inline)) void add_terms(const sum *s, size_t first, size_t n, float *x)
{
    for (int k = 0; k < s->count; k++) {
        const float *a = s->terms[k].src ? (const float *)s->terms[k].src->data + first : NULL;
        if (!s->terms[k].factor) {
            if (k == 0)
                memmove(x, a, n * sizeof *x);
            else
                for (size_t i = 0; i < n; i++) x[i] += a[i];
            continue;
        }
        products p = {.two = is_pair(s, k), .more = k > 0};
        const nw_buffer *other = p.two ? s->terms[k + 1].src : NULL;
        const float *b = other ? (const float *)other->data + first : NULL;
        for (size_t at = 0, some; at < n; at += some) {
            some = factors(s, k, first + at, n - at, p.v);
            if (p.two) factors(s, k + 1, first + at, n - at, p.w);
            p.a = a ? a + at : NULL;
            p.b = b ? b + at : NULL;
            write(&p, (size_t)s->spreads[k].loops.block, some, x + at);
        }
        k += p.two;
    }
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
    if (s->factors) {
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
    const sum *s = context;
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
    sum *s = state;
    nw_parallel(s->elements, CHUNK, range, s);
    return NW_OK;
}

/* Whether the result may lie where the first term's source does if nobody reads that later: nothing else may
 * be read from there here. */
static bool in_place(const sum *s)
{
    const nw_buffer *src = s->terms[0].src;
    if (!src || !s->dst || s->narrow || (s->result && s->result->root == src->root)) return false;
    for (int k = 1; k < s->count; k++)
        if (s->terms[k].src && s->terms[k].src->root == src->root) return false;
    return true;
}

static nw_status add_step(nw_plan *plan, const sum *what, nw_error *err)
{
    sum *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = *what;
    s->elements = (size_t)nw_layout_count(&s->terms[0].layout);
    bool act = s->act.kind != NW_ACT_NONE;
    nw_step step = {.impl = "narrows", .state = s, .run = run, .in_place = in_place(s)};
    int reads = 0, writes = 0;
    for (int k = 0; k < s->count; k++) {
        const nw_term *t = &s->terms[k];
        if (t->src) step.reads[reads++] = t->src;
        if (!t->factor) continue;
        s->factors++;
        step.reads[reads++] = t->factor;
        s->spreads[k].loops = nw_layout_loops(&t->layout, t->axis);
        s->spreads[k].row = (size_t)(s->spreads[k].loops.inner * s->spreads[k].loops.block);
    }
    if (s->result) step.reads[reads++] = s->result;
    if (s->dst) step.writes[writes++] = s->dst;
    if (s->narrow) step.writes[writes++] = s->narrow;
    step.kind = s->factors ? (act ? "weighted sum+act" : "weighted sum") : act ? "sum+act" : "sum";
    return nw_plan_step(plan, &step, err);
}

nw_status nw_plan_sum(nw_plan *plan, const nw_term *terms, size_t count, const nw_act *act, nw_buffer *result,
                      nw_buffer *dst, nw_buffer *narrow, nw_error *err)
{
    sum s = {.count = 0};
    int reads = 0;
    while (count) {
        for (; count && s.count < AT_ONCE; terms++, count--) {
            int more = !!terms->src + !!terms->factor;
            if (reads + more > READS) break;
            reads += more;
            s.terms[s.count++] = *terms;
        }
        if (!count) break;
        /* More than fit: a partial sum takes the first place of the next round. */
        NW_TRY(nw_plan_buffer(plan, &s.terms[0].layout, &s.dst, err));
        NW_TRY(add_step(plan, &s, err));
        s = (sum){.count = 1, .terms = {nw_term_of(s.dst)}};
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
