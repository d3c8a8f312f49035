#include "base/record.h"

#include "base/memory.h"

#include <time.h>

double nw_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

nw_status nw_recorder_new(size_t rows, nw_recorder **out, nw_error *err)
{
    nw_recorder *r = nw_calloc(1, sizeof *r);
    if (!r) return nw_no_memory(err, sizeof *r, "the profile");
    r->rows = rows;
    r->seconds = nw_calloc(rows, sizeof *r->seconds);
    r->runs = nw_calloc(rows, sizeof *r->runs);
    r->events = nw_calloc(NW_RECORD_EVENTS, sizeof *r->events);
    if (!r->seconds || !r->runs || !r->events) {
        nw_recorder_free(r);
        return nw_no_memory(err, NW_RECORD_EVENTS * sizeof *r->events, "the profile");
    }
    r->event_capacity = NW_RECORD_EVENTS;
    *out = r;
    return NW_OK;
}

void nw_recorder_free(nw_recorder *recorder)
{
    if (!recorder) return;
    nw_free(recorder->seconds);
    nw_free(recorder->runs);
    nw_free(recorder->events);
    nw_free(recorder);
}

double nw_record(nw_recorder *recorder, size_t row, double start)
{
    if (!recorder) return 0;
    double now = nw_clock();
    recorder->seconds[row] += now - start;
    recorder->runs[row]++;
    if (recorder->event_count < recorder->event_capacity)
        recorder->events[recorder->event_count++] =
            (nw_record_event){.row = row, .start = start, .seconds = now - start};
    return now;
}
