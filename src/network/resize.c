/* nw_network_resize: the same layers over images of another size. */
#include "engine/program.h"
#include "network/made.h"

#include <narrows/network.h>
#include <string.h>

/* What the first output has for one image. */
static nw_status output_shape(nw_model *model, nw_shape *out, nw_error *err)
{
    nw_graph *shapes;
    NW_TRY(nw_piece_shapes(model, &(nw_program_options){.batch = 1}, &shapes, err));
    *out = shapes->values[shapes->outputs[0]].shape;
    nw_graph_free(shapes);
    return NW_OK;
}

static nw_status check(const nw_model *from, const int64_t *size, nw_error *err)
{
    int rank = nw_model_input_rank(from, 0);
    if (nw_model_input_count(from) != 1 || (rank != 4 && rank != 5))
        return nw_fail(err, NW_UNSUPPORTED,
                       "%s: one image, [N,C,H,W] or [N,C,D,H,W], must be its input for another size of it",
                       from->path);
    for (int i = 0; i < rank - 2; i++)
        if (size[i] < 1 || size[i] > NW_MADE_MOST_SIZE)
            return nw_fail(err, NW_BAD_INPUT, "%s: a size of its input must be from 1 to %d, not %lld",
                           from->path, NW_MADE_MOST_SIZE, (long long)size[i]);
    return NW_OK;
}

static bool is_open(const nw_shape *shape)
{
    for (int i = 1; i < shape->rank; i++)
        if (shape->dims[i] < 0) return true;
    return false;
}

/* A graph whose layers are tied to the old size fails in inference, or gives something else. */
static nw_status try_size(nw_model *from, nw_model *model, const int64_t *size, nw_error *err)
{
    nw_value *input = &model->graph->values[model->graph->inputs[0]];
    nw_shape before, after, wanted = {.rank = input->shape.rank - 2};
    char text[3][NW_SHAPE_TEXT];
    memcpy(wanted.dims, size, (size_t)wanted.rank * sizeof *size);
    memcpy(input->shape.dims + 2, size, (size_t)wanted.rank * sizeof *size);
    /* What else the graph gives may be of another size now. */
    for (size_t i = 1; i < model->graph->output_count; i++)
        model->graph->values[model->graph->outputs[i]].has_shape = false;
    bool compared = !is_open(&from->graph->values[from->graph->inputs[0]].shape);
    if (compared) NW_TRY(output_shape(from, &before, err));
    NW_TRY(nw_made_finish(model, err));
    nw_shape_text(&wanted, text[0], sizeof text[0]);
    nw_status status = output_shape(model, &after, err);
    if (status == NW_NO_MEMORY) return status;
    if (status != NW_OK)
        return nw_fail_within(err, NW_UNSUPPORTED, "%s cannot take images of %s, its layers are for its own",
                              from->path, text[0]);
    if (compared && !nw_shape_equal(&before, &after))
        return nw_fail(err, NW_UNSUPPORTED, "%s gives %s for images of %s and not %s as for those of its own",
                       from->path, nw_shape_text(&after, text[1], sizeof text[1]), text[0],
                       nw_shape_text(&before, text[2], sizeof text[2]));
    return NW_OK;
}

nw_status nw_network_resize(nw_model *from, const int64_t *size, nw_model **out, nw_error *err)
{
    NW_TRY(check(from, size, err));
    nw_model *model;
    NW_TRY(nw_made_copy(from, &model, err));
    nw_status status = try_size(from, model, size, err);
    if (status != NW_OK) {
        nw_model_unref(model);
        return status;
    }
    *out = model;
    return NW_OK;
}
