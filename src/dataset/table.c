/* A CSV file as rows. */
#include "dataset/dataset.h"
#include "image/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TABLE_BYTES = 1 << 28, FIELDS = 1024, NONE = FIELDS };

typedef struct table {
    nw_dataset *data;
    const char *source; /* the file's name, for errors */
    nw_csv_cursor cursor;
    char *fields[FIELDS + 1];
    char *titles[FIELDS];
    size_t width;
    size_t file, split, group, weight, slice, orient, bag; /* columns, or NONE */
    size_t *labels;
} table;

static size_t column_named(const table *t, const char *name, size_t length)
{
    for (size_t i = 0; i < t->width; i++)
        if (strlen(t->titles[i]) == length && strncasecmp(t->titles[i], name, length) == 0) return i;
    return NONE;
}

/* "'a', 'b', 'c'", as many as fit. */
static const char *title_list(const table *t, char text[256])
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < t->width; i++) {
        size_t more = strlen(t->titles[i]) + 4;
        if (used + more + 4 > 255) {
            strcpy(text + used, " ...");
            break;
        }
        used += (size_t)snprintf(text + used, 256 - used, "%s'%s'", i ? ", " : "", t->titles[i]);
    }
    return text;
}

static nw_status no_column(const table *t, const char *what, const char *name, nw_error *err)
{
    char titles[256];
    return nw_fail(err, NW_BAD_INPUT, "%s: there is no column '%s' for the %s; it has %s", t->source, name,
                   what, title_list(t, titles));
}

/* The wanted column, or else the first of the usual names, separated by spaces. */
static nw_status choose(table *t, const char *what, const char *wanted, const char *usual, size_t *out,
                        nw_error *err)
{
    *out = NONE;
    if (wanted) {
        if (!*wanted) return NW_OK;
        *out = column_named(t, wanted, strlen(wanted));
        return *out == NONE ? no_column(t, what, wanted, err) : NW_OK;
    }
    while (*usual && *out == NONE) {
        size_t length = strcspn(usual, " ");
        *out = column_named(t, usual, length);
        usual += length;
        usual += *usual == ' ';
    }
    return NW_OK;
}

static nw_status choose_labels(table *t, nw_error *err)
{
    nw_dataset *d = t->data;
    const char *wanted = d->options.label_column;
    size_t one = NONE, count = 1;
    if (wanted && *wanted)
        one = column_named(t, wanted, strlen(wanted));
    else
        NW_TRY(choose(t, "label", NULL, "label labels class", &one, err));
    if (one == NONE && (!wanted || !strchr(wanted, ','))) {
        char titles[256];
        return wanted && *wanted
                   ? no_column(t, "label", wanted, err)
                   : nw_fail(err, NW_BAD_INPUT,
                             "%s: there is no column 'label', 'labels' or 'class'; name the one with the "
                             "labels, it has %s",
                             t->source, title_list(t, titles));
    }
    if (one == NONE)
        for (const char *c = wanted; *c; c++) count += *c == ',';
    t->labels = nw_calloc(count, sizeof *t->labels);
    d->columns = nw_calloc(count, sizeof *d->columns);
    if (!t->labels || !d->columns) return nw_no_memory(err, count * sizeof *d->columns, t->source);
    d->label_columns = count;
    for (size_t i = 0; i < count; i++) {
        if (one == NONE) {
            wanted += strspn(wanted, " ");
            size_t length = strcspn(wanted, ","), kept = length;
            while (kept && wanted[kept - 1] == ' ') kept--;
            char name[256];
            snprintf(name, sizeof name, "%.*s", (int)(kept < 255 ? kept : 255), wanted);
            t->labels[i] = column_named(t, wanted, kept);
            if (t->labels[i] == NONE) return no_column(t, "label", name, err);
            for (size_t k = 0; k < i; k++)
                if (t->labels[k] == t->labels[i])
                    return nw_fail(err, NW_USAGE, "%s: column '%s' is named twice for the labels", t->source,
                                   name);
            wanted += length + (wanted[length] == ',');
        } else {
            t->labels[i] = one;
        }
        d->columns[i] = t->titles[t->labels[i]];
    }
    return NW_OK;
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && strchr(" \t", text[length - 1])) text[--length] = 0;
    return text;
}

/* The next record into fields, all of them trimmed; *count 0 at the end. */
static nw_status next(table *t, size_t *count, nw_error *err)
{
    NW_TRY(nw_csv_next(&t->cursor, t->fields, FIELDS + 1, count, err));
    if (*count > FIELDS)
        return nw_fail(err, NW_BAD_INPUT, "%s line %zu: more than %d columns", t->source, t->cursor.line,
                       FIELDS);
    for (size_t i = 0; i < *count; i++) t->fields[i] = trimmed(t->fields[i]);
    return NW_OK;
}

static nw_status header(table *t, nw_error *err)
{
    const nw_dataset_options *o = &t->data->options;
    NW_TRY(next(t, &t->width, err));
    if (!t->width) return nw_fail(err, NW_BAD_INPUT, "%s: the list is empty", t->source);
    memcpy(t->titles, t->fields, t->width * sizeof *t->titles);
    NW_TRY(choose(t, "files", o->file_column, "file path image filename", &t->file, err));
    if (t->file == NONE) t->file = 0;
    NW_TRY(choose_labels(t, err));
    NW_TRY(choose(t, "split", o->split_column, "split", &t->split, err));
    NW_TRY(choose(t, "groups", o->group_column, "group patient patient_id study", &t->group, err));
    NW_TRY(choose(t, "weights", o->weight_column, "weight", &t->weight, err));
    NW_TRY(choose(t, "slices", o->slice_column, "slice", &t->slice, err));
    NW_TRY(choose(t, "orientation", o->orient_column, "orient", &t->orient, err));
    NW_TRY(choose(t, "studies", o->bag_column, "bag", &t->bag, err));
    t->data->has_split = t->split != NONE;
    t->data->has_group = t->group != NONE;
    return NW_OK;
}

