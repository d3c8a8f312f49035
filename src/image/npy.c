/* NumPy's .npy files, versions 1 to 3.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "base/memory.h"
#include "image/finite.h"
#include "image/volume.h"
#include "tensor/tensor.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

typedef struct npy_header {
    char kind;   /* 'f', 'i', 'u', 'b' */
    size_t size; /* bytes of an element */
    bool swapped, fortran;
    nw_shape shape;
    size_t offset; /* of the data */
} npy_header;

/* A cursor over the text of the header, a Python dictionary. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at)) c->at++;
}

static bool eat(cursor *c, const char *word)
{
    skip_space(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
    c->at += n;
    return true;
}

/* A quoted string without escapes, into text[size]. */
static bool eat_string(cursor *c, char *text, size_t size)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
    char quote = *c->at++;
    const char *start = c->at;
    while (c->at < c->end && *c->at != quote && *c->at != '\\') c->at++;
    size_t n = (size_t)(c->at - start);
    if (c->at == c->end || *c->at != quote || n >= size) return false;
    memcpy(text, start, n);
    text[n] = 0;
    c->at++;
    return true;
}

static bool eat_shape(cursor *c, nw_shape *shape)
{
    shape->rank = 0;
    if (!eat(c, "(")) return false;
    while (!eat(c, ")")) {
        skip_space(c);
        int64_t value = 0;
        const char *start = c->at;
        for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
            if (!nw_mul_i64(value, 10, &value) || !nw_add_i64(value, *c->at - '0', &value)) return false;
        if (c->at == start || shape->rank == NW_MAX_RANK) return false;
        shape->dims[shape->rank++] = value;
        eat(c, "L"); /* Python 2 */
        if (!eat(c, ",")) {
            if (!eat(c, ")")) return false;
            break;
        }
    }
    return true;
}

static bool parse_dictionary(cursor c, char descr[16], npy_header *h)
{
    int seen = 0;
    char key[16];
    if (!eat(&c, "{")) return false;
    while (!eat(&c, "}")) {
        if (!eat_string(&c, key, sizeof key) || !eat(&c, ":")) return false;
        if (strcmp(key, "descr") == 0) {
            if (!eat_string(&c, descr, 16)) return false;
            seen |= 1;
        } else if (strcmp(key, "fortran_order") == 0) {
            h->fortran = eat(&c, "True");
            if (!h->fortran && !eat(&c, "False")) return false;
            seen |= 2;
        } else if (strcmp(key, "shape") == 0) {
            if (!eat_shape(&c, &h->shape)) return false;
            seen |= 4;
        } else {
            return false;
        }
        if (!eat(&c, ",")) {
            if (!eat(&c, "}")) return false;
            break;
        }
    }
    skip_space(&c);
    return seen == 7 && c.at == c.end;
}

