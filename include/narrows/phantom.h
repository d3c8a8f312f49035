/* Synthetic chest CT with the truth: volumes in HU, lung, zone and lesion masks, and a cohort of them. Not
 * anatomy for medicine: shapes and textures whose place and volume are known, to test classifiers and maps.
 *
 * A study depends on the seed, its number and the options alone: not on the other studies, their order, or
 * the number of threads. docs/phantom.md tells what is modelled and what is not.
 */
#ifndef NARROWS_PHANTOM_H
#define NARROWS_PHANTOM_H

#include <narrows/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A difference between the classes that is no lesion, planted in every positive study and in no negative one,
 * for tests of explanations. */
typedef enum nw_phantom_shortcut {
    NW_SHORTCUT_NONE,
    NW_SHORTCUT_MARKER, /* a bright square in a corner of every slice */
    NW_SHORTCUT_KERNEL, /* positives: the sharp kernel, negatives: the soft one */
    NW_SHORTCUT_WINDOW  /* positives: values above 240 HU and below -960 HU are cut off */
} nw_phantom_shortcut;

typedef enum nw_phantom_kernel { NW_KERNEL_SOFT, NW_KERNEL_SHARP } nw_phantom_kernel;

/* Found in both classes alike. Bits. */
typedef enum nw_phantom_distractor {
    NW_DISTRACTOR_NODULES = 1,
    NW_DISTRACTOR_SCARS = 2,
    NW_DISTRACTOR_BULLAE = 4,
    NW_DISTRACTOR_DEPENDENT = 8, /* denser lung along the back wall, as of lying */
    NW_DISTRACTOR_EFFUSION = 16,
    NW_DISTRACTOR_TUBES = 32, /* stomach tube, drain or wires */
    NW_DISTRACTOR_MOTION = 64 /* breathing while slices are taken */
} nw_phantom_distractor;

typedef enum nw_phantom_lesion_kind {
    NW_LESION_GROUND_GLASS,
    NW_LESION_CRAZY_PAVING,  /* ground glass with a net of thickened septa */
    NW_LESION_REVERSED_HALO, /* ground glass within a ring of consolidation */
    NW_LESION_CONSOLIDATION  /* within a seam of ground glass */
} nw_phantom_lesion_kind;

/* "ground-glass", "crazy-paving", "reversed-halo", "consolidation"; static. */
NW_API const char *nw_phantom_lesion_name(nw_phantom_lesion_kind kind);
NW_API const char *nw_phantom_shortcut_name(nw_phantom_shortcut shortcut);
NW_API const char *nw_phantom_kernel_name(nw_phantom_kernel kernel);

/* Zero-initialise for the defaults. */
typedef struct nw_phantom_options {
    uint64_t seed;
    int64_t size;     /* rows and columns, 64 to 1024; 0: 512 */
    int64_t slices;   /* 1 to 2000; 0: as many as hold the lungs at slice_mm, or 40 */
    double slice_mm;  /* 0.5 to 30; 0: so that the slices hold the lungs */
    double field_mm;  /* side of a slice, 200 to 600; 0: drawn, 300 to 400 */
    double positives; /* share of positive studies, 0 to 1; 0: 0.5 */
    int all_negative; /* non-zero: no positives at all */
    nw_phantom_shortcut shortcut;
    int threads; /* 0: as the environment has it */
} nw_phantom_options;

typedef enum nw_phantom_split { NW_PHANTOM_TRAIN, NW_PHANTOM_VALIDATION, NW_PHANTOM_TEST } nw_phantom_split;
NW_API const char *nw_phantom_split_name(nw_phantom_split split);

typedef struct nw_phantom_lesion {
    nw_phantom_lesion_kind kind;
    double ml;              /* of the voxels in the lesion mask that are nearest to it */
    double ground_glass_ml; /* of these, ... */
    double consolidation_ml;
    double centre[3]; /* of its shape, mm: right, anterior, superior */
} nw_phantom_lesion;

