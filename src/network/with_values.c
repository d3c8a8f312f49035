#include "network/made.h"
#include "network/training.h"

#include <math.h>
#include <string.h>

static nw_status set(nw_model *model, const char *name, const float *values, nw_error *err)
{
    nw_graph *graph = model->graph;
    int index = nw_graph_find(graph, name);
    const nw_value *value = index < 0 ? NULL : &graph->values[index];
    if (!value || !value->data || value->data->dtype != NW_F32 || value->producer >= 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no float32 initializer '%s'", model->path, name);
    for (int64_t i = 0; i < value->data->count; i++)
        if (!isfinite(values[i]))
            return nw_fail(err, NW_NOT_FINITE, "%s: element %lld of '%s' is not finite", model->path,
                           (long long)i, name);
    nw_tensor *data;
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &value->data->shape, &data, err));
    memcpy(data->data, values, (size_t)data->count * sizeof *values);
    nw_graph_set_constant(graph, index, data);
    nw_tensor_unref(data);
    return NW_OK;
}

nw_status nw_network_with_values(nw_model *model, const char *const *names, const float *const *values,
                                 size_t count, nw_model **out, nw_error *err)
{
    nw_model *copy;
    NW_TRY(nw_made_copy(model, &copy, err));
    nw_status status = NW_OK;
    for (size_t i = 0; status == NW_OK && i < count; i++) status = set(copy, names[i], values[i], err);
    if (status == NW_OK) status = nw_made_finish(copy, err);
    if (status != NW_OK) {
        nw_model_unref(copy);
        return status;
    }
    *out = copy;
    return NW_OK;
}
