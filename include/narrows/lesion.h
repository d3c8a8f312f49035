/* From a map in bits over a chest CT to lungs, lesions and severity.
 *
 *     nw_grid_of_volume(scan, &grid, &hu, &err);
 *     nw_lungs_segment(&grid, hu, NULL, NULL, &lungs, &err);
 *     nw_density_from_bits(&grid, NW_BITS_PER_SLICE, map, map, &err);
 *     nw_density_prepare(&grid, map, &options, &err);
 *     nw_lesions_find(lungs, map, hu, &options, &lesions, &err);
 *     nw_severity_measure(lungs, map, lesions->labels, &severity, &err);
 *
 * Arrays over the voxels are in the order of the file, [dims[2]][dims[1]][dims[0]]. All lengths are mm and
 * all volumes mL, taken from the affine, so that results depend neither on the order of voxels nor on how
 * fine they are. Right, left, up and down are the patient's. Definitions of every number: nw_definition_list,
 * and docs/severity.md. Research software, not a medical device.
 */
#ifndef NARROWS_LESION_H
#define NARROWS_LESION_H

#include <narrows/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Where voxels are ---------------------------------------------------------------------------------- */

typedef struct nw_grid {
    int64_t dims[3];     /* along i, j, k */
    double affine[4][4]; /* voxel (i, j, k, 1) -> mm (right, anterior, superior, 1); voxel centres */
    int slice_axis;      /* 0, 1, 2: along which slices are counted */
    int slices_reversed; /* non-zero: slice 0 is the last along that axis */
} nw_grid;

/* The grid of a scan and its values (valid as long as the volume; *values may be NULL where not wanted).
 * NW_USAGE for pictures and tensors, which have no mm. */
NW_API nw_status nw_grid_of_volume(const nw_volume *volume, nw_grid *grid, const float **values,
                                   nw_error *err);
NW_API double nw_grid_voxel_ml(const nw_grid *grid);
/* RAS mm of a point in voxel coordinates (centres are whole numbers). */
NW_API void nw_grid_world(const nw_grid *grid, const double voxel[3], double mm[3]);

/* ---- Lungs ----------------------------------------------------------------------------------------------
 */

typedef enum nw_side { NW_SIDE_NONE, NW_SIDE_RIGHT, NW_SIDE_LEFT } nw_side;
enum { NW_SIDES = 3, NW_ZONES = 3, NW_LOBES = 5 };
typedef enum nw_zone { NW_ZONE_UPPER, NW_ZONE_MIDDLE, NW_ZONE_LOWER } nw_zone;
/* 0 none; then right upper, right middle, right lower, left upper, left lower. */
typedef enum nw_lobe { NW_LOBE_NONE, NW_LOBE_RU, NW_LOBE_RM, NW_LOBE_RL, NW_LOBE_LU, NW_LOBE_LL } nw_lobe;
NW_API const char *nw_side_name(nw_side side); /* "none", "right", "left" */
NW_API const char *nw_zone_name(nw_zone zone); /* "upper", "middle", "lower" */
NW_API const char *nw_lobe_name(nw_lobe lobe); /* "none", "right upper", ... */

/* X(NAME, key, text): doubts about a lung mask, bits of nw_lungs.warnings. */
#define NW_LUNG_WARNING_LIST(X)                                                                              \
    X(NO_RIGHT, "no-right-lung", "no right lung was found")                                                  \
    X(NO_LEFT, "no-left-lung", "no left lung was found")                                                     \
    X(SMALL, "small-lungs", "the lungs are smaller than plausible for a whole chest (below 1 L)")            \
    X(LARGE, "large-lungs", "the lungs are larger than plausible (above 10 L): air outside may be in")       \
    X(UNEQUAL, "unequal-lungs", "one lung is more than 2.5 times the other")                                 \
    X(CUT_TOP, "cut-at-top", "the lungs reach the uppermost slice: the scan may end within them")            \
    X(CUT_BOTTOM, "cut-at-bottom", "the lungs reach the lowest slice: the scan may end within them")         \
    X(CUT_SIDE, "cut-at-side", "the lungs reach the edge of the field of view")                              \
    X(GAS, "gas", "a part of the mask is as dark as plain gas: bowel or stomach may be in")                  \
    X(JOINED, "joined-lungs", "the lungs touched and were parted along the brightest line between them")     \
    X(FILLED, "much-filled", "more than a fifth of the mask is dense and was closed in by shape alone")      \
    X(NO_AIRWAY, "no-airway", "no trachea was found, so no airway was taken out")                            \
    X(NOT_HU, "not-hu", "the values do not look like Hounsfield units")

