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
    nw_bytes bytes;
    memset(out, 0, sizeof *out);
    NW_TRY(nw_file_read(path, file_limit, &bytes, err));
    return nw_safetensors_take(&bytes, path, out, err);
}

nw_status nw_safetensors_take(nw_bytes *bytes, const char *path, nw_safetensors *out, nw_error *err)
{
    *out = (nw_safetensors){.bytes = *bytes};
    *bytes = (nw_bytes){0};
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

nw_status nw_safetensors_find(const nw_safetensors *file, const char *name, nw_safetensors_view *out,
                              nw_error *err)
{
    json_t *entry = json_object_get(file->header, name);
    if (!entry) return bad(file, name, "missing", err);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    size_t kind = 0;
    while (type && kind < DTYPES && strcmp(type, dtypes[kind].name) != 0) kind++;
    if (!type || kind == DTYPES)
        return bad(file, name, "its dtype is not one of F32, F64, I64, U8, BOOL", err);

    json_t *dims = json_object_get(entry, "shape"), *place = json_object_get(entry, "data_offsets");
    nw_safetensors_view view = {.dtype = dtypes[kind].dtype, .shape.rank = (int)json_array_size(dims)};
    if (!json_is_array(dims) || json_array_size(dims) > NW_MAX_RANK)
        return bad(file, name, "its shape is missing or has too many dimensions", err);
    for (int i = 0; i < view.shape.rank; i++) {
        json_t *dim = json_array_get(dims, (size_t)i);
        if (!json_is_integer(dim)) return bad(file, name, "its shape is not a list of integers", err);
        view.shape.dims[i] = json_integer_value(dim);
    }
    json_t *from = json_array_get(place, 0), *to = json_array_get(place, 1);
    int64_t begin = json_integer_value(from), end = json_integer_value(to);
    if (!json_is_integer(from) || !json_is_integer(to) || begin < 0 || end < begin ||
        (uint64_t)end > file->data_size)
        return bad(file, name, "its place lies outside the file (is it cut short?)", err);
    if (!nw_shape_count(&view.shape, &view.count) ||
        !nw_mul_size((size_t)view.count, nw_dtype_size(view.dtype), &view.bytes) ||
        view.bytes != (size_t)(end - begin))
        return bad(file, name, "its shape and its number of bytes disagree", err);
    view.data = file->data + begin;
    *out = view;
    return NW_OK;
}

nw_status nw_safetensors_get(const nw_safetensors *file, const char *name, nw_dtype dtype, bool required,
                             nw_tensor **out, nw_error *err)
{
    nw_safetensors_view view;
    nw_tensor *raw;
    *out = NULL;
    if (!required && !json_object_get(file->header, name)) return NW_OK;
    NW_TRY(nw_safetensors_find(file, name, &view, err));
    NW_TRY(nw_tensor_new_uninitialised(view.dtype, &view.shape, &raw, err));
    if (view.bytes) memcpy(raw->data, view.data, view.bytes);
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

static size_t bytes_of(const nw_safetensors_entry *entry)
{
    int64_t elements = 0;
    nw_shape_count(entry->shape, &elements); /* it was looked at */
    return (size_t)elements * nw_dtype_size(entry->dtype);
}

static json_t *dims_of(const nw_shape *shape)
{
    json_t *dims = json_array();
    int failed = !dims;
    for (int i = 0; i < shape->rank; i++) failed |= json_array_append_new(dims, json_integer(shape->dims[i]));
    if (!failed) return dims;
    json_decref(dims);
    return NULL;
}

/* The header as text, padded with spaces so that the data begin on a multiple of ALIGNMENT bytes. */
static char *header_text(json_t *metadata, const nw_safetensors_entry *entries, size_t count)
{
    json_t *header = json_object();
    int failed = !header || json_object_set(header, "__metadata__", metadata);
    size_t at = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        size_t bytes = bytes_of(&entries[i]);
        json_t *dims = dims_of(entries[i].shape);
        json_t *entry = json_pack("{s:s, s:o*, s:[I, I]}", "dtype", dtype_name(entries[i].dtype), "shape",
                                  dims, "data_offsets", (json_int_t)at, (json_int_t)(at + bytes));
        failed |= !dims || json_object_set_new(header, entries[i].name, entry);
        at += bytes;
    }
    char *text = failed ? NULL : json_dumps(header, JSON_COMPACT), *padded = NULL;
    json_decref(header);
    if (text) {
        size_t length = strlen(text), total = sizeof(uint64_t) + length;
        size_t pad = (ALIGNMENT - total % ALIGNMENT) % ALIGNMENT;
        padded = nw_strdup_printf("%s%*s", text, (int)pad, "");
        free(text);
    }
    return padded;
}

nw_status nw_safetensors_put(nw_output *out, json_t *metadata, const nw_safetensors_entry *entries,
                             size_t count, nw_error *err)
{
    int64_t elements, bytes;
    for (size_t i = 0; i < count; i++)
        if (!nw_shape_count(entries[i].shape, &elements) || !nw_mul_i64(elements, 8, &bytes))
            return nw_fail(err, NW_BAD_INPUT, "%s: impossible shape of '%s'", out->path, entries[i].name);
    char *text = header_text(metadata, entries, count);
    if (!text)
        return nw_fail(err, NW_BAD_INPUT, "%s: the name of a tensor is not UTF-8, or memory is out",
                       out->path);
    uint64_t length = strlen(text);
    nw_output_write(out, &length, sizeof length);
    nw_output_write(out, text, (size_t)length);
    nw_free(text);
    for (size_t i = 0; i < count; i++) nw_output_write(out, entries[i].data, bytes_of(&entries[i]));
    return NW_OK;
}

nw_status nw_safetensors_write(const char *path, json_t *metadata, const nw_safetensors_entry *entries,
                               size_t count, nw_error *err)
{
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_status status = nw_safetensors_put(&out, metadata, entries, count, err);
    if (status == NW_OK) return nw_output_commit(&out, err);
    nw_output_discard(&out);
    return status;
}
