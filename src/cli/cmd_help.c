#include "commands.h"

typedef struct arguments {
    cli_common common;
    int man, markdown;
} arguments;

static const cli_option options[] = {
    {"man", 0, CLI_FLAG, offsetof(arguments, man), .help = "print the man page, for `man -l -`"},
    {"markdown", 0, CLI_FLAG, offsetof(arguments, markdown),
     .help = "print a command's options as Markdown tables"},
    {0},
};

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    if (a->man) {
        cli_print_man();
        return NW_OK;
    }
    if (operands.count == 0) {
        cli_print_overview();
        return NW_OK;
    }
    const cli_command *command = cli_command_find(operands.items[0]);
    if (!command) return cli_fail(err, NW_USAGE, "there is no command '%s'", operands.items[0]);
    if (a->markdown)
        cli_print_markdown(command);
    else
        cli_print_help(command);
    return NW_OK;
}

const cli_command cli_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "what a command does",
    .description = "Shows the help of a command, or the list of commands.",
    .examples = "  narrows help explain\n  narrows help --man | man -l -",
    .options = options,
    .size = sizeof(arguments),
    .most = 1,
    .run = run,
};
