/* The frame of the command line: a table of commands, each with a table of options that drives parsing,
 * --help, the man page, the documentation and the completion. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <narrows/narrows.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_list {
    const char **items;
    size_t count;
} cli_list;

/* What a value is, and the type of the field it goes to. */
typedef enum cli_kind {
    CLI_FLAG,    /* int: how often it was given */
    CLI_TEXT,    /* const char *, NULL where there is no default */
    CLI_INTEGER, /* int64_t, CLI_UNSET where there is no default */
    CLI_NUMBER,  /* double, NaN where there is no default */
    CLI_CHOICE,  /* int: the place in `choices` */
    CLI_LIST     /* cli_list: may be given several times */
} cli_kind;

#define CLI_UNSET INT64_MIN

typedef struct cli_option {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    cli_kind kind;
    size_t offset;        /* of the field in the command's arguments */
    const char *argument; /* as help shows it */
    const char *fallback; /* the default, read as if it were given; NULL: none */
    const char *help;
    const char *group;     /* heading in the help; NULL: "Options" */
    double least, most;    /* of numbers; both 0: any finite one */
    const char *choices;   /* separated by spaces */
    const char *completes; /* "file", "folder", "method": for the completion */
} cli_option;

/* The first member of every command's arguments. */
typedef struct cli_common {
    int json, quiet, verbose, help;
} cli_common;

typedef struct cli_command {
    const char *name, *operands, *summary;
    const char *description;   /* paragraphs separated by empty lines */
    const char *examples;      /* lines */
    const cli_option *options; /* its own; cli_common_options come after them */
    size_t size;               /* of its arguments */
    size_t least, most;        /* operands */
    nw_status (*run)(const void *arguments, cli_list operands, nw_error *err);
} cli_command;

/* Ended by NULL. */
extern const cli_command *const cli_commands[];
extern const cli_option cli_common_options[];
const cli_command *cli_command_find(const char *name);

/* Option i of a command, its own first, then the common ones; NULL beyond the last. */
const cli_option *cli_option_at(const cli_command *command, size_t i);

/* Fills the arguments (zeroed by the caller, command->size bytes) and the operands from argv[1..]; the lists
 * are freed by cli_parse_free. NW_USAGE with what is wrong and what is allowed. */
nw_status cli_parse(const cli_command *command, int argc, char **argv, void *arguments, cli_list *operands,
                    nw_error *err);
void cli_parse_free(const cli_command *command, void *arguments, cli_list *operands);

/* As nw_fail of the library. */
nw_status cli_fail(nw_error *err, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The candidate nearest to `text`, or NULL where none is near. `next` gives candidates until NULL. */
const char *cli_nearest(const char *text, const char *(*next)(const void *from, size_t i), const void *from);

/* Help in its forms, on stdout. */
void cli_print_overview(void);
void cli_print_help(const cli_command *command);
void cli_print_markdown(const cli_command *command);
void cli_print_man(void);

/* Memory that is there: ends the program with a message where it is out. */
void *cli_calloc(size_t count, size_t size);
char *cli_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
