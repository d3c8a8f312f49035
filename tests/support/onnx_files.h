/* A folder of one's own for tests of files. */
#ifndef NW_TESTS_ONNX_FILES_H
#define NW_TESTS_ONNX_FILES_H

#include "support/onnx_writer.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder {
    char path[256];
    char text[512]; /* of the last folder_file */
} folder;

static inline void folder_make(folder *f)
{
    snprintf(f->path, sizeof f->path, "%s/narrows-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(f->path)) abort();
}

/* The path of a file in it; valid until the next call. */
static inline const char *folder_file(folder *f, const char *name)
{
    snprintf(f->text, sizeof f->text, "%s/%s", f->path, name);
    return f->text;
}

static inline void folder_write(folder *f, const char *name, const void *data, size_t size)
{
    FILE *out = fopen(folder_file(f, name), "wb");
    if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0) abort();
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void folder_remove(folder *f)
{
    nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
