#include "commands.h"

#include <stdio.h>
#include <string.h>

typedef struct arguments {
    cli_common common;
} arguments;

static void commands(void)
{
    for (size_t i = 0; cli_commands[i]; i++) printf("%s%s", i ? " " : "", cli_commands[i]->name);
}

/* What may follow an option, as bash code; nothing where a value is free. */
static void values(const cli_command *command)
{
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(command, i)); i++) {
        if (o->kind == CLI_FLAG) continue;
        printf("        %s:--%s", command->name, o->name);
        if (o->letter) printf("|%s:-%c", command->name, o->letter);
        printf(") ");
        const char *what = o->completes ? o->completes : "";
        if (o->choices)
            printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", o->choices);
        else if (strcmp(what, "file") == 0)
            printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
        else if (strcmp(what, "folder") == 0)
            printf("COMPREPLY=($(compgen -d -- \"$cur\"))");
        else if (strcmp(what, "method") == 0) {
            printf("COMPREPLY=($(compgen -W '");
            for (size_t m = 0; m < nw_method_count(); m++)
                printf("%s%s", m ? " " : "", nw_method_list(m)->name);
            printf("' -- \"$cur\"))");
        } else
            putchar(':'); /* anything */
        printf("; return;;\n");
    }
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    (void)given;
    if (strcmp(operands.items[0], "bash") != 0)
        return cli_fail(err, NW_USAGE, "there is no completion for '%s': bash is possible",
                        operands.items[0]);
    printf("# Completion for bash: source it, or put it into a folder of bash-completion.\n_narrows()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} "
           "command=${COMP_WORDS[1]}\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    commands();
    printf(" --help --version' -- \"$cur\"))\n        return\n    fi\n    case $command:$prev in\n");
    for (size_t i = 0; cli_commands[i]; i++) values(cli_commands[i]);
    printf("        help:*) COMPREPLY=($(compgen -W '");
    commands();
    printf("' -- \"$cur\")); return;;\n    esac\n    if [[ $cur != -* ]]; then\n"
           "        COMPREPLY=($(compgen -f -- \"$cur\"))\n        return\n    fi\n    case $command in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("        %s) COMPREPLY=($(compgen -W '", cli_commands[i]->name);
        const cli_option *o;
        for (size_t k = 0; (o = cli_option_at(cli_commands[i], k)); k++)
            printf("%s--%s", k ? " " : "", o->name);
        printf("' -- \"$cur\"));;\n");
    }
    printf("    esac\n}\ncomplete -F _narrows narrows\n");
    return NW_OK;
}

const cli_command cli_completion = {
    .name = "completion",
    .operands = "bash",
    .summary = "completion for the shell",
    .description = "Prints a script that completes commands, options and their values in bash.",
    .examples = "  source <(narrows completion bash)",
    .size = sizeof(arguments),
    .least = 1,
    .most = 1,
    .run = run,
};
