/* The nodes between the inputs and the outputs of a program. */
#include "base/memory.h"
#include "engine/program.h"

#include <string.h>

void nw_piece_clear(nw_piece *piece)
{
    nw_graph_free(piece->graph);
    nw_free(piece->live);
    nw_free(piece->kept);
    nw_free(piece->fast);
    nw_free(piece->inputs);
    nw_free(piece->outputs);
    nw_free(piece->diffs);
    memset(piece, 0, sizeof *piece);
}

static nw_status find(const nw_graph *graph, const char *name, const char *what, int *out, nw_error *err)
{
    *out = nw_graph_find(graph, name);
    if (*out >= 0) return NW_OK;
    char near[NW_SUGGEST_TEXT];
    nw_graph_suggest(graph, name, near, sizeof near);
    return nw_fail(err, NW_BAD_INPUT, "%s: there is no tensor '%s' (wanted as %s)%s%s", graph->name, name,
                   what, near[0] ? "; did you mean " : "", near);
}

static nw_status named(nw_piece *piece, const char *const *names, size_t count, const char *what, int **out,
                       size_t *out_count, nw_error *err)
{
    *out = nw_calloc(count, sizeof **out);
    if (!*out) return nw_no_memory(err, count * sizeof **out, "a program");
    for (size_t i = 0; i < count; i++) {
        NW_TRY(find(piece->graph, names[i], what, &(*out)[i], err));
        for (size_t k = 0; k < i; k++)
            if ((*out)[k] == (*out)[i])
                return nw_fail(err, NW_USAGE, "%s: tensor '%s' is given twice as %s", piece->graph->name,
                               names[i], what);
        piece->kept[(*out)[i]] = true;
    }
    *out_count = count;
    return NW_OK;
}

static nw_status of_graph(nw_piece *piece, const int *values, size_t count, int **out, size_t *out_count,
                          nw_error *err)
{
    *out = nw_calloc(count, sizeof **out);
    if (!*out) return nw_no_memory(err, count * sizeof **out, "a program");
    for (size_t i = 0; i < count; i++) {
        if (piece->graph->values[values[i]].data && values == piece->graph->inputs) continue; /* pinned */
        (*out)[(*out_count)++] = values[i];
        piece->kept[values[i]] = true;
    }
    return NW_OK;
}

/* The variables are inputs behind the others. */
static nw_status add_variables(nw_piece *piece, const nw_program_options *options, nw_error *err)
{
    int *inputs = nw_realloc(piece->inputs, piece->input_count + options->variable_count, sizeof *inputs);
    if (!inputs) return nw_no_memory(err, options->variable_count * sizeof *inputs, "a program");
    piece->inputs = inputs;
    for (size_t i = 0; i < options->variable_count; i++) {
        int v;
        NW_TRY(find(piece->graph, options->variables[i], "a variable", &v, err));
        for (size_t k = 0; k < piece->input_count; k++)
            if (inputs[k] == v)
                return nw_fail(err, NW_USAGE, "%s: tensor '%s' is given twice as an input",
                               piece->graph->name, options->variables[i]);
        inputs[piece->input_count++] = v;
        piece->kept[v] = true;
    }
    return NW_OK;
}

static bool is_input(const nw_piece *piece, int value)
{
    for (size_t i = 0; i < piece->input_count; i++)
        if (piece->inputs[i] == value) return true;
    return false;
}

