/* A study: one scan explained slice by slice and quantified.
 *
 *     nw_study_options_init(&options, NULL);
 *     nw_lung_source_run(&source, scan, &progress, &lungs, &err);
 *     nw_study_run(explainer, &pre, scan, lungs, &options, &progress, &study, &err);
 *     nw_study_write_map(study, "map.nii.gz", &err);
 *
 * Slices that hold lung are predicted; those whose probability reaches the gate are explained. Their maps, in
 * bits, make the lesions and the severity of lesion.h. Memory, besides the scan (4 bytes a voxel), the lungs
 * (1) and the explainer's programs: the map (4), its density (4, while it is measured) and the labels of
 * lesions (4); nothing grows with the number of slices but those. docs/study-files.md has the files that are
 * written. Research software, not a medical device.
 */
#ifndef NARROWS_STUDY_H
#define NARROWS_STUDY_H

#include <narrows/explain.h>
#include <narrows/lesion.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Where the lungs come from ------------------------------------------------------------------------- */

typedef enum nw_lung_source_kind {
    NW_LUNGS_AUTO,   /* nw_lungs_segment */
    NW_LUNGS_WHOLE,  /* nw_lungs_whole: every voxel */
    NW_LUNGS_FILE,   /* a mask or label map as NIfTI, on any grid */
    NW_LUNGS_NETWORK /* a segmentation network, slice by slice */
} nw_lung_source_kind;

/* Zero-initialise for the defaults. Pointers are borrowed during the call. */
typedef struct nw_lung_source {
    nw_lung_source_kind kind;
    nw_lungs_options segment; /* AUTO */
    const char *path;         /* FILE */
    nw_labels_map labels;     /* FILE, NETWORK */
    /* NETWORK: the output [1, K, h, w] is, for K = 1, a probability or (by the metadata `narrows.head`
     * "logits") a logit, lung from 1/2 up; for K > 1 a score for each label 0 .. K - 1, of which the largest
     * counts (`labels` auto: 2 binary, 3 lungs, 6 lobes). Pixels of the slice take the network's nearest
     * position. */
    nw_model *model;
    const nw_preprocess *preprocess; /* fitted to the model */
    int threads;                     /* 0: as the environment has it */
} nw_lung_source;

/* The lungs of a scan. Free with nw_lungs_free. NW_BAD_INPUT where none are found or the mask does not fit;
 * NW_UNSUPPORTED for a network with another output. */
NW_API nw_status nw_lung_source_run(const nw_lung_source *source, const nw_volume *scan,
                                    const nw_progress *progress, nw_lungs **out, nw_error *err);

/* ---- Settings ------------------------------------------------------------------------------------------ */

/* nw_study_options_init gives the defaults. */
typedef struct nw_study_options {
    nw_lesion_options lesion; /* with `gate`; `probability` is filled in by the study */
    int ungated;              /* non-zero: no gate, also for classifiers. A regression never has one */
    int explain_all; /* non-zero: slices below the gate are explained too: their bits are in the map, but give
                        neither lesions nor severity */
    int repeats;     /* runs with other noise, of which the first is reported and all make the interval; 1 */
    int64_t first, end, step; /* slices first, first + step, ... below end; all 0: every one. Between
                                 explained slices the map is interpolated; what is outside has no bits */
    double least_lung_cm2;    /* area of lung from which a slice counts as holding some; 0.5 */
    int sweep;                /* thresholds in the sweep; 0: none. 13 */
    double sweep_octaves;     /* how far it goes to either side of the threshold, in factors of two; 3 */
    const char *settings;     /* JSON object of the caller's own, kept in nw_study.settings; may be NULL */
    const nw_volume *seen;    /* what the network is given in place of the scan, on the same grid (lesion.h,
                                 nw_lung_view_make); NULL: the scan */
} nw_study_options;

NW_API void nw_study_options_init(nw_study_options *options, const nw_healthy *healthy);

/* ---- Results ------------------------------------------------------------------------------------------- */

/* X(NAME, key, text): what became of a slice. */
#define NW_SLICE_LIST(X)                                                                                     \
    X(EXPLAINED, "explained", "predicted and explained")                                                     \
    X(BELOW_GATE, "below-gate", "predicted; its probability is below the gate")                              \
    X(NO_LUNG, "no-lung", "holds no lung, and was passed over")                                              \
    X(BETWEEN, "between", "between explained slices, its map interpolated")                                  \
    X(NOT_CHOSEN, "not-chosen", "outside the chosen slices, and passed over")

typedef enum nw_slice_state {
#define NW_SLICE_ENUM(NAME, key, text) NW_SLICE_##NAME,
    NW_SLICE_LIST(NW_SLICE_ENUM)
#undef NW_SLICE_ENUM
} nw_slice_state;

NW_API const char *nw_slice_state_key(nw_slice_state state);
NW_API const char *nw_slice_state_text(nw_slice_state state);

typedef struct nw_study_slice {
    int64_t index;
    double position_mm; /* of its middle along the slice axis: superior for axial slices (RAS) */
    double lung_ml;     /* */
    nw_slice_state state;
    int gated;          /* non-zero: below the gate, so without lesions (it may be explained all the same) */
    double probability; /* of the explained class; NaN where not predicted, and for a regression */
    double
        score; /* its logit (of a one-logit head: of that class), or the quantity; NaN where not predicted */
    const float *logits; /* [output_count], or NULL */
    double total_bits;   /* of the slice's map, 0 where there is none */
    double lung_bits;    /* of it within the lungs */
    int still_falling;   /* as in nw_map */
    double found_ml, truth_ml, both_ml; /* lesions, true ones, and where both are; 0 without a truth */
    double seconds;
} nw_study_slice;

