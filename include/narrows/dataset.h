/* Labelled images for training and testing: what is in which split, and their pixels as a model wants them.
 *
 *     nw_dataset_options options = {.pre = {.channels = 1, .height = 224, .width = 224}};
 *     nw_dataset_open("labels.csv", &options, &data, &err);
 *     nw_dataset_order(data, NW_SPLIT_TRAIN, 1, seed, epoch, indices, count, &err);
 *     nw_dataset_load(data, NW_SPLIT_TRAIN, indices[0], &policy, seed, epoch, pixels, &err);
 *
 * docs/datasets.md tells what lists and folders look like. */
#ifndef NARROWS_DATASET_H
#define NARROWS_DATASET_H

#include <narrows/augment.h>
#include <narrows/image.h>
#include <narrows/lesion.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, name, text) */
#define NW_TASK_LIST(X)                                                                                      \
    X(CLASSES, "classes", "one of several classes: an output for each")                                      \
    X(BINARY, "binary", "one of two classes: a single logit, of the second")                                 \
    X(MULTILABEL, "multilabel", "any of several labels: a logit for each")                                   \
    X(REGRESSION, "regression", "a number for each output")

typedef enum nw_task {
#define NW_TASK_ENUM(NAME, name, text) NW_TASK_##NAME,
    NW_TASK_LIST(NW_TASK_ENUM)
#undef NW_TASK_ENUM
} nw_task;

NW_API const char *nw_task_name(nw_task task);
NW_API nw_status nw_task_parse(const char *name, nw_task *task, nw_error *err); /* NW_USAGE */

typedef enum nw_split { NW_SPLIT_TRAIN, NW_SPLIT_VAL, NW_SPLIT_TEST } nw_split;
enum { NW_SPLITS = 3 };

NW_API const char *nw_split_name(nw_split split); /* "train", "val", "test" */
/* Also "training", "valid", "validation", "testing", in any case. NW_USAGE. */
NW_API nw_status nw_split_parse(const char *name, nw_split *split, nw_error *err);

/* Groups that the list itself has in several splits. */
typedef enum nw_straddle {
    NW_STRADDLE_REFUSE,
    NW_STRADDLE_DROP, /* what is in the test split (else validation) stays there, the rest of the group is
                         left out */
    NW_STRADDLE_ALLOW /* a warning */
} nw_straddle;

/* Zero-initialise for the defaults; `pre` needs channels, height and width. Texts are copied. Of a column:
 * NULL takes the first of the names in brackets that the file has, in any case, and "" takes none. */
typedef struct nw_dataset_options {
    const char *file_column;  /* [file, path, image, filename], else the first column */
    const char *label_column; /* [label, labels, class]; several labels in a cell are separated by ';' or '|';
                                 or several columns, "a,b,c", with 0 and 1 or with numbers */
    const char *split_column; /* [split] */
    const char *group_column; /* [group, patient, patient_id, study]: what must stay on one side of a split */
    const char *weight_column; /* [weight] */
    const char *slice_column;  /* [slice]: of a volume, from 0, as nw_volume has them; an empty cell: all */
    const char *orient_column; /* [orient]: names of nw_orient, over pre.orient; an empty cell: pre.orient */
    const char *bag_column;    /* [bag]: files that are one study; none: each file is one */
    nw_task task;
    int task_given;             /* otherwise inferred, which a note tells, or refused where it is not clear */
    const char *const *classes; /* names in the order of the outputs; NULL: sorted, numbers as numbers */
    size_t class_count;
    nw_straddle straddle;
    double val_share, test_share; /* dealt from the training groups where the file has none of that split */
    uint64_t seed;                /* of that deal */
    int fold, folds;              /* folds > 1: group fold `fold` of 0 .. folds - 1 is the test split */
    const char *root;             /* where relative paths begin; NULL: the folder that the CSV is in */
    nw_preprocess pre;            /* as for inference; with a depth each volume is one sample,
                                     [channels][depth][height][width], as nw_preprocess_volume makes it */
    int per_study;                /* labels belong to studies: those of one bag must be the same */
    int64_t slice_step;           /* of volumes every n-th slice; 0: every one */
    double slice_low, slice_high; /* of volumes the slices in this share of the stack; both 0: all */
    int lungs_crop; /* scans in HU: slices are cut to the box of the study's lungs (nw_lungs_segment) */
    int lungs_fill; /* what is farther from them than the margin becomes as dark as the window's low end */
    double lungs_margin_mm; /* around the lungs; 0: 5; negative: none */
    size_t cache_bytes;     /* of preprocessed images (float32, exact) that are kept; 0: 2 GiB */
} nw_dataset_options;

/* A picture, or a slice. Valid as long as the dataset. */
typedef struct nw_sample {
    const char *path;    /* to open */
    const char *name;    /* as the list has it, or below the folder that was opened */
    int64_t slice;       /* 0 for pictures; -1: the whole volume */
    const char *label;   /* as the list has it */
    int class_index;     /* of NW_TASK_CLASSES and NW_TASK_BINARY; else -1 */
    const float *target; /* [outputs]: one-hot; 0 or 1; numbers */
    float weight;        /* 1 without a column */
    size_t group;        /* index of the group, over all splits */
    const char *group_name;
    size_t bag;  /* index within the split, for nw_dataset_bag */
    size_t line; /* of the CSV; 0: a folder */
} nw_sample;