/* Volumes and shares are counted on the masks of this grid (not on the shapes before sampling), so that they
 * are exactly what any program finds that counts voxels. Index 0: right, 1: left. */
typedef struct nw_phantom_info {
    uint64_t seed, study;
    int label; /* 0, 1 */
    nw_phantom_split split;
    int64_t dims[3];     /* columns, rows, slices */
    double spacing[3];   /* mm */
    double affine[4][4]; /* voxel -> mm: right, anterior, superior */
    double lung_ml[2];
    double share[2], share_both; /* lesion voxels / lung voxels, 0..1 */
    int grade;                   /* CT-0 .. CT-4 of share_both: none, < 25 %, to 50 %, to 75 %, more */
    int grade_worse;             /* the same of the lung with the larger share */
    double ground_glass_ml, consolidation_ml;
    size_t lesion_count; /* those with a voxel in the mask */
    const nw_phantom_lesion *lesions;
    nw_phantom_kernel kernel;
    unsigned distractors; /* of nw_phantom_distractor */
    double noise_hu;      /* standard deviation in the middle */
} nw_phantom_info;

/* One study. */
typedef struct nw_phantom nw_phantom;

/* Draws and samples study number `study`. NW_USAGE for options out of their range; NW_NO_MEMORY. */
NW_API nw_status nw_phantom_new(const nw_phantom_options *options, uint64_t study, nw_phantom **out,
                                nw_error *err);
NW_API void nw_phantom_free(nw_phantom *phantom);
/* Valid as long as the phantom, as are the voxels: [slices][rows][columns], rows from anterior to posterior,
 * columns from the patient's right to the left, slices from the lowest up. */
NW_API const nw_phantom_info *nw_phantom_get_info(const nw_phantom *phantom);
NW_API const int16_t *nw_phantom_hu(const nw_phantom *phantom);

typedef enum nw_phantom_part {
    NW_PHANTOM_CT,      /* HU, -1024 to 3071 */
    NW_PHANTOM_LUNGS,   /* 1 right lung, 2 left lung; vessels and lesions within, effusions without */
    NW_PHANTOM_ZONES,   /* thirds of each lung's height: right 1 upper, 2 middle, 3 lower; left 4, 5, 6 */
    NW_PHANTOM_LESIONS, /* 1 ground glass, 2 consolidation */
    NW_PHANTOM_PARTS
} nw_phantom_part;

/* Of a mask, NULL for NW_PHANTOM_CT. */
NW_API const uint8_t *nw_phantom_mask(const nw_phantom *phantom, nw_phantom_part part);
/* A part as an image, as if it had been read from its file; free with nw_volume_free. */
NW_API nw_status nw_phantom_volume(const nw_phantom *phantom, nw_phantom_part part, nw_volume **out,
                                   nw_error *err);
/* One NIfTI file of a part: int16 for CT, uint8 for masks; gzipped where the name ends in .gz. */
NW_API nw_status nw_phantom_write(const nw_phantom *phantom, nw_phantom_part part, const char *path,
                                  nw_error *err);

/* What a cohort holds. */
typedef struct nw_phantom_summary {
    int64_t studies, kept; /* kept: those that were there already */
    int64_t positives;
    int64_t grades[5]; /* CT-0 .. CT-4, of the share of both lungs */
    int64_t splits[3]; /* by nw_phantom_split */
} nw_phantom_summary;

/* Makes FOLDER/study_0001, study_0002, ..., each with ct.nii.gz, lungs.nii.gz, zones.nii.gz, lesions.nii.gz,
 * slices.csv and study.csv; FOLDER/cohort.csv, and FOLDER/slices.csv with the truth of every slice. Studies that are there whole are kept; NW_USAGE where one of them was
 * made with other options. A study appears whole or not at all. Progress counts studies. summary may be NULL.
 */
NW_API nw_status nw_phantom_cohort(const nw_phantom_options *options, int64_t studies, const char *folder,
                                   const nw_progress *progress, nw_phantom_summary *summary, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
