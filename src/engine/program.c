#include "engine/program.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "ops/fast_conv_int8.h"

#include <string.h>

void nw_program_free(nw_program *program)
{
    if (!program) return;
    nw_plan_free(program->plan);
    nw_piece_clear(&program->piece);
    nw_backend_free(program->backend);
    nw_free(program->inputs);
    nw_free(program->outputs);
    nw_free(program->diffs);
    nw_recorder_free(program->recorder);
    nw_model_unref(program->model);
    nw_free(program);
}

static void free_weights(struct nw_weights_cache *cache)
{
    nw_weights_cache_free(cache);
}

/* The model's cache of packed weights, made by the first program. */
static nw_status weights_of(nw_model *model, nw_weights_cache **out, nw_error *err)
{
    pthread_mutex_lock(&model->lock);
    if (!model->weights) {
        model->weights = nw_weights_cache_new();
        model->weights_free = free_weights;
    }
    *out = model->weights;
    pthread_mutex_unlock(&model->lock);
    return *out ? NW_OK : nw_no_memory(err, 1, "the weights cache");
}

/* Values through which a wanted gradient flows: those that depend on a tensor of options.diffs. */
static nw_status wanted_diffs(const nw_piece *piece, bool **out, nw_error *err)
{
    const nw_graph *graph = piece->graph;
    bool *wants = nw_calloc(graph->value_count, sizeof *wants);
    if (!wants) return nw_no_memory(err, graph->value_count, "a program");
    for (size_t i = 0; i < piece->diff_count; i++) wants[piece->diffs[i]] = true;
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        bool any = false;
        if (!piece->live[n] || !node->op->backward) continue;
        for (int i = 0; i < node->input_count; i++) any |= node->inputs[i] >= 0 && wants[node->inputs[i]];
        for (int i = 0; any && i < node->output_count; i++)
            if (node->outputs[i] >= 0 && !graph->values[node->outputs[i]].data)
                wants[node->outputs[i]] = true;
    }
    *out = wants;
    return NW_OK;
}

static nw_layout plain_of(const nw_program *program, int value)
{
    return nw_layout_plain(nw_plan_dtype(program->plan), &program->piece.graph->values[value].shape);
}

/* The buffer stays as a step leaves it: the caller reads it after the run. */
static void pin(nw_buffer *buffer)
{
    buffer->root->pinned = true;
}

static nw_status forward_ports(nw_program *program, nw_error *err)
{
    nw_piece *piece = &program->piece;
    for (size_t i = 0; i < piece->input_count; i++) {
        nw_layout plain = plain_of(program, piece->inputs[i]);
        program->inputs[i].value = piece->inputs[i];
        NW_TRY(nw_plan_pinned(program->plan, &plain, &program->inputs[i].buffer, err));
        NW_TRY(nw_plan_set_dst(program->plan, piece->inputs[i], program->inputs[i].buffer, err));
    }
    NW_TRY(nw_piece_steps(piece, program->plan, err));
    for (size_t i = 0; i < piece->output_count; i++) {
        nw_layout plain = plain_of(program, piece->outputs[i]);
        program->outputs[i].value = piece->outputs[i];
        NW_TRY(nw_plan_src(program->plan, piece->outputs[i], &plain, &program->outputs[i].buffer, err));
        pin(program->outputs[i].buffer);
    }
    return NW_OK;
}

static nw_status backward_ports(nw_program *program, nw_error *err)
{
    nw_piece *piece = &program->piece;
    nw_plan_set_phase(program->plan, NW_PHASE_BACKWARD);
    for (size_t i = 0; i < piece->output_count; i++) {
        int v = piece->outputs[i];
        nw_layout plain = plain_of(program, v);
        NW_TRY(nw_plan_pinned(program->plan, &plain, &program->outputs[i].diff, err));
        if (nw_plan_wants_diff(program->plan, v))
            NW_TRY(nw_plan_add_diff(program->plan, v, program->outputs[i].diff, err));
    }
    for (size_t i = 0; i < piece->diff_count; i++) nw_plan_name_diff(program->plan, piece->diffs[i]);
    NW_TRY(nw_piece_steps(piece, program->plan, err));
    for (size_t i = 0; i < piece->diff_count; i++) {
        int v = piece->diffs[i];
        nw_layout plain = plain_of(program, v);
        program->diffs[i].value = v;
        if (nw_plan_has_diff(program->plan, v)) {
            NW_TRY(nw_plan_diff_dst(program->plan, v, &plain, &program->diffs[i].diff, err));
            pin(program->diffs[i].diff);
        } /* else no gradient reaches it, and nw_program_diff says so */
    }
    return NW_OK;
}

