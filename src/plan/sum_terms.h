/* What a step of sum.c adds up, and the loops that do it: inlined there, where they are compiled for several
 * instruction sets. */
#ifndef NW_PLAN_SUM_TERMS_H
#define NW_PLAN_SUM_TERMS_H

#include "plan/internal.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { NW_SUM_TERMS = 7, NW_SUM_BLOCK = 16 };

typedef struct nw_sum {
    int count;
    bool dense; /* all terms lie in memory as they are */
    nw_term terms[NW_SUM_TERMS];
    nw_loops loops[NW_SUM_TERMS]; /* of a term's layout, by its axis */
    nw_buffer *result, *dst, *narrow;
    nw_act act;
    size_t elements;
} nw_sum;

/* v: the factors of the block of channels that element `first` belongs to; those of the padding are 0.
 * Returns how many of n elements from there on share them. */
INLINE size_t factors(const nw_sum *s, int k, size_t first, size_t n, float v[NW_SUM_BLOCK])
{
    const nw_term *t = &s->terms[k];
    const nw_loops *l = &s->loops[k];
    size_t length = (size_t)(l->inner * l->block), row = first / length, rest = length - first % length;
    int64_t o = (int64_t)row / l->blocks, c = (int64_t)row % l->blocks * l->block;
    const float *f = (const float *)t->factor->data + o * l->extent + c;
    for (int64_t b = 0; b < l->block; b++) v[b] = c + b < l->extent ? f[b] : 0;
    for (int64_t b = 0; !t->src && b < l->block; b++) v[b] *= t->scale;
    return rest < n ? rest : n;
}

/* What a term is, or two are: products a v (b w), or a factor alone. */
typedef struct products {
    const float *a, *b; /* NULL: the factor alone */
    float v[NW_SUM_BLOCK], w[NW_SUM_BLOCK];
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

INLINE void write_products(const products *p, size_t block, size_t n, float *x)
{
    float v[NW_SUM_BLOCK], w[NW_SUM_BLOCK];
    memcpy(v, p->v, sizeof v);
    memcpy(w, p->w, sizeof w);
    if (block == NW_SUM_BLOCK) {
        PRODUCTS((size_t)NW_SUM_BLOCK)
    } else if (block == 8) {
        PRODUCTS((size_t)8)
    } else {
        PRODUCTS((size_t)1)
    }
}

/* Whether term k and the next are taken together. */
static inline bool is_pair(const nw_sum *s, int k)
{
    if (k + 1 >= s->count || k > 0 || !s->terms[k].src) return false;
    const nw_loops *l = &s->loops[k];
    return s->terms[k].factor && s->terms[k + 1].factor && l[0].inner == l[1].inner;
}

/* Positions at .. at + n of a row of positions that windows of `wide` make of `a`: each the scale times the
 * element of its window. */
INLINE void write_windows(const float *a, size_t at, size_t n, size_t wide, size_t block, float scale,
                          bool more, float *x)
{
    size_t from = at / wide, left = wide - at % wide;
    for (size_t p = 0; p < n; from++, left = wide)
        for (; left && p < n; left--, p++)
            for (size_t c = 0; c < block; c++) {
                float value = scale * a[from * block + c];
                x[p * block + c] = more ? x[p * block + c] + value : value;
            }
}

INLINE void add_windows(const nw_sum *s, int k, size_t first, size_t n, float *x)
{
    const nw_term *t = &s->terms[k];
    const int64_t *dims = t->layout.shape.dims;
    size_t block = (size_t)t->layout.block, high = (size_t)t->window[0], wide = (size_t)t->window[1];
    size_t height = (size_t)dims[2], width = (size_t)dims[3], some;
    for (size_t p = first / block, end = (first + n) / block; p < end; p += some, x += some * block) {
        size_t row = p / width, at = p % width, plane = row / height;
        size_t above = (plane * height + row % height) / high; /* height is a multiple of high */
        const float *a = (const float *)t->src->data + above * (width / wide) * block;
        some = width - at < end - p ? width - at : end - p;
        if (block == NW_SUM_BLOCK)
            write_windows(a, at, some, wide, NW_SUM_BLOCK, t->scale, k > 0, x);
        else
            write_windows(a, at, some, wide, block, t->scale, k > 0, x);
    }
}

/* The sum of any terms. The first is read before x, which may be its storage, is written. */
INLINE void add_terms(const nw_sum *s, size_t first, size_t n, float *x)
{
    for (int k = 0; k < s->count; k++) {
        const nw_term *t = &s->terms[k];
        if (t->window[0]) {
            add_windows(s, k, first, n, x);
            continue;
        }
        const float *a = t->src ? (const float *)t->src->data + first : NULL;
        if (!t->factor) {
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
            write_products(&p, (size_t)s->loops[k].block, some, x + at);
        }
        k += p.two;
    }
}

#endif
