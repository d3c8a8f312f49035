#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    int exit_code;
} statuses[] = {
#define NW_STATUS_ROW(name, code, text) [NW_##name] = {text, code},
    NW_STATUS_LIST(NW_STATUS_ROW)
#undef NW_STATUS_ROW
};

static int known(nw_status status)
{
    return (unsigned)status < sizeof statuses / sizeof statuses[0];
}

const char *nw_status_text(nw_status status)
{
    return known(status) ? statuses[status].text : "unknown status";
}

int nw_status_exit_code(nw_status status)
{
    return known(status) ? statuses[status].exit_code : 1;
}

/* Control characters in a message (from a file's strings, say) would break the one-line promise. */
static void keep_one_line(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f) *p = '?';
}

nw_status nw_vfail(nw_error *err, nw_status status, const char *format, va_list args)
{
    if (!err) return status;
    /* Through a buffer, so that a message may quote the one it replaces. */
    char text[NW_ERROR_SIZE];
    vsnprintf(text, sizeof text, format, args);
    keep_one_line(text);
    if (!text[0]) snprintf(text, sizeof text, "%s", nw_status_text(status));
    err->status = status;
    memcpy(err->message, text, sizeof text);
    return status;
}

nw_status nw_fail(nw_error *err, nw_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nw_vfail(err, status, format, args);
    va_end(args);
    return status;
}

nw_status nw_fail_within(nw_error *err, nw_status status, const char *format, ...)
{
    if (!err) return status;
    char place[NW_ERROR_SIZE / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(place, sizeof place, format, args);
    va_end(args);
    return nw_fail(err, status, "%s: %s", place, err->message);
}

nw_status nw_no_memory(nw_error *err, size_t bytes, const char *what)
{
    return nw_fail(err, NW_NO_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}
