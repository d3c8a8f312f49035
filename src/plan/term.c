/* Values and gradients as sums that nobody has computed yet. */
#include "plan/term.h"

#include "plan/internal.h"

#include <string.h>

nw_status nw_plan_set_terms(nw_plan *plan, int value, const nw_term *terms, int count, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    if (v->form_count || v->term_count)
        return nw_fail(err, NW_FAILED, "'%s' is produced twice", plan->graph->values[value].name);
    memcpy(v->terms, terms, (size_t)count * sizeof *terms);
    v->term_count = count;
    return NW_OK;
}

nw_status nw_plan_terms(nw_plan *plan, int value, const nw_layout *layout, int most,
                        nw_term terms[NW_PLAN_TERMS], int *count, nw_error *err)
{
    const nw_plan_value *v = &plan->values[value];
    if (!v->form_count && v->term_count && v->term_count <= most &&
        nw_layout_equal(&v->terms[0].layout, layout)) {
        memcpy(terms, v->terms, (size_t)v->term_count * sizeof *terms);
        *count = v->term_count;
        return NW_OK;
    }
    nw_buffer *buffer;
    NW_TRY(nw_plan_src(plan, value, layout, &buffer, err));
    terms[0] = nw_term_of(buffer);
    *count = 1;
    return NW_OK;
}

nw_status nw_plan_term_as(nw_plan *plan, const nw_term *term, const nw_layout *layout, nw_term *out,
                          nw_error *err)
{
    nw_term t = *term;
    if (!nw_layout_equal(&t.layout, layout)) {
        bool anywhere = !t.src && nw_shape_equal(&t.layout.shape, &layout->shape) &&
                        (layout->block == 1 || layout->axis == t.axis);
        if (anywhere) {
            t.layout = *layout;
        } else {
            nw_buffer *buffer = t.src;
            if (!nw_term_is_buffer(&t)) {
                NW_TRY(nw_plan_buffer(plan, &t.layout, &buffer, err));
                NW_TRY(nw_plan_sum(plan, &t, 1, NULL, NULL, buffer, NULL, err));
            }
            NW_TRY(nw_plan_as(plan, buffer, layout, &buffer, err));
            t = nw_term_of(buffer);
        }
    }
    *out = t;
    return NW_OK;
}

nw_status nw_plan_diff_term(nw_plan *plan, int value, const nw_layout *layout, nw_term *out, nw_error *err)
{
    const nw_plan_value *v = &plan->values[value];
    if (!v->diff && v->contribution_count == 1)
        return nw_plan_term_as(plan, &v->contributions[0], layout, out, err);
    nw_buffer *buffer;
    NW_TRY(nw_plan_diff_dst(plan, value, layout, &buffer, err));
    *out = nw_term_of(buffer);
    return NW_OK;
}
