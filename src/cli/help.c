/* Help in its forms, all from the tables. */
#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 96, INDENT = 28 };

/* Prints text filled to COLUMNS; the first line starts at column `at`, the others at `indent`. Newlines in
 * the text are kept. */
static void fill(const char *text, int at, int indent)
{
    int space = 0; /* owed before the next word */
    while (*text) {
        if (*text == '\n') {
            putchar('\n');
            text++;
            at = space = 0;
            if (*text != '\n') at = printf("%*s", indent, "");
            continue;
        }
        int n = (int)strcspn(text, " \n");
        if (at + space + n > COLUMNS && at > indent) {
            printf("\n%*s", indent, "");
            at = indent;
            space = 0;
        }
        at += printf("%*s%.*s", space, "", n, text);
        text += n;
        space = *text == ' ';
        text += space;
    }
    putchar('\n');
}

/* "  -o, --output DIR" */
static int spell(const cli_option *o, char *text, size_t size)
{
    int n = o->letter ? snprintf(text, size, "-%c, --%s", o->letter, o->name)
                      : snprintf(text, size, "    --%s", o->name);
    if (o->kind != CLI_FLAG) n += snprintf(text + n, size - (size_t)n, " %s", o->argument);
    return n;
}

static const char *group_of(const cli_option *o)
{
    return o->group ? o->group : "Options";
}

/* Whether option i is the first of its group. */
static bool first_of_group(const cli_command *command, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(group_of(cli_option_at(command, k)), group_of(cli_option_at(command, i))) == 0)
            return false;
    return true;
}

/* The help with the values that are allowed. */
static int describe(const cli_option *o, char *text, size_t size)
{
    int n = snprintf(text, size, "%s", o->help);
    if (o->choices) n += snprintf(text + n, size - (size_t)n, "; one of: %s", o->choices);
    if (!o->completes || strcmp(o->completes, "method") != 0) return n;
    for (size_t i = 0; i < nw_method_count(); i++)
        n += snprintf(text + n, size - (size_t)n, "%s%s", i ? ", " : ": ", nw_method_list(i)->name);
    return n;
}

static void explain_values(const cli_option *o, char *text, size_t size)
{
    int n = describe(o, text, size);
    if (o->fallback && *o->fallback) snprintf(text + n, size - (size_t)n, " [%s]", o->fallback);
}

void cli_print_overview(void)
{
    printf("narrows %s: which parts of an image a classifier's prediction needs, in bits\n\n", nw_version());
    printf("usage: narrows COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
    for (size_t i = 0; cli_commands[i]; i++)
        printf("  %-11s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf("\n'narrows COMMAND --help' tells the options of a command, 'narrows --version' the version.\n\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad or unsupported model, 4 bad input,\n"
           "5 input/output error, 6 a check did not hold, 130 interrupted.\n");
}

void cli_print_help(const cli_command *command)
{
    char text[1024];
    printf("narrows %s: %s\n\nusage: narrows %s [OPTION...] %s\n\n", command->name, command->summary,
           command->name, command->operands);
    fill(command->description, 0, 0);
    const cli_option *group, *o;
    for (size_t g = 0; (group = cli_option_at(command, g)); g++) {
        if (!first_of_group(command, g)) continue;
        printf("\n%s:\n", group_of(group));
        for (size_t i = g; (o = cli_option_at(command, i)); i++) {
            if (strcmp(group_of(o), group_of(group)) != 0) continue;
            int at = 2 + spell(o, text, sizeof text);
            printf("  %s", text);
            if (at < INDENT - 1)
                printf("%*s", INDENT - at, "");
            else
                printf("\n%*s", INDENT, "");
            explain_values(o, text, sizeof text);
            fill(text, INDENT, INDENT);
        }
    }
    if (command->examples) printf("\nExamples:\n%s\n", command->examples);
}

void cli_print_markdown(const cli_command *command)
{
    char text[1024];
    const cli_option *group, *o;
    for (size_t g = 0; (group = cli_option_at(command, g)); g++) {
        if (!first_of_group(command, g)) continue;
        printf("**%s**\n\n| option | what it does | default |\n|---|---|---|\n", group_of(group));
        for (size_t i = g; (o = cli_option_at(command, i)); i++) {
            if (strcmp(group_of(o), group_of(group)) != 0) continue;
            if (o->letter) snprintf(text, sizeof text, "`-%c`, ", o->letter);
            printf("| %s`--%s%s%s` | ", o->letter ? text : "", o->name, o->kind == CLI_FLAG ? "" : " ",
                   o->kind == CLI_FLAG ? "" : o->argument);
            describe(o, text, sizeof text);
            printf("%s", text);
            printf(" | %s |\n", o->fallback ? o->fallback : "");
        }
        putchar('\n');
    }
}

/* Text for roff: '-' as a minus that can be copied, '\' and leading dots kept. */
static void roff(const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        if (*text == '-' || *text == '\\') putchar('\\');
        putchar(*text == '\\' ? 'e' : *text);
        if (text[0] == '\n' && text[1] == '\n') {
            fputs(".PP", stdout);
        }
        start = *text == '\n';
    }
    putchar('\n');
}

void cli_print_man(void)
{
    char text[1024];
    printf(".TH NARROWS 1 \"\" \"narrows %s\" \"User Commands\"\n.SH NAME\n", nw_version());
    printf("narrows \\- which parts of an image a classifier's prediction needs, in bits\n.SH SYNOPSIS\n"
           ".B narrows\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.SH COMMANDS\n");
    for (size_t c = 0; cli_commands[c]; c++) {
        const cli_command *command = cli_commands[c];
        printf(".SS narrows %s [OPTION...] ", command->name);
        roff(command->operands);
        roff(command->description);
        const cli_option *o;
        for (size_t i = 0; (o = cli_option_at(command, i)) && strcmp(group_of(o), "General") != 0; i++) {
            spell(o, text, sizeof text);
            printf(".TP\n\\fB");
            for (const char *p = text + strspn(text, " "); *p; p++) printf(*p == '-' ? "\\-" : "%c", *p);
            printf("\\fR\n");
            explain_values(o, text, sizeof text);
            roff(text);
        }
    }
    printf(".SH GENERAL OPTIONS\n");
    for (const cli_option *o = cli_common_options; o->name; o++) {
        spell(o, text, sizeof text);
        printf(".TP\n\\fB");
        for (const char *p = text + strspn(text, " "); *p; p++) printf(*p == '-' ? "\\-" : "%c", *p);
        printf("\\fR\n");
        roff(o->help);
    }
    printf(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 bad or unsupported model, 4 bad input, 5 "
           "input/output "
           "error, 6 a check did not hold, 130 interrupted.\n.SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\n"
           "When set to anything, no colours on the terminal.\n");
}
