/* Lists of inputs: files, folders, text lists and CSV files. */
#include "base/file.h"
#include "base/memory.h"
#include "image/csv.h"
/* Before the headers of NIfTI, which define names of its own as macros. */
#include <dirent.h>

#include "image/dicom_series.h"
#include "image/input_names.h"

#include <errno.h>
#include <narrows/image.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LIST_BYTES = 1 << 28, FOLDER_DEPTH = 32, CSV_FIELDS = 256 };

typedef struct item {
    char *path, *label;
    int orient; /* -1: not given */
} item;

struct nw_input_list {
    item *items;
    char **names;
    nw_input *inputs;
    size_t count, capacity;
};

void nw_input_list_free(nw_input_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++) {
        nw_free(list->items[i].path);
        nw_free(list->items[i].label);
        if (list->names) nw_free(list->names[i]);
    }
    nw_free(list->items);
    nw_free(list->names);
    nw_free(list->inputs);
    nw_free(list);
}

size_t nw_input_list_count(const nw_input_list *list)
{
    return list->count;
}

const nw_input *nw_input_list_get(const nw_input_list *list, size_t i)
{
    return &list->inputs[i];
}

/* Takes `path` and `label` over, also on failure. */
static nw_status add(nw_input_list *list, char *path, char *label, nw_error *err)
{
    if (path && NW_GROW(list->items, list->capacity, list->count)) {
        list->items[list->count++] = (item){path, label, -1};
        return NW_OK;
    }
    nw_free(path);
    nw_free(label);
    return nw_no_memory(err, sizeof(item), "the list of inputs");
}

/* Names of a folder, sorted. */
typedef struct names {
    char **list;
    size_t count, capacity;
} names;

