/* The safetensors reader over bytes in memory, and the checkpoint of a training on top of it. */
#include "base/memory.h"
#include "explain/safetensors.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static void look(const nw_safetensors *file)
{
    nw_error err = {0};
    const char *name, *facts = NULL;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        static const nw_dtype dtypes[] = {NW_F32, NW_F64, NW_I64};
        nw_safetensors_view view;
        if (strcmp(name, "__metadata__") == 0) continue;
        nw_status status = nw_safetensors_find(file, name, &view, &err);
        if (status != NW_OK && !err.message[0]) abort();
        for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
            nw_tensor *tensor = NULL;
            if ((nw_safetensors_get(file, name, dtypes[i], true, &tensor, &err) == NW_OK) !=
                (status == NW_OK))
                abort();
            if (tensor && tensor->count != view.count) abort();
            nw_tensor_unref(tensor);
        }
    }
    err.message[0] = 0;
    if (nw_checkpoint_check(file, &facts, &err) != NW_OK && !err.message[0]) abort();
    nw_safetensors_metadata(file, "narrows.format");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nw_bytes bytes = {nw_calloc(size + 1, 1), size};
    nw_safetensors file;
    nw_error err = {0};
    if (!bytes.data) return 0;
    if (size) memcpy(bytes.data, data, size);
    nw_status status = nw_safetensors_take(&bytes, "fuzz.safetensors", &file, &err);
    if (status == NW_OK) look(&file);
    if (status != NW_OK && !err.message[0]) abort();
    nw_safetensors_close(&file);
    return 0;
}
