/* Many studies: which are whose, one after the other, and the table of all that are there. */
#include "folder.h"
#include "json.h"
#include "quantify.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Shards -------------------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo), and a last mixing, since the low bits alone depend on few of the
 * name's. */
uint64_t quantify_hash(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 1099511628211u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

nw_status quantify_shard(const char *text, uint64_t *part, uint64_t *parts, nw_error *err)
{
    char *end, *last = NULL;
    long long i = strtoll(text, &end, 10), n = 0;
    if (end != text && *end == '/' && end[1]) n = strtoll(end + 1, &last, 10);
    if (!last || *last || i < 1 || n < 1 || i > n || n > 1000000)
        return cli_fail(err, NW_USAGE, "--shard: '%s' is not I/N with I from 1 to N", text);
    *part = (uint64_t)i;
    *parts = (uint64_t)n;
    return NW_OK;
}

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

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

nw_status quantify_table(const char *folder, nw_error *err)
{
    struct dirent **names = NULL;
    char *text = NULL;
    size_t size = 0, count = 0;
    int n = scandir(folder, &names, visible, by_name);
    FILE *out = n >= 0 ? open_memstream(&text, &size) : NULL;
    if (!out) return cli_fail(err, NW_IO, "%s: cannot list the folder: %s", folder, strerror(errno));
    nw_cohort_study *rows = cli_calloc((size_t)n, sizeof *rows);
    for (size_t c = 0; c < COLUMNS; c++) fprintf(out, "%s%s", c ? "," : "", columns[c].title);
    putc('\n', out);
    for (int i = 0; i < n; i++) {
        count += put_study(out, folder, names[i]->d_name, &rows[count]);
        free(names[i]);
    }
    free(names);
    fclose(out);
    char *csv = cli_printf("%s/cohort.csv", folder), *page = cli_printf("%s/cohort.html", folder);
    nw_status status = nw_text_write(csv, text, err);
    if (status == NW_OK) status = nw_cohort_page_write(rows, count, NULL, page, err);
    free_rows(rows, count);
    free(csv);
    free(page);
    free(text);
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
    }
    json_decref(root);
}

/* ---- One after the other ---------------------------------------------------------------------------------
 */

/* A study that failed leaves a manifest that says why, for the table; the next run tries it again. */
static void leave_failure(const quantify *q, const nw_input *input, const char *folder, const nw_error *why)
{
    nw_error ignored;
    int made;
    if (cli_folder_make(folder, &made, &ignored) == NW_OK)
        quantify_record(q, input, NULL, why->status, why->message, 0, folder, &ignored);
}

static nw_status one(quantify *q, size_t i, nw_error *err)
{
    const nw_input *input = nw_input_list_get(q->job.inputs, q->mine[i]);
    char *folder = q->many ? cli_printf("%s/%s", q->a->folder, input->name) : cli_printf("%s", q->a->folder);
    nw_status status = NW_OK;
    bool kept = q->many && !q->a->restart && quantify_finished(q, input, folder);
    if (kept)
        q->kept++;
    else
        status = quantify_study(q, i, folder, err);
    if (status == NW_OK) {
        q->done += !kept;
        quantify_tell(q, input, folder);
    } else if (q->many && status != NW_CANCELLED && !q->unwritable) {
        leave_failure(q, input, folder, err);
    }
    free(folder);
    return status;
}

nw_status quantify_all(quantify *q, nw_error *err)
{
    nw_status result = NW_OK;
    cli_progress_start("quantifying", (double)q->count, 0);
    for (size_t i = 0; i < q->count; i++) {
        nw_status status = cli_check_interrupt(err);
        if (status == NW_OK) status = one(q, i, err);
        if (status == NW_OK) continue;
        result = status;
        q->failed++;
        /* What cannot be written now cannot be written for the next study either. */
        if (status == NW_CANCELLED || !q->many || q->unwritable) break;
        if (q->count > 1) cli_error("%s", err->message);
    }
    cli_progress_end();
    nw_error own;
    if (q->many && (q->done || q->kept || q->failed)) {
        nw_status table = quantify_table(q->a->folder, &own);
        if (table != NW_OK && result == NW_OK) {
            *err = own;
            result = table;
        }
    }
    if (q->kept) cli_note("%zu of %zu studies were finished already and are kept", q->kept, q->count);
    if (result != NW_OK && result != NW_CANCELLED && q->count > 1 &&
        q->done + q->kept + q->failed == q->count)
        cli_fail(err, result, "%zu of %zu studies failed, the others are done", q->failed, q->count);
    return result;
}
