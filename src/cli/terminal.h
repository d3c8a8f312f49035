/* What people see: messages and a progress bar on stderr, tables on stdout; and the signals that stop a run.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "cli.h"

/* Lines on stderr: "narrows: ...". Notes are silent with -q, details are shown with -v. */
void cli_set_levels(const cli_common *common);
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* SIGINT and SIGTERM set a flag, a second one ends the program at once. */
void cli_catch_signals(void);
bool cli_interrupted(void);
/* NW_CANCELLED with a message where a signal came. */
nw_status cli_check_interrupt(nw_error *err);

/* A bar on a terminal, nothing elsewhere or with -q. `total` units, of which `begun` are done at the start.
 * The nw_progress of a piece of work that counts for `units` moves the bar on from where it stands. */
void cli_progress_start(const char *what, double total, double begun);
void cli_progress_at(double done, const char *what);
nw_progress cli_progress_piece(double units);
void cli_progress_end(void);

/* A table on stdout: columns as wide as their cells, those of numbers to the right. */
typedef struct cli_table cli_table;
/* titles separated by '|'; a title that starts with '>' is a column to the right. */
cli_table *cli_table_new(const char *titles);
void cli_table_cell(cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints and frees. */
void cli_table_print(cli_table *table);
/* Frees without printing; NULL is allowed. */
void cli_table_drop(cli_table *table);

/* "12.3 M", "4.56 G": three digits and an SI prefix. */
enum { CLI_AMOUNT = 24 };
const char *cli_amount(double value, char text[CLI_AMOUNT]);
/* "1x64x56x56"; '?' for what is not known. */
enum { CLI_SHAPE = 128 };
const char *cli_shape(const nw_shape *shape, char text[CLI_SHAPE]);

#endif
