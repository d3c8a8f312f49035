#include "terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool quiet, verbose;
    bool shown; /* a bar is on the line */
    const char *what;
    double total, begun, done;
    struct timespec start, last;
} state;

static volatile sig_atomic_t interrupted;

static void clear_bar(void)
{
    if (state.shown) fputs("\r\033[K", stderr);
    state.shown = false;
}

void cli_set_levels(const cli_common *common)
{
    state.quiet = common->quiet > 0;
    state.verbose = common->verbose > 0;
}

static bool coloured(FILE *stream)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(stream)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

__attribute__((format(printf, 3, 0))) static void line(const char *colour, const char *kind,
                                                       const char *format, va_list args)
{
    clear_bar();
    bool colours = coloured(stderr) && *colour;
    fprintf(stderr, "narrows: %s%s%s", colours ? colour : "", kind, colours ? "\033[0m" : "");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

#define CLI_LINE(colour, kind)                                                                               \
    do {                                                                                                     \
        va_list args;                                                                                        \
        va_start(args, format);                                                                              \
        line(colour, kind, format, args);                                                                    \
        va_end(args);                                                                                        \
    } while (0)

void cli_error(const char *format, ...)
{
    CLI_LINE("\033[1;31m", "error: ");
}

void cli_warn(const char *format, ...)
{
    CLI_LINE("\033[1;33m", "warning: ");
}

void cli_note(const char *format, ...)
{
    if (!state.quiet) CLI_LINE("", "");
}

void cli_detail(const char *format, ...)
{
    if (state.verbose) CLI_LINE("", "");
}

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A closed pipe or a file at its limit is an error of writing like any other, not a reason to die with
     * files half done. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

bool cli_interrupted(void)
{
    return interrupted;
}

nw_status cli_check_interrupt(nw_error *err)
{
    return interrupted ? cli_fail(err, NW_CANCELLED, "interrupted") : NW_OK;
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static const char *duration(double seconds, char text[32])
{
    if (seconds < 60)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d:%02d min", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%d:%02d h", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    return text;
}

static void draw(bool force)
{
    enum { WIDTH = 28 };
    if (state.quiet || !state.what || !isatty(STDERR_FILENO)) return;
    if (!force && seconds_since(&state.last) < 1.0 / 6) return;
    clock_gettime(CLOCK_MONOTONIC, &state.last);
    double share = state.total > 0 ? state.done / state.total : 0;
    double taken = seconds_since(&state.start), worked = state.done - state.begun;
    int full = (int)(share * WIDTH);
    char bar[WIDTH + 1], left[32] = "", text[48] = "";
    for (int i = 0; i < WIDTH; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[WIDTH] = 0;
    if (worked > 0 && taken > 1)
        snprintf(text, sizeof text, ", %s left", duration(taken * (state.total - state.done) / worked, left));
    fprintf(stderr, "\r\033[K[%s] %3.0f %%  %.40s%s", bar, 100 * share, state.what, text);
    fflush(stderr);
    state.shown = true;
}

void cli_progress_start(const char *what, double total, double begun)
{
    state.what = what;
    state.total = total;
    state.begun = state.done = begun;
    clock_gettime(CLOCK_MONOTONIC, &state.start);
    state.last = (struct timespec){0};
    draw(true);
}

void cli_progress_at(double done, const char *what)
{
    state.done = done;
    if (what) state.what = what;
    draw(false);
}

static struct {
    double from, units;
} piece;

static int on_piece(void *user, const char *what, double done, double total)
{
    (void)user;
    (void)what;
    if (total > 0) state.done = piece.from + piece.units * (done < total ? done / total : 1);
    draw(false);
    return interrupted;
}

nw_progress cli_progress_piece(double units)
{
    piece.from = state.done;
    piece.units = units;
    return (nw_progress){on_piece, NULL};
}

void cli_progress_end(void)
{
    clear_bar();
    state.what = NULL;
}

struct cli_table {
    size_t columns, count, capacity;
    char **cells; /* titles first */
    bool right[32];
};

static void add_cell(cli_table *table, char *text)
{
    if (table->count == table->capacity) {
        table->capacity = 2 * table->capacity + 64;
        char **cells = cli_calloc(table->capacity, sizeof *cells);
        if (table->count) memcpy(cells, table->cells, table->count * sizeof *cells);
        free(table->cells);
        table->cells = cells;
    }
    table->cells[table->count++] = text;
}

cli_table *cli_table_new(const char *titles)
{
    cli_table *table = cli_calloc(1, sizeof *table);
    for (const char *p = titles; table->columns < 32; p++) {
        if (*p == '>') table->right[table->columns] = true, p++;
        size_t n = strcspn(p, "|");
        add_cell(table, cli_printf("%.*s", (int)n, p));
        table->columns++;
        p += n;
        if (!*p) break;
    }
    return table;
}

void cli_table_cell(cli_table *table, const char *format, ...)
{
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_cell(table, cli_printf("%s", text));
}

/* Characters, not bytes. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void cli_table_print(cli_table *table)
{
    int width[32] = {0};
    bool bold = coloured(stdout);
    clear_bar();
    for (size_t i = 0; i < table->count; i++) {
        int n = width_of(table->cells[i]);
        if (n > width[i % table->columns]) width[i % table->columns] = n;
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t c = i % table->columns;
        bool last = c + 1 == table->columns;
        int pad = width[c] - width_of(table->cells[i]);
        if (bold && i == 0) fputs("\033[1m", stdout);
        if (table->right[c]) printf("%*s", pad, "");
        fputs(table->cells[i], stdout);
        if (!table->right[c] && !last) printf("%*s", pad, "");
        if (bold && i + 1 == table->columns) fputs("\033[0m", stdout);
        fputs(last ? "\n" : "  ", stdout);
    }
    cli_table_drop(table);
}

void cli_table_drop(cli_table *table)
{
    if (!table) return;
    for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
    free(table->cells);
    free(table);
}

const char *cli_amount(double value, char text[CLI_AMOUNT])
{
    static const char *const prefixes[] = {"", " k", " M", " G", " T", " P"};
    size_t i = 0;
    for (; value >= 999.5 && i < 5; i++) value /= 1000;
    snprintf(text, CLI_AMOUNT, "%.*f%s",
             i == 0 || value >= 99.95 ? 0
             : value >= 9.995         ? 1
                                      : 2,
             value, prefixes[i]);
    return text;
}

const char *cli_shape(const nw_shape *shape, char text[CLI_SHAPE])
{
    size_t n = 0;
    text[0] = 0;
    if (shape->rank < 0) return "?";
    if (shape->rank == 0) return "scalar";
    for (int i = 0; i < shape->rank && n < CLI_SHAPE - 24; i++) {
        if (i) text[n++] = 'x';
        int k = shape->dims[i] < 0 ? snprintf(text + n, CLI_SHAPE - n, "?")
                                   : snprintf(text + n, CLI_SHAPE - n, "%lld", (long long)shape->dims[i]);
        n += (size_t)k;
    }
    return text;
}