/* Variables start with the values that the model has. */
static nw_status initial_values(nw_program *program, const nw_program_options *options, nw_error *err)
{
    for (size_t i = 0; i < options->variable_count; i++) {
        const nw_graph *graph = program->model->graph;
        nw_tensor *value;
        NW_TRY(nw_tensor_convert(graph->values[nw_graph_find(graph, options->variables[i])].data,
                                 nw_plan_dtype(program->plan), &value, err));
        nw_buffer *buffer = program->inputs[program->piece.input_count - options->variable_count + i].buffer;
        memcpy(buffer->data, value->data, buffer->bytes);
        nw_tensor_unref(value);
    }
    return NW_OK;
}

static nw_status build(nw_program *program, const nw_program_options *options, nw_error *err)
{
    nw_piece *piece = &program->piece;
    bool fast = options->precision != NW_PRECISION_F64;
    nw_graph *graph;
    NW_TRY(nw_piece_shapes(program->model, options, &graph, err));
    NW_TRY(nw_piece_cut(graph, options, piece, err));
    nw_weights_cache *weights;
    NW_TRY(weights_of(program->model, &weights, err));
    if (fast && !options->unfused) NW_TRY(nw_piece_fuse(piece, weights, err));

    if (fast) NW_TRY(nw_backend_new(&program->backend, err));
    bool *wants = NULL;
    NW_TRY(wanted_diffs(piece, &wants, err));
    nw_status status = nw_plan_new(piece->graph, fast ? NW_F32 : NW_F64, program->backend, weights, wants,
                                   &program->plan, err);
    nw_free(wants);
    NW_TRY(status);
    nw_plan_set_bf16(program->plan, options->precision == NW_PRECISION_BF16);
    nw_plan_set_int8(program->plan, options->precision == NW_PRECISION_INT8);
    nw_plan_set_few_runs(program->plan, options->few_runs != 0);

    program->inputs = nw_calloc(piece->input_count, sizeof *program->inputs);
    program->outputs = nw_calloc(piece->output_count, sizeof *program->outputs);
    program->diffs = nw_calloc(piece->diff_count, sizeof *program->diffs);
    if (!program->inputs || !program->outputs || !program->diffs)
        return nw_no_memory(err, sizeof *program->inputs, "a program");
    NW_TRY(forward_ports(program, err));
    if (piece->diff_count) NW_TRY(backward_ports(program, err));
    NW_TRY(nw_plan_finish(program->plan, err));
    NW_TRY(initial_values(program, options, err));
    if (options->profile) NW_TRY(nw_recorder_new(nw_plan_step_count(program->plan), &program->recorder, err));
    return NW_OK;
}

nw_status nw_program_compile(nw_model *model, const nw_program_options *options, nw_program **out,
                             nw_error *err)
{
    static const nw_program_options defaults;
    if (!options) options = &defaults;
    if ((unsigned)options->precision > NW_PRECISION_INT8)
        return nw_fail(err, NW_USAGE, "there is no precision %d", (int)options->precision);
    if (options->precision == NW_PRECISION_INT8 && !nw_int8_conv_available())
        return nw_fail(err, NW_UNSUPPORTED,
                       "this processor has no instructions for precision int8 (AVX512_VNNI): take f32, which "
                       "computes the same with more digits and more slowly, or for an explanation auto");
    if (options->batch < 0 || options->threads < 0)
        return nw_fail(err, NW_USAGE, "the batch and the number of threads must not be negative");
    nw_program *program = nw_calloc(1, sizeof *program);
    if (!program) return nw_no_memory(err, sizeof *program, "a program");
    program->model = nw_model_ref(model);
    program->threads = options->threads;
    /* oneDNN fits its kernels to the number of threads there are when it makes them. */
    int before = nw_threads_set(options->threads);
    nw_status status = build(program, options, err);
    nw_threads_set(before);
    if (status != NW_OK) {
        nw_program_free(program);
        return status;
    }
    *out = program;
    return NW_OK;
}

static nw_status run_phase(nw_program *program, nw_phase phase, nw_error *err)
{
    int before = nw_threads_set(program->threads);
    nw_status status = nw_plan_run(program->plan, phase, program->recorder, err);
    nw_threads_set(before);
    return status;
}

nw_status nw_program_run(nw_program *program, nw_error *err)
{
    nw_status status = run_phase(program, NW_PHASE_FORWARD, err);
    program->ran = status == NW_OK;
    return status;
}

nw_status nw_program_backward(nw_program *program, nw_error *err)
{
    /* Backward steps reuse the memory of activations they have done with. */
    if (!program->ran) return nw_fail(err, NW_USAGE, "nw_program_backward needs a run of its own before it");
    if (!program->piece.diff_count)
        return nw_fail(err, NW_USAGE, "the program was compiled without gradients");
    program->ran = false;
    return run_phase(program, NW_PHASE_BACKWARD, err);
}