typedef enum nw_lung_warning {
#define NW_LUNG_WARNING_INDEX(NAME, key, text) NW_LUNG_INDEX_##NAME,
    NW_LUNG_WARNING_LIST(NW_LUNG_WARNING_INDEX)
#undef NW_LUNG_WARNING_INDEX
        NW_LUNG_WARNINGS,
#define NW_LUNG_WARNING_BIT(NAME, key, text) NW_LUNG_##NAME = 1 << NW_LUNG_INDEX_##NAME,
    NW_LUNG_WARNING_LIST(NW_LUNG_WARNING_BIT)
#undef NW_LUNG_WARNING_BIT
} nw_lung_warning;

/* i < NW_LUNG_WARNINGS stands for the bit 1 << i; NULL beyond. */
NW_API const char *nw_lung_warning_key(int i);
NW_API const char *nw_lung_warning_text(int i);

/* Made by the library, read by the caller, released by nw_lungs_free. Index 0 of volumes and means stands for
 * both lungs, then nw_side. */
typedef struct nw_lungs {
    nw_grid grid;
    const char *method; /* "threshold", "mask", "lung labels", "lobe labels", "whole" */
    uint8_t *labels;    /* nw_side of each voxel */
    uint8_t *lobes;     /* nw_lobe of each voxel, or NULL */
    double volume_ml[NW_SIDES];
    /* Superior coordinate of the lowest and highest edge of voxels. */
    double bottom_mm[NW_SIDES], top_mm[NW_SIDES];
    int has_hu;               /* non-zero: HU were given */
    double mean_hu[NW_SIDES]; /* 0 without */
    double airways_ml;        /* trachea and main bronchi that were taken out */
    double gas_ml;            /* other air in the body that was taken out: bowel, stomach, table */
    double filled_ml;         /* of volume_ml[0], denser than the threshold */
    double threshold_hu;      /* 0 for a mask */
    unsigned warnings;        /* nw_lung_warning bits */
} nw_lungs;

NW_API void nw_lungs_free(nw_lungs *lungs);

/* Zero-initialise for the defaults. */
typedef struct nw_lungs_options {
    double threshold_hu; /* air and aerated lung are below; 0: -350 */
    double closing_mm;   /* radius within which vessels and small gaps are closed in; 0: 6; negative: none */
    double gap_mm; /* widest dense part at the chest wall that is closed in by the shape of the wall around
                      it; 0: 100; negative: none */
} nw_lungs_options;

/* Lungs of a chest CT in HU, without a network: see docs/severity.md. NW_BAD_INPUT where no lung is found. */
NW_API nw_status nw_lungs_segment(const nw_grid *grid, const float *hu, const nw_lungs_options *options,
                                  const nw_progress *progress, nw_lungs **out, nw_error *err);

/* X(NAME, name): what the numbers of a mask file mean. */
#define NW_LABELS_LIST(X)                                                                                    \
    X(AUTO, "auto") /* binary for one value, lungs for two, lobes for five; else an error */                 \
    X(BINARY, "binary")                                                                                      \
    X(LUNGS, "lungs")                                                                                        \
    X(LOBES, "lobes")

typedef enum nw_labels_kind {
#define NW_LABELS_ENUM(NAME, name) NW_LABELS_##NAME,
    NW_LABELS_LIST(NW_LABELS_ENUM)
#undef NW_LABELS_ENUM
} nw_labels_kind;

