/* Running the program as a person would: by the shell, in a folder of the test's own. */
#ifndef NW_TESTS_CLI_CLI_H
#define NW_TESTS_CLI_CLI_H

#include "support.h"
#include "support/temp_folder.h"

#include <sys/wait.h>

#define DEMO   NW_TEST_SOURCE "/tests/data/drawn/"
#define MODEL  DEMO "classifier.onnx"
#define IMAGE  DEMO "image.png"
#define COHORT DEMO "cohort"

static char cli_folder[64]; /* $T in commands */
static char cli_out[1 << 20], cli_err[1 << 16];

static inline int cli_setup(void **state)
{
    (void)state;
    temp_folder(cli_folder);
    setenv("T", cli_folder, 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    return 0;
}

static inline int cli_teardown(void **state)
{
    (void)state;
    temp_remove(cli_folder);
    return 0;
}

static inline void cli_slurp(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(text, 1, size - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    unlink(path);
}

/* Runs "narrows ARGUMENTS" (words for the shell, redirections of their own allowed). The exit code; output in
 * cli_out and cli_err. */
static inline int narrows(const char *arguments)
{
    char command[8192], out[96], err[96];
    snprintf(out, sizeof out, "%s.out", cli_folder);
    snprintf(err, sizeof err, "%s.err", cli_folder);
    snprintf(command, sizeof command, "{ '%s' %s; } >%s 2>%s </dev/null", NW_TEST_CLI, arguments, out, err);
    int status = system(command);
    cli_slurp(out, cli_out, sizeof cli_out);
    cli_slurp(err, cli_err, sizeof cli_err);
    if (!WIFEXITED(status)) fail_msg("narrows %s: ended by a signal (%d)", arguments, status);
    return WEXITSTATUS(status);
}

/* Expects the exit code, `message` within stderr, and nothing on stdout after a failure. */
static inline void expect_failure(int code, const char *message, const char *arguments)
{
    int got = narrows(arguments);
    if (got != code) fail_msg("narrows %s: exit code %d, not %d: %s", arguments, got, code, cli_err);
    if (!strstr(cli_err, message)) fail_msg("narrows %s: '%s' is not in: %s", arguments, message, cli_err);
    if (strncmp(cli_err, "narrows: ", 9) != 0) fail_msg("narrows %s: odd message: %s", arguments, cli_err);
    if (cli_out[0]) fail_msg("narrows %s: failed, and yet printed: %s", arguments, cli_out);
}

static inline void expect_success(const char *arguments)
{
    int got = narrows(arguments);
    if (got != 0) fail_msg("narrows %s: exit code %d: %s", arguments, got, cli_err);
}

/* Nothing was left behind in the test's folder but what was there. */
static inline void expect_entries(int count)
{
    if (temp_count(cli_folder) == count) return;
    char command[128];
    snprintf(command, sizeof command, "ls -laR %s >&2", cli_folder);
    if (system(command) == 0) fail_msg("%d entries in the folder, not %d", temp_count(cli_folder), count);
}

static inline bool exists(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    return access(path, F_OK) == 0;
}

#endif