/* Marks the nodes that the outputs need, from the last to the first: their order is topological. */
static nw_status mark(nw_piece *piece, nw_error *err)
{
    nw_graph *graph = piece->graph;
    bool *needed = nw_calloc(graph->value_count, sizeof *needed);
    if (!needed) return nw_no_memory(err, graph->value_count, "a program");
    for (size_t i = 0; i < piece->output_count; i++) needed[piece->outputs[i]] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const nw_node *node = &graph->nodes[n];
        bool live = false;
        for (int i = 0; i < node->output_count; i++) {
            int v = node->outputs[i];
            if (v >= 0 && needed[v] && !is_input(piece, v) && !graph->values[v].data) live = true;
        }
        piece->live[n] = live;
        for (int i = 0; live && i < node->input_count; i++)
            if (node->inputs[i] >= 0) needed[node->inputs[i]] = true;
    }
    nw_status status = NW_OK;
    for (size_t i = 0; i < graph->input_count && status == NW_OK; i++) {
        int v = graph->inputs[i];
        if (needed[v] && !graph->values[v].data && !is_input(piece, v))
            status = nw_fail(
                err, NW_BAD_INPUT,
                "%s: the outputs of the program also depend on '%s', around its inputs: '%s' does not "
                "cut the graph",
                graph->name, graph->values[v].name,
                piece->input_count ? graph->values[piece->inputs[0]].name : "");
    }
    nw_free(needed);
    return status;
}

nw_status nw_piece_cut(nw_graph *graph, const nw_program_options *options, nw_piece *out, nw_error *err)
{
    nw_piece piece = {.graph = graph, .kept_count = graph->value_count};
    piece.live = nw_calloc(graph->node_count, sizeof *piece.live);
    piece.fast = nw_calloc(graph->node_count, sizeof *piece.fast);
    piece.kept = nw_calloc(graph->value_count, sizeof *piece.kept);
    nw_status status = piece.live && piece.fast && piece.kept
                           ? NW_OK
                           : nw_no_memory(err, graph->node_count + graph->value_count, "a program");
    if (status == NW_OK)
        status = options->inputs ? named(&piece, options->inputs, options->input_count, "an input",
                                         &piece.inputs, &piece.input_count, err)
                                 : of_graph(&piece, graph->inputs, graph->input_count, &piece.inputs,
                                            &piece.input_count, err);
    if (status == NW_OK && options->variable_count) status = add_variables(&piece, options, err);
    if (status == NW_OK)
        status = options->outputs ? named(&piece, options->outputs, options->output_count, "an output",
                                          &piece.outputs, &piece.output_count, err)
                                  : of_graph(&piece, graph->outputs, graph->output_count, &piece.outputs,
                                             &piece.output_count, err);
    if (status == NW_OK)
        status = named(&piece, options->diffs, options->diff_count, "a gradient", &piece.diffs,
                       &piece.diff_count, err);
    for (size_t i = 0; i < piece.diff_count && status == NW_OK; i++)
        if (graph->values[piece.diffs[i]].data && options->precision != NW_PRECISION_F64)
            status = nw_fail(
                err, NW_UNSUPPORTED,
                "%s: '%s' is a constant of the model; only precision f64 gives gradients of constants",
                graph->name, graph->values[piece.diffs[i]].name);
    if (status == NW_OK) status = mark(&piece, err);
    for (size_t i = 0; i < piece.input_count && status == NW_OK; i++) {
        const nw_value *v = &graph->values[piece.inputs[i]];
        if (v->data)
            status = nw_fail(err, NW_BAD_INPUT, "%s: '%s' is a constant of the model, not an input",
                             graph->name, v->name);
        else if (v->dtype != NW_F32 && v->dtype != NW_F64)
            status =
                nw_fail(err, NW_UNSUPPORTED,
                        "%s: input '%s' is of type %s; only floating-point inputs may change from run to run",
                        graph->name, v->name, nw_dtype_name(v->dtype));
    }
    if (status != NW_OK) {
        nw_piece_clear(&piece);
        return status;
    }
    *out = piece;
    return NW_OK;
}

nw_status nw_piece_uses(const nw_piece *piece, int **out, nw_error *err)
{
    const nw_graph *graph = piece->graph;
    int *uses = nw_calloc(graph->value_count, sizeof *uses);
    if (!uses) return nw_no_memory(err, graph->value_count * sizeof *uses, "a program");
    for (size_t v = 0; v < graph->value_count; v++) uses[v] = piece->kept[v];
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; piece->live[n] && i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] >= 0) uses[graph->nodes[n].inputs[i]]++;
    *out = uses;
    return NW_OK;
}
