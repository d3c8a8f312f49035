/* Files: read whole, and written whole or not at all. */
#ifndef NW_BASE_FILE_H
#define NW_BASE_FILE_H

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

typedef struct nw_bytes {
    unsigned char *data; /* nw_free; one zero byte follows the last */
    size_t size;
} nw_bytes;

/* Reads a regular file (or, for "-", standard input) of at most `limit` bytes. NW_IO where it cannot be read,
 * NW_BAD_INPUT where it is larger. */
nw_status nw_file_read(const char *path, size_t limit, nw_bytes *out, nw_error *err);

/* A file that appears under its name only when it is finished: written to a temporary name beside it, then
 * renamed. Every open one is either committed or discarded. */
typedef struct nw_output {
    FILE *stream;
    char *path, *temporary; /* temporary is NULL where a device or pipe is written straight */
    int error;              /* errno of the first write that failed */
    int durable;            /* set after opening: commit waits until the file and its name are on the disk */
} nw_output;

nw_status nw_output_open(const char *path, nw_output *out, nw_error *err);
/* Writes bytes; errors are remembered and reported by commit. */
void nw_output_write(nw_output *out, const void *data, size_t size);
/* Flushes, checks, renames. On failure (a full disk, say) nothing is left behind. Frees `out` either way. */
nw_status nw_output_commit(nw_output *out, nw_error *err);
void nw_output_discard(nw_output *out);

/* Open, write, commit. */
nw_status nw_file_write(const char *path, const void *data, size_t size, nw_error *err);

/* Makes a folder and its parents; fine if it is there. */
nw_status nw_make_folder(const char *path, nw_error *err);

/* The part after the last '/'; and whether the name ends so, ignoring case. */
const char *nw_path_base(const char *path);
int nw_path_ends(const char *path, const char *ending);

#endif
