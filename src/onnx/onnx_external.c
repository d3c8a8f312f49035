/* Data of tensors in files beside the model. */
#include "base/memory.h"
#include "onnx/onnx_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void nw_onnx_external_close(nw_onnx_external *external)
{
    if (external->file >= 0) close(external->file);
    external->file = -1;
    nw_free(external->location);
    external->location = NULL;
}

/* The value of a key of external_data, or NULL. */
static const char *entry(const Onnx__TensorProto *source, const char *key)
{
    for (size_t i = 0; i < source->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = source->external_data[i];
        if (e->key && e->value && strcmp(e->key, key) == 0) return e->value;
    }
    return NULL;
}

static nw_status read_number(const Onnx__TensorProto *source, const char *key, uint64_t otherwise,
                             uint64_t *out, nw_error *err)
{
    const char *text = entry(source, key);
    *out = otherwise;
    if (!text) return NW_OK;
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            break;
    if (p == text || *p || value > INT64_MAX)
        return nw_fail(err, NW_BAD_MODEL, "the %s '%.40s' of its external data is not a number of bytes", key,
                       text);
    *out = value;
    return NW_OK;
}

static bool has_parent_part(const char *path)
{
    for (const char *p = path; *p; p = strchr(p, '/') ? strchr(p, '/') + 1 : p + strlen(p))
        if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2])) return true;
    return false;
}

/* "model.onnx" -> ".", "/a/model.onnx" -> "/a". */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return nw_strdup(".");
    return nw_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Whether `file`, resolved, lies in the folder of `model`. */
static bool inside(const char *file, const char *model)
{
    char *folder = folder_of(model), *base = folder ? realpath(folder, NULL) : NULL;
    size_t n = base ? strlen(base) : 0;
    bool in = n && strncmp(file, base, n) == 0 && (file[n] == '/' || base[n - 1] == '/');
    free(base);
    nw_free(folder);
    return in;
}

/* Links may lead out of the folder only where the model itself is a link into the same place (a store of
 * files under their digests, say). */
static bool may_read(const char *path, const char *model)
{
    char *file = realpath(path, NULL);
    if (!file) return true; /* not there: opening it says so */
    bool may = inside(file, model);
    if (!may) {
        char *real = realpath(model, NULL);
        may = real && inside(file, real);
        free(real);
    }
    free(file);
    return may;
}

static nw_status open_file(nw_onnx_external *external, const char *location, nw_error *err)
{
    const char *model = external->options->path;
    if (!model)
        return nw_fail(err, NW_BAD_MODEL,
                       "its data is in another file ('%.200s'), and there is no folder to look in", location);
    if (!location[0] || location[0] == '/' || has_parent_part(location) || strchr(location, '\\'))
        return nw_fail(
            err, NW_BAD_MODEL,
            "its data is said to be in '%.200s', outside the model's folder, which is refused; put the "
            "file beside the model and save the model with its name alone",
            location);
    char *folder = folder_of(model);
    char *path = folder ? nw_strdup_printf("%s/%s", folder, location) : NULL;
    char *kept = nw_strdup(location);
    nw_free(folder);
    nw_status status = NW_OK;
    int file = -1;
    struct stat st;
    if (!path || !kept)
        status = nw_no_memory(err, strlen(location), "the name of a file");
    else if (!may_read(path, model))
        status = nw_fail(
            err, NW_BAD_MODEL,
            "its data is in '%.200s', a link out of the model's folder, which is refused; put the file "
            "itself beside the model",
            location);
    /* Not blocking: a pipe of that name must not hang us. */
    else if ((file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        status = nw_fail(err, NW_IO,
                         "its data is in '%.300s', which cannot be opened: %s; put it beside the model", path,
                         strerror(errno));
    else if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode))
        status = nw_fail(err, NW_BAD_MODEL, "its data is in '%.300s', which is not a regular file", path);
    nw_free(path);
    if (status != NW_OK) {
        if (file >= 0) close(file);
        nw_free(kept);
        return status;
    }
    nw_onnx_external_close(external);
    external->file = file;
    external->location = kept;
    external->size = (uint64_t)st.st_size;
    return NW_OK;
}

nw_status nw_onnx_external_find(nw_onnx_external *external, const Onnx__TensorProto *source, size_t size,
                                uint64_t *offset, nw_error *err)
{
    uint64_t length;
    NW_TRY(read_number(source, "offset", 0, offset, err));
    NW_TRY(read_number(source, "length", size, &length, err));
    const char *location = entry(source, "location");
    if (!location)
        return nw_fail(err, NW_BAD_MODEL, "its data is said to be in another file, but no file is named");
    if (length != size)
        return nw_fail(err, NW_BAD_MODEL, "its shape needs %zu bytes, its external data has %" PRIu64, size,
                       length);
    if (!external->location || strcmp(external->location, location) != 0)
        NW_TRY(open_file(external, location, err));
    if (*offset > external->size || length > external->size - *offset)
        return nw_fail(err, NW_BAD_MODEL,
                       "its data is said to be bytes %" PRIu64 " to %" PRIu64
                       " of '%.200s', which has only %" PRIu64
                       "; the file is cut off or belongs to another model",
                       *offset, *offset + length, location, external->size);
    if (size > external->left)
        return nw_fail(err, NW_BAD_MODEL, "the model's external data is larger than the limit of %zu bytes",
                       external->options->max_bytes);
    external->left -= size;
    return NW_OK;
}

nw_status nw_onnx_external_read(nw_onnx_external *external, uint64_t offset, void *data, size_t size,
                                nw_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(external->file, (char *)data + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return nw_fail(err, NW_IO, "its data cannot be read from '%.200s': %s", external->location,
                           n < 0 ? strerror(errno) : "the file became shorter meanwhile");
        done += (size_t)n;
    }
    if (external->options->digest) nw_digest_add(external->options->digest, data, size);
    return NW_OK;
}
