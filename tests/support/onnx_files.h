/* A folder of one's own for tests of files. */
#ifndef NW_TESTS_ONNX_FILES_H
#define NW_TESTS_ONNX_FILES_H

#include "support/onnx_writer.h"

#include <dirent.h>
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

/* The folder and all that is in it; links are removed, not followed. */
static inline void folder_remove_path(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char inner[1024];
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) abort();
        if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode))
            folder_remove_path(inner);
        else
            remove(inner);
    }
    if (dir) closedir(dir);
    remove(path);
}

static inline void folder_remove(folder *f)
{
    folder_remove_path(f->path);
}

#endif
