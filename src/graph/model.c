/* Models: what is known of one after it was loaded. */
#include "graph/model.h"

#include "base/memory.h"

#include <string.h>

nw_status nw_model_new(const char *path, nw_model **out, nw_error *err)
{
    nw_model *model = nw_calloc(1, sizeof *model);
    if (model) model->path = nw_strdup(path);
    if (!model || !model->path || pthread_mutex_init(&model->lock, NULL) != 0) {
        if (model) nw_free(model->path);
        nw_free(model);
        return nw_no_memory(err, sizeof *model, "a model");
    }
    atomic_init(&model->references, 1);
    *out = model;
    return NW_OK;
}

nw_model *nw_model_ref(nw_model *model)
{
    if (model) atomic_fetch_add(&model->references, 1);
    return model;
}

void nw_model_unref(nw_model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) > 1) return;
    if (model->weights && model->weights_free) model->weights_free(model->weights);
    nw_graph_free(model->graph);
    for (size_t i = 0; i < model->metadata_count; i++) {
        nw_free(model->metadata[i].key);
        nw_free(model->metadata[i].value);
    }
    nw_free(model->metadata);
    nw_free(model->path);
    pthread_mutex_destroy(&model->lock);
    nw_free(model);
}

static struct nw_metadata *find_metadata(const nw_model *model, const char *key)
{
    for (size_t i = 0; i < model->metadata_count; i++)
        if (strcmp(model->metadata[i].key, key) == 0) return &model->metadata[i];
    return NULL;
}

nw_status nw_model_set_metadata(nw_model *model, const char *key, const char *value, nw_error *err)
{
    char *text = nw_strdup(value);
    struct nw_metadata *entry = find_metadata(model, key);
    if (text && !entry) {
        char *name = nw_strdup(key);
        entry = name ? nw_realloc(model->metadata, model->metadata_count + 1, sizeof *entry) : NULL;
        if (entry) {
            model->metadata = entry;
            entry = &model->metadata[model->metadata_count++];
            *entry = (struct nw_metadata){.key = name};
        } else {
            nw_free(name);
        }
    }
    if (!text || !entry) {
        nw_free(text);
        return nw_no_memory(err, strlen(value), "the metadata of a model");
    }
    nw_free(entry->value);
    entry->value = text;
    return NW_OK;
}

const char *nw_model_digest(const nw_model *model)
{
    return model->digest;
}

const char *nw_model_path(const nw_model *model)
{
    return model->path;
}

const char *nw_model_metadata(const nw_model *model, const char *key)
{
    const struct nw_metadata *entry = find_metadata(model, key);
    return entry ? entry->value : NULL;
}

size_t nw_model_metadata_count(const nw_model *model)
{
    return model->metadata_count;
}

const char *nw_model_metadata_key(const nw_model *model, size_t i)
{
    return i < model->metadata_count ? model->metadata[i].key : NULL;
}

static const nw_value *input(const nw_model *model, size_t i)
{
    return i < model->graph->input_count ? &model->graph->values[model->graph->inputs[i]] : NULL;
}

size_t nw_model_input_count(const nw_model *model)
{
    return model->graph->input_count;
}

const char *nw_model_input_name(const nw_model *model, size_t i)
{
    const nw_value *value = input(model, i);
    return value ? value->name : NULL;
}

int nw_model_input_rank(const nw_model *model, size_t i)
{
    const nw_value *value = input(model, i);
    return value && value->has_shape ? value->shape.rank : -1;
}

const int64_t *nw_model_input_dims(const nw_model *model, size_t i)
{
    const nw_value *value = input(model, i);
    return value && value->has_shape ? value->shape.dims : NULL;
}

size_t nw_model_output_count(const nw_model *model)
{
    return model->graph->output_count;
}

const char *nw_model_output_name(const nw_model *model, size_t i)
{
    return i < model->graph->output_count ? model->graph->values[model->graph->outputs[i]].name : NULL;
}