/* Zero-initialise for the defaults. */
typedef struct nw_labels_map {
    nw_labels_kind kind;
    int right, left;        /* NW_LABELS_LUNGS; both 0: 1 and 2 */
    int lobe[NW_LOBES + 1]; /* by nw_lobe, [0] unused; all 0: 1, 2, 3, 4, 5 */
} nw_labels_map;

/* Reads "auto", "binary", "lungs", "lobes", "right=2,left=3" or "RU=3,RM=4,RL=5,LU=1,LL=2". NW_USAGE. */
NW_API nw_status nw_labels_map_parse(const char *text, nw_labels_map *map, nw_error *err);

/* Lungs from a mask on a grid of its own (NULL: the same): every voxel of `grid` takes the label that the
 * mask has there in the world, nearest neighbour, 0 outside. Binary: everything above 0.5 is lung, right and
 * left found as in nw_lungs_segment. hu may be NULL. NW_BAD_INPUT for labels that are not whole numbers, that
 * the map does not know (LUNGS, LOBES), or a mask that misses the scan. map NULL: the defaults. */
NW_API nw_status nw_lungs_from_labels(const nw_grid *grid, const float *hu, const nw_grid *mask_grid,
                                      const float *mask, const nw_labels_map *map, nw_lungs **out,
                                      nw_error *err);
/* Every voxel is lung, for images that are cropped to the lungs: right and left of the middle. hu may be
 * NULL.
 */
NW_API nw_status nw_lungs_whole(const nw_grid *grid, const float *hu, nw_lungs **out, nw_error *err);

/* Third of the lung's height at a superior coordinate; the middle third for a side that has no lung. */
NW_API nw_zone nw_lungs_zone(const nw_lungs *lungs, nw_side side, double superior_mm);

/* ---- Maps in bits per mL ----------------------------------------------------------------------------------
 */

typedef enum nw_bits_source {
    NW_BITS_PER_SLICE, /* bits per pixel of maps that a 2-D classifier gave slice by slice */
    NW_BITS_PER_VOXEL  /* bits per voxel of a 3-D classifier's map */
} nw_bits_source;

/* dst = src (may be the same array) as a density. Of a slice's map: bits per pixel / pixel area in cm^2 / 1
 * cm, which is bits per mL where slices are read 1 cm apart: pixels twice as fine, or slices twice as many,
 * change nothing. Of a 3-D map: bits per voxel / voxel volume in mL. */
NW_API nw_status nw_density_from_bits(const nw_grid *grid, nw_bits_source source, const float *src,
                                      float *dst, nw_error *err);

typedef struct nw_healthy nw_healthy;

/* X(NAME, name, text): how the threshold in bits per mL is chosen. */
#define NW_THRESHOLD_LIST(X)                                                                                 \
    X(HEALTHY, "healthy", "quantile of the density in the lungs of negative scans")                          \
    X(FIXED, "fixed", "a number given in bits per mL")                                                       \
    X(OTSU, "otsu", "Otsu's threshold of the density in these lungs")                                        \
    X(SHARE, "share", "a share of the largest density in these lungs")

typedef enum nw_threshold_rule {
#define NW_THRESHOLD_ENUM(NAME, name, text) NW_THRESHOLD_##NAME,
    NW_THRESHOLD_LIST(NW_THRESHOLD_ENUM)
#undef NW_THRESHOLD_ENUM
} nw_threshold_rule;

NW_API const char *nw_threshold_rule_name(nw_threshold_rule rule);
NW_API nw_status nw_threshold_rule_parse(const char *name, nw_threshold_rule *rule, nw_error *err);

