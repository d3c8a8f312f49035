/* model.json beside model.onnx: facts that the ONNX file does not hold. */
#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SIDECAR = 16 << 20 }; /* bytes */

static nw_status add_facts(json_t *object, nw_model *model, nw_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *prefix = strncmp(key, "narrows.", 8) == 0 ? "" : "narrows.";
        char *name = nw_strdup_printf("%s%s", prefix, key);
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        nw_status status = name && text ? nw_model_set_metadata(model, name, text, err)
                                        : nw_no_memory(err, strlen(key), "the facts about a model");
        nw_free(name);
        free(text);
        NW_TRY(status);
    }
    return NW_OK;
}

nw_status nw_onnx_sidecar(const char *path, nw_model *model, nw_error *err)
{
    nw_bytes bytes;
    NW_TRY(nw_file_read(path, LARGEST_SIDECAR, &bytes, err));
    json_error_t where;
    json_t *object =
        json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    nw_free(bytes.data);
    if (!object)
        return nw_fail(err, NW_BAD_MODEL, "%s: line %d, column %d: %s; correct it or take the file away",
                       path, where.line, where.column, where.text);
    nw_status status =
        json_is_object(object)
            ? add_facts(object, model, err)
            : nw_fail(err, NW_BAD_MODEL,
                      "%s: must hold a JSON object with facts about the model; correct it or take the "
                      "file away",
                      path);
    json_decref(object);
    return status;
}
