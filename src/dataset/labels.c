/* Labels as targets. */
#include "base/strmap.h"
#include "dataset/dataset.h"

#include <string.h>
#include <strings.h>

typedef struct context {
    nw_dataset *data;
    const char *source;
    nw_strmap classes;
} context;

static nw_status unknown(const context *c, const nw_row *row, const char *label, nw_error *err)
{
    char place[512], names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < c->data->class_count && used < 200; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.40s", i ? ", " : "",
                                 c->data->classes[i]);
    return nw_fail(err, NW_BAD_INPUT, "%s: %s: label '%s' is none of the classes (%s)",
                   nw_row_place(c->source, row, place), row->file, label, names);
}

static nw_status number(const context *c, const nw_row *row, size_t column, double *value, nw_error *err)
{
    char place[512];
    if (nw_label_number(row->cells[column], value)) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "%s: %s: '%s' in column '%s' is not a finite number",
                   nw_row_place(c->source, row, place), row->file, row->cells[column],
                   c->data->columns[column]);
}

static nw_status flags(const context *c, const nw_row *row, float *target, nw_error *err)
{
    char place[512];
    for (size_t i = 0; i < c->data->label_columns; i++) {
        double value = 0;
        if (*row->cells[i]) NW_TRY(number(c, row, i, &value, err));
        if (value != 0 && value != 1)
            return nw_fail(err, NW_BAD_INPUT, "%s: %s: '%s' in column '%s'; 0 or 1 is wanted",
                           nw_row_place(c->source, row, place), row->file, row->cells[i],
                           c->data->columns[i]);
        target[i] = (float)value;
    }
    return NW_OK;
}

static nw_status several(const context *c, const nw_row *row, float *target, nw_error *err)
{
    const char *cell = row->cells[0], *label;
    size_t length;
    char name[256];
    while (nw_label_next(&cell, &label, &length)) {
        if (length == 4 && strncasecmp(label, "none", 4) == 0) continue;
        snprintf(name, sizeof name, "%.*s", (int)(length < 255 ? length : 255), label);
        int index = length < 256 ? nw_strmap_get(&c->classes, name) : -1;
        if (index < 0) return unknown(c, row, name, err);
        target[index] = 1;
    }
    return NW_OK;
}

static nw_status target_of(const context *c, const nw_row *row, float *target, int *class_index,
                           nw_error *err)
{
    nw_dataset *d = c->data;
    char place[512];
    *class_index = -1;
    if (d->task == NW_TASK_REGRESSION) {
        for (size_t i = 0; i < d->label_columns; i++) {
            double value;
            NW_TRY(number(c, row, i, &value, err));
            target[i] = (float)value;
        }
        return NW_OK;
    }
    if (d->task == NW_TASK_MULTILABEL)
        return d->label_columns > 1 ? flags(c, row, target, err) : several(c, row, target, err);
    if (!*row->cells[0])
        return nw_fail(err, NW_BAD_INPUT, "%s: %s has no label in column '%s'",
                       nw_row_place(c->source, row, place), row->file, d->columns[0]);
    int index = nw_strmap_get(&c->classes, row->cells[0]);
    if (index < 0) return unknown(c, row, row->cells[0], err);
    *class_index = index;
    if (d->task == NW_TASK_BINARY)
        target[0] = (float)index;
    else
        target[index] = 1;
    return NW_OK;
}

/* The label of several columns in one text. */
static const char *label_text(nw_dataset *d, const nw_row *row)
{
    if (d->label_columns == 1) return row->cells[0];
    char text[512];
    size_t used = 0;
    for (size_t i = 0; i < d->label_columns && used < 400; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.60s=%.30s", i ? " " : "",
                                 d->columns[i], row->cells[i]);
    return nw_strings_add(&d->strings, "%s", text);
}

static nw_status targets(context *c, nw_error *err)
{
    nw_dataset *d = c->data;
    d->targets = nw_calloc(d->item_count * d->outputs, sizeof *d->targets);
    if (!d->targets) return nw_no_memory(err, d->item_count * d->outputs * sizeof *d->targets, c->source);
    for (size_t i = 0; i < d->class_count; i++)
        if (!nw_strmap_set(&c->classes, d->classes[i], (int)i)) return nw_no_memory(err, 64, c->source);
    for (size_t i = 0; i < d->item_count; i++) {
        float *target = d->targets + i * d->outputs;
        nw_sample *item = &d->items[i];
        const nw_row *row = &d->rows[d->item_row[i]];
        item->target = target;
        if (i && d->item_row[i - 1] == d->item_row[i]) {
            memcpy(target, target - d->outputs, d->outputs * sizeof *target);
            item->class_index = item[-1].class_index;
            item->label = item[-1].label;
            continue;
        }
        NW_TRY(target_of(c, row, target, &item->class_index, err));
        item->label = label_text(d, row);
        if (!item->label) return nw_no_memory(err, 512, c->source);
    }
    return NW_OK;
}

nw_status nw_dataset_targets(nw_dataset *data, const char *source, nw_error *err)
{
    context c = {.data = data, .source = source};
    nw_status status = targets(&c, err);
    nw_strmap_clear(&c.classes);
    return status;
}