/* nw_lesion_options_init gives the defaults. */
typedef struct nw_lesion_options {
    const double
        *probability;       /* of the finding, one a slice (in nw_volume's order of slices); NULL: no gate */
    double gate;            /* slices below it have no lesions and no bits; 0.5 */
    double smooth_mm;       /* deviation of a Gaussian across slices; 0 (none) */
    nw_threshold_rule rule; /* healthy where `healthy` is given, else otsu */
    double threshold;       /* bits per mL, of NW_THRESHOLD_FIXED */
    const nw_healthy *healthy; /* NULL */
    double quantile;           /* of NW_THRESHOLD_HEALTHY; 0.99 */
    double share;              /* of NW_THRESHOLD_SHARE; 0.5 */
    double low_hu, high_hu;    /* lesions are within, both included; both 0: no gate */
    double min_ml;             /* smaller components are dropped; 0.1 */
} nw_lesion_options;

NW_API void nw_lesion_options_init(nw_lesion_options *options, const nw_healthy *healthy);

/* Gate and smoothing, in place: slices below the gate become 0, the rest is smoothed across slices (at the
 * ends with the weights that remain), and gated slices become 0 again. */
NW_API nw_status nw_density_prepare(const nw_grid *grid, float *density, const nw_lesion_options *options,
                                    nw_error *err);

/* ---- What healthy lungs need ------------------------------------------------------------------------------
 */

/* A histogram of the density in the lungs of negative scans, in mL of lung: 64 bins a decade, so that a
 * quantile is known to 4 %. */
NW_API nw_status nw_healthy_new(nw_healthy **out, nw_error *err);
NW_API void nw_healthy_free(nw_healthy *healthy);
/* One negative scan: a prepared density and its lungs. */
NW_API nw_status nw_healthy_add(nw_healthy *healthy, const nw_lungs *lungs, const float *density,
                                nw_error *err);
/* The same from bare numbers: `count` voxels of `voxel_ml` each, those with mask[i] != 0 (NULL: all). */
NW_API nw_status nw_healthy_add_values(nw_healthy *healthy, const float *density, const uint8_t *mask,
                                       size_t count, double voxel_ml, nw_error *err);
/* Adds what `other` has seen. NW_BAD_INPUT where the facts differ. */
NW_API nw_status nw_healthy_merge(nw_healthy *healthy, const nw_healthy *other, nw_error *err);
NW_API int64_t nw_healthy_scans(const nw_healthy *healthy);
NW_API double nw_healthy_ml(const nw_healthy *healthy);
NW_API double nw_healthy_bits_per_litre(const nw_healthy *healthy); /* mean; 0 without scans */
NW_API double nw_healthy_largest(const nw_healthy *healthy);        /* bits per mL */
/* The density that a share q (0 .. 1) of healthy lung does not exceed, bits per mL; interpolated within a bin
 * on the scale of logarithms. NW_BAD_INPUT without scans, NW_USAGE for q outside 0 .. 1. */
NW_API nw_status nw_healthy_quantile(const nw_healthy *healthy, double q, double *bits_per_ml, nw_error *err);
/* Facts that must be the same where the numbers are used: the model's digest and a text of the settings of
 * the map (NULL: unknown). Copied. */
NW_API nw_status nw_healthy_set_facts(nw_healthy *healthy, const char *model_digest, const char *settings,
                                      nw_error *err);
NW_API const char *nw_healthy_model_digest(const nw_healthy *healthy); /* NULL: unknown */
NW_API const char *nw_healthy_settings(const nw_healthy *healthy);     /* NULL: unknown */
/* A small JSON file (schema in docs/severity.md), whole or not at all. Loading checks everything; a
 * model_digest or settings (NULL: not checked) other than the file's are NW_BAD_INPUT. */
NW_API nw_status nw_healthy_save(const nw_healthy *healthy, const char *path, nw_error *err);
NW_API nw_status nw_healthy_load(const char *path, const char *model_digest, const char *settings,
                                 nw_healthy **out, nw_error *err);
/* The same as a text on one line, for metadata (free() it; NULL without memory), and back; `where` names the
 * text's origin in errors. */
NW_API char *nw_healthy_dump(const nw_healthy *healthy);
NW_API nw_status nw_healthy_parse(const char *text, const char *where, const char *model_digest,
                                  const char *settings, nw_healthy **out, nw_error *err);

/* ---- Lesions ----------------------------------------------------------------------------------------------
 */

