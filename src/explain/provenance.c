/* Where a map comes from, as JSON. */
#include "base/memory.h"
#include "explain/explainer.h"

#include <stdlib.h>

int nw_describe(json_t *parameters, const char *name, json_t *value, const char *meaning)
{
    return json_object_set_new(parameters, name, json_pack("{s:o, s:s}", "value", value, "meaning", meaning));
}

static json_t *shape_json(const nw_shape *shape)
{
    json_t *array = json_array();
    for (int i = 0; i < shape->rank; i++) json_array_append_new(array, json_integer(shape->dims[i]));
    return array;
}

static const char *loss_text(nw_loss loss)
{
    static const char *const texts[] = {
#define ROW(NAME, name, text) [NW_LOSS_##NAME] = text,
        NW_LOSS_LIST(ROW)
#undef ROW
    };
    return (unsigned)loss < sizeof texts / sizeof texts[0] ? texts[loss] : "";
}

nw_status nw_provenance(const nw_explainer *e, uint64_t image, nw_map *map, nw_error *err)
{
    json_t *root = json_object(), *p = json_object();
    int bad = !root || !p;
    bad |= json_object_set_new(root, "method", json_string(map->method));
    bad |= json_object_set_new(root, "unit", json_string(map->unit));
    bad |= json_object_set_new(root, "model_digest", json_string(nw_model_digest(e->model)));
    bad |= json_object_set_new(root, "instruction_set", json_string(nw_program_isa(e->before)));
    bad |= nw_describe(p, "layer", json_string(e->layer), "tensor that is explained");
    bad |= nw_describe(p, "layer_shape", shape_json(&e->layer_shape), "channels, then positions");
    bad |= nw_describe(p, "input_shape", shape_json(&e->input_shape), "of the model's input");
    bad |= nw_describe(p, "output", json_string(e->head.logits), "tensor that is taken as the logits");
    bad |= nw_describe(p, "head", json_string(nw_head_name(e->head.kind)), e->head.reason);
    bad |= nw_describe(p, "target", json_integer(map->target),
                       e->options.target < 0
                           ? "class, label or quantity that is explained: what the model predicts"
                           : "class, label or quantity that is explained: given");
    if (map->steps > 0)
        bad |= nw_describe(p, "loss", json_string(nw_loss_name(map->loss)), loss_text(map->loss));
    bad |= nw_describe(p, "image", json_sprintf("%llu", (unsigned long long)image),
                       "key of the image's random numbers");
    bad |= nw_describe(p, "precision", json_string(nw_precision_name(e->options.precision)),
                       "of the model's computations");
    if (e->method->describe) bad |= e->method->describe(e, p);
    bad |= json_object_set_new(root, "parameters", p);
    char *text = bad ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(root);
    if (!text)
        return nw_fail(err, NW_FAILED,
                       "the provenance of a map cannot be written: a name is not UTF-8, or memory is out");
    map->provenance = nw_strdup(text);
    free(text);
    return map->provenance ? NW_OK : nw_no_memory(err, 0, "the provenance of a map");
}
