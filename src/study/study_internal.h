/* What the files of this folder share. */
#ifndef NW_STUDY_INTERNAL_H
#define NW_STUDY_INTERNAL_H

#include "base/error.h"

#include <jansson.h>
#include <narrows/study.h>
#include <stdbool.h>

double nw_study_clock(void); /* seconds */

/* The voxels of one slice: index = origin + u * step[0] + v * step[1], u < n[0], v < n[1]. */
typedef struct nw_slice_plane {
    int64_t origin, n[2], step[2];
} nw_slice_plane;

nw_slice_plane nw_slice_plane_of(const nw_grid *grid, int64_t slice);

/* A study that is being made. */
typedef struct nw_study_maker {
    nw_explainer *explainer;
    const nw_preprocess *preprocess;
    const nw_study_options *options;
    const nw_progress *progress;
    nw_study *study;
    nw_stats *stats;
    bool gated;                    /* a gate is in force */
    float *pixels;                 /* one input of the model */
    float *plane;                  /* [rows][columns] of a slice */
    float *logits, *probabilities; /* [output_count] */
    double done, total;            /* slices, over all repeats */
} nw_study_maker;

/* slices.c. The first run: which slices are predicted and explained, and their maps in study->map. */
nw_status nw_study_explain(nw_study_maker *m, nw_error *err);
/* A later run, of the slices that the first one has explained: the same map with other noise in dst. */
nw_status nw_study_repeat(nw_study_maker *m, int repeat, float *dst, nw_error *err);

/* measure.c. Lesions, severity and sweep of the first run; then the repeats and the interval. */
nw_status nw_study_measure(nw_study_maker *m, nw_error *err);

/* settings.c: study->settings. */
nw_status nw_study_describe(nw_study_maker *m, nw_error *err);

/* The probability of each slice as the lesions' gate takes it (0 where there is none); NULL without memory.
 */
double *nw_study_gate(const nw_study *study);

/* JSON that prints numbers that are not finite as null. */
json_t *nw_json_number(double value);
/* A string; null for NULL; bytes that are not UTF-8 become '?'. */
json_t *nw_json_text(const char *text);

#endif
