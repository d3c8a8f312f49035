#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 96, LONG_ONLY = 256 };

nw_status cli_fail(nw_error *err, nw_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return err->status = status;
}

const cli_option *cli_option_at(const cli_command *command, size_t i)
{
    size_t own = 0;
    while (command->options && command->options[own].name) own++;
    if (i < own) return &command->options[i];
    const cli_option *common = cli_common_options;
    for (i -= own; i > 0 && common->name; i--) common++;
    return common->name ? common : NULL;
}

static size_t edits(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t row[MOST + 1], n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST) return MOST;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *text, const char *(*next)(const void *from, size_t i), const void *from)
{
    const char *nearest = NULL, *candidate;
    size_t least = 1 + strlen(text) / 3;
    for (size_t i = 0; (candidate = next(from, i)); i++) {
        size_t d = edits(text, candidate);
        if (d == 0 || d > least) continue;
        if (nearest && d == least) continue;
        least = d;
        nearest = candidate;
    }
    return nearest;
}

static const char *option_name(const void *command, size_t i)
{
    const cli_option *option = cli_option_at(command, i);
    return option ? option->name : NULL;
}

/* Where `text` stands among the words of `choices`, or -1. */
static int choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    int i = 0;
    for (const char *p = choices; *p; i++) {
        size_t m = strcspn(p, " ");
        if (n == m && memcmp(p, text, n) == 0) return i;
        p += m + (p[m] == ' ');
    }
    return -1;
}

static bool within(const cli_option *o, double value)
{
    return (o->least == 0 && o->most == 0) || (value >= o->least && value <= o->most);
}

static nw_status wrong(const cli_option *o, const char *text, nw_error *err)
{
    const char *kind = o->kind == CLI_INTEGER ? "a whole number" : "a number";
    if (o->kind == CLI_CHOICE)
        return cli_fail(err, NW_USAGE, "--%s: '%s' is none of: %s", o->name, text, o->choices);
    if (o->least == 0 && o->most == 0)
        return cli_fail(err, NW_USAGE, "--%s: '%s' is not %s", o->name, text, kind);
    if (o->most >= 1e15)
        return cli_fail(err, NW_USAGE, "--%s: '%s' is not %s of at least %g", o->name, text, kind, o->least);
    return cli_fail(err, NW_USAGE, "--%s: '%s' is not %s from %g to %g", o->name, text, kind, o->least,
                    o->most);
}

/* Sets the option's field from text; text NULL: to the value that means "not given". */
static nw_status set(const cli_option *o, const char *text, void *arguments, nw_error *err)
{
    void *field = (char *)arguments + o->offset;
    char *end;
    switch (o->kind) {
    case CLI_FLAG:
        if (text) ++*(int *)field;
        return NW_OK;
    case CLI_TEXT: *(const char **)field = text; return NW_OK;
    case CLI_INTEGER: {
        errno = 0;
        long long value = text ? strtoll(text, &end, 10) : CLI_UNSET;
        if (text && (end == text || *end || errno || !within(o, (double)value))) return wrong(o, text, err);
        *(int64_t *)field = value;
        return NW_OK;
    }
    case CLI_NUMBER: {
        double value = text ? strtod(text, &end) : NAN;
        if (text && (end == text || *end || !isfinite(value) || !within(o, value)))
            return wrong(o, text, err);
        *(double *)field = value;
        return NW_OK;
    }
    case CLI_CHOICE: {
        int value = text ? choice(o->choices, text) : -1;
        if (text && value < 0) return wrong(o, text, err);
        *(int *)field = value;
        return NW_OK;
    }
    case CLI_LIST: {
        cli_list *list = field;
        if (!text) return NW_OK;
        const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
        if (!items) return cli_fail(err, NW_NO_MEMORY, "out of memory for --%s", o->name);
        items[list->count] = text;
        *list = (cli_list){items, list->count + 1};
        return NW_OK;
    }
    }
    return NW_OK;
}

