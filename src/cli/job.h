/* What predict, stats and explain share: a model, its preprocessing, inputs, and their slices. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli.h"

/* Options about the model. */
typedef struct cli_model_options {
    const char *metadata;
    cli_list dims;
} cli_model_options;

#define CLI_MODEL_OPTIONS(T, at)                                                                             \
    {"metadata",                                                                                             \
     0,                                                                                                      \
     CLI_TEXT,                                                                                               \
     offsetof(T, at.metadata),                                                                               \
     "FILE",                                                                                                 \
     .help =                                                                                                 \
         "JSON with the model's facts (narrows.input, narrows.classes, ...) in place of its own metadata; "  \
         "MODEL.json beside MODEL.onnx is taken by itself",                                                  \
     .group = "Model",                                                                                       \
     .completes = "file"},                                                                                   \
    {                                                                                                        \
        "dim", 0, CLI_LIST, offsetof(T, at.dims), "NAME=N",                                                  \
            .help =                                                                                          \
                "value of a dynamic dimension: its name in the file, or input[2] for the third of an input", \
            .group = "Model"                                                                                 \
    }

/* Options about how images become the model's input. */
typedef struct cli_image_options {
    const char *window, *mean, *std, *scale, *size, *slices;
    int orient, antialias, axis;
    int64_t channels, volume;
    int recursive;
    const char *series;
    int accept_gaps, keep_padding;
} cli_image_options;

extern const char cli_orients[];

/* From values to the model's input: what training needs as well. */
#define CLI_PREPROCESS_OPTIONS(T, at)                                                                        \
    {"window",                                                                                               \
     0,                                                                                                      \
     CLI_TEXT,                                                                                               \
     offsetof(T, at.window),                                                                                 \
     "LO,HI",                                                                                                \
     .help = "values that become 0 and 1 before mean and std, what is beyond is clamped (HU for CT)",        \
     .group = "Image"},                                                                                      \
        {"scale",                                                                                            \
         0,                                                                                                  \
         CLI_TEXT,                                                                                           \
         offsetof(T, at.scale),                                                                              \
         "HOW",                                                                                              \
         .help = "auto, full (the picture's full scale), minmax (of the slice), robust (its 2nd to 98th "    \
                 "percentile), none, or a number to divide by",                                              \
         .group = "Image"},                                                                                  \
        {"mean",          0,                                                                                 \
         CLI_TEXT,        offsetof(T, at.mean),                                                              \
         "M[,M...]",      .help = "subtracted after scaling, one for all channels or one each",              \
         .group = "Image"},                                                                                  \
        {"std",           0, CLI_TEXT, offsetof(T, at.std), "S[,S...]", .help = "divided by after that",     \
         .group = "Image"},                                                                                  \
        {"orient",                                                                                           \
         0,                                                                                                  \
         CLI_CHOICE,                                                                                         \
         offsetof(T, at.orient),                                                                             \
         "HOW",                                                                                              \
         .choices = cli_orients,                                                                             \
         .help = "turn the image before the model sees it; maps are turned back",                            \
         .group = "Image"},                                                                                  \
        {"size",          0,                                                                                 \
         CLI_TEXT,        offsetof(T, at.size),                                                              \
         "H,W",           .help = "rows and columns of the model's input",                                   \
         .group = "Image"},                                                                                  \
        {"channels",                                                                                         \
         0,                                                                                                  \
         CLI_INTEGER,                                                                                        \
         offsetof(T, at.channels),                                                                           \
         "N",                                                                                                \
         .least = 1,                                                                                         \
         .most = NW_MAX_CHANNELS,                                                                            \
         .help = "channels of the model's input",                                                            \
         .group = "Image"},                                                                                  \
    {                                                                                                        \
        "antialias", 0, CLI_FLAG, offsetof(T, at.antialias),                                                 \
            .help = "smooth where the image is shrunk (half-pixel bilinear without)", .group = "Image"       \
    }