static void names_clear(names *n)
{
    for (size_t i = 0; i < n->count; i++) nw_free(n->list[i]);
    nw_free(n->list);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static nw_status read_folder(const char *path, names *out, nw_error *err)
{
    DIR *dir = opendir(path);
    if (!dir) return nw_fail(err, NW_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    nw_status status = NW_OK;
    for (struct dirent *e; status == NW_OK && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char *copy = nw_strdup(e->d_name);
        if (copy && NW_GROW(out->list, out->capacity, out->count)) {
            out->list[out->count++] = copy;
        } else {
            nw_free(copy);
            status = nw_no_memory(err, strlen(e->d_name), path);
        }
    }
    closedir(dir);
    if (out->count) qsort(out->list, out->count, sizeof *out->list, by_text);
    return status;
}

/* Of a pair the header stands for both, and of a DICOM series the folder (add_dicom). */
static bool is_part(const char *name)
{
    return nw_path_ends(name, ".img") || nw_path_ends(name, ".img.gz") || nw_path_ends(name, ".dcm");
}

static nw_status add_folder(nw_input_list *list, const char *path, bool recursive, int depth, nw_error *err)
{
    if (depth > FOLDER_DEPTH)
        return nw_fail(err, NW_BAD_INPUT, "%s: folders are nested deeper than %d", path, FOLDER_DEPTH);
    names found = {0};
    nw_status status = read_folder(path, &found, err);
    size_t length = strlen(path);
    const char *slash = length && path[length - 1] == '/' ? "" : "/";
    for (size_t i = 0; status == NW_OK && i < found.count; i++) {
        struct stat st;
        char *full = nw_strdup_printf("%s%s%s", path, slash, found.list[i]);
        if (!full)
            status = nw_no_memory(err, length, path);
        else if (stat(full, &st) != 0)
            nw_free(full); /* a dangling link */
        else if (S_ISDIR(st.st_mode)) {
            if (recursive) status = add_folder(list, full, true, depth + 1, err);
            nw_free(full);
        } else if (nw_input_ending(full) && !is_part(full))
            status = add(list, full, NULL, err);
        else
            nw_free(full);
    }
    names_clear(&found);
    return status;
}

/* A folder with a DICOM volume is one input; one with DICOM pictures, such as X-rays, as many as it has. */
static nw_status add_dicom(nw_input_list *list, const char *path, nw_error *err)
{
    nw_scan_list *scan;
    NW_TRY(nw_scan_list_new(path, NULL, &scan, err));
    bool placed = false;
    for (size_t g = 0; g < scan->group_count; g++) placed |= scan->groups[g].placed;
    nw_status status = placed ? add(list, nw_strdup(path), NULL, err) : NW_OK;
    for (size_t i = 0; !placed && status == NW_OK && i < scan->entry_count; i++)
        status = add(list, nw_strdup(scan->entries[i].path), NULL, err);
    nw_scan_list_free(scan);
    return status;
}

/* A folder in a list is a DICOM volume, or pictures; each gets the label and the orientation. */
static nw_status add_listed_folder(nw_input_list *list, const char *path, const char *label, int orient,
                                   nw_error *err)
{
    size_t before = list->count;
    nw_error none;
    nw_status status = add_dicom(list, path, &none);
    for (size_t i = before; status == NW_OK && i < list->count; i++) list->items[i].orient = orient;
    for (size_t i = before; label && status == NW_OK && i < list->count; i++) {
        list->items[i].label = nw_strdup(label);
        if (!list->items[i].label) status = NW_NO_MEMORY;
    }
    if (status == NW_NO_MEMORY) return nw_no_memory(err, strlen(path), path);
    if (status == NW_OK && list->count > before) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "is a folder without DICOM images; a file or a DICOM series is wanted");
}

/* A path of a list: relative to the folder that the list is in. */
static nw_status add_listed(nw_input_list *list, const char *source, size_t line, const char *path,
                            const char *label, int orient, nw_error *err)
{
    int folder = (int)(nw_path_base(source) - source);
    char *full = path[0] == '/' ? nw_strdup(path) : nw_strdup_printf("%.*s%s", folder, source, path);
    struct stat st;
    if (!full) return nw_no_memory(err, strlen(path), source);
    nw_status status = NW_OK;
    if (stat(full, &st) != 0)
        status = nw_fail(err, NW_IO, "%s line %zu: %s: cannot open: %s", source, line, full, strerror(errno));
    else if (S_ISDIR(st.st_mode)) {
        status = add_listed_folder(list, full, label, orient, err);
        if (status != NW_OK) status = nw_fail_within(err, status, "%s line %zu: %s", source, line, full);
        nw_free(full);
        return status;
    }
    if (status != NW_OK) {
        nw_free(full);
        return status;
    }
    char *kept = label ? nw_strdup(label) : NULL;
    if (label && !kept) {
        nw_free(full);
        return nw_no_memory(err, strlen(label), source);
    }
    NW_TRY(add(list, full, kept, err));
    list->items[list->count - 1].orient = orient;
    return NW_OK;
}

static nw_status add_text(nw_input_list *list, const char *source, nw_bytes *file, nw_error *err)
{
    char *text = (char *)file->data;
    if (file->size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    nw_status status = NW_OK;
    for (size_t line = 1; status == NW_OK && text; line++) {
        char *end = strchr(text, '\n'), *next = end ? end + 1 : NULL;
        if (end) *end = 0;
        size_t length = strlen(text);
        while (length && strchr(" \t\r", text[length - 1])) text[--length] = 0;
        text += strspn(text, " \t");
        if (*text && *text != '#') status = add_listed(list, source, line, text, NULL, -1, err);
        text = next;
    }
    return status;
}

static size_t column_of(char *const *fields, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcasecmp(fields[i], name) != 0) i++;
    return i;
}

static nw_status read_orient(const char *source, size_t line, const char *cell, int *orient, nw_error *err)
{
    nw_orient value;
    if (!*cell) return NW_OK;
    nw_status status = nw_orient_parse(cell, &value, err);
    if (status != NW_OK) return nw_fail_within(err, status, "%s line %zu", source, line);
    *orient = (int)value;
    return NW_OK;
}

static nw_status add_csv(nw_input_list *list, const char *source, nw_bytes *file, const char *label_column,
                         nw_error *err)
{
    char *fields[CSV_FIELDS];
    size_t count;
    nw_csv_cursor cursor = nw_csv_start(file, source);
    NW_TRY(nw_csv_next(&cursor, fields, CSV_FIELDS, &count, err));
    size_t path = column_of(fields, count, "file");
    if (path == count) path = column_of(fields, count, "path");
    if (path == count) path = 0;
    size_t label = column_of(fields, count, label_column ? label_column : "label");
    size_t orient = column_of(fields, count, "orient");
    bool labelled = label < count, oriented = orient < count;
    if (label_column && !labelled)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no column '%s'", source, label_column);
    for (;;) {
        NW_TRY(nw_csv_next(&cursor, fields, CSV_FIELDS, &count, err));
        if (!count) return NW_OK;
        if (path >= count || !*fields[path])
            return nw_fail(err, NW_BAD_INPUT, "%s line %zu: no file is named", source, cursor.line);
        int turned = -1;
        NW_TRY(
            read_orient(source, cursor.line, oriented && orient < count ? fields[orient] : "", &turned, err));
        NW_TRY(add_listed(list, source, cursor.line, fields[path],
                          labelled ? (label < count ? fields[label] : "") : NULL, turned, err));
    }
}

static nw_status add_path(nw_input_list *list, const char *path, const nw_list_options *options,
                          nw_error *err)
{
    size_t before = list->count;
    struct stat st;
    if (strcmp(path, "-") == 0) return add(list, nw_strdup(path), NULL, err);
    if (stat(path, &st) != 0) return nw_fail(err, NW_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        NW_TRY(add_folder(list, path, options->recursive != 0, 0, err));
        if (list->count > before) return NW_OK;
        nw_error none;
        nw_status status = add_dicom(list, path, &none);
        if (status == NW_OK || status == NW_NO_MEMORY) return status;
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: no image in the folder%s; looked for .png .jpg .jpeg .npy .nii .nii.gz .hdr "
                       ".hdr.gz and DICOM",
                       path,
                       options->recursive ? " or those within it"
                                          : " itself (folders within it were not searched)");
    }
    bool csv = nw_path_ends(path, ".csv");
    if (!csv && !nw_path_ends(path, ".txt")) return add(list, nw_strdup(path), NULL, err);
    nw_bytes file;
    NW_TRY(nw_file_read(path, LIST_BYTES, &file, err));
    nw_status status = memchr(file.data, 0, file.size)
                           ? nw_fail(err, NW_BAD_INPUT, "%s: not a text file, it has zero bytes", path)
                       : csv ? add_csv(list, path, &file, options->label_column, err)
                             : add_text(list, path, &file, err);
    nw_free(file.data);
    if (status == NW_OK && list->count == before)
        status = nw_fail(err, NW_BAD_INPUT, "%s: the list names no file", path);
    return status;
}

