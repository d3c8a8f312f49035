/* One study: read, explained, measured, written. */
#include "folder.h"
#include "mask.h"
#include "quantify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const quantify_files[] = {"map.nii.gz",    "lungs.nii.gz", "lesions.nii.gz", "lesions.csv",
                                      "severity.json", "report.html",  "manifest.json",  NULL};
const char quantify_truth_file[] = "truth.png";

typedef struct item {
    quantify *q;
    const nw_input *input;
    const char *folder;
    nw_volume *scan;
    nw_study *study;
    double from;     /* of the bar, in studies */
    char label[160]; /* beside the bar */
    bool writing;
} item;

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Slices on the bar, lungs before them as a twentieth of a study. */
static int show(item *it, double share, const char *what, double done, double total)
{
    quantify *q = it->q;
    size_t number = (size_t)it->from + 1;
    char place[48] = "";
    if (q->many) snprintf(place, sizeof place, "%zu/%zu ", number, q->count);
    snprintf(it->label, sizeof it->label, "%s%.60s: %s %.0f of %.0f", place, it->input->name, what,
             done < total ? done + 1 : total, total);
    cli_progress_at(it->from + share, it->label);
    return cli_interrupted();
}

static int on_lungs(void *user, const char *what, double done, double total)
{
    return show(user, total > 0 ? 0.05 * done / total : 0, what, done, total);
}

static int on_slices(void *user, const char *what, double done, double total)
{
    return show(user, total > 0 ? 0.05 + 0.95 * done / total : 0.05, what, (double)(int64_t)done, total);
}

/* Wherever the mask is, it is read as a mask: the scan's options are not for it. */
static nw_status hold_against_truth(item *it, nw_error *err)
{
    const nw_input *input = it->input;
    char *filled = cli_mask_fill(it->q->a->truth, input->path, input->name),
         *path = cli_mask_path(filled, input->name);
    nw_volume *mask = NULL;
    nw_status status = path ? nw_volume_read(path, NULL, &mask, err)
                            : cli_fail(err, NW_BAD_INPUT, "%s: there is no truth: %s has no %s.nii.gz",
                                       input->name, filled, input->name);
    if (status == NW_OK) status = nw_study_set_truth(it->study, mask, err);
    nw_volume_free(mask);
    free(filled);
    free(path);
    return status;
}

static nw_status explain(item *it, double *lungs_seconds, nw_error *err)
{
    quantify *q = it->q;
    const nw_volume_info *info = nw_volume_get_info(it->scan);
    cli_slices slices;
    nw_lungs *lungs = NULL;
    nw_study_options options = q->options;
    nw_progress progress = {on_lungs, it};
    if (info->kind != NW_KIND_SCAN)
        return cli_fail(err, NW_BAD_INPUT, "%s: is %s, no scan with a geometry in mm (NIfTI or DICOM)",
                        it->input->path, info->format);
    nw_status status = cli_slices_of(q->job.image->slices, info->slices, it->input->path, &slices, err);
    if (status != NW_OK) return status;
    options.first = slices.first;
    options.end = slices.end;
    options.step = slices.step;
    double start = clock_seconds();
    cli_seen seen;
    status = cli_job_see(&q->job, it->input, it->scan, &seen, err);
    if (status != NW_OK) return status;
    options.seen = seen.volume;
    status = cli_lungs_find(&q->lungs, it->input, it->scan, &progress, &lungs, err);
    *lungs_seconds = clock_seconds() - start;
    progress.call = on_slices;
    if (status == NW_OK)
        status = nw_study_run(q->method.explainer, &seen.pre, it->scan, lungs, &options, &progress,
                              &it->study, err);
    cli_seen_free(&seen);
    if (status != NW_OK) nw_lungs_free(lungs);
    const char *doubt = nw_volume_warning(it->scan);
    if (status == NW_OK && doubt[0]) status = nw_study_warn(it->study, doubt, err);
    if (status == NW_OK && q->a->truth) status = hold_against_truth(it, err);
    return status;
}

