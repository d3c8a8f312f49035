#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "phantom/record.h"
#include "phantom/study.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {"ct.nii.gz",      "lungs.nii.gz", "zones.nii.gz",
                                    "lesions.nii.gz", "slices.csv",   "study.csv"};
enum { FILES = sizeof files / sizeof *files, RECORD = FILES - 1, SLICES = FILES - 2 };

typedef struct cohort {
    const nw_phantom_options *options;
    const char *folder;
    char *recipe;
    nw_output table, slices; /* cohort.csv, slices.csv */
    nw_phantom_summary summary;
} cohort;

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* FOLDER/study_0001 with an ending. */
static char *study_path(const cohort *c, int64_t study, const char *ending)
{
    return nw_strdup_printf("%s/study_%04lld%s", c->folder, (long long)study, ending);
}

/* Column i of a line without quotes: *length characters. */
static const char *column(const char *line, int i, size_t *length)
{
    for (; i > 0; i--) line += strcspn(line, ",") + 1;
    *length = strcspn(line, ",\n");
    return line;
}

/* A line of the table, whose counts go into the summary. */
static void append(cohort *c, const char *line, bool kept)
{
    nw_output_write(&c->table, line, strlen(line));
    size_t length;
    nw_phantom_summary *s = &c->summary;
    s->studies++;
    s->kept += kept;
    s->positives += *column(line, NW_RECORD_LABEL, &length) == '1';
    const char *grade = column(line, NW_RECORD_GRADE, &length);
    if (length == 4 && grade[3] >= '0' && grade[3] <= '4') s->grades[grade[3] - '0']++;
    const char *split = column(line, NW_RECORD_SPLIT, &length);
    for (int i = 0; i < 3; i++) {
        const char *name = nw_phantom_split_name((nw_phantom_split)i);
        if (strlen(name) == length && memcmp(split, name, length) == 0) s->splits[i]++;
    }
}

/* Appends a study's slices.csv, which is made from the masks where an older version left none. */
static nw_status append_slices(cohort *c, int64_t study, const char *path, const char *line, nw_error *err)
{
    char *file = nw_strdup_printf("%s/%s", path, files[SLICES]), *made = NULL;
    if (!file) return nw_no_memory(err, strlen(path), "a path");
    nw_status status = NW_OK;
    nw_bytes text = {0};
    if (exists(file)) {
        status = nw_file_read(file, 1 << 24, &text, err);
    } else {
        size_t length;
        const char *split = column(line, NW_RECORD_SPLIT, &length);
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), split);
        nw_slice_truth truth = {
            .study = (uint64_t)study, .label = *column(line, NW_RECORD_LABEL, &length) == '1', .split = name};
        status = nw_phantom_slice_read(path, &truth, &made, err);
        if (status == NW_OK) status = nw_file_write(file, made, strlen(made), err);
    }
    const char *lines = made ? made : (const char *)text.data, *titles = nw_phantom_slice_titles();
    if (status == NW_OK && strncmp(lines, titles, strlen(titles)) != 0)
        status = nw_fail(err, NW_USAGE, "%s: is no list of slices; remove the study", file);
    if (status == NW_OK) nw_output_write(&c->slices, lines + strlen(titles), strlen(lines) - strlen(titles));
    nw_free(file);
    nw_free(made);
    nw_free(text.data);
    return status;
}

/* Takes the line of a study that is there whole. */
static nw_status keep(cohort *c, int64_t study, const char *path, nw_error *err)
{
    nw_bytes text = {0};
    for (int i = 0; i < FILES; i++) {
        char *file = nw_strdup_printf("%s/%s", path, files[i]);
        if (!file) return nw_no_memory(err, strlen(path), "a path");
        nw_status status = NW_OK;
        if (i == SLICES)
            status = NW_OK;
        else if (!exists(file))
            status = nw_fail(err, NW_USAGE,
                             "%s: has no %s, so it is no whole study; remove the folder or take another",
                             path, files[i]);
        else if (i == RECORD)
            status = nw_file_read(file, 1 << 20, &text, err);
        nw_free(file);
        if (status != NW_OK) return status;
    }
    const char *titles = nw_phantom_titles(), *line = (const char *)text.data;
    size_t head = strlen(titles), length = strlen(line), recipe = strlen(c->recipe);
    bool same = length > head + recipe + 1 && memcmp(line, titles, head) == 0 && line[length - 1] == '\n' &&
                line[length - recipe - 2] == ',' &&
                memcmp(line + length - recipe - 1, c->recipe, recipe) == 0;
    nw_status status = NW_OK;
    if (!same)
        status = nw_fail(
            err, NW_USAGE,
            "%s: was made with other options than these (%s); take another folder, or remove the study", path,
            c->recipe);
    if (status == NW_OK) status = append_slices(c, study, path, line + head, err);
    if (status == NW_OK) append(c, line + head, true);
    nw_free(text.data);
    return status;
}

static void remove_part(const char *path)
{
    for (int i = 0; i < FILES; i++) {
        char *file = nw_strdup_printf("%s/%s", path, files[i]);
        if (file) unlink(file);
        nw_free(file);
    }
    rmdir(path);
}

