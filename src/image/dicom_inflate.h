/* Deflated data sets. */
#ifndef NW_IMAGE_DICOM_INFLATE_H
#define NW_IMAGE_DICOM_INFLATE_H

#include "base/error.h"
#include "base/file.h"

/* Inflates the rest of a file (raw deflate, RFC 1951) into at most `limit` bytes; out->data by nw_free.
 * NW_BAD_INPUT for a damaged stream or one that would not fit. */
nw_status nw_dicom_inflate(FILE *file, uint64_t from, size_t limit, const char *name, nw_bytes *out,
                           nw_error *err);

#endif