/* What getopt refused: argv[optind - 1] where it is a long option, else the letter. */
static nw_status refused(const cli_command *command, int code, char **argv, nw_error *err)
{
    const char *given = argv[optind - 1];
    char letter[3] = {'-', (char)optopt, 0};
    bool is_long = strncmp(given, "--", 2) == 0 && (optopt == 0 || optopt >= LONG_ONLY || code == ':');
    if (code == ':') {
        const cli_option *option = NULL;
        for (size_t i = 0; (option = cli_option_at(command, i)); i++)
            if (LONG_ONLY + (int)i == optopt || (option->letter && option->letter == optopt)) break;
        return cli_fail(err, NW_USAGE, "--%s needs a value: --%s %s", option ? option->name : "?",
                        option ? option->name : "?", option ? option->argument : "VALUE");
    }
    if (!is_long) return cli_fail(err, NW_USAGE, "there is no option '%s'", optopt ? letter : given);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    if (optopt >= LONG_ONLY) return cli_fail(err, NW_USAGE, "--%s takes no value", name);
    size_t fits = 0;
    for (size_t i = 0; cli_option_at(command, i); i++)
        fits += strncmp(cli_option_at(command, i)->name, name, strlen(name)) == 0;
    if (name[0] && fits > 1)
        return cli_fail(err, NW_USAGE, "'--%s' could be several options: write it out", name);
    const char *nearest = cli_nearest(name, option_name, command);
    if (nearest)
        return cli_fail(err, NW_USAGE, "there is no option '--%s'; did you mean '--%s'?", name, nearest);
    return cli_fail(err, NW_USAGE, "there is no option '--%s'", name);
}

static nw_status operands_fit(const cli_command *command, const cli_list *operands, nw_error *err)
{
    if (operands->count < command->least)
        return cli_fail(err, NW_USAGE, "%s is missing; usage: narrows %s [OPTION...] %s",
                        operands->count == 0 && strncmp(command->operands, "MODEL", 5) == 0 ? "MODEL"
                        : strstr(command->operands, "INPUT")                                ? "INPUT"
                        : strstr(command->operands, "DATA")                                 ? "DATA"
                        : strstr(command->operands, "SCAN")                                 ? "SCAN"
                                                                                            : "an argument",
                        command->name, command->operands);
    if (operands->count > command->most)
        return cli_fail(err, NW_USAGE, "'%s' is one argument too many; usage: narrows %s [OPTION...] %s",
                        operands->items[command->most], command->name, command->operands);
    return NW_OK;
}

nw_status cli_parse(const cli_command *command, int argc, char **argv, void *arguments, cli_list *operands,
                    nw_error *err)
{
    struct option longs[MAX_OPTIONS + 1] = {0};
    char letters[2 * MAX_OPTIONS + 2] = ":";
    size_t n = 1;
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(command, i)) && i < MAX_OPTIONS; i++) {
        bool value = o->kind != CLI_FLAG;
        longs[i] =
            (struct option){o->name, value ? required_argument : no_argument, NULL, LONG_ONLY + (int)i};
        if (o->letter) letters[n++] = o->letter;
        if (o->letter && value) letters[n++] = ':';
        nw_status status = o->kind == CLI_FLAG ? NW_OK : set(o, o->fallback, arguments, err);
        if (status != NW_OK) return status;
    }
    letters[n] = 0;
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (code == '?' || code == ':') return refused(command, code, argv, err);
        for (size_t i = 0; (o = cli_option_at(command, i)); i++)
            if (code == LONG_ONLY + (int)i || (o->letter && code == o->letter)) break;
        nw_status status = set(o, optarg ? optarg : "", arguments, err);
        if (status != NW_OK) return status;
    }
    operands->items = cli_calloc((size_t)(argc - optind) + 1, sizeof *operands->items);
    operands->count = (size_t)(argc - optind);
    for (size_t i = 0; i < operands->count; i++) operands->items[i] = argv[optind + (int)i];
    return ((const cli_common *)arguments)->help ? NW_OK : operands_fit(command, operands, err);
}

void cli_parse_free(const cli_command *command, void *arguments, cli_list *operands)
{
    const cli_option *o;
    for (size_t i = 0; (o = cli_option_at(command, i)); i++)
        if (o->kind == CLI_LIST) free(((cli_list *)(void *)((char *)arguments + o->offset))->items);
    free(operands->items);
    *operands = (cli_list){0};
}

static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "narrows: out of memory: %zu bytes\n", bytes);
    exit(nw_status_exit_code(NW_NO_MEMORY));
}

void *cli_calloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p) out_of_memory(count * size);
    return p;
}

char *cli_printf(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = cli_calloc((size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
