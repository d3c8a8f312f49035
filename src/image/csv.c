#include "image/csv.h"

#include <stdbool.h>
#include <string.h>

nw_csv_cursor nw_csv_start(nw_bytes *file, const char *name)
{
    char *text = (char *)file->data;
    if (file->size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    return (nw_csv_cursor){.at = text, .name = name, .next_line = 1};
}

/* One field from *from, unquoted in place; leaves *from at the separator behind it. */
static char *field(nw_csv_cursor *cursor, char **from, nw_status *status, nw_error *err)
{
    char *read = *from, *write = read, *start = read;
    if (*read == '"') {
        bool closed = false;
        for (read++; *read && !closed; read++) {
            if (*read == '"' && read[1] != '"') {
                closed = true;
                continue;
            }
            if (*read == '"') read++;
            if (*read == '\n') cursor->next_line++;
            *write++ = *read;
        }
        if (!closed)
            *status =
                nw_fail(err, NW_BAD_INPUT, "%s line %zu: a quote is not closed", cursor->name, cursor->line);
        else if (*read && !strchr(",\r\n", *read))
            *status = nw_fail(err, NW_BAD_INPUT, "%s line %zu: text follows a closing quote", cursor->name,
                              cursor->line);
        *write = 0; /* before the closing quote, so the separator stays for the caller */
    } else {
        while (*read && !strchr(",\r\n", *read)) read++;
    }
    *from = read;
    return start;
}

nw_status nw_csv_next(nw_csv_cursor *cursor, char **fields, size_t capacity, size_t *count, nw_error *err)
{
    *count = 0;
    char *at = cursor->at;
    while (at && (*at == '\r' || *at == '\n')) {
        if (*at == '\n') cursor->next_line++;
        at++;
    }
    cursor->line = cursor->next_line;
    if (!at || !*at) {
        cursor->at = NULL;
        return NW_OK;
    }
    for (;;) {
        nw_status status = NW_OK;
        char *text = field(cursor, &at, &status, err);
        if (status != NW_OK) return status;
        if (*count < capacity) fields[(*count)++] = text;
        char separator = *at;
        *at = 0;
        if (separator == ',') {
            at++;
            continue;
        }
        cursor->at = separator ? at + 1 : at;
        if (separator == '\n') cursor->next_line++;
        return NW_OK;
    }
}
