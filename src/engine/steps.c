/* From the nodes of a piece to the steps of a plan. */
#include "engine/program.h"

static nw_status compile(nw_piece *piece, nw_plan *plan, size_t n, nw_error *err)
{
    const nw_node *node = &piece->graph->nodes[n];
    bool forward = nw_plan_phase(plan) == NW_PHASE_FORWARD;
    nw_plan_set_node(plan, (int)n);
    if (nw_plan_dtype(plan) == NW_F32 && node->op->compile && (forward || piece->fast[n])) {
        bool declined = false;
        NW_TRY(node->op->compile(plan, node, &declined, err));
        if (forward) piece->fast[n] = !declined;
        if (!declined) return NW_OK;
    }
    return nw_reference_step(plan, node, err);
}

static bool needs_backward(const nw_plan *plan, const nw_node *node)
{
    bool flows = false, wanted = false;
    for (int i = 0; i < node->output_count; i++) flows |= nw_plan_has_diff(plan, node->outputs[i]);
    for (int i = 0; i < node->input_count; i++) wanted |= nw_plan_wants_diff(plan, node->inputs[i]);
    return flows && wanted && node->op->backward;
}

nw_status nw_piece_steps(nw_piece *piece, nw_plan *plan, nw_error *err)
{
    const nw_graph *graph = piece->graph;
    nw_phase phase = nw_plan_phase(plan);
    nw_status status = NW_OK;
    for (size_t k = 0; k < graph->node_count && status == NW_OK; k++) {
        size_t n = phase == NW_PHASE_FORWARD ? k : graph->node_count - 1 - k;
        if (!piece->live[n] || (phase == NW_PHASE_BACKWARD && !needs_backward(plan, &graph->nodes[n])))
            continue;
        status = compile(piece, plan, n, err);
        if (status != NW_OK) {
            char text[NW_NODE_TEXT];
            nw_fail_within(err, status, "%s: %s", graph->name, nw_node_text(graph, &graph->nodes[n], text));
        }
    }
    nw_plan_set_node(plan, -1);
    return status;
}
