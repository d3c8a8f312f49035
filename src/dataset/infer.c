/* What the labels of a list mean: the task and the classes. */
#include "dataset/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_CLASSES = 4096, MOST_GUESSED = 10 };

bool nw_label_number(const char *text, double *value)
{
    char *end;
    if (!*text) return false;
    *value = strtod(text, &end);
    return !*end && isfinite((float)*value); /* targets are float */
}

bool nw_label_next(const char **cell, const char **label, size_t *length)
{
    while (**cell) {
        const char *start = *cell + strspn(*cell, " ;|");
        size_t n = strcspn(start, ";|");
        *cell = start + n;
        while (n && start[n - 1] == ' ') n--;
        if (!n) continue;
        *label = start;
        *length = n;
        return true;
    }
    return false;
}

/* The different labels of column 0, sorted: numbers as numbers, before words. */
typedef struct labels {
    const char **list;
    size_t count, capacity;
} labels;

static int by_label(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    double p, q;
    bool x_number = nw_label_number(x, &p), y_number = nw_label_number(y, &q);
    if (x_number != y_number) return x_number ? -1 : 1;
    if (x_number && p != q) return p < q ? -1 : 1;
    return strcmp(x, y);
}

static void unique(labels *l)
{
    size_t kept = 0;
    if (l->count) qsort(l->list, l->count, sizeof *l->list, by_label);
    for (size_t i = 0; i < l->count; i++)
        if (!kept || strcmp(l->list[kept - 1], l->list[i]) != 0) l->list[kept++] = l->list[i];
    l->count = kept;
}

static bool add(labels *l, const char *text)
{
    if (!NW_GROW(l->list, l->capacity, l->count)) return false;
    l->list[l->count++] = text;
    return true;
}

/* Every label of column 0: whole cells, or what they hold between ; and |. */
static nw_status collect(nw_dataset *d, bool split, labels *out, nw_error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < d->row_count; i++) {
        const char *cell = d->rows[i].cells[0], *label;
        size_t length;
        /* Rows beside each other often have the same; the list stays short. */
        if (i && strcmp(cell, d->rows[i - 1].cells[0]) == 0) continue;
        if (!split) {
            ok = add(out, cell);
        } else {
            while (ok && nw_label_next(&cell, &label, &length)) {
                if (length == 4 && strncasecmp(label, "none", 4) == 0) continue;
                const char *copy = nw_strings_add(&d->strings, "%.*s", (int)length, label);
                ok = copy && add(out, copy);
            }
        }
    }
    if (!ok) return nw_no_memory(err, d->row_count * sizeof(char *), "labels");
    unique(out);
    return NW_OK;
}

static nw_status unclear(const nw_dataset *d, const char *source, const labels *l, nw_error *err)
{
    return nw_fail(
        err, NW_BAD_INPUT,
        "%s: the numbers in column '%s' (%s to %s) may be classes or amounts; give the task: classes "
        "or regression",
        source, d->columns[0], l->list[0], l->list[l->count - 1]);
}

/* One column without separators. */
static nw_status infer_single(nw_dataset *d, const char *source, const labels *l, nw_error *err)
{
    size_t numbers = 0, whole = 0, words = 0;
    const char *word = NULL;
    bool counted = true;
    for (size_t i = 0; i < l->count; i++) {
        double value;
        if (!*l->list[i]) continue; /* refused with its line when the targets are made */
        if (!nw_label_number(l->list[i], &value)) {
            if (!words++) word = l->list[i];
            continue;
        }
        counted &= value == (double)numbers;
        whole += value == floor(value);
        numbers++;
    }
    d->task = NW_TASK_CLASSES;
    if (d->options.classes || !numbers) return NW_OK;
    if (words)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: column '%s' has numbers and '%s', which is not a finite number; mend it, or give the task "
            "(classes) if these are names",
            source, d->columns[0], word);
    if (whole < numbers)
        d->task = NW_TASK_REGRESSION;
    else if (!counted || numbers > MOST_GUESSED)
        return unclear(d, source, l, err);
    return NW_OK;
}

