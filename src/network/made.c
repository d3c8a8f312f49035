#include "network/made.h"

#include "base/memory.h"
#include "onnx/onnx.h"

#include <string.h>

nw_status nw_made_finish(nw_model *model, nw_error *err)
{
    NW_TRY(nw_graph_finish(model->graph, err));
    NW_TRY(nw_onnx_resolve(model->graph, err));
    return nw_onnx_digest(model, err);
}

nw_status nw_made_copy(const nw_model *model, nw_model **out, nw_error *err)
{
    nw_model *copy;
    NW_TRY(nw_model_new(model->path, &copy, err));
    memcpy(copy->digest, model->digest, sizeof copy->digest);
    nw_status status = nw_graph_clone(model->graph, &copy->graph, err);
    for (size_t i = 0; status == NW_OK && i < model->metadata_count; i++)
        status = nw_model_set_metadata(copy, model->metadata[i].key, model->metadata[i].value, err);
    if (status != NW_OK) {
        nw_model_unref(copy);
        return status;
    }
    *out = copy;
    return NW_OK;
}

nw_status nw_made_value(nw_graph *graph, const char *name, int *out, nw_error *err)
{
    if (nw_graph_find(graph, name) < 0) return nw_graph_value(graph, name, out, err);
    for (int i = 2;; i++) {
        char *other = nw_strdup_printf("%s_%d", name, i);
        if (!other) return nw_no_memory(err, strlen(name), "the name of a tensor");
        bool is_free = nw_graph_find(graph, other) < 0;
        nw_status status = is_free ? nw_graph_value(graph, other, out, err) : NW_OK;
        nw_free(other);
        if (is_free) return status;
    }
}

char *nw_made_unquoted(const char *json)
{
    size_t n = json ? strlen(json) : 0;
    bool quoted = n > 1 && json[0] == '"' && json[n - 1] == '"';
    return json ? nw_strndup(json + quoted, n - 2 * quoted) : NULL;
}
