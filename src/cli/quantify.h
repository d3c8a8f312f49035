/* The quantify command, in its parts: options (quantify_options.c), what they mean (cmd_quantify.c,
 * quantify_setup.c), one study (quantify_study.c), its record (quantify_record.c), and many of them
 * (quantify_cohort.c, quantify_table.c). */
#ifndef CLI_QUANTIFY_H
#define CLI_QUANTIFY_H

#include "claim.h"
#include "job.h"
#include "methods.h"
#include "terminal.h"

#include <jansson.h>
#include <time.h>

/* About lungs, lesions and severity; `stats --negatives` has some of them too. */
typedef struct cli_lung_options {
    const char *lungs, *labels, *metadata;
} cli_lung_options;

typedef struct quantify_arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    cli_method_options method;
    cli_lung_options lung;
    const char *folder, *threshold, *healthy, *hu, *truth, *shard;
    double gate, min_volume, smooth;
    int64_t repeats, sweep;
    int no_gate, explain_all, restart, merge;
} quantify_arguments;

extern const cli_option quantify_options[];

#define CLI_LUNG_OPTIONS(T, at)                                                                              \
    {"lungs",                                                                                                \
     0,                                                                                                      \
     CLI_TEXT,                                                                                               \
     offsetof(T, at.lungs),                                                                                  \
     "FROM",                                                                                                 \
     "auto",                                                                                                 \
     .help = "auto: found in the scan (HU); none: all of the image is lung; a mask or label map (NIfTI), "   \
             "{dir} in its name being the scan's folder and {name} the study's; a folder with NAME.nii.gz; " \
             "or a segmentation network (.onnx)",                                                            \
     .group = "Lungs",                                                                                       \
     .completes = "file"},                                                                                   \
        {"lung-labels",                                                                                      \
         0,                                                                                                  \
         CLI_TEXT,                                                                                           \
         offsetof(T, at.labels),                                                                             \
         "MAP",                                                                                              \
         "auto",                                                                                             \
         .help = "what the numbers of that mask mean: auto, binary, lungs, lobes, right=2,left=3, or "       \
                 "RU=1,RM=2,RL=3,LU=4,LL=5",                                                                 \
         .group = "Lungs"},                                                                                  \
    {                                                                                                        \
        "lung-metadata", 0, CLI_TEXT, offsetof(T, at.metadata), "FILE",                                      \
            .help = "JSON with the facts of the segmentation network, such as narrows.input",                \
            .group = "Lungs", .completes = "file"                                                            \
    }

/* Where lungs come from, for any number of studies. */
typedef struct cli_lungs {
    nw_lung_source source;
    const char *from; /* as given, where it is a file or folder */
    cli_job network;  /* of a segmentation network */
    bool has_network;
} cli_lungs;

nw_status cli_lungs_open(const cli_lung_options *options, const cli_image_options *image, int threads,
                         cli_lungs *lungs, nw_error *err);
void cli_lungs_free(cli_lungs *lungs);
nw_status cli_lungs_find(cli_lungs *lungs, const nw_input *input, const nw_volume *scan,
                         const nw_progress *progress, nw_lungs **out, nw_error *err);

/* The target as a fixed class: "predicted" becomes the finding of a model with one output or two classes. */
nw_status cli_fixed_target(const cli_job *job, const char *target, const char *output, const char **fixed,
                           nw_error *err);

typedef struct quantify {
    const quantify_arguments *a;
    cli_job job;
    cli_method method;
    cli_lungs lungs;
    nw_healthy *healthy;
    nw_study_options options;
    json_t *settings;    /* what the results depend on, but for the scan */
    char *settings_text; /* the same */
    char digest[65];     /* of it */
    bool many;           /* a folder for each study */
    size_t count;        /* studies, those of this shard */
    size_t *mine;        /* [count] their places in job.inputs */
    size_t done, kept, failed;
    bool unwritable;       /* the last study failed while it was written */
    struct timespec since; /* when this run began, by the clock of the folder */
    cli_claim *claim;      /* on the study that is done now, where there are many */
    bool lost;             /* another process took this one for gone, and has that study */
    cli_holder other;      /* who was found at work last */
    cli_table *table;
    json_t *printed; /* for --json */
} quantify;

/* quantify_setup.c */
nw_status quantify_open(quantify *q, cli_list operands, nw_error *err);
void quantify_close(quantify *q);

/* quantify_study.c: reads, explains, measures and writes study mine[index]. */
nw_status quantify_study(quantify *q, size_t index, const char *folder, nw_error *err);

/* quantify_record.c */
typedef enum quantify_state { QUANTIFY_OPEN, QUANTIFY_FINISHED, QUANTIFY_FAILED } quantify_state;
/* What the folder says of a study with the same settings. A failure counts, with its *status and message, if
 * it is later than the beginning of the run: earlier ones are tried again. With --restart the same holds for
 * what is finished. */
quantify_state quantify_look(const quantify *q, const nw_input *input, const char *folder, nw_status *status,
                             nw_error *err);
nw_status quantify_record(const quantify *q, const nw_input *input, const nw_study *study, nw_status result,
                          const char *message, double seconds, const char *folder, nw_error *err);
/* The names of the files of a study, ended by NULL; the manifest is the last. */
extern const char *const quantify_files[];
/* The file that --truth adds. */
extern const char quantify_truth_file[];

/* quantify_cohort.c: all studies of this shard, each into a folder of its own, and the table. */
nw_status quantify_all(quantify *q, nw_error *err);
/* Only the table. NW_CHECK where a study is missing. */
nw_status quantify_merge(quantify *q, nw_error *err);
/* Shard "I/N" of 1 .. N. */
nw_status quantify_shard(const char *text, uint64_t *part, uint64_t *parts, nw_error *err);
uint64_t quantify_hash(const char *name);

/* quantify_table.c: cohort.csv and cohort.html of all studies that are in the folder. */
nw_status quantify_table(const quantify *q, nw_error *err);
/* One line of the table on stdout, and an object of --json, from severity.json in the folder. */
void quantify_tell(quantify *q, const nw_input *input, const char *folder);

#endif
