#include "base/memory.h"
#include "base/number.h"
#include "train/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_LIMIT = 256 << 20, DIGITS = 9, METRIC_NAME = NW_LOG_NAME - 8 };

struct nw_train_log {
    char *path;
    int file;
    char *metrics[NW_EPOCH_METRICS];
    size_t metric_count;
    nw_epoch *epochs;
    size_t count, capacity;
};

void nw_log_column(const char *const *metrics, size_t count, size_t i, char *name)
{
    static const char *const first[] = {"epoch", "step", "learning_rate", "train_loss", "validation_loss"};
    static const char *const last[] = {"seconds", "images_per_second"}, *const ends[] = {"", "_low", "_high"};
    if (i < 5)
        snprintf(name, NW_LOG_NAME, "%s", first[i]);
    else if (i < 5 + 3 * count)
        snprintf(name, NW_LOG_NAME, "%.*s%s", METRIC_NAME, metrics[(i - 5) / 3], ends[(i - 5) % 3]);
    else
        snprintf(name, NW_LOG_NAME, "%s", last[i - 5 - 3 * count]);
}

/* ---- A row as text ----------------------------------------------------------------------------------------
 */

/* Room for the longest row: every cell a number. */
typedef struct line {
    char text[(NW_LOG_COLUMNS + 1) * (NW_NUMBER_TEXT + 1)];
    size_t size;
} line;

static void put_text(line *l, const char *text)
{
    size_t size = strlen(text);
    memcpy(l->text + l->size, text, size);
    l->size += size;
}

static void put_number(line *l, double value)
{
    char text[NW_NUMBER_TEXT];
    put_text(l, ",");
    if (!isnan(value)) put_text(l, nw_number_text(value, DIGITS, text));
}

static void put_epoch(line *l, const nw_epoch *e, size_t metrics)
{
    char text[NW_NUMBER_TEXT * 2];
    l->size = 0;
    snprintf(text, sizeof text, "%lld,%lld", (long long)e->epoch, (long long)e->step);
    put_text(l, text);
    put_number(l, e->rate);
    put_number(l, e->train_loss);
    put_number(l, e->validation_loss);
    for (size_t i = 0; i < metrics; i++) {
        const nw_estimate *m = &e->metrics[i];
        bool none = isnan(e->validation_loss) || m->score.undefined;
        put_number(l, none ? NAN : m->score.value);
        put_number(l, none ? NAN : m->low);
        put_number(l, none ? NAN : m->high);
    }
    put_number(l, e->seconds);
    put_number(l, e->images_per_second);
    put_text(l, "\n");
}

/* ---- Opening ----------------------------------------------------------------------------------------------
 */

static nw_status check_names(const char *const *metrics, size_t count, nw_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%";
    if (count > NW_EPOCH_METRICS)
        return nw_fail(err, NW_USAGE, "a log of %zu metrics: at most %d", count, NW_EPOCH_METRICS);
    for (size_t i = 0; i < count; i++)
        if (!metrics[i][0] || strlen(metrics[i]) > METRIC_NAME ||
            strspn(metrics[i], allowed) != strlen(metrics[i]))
            return nw_fail(err, NW_USAGE, "'%.80s' cannot be the name of a column", metrics[i]);
    return NW_OK;
}

/* The header and the rows that stay, whole or not at all. */
static nw_status write_anew(const nw_train_log *log, nw_error *err)
{
    nw_output out;
    line l;
    char name[NW_LOG_NAME];
    NW_TRY(nw_output_open(log->path, &out, err));
    out.durable = 1;
    for (size_t i = 0; i < nw_log_columns(log->metric_count); i++) {
        nw_log_column((const char *const *)log->metrics, log->metric_count, i, name);
        if (i) nw_output_write(&out, ",", 1);
        nw_output_write(&out, name, strlen(name));
    }
    nw_output_write(&out, "\n", 1);
    for (size_t i = 0; i < log->count; i++) {
        put_epoch(&l, &log->epochs[i], log->metric_count);
        nw_output_write(&out, l.text, l.size);
    }
    return nw_output_commit(&out, err);
}

/* What is there of the epochs that are wanted. *same: nothing of the file has to change. */
static nw_status read_kept(nw_train_log *log, size_t epochs, bool *same, nw_error *err)
{
    nw_bytes bytes;
    size_t good = 0;
    NW_TRY(nw_file_read(log->path, LOG_LIMIT, &bytes, err));
    nw_status status = nw_train_log_parse(&bytes, log->path, (const char *const *)log->metrics,
                                          log->metric_count, &log->epochs, &log->count, &good, err);
    *same = good == bytes.size && log->count == epochs;
    nw_free(bytes.data);
    if (status != NW_OK) return status;
    log->capacity = log->count;
    if (log->count < epochs)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: holds %zu epochs, the checkpoint is after %zu: they are not of one training",
                       log->path, log->count, epochs);
    log->count = epochs;
    return NW_OK;
}

