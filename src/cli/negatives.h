/* What healthy lungs need: the bits in the lungs of negative scans, for `stats --negatives`. */
#ifndef CLI_NEGATIVES_H
#define CLI_NEGATIVES_H

#include "quantify.h"

typedef struct cli_negatives {
    cli_job *job; /* with its images */
    const cli_method_options *method;
    const cli_lung_options *lung;
    const char *file; /* statistics, to which the numbers are added */
    int64_t limit;    /* scans at most; 0: all */
    double smooth_mm;
} cli_negatives;

typedef struct cli_negatives_done {
    size_t scans, failed, positive; /* positive: passed over for their label */
    double litres, bits_per_litre, q99;
} cli_negatives_done;

/* Explains every slice of the negative scans without a gate, and writes what was found into the statistics.
 * Scans whose label is neither 0 nor the name of class 0 are passed over. NW_BAD_INPUT where no scan is left.
 */
nw_status cli_negatives_run(const cli_negatives *what, cli_negatives_done *done, nw_error *err);

#endif