static nw_status write_page(const item *it, const char *path, nw_error *err)
{
    static const nw_page_fact beside[] = {{"Map", "map.nii.gz"},
                                          {"Lungs", "lungs.nii.gz"},
                                          {"Lesions", "lesions.nii.gz"},
                                          {"Table of lesions", "lesions.csv"},
                                          {"All numbers", "severity.json"},
                                          {"How it was made", "manifest.json"}};
    nw_page_options options = {.name = it->input->name,
                               .files = beside,
                               .file_count = sizeof beside / sizeof beside[0],
                               .cohort_link = it->q->many ? "../cohort.html" : NULL};
    double start = clock_seconds();
    nw_status status = nw_study_page_write(it->study, &options, path, err);
    it->study->seconds.report = clock_seconds() - start;
    return status;
}

static nw_status write_one(const item *it, size_t i, const char *path, nw_error *err)
{
    switch (i) {
    case 0: return nw_study_write_map(it->study, path, err);
    case 1: return nw_study_write_lungs(it->study, path, err);
    case 2: return nw_study_write_lesions(it->study, path, err);
    case 3: return nw_study_write_csv(it->study, path, err);
    case 4: return nw_study_write_severity(it->study, it->input->name, path, err);
    default: return write_page(it, path, err);
    }
}

static void remove_file(const char *folder, const char *name)
{
    char *path = cli_printf("%s/%s", folder, name);
    unlink(path);
    free(path);
}

static void remove_files(const char *folder)
{
    for (size_t i = 0; quantify_files[i]; i++) remove_file(folder, quantify_files[i]);
    remove_file(folder, quantify_truth_file);
}

static nw_status write_truth(const item *it, nw_error *err)
{
    char *path = cli_printf("%s/%s", it->folder, quantify_truth_file);
    nw_status status = nw_study_truth_write(it->study, it->input->name, 0, path, err);
    free(path);
    return status;
}

/* All but the manifest. What is there from an earlier run goes first, its manifest before all, so that no
 * folder ever looks finished with files of two runs. */
static nw_status write_files(item *it, nw_error *err)
{
    remove_file(it->folder, "manifest.json");
    remove_file(it->folder, quantify_truth_file);
    double start = clock_seconds();
    nw_status status = NW_OK;
    it->writing = true;
    for (size_t i = 0; quantify_files[i + 1] && status == NW_OK; i++) {
        char *path = cli_printf("%s/%s", it->folder, quantify_files[i]);
        status = write_one(it, i, path, err);
        if (status == NW_OK) status = cli_check_interrupt(err);
        free(path);
    }
    if (status == NW_OK && it->study->truth) status = write_truth(it, err);
    it->study->seconds.writing = clock_seconds() - start - it->study->seconds.report;
    return status;
}

static nw_status work(item *it, double start, nw_error *err)
{
    double lungs = 0;
    nw_status status = cli_job_read(&it->q->job, it->input->path, &it->scan, err);
    double reading = clock_seconds() - start;
    if (status == NW_OK) status = explain(it, &lungs, err);
    if (status != NW_OK) return status;
    if (it->q->claim && !cli_claim_held(it->q->claim)) {
        it->q->lost = true;
        return cli_fail(err, NW_FAILED, "%s: another process took over", it->folder);
    }
    it->study->seconds.reading = reading;
    it->study->seconds.lungs = lungs;
    status = write_files(it, err);
    if (status == NW_OK)
        status = quantify_record(it->q, it->input, it->study, NW_OK, NULL, clock_seconds() - start,
                                 it->folder, err);
    if (status != NW_OK) remove_files(it->folder);
    return status;
}

nw_status quantify_study(quantify *q, size_t index, const char *folder, nw_error *err)
{
    item it = {.q = q, .input = nw_input_list_get(q->job.inputs, q->mine[index]), .folder = folder};
    it.from = (double)index;
    snprintf(it.label, sizeof it.label, "%.100s: reading", it.input->name);
    cli_progress_at(it.from, it.label);
    double start = clock_seconds();
    int made = 0;
    q->lost = false;
    nw_status status = cli_folder_make(folder, &made, err);
    it.writing = status != NW_OK;
    if (status == NW_OK) status = work(&it, start, err);
    nw_study_free(it.study);
    nw_volume_free(it.scan);
    if (status != NW_OK) cli_folder_unmake(folder, made);
    cli_progress_at(it.from + 1, NULL);
    q->unwritable = status != NW_OK && it.writing;
    return status;
}
