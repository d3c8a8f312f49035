/* Training: a classifier, or a regression, from image-level labels.
 *
 *     nw_network_build(&network, &model, &err);
 *     nw_train_options_init(&options);
 *     nw_trainer_new(data, model, &options, &trainer, &err);
 *     while (!nw_trainer_done(trainer)) {
 *         nw_trainer_epoch(trainer, &progress, &record, &err);
 *         nw_trainer_save(trainer, "run/checkpoint", &err);
 *     }
 *     nw_trainer_model(trainer, &trained, &err);
 *
 * The same data, options and seed give the same weights on one machine, whatever the number of threads, and
 * whether the training ran through or went on from a checkpoint.
 */
#ifndef NARROWS_TRAIN_H
#define NARROWS_TRAIN_H

#include <narrows/dataset.h>
#include <narrows/metrics.h>
#include <narrows/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names are those of the tables that nw_train_name lists; NULL takes the default in brackets. */
typedef struct nw_train_options {
    int64_t epochs;           /* 30; 0: nothing is learned */
    int64_t batch;            /* images a step; 32 */
    int64_t bag_slices;       /* per study: slices of a study in a batch, drawn along the stack; 16 */
    const char *pooling;      /* per study: from the logits of slices to that of the study ["top"] */
    double pooling_parameter; /* 0: its default */
    const char *loss;         /* [by the task: softmax, sigmoid, squared] */
    double loss_parameter;
    const char
        *transform; /* regression: what the network is to give ["none"], "sqrt" or "log1p" of the number */
    const char *optimiser; /* ["adamw"] */
    double rate;           /* the highest learning rate; 0: 0.001 of adamw, 0.05 of sgd */
    double weight_decay;   /* of convolutions and linear layers; negative: 0.05 of adamw, 0.0001 of sgd */
    double momentum;       /* sgd; negative: 0.9 */
    const char *schedule;  /* ["cosine"] */
    double warmup;         /* epochs over which the rate rises from nothing; 1 */
    double smoothing;      /* of labels, 0 .. 1 */
    double mixup;          /* parameter a of the Beta(a, a) distribution; 0: none */
    double clip;           /* largest norm of the gradient; 0: none */
    double average;   /* decay of the moving average of the weights, which is then what is kept; 0: none */
    int balance;      /* non-zero: classes come equally often */
    int64_t patience; /* epochs without a better score in validation until training stops; 0: never */
    int keep_last;    /* non-zero: the last epoch is kept, not the best one */
    nw_augment augment;
    uint64_t seed;
    nw_precision precision; /* NW_PRECISION_F32 or NW_PRECISION_BF16 */
    int threads;            /* 0: as the environment has it */
    int draws;              /* of the bootstrap of intervals; 0: 1000 */
} nw_train_options;

NW_API void nw_train_options_init(nw_train_options *options);

typedef enum nw_train_table {
    NW_TRAIN_OPTIMISERS,
    NW_TRAIN_SCHEDULES,
    NW_TRAIN_LOSSES,
    NW_TRAIN_POOLINGS,
    NW_TRAIN_TRANSFORMS
} nw_train_table;
/* Name i of a table; NULL beyond the last. */
NW_API const char *nw_train_name(nw_train_table table, size_t i);

/* The number in the unit of the label for what a network gives that was trained with that transform (of its
 * metadata `narrows.transform`); NaN where there is no such transform. */
NW_API double nw_train_value(const char *transform, double given);

/* Mean and deviation of each channel over up to `images` images of the training split as they are (0: 256),
 * spread over it: for nw_preprocess. mean and std have room for NW_MAX_CHANNELS. */
NW_API nw_status nw_train_moments(nw_dataset *data, size_t images, double *mean, double *std, nw_error *err);

/* ---- What a network gives for a split --------------------------------------------------------------------
 */

/* Numbers of a split: one row a sample, or a study where labels are per study. */
typedef struct nw_predictions nw_predictions;

/* Options give batch, threads, precision, pooling and transform; NULL: defaults. The model's outputs are
 * those of the dataset. NW_NOT_FINITE names the image. */
NW_API nw_status nw_predict_split(nw_model *model, nw_dataset *data, nw_split split,
                                  const nw_train_options *options, const nw_progress *progress,
                                  nw_predictions **out, nw_error *err);
NW_API void nw_predictions_free(nw_predictions *predictions);
NW_API size_t nw_predictions_count(const nw_predictions *predictions);
/* Row i: [outputs] numbers each, as the network gives them (logits), and as they are meant: probabilities, or
 * the number in the unit of the label. */
NW_API const float *nw_predictions_logits(const nw_predictions *predictions, size_t i);
NW_API const double *nw_predictions_values(const nw_predictions *predictions, size_t i);
/* The sample that a row is about; of a study, its first one. */
NW_API const nw_sample *nw_predictions_sample(const nw_predictions *predictions, size_t i);

