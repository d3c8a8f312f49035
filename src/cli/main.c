/* narrows: which parts of an image a classifier's prediction needs, in bits. */
#include "cli.h"
#include "terminal.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *command_name(const void *from, size_t i)
{
    (void)from;
    for (size_t k = 0; k <= i; k++)
        if (!cli_commands[k]) return NULL;
    return cli_commands[i]->name;
}

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    return NULL;
}

/* What was written to stdout must have arrived: a full disk is an error, a reader that has left is not. */
static int finish(int code)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno == EPIPE) return code;
        cli_error("standard output: cannot write: %s", strerror(errno ? errno : EIO));
        return code ? code : nw_status_exit_code(NW_IO);
    }
    return code;
}

static int run(const cli_command *command, int argc, char **argv)
{
    nw_error err = {.status = NW_OK};
    cli_list operands = {0};
    void *arguments = cli_calloc(1, command->size);
    nw_status status = cli_parse(command, argc, argv, arguments, &operands, &err);
    bool parsed = status == NW_OK;
    if (parsed) {
        cli_set_levels(arguments);
        if (((const cli_common *)arguments)->help)
            cli_print_help(command);
        else
            status = command->run(arguments, operands, &err);
        cli_progress_end();
    }
    if (status != NW_OK) cli_error("%s", err.message[0] ? err.message : nw_status_text(status));
    if (status == NW_USAGE) fprintf(stderr, "Try 'narrows %s --help'.\n", command->name);
    cli_parse_free(command, arguments, &operands);
    free(arguments);
    return finish(nw_status_exit_code(status));
}

/* What one part of a run gives back the next one takes: by default blocks of this size go to the kernel and come
 * anew, page by page, until a few of them have. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    keep_memory();
    cli_catch_signals();
    if (!name) {
        fputs("usage: narrows COMMAND [OPTION...] [ARGUMENT...]\nTry 'narrows --help'.\n", stderr);
        return nw_status_exit_code(NW_USAGE);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("narrows %s\n", nw_version());
        return finish(0);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_print_overview();
        return finish(0);
    }
    const cli_command *command = cli_command_find(name);
    if (command) return run(command, argc - 1, argv + 1);
    const char *nearest = cli_nearest(name, command_name, NULL);
    if (name[0] == '-')
        cli_error("'%s' before a command: options stand after it, as in narrows COMMAND %s", name, name);
    else if (nearest)
        cli_error("there is no command '%s'; did you mean '%s'?", name, nearest);
    else
        cli_error("there is no command '%s'", name);
    fputs("Try 'narrows --help'.\n", stderr);
    return nw_status_exit_code(NW_USAGE);
}
