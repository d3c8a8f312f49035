/* Statuses and errors.
 *
 * Every function that can fail returns an nw_status and takes an nw_error of the caller (NULL is
 * allowed). A failed call fills the error with one sentence that names the thing, the place and the
 * way out, and leaves its outputs as they were. The library never prints, exits or aborts.
 */
#ifndef NARROWS_ERROR_H
#define NARROWS_ERROR_H

#include <narrows/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, exit code of the command line, text): the single list of statuses. */
#define NW_STATUS_LIST(X)                                                                                    \
    X(OK, 0, "ok")                                                                                           \
    X(FAILED, 1, "failed")                                                                                   \
    X(USAGE, 2, "wrong usage")                                                                               \
    X(UNSUPPORTED, 3, "unsupported model")                                                                   \
    X(BAD_MODEL, 3, "bad model")                                                                             \
    X(BAD_INPUT, 4, "bad input")                                                                             \
    X(IO, 5, "input/output error")                                                                           \
    X(NO_MEMORY, 5, "out of memory")                                                                         \
    X(CHECK, 6, "a check did not hold")                                                                      \
    X(NOT_FINITE, 6, "a result is not finite")                                                               \
    X(CANCELLED, 130, "interrupted")

typedef enum nw_status {
#define NW_STATUS_ENUM(name, code, text) NW_##name,
    NW_STATUS_LIST(NW_STATUS_ENUM)
#undef NW_STATUS_ENUM
} nw_status;

enum { NW_ERROR_SIZE = 1024 };

/* Belongs to the caller; needs neither initialisation nor release. */
typedef struct nw_error {
    nw_status status;
    char message[NW_ERROR_SIZE]; /* UTF-8, one line, never empty after a failure */
} nw_error;

/* A short text for a status, "ok" for NW_OK; never NULL. */
NW_API const char *nw_status_text(nw_status status);

/* The exit code that the command line gives for a status (see docs/commands.md). */
NW_API int nw_status_exit_code(nw_status status);

/* Progress of long work, and the way to stop it: called on the calling thread with done <= total (total 0:
 * unknown). `what` names the work and is valid during the call only. Return non-zero to cancel: the work
 * ends soon after with NW_CANCELLED. */
typedef int (*nw_progress_fn)(void *user, const char *what, double done, double total);

typedef struct nw_progress {
    nw_progress_fn call; /* NULL: no reports, not cancellable */
    void *user;
} nw_progress;

#ifdef __cplusplus
}
#endif
#endif
