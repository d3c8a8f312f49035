/* Reading a log back. */
#include "base/memory.h"
#include "base/number.h"
#include "image/csv.h"
#include "train/log_internal.h"

#include <math.h>
#include <string.h>

static nw_status check_header(nw_csv_cursor *cursor, const char *const *metrics, size_t count, nw_error *err)
{
    char *fields[NW_LOG_COLUMNS + 1], name[NW_LOG_NAME];
    size_t n, wanted = nw_log_columns(count);
    NW_TRY(nw_csv_next(cursor, fields, NW_LOG_COLUMNS + 1, &n, err));
    for (size_t i = 0; i < wanted; i++) {
        nw_log_column(metrics, count, i, name);
        if (i >= n || strcmp(fields[i], name) != 0)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: not the log of this training: column %zu is '%.40s', not '%s'; take another "
                           "output folder, or start anew",
                           cursor->name, i + 1, i < n ? fields[i] : "", name);
    }
    if (n == wanted) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "%s: not the log of this training: it has a column '%.40s' more",
                   cursor->name, fields[wanted]);
}

/* A cell; empty is NaN where it may be. */
static nw_status number(const nw_csv_cursor *cursor, const char *field, bool may_be_empty, double *out,
                        nw_error *err)
{
    *out = NAN;
    if (may_be_empty && !field[0]) return NW_OK;
    if (nw_number_parse(field, out)) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "%s line %zu: '%.40s' is no number", cursor->name, cursor->line, field);
}

static nw_status whole(const nw_csv_cursor *cursor, const char *field, int64_t *out, nw_error *err)
{
    double value;
    NW_TRY(number(cursor, field, false, &value, err));
    if (!(value >= 0 && value < 0x1p53) || floor(value) < value)
        return nw_fail(err, NW_BAD_INPUT, "%s line %zu: '%.40s' is no count", cursor->name, cursor->line,
                       field);
    *out = (int64_t)value;
    return NW_OK;
}

static nw_status metric(const nw_csv_cursor *cursor, char *const *fields, nw_estimate *out, nw_error *err)
{
    double value, low, high;
    NW_TRY(number(cursor, fields[0], true, &value, err));
    NW_TRY(number(cursor, fields[1], true, &low, err));
    NW_TRY(number(cursor, fields[2], true, &high, err));
    if (isnan(value) != isnan(low) || isnan(value) != isnan(high))
        return nw_fail(err, NW_BAD_INPUT, "%s line %zu: a metric without its interval", cursor->name,
                       cursor->line);
    if (isnan(value))
        *out = (nw_estimate){.score.undefined = "it was undefined"};
    else
        *out = (nw_estimate){.score.value = value, .low = low, .high = high};
    return NW_OK;
}

static nw_status row(const nw_csv_cursor *cursor, char *const *f, size_t count, nw_epoch *e, nw_error *err)
{
    NW_TRY(whole(cursor, f[0], &e->epoch, err));
    NW_TRY(whole(cursor, f[1], &e->step, err));
    NW_TRY(number(cursor, f[2], false, &e->rate, err));
    NW_TRY(number(cursor, f[3], false, &e->train_loss, err));
    NW_TRY(number(cursor, f[4], true, &e->validation_loss, err));
    f += 5;
    for (size_t i = 0; i < count; i++, f += 3) NW_TRY(metric(cursor, f, &e->metrics[i], err));
    NW_TRY(number(cursor, f[0], false, &e->seconds, err));
    return number(cursor, f[1], false, &e->images_per_second, err);
}

static nw_status rows(nw_csv_cursor *cursor, size_t count, nw_epoch **epochs, size_t *n, nw_error *err)
{
    size_t capacity = 0, wanted = nw_log_columns(count);
    for (;;) {
        char *fields[NW_LOG_COLUMNS + 1];
        size_t found;
        NW_TRY(nw_csv_next(cursor, fields, NW_LOG_COLUMNS + 1, &found, err));
        if (!found) return NW_OK;
        if (found != wanted)
            return nw_fail(err, NW_BAD_INPUT, "%s line %zu: %zu cells, not %zu", cursor->name, cursor->line,
                           found, wanted);
        if (!NW_GROW(*epochs, capacity, *n)) return nw_no_memory(err, *n * sizeof **epochs, cursor->name);
        nw_epoch *e = &(*epochs)[*n];
        memset(e, 0, sizeof *e);
        NW_TRY(row(cursor, fields, count, e, err));
        if (e->epoch != (int64_t)*n + 1)
            return nw_fail(err, NW_BAD_INPUT, "%s line %zu: epoch %lld where %zu should be", cursor->name,
                           cursor->line, (long long)e->epoch, *n + 1);
        (*n)++;
    }
}

nw_status nw_train_log_parse(nw_bytes *bytes, const char *name, const char *const *metrics, size_t count,
                             nw_epoch **epochs, size_t *epoch_count, size_t *good, nw_error *err)
{
    *epochs = NULL;
    *epoch_count = 0;
    size_t size = bytes->size;
    while (size && bytes->data[size - 1] != '\n') size--;
    /* Zeros come of a power failure; the reader of CSV would take one for the end. */
    if (memchr(bytes->data, 0, size))
        return nw_fail(err, NW_BAD_INPUT, "%s: is no text, or is damaged", name);
    bytes->data[size] = 0;
    nw_bytes lines = {bytes->data, size};
    nw_csv_cursor cursor = nw_csv_start(&lines, name);
    nw_status status = check_header(&cursor, metrics, count, err);
    if (status == NW_OK) status = rows(&cursor, count, epochs, epoch_count, err);
    if (status != NW_OK) {
        nw_free(*epochs);
        *epochs = NULL;
        *epoch_count = 0;
        return status;
    }
    *good = size;
    return NW_OK;
}
