/* The log of a training: a CSV file with one row an epoch.
 *
 *     epoch,step,learning_rate,train_loss,validation_loss,auroc,auroc_low,auroc_high,...,seconds,images_per_second
 *
 * Three columns for each metric; cells are empty where there is no value. A row is appended by one write and
 * is on the disk when nw_train_log_add returns: a run that is killed leaves whole lines, or at worst a last
 * one without its end, which is dropped when the log is opened again. A row that did not fit on the disk is
 * taken back.
 */
#ifndef NW_TRAIN_LOG_H
#define NW_TRAIN_LOG_H

#include "base/file.h"

#include <narrows/metrics.h>

typedef struct nw_train_log nw_train_log;

/* Opens the log of a run whose checkpoint is after `epochs` epochs (0: a new run). Rows up to there are kept,
 * later ones are dropped, since their epochs are made again; where `epochs` is 0 a log that is there is
 * replaced. metrics[count] are column names of letters, digits, '_', '-', '.' and '%', at most
 * NW_EPOCH_METRICS. NW_BAD_INPUT where the log has other columns, lacks an epoch, or is no log. */
nw_status nw_train_log_open(const char *path, const char *const *metrics, size_t count, int64_t epochs,
                            nw_train_log **out, nw_error *err);
void nw_train_log_close(nw_train_log *log);

/* Appends a row. Its epoch is one more than that of the last one, NW_USAGE otherwise. NW_NOT_FINITE for a
 * number that is not (but a validation_loss of NaN, which stands for none). */
nw_status nw_train_log_add(nw_train_log *log, const nw_epoch *epoch, nw_error *err);

/* The rows so far, those that were kept among them; valid until the next call for this log. */
const nw_epoch *nw_train_log_epochs(const nw_train_log *log, size_t *count);

/* ---- For tests --------------------------------------------------------------------------------------------
 */

/* Reads whole rows out of a file's bytes, which are changed. *good: bytes up to the end of the last whole
 * line. nw_free releases *epochs. Only epoch, step, losses, rate, times and the values and intervals of
 * metrics are known. */
nw_status nw_train_log_parse(nw_bytes *bytes, const char *name, const char *const *metrics, size_t count,
                             nw_epoch **epochs, size_t *epoch_count, size_t *good, nw_error *err);

#endif
