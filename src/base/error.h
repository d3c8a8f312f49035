/* Making errors, for the library's own code. */
#ifndef NW_BASE_ERROR_H
#define NW_BASE_ERROR_H

#include <narrows/error.h>
#include <stdarg.h>
#include <stddef.h>

/* Fills err (may be NULL) and returns status, so that a caller can `return nw_fail(...)`. */
nw_status nw_fail(nw_error *err, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nw_status nw_vfail(nw_error *err, nw_status status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Puts a place in front of the message that err already holds: "PLACE: message". */
nw_status nw_fail_within(nw_error *err, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

nw_status nw_no_memory(nw_error *err, size_t bytes, const char *what);

/* For straight-line code whose clean-up is elsewhere. */
#define NW_TRY(call)                                                                                         \
    do {                                                                                                     \
        nw_status nw_try_status = (call);                                                                    \
        if (nw_try_status != NW_OK) return nw_try_status;                                                    \
    } while (0)

#endif
