#include "profile.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part of an explainer that has steps: the programs before and after the layer, and the loop's own passes.
 */
enum { BEFORE, AFTER, LOOP, FEW, PARTS };
static const char *const part_names[] = {"before the layer", "after the layer", "the loop's own passes",
                                         "after the layer, few samples"};

static nw_program *program_of(nw_explainer *e, int part)
{
    static const nw_explainer_part parts[] = {
        [BEFORE] = NW_PART_BEFORE, [AFTER] = NW_PART_AFTER, [FEW] = NW_PART_AFTER_FEW};
    return part == LOOP ? NULL : nw_explainer_program(e, parts[part]);
}

static size_t step_count(nw_explainer *e, int part)
{
    if (part == LOOP) return nw_explainer_pass_count(e);
    nw_program *program = program_of(e, part);
    return program ? nw_program_step_count(program) : 0;
}

static nw_step_info step_at(nw_explainer *e, int part, size_t i)
{
    return part == LOOP ? nw_explainer_pass(e, i) : nw_program_step(program_of(e, part), i);
}

static size_t event_count(nw_explainer *e, int part)
{
    if (part == LOOP) return nw_explainer_pass_event_count(e);
    nw_program *program = program_of(e, part);
    return program ? nw_program_event_count(program) : 0;
}

static nw_step_event event_at(nw_explainer *e, int part, size_t i)
{
    return part == LOOP ? nw_explainer_pass_event(e, i) : nw_program_event(program_of(e, part), i);
}

/* ---- The table: steps of one kind and implementation together -------------------------------------------
 */

typedef struct line {
    int part, backward;
    const char *kind, *impl;
    size_t steps;
    double seconds, flops, bytes; /* of all runs */
    double limit;                 /* seconds that the machine would need at the least */
} line;

typedef struct lines {
    line *rows;
    size_t count;
    double seconds;
} lines;

static void add_step(lines *all, int part, const nw_step_info *s, const nw_machine_limits *limits)
{
    line *row = NULL;
    for (size_t i = 0; i < all->count && !row; i++) {
        line *r = &all->rows[i];
        if (r->part == part && r->backward == s->backward && strcmp(r->kind, s->kind) == 0 &&
            strcmp(r->impl, s->impl) == 0)
            row = r;
    }
    if (!row) {
        row = &all->rows[all->count++];
        *row = (line){.part = part, .backward = s->backward, .kind = s->kind, .impl = s->impl};
    }
    double runs = (double)s->runs, work = s->flops / limits->flops, traffic = s->bytes / limits->bytes;
    row->steps++;
    row->seconds += s->seconds;
    row->flops += runs * s->flops;
    row->bytes += runs * s->bytes;
    row->limit += runs * (work > traffic ? work : traffic);
    all->seconds += s->seconds;
}

