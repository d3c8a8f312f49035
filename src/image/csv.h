/* Comma-separated values with a header line, as RFC 4180 has them. */
#ifndef NW_IMAGE_CSV_H
#define NW_IMAGE_CSV_H

#include "base/file.h"

typedef struct nw_csv_cursor {
    char *at;         /* next record; NULL at the end */
    const char *name; /* of the file, for errors */
    size_t line;      /* of the record that was read last, from 1 */
    size_t next_line;
} nw_csv_cursor;

/* A cursor over a file that was read whole; the text is changed in place. Skips a byte order mark. */
nw_csv_cursor nw_csv_start(nw_bytes *file, const char *name);

/* Next record, blank lines skipped: fields[count] point into the text; those beyond `capacity` are dropped.
 * *count is 0 at the end. NW_BAD_INPUT for a quote that is never closed or text behind a closing one. */
nw_status nw_csv_next(nw_csv_cursor *cursor, char **fields, size_t capacity, size_t *count, nw_error *err);

#endif