static nw_status infer_task(nw_dataset *d, const char *source, const labels *l, bool separated, nw_error *err)
{
    if (d->options.task_given) {
        d->task = d->options.task;
        return NW_OK;
    }
    if (d->label_columns > 1) {
        bool binary = true;
        double value;
        for (size_t i = 0; i < d->row_count; i++)
            for (size_t c = 0; c < d->label_columns; c++) {
                const char *cell = d->rows[i].cells[c];
                binary &= !*cell || (nw_label_number(cell, &value) && (value == 0 || value == 1));
            }
        d->task = binary ? NW_TASK_MULTILABEL : NW_TASK_REGRESSION;
    } else if (separated || strcasecmp(d->columns[0], "labels") == 0) {
        d->task = NW_TASK_MULTILABEL;
    } else {
        NW_TRY(infer_single(d, source, l, err));
    }
    nw_strings_add(&d->notes, "the task was inferred from column '%s': %s", d->columns[0],
                   nw_task_name(d->task));
    return NW_OK;
}

static nw_status set_classes(nw_dataset *d, const char *source, const char *const *names, size_t count,
                             nw_error *err)
{
    if (count > MOST_CLASSES)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: %zu different labels in column '%s'; at most %d can be classes", source, count,
                       d->columns[0], MOST_CLASSES);
    d->classes = nw_calloc(count, sizeof *d->classes);
    if (!d->classes) return nw_no_memory(err, count * sizeof *d->classes, source);
    for (size_t i = 0; i < count; i++) {
        d->classes[i] = nw_strings_add(&d->strings, "%s", names[i]);
        if (!d->classes[i]) return nw_no_memory(err, strlen(names[i]), source);
        for (size_t k = 0; k < i; k++)
            if (strcmp(d->classes[k], d->classes[i]) == 0)
                return nw_fail(err, NW_USAGE, "class '%s' is given twice", names[i]);
    }
    d->class_count = count;
    d->outputs = d->task == NW_TASK_BINARY ? 1 : count;
    return NW_OK;
}

static nw_status check_labels(const nw_dataset *d, const char *source, const labels *l, nw_error *err)
{
    if (d->options.classes) return NW_OK;
    for (size_t i = 0; i + 1 < l->count; i++) {
        double a, b;
        if (nw_label_number(l->list[i], &a) && nw_label_number(l->list[i + 1], &b) && a == b)
            return nw_fail(err, NW_BAD_INPUT, "%s: labels '%s' and '%s' in column '%s' are the same number",
                           source, l->list[i], l->list[i + 1], d->columns[0]);
    }
    return NW_OK;
}

static nw_status infer(nw_dataset *d, const char *source, labels *l, nw_error *err)
{
    bool separated = false;
    for (size_t i = 0; i < d->row_count; i++) separated |= strpbrk(d->rows[i].cells[0], ";|") != NULL;
    NW_TRY(collect(d, false, l, err));
    NW_TRY(infer_task(d, source, l, separated, err));
    bool many = d->label_columns > 1;
    if (many && d->task != NW_TASK_MULTILABEL && d->task != NW_TASK_REGRESSION)
        return nw_fail(err, NW_USAGE, "%s: %zu columns of labels are multilabel or regression, not %s",
                       source, d->label_columns, nw_task_name(d->task));
    if (many || d->task == NW_TASK_REGRESSION) {
        if (d->options.classes && d->options.class_count != d->label_columns)
            return nw_fail(err, NW_USAGE, "%zu names for %zu columns of labels", d->options.class_count,
                           d->label_columns);
        return set_classes(d, source, d->options.classes ? d->options.classes : d->columns, d->label_columns,
                           err);
    }
    if (d->task == NW_TASK_MULTILABEL) {
        l->count = 0;
        NW_TRY(collect(d, true, l, err));
    } else {
        NW_TRY(check_labels(d, source, l, err));
    }
    if (d->options.classes) return set_classes(d, source, d->options.classes, d->options.class_count, err);
    /* An empty cell is refused with its line when the targets are made. */
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (*l->list[i]) l->list[kept++] = l->list[i];
    l->count = kept;
    return set_classes(d, source, l->list, l->count, err);
}

nw_status nw_dataset_infer(nw_dataset *data, const char *source, nw_error *err)
{
    labels l = {0};
    nw_status status = infer(data, source, &l, err);
    nw_free(l.list);
    if (status == NW_OK && data->task == NW_TASK_BINARY && data->class_count != 2)
        status = nw_fail(err, NW_BAD_INPUT, "%s: task binary needs two classes, column '%s' has %zu", source,
                         data->columns[0], data->class_count);
    return status;
}
