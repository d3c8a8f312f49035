/* The inside of a trainer.
 *
 *     batch.c     images of a step           step.c    forward, loss, backward, update
 *     epoch.c     steps, then validation     state.c   checkpoints
 *     trainer.c   what it is made of         finish.c  the network that is kept
 *     record.c    the log                    page.c    the page
 *     predict.c, measure.c: what a network gives for a split
 */
#ifndef NW_TRAIN_TRAINER_H
#define NW_TRAIN_TRAINER_H

#include "graph/model.h"
#include "network/training.h"
#include "train/arrays.h"
#include "train/log.h"
#include "train/loss.h"
#include "train/optimiser.h"
#include "train/pooling.h"
#include "train/schedule.h"
#include "train/transform.h"

#include <narrows/train.h>

/* Options with every default filled in, and what their names stand for. */
typedef struct nw_train_settings {
    nw_train_options o; /* its texts are names of the tables */
    const nw_train_loss *loss;
    const nw_pooling *pooling; /* NULL: labels are per image */
    const nw_train_transform *transform;
    nw_optimiser_options optimiser;
} nw_train_settings;

/* Checks and completes; options NULL: defaults. */
nw_status nw_train_settings_make(const nw_dataset *data, const nw_train_options *options,
                                 nw_train_settings *out, nw_error *err);

/* A set of arrays in one block: the weights that are learned, then running statistics. */
typedef struct nw_weights {
    size_t count;
    float **arrays; /* [count] */
    float *block;
} nw_weights;

struct nw_trainer {
    nw_dataset *data; /* the caller's */
    nw_train_settings s;
    nw_training_net net;
    nw_program *program;
    const char *input_name, *output_name;
    int64_t outputs, image; /* numbers an image: given, taken */
    int64_t rows;           /* targets a step: images, or studies */
    int64_t per_row;        /* images a row: 1, or slices of a study */

    float *input, *diff; /* of the program */
    const float *logits;
    size_t learned, count; /* parameters; parameters and running statistics */
    float **values;        /* [count] in the program */
    const float **updated; /* [count - learned] what replaces the running statistics after a step */
    float **grads;         /* [learned] */
    int64_t *sizes;        /* [count] */
    const char **names;    /* [count] the net's */

    nw_optimiser *optimiser;
    nw_schedule schedule;
    nw_weights average, best;               /* count 0: not used, none yet */
    double best_score, best_loss;           /* of validation */
    int64_t best_epoch, epoch, step, steps; /* steps: of an epoch */

    /* of a step */
    int64_t *mixing;          /* [2 rows] room for mixup */
    size_t *order, *repeats;  /* [steps * rows] of the epoch: sample or study, and how often it came before */
    float *targets, *weights; /* [rows][outputs], [rows] */
    float *pooled, *pooled_diff; /* [rows][outputs] of studies */
    nw_status *load_status;      /* [images of a step] */
    nw_error *load_errors;
    char *checkpoint;  /* where the state was saved last, for messages; NULL: nowhere */
    nw_train_log *log; /* NULL: none */
    char *facts;       /* JSON, what a checkpoint must agree with */
};

/* Fills the program's input, targets and weights for step `at` of the epoch. */
nw_status nw_train_batch(nw_trainer *t, int64_t at, nw_error *err);
/* One step; *loss and *norm are those of it. */
nw_status nw_train_step(nw_trainer *t, int64_t at, double *loss, double *norm, nw_error *err);

/* Puts into an error of NW_NOT_FINITE where the training was, and from where it can go on; gives the status.
 */
nw_status nw_train_failed(const nw_trainer *t, nw_status status, int64_t step, nw_error *err);

/* The weights that validation and the result use: the moving average where there is one. */
float *const *nw_trainer_current(const nw_trainer *t);
/* The inference network with these arrays; *out has the metadata of the result. */
nw_status nw_trainer_network(nw_trainer *t, float *const *arrays, nw_model **out, nw_error *err);
nw_status nw_trainer_describe(nw_trainer *t, nw_error *err); /* fills facts */

/* Adds the row of an epoch to the log, where there is one. */
nw_status nw_trainer_add_row(nw_trainer *t, const nw_train_record *record, nw_error *err);
/* Names of the metrics that the task has, as in nw_measures; returns how many. */
size_t nw_trainer_metrics(const nw_trainer *t, const char *names[NW_EPOCH_METRICS]);

nw_status nw_weights_new(nw_weights *out, const int64_t *sizes, size_t count, nw_error *err);
void nw_weights_copy(const nw_weights *dst, float *const *src, const int64_t *sizes);
void nw_weights_clear(nw_weights *weights);

#endif