/* Metrics with their 95 % intervals (metrics.h), by a bootstrap over groups where there are fewer groups than
 * rows. Those that do not apply to the task are undefined, and say so. Of one logit or two classes the event
 * is the second class; of several classes and labels auroc and precision are means over them. */
typedef struct nw_measures {
    size_t rows, groups;
    double loss; /* as in training, without smoothing */
    nw_estimate auroc, average_precision, accuracy, sensitivity, calibration, brier;
    nw_estimate spearman, pearson, mae, r2;
} nw_measures;
enum { NW_SENSITIVITY_AT = 90 }; /* per cent of specificity */

/* The i-th of them, with a name for columns and a title for people; NULL beyond the last. */
NW_API const nw_estimate *nw_measures_at(const nw_measures *measures, size_t i, const char **name,
                                         const char **title);

NW_API nw_status nw_measure(const nw_dataset *data, nw_split split, const nw_predictions *predictions,
                            const nw_train_options *options, nw_measures *out, nw_error *err);
/* The number by which epochs are compared, higher is better: AUROC (mean over labels), Spearman's correlation
 * of a regression, or minus the loss where they are undefined; *name says which. */
NW_API double nw_measures_score(const nw_dataset *data, const nw_measures *measures, const char **name);

/* ---- Training --------------------------------------------------------------------------------------------
 */

typedef struct nw_trainer nw_trainer;

typedef struct nw_train_record {
    int64_t epoch, step;    /* epochs and steps done, this one included */
    double rate;            /* at its last step */
    double loss;            /* mean over its steps, with smoothing and mixup */
    double norm;            /* mean of the gradient's norm */
    double seconds, images; /* of training alone */
    int validated;          /* whether there is a validation split */
    nw_measures validation;
    double score;
    const char *score_name;
    int best; /* the best epoch so far: the highest score, of equal ones the lowest loss of validation */
} nw_train_record;

/* Takes a reference of the model (which stays as it is); the dataset must outlive the trainer. The model has
 * one input [N, C, H, W], or [N, C, D, H, W], of the dataset's size and one output [N, outputs]. NW_USAGE for
 * options that cannot be, NW_BAD_INPUT for data that cannot be learned from (no training split),
 * NW_UNSUPPORTED for a model. */
NW_API nw_status nw_trainer_new(nw_dataset *data, nw_model *model, const nw_train_options *options,
                                nw_trainer **out, nw_error *err);
NW_API void nw_trainer_free(nw_trainer *trainer);

/* One epoch of training and a look at the validation split. progress counts steps. A loss that is not finite
 * is NW_NOT_FINITE and names the step, the learning rate and the last checkpoint; the trainer is of no use
 * then. After NW_CANCELLED neither: go on from the last checkpoint. */
NW_API nw_status nw_trainer_epoch(nw_trainer *trainer, const nw_progress *progress, nw_train_record *out,
                                  nw_error *err);
/* All epochs are done, or validation has not become better for `patience` of them. */
NW_API int nw_trainer_done(const nw_trainer *trainer);
NW_API int64_t nw_trainer_epochs_done(const nw_trainer *trainer);
NW_API int64_t nw_trainer_best_epoch(const nw_trainer *trainer); /* 0: none yet */
NW_API int64_t nw_trainer_steps(const nw_trainer *trainer);      /* of an epoch */
NW_API int64_t nw_trainer_parameters(const nw_trainer *trainer); /* numbers that are learned */
NW_API size_t nw_trainer_memory(const nw_trainer *trainer);      /* bytes of the program's arena */

/* The whole state in one file, which appears whole or not at all. */
NW_API nw_status nw_trainer_save(nw_trainer *trainer, const char *path, nw_error *err);
/* Goes on from such a file. NW_BAD_INPUT where it was made by another network, other data or other options
 * (patience, threads and what is kept may differ), and says what differs. */
NW_API nw_status nw_trainer_restore(nw_trainer *trainer, const char *path, nw_error *err);

/* From now on each epoch adds a row to this CSV file (docs/training-files.md). Rows that are there are kept
 * up to the epoch that the trainer is at; call it after nw_trainer_restore. */
NW_API nw_status nw_trainer_log(nw_trainer *trainer, const char *path, nw_error *err);
/* One page with the curves of the log, what was measured on the test split (NULL: nothing), data and
 * settings. `name`: of the network. Needs a log with an epoch. */
NW_API nw_status nw_trainer_page(nw_trainer *trainer, const char *name, const nw_predictions *test,
                                 const char *path, nw_error *err);

/* The network that is kept, with everything that using it takes in its metadata: `narrows.input`,
 * `narrows.classes`, `narrows.head`, `narrows.bottleneck`, `narrows.transform` and
 * `narrows.lungs` where they apply, and `narrows.training`. */
NW_API nw_status nw_trainer_model(nw_trainer *trainer, nw_model **out, nw_error *err);
/* The settings as one JSON object, as they stand in `narrows.training`: nw_train_text_free. */
NW_API nw_status nw_trainer_facts(const nw_trainer *trainer, char **out, nw_error *err);
NW_API void nw_train_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