typedef struct nw_lesion {
    int32_t label; /* from 1, the largest first */
    int64_t voxels;
    double volume_ml;
    int64_t box_voxel[2][3]; /* first and last voxel */
    double box_mm[2][3];     /* RAS, least and greatest, edges of voxels included */
    double centroid_voxel[3], centroid_mm[3];
    nw_side side; /* of most of its voxels; likewise zone and lobe */
    nw_zone zone;
    nw_lobe lobe; /* NW_LOBE_NONE without a lobe mask */
    double bits;
    double max_density, mean_density; /* bits per mL */
    double mean_hu;                   /* 0 without HU */
} nw_lesion;

/* Made by the library, read by the caller, released by nw_lesions_free. */
typedef struct nw_lesions {
    nw_threshold_rule rule;
    double threshold; /* bits per mL: lesions have at least this, and more than 0 */
    double min_ml;
    size_t count;
    nw_lesion *items;
    int32_t *labels;  /* 0: none */
    double volume_ml; /* of all */
    size_t dropped;   /* components that were too small */
    double dropped_ml;
} nw_lesions;

/* Components (26 neighbours) of voxels in the lungs with at least the threshold. hu may be NULL where there
 * is no HU gate. density is checked to be finite and not negative: NW_NOT_FINITE, NW_BAD_INPUT. */
NW_API nw_status nw_lesions_find(const nw_lungs *lungs, const float *density, const float *hu,
                                 const nw_lesion_options *options, nw_lesions **out, nw_error *err);
NW_API void nw_lesions_free(nw_lesions *lesions);
/* The threshold that nw_lesions_find takes, bits per mL. */
NW_API nw_status nw_lesion_threshold(const nw_lungs *lungs, const float *density,
                                     const nw_lesion_options *options, double *bits_per_ml, nw_error *err);

/* ---- Severity ---------------------------------------------------------------------------------------------
 */

/* A part of the lungs and what of it is involved. */
typedef struct nw_part {
    double volume_ml, involved_ml;
    double share; /* involved_ml / volume_ml; 0 for an empty part */
    double bits;
    int score; /* zones 0-4, lobes 0-5; 0 for other parts */
} nw_part;

typedef struct nw_severity {
    nw_part sides[NW_SIDES];           /* 0 both lungs, then nw_side */
    nw_part zones[NW_SIDES][NW_ZONES]; /* [0] unused */
    nw_part lobes[NW_LOBES + 1];       /* [0] unused */
    int grade;                         /* CT-0 .. CT-4 of both lungs */
    int worst_grade;                   /* CT-0 .. CT-4 of the lung that is more involved */
    int zone_score;                    /* 0 .. 24 */
    int lobe_score;                    /* 0 .. 25; -1 without a lobe mask */
    double bits_per_litre;             /* of both lungs */
} nw_severity;

/* labels: of lesions, non-zero is involved (of nw_lesions, or a true mask). density may be NULL: 0 bits. */
NW_API nw_status nw_severity_measure(const nw_lungs *lungs, const float *density, const int32_t *labels,
                                     nw_severity *out, nw_error *err);
/* By the definitions, from a share 0 .. 1: CT-0 .. CT-4, 0 .. 4, 0 .. 5. */
NW_API int nw_severity_grade(double share);
NW_API int nw_severity_zone_score(double share);
NW_API int nw_severity_lobe_score(double share);

/* What was found beside what is there. */
typedef struct nw_agreement {
    double truth_ml, found_ml, both_ml;
    double dice;        /* 2 both / (truth + found); NaN where both are empty */
    double outside_ml;  /* of the truth, not within the lungs that were found */
    double truth_share; /* truth / (lungs and truth together), 0 .. 1 */
    int truth_grade;    /* CT-0 .. CT-4 of it */
    size_t lesions;     /* components (26 neighbours) of the truth of at least min_ml */
    size_t touched;     /* of them, those with a voxel that was found */
} nw_agreement;

