/* What `narrows train` is made of.
 *
 *     cmd_train.c     the way of a run     train_options.c  its options
 *     train_setup.c   data and trainer     train_start.c    the network as it starts
 *     train_record.c  what it leaves behind
 */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "cli.h"
#include "job.h"

typedef struct train_arguments {
    cli_common common;
    const char *output, *folder;
    int restart;
    /* network */
    const char *arch, *from;
    double width;
    int64_t outputs;
    int zero_residual;
    /* data */
    const char *file, *label, *split, *group, *weight, *slice, *orient, *bag, *classes, *root, *slices;
    int task, straddle, per_study, lungs_crop, lungs_fill;
    double val, test, lungs_margin, cache;
    int64_t fold, folds, slice_step, depth;
    cli_image_options image;
    /* learning */
    int64_t epochs, batch, bag_slices, patience, seed, threads, draws;
    int loss, optimiser, schedule, pooling, transform, precision, balance, keep_last;
    double rate, decay, momentum, warmup, smoothing, mixup, clip, average, loss_parameter, pooling_parameter;
    const char *augment;
    int no_preview;
} train_arguments;

extern const cli_option train_options[];

typedef struct train {
    const train_arguments *a;
    const char *path; /* of the data; NULL: none */
    char *folder;     /* what the run leaves behind */
    char *checkpoint; /* in it */
    nw_dataset_options data_options;
    nw_train_options options;
    nw_dataset *data;
    nw_model *from, *start; /* from: of --from, at the size of pre */
    char from_digest[128];  /* as the file has it */
    nw_trainer *trainer;
    nw_preprocess pre;
    char **classes; /* of --classes */
    size_t class_count;
} train;

/* train_setup.c: options into structs, data opened, network made. */
nw_status train_open(train *t, nw_error *err);
void train_close(train *t);

/* train_start.c: t->pre, from the old network where there is one, and the options. */
nw_status train_preprocess(train *t, nw_error *err);
/* t->start, with `narrows.network`. */
nw_status train_make_network(train *t, nw_error *err);
/* The network as it starts, with its facts, where there are no data or no epochs. */
nw_status train_write_start(train *t, nw_error *err);

/* train_record.c */
void train_say_data(const train *t);
void train_say_epoch(const train *t, const nw_train_record *record);
/* The model is loaded from the file that was written: what is measured is what is shipped. */
nw_status train_test(train *t, nw_error *err);

#endif
