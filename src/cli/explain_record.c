/* The manifest of a run: docs/manifest.md. */
#include "explain.h"
#include "folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path of the manifest from a format. */
#define AT(...) (snprintf(path, sizeof path, __VA_ARGS__), path)

static void set_shape(nw_manifest *m, const char *path, const nw_shape *shape)
{
    char at[96];
    for (int i = 0; i < shape->rank; i++) {
        snprintf(at, sizeof at, "%s.%d", path, i);
        nw_manifest_integer(m, at, shape->dims[i]);
    }
}

static void set_floats(nw_manifest *m, const char *path, const float *values, size_t count)
{
    double *copy = cli_calloc(count, sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = (double)values[i];
    nw_manifest_numbers(m, path, copy, count);
    free(copy);
}

nw_status explain_record_start(explain *e, nw_error *err)
{
    char path[64], json[4096];
    nw_status status = nw_manifest_new("explain", &e->manifest, err);
    if (status != NW_OK) return status;
    nw_manifest *m = e->manifest;
    nw_manifest_text(m, "status", "running");
    nw_manifest_text(m, "model.file", cli_base_name(nw_model_path(e->job.model)));
    nw_manifest_text(m, "model.digest", nw_model_digest(e->job.model));
    nw_manifest_text(m, "model.input", nw_model_input_name(e->job.model, 0));
    set_shape(m, "model.input_shape", &e->job.input_shape);
    for (size_t i = 0; i < e->job.class_count; i++)
        nw_manifest_text(m, AT("model.classes.%zu", i), e->job.classes[i]);
    nw_preprocess_json(&e->job.pre, json, sizeof json);
    nw_manifest_json(m, "preprocessing", json);
    nw_manifest_integer(m, "seed", e->a->method.seed);
    nw_manifest_text(m, "precision", nw_precision_name((nw_precision)e->a->method.precision));
    nw_manifest_integer(m, "threads", e->a->method.threads);
    for (size_t i = 0; i < e->method_count; i++) {
        const explain_method *method = &e->methods[i];
        const nw_head *head = nw_explainer_head(method->use.explainer);
        if (i == 0) {
            nw_manifest_text(m, "model.output", head->output);
            nw_manifest_text(m, "model.explained_tensor", head->logits);
            nw_manifest_text(m, "model.head", nw_head_name(head->kind));
            nw_manifest_text(m, "instruction_set", nw_explainer_isa(method->use.explainer));
        }
        nw_manifest_text(m, AT("methods.%zu.name", i), method->use.info->name);
        nw_manifest_text(m, AT("methods.%zu.description", i), method->use.info->description);
        nw_manifest_text(m, AT("methods.%zu.unit", i), method->use.info->unit);
        nw_manifest_text(m, AT("methods.%zu.layer", i), nw_explainer_layer(method->use.explainer));
        set_shape(m, AT("methods.%zu.layer_shape", i), nw_explainer_layer_shape(method->use.explainer));
        nw_manifest_integer(m, AT("methods.%zu.batch", i), nw_explainer_batch(method->use.explainer));
        nw_stats *stats = method->use.stats ? method->use.stats
                          : method->use.estimated.collector
                              ? nw_collector_stats(method->use.estimated.collector)
                              : NULL;
        if (!stats) continue;
        nw_manifest_text(m, AT("methods.%zu.statistics.file", i),
                         method->use.stats_file ? cli_base_name(method->use.stats_file) : NULL);
        nw_manifest_integer(m, AT("methods.%zu.statistics.samples", i), nw_stats_count(stats));
        nw_manifest_text(m, AT("methods.%zu.statistics.warning", i), nw_stats_warning(stats));
    }
    return NW_OK;
}

void explain_record_method(explain *e, size_t method, const nw_map *map)
{
    char path[64];
    if (e->methods[method].recorded) return;
    e->methods[method].recorded = true;
    json_t *root = map->provenance ? json_loads(map->provenance, 0, NULL) : NULL;
    json_t *parameters = json_object_get(root, "parameters");
    /* These differ from image to image, and stand with each result. */
    json_object_del(parameters, "target");
    json_object_del(parameters, "image");
    char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
    if (text) nw_manifest_json(e->manifest, AT("methods.%zu.parameters", method), text);
    free(text);
    json_decref(root);
}

void explain_record_input(explain *e, size_t index, const nw_input *input, const nw_volume *volume)
{
    char path[64];
    nw_manifest *m = e->manifest;
    nw_manifest_text(m, AT("images.%zu.name", index), input->name);
    nw_manifest_text(m, AT("images.%zu.file", index), cli_base_name(input->path));
    if (input->orient >= 0)
        nw_manifest_text(m, AT("images.%zu.orient", index), nw_orient_name((nw_orient)input->orient));
    if (!volume) return;
    const nw_volume_info *info = nw_volume_get_info(volume);
    nw_manifest_text(m, AT("images.%zu.digest", index), nw_volume_digest(volume));
    nw_manifest_text(m, AT("images.%zu.format", index), info->format);
    nw_manifest_integer(m, AT("images.%zu.rows", index), info->rows);
    nw_manifest_integer(m, AT("images.%zu.columns", index), info->columns);
    nw_manifest_integer(m, AT("images.%zu.slices", index), info->slices);
}

void explain_record_slice(explain *e, size_t index, size_t result, const nw_map *map, int64_t slice,
                          uint64_t key, double sum)
{
    char path[96], at[64];
    nw_manifest *m = e->manifest;
    snprintf(at, sizeof at, "images.%zu.results.%zu", index, result);
    nw_manifest_text(m, AT("%s.method", at), map->method);
    if (slice < 0)
        nw_manifest_text(m, AT("%s.slice", at), NULL);
    else
        nw_manifest_integer(m, AT("%s.slice", at), slice);
    nw_manifest_integer(m, AT("%s.noise_key", at), (int64_t)key);
    nw_manifest_integer(m, AT("%s.target", at), map->target);
    set_floats(m, AT("%s.logits", at), map->logits, map->output_count);
    if (map->probabilities) set_floats(m, AT("%s.probabilities", at), map->probabilities, map->output_count);
    nw_manifest_text(m, AT("%s.loss", at), nw_loss_name(map->loss));
    nw_manifest_number(m, AT("%s.map_sum", at), sum);
    if (map->capacity) nw_manifest_number(m, AT("%s.total_bits", at), map->total_bits);
    if (map->steps) {
        nw_manifest_numbers(m, AT("%s.steps.model_loss", at), map->model_loss, (size_t)map->steps);
        nw_manifest_numbers(m, AT("%s.steps.information_loss", at), map->information_loss,
                            (size_t)map->steps);
        nw_manifest_numbers(m, AT("%s.steps.bits", at), map->bits, (size_t)map->steps);
        nw_manifest_number(m, AT("%s.convergence.last_change", at), map->last_change);
        nw_manifest_flag(m, AT("%s.convergence.still_falling", at), map->still_falling);
    }
    nw_manifest_number(m, AT("%s.seconds.prefix", at), map->prefix_seconds);
    nw_manifest_number(m, AT("%s.seconds.loop", at), map->loop_seconds);
    nw_manifest_number(m, AT("%s.seconds.map", at), map->map_seconds);
}

void explain_record_file(explain *e, size_t index, const char *method, const char *kind, const char *file)
{
    char path[160];
    nw_manifest_text(e->manifest, AT("images.%zu.files.%s.%s", index, method, kind), cli_base_name(file));
}

void explain_record_end(explain *e, size_t index, nw_status status, const char *message)
{
    char path[64];
    const char *text = status == NW_OK ? "ok" : status == NW_CANCELLED ? "interrupted" : "failed";
    nw_manifest_text(e->manifest, AT("images.%zu.status", index), text);
    if (status != NW_OK) nw_manifest_text(e->manifest, AT("images.%zu.error", index), message);
}

void explain_record_finish(explain *e, nw_status status)
{
    nw_manifest_text(e->manifest, "status",
                     status == NW_OK          ? "ok"
                     : status == NW_CANCELLED ? "interrupted"
                                              : "failed");
    nw_manifest_integer(e->manifest, "exit_code", nw_status_exit_code(status));
}