static char *slice_lines(const nw_phantom *p)
{
    const nw_phantom_info *i = nw_phantom_get_info(p);
    double ml = 0.001;
    for (int a = 0; a < 3; a++) ml *= (double)(float)i->spacing[a]; /* as it is in the files */
    nw_slice_truth truth = {.study = i->study,
                            .label = i->label,
                            .split = nw_phantom_split_name(i->split),
                            .dims = {i->dims[0], i->dims[1], i->dims[2]},
                            .voxel_ml = ml,
                            .lungs = nw_phantom_mask(p, NW_PHANTOM_LUNGS),
                            .lesions = nw_phantom_mask(p, NW_PHANTOM_LESIONS)};
    return nw_phantom_slice_lines(&truth);
}

static nw_status write_files(const nw_phantom *p, const char *line, const char *path, nw_error *err)
{
    nw_status status = nw_make_folder(path, err);
    for (int i = 0; status == NW_OK && i < FILES; i++) {
        char *file = nw_strdup_printf("%s/%s", path, files[i]), *text = NULL;
        if (!file)
            status = nw_no_memory(err, strlen(path), "a path");
        else if (i < SLICES)
            status = nw_phantom_write(p, (nw_phantom_part)i, file, err);
        else if ((text = i == SLICES ? slice_lines(p) : nw_strdup_printf("%s%s", nw_phantom_titles(), line)))
            status = nw_file_write(file, text, strlen(text), err);
        else
            status = nw_no_memory(err, strlen(line), "a record");
        nw_free(file);
        nw_free(text);
    }
    return status;
}

/* Into a folder of another name, which gets its own when everything is in. */
static nw_status make(cohort *c, int64_t study, const char *path, nw_error *err)
{
    nw_phantom *p;
    NW_TRY(nw_phantom_new(c->options, (uint64_t)study, &p, err));
    char *line = nw_phantom_record(c->options, nw_phantom_get_info(p)), *part = study_path(c, study, ".part");
    nw_status status = NW_OK;
    if (!line || !part) {
        status = nw_no_memory(err, 4096, "a record");
    } else {
        remove_part(part); /* of a run that was killed */
        status = write_files(p, line, part, err);
        if (status == NW_OK && rename(part, path) != 0)
            status = nw_fail(err, NW_IO, "%s: cannot be renamed to %s: %s", part, path, strerror(errno));
        if (status != NW_OK) remove_part(part);
        if (status == NW_OK) status = append_slices(c, study, path, line, err);
        if (status == NW_OK) append(c, line, false);
    }
    nw_free(line);
    nw_free(part);
    nw_phantom_free(p);
    return status;
}

static nw_status all_studies(cohort *c, int64_t studies, const nw_progress *progress, nw_error *err)
{
    for (int64_t k = 1; k <= studies; k++) {
        if (progress && progress->call &&
            progress->call(progress->user, "studies", (double)(k - 1), (double)studies))
            return nw_fail(err, NW_CANCELLED,
                           "%s: interrupted after %lld of %lld studies; the same command makes the others",
                           c->folder, (long long)(k - 1), (long long)studies);
        char *path = study_path(c, k, "");
        if (!path) return nw_no_memory(err, strlen(c->folder), "a path");
        nw_status status = exists(path) ? keep(c, k, path, err) : make(c, k, path, err);
        nw_free(path);
        NW_TRY(status);
    }
    if (progress && progress->call)
        progress->call(progress->user, "studies", (double)studies, (double)studies);
    return NW_OK;
}

static nw_status run(cohort *c, int64_t studies, const char *path, const char *slices_path,
                     const nw_progress *progress, nw_error *err)
{
    NW_TRY(nw_output_open(path, &c->table, err));
    nw_status status = nw_output_open(slices_path, &c->slices, err);
    if (status != NW_OK) {
        nw_output_discard(&c->table);
        return status;
    }
    nw_output_write(&c->table, nw_phantom_titles(), strlen(nw_phantom_titles()));
    nw_output_write(&c->slices, nw_phantom_slice_titles(), strlen(nw_phantom_slice_titles()));
    status = all_studies(c, studies, progress, err);
    if (status == NW_OK)
        status = nw_output_commit(&c->slices, err);
    else
        nw_output_discard(&c->slices);
    if (status == NW_OK) return nw_output_commit(&c->table, err);
    nw_output_discard(&c->table);
    return status;
}

nw_status nw_phantom_cohort(const nw_phantom_options *options, int64_t studies, const char *folder,
                            const nw_progress *progress, nw_phantom_summary *summary, nw_error *err)
{
    const nw_phantom_options defaults = {0};
    cohort c = {.options = options ? options : &defaults, .folder = folder};
    NW_TRY(nw_phantom_check(c.options, err));
    if (studies < 1 || studies > 1000000)
        return nw_fail(err, NW_USAGE, "a cohort of %lld studies: 1 to 1000000 are possible",
                       (long long)studies);
    NW_TRY(nw_make_folder(folder, err));
    c.recipe = nw_phantom_recipe(c.options);
    char *path = nw_strdup_printf("%s/cohort.csv", folder),
         *slices = nw_strdup_printf("%s/slices.csv", folder);
    nw_status status = c.recipe && path && slices ? run(&c, studies, path, slices, progress, err)
                                                  : nw_no_memory(err, strlen(folder), "the table");
    if (status == NW_OK && summary) *summary = c.summary;
    nw_free(path);
    nw_free(slices);
    nw_free(c.recipe);
    return status;
}
