/* Shapes of one program: the inputs' from the file and the options, all others by inference. */
#include "engine/program.h"
#include "ops/specialise.h"

#include <stdio.h>
#include <string.h>

static bool dimension(const nw_program_options *options, const nw_value *input, int i, int64_t *out)
{
    for (size_t k = 0; k < options->dimension_count; k++) {
        const char *name = options->dimensions[k].name;
        char place[256];
        snprintf(place, sizeof place, "%s[%d]", input->name, i);
        if ((input->symbols[i] && strcmp(name, input->symbols[i]) == 0) || strcmp(name, place) == 0) {
            *out = options->dimensions[k].value;
            return true;
        }
    }
    return false;
}

static const nw_shape *given_shape(const nw_program_options *options, const char *name)
{
    if (!options->input_shapes || !options->inputs) return NULL;
    for (size_t i = 0; i < options->input_count; i++)
        if (strcmp(options->inputs[i], name) == 0) return &options->input_shapes[i];
    return NULL;
}

/* Empty tensors are fine where the caller asks for one in so many words. */
static nw_status at_least(int64_t least, const nw_graph *graph, const nw_value *input, nw_error *err)
{
    for (int i = 0; i < input->shape.rank; i++)
        if (input->shape.dims[i] < least)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: dimension %d of input '%s' must be at least %lld, not %lld", graph->name, i,
                           input->name, (long long)least, (long long)input->shape.dims[i]);
    return NW_OK;
}

static nw_status input_shape(const nw_graph *graph, nw_value *input, const nw_program_options *options,
                             nw_error *err)
{
    const nw_shape *given = given_shape(options, input->name);
    if (given) {
        if (input->has_shape && input->shape.rank != given->rank)
            return nw_fail(err, NW_BAD_INPUT, "%s: input '%s' has %d dimensions, %d were given", graph->name,
                           input->name, input->shape.rank, given->rank);
        input->shape = *given;
        input->has_shape = true;
        return at_least(0, graph, input, err);
    }
    if (!input->has_shape)
        return nw_fail(err, NW_BAD_MODEL,
                       "%s: the file gives no shape for input '%s'; give it with the input", graph->name,
                       input->name);
    for (int i = 0; i < input->shape.rank; i++) {
        int64_t *dim = &input->shape.dims[i];
        if (dimension(options, input, i, dim)) {
            /* as the options say */
        } else if (i == 0 && (options->batch > 0 || *dim < 0)) {
            *dim = options->batch > 0 ? options->batch : 1;
        } else if (*dim < 0) {
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: dimension %d of input '%s' is open in the file (%s); say what it is: %s=N",
                           graph->name, i, input->name, input->symbols[i] ? input->symbols[i] : "unnamed",
                           input->symbols[i] ? input->symbols[i] : input->name);
        }
    }
    return at_least(1, graph, input, err);
}

/* A dimension that no input has is a slip of the pen. */
static nw_status known_dimensions(const nw_graph *graph, const nw_program_options *options, nw_error *err)
{
    for (size_t k = 0; k < options->dimension_count; k++) {
        const nw_program_options one = {.dimensions = &options->dimensions[k], .dimension_count = 1};
        bool found = false;
        int64_t value;
        char open[512] = "";
        size_t used = 0;
        for (size_t n = 0; n < graph->input_count; n++) {
            const nw_value *input = &graph->values[graph->inputs[n]];
            for (int i = 0; i < input->shape.rank; i++) {
                found |= dimension(&one, input, i, &value);
                if (input->symbols[i] && used < sizeof open)
                    used += (size_t)snprintf(open + used, sizeof open - used, "%s'%s'", used ? ", " : "",
                                             input->symbols[i]);
            }
        }
        if (!found)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: no input has a dimension '%s'; named ones: %s; others by INPUT[I]",
                           graph->name, options->dimensions[k].name, open[0] ? open : "none");
    }
    return NW_OK;
}

static nw_tensor *constant(const nw_program_options *options, const char *name)
{
    for (size_t i = 0; i < options->constant_count; i++)
        if (strcmp(options->constants[i].name, name) == 0) return options->constants[i].value;
    return NULL;
}

/* Tensors that the options name are wanted like outputs: they need shapes. */
static nw_status want(nw_graph *graph, const char *const *names, size_t count, nw_error *err)
{
    for (size_t i = 0; names && i < count; i++) {
        int value = nw_graph_find(graph, names[i]); /* what does not exist, the cut will name */
        bool there = value < 0;
        for (size_t k = 0; k < graph->output_count; k++) there |= graph->outputs[k] == value;
        if (!there) NW_TRY(nw_graph_add_output(graph, value, err));
    }
    return NW_OK;
}

/* A constant that may change is a value like an input: its shape is known and nothing else. */
static nw_status free_variables(nw_graph *graph, const nw_program_options *options, nw_error *err)
{
    for (size_t i = 0; i < options->variable_count; i++) {
        const char *name = options->variables[i];
        int v = nw_graph_find(graph, name);
        nw_value *value = v < 0 ? NULL : &graph->values[v];
        if (!value || !value->data || value->producer >= 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: '%s' is not a constant of the model that could change",
                           graph->name, name);
        if (value->data->dtype != NW_F32 && value->data->dtype != NW_F64)
            return nw_fail(err, NW_UNSUPPORTED,
                           "%s: '%s' is of type %s; only floating-point constants may change", graph->name,
                           name, nw_dtype_name(value->data->dtype));
        value->shape = value->data->shape;
        value->has_shape = true;
        nw_tensor_unref(value->data);
        value->data = NULL;
    }
    return NW_OK;
}

nw_status nw_piece_shapes(nw_model *model, const nw_program_options *options, nw_graph **out, nw_error *err)
{
    nw_graph *graph;
    NW_TRY(nw_graph_clone(model->graph, &graph, err));
    size_t outputs = graph->output_count;
    nw_status status = known_dimensions(graph, options, err);
    for (size_t i = 0; i < graph->input_count && status == NW_OK; i++) {
        nw_tensor *value = constant(options, graph->values[graph->inputs[i]].name);
        if (value)
            nw_graph_set_constant(graph, graph->inputs[i], value);
        else
            status = input_shape(graph, &graph->values[graph->inputs[i]], options, err);
    }
    if (status == NW_OK) status = free_variables(graph, options, err);
    if (status == NW_OK) status = want(graph, options->inputs, options->input_count, err);
    if (status == NW_OK) status = want(graph, options->outputs, options->output_count, err);
    if (status == NW_OK) status = want(graph, options->diffs, options->diff_count, err);
    if (status == NW_OK) status = nw_graph_specialise(graph, err);
    if (status != NW_OK) {
        nw_graph_free(graph);
        return status;
    }
    graph->output_count = outputs; /* what else was wanted is named by the options */
    *out = graph;
    return NW_OK;
}
