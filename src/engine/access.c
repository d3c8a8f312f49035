/* What a caller may ask of a program. */
#include "backend/backend.h"
#include "engine/program.h"

#include <string.h>

const char *nw_precision_name(nw_precision precision)
{
    static const char *const names[] = {"f32", "f64", "bf16", "int8", "auto"};
    return (unsigned)precision < sizeof names / sizeof names[0] ? names[precision] : "unknown";
}

static nw_port *find(const nw_program *program, nw_port *ports, size_t count, const char *name,
                     nw_shape *shape)
{
    for (size_t i = 0; i < count; i++) {
        const nw_value *v = &program->piece.graph->values[ports[i].value];
        if (strcmp(v->name, name) != 0) continue;
        if (shape) *shape = v->shape;
        return &ports[i];
    }
    return NULL;
}

void *nw_program_input(nw_program *program, const char *name, nw_shape *shape)
{
    nw_port *p = find(program, program->inputs, program->piece.input_count, name, shape);
    return p ? p->buffer->data : NULL;
}

const void *nw_program_output(nw_program *program, const char *name, nw_shape *shape)
{
    nw_port *p = find(program, program->outputs, program->piece.output_count, name, shape);
    return p ? p->buffer->data : NULL;
}

void *nw_program_diff_output(nw_program *program, const char *name)
{
    nw_port *p = find(program, program->outputs, program->piece.output_count, name, NULL);
    return p && p->diff ? p->diff->data : NULL;
}

const void *nw_program_diff(nw_program *program, const char *name, nw_shape *shape)
{
    nw_port *p = find(program, program->diffs, program->piece.diff_count, name, shape);
    return p && p->diff ? p->diff->data : NULL;
}

size_t nw_program_memory(const nw_program *program)
{
    return nw_plan_memory(program->plan);
}

double nw_program_flops(const nw_program *program, int backward)
{
    double flops = 0;
    for (size_t i = 0; i < nw_plan_step_count(program->plan); i++) {
        nw_phase phase;
        const nw_step *step = nw_plan_step_at(program->plan, i, &phase);
        if ((phase == NW_PHASE_BACKWARD) == !!backward) flops += step->flops;
    }
    return flops;
}

const char *nw_program_isa(const nw_program *program)
{
    return program->backend ? nw_backend_isa() : "double";
}

size_t nw_program_step_count(const nw_program *program)
{
    return nw_plan_step_count(program->plan);
}

nw_step_info nw_program_step(const nw_program *program, size_t i)
{
    nw_phase phase;
    const nw_step *step = nw_plan_step_at(program->plan, i, &phase);
    return (nw_step_info){.kind = step->kind,
                          .impl = step->impl,
                          .node = step->node < 0 ? "" : program->piece.graph->nodes[step->node].name,
                          .backward = phase == NW_PHASE_BACKWARD,
                          .flops = step->flops,
                          .bytes = step->bytes,
                          .seconds = program->recorder ? program->recorder->seconds[i] : 0,
                          .runs = program->recorder ? program->recorder->runs[i] : 0};
}

size_t nw_program_event_count(const nw_program *program)
{
    return program->recorder ? program->recorder->event_count : 0;
}

nw_step_event nw_program_event(const nw_program *program, size_t i)
{
    nw_record_event e = program->recorder->events[i];
    return (nw_step_event){.step = e.row, .start = e.start, .seconds = e.seconds};
}
