/* The table and the page of all studies in a folder, and what is told of one on stdout. */
#include "claim.h"
#include "folder.h"
#include "json.h"
#include "quantify.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table of the cohort -----------------------------------------------------------------------------
 */

typedef struct column {
    const char *title, *path; /* within severity.json; "@" before it: within manifest.json */
} column;

static const column columns[] = {
    {"study", "@study"},
    {"status", "@status"},
    {"label", "@label"},
    {"error", "@error"},
    {"max_probability", "prediction.max_probability"},
    {"mean_probability", "prediction.mean_probability"},
    {"slices", "@scan.slices"},
    {"explained_slices", "prediction.explained_slices"},
    {"lungs_ml", "lungs.sides.both.volume_ml"},
    {"right_ml", "lungs.sides.right.volume_ml"},
    {"left_ml", "lungs.sides.left.volume_ml"},
    {"lesions", "lesion_count"},
    {"involved_ml", "severity.involved_ml"},
    {"involved_share", "severity.involved_share"},
    {"right_share", "severity.sides.right.involved_share"},
    {"left_share", "severity.sides.left.involved_share"},
    {"involved_share_low", "interval.involved_share.both.low"},
    {"involved_share_high", "interval.involved_share.both.high"},
    {"grade", "severity.grade"},
    {"worst_grade", "severity.worst_grade"},
    {"zone_score", "severity.zone_score"},
    {"lobe_score", "severity.lobe_score"},
    {"bits", "severity.bits"},
    {"bits_per_litre", "severity.bits_per_litre"},
    {"truth_ml", "truth.truth_ml"},
    {"truth_share", "truth.truth_share"},
    {"truth_grade", "truth.truth_grade"},
    {"both_ml", "truth.both_ml"},
    {"dice", "truth.dice"},
    {"truth_lesions", "truth.lesions"},
    {"truth_touched", "truth.touched"},
    {"threshold_rule", "threshold.rule"},
    {"threshold_bits_per_ml", "threshold.bits_per_ml"},
    {"warnings", "warnings"},
    {"seconds", "@seconds.all"},
    {"settings_digest", "@settings_digest"},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static json_t *value_at(json_t *root, const char *path)
{
    char key[64];
    while (root && *path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        root = json_object_get(root, key);
        path += n + (path[n] == '.');
    }
    return root;
}

static void put_text(FILE *out, const char *text)
{
    bool plain = !strpbrk(text, ",\"\r\n");
    if (plain) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"') putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_string(value)) put_text(out, json_string_value(value));
    if (json_is_integer(value)) fprintf(out, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) fprintf(out, "%.6g", json_real_value(value));
    if (json_is_array(value)) fprintf(out, "%zu", json_array_size(value));
}

static json_t *load(const char *folder, const char *study, const char *file)
{
    char *path = cli_printf("%s/%s/%s", folder, study, file);
    json_t *root = json_load_file(path, 0, NULL);
    free(path);
    return root;
}

static double number_at(json_t *root, const char *path)
{
    json_t *value = value_at(root, path);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static size_t count_at(json_t *root, const char *path)
{
    double value = number_at(root, path);
    return value > 0 ? (size_t)value : 0;
}

static char *copy_of(const char *text)
{
    return text ? cli_printf("%s", text) : NULL;
}

/* For the page: strings are the row's own. */
static nw_cohort_study row_of(const char *folder, json_t *manifest, json_t *severity)
{
    nw_cohort_study row = {.name = copy_of(folder), .link = cli_printf("%s/report.html", folder)};
    if (!severity) {
        const char *why = json_string_value(json_object_get(manifest, "error"));
        row.error = cli_printf("%s", why ? why : "its numbers cannot be read");
        return row;
    }
    row.grade = (int)count_at(severity, "severity.grade");
    row.zone_score = (int)count_at(severity, "severity.zone_score");
    row.share = number_at(severity, "severity.involved_share");
    row.share_low = number_at(severity, "interval.involved_share.both.low");
    row.share_high = number_at(severity, "interval.involved_share.both.high");
    row.lung_ml = number_at(severity, "lungs.sides.both.volume_ml");
    row.involved_ml = number_at(severity, "severity.involved_ml");
    row.bits_per_litre = number_at(severity, "severity.bits_per_litre");
    row.max_probability = number_at(severity, "prediction.max_probability");
    row.lesions = count_at(severity, "lesion_count");
    row.warnings = json_array_size(json_object_get(severity, "warnings"));
    return row;
}

static void free_rows(nw_cohort_study *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)rows[i].name);
        free((char *)(uintptr_t)rows[i].link);
        free((char *)(uintptr_t)rows[i].error);
    }
    free(rows);
}

