/* A study as a line of comma-separated values. */
#ifndef NW_PHANTOM_RECORD_H
#define NW_PHANTOM_RECORD_H

#include <narrows/phantom.h>

/* Places of columns; none before them holds a comma. */
enum { NW_RECORD_LABEL = 2, NW_RECORD_GRADE = 6, NW_RECORD_SPLIT = 8 };

/* The titles, with a line end. Static. */
const char *nw_phantom_titles(void);
/* One line with its end; nw_free. NULL where memory is out. */
char *nw_phantom_record(const nw_phantom_options *options, const nw_phantom_info *info);
/* The last column: what a study was made with, so that a cohort is continued with the same options only.
 * Free with nw_free. */
char *nw_phantom_recipe(const nw_phantom_options *options);

/* What is known of the slices of a study; lungs and lesions [dims[2]][dims[1]][dims[0]]: not 0 is in. */
typedef struct nw_slice_truth {
    uint64_t study;
    int label;
    const char *split;
    int64_t dims[3];
    double voxel_ml;
    const uint8_t *lungs, *lesions;
} nw_slice_truth;

/* The titles of slices.csv, with a line end. Static. */
const char *nw_phantom_slice_titles(void);
/* The titles and a line a slice; nw_free. NULL where memory is out. */
char *nw_phantom_slice_lines(const nw_slice_truth *truth);
/* The same from the masks in a study's folder; study, label and split are set by the caller. */
nw_status nw_phantom_slice_read(const char *folder, nw_slice_truth *truth, char **lines, nw_error *err);

#endif