#define CLI_IMAGE_OPTIONS(T, at)                                                                             \
    CLI_PREPROCESS_OPTIONS(T, at),                                                                           \
        {"slices",                                                                                           \
         0,                                                                                                  \
         CLI_TEXT,                                                                                           \
         offsetof(T, at.slices),                                                                             \
         "A:B",                                                                                              \
         .help = "slices A to B - 1 of a scan, counted from 0 below; A:B:STEP; one number for one slice",    \
         .group = "Image"},                                                                                  \
        {"axis",                                                                                             \
         0,                                                                                                  \
         CLI_CHOICE,                                                                                         \
         offsetof(T, at.axis),                                                                               \
         "AXIS",                                                                                             \
         .choices = "auto i j k",                                                                            \
         .fallback = "auto",                                                                                 \
         .help = "voxel axis along which a scan is cut; auto: nearest to inferior-superior",                 \
         .group = "Image"},                                                                                  \
        {"volume",                                                                                           \
         0,                                                                                                  \
         CLI_INTEGER,                                                                                        \
         offsetof(T, at.volume),                                                                             \
         "N",                                                                                                \
         .fallback = "0",                                                                                    \
         .least = 0,                                                                                         \
         .most = 1e15,                                                                                       \
         .help = "which volume of a 4-D scan",                                                               \
         .group = "Image"},                                                                                  \
        {"series",                                                                                           \
         0,                                                                                                  \
         CLI_TEXT,                                                                                           \
         offsetof(T, at.series),                                                                             \
         "N|UID",                                                                                            \
         .help = "which DICOM series of a folder, by its number in `narrows scan` or its UID; else the CT "  \
                 "series with most axial slices",                                                            \
         .group = "Image"},                                                                                  \
        {"accept-gaps",                                                                                      \
         0,                                                                                                  \
         CLI_FLAG,                                                                                           \
         offsetof(T, at.accept_gaps),                                                                        \
         .help = "interpolate missing and uneven DICOM slices instead of refusing the series",               \
         .group = "Image"},                                                                                  \
        {"keep-padding",                                                                                     \
         0,                                                                                                  \
         CLI_FLAG,                                                                                           \
         offsetof(T, at.keep_padding),                                                                       \
         .help = "leave the values of DICOM padding as they are, instead of air",                            \
         .group = "Image"},                                                                                  \
    {                                                                                                        \
        "recursive", 'r', CLI_FLAG, offsetof(T, at.recursive), .help = "look into folders within folders",   \
                                                               .group = "Image"                              \
    }

typedef struct cli_job {
    nw_model *model;
    nw_head head;
    nw_preprocess pre;    /* fitted to the model */
    nw_lung_view lungs;   /* by `narrows.lungs` */
    nw_shape input_shape; /* [1, C, H, W], or [1, C, D, H, W] of a model of whole scans */
    char **classes;       /* [class_count] from the metadata; may be fewer than the head has */
    size_t class_count;
    nw_dimension *dimensions;
    size_t dimension_count;
    nw_input_list *inputs;
    const cli_image_options *image;
    float *pixels; /* room for one input of the model */
} cli_job;

/* Lays the options over *pre. NW_USAGE. */
nw_status cli_preprocess_options(const cli_image_options *options, nw_preprocess *pre, nw_error *err);

/* Loads the model. The job is zeroed first and released by cli_job_free, also on failure. */
nw_status cli_job_open(const char *path, const cli_model_options *options, cli_job *job, nw_error *err);
/* Then: the preprocessing from metadata and options; or that and the inputs. */
nw_status cli_job_prepare(cli_job *job, const cli_image_options *options, nw_error *err);
nw_status cli_job_images(cli_job *job, const char *const *paths, size_t count,
                         const cli_image_options *options, nw_error *err);
void cli_job_free(cli_job *job);
/* Of one input of the model. */
size_t cli_job_numbers(const cli_job *job);
/* The metadata's name of a class, or NULL. */
const char *cli_job_class(const cli_job *job, int64_t target);
/* Whether some way from values to 0..1 is known that a scan (HU) can use. */
nw_status cli_job_read(const cli_job *job, const char *path, nw_volume **out, nw_error *err);

/* The preprocessing of that input: the job's, turned as its list says. */
nw_preprocess cli_job_pre(const cli_job *job, const nw_input *input);

/* What a model is given of an image: all of it, or where it was trained so, the lungs alone. */
typedef struct cli_seen {
    nw_preprocess pre; /* that of the job, turned as the input's list says, with the crop */
    const nw_volume *volume;
    nw_volume *own; /* NULL: the image itself */
} cli_seen;

/* NW_BAD_INPUT where the model wants lungs and the image has none. On success released by cli_seen_free;
 * *seen may be zero then, too. */
nw_status cli_job_see(const cli_job *job, const nw_input *input, const nw_volume *volume, cli_seen *seen,
                      nw_error *err);
void cli_seen_free(cli_seen *seen);
/* job->pixels from that slice, or for a model of whole scans from all of them. */
nw_status cli_job_fill(cli_job *job, const cli_seen *seen, int64_t slice, nw_error *err);
/* For what goes slice by slice: NW_UNSUPPORTED for a model of whole scans. `what` is said in the error. */
nw_status cli_job_needs_slices(const cli_job *job, const char *what, nw_error *err);

/* Slices first, first + step, ... below end. */
typedef struct cli_slices {
    int64_t first, end, step;
} cli_slices;

/* As the text says, for a volume of that many slices; NULL: all. NW_USAGE for a wrong text, NW_BAD_INPUT
 * where the volume (of that name) has none of them. */
nw_status cli_slices_of(const char *text, int64_t count, const char *name, cli_slices *out, nw_error *err);
int64_t cli_slices_count(const cli_slices *slices);
/* What the job's model is given of such a volume, one after another: the slices of --slices, or all of the
 * volume at once, which is a single turn (0). */
nw_status cli_job_slices(const cli_job *job, const nw_volume *volume, const char *name, cli_slices *out,
                         nw_error *err);

/* "LO,HI": exactly `count` numbers, or 1 to `count` where `least` is smaller. Gives how many. NW_USAGE
 * otherwise. */
nw_status cli_numbers(const char *option, const char *text, int least, int most, double *values, int *count,
                      nw_error *err);

#endif
