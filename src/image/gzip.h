/* gzip in memory, with a limit on what comes out. */
#ifndef NW_IMAGE_GZIP_H
#define NW_IMAGE_GZIP_H

#include "base/file.h"

#include <stdbool.h>

bool nw_gzip_looks(const nw_bytes *file);

/* The first bytes: up to `size` of them, fewer where the stream is shorter; damage after them is not seen. */
nw_status nw_gzip_peek(const nw_bytes *file, const char *name, unsigned char *dst, size_t size, size_t *got,
                       nw_error *err);

/* Skips `skip` bytes and inflates exactly dst[size]; what follows is inflated too, up to `rest` bytes, so
 * that its checksum is compared where the stream ends there. NW_BAD_INPUT where the stream is damaged or too
 * short. */
nw_status nw_gzip_extract(const nw_bytes *file, const char *name, size_t skip, unsigned char *dst,
                          size_t size, size_t rest, nw_error *err);

/* What to look for. */
typedef enum nw_gzip_for {
    NW_GZIP_RUNS,   /* runs of one byte: maps of floats, whose digits do not repeat, and masks */
    NW_GZIP_MATCHES /* what came before, too: scans */
} nw_gzip_for;

/* Writes `head` and then `body` as one gzip member, on all threads; the bytes do not depend on how many. */
nw_status nw_gzip_write(nw_output *out, nw_gzip_for look, const void *head, size_t head_size,
                        const void *body, size_t body_size, nw_error *err);

#endif
