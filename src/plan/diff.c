/* Gradients that flow into values: sums of contributions. */
#include "base/memory.h"
#include "plan/internal.h"

bool nw_plan_wants_diff(const nw_plan *plan, int value)
{
    return value >= 0 && plan->values[value].wants_diff;
}

bool nw_plan_has_diff(const nw_plan *plan, int value)
{
    return value >= 0 && plan->values[value].contribution_count > 0;
}

nw_status nw_plan_add_diff_term(nw_plan *plan, int value, const nw_term *term, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    if (!NW_GROW(v->contributions, v->contribution_capacity, v->contribution_count))
        return nw_no_memory(err, sizeof *v->contributions, "a plan");
    v->contributions[v->contribution_count++] = *term;
    return NW_OK;
}

nw_status nw_plan_add_diff(nw_plan *plan, int value, nw_buffer *buffer, nw_error *err)
{
    nw_term term = nw_term_of(buffer);
    return nw_plan_add_diff_term(plan, value, &term, err);
}

/* Gradients are laid out as their value, in the plan's type: a value in bfloat16 has a float32 gradient. */
static nw_layout diff_layout(nw_plan *plan, int value)
{
    nw_layout layout = *nw_plan_layout(plan, value);
    layout.dtype = plan->dtype;
    return layout;
}

nw_status nw_plan_diff_src(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    nw_layout own = diff_layout(plan, value);
    nw_buffer *buffer;
    NW_TRY(nw_plan_buffer(plan, layout ? layout : &own, &buffer, err));
    *out = buffer;
    return nw_plan_add_diff(plan, value, buffer, err);
}

/* Where several contributions share a layout that is not the value's (the program's input, plain, between
 * blocked convolutions), they are summed as they are and reordered once. */
static nw_status sum_first(nw_plan *plan, nw_plan_value *v, const nw_layout *own, nw_error *err)
{
    const nw_layout *theirs = &v->contributions[0].layout;
    if (v->contribution_count < 2 || nw_layout_equal(theirs, own)) return NW_OK;
    for (size_t i = 1; i < v->contribution_count; i++)
        if (!nw_layout_equal(&v->contributions[i].layout, theirs)) return NW_OK;
    nw_buffer *sum;
    NW_TRY(nw_plan_buffer(plan, theirs, &sum, err));
    NW_TRY(nw_plan_sum(plan, v->contributions, v->contribution_count, NULL, NULL, sum, NULL, err));
    v->contributions[0] = nw_term_of(sum);
    v->contribution_count = 1;
    return NW_OK;
}

/* The contributions in the value's own layout, of which there is at least one. */
static nw_status gather(nw_plan *plan, int value, nw_layout *layout, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    *layout = diff_layout(plan, value);
    if (!v->contribution_count)
        return nw_fail(err, NW_FAILED, "no gradient flows into '%s'", plan->graph->values[value].name);
    NW_TRY(sum_first(plan, v, layout, err));
    for (size_t i = 0; i < v->contribution_count; i++)
        NW_TRY(nw_plan_term_as(plan, &v->contributions[i], layout, &v->contributions[i], err));
    return NW_OK;
}

/* Whether the gradient is one contribution that lies in memory. */
static bool is_lone(const nw_plan_value *v)
{
    return v->contribution_count == 1 && nw_term_is_buffer(&v->contributions[0]);
}

/* Sums the contributions, multiplied by act' where there is one, in the value's own layout. */
static nw_status merge(nw_plan *plan, int value, const nw_act *act, nw_buffer **out, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    nw_layout layout;
    NW_TRY(gather(plan, value, &layout, err));
    if (!act && is_lone(v)) {
        *out = v->contributions[0].src;
        return NW_OK;
    }
    NW_TRY(nw_plan_buffer(plan, &layout, out, err));
    return nw_plan_sum(plan, v->contributions, v->contribution_count, act, v->forms[0], *out, NULL, err);
}