/* Wall-clock seconds. reading, lungs and report are the caller's to fill in. */
typedef struct nw_study_times {
    double reading, lungs;
    double prediction; /* clean passes for the gate */
    double features;   /* the part before the bottleneck */
    double bottleneck; /* its loop */
    double mapping;    /* preprocessing, and maps back to the scan */
    double lesions;    /* density, lesions, severity, sweep */
    double repeats;    /* all runs after the first */
    double writing, report;
} nw_study_times;

/* Made by the library, read by the caller, released by nw_study_free. Arrays over voxels are in the order of
 * the file. The scan is borrowed; everything else belongs to the study. */
typedef struct nw_study {
    const nw_volume *scan;
    nw_grid grid;
    const float *hu; /* the scan's values */

    /* The model, and what was explained. */
    const char *model_name; /* file name without folders */
    const char *model_digest;
    const char *method, *layer;
    nw_head_kind head;
    int64_t target;
    size_t output_count;
    const char *const *classes; /* [class_count] names, may be fewer than outputs; from `narrows.classes` */
    size_t class_count;
    const char *target_name; /* NULL: it has none */

    size_t slice_count; /* of the scan, slices[i].index == i */
    nw_study_slice *slices;
    size_t explained;        /* slices with a map of their own */
    double mean_probability; /* over predicted slices, NaN without */
    double max_probability;
    int64_t max_slice; /* with that probability (of a regression the largest score); -1: none */

    float *map;            /* bits per voxel, neither gated nor smoothed */
    double density_factor; /* bits per mL = bits per voxel times this */
    double gate;           /* NaN: none */
    nw_lungs *lungs;
    nw_lesions *lesions; /* their labels, table and threshold */
    nw_severity severity;
    size_t sweep_count;
    nw_sweep_point *sweep;         /* [sweep_count], rising thresholds */
    size_t run_count;              /* repeats */
    nw_severity *runs;             /* [run_count]; runs[0] is `severity` */
    double *run_thresholds;        /* [run_count] bits per mL */
    nw_severity_interval interval; /* of the runs; meaningful from two on */

    uint8_t *truth;         /* 1: a true lesion; NULL: not known (nw_study_set_truth) */
    nw_agreement agreement; /* with it */

    nw_lesion_options lesion_options; /* as used; `healthy` and `probability` are NULL */
    double healthy_litres;            /* behind the threshold; 0: none */
    int64_t healthy_scans;            /* */
    size_t warning_count;
    char **warnings;  /* [warning_count] sentences for the reader */
    char *provenance; /* JSON: how the maps were made, every parameter with its meaning */
    char *settings;   /* JSON: the study's own settings */
    nw_study_times seconds;
} nw_study;

/* Explains and quantifies. The explainer must have a target of its own (not "what the model predicts"), since
 * bits for different classes cannot be added up: NW_USAGE. `lungs` are taken over on success. Slice s of run
 * r has the key s + r 2^32 for its random numbers. progress counts slices. NW_CANCELLED leaves *out as it
 * was. */
NW_API nw_status nw_study_run(nw_explainer *explainer, const nw_preprocess *preprocess, const nw_volume *scan,
                              nw_lungs *lungs, const nw_study_options *options, const nw_progress *progress,
                              nw_study **out, nw_error *err);
NW_API void nw_study_free(nw_study *study);

/* Holds the lesions against true ones: what is not 0 in the mask, which may have a grid of its own (each
 * voxel of the scan takes what the mask has there in the world). Fills in truth, agreement and the slices'
 * mL. NW_BAD_INPUT where the mask has no geometry, hardly overlaps with the scan, or holds values that are
 * not finite. */
NW_API nw_status nw_study_set_truth(nw_study *study, const nw_volume *mask, nw_error *err);

/* Adds a sentence to `warnings`. */
NW_API nw_status nw_study_warn(nw_study *study, const char *sentence, nw_error *err);

/* What the maps of a negative scan add to the bits of healthy lungs: the map's density, smoothed as the
 * lesions' would be but without a gate. Run the study with `ungated`. The facts of `healthy` are set where it
 * has none. */
NW_API nw_status nw_study_add_healthy(const nw_study *study, nw_healthy *healthy, nw_error *err);

/* ---- Files --------------------------------------------------------------------------------------------- */

/* Each of them appears whole or not at all. Folder: must exist. */
NW_API nw_status nw_study_write_map(const nw_study *study, const char *path, nw_error *err);
NW_API nw_status nw_study_write_lungs(const nw_study *study, const char *path, nw_error *err);
NW_API nw_status nw_study_write_lesions(const nw_study *study, const char *path, nw_error *err);
NW_API nw_status nw_study_write_csv(const nw_study *study, const char *path, nw_error *err);
/* severity.json as text; nw_manifest_release_text. name: of the study, for readers. */
NW_API char *nw_study_severity_json(const nw_study *study, const char *name);
NW_API nw_status nw_study_write_severity(const nw_study *study, const char *name, const char *path,
                                         nw_error *err);

/* SHA-256 in hexadecimal: of settings as JSON, say, to know finished studies by. */
NW_API void nw_bytes_digest(const void *data, size_t size, char hex[65]);
/* What a map depends on besides the model, the scan and the seed, as one line of JSON: facts of nw_healthy,
 * which are of use only where the maps are made in the same way. Release with nw_manifest_release_text; NULL
 * without memory. */
NW_API char *nw_study_map_settings(const nw_explainer *explainer, const nw_preprocess *preprocess,
                                   const nw_lesion_options *options);

enum { NW_SEVERITY_VERSION = 1 };

#ifdef __cplusplus
}
#endif
#endif