static nw_status make(nw_train_log *log, const char *const *metrics, size_t count, size_t epochs,
                      nw_error *err)
{
    bool same = false;
    for (size_t i = 0; i < count; i++, log->metric_count++)
        if (!(log->metrics[i] = nw_strdup(metrics[i]))) return nw_no_memory(err, 0, "a log");
    if (epochs) NW_TRY(read_kept(log, epochs, &same, err));
    if (!same) NW_TRY(write_anew(log, err));
    log->file = open(log->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log->file < 0) return nw_fail(err, NW_IO, "%s: cannot append: %s", log->path, strerror(errno));
    return NW_OK;
}

nw_status nw_train_log_open(const char *path, const char *const *metrics, size_t count, int64_t epochs,
                            nw_train_log **out, nw_error *err)
{
    NW_TRY(check_names(metrics, count, err));
    if (epochs < 0) return nw_fail(err, NW_USAGE, "%s: a log of %lld epochs", path, (long long)epochs);
    nw_train_log *log = nw_calloc(1, sizeof *log);
    if (!log) return nw_no_memory(err, sizeof *log, "a log");
    log->file = -1;
    log->path = nw_strdup(path);
    nw_status status =
        log->path ? make(log, metrics, count, (size_t)epochs, err) : nw_no_memory(err, 0, "a log");
    if (status == NW_OK)
        *out = log;
    else
        nw_train_log_close(log);
    return status;
}

void nw_train_log_close(nw_train_log *log)
{
    if (!log) return;
    if (log->file >= 0) close(log->file);
    for (size_t i = 0; i < log->metric_count; i++) nw_free(log->metrics[i]);
    nw_free(log->epochs);
    nw_free(log->path);
    nw_free(log);
}

const nw_epoch *nw_train_log_epochs(const nw_train_log *log, size_t *count)
{
    *count = log->count;
    return log->epochs;
}

/* ---- Appending --------------------------------------------------------------------------------------------
 */

static nw_status check_epoch(const nw_train_log *log, const nw_epoch *e, nw_error *err)
{
    if (e->epoch != (int64_t)log->count + 1)
        return nw_fail(err, NW_USAGE, "%s: epoch %lld cannot follow epoch %zu", log->path,
                       (long long)e->epoch, log->count);
    bool fine = isfinite(e->rate) && isfinite(e->train_loss) && !isinf(e->validation_loss) &&
                isfinite(e->seconds) && isfinite(e->images_per_second);
    for (size_t i = 0; fine && !isnan(e->validation_loss) && i < log->metric_count; i++) {
        const nw_estimate *m = &e->metrics[i];
        if (!m->score.undefined && (!isfinite(m->score.value) || !isfinite(m->low) || !isfinite(m->high)))
            return nw_fail(err, NW_NOT_FINITE, "%s: epoch %lld: %s is not finite", log->path,
                           (long long)e->epoch, log->metrics[i]);
    }
    return fine ? NW_OK
                : nw_fail(err, NW_NOT_FINITE, "%s: epoch %lld: loss, learning rate or time is not finite",
                          log->path, (long long)e->epoch);
}

nw_status nw_train_log_add(nw_train_log *log, const nw_epoch *epoch, nw_error *err)
{
    line l;
    NW_TRY(check_epoch(log, epoch, err));
    if (!NW_GROW(log->epochs, log->capacity, log->count))
        return nw_no_memory(err, (log->count + 1) * sizeof *log->epochs, "a log");
    put_epoch(&l, epoch, log->metric_count);
    off_t before = lseek(log->file, 0, SEEK_END);
    errno = 0;
    ssize_t written = write(log->file, l.text, l.size);
    if (written != (ssize_t)l.size || fsync(log->file) != 0) {
        int reason = errno ? errno : ENOSPC; /* a short write says nothing */
        bool back = before >= 0 && ftruncate(log->file, before) == 0;
        return nw_fail(err, NW_IO, "%s: cannot write epoch %lld: %s%s", log->path, (long long)epoch->epoch,
                       strerror(reason), back ? "" : "; the last line is not whole");
    }
    log->epochs[log->count++] = *epoch;
    return NW_OK;
}