nw_status nw_plan_diff_dst(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    if (!v->diff) NW_TRY(merge(plan, value, NULL, &v->diff, err));
    nw_layout own = diff_layout(plan, value);
    return nw_plan_as(plan, v->diff, layout ? layout : &own, out, err);
}

nw_status nw_plan_diff_into(nw_plan *plan, int value, const nw_act *act, nw_buffer *dst, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    nw_layout own;
    nw_buffer *result = NULL;
    if (v->diff && !act) return nw_plan_copy(plan, v->diff, dst, err);
    NW_TRY(gather(plan, value, &own, err));
    if (!nw_layout_equal(&own, &dst->layout))
        return nw_fail(err, NW_FAILED, "a gradient is put into another layout than its value's");
    if (act) NW_TRY(nw_plan_src(plan, value, &own, &result, err));
    NW_TRY(nw_plan_sum(plan, v->contributions, v->contribution_count, act, result, dst, NULL, err));
    if (!act) v->diff = dst;
    return NW_OK;
}

void nw_plan_name_diff(nw_plan *plan, int value)
{
    plan->values[value].diff_named = true;
}

static bool is_read_once(const nw_graph *graph, int value)
{
    int reads = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++) reads += graph->nodes[n].inputs[i] == value;
    return reads == 1;
}

const nw_act *nw_plan_take_act(nw_plan *plan, int value)
{
    nw_plan_value *v = &plan->values[value];
    int producer = plan->graph->values[value].producer;
    if (producer < 0 || v->diff_named || v->contribution_count || !is_read_once(plan->graph, value))
        return NULL;
    const nw_act *act = &plan->graph->nodes[producer].act;
    if (act->kind == NW_ACT_NONE) return NULL;
    v->act_taken = true;
    return act;
}

/* What is left to multiply by. */
static const nw_act *act_left(const nw_plan_value *v, const nw_act *act)
{
    return act && act->kind != NW_ACT_NONE && !v->act_taken ? act : NULL;
}

nw_status nw_plan_diff_act(nw_plan *plan, int value, const nw_act *act, const nw_layout *layout,
                           nw_buffer **out, nw_error *err)
{
    act = act_left(&plan->values[value], act);
    if (!act) return nw_plan_diff_dst(plan, value, layout, out, err);
    nw_buffer *merged;
    NW_TRY(merge(plan, value, act, &merged, err));
    nw_layout own = diff_layout(plan, value);
    return nw_plan_as(plan, merged, layout ? layout : &own, out, err);
}

nw_status nw_plan_diff_lone(nw_plan *plan, int value, const nw_layout *layout, nw_buffer **out, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    nw_layout own;
    NW_TRY(gather(plan, value, &own, err));
    *out = is_lone(v) && !v->act_taken && nw_layout_equal(&own, layout) ? v->contributions[0].src : NULL;
    return NW_OK;
}

nw_status nw_plan_diff_narrow(nw_plan *plan, int value, const nw_act *act, const nw_layout *layout,
                              nw_buffer **wide, nw_buffer **narrow, nw_error *err)
{
    nw_plan_value *v = &plan->values[value];
    nw_layout own, half = *layout, full = *layout;
    half.dtype = NW_BF16;
    full.dtype = NW_F32;
    NW_TRY(gather(plan, value, &own, err));
    act = act_left(v, act);
    bool alone = is_lone(v) && !act;
    if (alone || !nw_layout_equal(&own, &full)) {
        nw_buffer *merged;
        NW_TRY(nw_plan_diff_act(plan, value, act, &full, &merged, err));
        if (wide) *wide = merged;
        return nw_plan_as(plan, merged, &half, narrow, err);
    }
    if (wide) NW_TRY(nw_plan_buffer(plan, &full, wide, err));
    NW_TRY(nw_plan_buffer(plan, &half, narrow, err));
    return nw_plan_sum(plan, v->contributions, v->contribution_count, act, v->forms[0], wide ? *wide : NULL,
                       *narrow, err);
}