/* One line of the table, and a row of the page; false where the folder holds no study. */
static bool put_study(FILE *out, const char *folder, const char *study, nw_cohort_study *row)
{
    json_t *manifest = load(folder, study, "manifest.json");
    const char *command = json_string_value(json_object_get(manifest, "command"));
    bool is_study = command && strcmp(command, "quantify") == 0;
    if (is_study) {
        const char *status = json_string_value(json_object_get(manifest, "status"));
        bool good = status && strcmp(status, "ok") == 0;
        json_t *severity = good ? load(folder, study, "severity.json") : NULL;
        for (size_t c = 0; c < COLUMNS; c++) {
            const char *path = columns[c].path;
            if (c) putc(',', out);
            put_value(out, path[0] == '@' ? value_at(manifest, path + 1) : value_at(severity, path));
        }
        putc('\n', out);
        *row = row_of(study, manifest, severity);
        json_decref(severity);
    }
    json_decref(manifest);
    return is_study;
}

/* ---- Its order: as in the list, then by name what else is there -----------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static nw_status write_table(const quantify *q, const char *text, const nw_cohort_study *rows, size_t count,
                             nw_error *err)
{
    char *csv = cli_printf("%s/cohort.csv", q->a->folder), *page = cli_printf("%s/cohort.html", q->a->folder);
    nw_status status = nw_text_write(csv, text, err);
    if (status == NW_OK) status = nw_cohort_page_write(rows, count, NULL, page, err);
    free(csv);
    free(page);
    return status;
}

static nw_status make_table(const quantify *q, nw_error *err)
{
    const char *folder = q->a->folder;
    struct dirent **names = NULL;
    char *text = NULL;
    size_t size = 0, count = 0, listed = nw_input_list_count(q->job.inputs);
    int n = scandir(folder, &names, visible, by_name);
    FILE *out = n >= 0 ? open_memstream(&text, &size) : NULL;
    if (!out) return cli_fail(err, NW_IO, "%s: cannot list the folder: %s", folder, strerror(errno));
    nw_cohort_study *rows = cli_calloc(listed + (size_t)n + 1, sizeof *rows);
    const char **sorted = cli_calloc(listed + 1, sizeof *sorted);
    for (size_t c = 0; c < COLUMNS; c++) fprintf(out, "%s%s", c ? "," : "", columns[c].title);
    putc('\n', out);
    for (size_t i = 0; i < listed; i++) {
        sorted[i] = nw_input_list_get(q->job.inputs, i)->name;
        count += put_study(out, folder, sorted[i], &rows[count]);
    }
    qsort(sorted, listed, sizeof *sorted, by_text);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        if (!bsearch(&name, sorted, listed, sizeof *sorted, by_text))
            count += put_study(out, folder, name, &rows[count]);
        free(names[i]);
    }
    free(names);
    free(sorted);
    fclose(out);
    nw_status status = write_table(q, text, rows, count, err);
    free_rows(rows, count);
    free(text);
    return status;
}

/* One process at a time looks and writes: the last of several to come here finds the studies of all that are
 * through, and no older table can be put over its own. */
nw_status quantify_table(const quantify *q, nw_error *err)
{
    static const char *const files[] = {"cohort.csv", "cohort.html", NULL};
    cli_claim *claim = NULL;
    cli_holder who;
    for (;;) {
        nw_status status = cli_claim_take(q->a->folder, &claim, &who, err);
        if (status != NW_OK) return status;
        if (claim) break;
        if (cli_interrupted())
            return cli_fail(err, NW_CANCELLED, "interrupted: another process is at the table of %s",
                            q->a->folder);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    cli_folder_clean(q->a->folder, files);
    nw_status status = make_table(q, err);
    cli_claim_release(claim);
    return status;
}

/* ---- What is told ----------------------------------------------------------------------------------------
 */

static void cell(cli_table *table, const char *before, int digits, json_t *value)
{
    if (json_is_number(value))
        cli_table_cell(table, "%s%.*f", before, digits, json_number_value(value));
    else
        cli_table_cell(table, "-");
}

void quantify_tell(quantify *q, const nw_input *input, const char *folder)
{
    json_t *root = load(folder, ".", "severity.json");
    if (q->a->common.json) {
        json_object_set_new(root, "folder", cli_json_text(folder));
        json_array_append(q->printed, root);
    } else if (q->table) {
        cli_table_cell(q->table, "%s", input->name);
        cell(q->table, "", 4, value_at(root, "prediction.max_probability"));
        cell(q->table, "", 0, value_at(root, "lungs.sides.both.volume_ml"));
        cell(q->table, "", 0, value_at(root, "lesion_count"));
        cell(q->table, "", 1, value_at(root, "severity.involved_ml"));
        json_t *share = value_at(root, "severity.involved_share");
        cli_table_cell(q->table, "%.1f", 100 * json_number_value(share));
        cell(q->table, "CT-", 0, value_at(root, "severity.grade"));
        cell(q->table, "", 0, value_at(root, "severity.zone_score"));
        cell(q->table, "", 1, value_at(root, "severity.bits"));
        if (q->a->truth) {
            cell(q->table, "", 1, value_at(root, "truth.truth_ml"));
            cli_table_cell(q->table, "%.1f", 100 * number_at(root, "truth.truth_share"));
            cell(q->table, "", 2, value_at(root, "truth.dice"));
        }
    }
    json_decref(root);
}
