#include "negatives.h"

#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

typedef struct counter {
    const cli_negatives *what;
    cli_method method;
    cli_lungs lungs;
    nw_healthy *healthy;
} counter;

static bool is_negative(const cli_job *job, const char *label)
{
    const char *name = cli_job_class(job, 0);
    return !label || strcmp(label, "0") == 0 || (name && strcmp(label, name) == 0);
}

static nw_status explain(counter *c, const nw_input *input, const nw_volume *scan, nw_study **out,
                         nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(scan);
    cli_job *job = c->what->job;
    cli_slices slices;
    nw_study_options options;
    nw_lungs *lungs;
    if (info->kind != NW_KIND_SCAN)
        return cli_fail(err, NW_BAD_INPUT, "%s: is no scan with a geometry in mm (NIfTI or DICOM)",
                        input->path);
    TRY(cli_slices_of(job->image->slices, info->slices, input->path, &slices, err));
    nw_study_options_init(&options, NULL);
    options.ungated = 1;
    options.sweep = 0;
    options.lesion.smooth_mm = c->what->smooth_mm;
    options.first = slices.first;
    options.end = slices.end;
    options.step = slices.step;
    cli_seen seen;
    TRY(cli_job_see(job, input, scan, &seen, err));
    options.seen = seen.volume;
    nw_status status = cli_lungs_find(&c->lungs, input, scan, NULL, &lungs, err);
    nw_progress progress = cli_progress_piece(1);
    if (status == NW_OK) {
        status = nw_study_run(c->method.explainer, &seen.pre, scan, lungs, &options, &progress, out, err);
        if (status != NW_OK) nw_lungs_free(lungs);
    }
    cli_seen_free(&seen);
    return status;
}

static nw_status one(counter *c, const nw_input *input, nw_error *err)
{
    nw_volume *scan = NULL;
    nw_study *study = NULL;
    nw_status status = cli_job_read(c->what->job, input->path, &scan, err);
    if (status == NW_OK) status = explain(c, input, scan, &study, err);
    if (status == NW_OK) status = nw_study_add_healthy(study, c->healthy, err);
    nw_study_free(study);
    nw_volume_free(scan);
    return status;
}

static nw_status all(counter *c, cli_negatives_done *done, nw_error *err)
{
    const cli_job *job = c->what->job;
    size_t count = nw_input_list_count(job->inputs);
    nw_status last = NW_OK;
    cli_progress_start("negative scans", (double)count, 0);
    for (size_t i = 0; i < count; i++) {
        const nw_input *input = nw_input_list_get(job->inputs, i);
        if (c->what->limit && done->scans >= (size_t)c->what->limit) break;
        cli_progress_at((double)i, input->name);
        TRY(cli_check_interrupt(err));
        if (!is_negative(job, input->label)) {
            done->positive++;
            continue;
        }
        nw_status status = one(c, input, err);
        if (status == NW_CANCELLED) return status;
        if (status == NW_OK)
            done->scans++;
        else
            done->failed++, last = status, cli_error("%s", err->message);
    }
    cli_progress_end();
    if (done->scans) return NW_OK;
    if (last != NW_OK) return cli_fail(err, last, "no negative scan could be read");
    return cli_fail(err, NW_BAD_INPUT, "--negatives: none of the scans is labelled as negative (0%s%s)",
                    cli_job_class(job, 0) ? ", or " : "", cli_job_class(job, 0) ? cli_job_class(job, 0) : "");
}

static nw_status store(counter *c, nw_error *err)
{
    nw_stats_facts facts = *nw_stats_get_facts(c->method.stats);
    nw_lesion_options smooth = {.smooth_mm = c->what->smooth_mm};
    char *settings = nw_study_map_settings(c->method.explainer, &c->what->job->pre, &smooth);
    nw_status status = nw_healthy_set_facts(c->healthy, nw_model_digest(c->what->job->model), settings, err);
    char *text = status == NW_OK ? nw_healthy_dump(c->healthy) : NULL;
    facts.healthy = text;
    if (status == NW_OK && !text) status = cli_fail(err, NW_NO_MEMORY, "out of memory");
    if (status == NW_OK) status = nw_stats_set_facts(c->method.stats, &facts, err);
    if (status == NW_OK) status = nw_stats_save(c->method.stats, c->what->file, 0, err);
    nw_manifest_release_text(settings);
    free(text);
    return status;
}

static nw_status run(counter *c, cli_negatives_done *done, nw_error *err)
{
    cli_method_options o = *c->what->method;
    o.names = "iba";
    o.stats = c->what->file;
    TRY(cli_lungs_open(c->what->lung, c->what->job->image, (int)o.threads, &c->lungs, err));
    TRY(cli_method_find(o.names, NULL, &c->method.info, err));
    TRY(cli_fixed_target(c->what->job, o.target, o.output, &o.target, err));
    TRY(cli_method_prepare(c->what->job, &o, &c->method, err));
    TRY(nw_healthy_new(&c->healthy, err));
    TRY(all(c, done, err));
    done->litres = nw_healthy_ml(c->healthy) / 1000;
    done->bits_per_litre = nw_healthy_bits_per_litre(c->healthy);
    TRY(nw_healthy_quantile(c->healthy, 0.99, &done->q99, err));
    return store(c, err);
}

nw_status cli_negatives_run(const cli_negatives *what, cli_negatives_done *done, nw_error *err)
{
    counter c = {.what = what};
    nw_status status = run(&c, done, err);
    cli_progress_end();
    nw_healthy_free(c.healthy);
    cli_method_free(&c.method);
    cli_lungs_free(&c.lungs);
    return status;
}
