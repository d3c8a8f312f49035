/* Sums that nobody has computed yet.
 *
 * An operator that multiplies by a number for each channel, or spreads one, or adds, need not write what
 * comes out, nor need the gradient of an average: it says what the value, or its contribution to a gradient,
 * is a sum of. The pass that reads it computes it on the way (a sum of gradients, a mean, an Add), and only a
 * reader that wants it in memory makes it be written, once. So split attention, w0 u0 + w1 u1, and its
 * gradient take one pass each.
 */
#ifndef NW_PLAN_TERM_H
#define NW_PLAN_TERM_H

#include "plan/plan.h"

enum { NW_PLAN_TERMS = 4 };

/* One of these:
 *   src                     a buffer as it is
 *   src and factor          its elements, each times the factor of its channel
 *   factor                  scale times the factor of the channel alone
 *   src and window          rank 4: windows of that many positions, side by side, and in each scale times the
 *                           element that src, which has one for each window, has for it
 * All but the first are float32. */
typedef struct nw_term {
    nw_layout layout;  /* of what the term stands for */
    nw_buffer *src;    /* of that layout, or of its like with fewer positions */
    nw_buffer *factor; /* plain, [outer, extent] of nw_layout_loops(&layout, axis) */
    int axis;          /* that of the channels; the blocked one, where the layout is blocked */
    float scale;
    int64_t window[2]; /* height and width, of which the layout's are multiples; 0: none */
} nw_term;

static inline nw_term nw_term_of(nw_buffer *src)
{
    return (nw_term){.layout = src->layout, .src = src};
}
static inline bool nw_term_is_buffer(const nw_term *term)
{
    return !term->factor && !term->window[0];
}

/* The value, which the current node produces, is the sum of the terms, 1 to NW_PLAN_TERMS of one layout. */
nw_status nw_plan_set_terms(nw_plan *plan, int value, const nw_term *terms, int count, nw_error *err);
/* What the value is the sum of, in that layout: its terms, or one that is all of it, in memory, where it has
 * been written, has more than `most`, or terms in another layout. */
nw_status nw_plan_terms(nw_plan *plan, int value, const nw_layout *layout, int most,
                        nw_term terms[NW_PLAN_TERMS], int *count, nw_error *err);

/* This term, which the current node need not compute, contributes to the gradient of `value`. */
nw_status nw_plan_add_diff_term(nw_plan *plan, int value, const nw_term *term, nw_error *err);
/* The gradient of the value (nw_plan_diff_dst) as a term: the contribution itself where there is one. */
nw_status nw_plan_diff_term(nw_plan *plan, int value, const nw_layout *layout, nw_term *out, nw_error *err);

#endif