static nw_status parse(const nw_bytes *file, const char *name, npy_header *h, nw_error *err)
{
    memset(h, 0, sizeof *h);
    const unsigned char *d = file->data;
    if (file->size < 10 || memcmp(d, "\x93NUMPY", 6) != 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: not an .npy file, or cut off within its first bytes", name);
    if (d[6] < 1 || d[6] > 3)
        return nw_fail(err, NW_BAD_INPUT, "%s: .npy version %d.%d; 1 to 3 are read", name, d[6], d[7]);
    size_t at = d[6] == 1 ? 10 : 12;
    size_t length = d[8] | (size_t)d[9] << 8;
    if (d[6] > 1 && file->size >= 12) length |= (size_t)d[10] << 16 | (size_t)d[11] << 24;
    if (file->size < at || length > file->size - at)
        return nw_fail(err, NW_BAD_INPUT, "%s: cut off within the header", name);
    char descr[16] = "";
    const char *text = (const char *)d + at;
    if (!parse_dictionary((cursor){text, text + length}, descr, h))
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the header is damaged, or not of a plain array of at most %d dimensions", name,
                       NW_MAX_RANK);
    h->offset = at + length;
    const char *order = strchr("<>|=", descr[0]), *sizes = strchr("1248", descr[0] ? descr[2] : 0);
    h->kind = descr[0] ? descr[1] : 0;
    h->size = sizes && *sizes ? (size_t)(*sizes - '0') : 0;
    h->swapped = descr[0] == '>';
    bool known = (h->kind == 'f' && h->size >= 4) || h->kind == 'i' || h->kind == 'u' ||
                 (h->kind == 'b' && h->size == 1);
    if (!order || !*order || !h->size || descr[3] || !known)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: elements of type '%s' are not read; save as float32, float64, bool or an integer",
                       name, descr);
    int64_t count, bytes;
    if (!nw_shape_count(&h->shape, &count) || !nw_mul_i64(count, (int64_t)h->size, &bytes))
        return nw_fail(err, NW_BAD_INPUT, "%s: the shape of the header overflows", name);
    if ((uint64_t)bytes != file->size - h->offset)
        return nw_fail(err, NW_BAD_INPUT, "%s: the header promises %lld bytes of elements, the file has %zu",
                       name, (long long)bytes, file->size - h->offset);
    return NW_OK;
}

static nw_dtype dtype_of(const npy_header *h)
{
    switch (h->kind) {
    case 'f': return h->size == 4 ? NW_F32 : NW_F64;
    case 'i': return h->size == 8 ? NW_I64 : h->size == 4 ? NW_I32 : h->size == 2 ? NW_I16 : NW_I8;
    case 'u': return h->size == 1 ? NW_U8 : h->size == 2 ? NW_U16 : NW_I64;
    default: return NW_BOOL;
    }
}

/* Element `i` of the file, in this machine's byte order, stored as `dtype` at dst. False: it does not fit. */
static bool convert(const npy_header *h, const unsigned char *src, unsigned char *dst)
{
    unsigned char e[8];
    for (size_t b = 0; b < h->size; b++) e[b] = src[h->swapped ? h->size - 1 - b : b];
    if (h->kind == 'u' && h->size >= 4) {
        uint64_t wide = 0;
        memcpy(&wide, e, h->size); /* little-endian */
        if (wide > INT64_MAX) return false;
        memcpy(dst, &wide, sizeof wide);
        return true;
    }
    if (h->kind == 'b') e[0] = e[0] != 0;
    memcpy(dst, e, h->size);
    return true;
}

static nw_status to_tensor(const nw_bytes *file, const char *name, const npy_header *h, nw_tensor **out,
                           nw_error *err)
{
    nw_tensor *tensor;
    NW_TRY(nw_tensor_new(dtype_of(h), h->shape.rank, h->shape.dims, &tensor, err));
    int64_t count = nw_tensor_count(tensor), index[NW_MAX_RANK] = {0}, stride[NW_MAX_RANK], step = 1;
    int rank = h->shape.rank;
    for (int a = 0; a < rank; a++) {
        int axis = h->fortran ? a : rank - 1 - a;
        stride[axis] = step;
        step *= h->shape.dims[axis];
    }
    size_t size = nw_dtype_size(nw_tensor_dtype(tensor));
    unsigned char *dst = nw_tensor_data(tensor);
    int64_t at = 0; /* of the element in the file */
    for (int64_t i = 0; i < count; i++) {
        if (!convert(h, file->data + h->offset + (size_t)at * h->size, dst + (size_t)i * size)) {
            nw_tensor_unref(tensor);
            return nw_fail(err, NW_BAD_INPUT, "%s: element %lld is above the largest int64", name,
                           (long long)i);
        }
        for (int axis = rank - 1; axis >= 0; axis--) {
            at += stride[axis];
            if (++index[axis] < h->shape.dims[axis]) break;
            at -= stride[axis] * h->shape.dims[axis];
            index[axis] = 0;
        }
    }
    *out = tensor;
    return NW_OK;
}

