#include "explain/safetensors.h"

#include "base/memory.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors are little-endian, and are copied as they are"
#endif

enum { HEADER_LIMIT = 100 << 20, ALIGNMENT = 64 };
static const size_t file_limit = (size_t)16 << 30;

static const struct {
    const char *name;
    nw_dtype dtype;
} dtypes[] = {{"F32", NW_F32}, {"F64", NW_F64}, {"I64", NW_I64}, {"U8", NW_U8}, {"BOOL", NW_BOOL}};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

nw_status nw_safetensors_open(const char *path, nw_safetensors *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    NW_TRY(nw_file_read(path, file_limit, &out->bytes, err));
    out->path = nw_strdup(path);
    if (!out->path) return nw_no_memory(err, strlen(path), path);
    uint64_t length = 0;
    if (out->bytes.size >= sizeof length) memcpy(&length, out->bytes.data, sizeof length);
    if (length < 2 || length > HEADER_LIMIT || length > out->bytes.size - sizeof length)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: not a whole safetensors file: a header of %llu bytes does not fit into %zu bytes",
                       path, (unsigned long long)length, out->bytes.size);
    json_error_t problem;
    out->header = json_loadb((const char *)out->bytes.data + sizeof length, (size_t)length,
                             JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(out->header))
        return nw_fail(err, NW_BAD_INPUT, "%s: the safetensors header is not a JSON object: %s", path,
                       out->header ? "it is something else" : problem.text);
    out->data = out->bytes.data + sizeof length + length;
    out->data_size = out->bytes.size - sizeof length - (size_t)length;
    return NW_OK;
}

void nw_safetensors_close(nw_safetensors *file)
{
    nw_free(file->path);
    nw_free(file->bytes.data);
    json_decref(file->header);
    memset(file, 0, sizeof *file);
}

const char *nw_safetensors_metadata(const nw_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static nw_status bad(const nw_safetensors *file, const char *name, const char *what, nw_error *err)
{
    return nw_fail(err, NW_BAD_INPUT, "%s: tensor '%s': %s", file->path, name, what);
}

nw_status nw_safetensors_get(const nw_safetensors *file, const char *name, nw_dtype dtype, bool required,
                             nw_tensor **out, nw_error *err)
{
    json_t *entry = json_object_get(file->header, name);
    *out = NULL;
    if (!entry && !required) return NW_OK;
    if (!entry) return bad(file, name, "missing", err);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    size_t kind = 0;
    while (type && kind < DTYPES && strcmp(type, dtypes[kind].name) != 0) kind++;
    if (!type || kind == DTYPES)
        return bad(file, name, "its dtype is not one of F32, F64, I64, U8, BOOL", err);

    json_t *dims = json_object_get(entry, "shape"), *place = json_object_get(entry, "data_offsets");
    nw_shape shape = {.rank = (int)json_array_size(dims)};
    if (!json_is_array(dims) || json_array_size(dims) > NW_MAX_RANK)
        return bad(file, name, "its shape is missing or has too many dimensions", err);
    for (int i = 0; i < shape.rank; i++) {
        json_t *dim = json_array_get(dims, (size_t)i);
        if (!json_is_integer(dim)) return bad(file, name, "its shape is not a list of integers", err);
        shape.dims[i] = json_integer_value(dim);
    }
    json_t *from = json_array_get(place, 0), *to = json_array_get(place, 1);
    int64_t begin = json_integer_value(from), end = json_integer_value(to), count;
    size_t bytes;
    if (!json_is_integer(from) || !json_is_integer(to) || begin < 0 || end < begin ||
        (uint64_t)end > file->data_size)
        return bad(file, name, "its place lies outside the file (is it cut short?)", err);
    if (!nw_shape_count(&shape, &count) ||
        !nw_mul_size((size_t)count, nw_dtype_size(dtypes[kind].dtype), &bytes) ||
        bytes != (size_t)(end - begin))
        return bad(file, name, "its shape and its number of bytes disagree", err);

    nw_tensor *raw;
    NW_TRY(nw_tensor_new_uninitialised(dtypes[kind].dtype, &shape, &raw, err));
    if (bytes) memcpy(raw->data, file->data + begin, bytes);
    nw_status status = nw_tensor_convert(raw, dtype, out, err);
    nw_tensor_unref(raw);
    return status;
}

static const char *dtype_name(nw_dtype dtype)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].name;
    return NULL;
}

/* The header as text, padded with spaces so that the data begin on a multiple of ALIGNMENT bytes. */
static char *header_text(json_t *metadata, const nw_shape *shape, const nw_safetensors_entry *entries,
                         size_t count, int64_t elements)
{
    json_t *header = json_object(), *dims = json_array();
    int failed = !header || !dims;
    for (int i = 0; i < shape->rank; i++) failed |= json_array_append_new(dims, json_integer(shape->dims[i]));
    failed |= json_object_set(header, "__metadata__", metadata);
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t bytes = elements * (int64_t)nw_dtype_size(entries[i].dtype);
        json_t *entry = json_pack("{s:s, s:O, s:[I, I]}", "dtype", dtype_name(entries[i].dtype), "shape",
                                  dims, "data_offsets", (json_int_t)at, (json_int_t)(at + bytes));
        failed |= json_object_set_new(header, entries[i].name, entry);
        at += bytes;
    }
    char *text = failed ? NULL : json_dumps(header, JSON_COMPACT), *padded = NULL;
    json_decref(header);
    json_decref(dims);
    if (text) {
        size_t length = strlen(text), total = sizeof(uint64_t) + length;
        size_t pad = (ALIGNMENT - total % ALIGNMENT) % ALIGNMENT;
        padded = nw_strdup_printf("%s%*s", text, (int)pad, "");
        free(text);
    }
    return padded;
}

nw_status nw_safetensors_write(const char *path, json_t *metadata, const nw_shape *shape,
                               const nw_safetensors_entry *entries, size_t count, nw_error *err)
{
    int64_t elements;
    if (!nw_shape_count(shape, &elements)) return nw_fail(err, NW_BAD_INPUT, "%s: impossible shape", path);
    char *text = header_text(metadata, shape, entries, count, elements);
    if (!text) return nw_no_memory(err, 0, "a safetensors header");
    nw_output out;
    nw_status status = nw_output_open(path, &out, err);
    if (status == NW_OK) {
        uint64_t length = strlen(text);
        nw_output_write(&out, &length, sizeof length);
        nw_output_write(&out, text, (size_t)length);
        for (size_t i = 0; i < count; i++)
            nw_output_write(&out, entries[i].data, (size_t)elements * nw_dtype_size(entries[i].dtype));
        status = nw_output_commit(&out, err);
    }
    nw_free(text);
    return status;
}
