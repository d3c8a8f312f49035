#include "base/file.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static nw_status io_error(nw_error *err, const char *path, const char *doing)
{
    return nw_fail(err, NW_IO, "%s: cannot %s: %s", path, doing, strerror(errno));
}

/* Of a file that many threads read: bringing in memory for it takes longer than copying. */
enum { PIECE = 1 << 20, LEAST_PIECES = 4 };
typedef struct pieces {
    int file;
    unsigned char *data;
    atomic_bool short_of; /* some piece could not be read as it should */
} pieces;

static void read_pieces(void *context, size_t begin, size_t end)
{
    pieces *p = context;
    while (begin < end) {
        ssize_t got = pread(p->file, p->data + begin, end - begin, (off_t)begin);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            atomic_store(&p->short_of, true);
            return;
        }
        begin += (size_t)got;
    }
}

/* The first bytes of a large file; 0 where nothing was gained, and all is still to be read. */
static size_t read_ahead(FILE *in, unsigned char *data, size_t size)
{
    if (size < (size_t)LEAST_PIECES * PIECE || nw_threads() < 2) return 0;
    pieces p = {.file = fileno(in), .data = data};
    atomic_init(&p.short_of, false);
    nw_parallel(size, PIECE, read_pieces, &p);
    return !atomic_load(&p.short_of) && fseeko(in, (off_t)size, SEEK_SET) == 0 ? size : 0;
}

/* Reads to the end of a stream whose size is only a hint (0: unknown). */
static nw_status read_stream(FILE *in, const char *path, size_t hint, size_t limit, nw_bytes *out,
                             nw_error *err)
{
    size_t capacity = hint ? hint + 1 : 65536;
    unsigned char *data = nw_calloc(capacity + 1, 1);
    if (!data) return nw_no_memory(err, capacity, path);
    size_t size = read_ahead(in, data, hint);
    for (;;) {
        size += fread(data + size, 1, capacity - size, in);
        if (ferror(in)) {
            nw_free(data);
            return io_error(err, path, "read");
        }
        if (size > limit) {
            nw_free(data);
            return nw_fail(err, NW_BAD_INPUT, "%s: larger than the limit of %zu bytes", path, limit);
        }
        if (size < capacity) break; /* fread came short without an error: the end */
        size_t doubled;
        unsigned char *grown = nw_mul_size(capacity, 2, &doubled) ? nw_realloc(data, doubled + 1, 1) : NULL;
        if (!grown) {
            nw_free(data);
            return nw_no_memory(err, capacity, path);
        }
        data = grown;
        capacity = doubled;
    }
    data[size] = 0;
    out->data = data;
    out->size = size;
    return NW_OK;
}

nw_status nw_file_read(const char *path, size_t limit, nw_bytes *out, nw_error *err)
{
    if (strcmp(path, "-") == 0) return read_stream(stdin, "standard input", 0, limit, out, err);
    FILE *in = fopen(path, "rb");
    if (!in) return io_error(err, path, "open");
    struct stat st;
    nw_status status;
    if (fstat(fileno(in), &st) != 0)
        status = io_error(err, path, "look at");
    else if (S_ISDIR(st.st_mode))
        status = nw_fail(err, NW_BAD_INPUT, "%s: is a folder, a file is wanted", path);
    else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > limit)
        status = nw_fail(err, NW_BAD_INPUT, "%s: %jd bytes, larger than the limit of %zu", path,
                         (intmax_t)st.st_size, limit);
    else
        status = read_stream(in, path, S_ISREG(st.st_mode) ? (size_t)st.st_size : 0, limit, out, err);
    fclose(in);
    return status;
}

static void forget(nw_output *out)
{
    nw_free(out->path);
    nw_free(out->temporary);
    memset(out, 0, sizeof *out);
}

nw_status nw_output_open(const char *path, nw_output *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    nw_output o = {.path = nw_strdup(path),
                   .temporary = nw_strdup_printf("%s.part%ld", path, (long)getpid())};
    if (!o.path || !o.temporary) {
        forget(&o);
        return nw_no_memory(err, strlen(path), path);
    }
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        forget(&o);
        return nw_fail(err, NW_IO, "%s: is a folder, cannot write a file of that name", path);
    }
    /* A device or a pipe is written straight: a rename would put a file in its place. */
    bool straight = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    if (straight) {
        nw_free(o.temporary);
        o.temporary = NULL;
    }
    o.stream = fopen(straight ? path : o.temporary, "wb");
    if (!o.stream) {
        nw_status status = io_error(err, path, "write");
        forget(&o);
        return status;
    }
    *out = o;
    return NW_OK;
}

void nw_output_write(nw_output *out, const void *data, size_t size)
{
    errno = 0;
    if (size && fwrite(data, 1, size, out->stream) != size && !out->error) out->error = errno;
}

/* The name of a file is kept by its folder. Some file systems cannot do this: no error then. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    int folder = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

nw_status nw_output_commit(nw_output *out, nw_error *err)
{
    nw_status status = NW_OK;
    errno = 0;
    if (fflush(out->stream) != 0 || ferror(out->stream)) {
        if (out->error || !errno) errno = out->error ? out->error : EIO;
        status = io_error(err, out->path, "write");
    }
    /* What is renamed without may be empty after a power failure, and the old file is gone. */
    if (status == NW_OK && out->durable && out->temporary && fsync(fileno(out->stream)) != 0)
        status = io_error(err, out->path, "write");
    if (fclose(out->stream) != 0 && status == NW_OK) status = io_error(err, out->path, "write");
    if (status == NW_OK && out->temporary && rename(out->temporary, out->path) != 0)
        status = io_error(err, out->path, "write");
    if (status == NW_OK && out->durable && out->temporary) sync_folder(out->temporary);
    if (status != NW_OK && out->temporary) unlink(out->temporary);
    forget(out);
    return status;
}

void nw_output_discard(nw_output *out)
{
    if (!out->stream) return;
    fclose(out->stream);
    if (out->temporary) unlink(out->temporary);
    forget(out);
}

nw_status nw_file_write(const char *path, const void *data, size_t size, nw_error *err)
{
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_output_write(&out, data, size);
    return nw_output_commit(&out, err);
}

nw_status nw_make_folder(const char *path, nw_error *err)
{
    char *copy = nw_strdup(path);
    if (!copy) return nw_no_memory(err, strlen(path), path);
    nw_status status = NW_OK;
    for (char *p = copy; status == NW_OK; p++) {
        if (*p != '/' && *p) continue;
        char kept = *p;
        *p = 0;
        if (copy[0] && mkdir(copy, 0777) != 0 && errno != EEXIST)
            status = io_error(err, path, "make the folder");
        *p = kept;
        if (!kept) break;
    }
    struct stat st;
    if (status == NW_OK && (stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
        status = nw_fail(err, NW_IO, "%s: is not a folder, and a file of that name stands in the way", path);
    nw_free(copy);
    return status;
}

const char *nw_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int nw_path_ends(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n >= m && strcasecmp(path + n - m, ending) == 0;
}
