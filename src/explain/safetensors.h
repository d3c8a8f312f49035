/* The safetensors format: an 8-byte little-endian length, a JSON header of that length that names each
 * tensor's dtype, shape and place, and the bytes. Everything a file claims is checked against its length
 * before it is used.
 */
#ifndef NW_EXPLAIN_SAFETENSORS_H
#define NW_EXPLAIN_SAFETENSORS_H

#include "base/file.h"
#include "tensor/tensor.h"

#include <jansson.h>

typedef struct nw_safetensors {
    char *path;
    nw_bytes bytes;
    json_t *header;
    const unsigned char *data; /* of the tensors */
    size_t data_size;
} nw_safetensors;

/* NW_IO, or NW_BAD_INPUT where it is no such file. Free with nw_safetensors_close also after a failure. */
nw_status nw_safetensors_open(const char *path, nw_safetensors *out, nw_error *err);
/* The same of bytes that were read already; they are taken over, also by a failure. */
nw_status nw_safetensors_take(nw_bytes *bytes, const char *path, nw_safetensors *out, nw_error *err);
void nw_safetensors_close(nw_safetensors *file);

/* The value of a metadata key, or NULL. Valid as long as the file is open. */
const char *nw_safetensors_metadata(const nw_safetensors *file, const char *key);

/* Where a tensor lies within the file. */
typedef struct nw_safetensors_view {
    nw_dtype dtype;
    nw_shape shape;
    int64_t count;
    size_t bytes;
    const unsigned char *data; /* not aligned */
} nw_safetensors_view;

/* NW_BAD_INPUT where there is none of that name, or where its dtype, shape and place do not fit together. */
nw_status nw_safetensors_find(const nw_safetensors *file, const char *name, nw_safetensors_view *out,
                              nw_error *err);

/* A copy of a tensor in that dtype (F32 or F64 or I64; from F32, F64, I64, U8 or BOOL). *out = NULL and NW_OK
 * where the file has none of that name and it is not `required`. */
nw_status nw_safetensors_get(const nw_safetensors *file, const char *name, nw_dtype dtype, bool required,
                             nw_tensor **out, nw_error *err);

typedef struct nw_safetensors_entry {
    const char *name;
    nw_dtype dtype; /* F32, F64 or I64 */
    const void *data;
    const nw_shape *shape;
} nw_safetensors_entry;

/* Writes tensors, whole or not at all. `metadata` is an object of strings. */
nw_status nw_safetensors_write(const char *path, json_t *metadata, const nw_safetensors_entry *entries,
                               size_t count, nw_error *err);
/* The same into a file that the caller opened and will commit; nothing is written after an error. */
nw_status nw_safetensors_put(nw_output *out, json_t *metadata, const nw_safetensors_entry *entries,
                             size_t count, nw_error *err);

#endif
