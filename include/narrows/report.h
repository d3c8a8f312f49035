/* Pictures and records of a result: colour maps, the overlay of a map on its image, the manifest of a run,
 * the reports of a study and of a training. */
#ifndef NARROWS_REPORT_H
#define NARROWS_REPORT_H

#include <narrows/error.h>
#include <narrows/metrics.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- colour maps: sequential, lightness grows evenly, so they read in grey and with any colour vision -- */

NW_API size_t nw_colormap_count(void);
/* "ember" (the default), "tide", "grey"; NULL beyond the last. */
NW_API const char *nw_colormap_name(size_t i);
/* The colour at 0 <= t <= 1 (clamped). NW_USAGE for an unknown name; NULL is the default. */
NW_API nw_status nw_colormap_rgb(const char *name, double t, unsigned char rgb[3], nw_error *err);

/* -- pictures: 8-bit RGB, rows from the top -- */

typedef struct nw_picture {
    int width, height;
    unsigned char *rgb; /* [height][width][3] */
} nw_picture;

NW_API void nw_picture_free(nw_picture *picture);
/* Writes a PNG whole or not at all. */
NW_API nw_status nw_picture_write_png(const nw_picture *picture, const char *path, nw_error *err);

/* -- overlay: the image, the same with the map on it, a colour bar -- */

/* Zero-initialise; `image`, `rows`, `columns` and `map` are needed. Arrays are row-major [rows][columns]. */
typedef struct nw_overlay {
    const float *image; /* grey; any range, shown from its smallest to its largest value */
    const float *map;   /* not negative; NULL draws the image alone */
    const float *mask;  /* NULL, or a region (above zero is inside) that is outlined in a panel of its own */
    const float *found; /* NULL, or a region that is outlined over the map */
    int64_t rows, columns;
    double aspect;    /* height of a pixel over its width, in mm; 0: 1 */
    double high;      /* the value at the top of the colour bar; 0: what 99.8 % of the map do not exceed */
    const char *unit; /* "bit/px": gets an SI prefix; NULL or "": a bar without a unit */
    const char *colormap;   /* NULL: the default */
    const char *title;      /* one line above, UTF-8 (what is not ASCII shows as '?'); may be NULL */
    const char *caption;    /* one line below; may be NULL */
    const char *mask_label; /* above the mask's panel; NULL: "mask" */
    int panel;              /* height of a panel in pixels; 0: that of the image, within 448 .. 768 */
} nw_overlay;

/* nw_picture_free releases *out. NW_BAD_INPUT for sizes out of 1 .. 65536, NW_NOT_FINITE for a map with NaN.
 */
NW_API nw_status nw_overlay_draw(const nw_overlay *overlay, nw_picture *out, nw_error *err);

/* Several pictures on one sheet, `columns` a row (0: as square as may be). */
NW_API nw_status nw_picture_sheet(const nw_picture *pictures, size_t count, int columns, nw_picture *out,
                                  nw_error *err);

/* -- manifest: one JSON a run (docs/manifest.md) -- */

enum { NW_MANIFEST_VERSION = 1 };

typedef struct nw_manifest nw_manifest;

/* A new record with its schema version, the tool's version and the time of the start. */
NW_API nw_status nw_manifest_new(const char *command, nw_manifest **out, nw_error *err);
NW_API void nw_manifest_free(nw_manifest *manifest);

/* Sets a value at a path such as "model.digest" or "images.0.total_bits": names make objects, numbers make
 * arrays (the next free index appends). A key with a dot in it is written with "\\." in the path. Errors (no
 * memory, a path through a value) are kept and reported by nw_manifest_write. A number that is not finite
 * becomes null. */
NW_API void nw_manifest_text(nw_manifest *manifest, const char *path, const char *value);
NW_API void nw_manifest_number(nw_manifest *manifest, const char *path, double value);
NW_API void nw_manifest_integer(nw_manifest *manifest, const char *path, int64_t value);
NW_API void nw_manifest_flag(nw_manifest *manifest, const char *path, int value);
NW_API void nw_manifest_numbers(nw_manifest *manifest, const char *path, const double *values, size_t count);
/* JSON text as it is; NW_BAD_INPUT (kept) where it does not parse. */
NW_API void nw_manifest_json(nw_manifest *manifest, const char *path, const char *json);

/* The record as text, to be released with nw_manifest_release_text; NULL when memory is out. */
NW_API char *nw_manifest_dump(const nw_manifest *manifest);
NW_API void nw_manifest_release_text(char *text);
/* Adds the time of the end and writes the file whole or not at all. */
NW_API nw_status nw_manifest_write(nw_manifest *manifest, const char *path, nw_error *err);