/* The images of one study in one split. */
typedef struct nw_bag {
    const char *name;
    const size_t *items; /* [count]: for nw_dataset_sample, in the order of the list and of slices */
    size_t count;
} nw_bag;

typedef struct nw_dataset nw_dataset;

/* Opens a CSV file, or a folder FOLDER/CLASS/..., FOLDER/SPLIT/CLASS/...: within a class files are images,
 * and folders are groups of images or a DICOM study. Headers of volumes are looked at, pixels are not. NW_IO
 * for a missing file; NW_BAD_INPUT for anything wrong with the list, with its line; NW_USAGE for options that
 * contradict. */
NW_API nw_status nw_dataset_open(const char *path, const nw_dataset_options *options, nw_dataset **out,
                                 nw_error *err);
NW_API void nw_dataset_free(nw_dataset *data);

NW_API nw_task nw_dataset_task(const nw_dataset *data);
NW_API int nw_dataset_per_study(const nw_dataset *data);  /* whether labels belong to studies */
NW_API size_t nw_dataset_outputs(const nw_dataset *data); /* 1 of NW_TASK_BINARY; else the names below */
/* Classes, labels, or of NW_TASK_REGRESSION the columns. NW_TASK_BINARY has two. */
NW_API size_t nw_dataset_class_count(const nw_dataset *data);
NW_API const char *nw_dataset_class_name(const nw_dataset *data, size_t i); /* NULL beyond the last */
NW_API const nw_preprocess *nw_dataset_preprocess(const nw_dataset *data);
/* How scans are seen (lesion.h); NULL: as they are. */
NW_API const nw_lung_view *nw_dataset_lungs(const nw_dataset *data);
/* Sets mean and std of the preprocessing, [channels] each; images that are kept stay. Before images are
 * loaded by several threads. NW_USAGE for numbers that are not finite, or a std that is not above 0. */
NW_API nw_status nw_dataset_normalise(nw_dataset *data, const double *mean, const double *std, nw_error *err);
NW_API size_t nw_dataset_group_count(const nw_dataset *data);
NW_API size_t nw_dataset_split_groups(const nw_dataset *data, nw_split split);
/* Samples of a split with that class or label; 0 of NW_TASK_REGRESSION. */
NW_API size_t nw_dataset_members(const nw_dataset *data, nw_split split, size_t class_index);
/* What was inferred or chosen, and what to doubt, a sentence each; NULL beyond the last. */
NW_API const char *nw_dataset_note(const nw_dataset *data, size_t i);
NW_API const char *nw_dataset_warning(const nw_dataset *data, size_t i);
/* SHA-256 over names, slices, labels, weights and splits, in hexadecimal: the same list has the same,
 * wherever it lies. */
NW_API const char *nw_dataset_digest(const nw_dataset *data);

NW_API size_t nw_dataset_count(const nw_dataset *data, nw_split split);
/* i < count. */
NW_API const nw_sample *nw_dataset_sample(const nw_dataset *data, nw_split split, size_t i);
NW_API size_t nw_dataset_bag_count(const nw_dataset *data, nw_split split);
NW_API const nw_bag *nw_dataset_bag(const nw_dataset *data, nw_split split, size_t i);

/* Pixels as the model wants them, dst[channels][height][width], or [channels][depth][height][width]:
 * nw_preprocess_apply, with the policy (NULL: none) applied before mean and std. The same (seed, epoch,
 * sample) gives the same bits, whoever asks, in whatever order, cached or not. May be called from several
 * threads at once. NW_IO, NW_BAD_INPUT name the file; the dataset stays usable. */
NW_API nw_status nw_dataset_load(nw_dataset *data, nw_split split, size_t i, const nw_augment *policy,
                                 uint64_t seed, uint64_t epoch, float *dst, nw_error *err);
/* Bytes of images that are kept now, and times that a file was read. */
NW_API size_t nw_dataset_cached(const nw_dataset *data);
NW_API uint64_t nw_dataset_reads(const nw_dataset *data);

/* The order of an epoch, indices[count]. balance 0: a permutation of the split, followed by another one where
 * count is larger. Else classes come equally often (to within one), each going through its own samples by
 * permutations, so that those of small classes come repeatedly; of NW_TASK_MULTILABEL a label, or none, takes
 * the place of a class. NW_USAGE for an empty split, and for balance without classes. */
NW_API nw_status nw_dataset_order(const nw_dataset *data, nw_split split, int balance, uint64_t seed,
                                  uint64_t epoch, size_t *indices, size_t count, nw_error *err);
/* The same of bags, whose class is that of their first image. */
NW_API nw_status nw_dataset_bag_order(const nw_dataset *data, nw_split split, int balance, uint64_t seed,
                                      uint64_t epoch, size_t *indices, size_t count, nw_error *err);

/* A contact sheet as PNG: a row for each of `rows` samples in the order of (seed, epoch 0), balanced where
 * there are classes; the first column as it is, `columns` - 1 others augmented as in epochs 0, 1, ...; labels
 * under them. Of volumes three slices, a quarter, half and three quarters up. */
NW_API nw_status nw_dataset_preview(nw_dataset *data, nw_split split, const nw_augment *policy, uint64_t seed,
                                    int rows, int columns, const char *path, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
