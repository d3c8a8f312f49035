/* Where the time goes: what each of a fixed number of rows took, and when, the first so many times. Nothing
 * is allocated while it records. */
#ifndef NW_BASE_RECORD_H
#define NW_BASE_RECORD_H

#include "base/error.h"

#include <stddef.h>

typedef struct nw_record_event {
    size_t row;
    double start, seconds; /* start: of nw_clock */
} nw_record_event;

typedef struct nw_recorder {
    size_t rows, event_count, event_capacity;
    double *seconds; /* [rows] summed */
    long *runs;      /* [rows] */
    nw_record_event *events;
} nw_recorder;

enum { NW_RECORD_EVENTS = 1 << 16 };

/* Room for NW_RECORD_EVENTS events; later ones are counted in the sums alone. */
nw_status nw_recorder_new(size_t rows, nw_recorder **out, nw_error *err);
void nw_recorder_free(nw_recorder *recorder);

/* Seconds of the monotonic clock. */
double nw_clock(void);
/* Notes that `row` ran from `start` until now, and returns now. With a NULL recorder does nothing. */
double nw_record(nw_recorder *recorder, size_t row, double start);
/* When something that will be recorded begins; no clock is read without a recorder. */
static inline double nw_record_start(const nw_recorder *recorder)
{
    return recorder ? nw_clock() : 0;
}

#endif
