#include "commands.h"
#include "folder.h"
#include "terminal.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status try_status = (call);                                                                       \
        if (try_status != NW_OK) return try_status;                                                          \
    } while (0)

static void name_files(train *t)
{
    const char *output = t->a->output;
    size_t n = strlen(output);
    if (n > 5 && strcmp(output + n - 5, ".onnx") == 0) n -= 5;
    t->folder = t->a->folder ? cli_printf("%s", t->a->folder) : cli_printf("%.*s.training", (int)n, output);
    t->checkpoint = cli_printf("%s/checkpoint.safetensors", t->folder);
}

/* Goes on from the folder's checkpoint, where there is one. */
static nw_status go_on(train *t, nw_error *err)
{
    if (access(t->checkpoint, F_OK) != 0) return NW_OK;
    if (t->a->restart) {
        if (unlink(t->checkpoint) != 0) return cli_fail(err, NW_IO, "%s: cannot be removed", t->checkpoint);
        return NW_OK;
    }
    nw_status status = nw_trainer_restore(t->trainer, t->checkpoint, err);
    if (status == NW_OK)
        cli_note("going on after epoch %lld, from %s", (long long)nw_trainer_epochs_done(t->trainer),
                 t->checkpoint);
    return status;
}

static int advance(void *user, const char *what, double done, double total)
{
    const train *t = user;
    char *text =
        cli_printf("epoch %lld of %lld: %s %.0f of %.0f", (long long)nw_trainer_epochs_done(t->trainer) + 1,
                   (long long)t->options.epochs, what, done, total);
    double within = total > 0 ? done / total : 0;
    bool learning = strcmp(what, "training") == 0;
    cli_progress_at(
        (double)nw_trainer_epochs_done(t->trainer) + (learning ? 0.9 * within : 0.9 + 0.1 * within), text);
    free(text);
    return cli_interrupted();
}

static nw_status learn(train *t, nw_error *err)
{
    nw_progress progress = {.call = advance, .user = t};
    nw_status status = NW_OK;
    cli_progress_start("epochs", (double)t->options.epochs, (double)nw_trainer_epochs_done(t->trainer));
    while (status == NW_OK && !nw_trainer_done(t->trainer)) {
        nw_train_record record;
        status = nw_trainer_epoch(t->trainer, &progress, &record, err);
        if (status == NW_OK) status = nw_trainer_save(t->trainer, t->checkpoint, err);
        if (status == NW_OK) train_say_epoch(t, &record);
    }
    cli_progress_end();
    if (status == NW_CANCELLED && nw_trainer_epochs_done(t->trainer) > 0)
        cli_note("the same command goes on after epoch %lld", (long long)nw_trainer_epochs_done(t->trainer));
    return status;
}

static nw_status preview(const train *t, nw_error *err)
{
    if (t->a->no_preview) return NW_OK;
    char *path = cli_printf("%s/preview.png", t->folder);
    nw_status status =
        nw_dataset_preview(t->data, NW_SPLIT_TRAIN, &t->options.augment, t->options.seed, 6, 6, path, err);
    free(path);
    return status;
}

static nw_status train_network(train *t, nw_error *err)
{
    train_say_data(t);
    TRY(cli_folder_make(t->folder, &(int){0}, err));
    TRY(go_on(t, err));
    char *log = cli_printf("%s/log.csv", t->folder);
    nw_status status = nw_trainer_log(t->trainer, log, err);
    free(log);
    TRY(status);
    TRY(preview(t, err));
    TRY(learn(t, err));
    nw_model *model;
    TRY(nw_trainer_model(t->trainer, &model, err));
    status = nw_model_save(model, t->a->output, err);
    nw_model_unref(model);
    TRY(status);
    cli_note("wrote %s", t->a->output);
    return train_test(t, err);
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    train t = {.a = given, .path = operands.count ? operands.items[0] : NULL};
    nw_status status = train_open(&t, err);
    if (status == NW_OK) name_files(&t);
    if (status == NW_OK) status = t.trainer ? train_network(&t, err) : train_write_start(&t, err);
    train_close(&t);
    return status;
}

const cli_command cli_train = {
    .name = "train",
    .operands = "[DATA]",
    .summary = "a classifier, or a regression, from image-level labels",
    .description = "DATA is a folder with a folder for each class, or a CSV file with a file, a label and, "
                   "where there are any, a "
                   "split, a group (the patient) and a weight a line. Images are pictures, scans (NIfTI or "
                   "DICOM, slice by slice), "
                   "or .npy.\n\n"
                   "Writes MODEL.onnx with everything that using it takes: preprocessing, classes, what the "
                   "outputs mean, where a "
                   "bottleneck goes, how it was made. The folder MODEL.training has a line an epoch "
                   "(log.csv), the curves "
                   "(training.html), a sheet of augmented images, the predictions for the test split with "
                   "their metrics, and a "
                   "checkpoint: the same command goes on after a run that was stopped, and ends with the "
                   "same weights.\n\n"
                   "Research software, not a medical device.",
    .examples =
        "  narrows train labels.csv -o model.onnx --size 224 --augment ct\n"
        "  narrows train cohort/slices.csv -o model.onnx --arch resnet50 --window -1350,150 --lungs-fill\n"
        "  narrows train severity.csv -o model.onnx --task regression --transform sqrt --folds 5 --fold 0\n"
        "  narrows train --epochs 0 --arch resnest50 --size 512 -o start.onnx",
    .options = train_options,
    .size = sizeof(train_arguments),
    .least = 0,
    .most = 1,
    .run = run,
};
