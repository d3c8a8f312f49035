/* The columns of a log. */
#ifndef NW_TRAIN_LOG_INTERNAL_H
#define NW_TRAIN_LOG_INTERNAL_H

#include "train/log.h"

enum { NW_LOG_NAME = 64, NW_LOG_COLUMNS = 7 + 3 * NW_EPOCH_METRICS };

static inline size_t nw_log_columns(size_t metrics)
{
    return 7 + 3 * metrics;
}

/* The name of column i into name[NW_LOG_NAME]. */
void nw_log_column(const char *const *metrics, size_t count, size_t i, char *name);

#endif
