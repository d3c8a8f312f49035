#include "explain/anatomy.h"

#include "base/memory.h"
#include "engine/program.h"
#include "ops/specialise.h"

#include <string.h>

/* The names of a head as the model's own strings, which outlive the clone. */
static const char *own_name(const nw_model *model, const char *name)
{
    int value = nw_graph_find(model->graph, name);
    return value < 0 ? NULL : model->graph->values[value].name;
}

static nw_status look(nw_model *model, const char *output, nw_anatomy *a, nw_error *err)
{
    if (a->graph->input_count == 0)
        return nw_fail(err, NW_BAD_MODEL, "%s: the model has no input", model->path);
    NW_TRY(nw_head_of(model, a->graph, output, &a->head, err));
    a->head.output = own_name(model, a->head.output);
    a->head.logits = own_name(model, a->head.logits);
    a->image = a->graph->inputs[0];
    const nw_shape *image = &a->graph->values[a->image].shape;
    if (image->rank < 1 || image->dims[0] < 1)
        return nw_fail(err, NW_BAD_MODEL, "%s: input '%s' has no batch dimension", model->path,
                       a->graph->values[a->image].name);
    a->logits = nw_graph_find(a->graph, a->head.logits);
    a->head.count = nw_count(&a->graph->values[a->logits].shape) / image->dims[0];
    a->graph->output_count = 1;
    a->graph->outputs[0] = a->logits;
    a->live = nw_calloc(a->graph->node_count, sizeof *a->live);
    if (!a->live) return nw_no_memory(err, a->graph->node_count, "the anatomy of a model");
    NW_TRY(nw_graph_live(a->graph, a->live, err));
    char *wanted;
    NW_TRY(nw_metadata_text(model, "narrows.bottleneck", &wanted, err));
    nw_status status = nw_candidates(a->graph, a->live, a->image, a->logits, wanted, &a->bottlenecks,
                                     &a->bottleneck_count, err);
    nw_free(wanted);
    return status;
}

nw_status nw_anatomy_new(nw_model *model, const char *output, const nw_dimension *dimensions,
                         size_t dimension_count, nw_anatomy *out, nw_error *err)
{
    nw_program_options options = {.dimensions = dimensions, .dimension_count = dimension_count};
    nw_anatomy a = {0};
    NW_TRY(nw_piece_shapes(model, &options, &a.graph, err));
    nw_status status = look(model, output, &a, err);
    if (status != NW_OK) {
        nw_anatomy_clear(&a);
        return status;
    }
    *out = a;
    return NW_OK;
}

void nw_anatomy_clear(nw_anatomy *a)
{
    nw_graph_free(a->graph);
    nw_free(a->live);
    nw_free(a->bottlenecks);
    memset(a, 0, sizeof *a);
}