static nw_status finish(nw_input_list *list, nw_error *err)
{
    const char **paths = nw_calloc(list->count, sizeof *paths);
    list->names = nw_calloc(list->count, sizeof *list->names);
    list->inputs = nw_calloc(list->count, sizeof *list->inputs);
    nw_status status = NW_OK;
    if (!paths || !list->names || !list->inputs)
        status = nw_no_memory(err, list->count * sizeof *list->inputs, "the list of inputs");
    for (size_t i = 0; status == NW_OK && i < list->count; i++) paths[i] = list->items[i].path;
    if (status == NW_OK) status = nw_input_names(paths, list->count, list->names, err);
    for (size_t i = 0; status == NW_OK && i < list->count; i++)
        list->inputs[i] =
            (nw_input){list->items[i].path, list->names[i], list->items[i].label, list->items[i].orient};
    nw_free(paths);
    return status;
}

nw_status nw_input_list_new(const char *const *paths, size_t count, const nw_list_options *options,
                            nw_input_list **out, nw_error *err)
{
    static const nw_list_options defaults = {0};
    if (count == 0) return nw_fail(err, NW_USAGE, "no input is given");
    nw_input_list *list = nw_calloc(1, sizeof *list);
    if (!list) return nw_no_memory(err, sizeof *list, "the list of inputs");
    nw_status status = NW_OK;
    for (size_t i = 0; status == NW_OK && i < count; i++)
        status = add_path(list, paths[i], options ? options : &defaults, err);
    if (status == NW_OK) status = finish(list, err);
    if (status != NW_OK) {
        nw_input_list_free(list);
        return status;
    }
    *out = list;
    return NW_OK;
}