/* labels: of lesions, non-zero is found (NULL: nothing was). truth: non-zero is a lesion. Both in the order
 * of the lungs' grid. min_ml: as in nw_lesion_options. */
NW_API nw_status nw_agreement_measure(const nw_lungs *lungs, const int32_t *labels, const uint8_t *truth,
                                      double min_ml, nw_agreement *out, nw_error *err);

/* The same at other thresholds. */
typedef struct nw_sweep_point {
    double threshold;       /* bits per mL */
    double share[NW_SIDES]; /* 0 both lungs, then nw_side */
    double involved_ml;
    size_t lesions;
    int grade, zone_score, lobe_score;
} nw_sweep_point;

/* points[0 .. count) have their thresholds set and get the rest, by nw_lesions_find with that threshold.
 * NW_CANCELLED. */
NW_API nw_status nw_severity_sweep(const nw_lungs *lungs, const float *density, const float *hu,
                                   const nw_lesion_options *options, nw_sweep_point *points, size_t count,
                                   const nw_progress *progress, nw_error *err);
/* `count` thresholds in even steps of their logarithm from `low` to `high` (0 < low < high). */
NW_API void nw_sweep_thresholds(double low, double high, nw_sweep_point *points, size_t count);

/* A number over repeated runs, such as noise seeds. */
typedef struct nw_interval {
    size_t runs;
    double mean, deviation; /* unbiased; 0 below two runs */
    double low, high;       /* 2.5 and 97.5 % quantiles of the runs, interpolated: with few runs nearly their
                               least and greatest */
} nw_interval;

NW_API nw_interval nw_interval_of(const double *values, size_t count);

typedef struct nw_severity_interval {
    nw_interval share[NW_SIDES], involved_ml, bits, bits_per_litre, grade, zone_score, lobe_score;
    int grade_votes[5]; /* runs that gave CT-0 .. CT-4 */
} nw_severity_interval;

NW_API nw_status nw_severity_interval_of(const nw_severity *runs, size_t count, nw_severity_interval *out,
                                         nw_error *err);

/* ---- A scan as its lungs alone ----------------------------------------------------------------------------
 */

/* What a network was trained on, and so has to be given: the fact `narrows.lungs` of a model. */
typedef struct nw_lung_view {
    int crop;         /* slices are cut to the box of the study's lungs (nw_lungs_segment) and the margin */
    int fill;         /* what is farther from them than the margin becomes as dark as the window's low end */
    double margin_mm; /* at least 0 */
} nw_lung_view;

/* Finds the lungs of a scan in HU. *pre (with its scale set) gets the crop, where there is one; *seen is what
 * stands in for the scan, on the same grid (nw_volume_free), or NULL where the scan itself does. NW_BAD_INPUT
 * where lungs cannot be found, NW_USAGE for pictures. */
NW_API nw_status nw_lung_view_make(const nw_lung_view *view, const nw_volume *scan, nw_preprocess *pre,
                                   nw_volume **seen, nw_error *err);
/* {"crop":true,"fill":false,"margin_mm":5.0}. NW_BAD_INPUT for anything else; `where` names the text. */
NW_API nw_status nw_lung_view_parse(const char *json, const char *where, nw_lung_view *view, nw_error *err);
/* As snprintf does: returns the length without the closing zero. 128 bytes are enough. */
NW_API size_t nw_lung_view_json(const nw_lung_view *view, char *text, size_t size);

/* ---- Definitions ------------------------------------------------------------------------------------------
 */

/* What a number means and where it comes from, for reports; each text is in docs/severity.md. */
typedef struct nw_definition {
    const char *key; /* of severity.json: "grade", "zone_score", ... */
    const char *title;
    const char *unit; /* "" for a plain number */
    const char *text;
    const char *source; /* "" where it is our own */
} nw_definition;

NW_API size_t nw_definition_count(void);
NW_API const nw_definition *nw_definition_list(size_t i);        /* NULL beyond the count */
NW_API const nw_definition *nw_definition_find(const char *key); /* NULL where there is none */

#ifdef __cplusplus
}
#endif
#endif
