#include "estimate.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAVE_SECONDS = 20, JSON_BYTES = 4096 };

typedef struct run {
    const cli_estimate *what;
    nw_collector *collector;
    char preprocessing[JSON_BYTES], inputs[32];
    time_t saved;
} run;

static void digest_text(uint64_t *h, const char *s)
{
    do *h = (*h ^ (unsigned char)*s) * 1099511628211u;
    while (*s++);
}

/* FNV-1a over the names, their orientations and the slices: tells one list from another, nothing more. */
static void digest_inputs(const cli_job *job, char text[32])
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < nw_input_list_count(job->inputs); i++) {
        const nw_input *input = nw_input_list_get(job->inputs, i);
        digest_text(&h, input->path);
        if (input->orient >= 0) digest_text(&h, nw_orient_name((nw_orient)input->orient));
    }
    digest_text(&h, job->image->slices ? job->image->slices : "");
    snprintf(text, 32, "fnv1a:%016llx", (unsigned long long)h);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The statistics of an earlier run over the same images, or NULL. */
static nw_stats *earlier(const run *r, size_t count)
{
    const cli_estimate *w = r->what;
    nw_error err;
    nw_stats *stats = NULL;
    if (!w->partial || w->restart || access(w->partial, R_OK) != 0) return NULL;
    nw_status status = nw_stats_load(w->partial, nw_model_digest(w->job->model), w->layer, &stats, &err);
    const nw_stats_facts *facts = status == NW_OK ? nw_stats_get_facts(stats) : NULL;
    if (facts && nw_stats_resumable(stats) && same(facts->preprocessing, r->preprocessing) &&
        same(facts->inputs_digest, r->inputs) && facts->position >= 0 && (size_t)facts->position <= count)
        return stats;
    cli_note("%s belongs to another run: starting from the first image", w->partial);
    nw_stats_free(stats);
    return NULL;
}

/* Between images, so that going on from there repeats none and misses none. */
static nw_status set_facts(run *r, size_t position, nw_error *err)
{
    nw_stats *stats = nw_collector_stats(r->collector);
    const nw_stats_facts *old = nw_stats_get_facts(stats);
    char *model = cli_printf("%s", old->model_digest ? old->model_digest : ""),
         *tensor = cli_printf("%s", old->tensor ? old->tensor : "");
    nw_stats_facts facts = {.model_digest = *model ? model : NULL,
                            .tensor = *tensor ? tensor : NULL,
                            .preprocessing = r->preprocessing,
                            .inputs_digest = r->inputs,
                            .position = (int64_t)position};
    nw_status status = nw_stats_set_facts(stats, &facts, err);
    free(model);
    free(tensor);
    return status;
}

static nw_status save(run *r, size_t position, nw_error *err)
{
    nw_stats *stats = nw_collector_stats(r->collector);
    nw_status status = set_facts(r, position, err);
    r->saved = time(NULL);
    if (status == NW_OK && nw_stats_count(stats) > 0) status = nw_stats_save(stats, r->what->partial, 1, err);
    return status;
}

static nw_status add_slices(run *r, const cli_seen *seen, cli_slices range, nw_error *err)
{
    cli_job *job = r->what->job;
    nw_status status = NW_OK;
    for (int64_t s = range.first; status == NW_OK && s < range.end; s += range.step) {
        status = cli_check_interrupt(err);
        if (status == NW_OK) status = cli_job_fill(job, seen, s, err);
        if (status == NW_OK) status = nw_collector_add(r->collector, job->pixels, err);
    }
    return status;
}

/* All slices of it, or none. */
static nw_status add_image(run *r, const nw_input *input, nw_error *err)
{
    cli_job *job = r->what->job;
    nw_volume *volume;
    cli_slices range;
    nw_status status = cli_job_read(job, input->path, &volume, err);
    if (status != NW_OK) return status;
    status = cli_job_slices(job, volume, input->path, &range, err);
    cli_seen seen = {.own = NULL};
    if (status == NW_OK) status = cli_job_see(job, input, volume, &seen, err);
    if (status == NW_OK && range.end - range.first > range.step)
        status = nw_collector_mark(r->collector, err);
    if (status == NW_OK) {
        status = add_slices(r, &seen, range, err);
        /* One slice that fails has left nothing behind. */
        if (status != NW_OK && range.end - range.first > range.step) nw_collector_undo(r->collector);
    }
    cli_seen_free(&seen);
    nw_volume_free(volume);
    return status;
}

static nw_status go(run *r, size_t first, size_t count, cli_estimated *out, nw_error *err)
{
    const cli_job *job = r->what->job;
    nw_status status = NW_OK;
    size_t i = first;
    for (; i < count && status == NW_OK; i++) {
        const nw_input *input = nw_input_list_get(job->inputs, i);
        cli_progress_at((double)i, input->name);
        if (r->what->partial && time(NULL) - r->saved >= SAVE_SECONDS) status = save(r, i, err);
        if (status != NW_OK) break;
        status = cli_check_interrupt(err);
        if (status == NW_OK) status = add_image(r, input, err);
        if (status == NW_CANCELLED) break;
        if (status == NW_OK) {
            out->images++;
            continue;
        }
        out->status = status;
        out->failed++;
        if (count > 1) cli_error("%s", err->message);
        if (count > 1) status = NW_OK;
    }
    if (status != NW_CANCELLED) return status;
    nw_error ignored;
    if (r->what->partial && save(r, i, &ignored) == NW_OK)
        cli_fail(err, NW_CANCELLED, "interrupted after %zu of %zu images; the same command goes on from %s",
                 i, count, r->what->partial);
    return NW_CANCELLED;
}

nw_status cli_estimate_run(const cli_estimate *what, cli_estimated *out, nw_error *err)
{
    cli_job *job = what->job;
    run *r = cli_calloc(1, sizeof *r);
    *r = (run){.what = what, .saved = time(NULL)};
    *out = (cli_estimated){.status = NW_OK};
    nw_preprocess_json(&job->pre, r->preprocessing, sizeof r->preprocessing);
    digest_inputs(job, r->inputs);
    size_t count = nw_input_list_count(job->inputs), first = 0;
    if (what->limit > 0 && (size_t)what->limit < count) count = (size_t)what->limit;

    nw_stats *resume = earlier(r, count);
    if (resume) {
        first = (size_t)nw_stats_get_facts(resume)->position;
        cli_note("going on from %s: %zu of %zu images are in", what->partial, first, count);
    }
    nw_status status = nw_collector_new(job->model, what->layer, &job->input_shape, resume, what->precision,
                                        what->threads, &r->collector, err);
    if (status == NW_OK) {
        cli_progress_start("statistics", (double)count, (double)first);
        status = go(r, first, count, out, err);
        cli_progress_end();
        if (status == NW_OK) status = set_facts(r, count, err);
    } else {
        nw_stats_free(resume);
    }
    if (status == NW_OK && out->failed && nw_stats_count(nw_collector_stats(r->collector)) == 0)
        status = cli_fail(err, out->status, "none of the %zu images could be used", out->failed);
    if (status == NW_OK)
        out->collector = r->collector;
    else
        nw_collector_free(r->collector);
    free(r);
    return status;
}