/* -- text -- */

/* Writes a text file (CSV, say) whole or not at all; a device or pipe is written straight. */
NW_API nw_status nw_text_write(const char *path, const char *text, nw_error *err);

/* -- pages: HTML that opens anywhere, offline, with its pictures inside -- */

struct nw_study; /* narrows/study.h */

typedef struct nw_page_fact {
    const char *name, *value;
} nw_page_fact;

/* Zero-initialise. All texts are UTF-8 and are escaped. The page shows nothing of the scan's file name or
 * header but its geometry: what identifies a patient comes in by name and facts alone. */
typedef struct nw_page_options {
    const char *name;          /* heading; NULL: "Study" */
    const nw_page_fact *facts; /* more facts for the head: "Acquired", "2020-03-01" */
    size_t fact_count;
    const nw_page_fact *files; /* text and relative path of files beside the page */
    size_t file_count;
    const char *cohort_link; /* relative path of the cohort's page; NULL: none */
} nw_page_options;

/* The report of a study, written whole or not at all. options NULL: defaults. NW_NOT_FINITE where a number
 * that would be shown is not finite; NW_BAD_INPUT where parts of the study do not fit together. */
NW_API nw_status nw_study_page_write(const struct nw_study *study, const nw_page_options *options,
                                     const char *path, nw_error *err);

/* A PNG of `count` slices (0: 4), evenly spread over the lungs' volume and chosen by nothing else: the CT,
 * the true lesions, and the map with what was found, with the mL of each slice and of all. NW_USAGE for a
 * study without a truth (nw_study_set_truth). */
NW_API nw_status nw_study_truth_write(const struct nw_study *study, const char *name, int count,
                                      const char *path, nw_error *err);

/* A line of the cohort's table. */
typedef struct nw_cohort_study {
    const char *name;
    const char *link;  /* relative path of its page; NULL: none */
    const char *error; /* NULL, or why it failed: the numbers are not looked at then */
    int grade, zone_score;
    double share;                 /* involved, of both lungs, 0 .. 1 */
    double share_low, share_high; /* its interval; NaN: none */
    double lung_ml, involved_ml, bits_per_litre;
    double max_probability; /* NaN: none (a regression) */
    size_t lesions, warnings;
} nw_cohort_study;

/* The page of many studies, in the order given, written whole or not at all. title NULL: "Studies". */
NW_API nw_status nw_cohort_page_write(const nw_cohort_study *studies, size_t count, const char *title,
                                      const char *path, nw_error *err);

/* A line of the results: the name as it is shown ("AUROC", "Sensitivity at 90 % specificity"). */
typedef struct nw_training_result {
    const char *name;
    nw_estimate estimate;
} nw_training_result;

/* Samples of a split by class. */
typedef struct nw_training_split {
    const char *name;      /* "train" */
    const int64_t *counts; /* [class_count] */
    int64_t groups;        /* patients; 0: not known */
} nw_training_split;

/* A training, for its page. Zero-initialise; `epochs` are needed, what else is missing is not shown. Texts
 * are UTF-8 and are escaped. */
typedef struct nw_training_page {
    const char *name;          /* heading; NULL: "Training" */
    const nw_page_fact *facts; /* for the head: "Network", "resnet18" */
    size_t fact_count;
    const char *const *warnings;
    size_t warning_count;

    const nw_epoch *epochs; /* [epoch_count], epoch 1 first */
    size_t epoch_count;
    const char *metric;  /* name of the metric whose curve is drawn; NULL: none */
    size_t metric_index; /* its place in nw_epoch.metrics */
    int64_t best_epoch;  /* whose weights were kept; 0: not known */

    const nw_training_result *results; /* the first one is the headline */
    size_t result_count;
    const char *results_of;       /* what they were measured on: "test split, 112 scans of 56 patients" */
    const double *false_positive; /* [roc_count] the ROC curve, as of nw_metric_roc_curve */
    const double *true_positive;
    size_t roc_count;
    const nw_calibration_bin *bins; /* as of nw_metric_calibration */
    size_t bin_count;

    const char *const *classes; /* [class_count] names */
    size_t class_count;
    const nw_training_split *splits;
    size_t split_count;
    const nw_page_fact *settings;
    size_t setting_count;
    const nw_page_fact *files; /* text and relative path of files beside the page */
    size_t file_count;
} nw_training_page;

/* Curves, results with intervals, data and settings of a training, written whole or not at all. NW_USAGE
 * without an epoch; NW_NOT_FINITE where a number that would be shown is not finite; NW_BAD_INPUT where parts
 * do not fit together. */
NW_API nw_status nw_training_page_write(const nw_training_page *training, const char *path, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