static int slowest_first(const void *a, const void *b)
{
    const line *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void print_table(const cli_method_options *options, const cli_method *method,
                        const nw_machine_limits *limits)
{
    nw_explainer *e = method->explainer;
    size_t most = 0;
    for (int part = 0; part < PARTS; part++) most += step_count(e, part);
    lines all = {.rows = cli_calloc(most, sizeof *all.rows)};
    for (int part = 0; part < PARTS; part++)
        for (size_t i = 0; i < step_count(e, part); i++) {
            nw_step_info s = step_at(e, part, i);
            if (s.runs) add_step(&all, part, &s, limits);
        }
    qsort(all.rows, all.count, sizeof *all.rows, slowest_first);
    fprintf(stderr, "%s, %s: %.3f s in steps\n", method->info->name, nw_explainer_isa(e), all.seconds);
    for (int part = BEFORE; part < PARTS; part++) {
        nw_program *program = program_of(e, part);
        if (program)
            fprintf(stderr, "%s: %zu steps, %.1f MB, %.2f GFLOP forward and %.2f backward a run\n",
                    part_names[part], nw_program_step_count(program),
                    1e-6 * (double)nw_program_memory(program), 1e-9 * nw_program_flops(program, 0),
                    1e-9 * nw_program_flops(program, 1));
    }
    bool integers = false;
    for (size_t i = 0; i < all.count; i++) integers |= strncmp(all.rows[i].impl, "int8", 4) == 0;
    fprintf(stderr,
            "limits, measured now: %.1f GFLOP/s in a convolution of 1x1 in %s%s, %.1f GB/s in copying\n",
            1e-9 * limits->flops, options->precision == NW_PRECISION_BF16 ? "bfloat16" : "float32",
            integers ? " (8-bit integers: up to four times that)" : "", 1e-9 * limits->bytes);
    fprintf(stderr, "%10s %6s %6s %9s %8s %7s  %s\n", "seconds", "%", "steps", "GFLOP/s", "GB/s", "% limit",
            "what, by what, where");
    for (size_t i = 0; i < all.count; i++) {
        const line *r = &all.rows[i];
        double seconds = r->seconds > 0 ? r->seconds : 1e-9;
        fprintf(stderr, "%10.4f %6.1f %6zu %9.1f %8.1f %7.0f  %s%s, %s, %s\n", r->seconds,
                all.seconds > 0 ? 100 * r->seconds / all.seconds : 0, r->steps, 1e-9 * r->flops / seconds,
                1e-9 * r->bytes / seconds, 100 * r->limit / seconds, r->kind, r->backward ? " backward" : "",
                r->impl, part_names[r->part]);
    }
    free(all.rows);
}

/* ---- The trace: every run of a step, as chrome://tracing and Perfetto read it ----------------------------
 */

static double first_start(const cli_method *const *methods, size_t count)
{
    double first = -1;
    for (size_t m = 0; m < count; m++)
        for (int part = 0; part < PARTS; part++) {
            nw_explainer *e = methods[m]->explainer;
            double start = event_count(e, part) ? event_at(e, part, 0).start : first;
            if (first < 0 || start < first) first = start;
        }
    return first;
}

static void trace_part(json_t *events, const cli_method *method, size_t process, int part, double zero)
{
    nw_explainer *e = method->explainer;
    for (size_t i = 0; i < event_count(e, part); i++) {
        nw_step_event event = event_at(e, part, i);
        nw_step_info s = step_at(e, part, event.step);
        char *name = cli_printf("%s%s", s.kind, s.backward ? " backward" : "");
        /* Times in microseconds. */
        json_t *args = json_pack("{s:o, s:s, s:f, s:f, s:f, s:f}", "node", cli_json_text(s.node),
                                 "implementation", s.impl, "flops", s.flops, "bytes", s.bytes, "GFLOP/s",
                                 1e-9 * s.flops / (event.seconds + 1e-12), "GB/s",
                                 1e-9 * s.bytes / (event.seconds + 1e-12));
        json_array_append_new(events, json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:i, s:o}", "name", name,
                                                "cat", part_names[part], "ph", "X", "ts",
                                                1e6 * (event.start - zero), "dur", 1e6 * event.seconds, "pid",
                                                (json_int_t)process, "tid", part + 1, "args", args));
        free(name);
    }
}

static json_t *name_event(const char *what, const char *name, size_t process, int thread)
{
    return json_pack("{s:s, s:s, s:I, s:i, s:{s:s}}", "name", what, "ph", "M", "pid", (json_int_t)process,
                     "tid", thread, "args", "name", name);
}

static nw_status write_trace(const char *path, const cli_method *const *methods, size_t count, nw_error *err)
{
    double zero = first_start(methods, count);
    json_t *events = json_array();
    for (size_t m = 0; m < count; m++) {
        json_array_append_new(events, name_event("process_name", methods[m]->info->name, m + 1, 0));
        for (int part = 0; part < PARTS; part++) {
            if (!event_count(methods[m]->explainer, part)) continue;
            json_array_append_new(events, name_event("thread_name", part_names[part], m + 1, part + 1));
            trace_part(events, methods[m], m + 1, part, zero);
        }
    }
    json_t *root = json_pack("{s:s, s:o}", "displayTimeUnit", "ms", "traceEvents", events);
    /* Digits for nanoseconds after minutes: steps that follow one another must not seem to overlap. */
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    nw_status status =
        text ? nw_text_write(path, text, err) : cli_fail(err, NW_NO_MEMORY, "out of memory for the trace");
    free(text);
    json_decref(root);
    return status;
}

nw_status cli_profile(const cli_method_options *options, const cli_method *const *methods, size_t count,
                      nw_error *err)
{
    if (options->profile) {
        nw_machine_limits limits;
        nw_status status =
            nw_machine_measure((nw_precision)options->precision, (int)options->threads, &limits, err);
        if (status != NW_OK) return status;
        for (size_t i = 0; i < count; i++) print_table(options, methods[i], &limits);
    }
    return options->trace ? write_trace(options->trace, methods, count, err) : NW_OK;
}