static nw_status read_slice(const table *t, const char *cell, int64_t *slice, nw_error *err)
{
    char *end;
    if (!*cell) return NW_OK;
    long long value = strtoll(cell, &end, 10);
    if (*end || value < 0 || value > INT32_MAX)
        return nw_fail(err, NW_BAD_INPUT, "%s line %zu: slice '%s' is not a whole number from 0", t->source,
                       t->cursor.line, cell);
    *slice = value;
    return NW_OK;
}

static nw_status read_weight(const table *t, const char *cell, double *weight, nw_error *err)
{
    if (nw_label_number(cell, weight) && *weight >= 0 && *weight <= 1e30) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "%s line %zu: weight '%s' is not a finite number from 0", t->source,
                   t->cursor.line, cell);
}

static nw_status read_orient(const table *t, const char *cell, int *orient, nw_error *err)
{
    if (!*cell) return NW_OK;
    for (int i = 0; i <= (int)NW_ORIENT_TRANSVERSE; i++)
        if (strcasecmp(cell, nw_orient_name((nw_orient)i)) == 0) {
            *orient = i;
            return NW_OK;
        }
    return nw_fail(
        err, NW_BAD_INPUT,
        "%s line %zu: orientation '%s'; none, transpose, rot90, rot180, rot270, flip-h, flip-v and "
        "transverse are known",
        t->source, t->cursor.line, cell);
}

static nw_status read_split(const table *t, const char *cell, int *split, nw_error *err)
{
    nw_split found;
    if (nw_split_parse(cell, &found, NULL) == NW_OK) {
        *split = (int)found;
        return NW_OK;
    }
    return nw_fail(err, NW_BAD_INPUT, "%s line %zu: split '%s'; train, val and test are known", t->source,
                   t->cursor.line, cell);
}

static nw_status row_of(table *t, nw_error *err)
{
    nw_dataset *d = t->data;
    nw_row row = {.file = t->fields[t->file],
                  .group = t->group == NONE ? "" : t->fields[t->group],
                  .bag = t->bag == NONE ? "" : t->fields[t->bag],
                  .split = -1,
                  .orient = -1,
                  .slice = -1,
                  .weight = 1,
                  .line = t->cursor.line};
    if (!*row.file) return nw_fail(err, NW_BAD_INPUT, "%s line %zu: no file is named", t->source, row.line);
    if (t->group != NONE && !*row.group)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s line %zu: no group in column '%s'; name one, or take no group column", t->source,
                       row.line, t->titles[t->group]);
    if (t->slice != NONE) NW_TRY(read_slice(t, t->fields[t->slice], &row.slice, err));
    if (t->weight != NONE) NW_TRY(read_weight(t, t->fields[t->weight], &row.weight, err));
    if (t->orient != NONE) NW_TRY(read_orient(t, t->fields[t->orient], &row.orient, err));
    if (t->split != NONE) NW_TRY(read_split(t, t->fields[t->split], &row.split, err));
    const char *cells[FIELDS];
    for (size_t i = 0; i < d->label_columns; i++) cells[i] = t->fields[t->labels[i]];
    row.cells = cells;
    return nw_dataset_add_row(d, &row, err);
}

static nw_status rows(table *t, nw_error *err)
{
    NW_TRY(header(t, err));
    for (;;) {
        size_t count;
        NW_TRY(next(t, &count, err));
        if (!count) break;
        if (count != t->width)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s line %zu: %zu fields, the header has %zu; is a comma not in quotes?",
                           t->source, t->cursor.line, count, t->width);
        NW_TRY(row_of(t, err));
    }
    if (!t->data->row_count) return nw_fail(err, NW_BAD_INPUT, "%s: the list names no file", t->source);
    if (t->group != NONE && !t->data->options.group_column)
        nw_strings_add(&t->data->notes, "groups are those of column '%s'", t->titles[t->group]);
    return NW_OK;
}

nw_status nw_dataset_parse(nw_dataset *data, const char *name, nw_error *err)
{
    if (memchr(data->text.data, 0, data->text.size))
        return nw_fail(err, NW_BAD_INPUT, "%s: not a text file, it has zero bytes", name);
    table *t = nw_calloc(1, sizeof *t);
    if (!t) return nw_no_memory(err, sizeof *t, name);
    t->data = data;
    t->source = name;
    t->cursor = nw_csv_start(&data->text, name);
    nw_status status = rows(t, err);
    nw_free(t->labels);
    nw_free(t);
    return status;
}

nw_status nw_dataset_table(nw_dataset *data, const char *path, nw_error *err)
{
    NW_TRY(nw_file_read(path, TABLE_BYTES, &data->text, err));
    NW_TRY(nw_dataset_parse(data, path, err));
    const char *root = data->options.root;
    int folder = (int)(nw_path_base(path) - path);
    char *place = root ? nw_strings_add(&data->strings, "%s%s", root,
                                        !*root || root[strlen(root) - 1] == '/' ? "" : "/")
                       : nw_strings_add(&data->strings, "%.*s", folder, path);
    if (!place) return nw_no_memory(err, strlen(path), path);
    return nw_dataset_find(data, path, place, err);
}
