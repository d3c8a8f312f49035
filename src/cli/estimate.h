/* Feature statistics over the images of a job, for `stats` and `explain --stats-from`. */
#ifndef CLI_ESTIMATE_H
#define CLI_ESTIMATE_H

#include "job.h"

typedef struct cli_estimate {
    cli_job *job;      /* with its images */
    const char *layer; /* NULL: the default */
    nw_precision precision;
    int threads;
    int64_t limit;       /* images at most; 0: all */
    const char *partial; /* file to go on from, saved now and then and when interrupted; NULL: none */
    bool restart;        /* do not go on from it */
} cli_estimate;

typedef struct cli_estimated {
    nw_collector *collector; /* nw_collector_free; NULL where nothing came out */
    size_t images, failed;
    nw_status status; /* NW_OK, or that of the last image that failed (the others are in) */
} cli_estimated;

/* Goes over the images. Fails where nothing came out, or when interrupted. */
nw_status cli_estimate_run(const cli_estimate *what, cli_estimated *out, nw_error *err);

#endif
