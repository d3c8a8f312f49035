/* Values in their layouts. */
#include "plan/internal.h"

/* A constant of the graph becomes a plain buffer of the plan's type. */
static nw_status constant_form(nw_plan *plan, int value, nw_error *err)
{
    nw_tensor *data = plan->graph->values[value].data, *converted;
    if (!data) {
        return nw_fail(err, NW_FAILED, "the plan reads '%s' before it is produced",
                       plan->graph->values[value].name);
    }
    NW_TRY(nw_tensor_convert(data, plan->dtype, &converted, err));
    nw_layout layout = nw_layout_plain(plan->dtype, &data->shape);
    NW_TRY(nw_plan_constant(plan, &layout, converted->data, converted, &plan->values[value].forms[0], err));
    plan->values[value].form_count = 1;
    return NW_OK;
}

/* A value that is a sum nobody has computed is written now, by a step of its own. */
static nw_status need_form(nw_plan *plan, int value, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    if (v->form_count) return NW_OK;
    if (!v->term_count) return constant_form(plan, value, err);
    NW_TRY(nw_plan_buffer(plan, &v->terms[0].layout, &v->forms[0], err));
    NW_TRY(nw_plan_sum(plan, v->terms, (size_t)v->term_count, NULL, NULL, v->forms[0], NULL, err));
    v->form_count = 1;
    return NW_OK;
}

nw_status nw_plan_as(nw_plan *plan, nw_buffer *buffer, const nw_layout *layout, nw_buffer **out,
                     nw_error *err)
{
    *out = buffer;
    if (nw_layout_equal(&buffer->layout, layout)) return NW_OK;
    if (nw_layout_same_memory(&buffer->layout, layout)) return nw_plan_view(plan, buffer, layout, out, err);
    if (buffer->layout.block > 1 && layout->block > 1 && buffer->layout.axis != layout->axis) {
        /* From blocks along one dimension to blocks along another by way of plain memory. */
        nw_layout plain = nw_layout_plain(layout->dtype, &layout->shape);
        NW_TRY(nw_plan_as(plan, buffer, &plain, &buffer, err));
    }
    NW_TRY(nw_plan_buffer(plan, layout, out, err));
    return nw_plan_reorder(plan, buffer, *out, err);
}

const nw_layout *nw_plan_layout(nw_plan *plan, int value)
{
    nw_plan_value *v = &plan->values[value];
    if (v->term_count) return &v->terms[0].layout;
    if (need_form(plan, value, NULL) != NW_OK) return NULL;
    return &v->forms[0]->layout;
}

nw_status nw_plan_src(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    NW_TRY(need_form(plan, value, err));
    for (int i = 0; i < v->form_count; i++)
        if (!layout || nw_layout_equal(&v->forms[i]->layout, layout)) {
            *out = v->forms[i];
            return NW_OK;
        }
    nw_buffer *buffer;
    NW_TRY(nw_plan_as(plan, v->forms[0], layout, &buffer, err));
    if (v->form_count < NW_PLAN_FORMS) v->forms[v->form_count++] = buffer;
    *out = buffer;
    return NW_OK;
}

nw_status nw_plan_dst(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    nw_buffer *buffer;
    NW_TRY(nw_plan_buffer(plan, layout, &buffer, err));
    *out = buffer;
    return nw_plan_set_dst(plan, value, buffer, err);
}

nw_status nw_plan_set_dst(nw_plan *plan, int value, nw_buffer *buffer, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    if (v->form_count || v->term_count)
        return nw_fail(err, NW_FAILED, "'%s' is produced twice", plan->graph->values[value].name);
    v->forms[0] = buffer;
    v->form_count = 1;
    return NW_OK;
}