nw_status nw_npy_read(const char *path, size_t max_bytes, nw_tensor **out, nw_error *err)
{
    nw_bytes file;
    npy_header h;
    NW_TRY(nw_file_read(path, max_bytes ? max_bytes : (size_t)4 << 30, &file, err));
    nw_status status = parse(&file, path, &h, err);
    if (status == NW_OK) status = to_tensor(&file, path, &h, out, err);
    nw_free(file.data);
    return status;
}

static nw_status volume_of(const nw_tensor *tensor, const char *name, const nw_read_limits *limits,
                           nw_volume **out, nw_error *err)
{
    int rank = nw_tensor_rank(tensor);
    const int64_t *d = nw_tensor_dims(tensor);
    int64_t dims[4] = {1, 1, 1, 1};
    if (rank < 2 || rank > 4)
        return nw_fail(err, NW_BAD_INPUT, "%s: an array of rank %d; [H,W], [C,H,W] or [N,C,H,W] is wanted",
                       name, rank);
    for (int a = 0; a < rank; a++) dims[4 - rank + a] = d[a];
    nw_volume *v = NULL;
    NW_TRY(nw_volume_new_planar(NW_KIND_TENSOR, name, dims[0], dims[1], dims[2], dims[3], limits, &v, err));
    int64_t count = nw_tensor_count(tensor);
    if (nw_tensor_dtype(tensor) == NW_F32)
        memcpy(v->voxels, nw_tensor_data_const(tensor), (size_t)count * sizeof(float));
    else
        for (int64_t i = 0; i < count; i++) v->voxels[i] = (float)nw_tensor_get(tensor, i);
    *out = v;
    return NW_OK;
}

nw_status nw_npy_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits, nw_volume **out,
                        nw_error *err)
{
    npy_header h;
    nw_tensor *tensor;
    NW_TRY(parse(file, name, &h, err));
    NW_TRY(to_tensor(file, name, &h, &tensor, err));
    nw_status status = volume_of(tensor, name, limits, out, err);
    if (status == NW_OK) {
        bool unsigned_wide = h.kind == 'u' && h.size >= 4;
        (*out)->info.format = "npy";
        (*out)->info.stored = !unsigned_wide ? nw_dtype_name(nw_tensor_dtype(tensor))
                              : h.size == 4  ? "uint32"
                                             : "uint64";
        (*out)->info.bits = h.kind == 'b' ? 1 : 8 * (int)h.size;
    }
    nw_tensor_unref(tensor);
    return status;
}

nw_status nw_npy_write(const char *path, int rank, const int64_t *dims, const float *src, nw_error *err)
{
    nw_shape shape = {.rank = rank};
    int64_t count;
    if (rank < 1 || rank > NW_MAX_RANK) return nw_fail(err, NW_USAGE, "%s: cannot write rank %d", path, rank);
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    if (!nw_shape_count(&shape, &count)) return nw_fail(err, NW_USAGE, "%s: the shape overflows", path);
    NW_TRY(nw_check_finite(src, (size_t)count, path, err));
    char text[320], list[256] = "";
    int used = 0;
    for (int a = 0; a < rank; a++)
        used += snprintf(list + used, sizeof list - (size_t)used, a ? " %lld," : "%lld,", (long long)dims[a]);
    int length =
        snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", list);
    /* Padded so that the elements start at a multiple of 64 bytes. */
    int total = (10 + length + 1 + 63) / 64 * 64, header = total - 10;
    unsigned char head[448];
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\1\0", 8);
    head[8] = (unsigned char)(header & 255);
    head[9] = (unsigned char)(header >> 8);
    memcpy(head + 10, text, (size_t)length);
    head[total - 1] = '\n';
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_output_write(&out, head, (size_t)total);
    nw_output_write(&out, src, (size_t)count * sizeof *src);
    return nw_output_commit(&out, err);
}
