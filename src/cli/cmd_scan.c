/* What series a folder of DICOM files holds. Nothing that names a patient is printed. */
#include "commands.h"
#include "json.h"
#include "terminal.h"

#include <narrows/scan.h>
#include <stdio.h>

typedef struct arguments {
    cli_common common;
    int uids, descriptions;
} arguments;

static const cli_option options[] = {
    {"uids", 0, CLI_FLAG, offsetof(arguments, uids),
     .help = "also the UID of each series, which leads back to the patient where it was not replaced"},
    {"descriptions", 0, CLI_FLAG, offsetof(arguments, descriptions),
     .help = "also the description of each series, in which people may have written names"},
    {0},
};

static json_t *real(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static json_t *series_json(const arguments *a, const nw_series *s, bool chosen)
{
    json_t *o = json_object();
    json_object_set_new(o, "number", json_integer((json_int_t)s->number));
    json_object_set_new(o, "chosen", json_boolean(chosen));
    json_object_set_new(o, "modality", cli_json_text(s->modality));
    json_object_set_new(o, "plane", cli_json_text(nw_plane_name(s->plane)));
    json_object_set_new(o, "localizer", json_boolean(s->localizer));
    json_object_set_new(o, "derived", json_boolean(s->derived));
    json_object_set_new(o, "files", json_integer(s->files));
    json_object_set_new(o, "images", json_integer(s->images));
    json_object_set_new(o, "slices", json_integer(s->slices));
    json_object_set_new(o, "volumes", json_integer(s->volumes));
    json_object_set_new(o, "rows", json_integer(s->rows));
    json_object_set_new(o, "columns", json_integer(s->columns));
    json_object_set_new(o, "row_mm", real(s->row_mm));
    json_object_set_new(o, "column_mm", real(s->column_mm));
    json_object_set_new(o, "slice_mm", real(s->slice_mm));
    json_object_set_new(o, "tilt_degrees", json_real(s->tilt));
    json_object_set_new(o, "pixels", cli_json_text(s->transfer));
    json_object_set_new(o, "usable", json_boolean(s->usable));
    json_object_set_new(o, "reason", cli_json_text(s->reason));
    json_object_set_new(o, "warning", cli_json_text(s->warning));
    if (a->uids) json_object_set_new(o, "uid", cli_json_text(s->uid));
    if (a->descriptions) json_object_set_new(o, "description", cli_json_text(s->description));
    return o;
}

static nw_status print_json(const arguments *a, const nw_scan_list *list, size_t chosen, nw_error *err)
{
    json_t *root = json_object(), *series = json_array();
    for (size_t i = 0; i < nw_scan_list_count(list); i++)
        json_array_append_new(series, series_json(a, nw_scan_list_get(list, i), i == chosen));
    json_object_set_new(root, "series", series);
    json_object_set_new(root, "other_files", json_integer((json_int_t)nw_scan_list_foreign(list)));
    json_object_set_new(root, "without_image", json_integer((json_int_t)nw_scan_list_without_image(list)));
    json_object_set_new(root, "damaged", json_integer((json_int_t)nw_scan_list_damaged(list, NULL)));
    return cli_json_print(root, err);
}

static void print_text(const arguments *a, const nw_scan_list *list, size_t chosen)
{
    char titles[128];
    snprintf(titles, sizeof titles, " |>series|kind|>slices|size|spacing, mm|pixels%s%s|as a CT volume",
             a->uids ? "|UID" : "", a->descriptions ? "|description" : "");
    cli_table *table = cli_table_new(titles);
    for (size_t i = 0; i < nw_scan_list_count(list); i++) {
        const nw_series *s = nw_scan_list_get(list, i);
        cli_table_cell(table, "%s", i == chosen ? "*" : "");
        cli_table_cell(table, "%zu", s->number);
        cli_table_cell(table, "%s%s%s%s%s", s->modality[0] ? s->modality : "?", s->plane ? " " : "",
                       s->plane ? nw_plane_name(s->plane) : "", s->localizer ? ", localizer" : "",
                       s->derived ? ", derived" : "");
        if (s->volumes > 1)
            cli_table_cell(table, "%lld x %lld", (long long)s->volumes, (long long)s->slices);
        else
            cli_table_cell(table, "%lld", (long long)(s->slices ? s->slices : s->images));
        cli_table_cell(table, "%lld x %lld", (long long)s->rows, (long long)s->columns);
        if (s->slice_mm > 0)
            cli_table_cell(table, "%.4g x %.4g x %.4g", s->slice_mm, s->row_mm, s->column_mm);
        else if (s->row_mm > 0)
            cli_table_cell(table, "? x %.4g x %.4g", s->row_mm, s->column_mm);
        else
            cli_table_cell(table, "-");
        cli_table_cell(table, "%s", s->transfer);
        if (a->uids) cli_table_cell(table, "%s", s->uid);
        if (a->descriptions) cli_table_cell(table, "%s", s->description);
        cli_table_cell(table, "%s%s%s%s", s->usable ? "yes" : "no: ", s->reason,
                       s->usable && s->warning[0] ? ", but " : "", s->usable ? s->warning : "");
    }
    cli_table_print(table);
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    nw_scan_options how = {.describe = a->descriptions};
    nw_scan_list *list;
    nw_status status = nw_scan_list_new(operands.items[0], &how, &list, err);
    if (status != NW_OK) return status;
    size_t chosen = SIZE_MAX;
    nw_error nothing;
    if (nw_scan_list_choose(list, NULL, &chosen, &nothing) != NW_OK) chosen = SIZE_MAX;
    const char *error = NULL;
    size_t damaged = nw_scan_list_damaged(list, &error);
    if (a->common.json)
        status = print_json(a, list, chosen, err);
    else
        print_text(a, list, chosen);
    if (chosen == SIZE_MAX)
        cli_note("no series is a CT volume");
    else
        cli_note("* is the one that is read unless --series names another");
    if (nw_scan_list_foreign(list)) cli_detail("%zu other files", nw_scan_list_foreign(list));
    if (nw_scan_list_without_image(list))
        cli_detail("%zu DICOM files without an image", nw_scan_list_without_image(list));
    if (damaged) cli_warn("%zu damaged DICOM files, the first: %s", damaged, error);
    nw_scan_list_free(list);
    return status;
}

const cli_command cli_scan = {
    .name = "scan",
    .operands = "DIR",
    .summary = "what series a folder of DICOM files holds",
    .description =
        "Looks through a folder and those within it and lists its DICOM series: modality and plane, slices, "
        "size, "
        "spacing, and whether each can be read as a CT volume or why not. The series that would be read by "
        "default has a star.\n\n"
        "Nothing that names a patient is printed: no names, numbers, dates; UIDs and descriptions only when "
        "asked "
        "for.",
    .examples =
        "  narrows scan study/\n  narrows scan study/ --json\n  narrows explain model.onnx study/ --series 3 "
        "-o out",
    .options = options,
    .size = sizeof(arguments),
    .least = 1,
    .most = 1,
    .run = run,
};
