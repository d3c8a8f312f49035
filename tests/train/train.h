/* Small trainings: pictures of 32 x 32 whose label can be seen, and the narrowest ResNet-18. */
#ifndef NW_TESTS_TRAIN_TRAIN_H
#define NW_TESTS_TRAIN_TRAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <narrows/network.h>
#include <narrows/train.h>
#include <stdbool.h>

enum { TRAIN_SIDE = 32 };

/* Fails the test with the library's own words. */
#define must(call)                                                                                           \
    do {                                                                                                     \
        nw_error must_err = {0};                                                                             \
        nw_error *err = &must_err;                                                                           \
        if ((call) != NW_OK) fail_msg("%s", must_err.message);                                               \
    } while (0)

/* The call fails with that status and all of the words, separated by '~'. */
#define refused(call, wanted, words)                                                                         \
    do {                                                                                                     \
        nw_error refused_err = {0};                                                                          \
        nw_error *err = &refused_err;                                                                        \
        nw_status refused_status = (call);                                                                   \
        train_words(refused_status, (wanted), refused_err.message, (words));                                 \
    } while (0)

static inline void train_words(nw_status status, nw_status wanted, const char *message, const char *words)
{
    char copy[512], *next = NULL;
    if (status != wanted) fail_msg("status %d instead of %d: %s", (int)status, (int)wanted, message);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, "~", &next); word; word = strtok_r(NULL, "~", &next))
        if (!strstr(message, word)) fail_msg("'%s' lacks '%s'", message, word);
}

/* FOLDER/name, for longer than data_path keeps it. */
static inline void train_path(char path[512], const char *name)
{
    snprintf(path, 512, "%s", data_path(name));
}

static inline unsigned train_noise(unsigned i)
{
    i = (i ^ i >> 15) * 2246822519U;
    i = (i ^ i >> 13) * 3266489917U;
    return (i ^ i >> 16) % 64;
}

/* Noise, with a brighter square of `left` pixels a side in the left half, and of `right` in the right half.
 */
static inline void train_picture(const char *name, unsigned key, int left, int right)
{
    unsigned char pixels[TRAIN_SIDE * TRAIN_SIDE];
    int at = 4 + (int)(key % 3);
    for (int r = 0; r < TRAIN_SIDE; r++)
        for (int c = 0; c < TRAIN_SIDE; c++) {
            bool bright = (r >= at && r < at + left && c >= 2 && c < 2 + left) ||
                          (r >= at && r < at + right && c >= 18 && c < 18 + right);
            pixels[r * TRAIN_SIDE + c] =
                (unsigned char)((bright ? 150 : 40) +
                                train_noise((unsigned)(r * TRAIN_SIDE + c) + key * 4099));
        }
    if (nw_png_write(data_path(name), TRAIN_SIDE, TRAIN_SIDE, 1, pixels, NULL) != NW_OK) abort();
}

typedef struct train_list {
    char text[1 << 15];
    size_t used;
} train_list;

static inline void train_add(train_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void train_add(train_list *list, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    list->used += (size_t)vsnprintf(list->text + list->used, sizeof list->text - list->used, format, args);
    va_end(args);
    assert_true(list->used < sizeof list->text);
}

static inline const char *train_split(int i)
{
    return i % 4 == 0 ? "val" : i % 4 == 2 ? "test" : "train";
}

/* `count` pictures a.png ..., in turn with a square on the left ("left") and on the right ("right"); half of
 * them to train with, a quarter each for validation and test. The path of the list. */
static inline const char *train_sides(int count)
{
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.png", i);
        bool right = (i / 4 + i) % 2;
        train_picture(name, (unsigned)i, right ? 0 : 10, right ? 10 : 0);
        train_add(&list, "%s,%s,%s\n", name, right ? "right" : "left", train_split(i));
    }
    return data_list(list.text);
}

static inline nw_dataset_options train_data_options(void)
{
    nw_preprocess pre = {.channels = 1, .height = TRAIN_SIDE, .width = TRAIN_SIDE};
    pre.mean_count = pre.std_count = 1;
    pre.mean[0] = 0.3;
    pre.std[0] = 0.2;
    return (nw_dataset_options){.pre = pre};
}

static inline nw_dataset *train_data(const char *path)
{
    nw_dataset_options o = train_data_options();
    return data_open(path, &o);
}

static inline nw_model *train_model(int64_t outputs, uint64_t seed)
{
    nw_network_options options = {.arch = "resnet18",
                                  .width = 0.125,
                                  .channels = 1,
                                  .size = {TRAIN_SIDE, TRAIN_SIDE},
                                  .outputs = outputs,
                                  .seed = seed};
    nw_model *model = NULL;
    must(nw_network_build(&options, &model, err));
    return model;
}

/* For a few dozen pictures: no warm-up, small batches, one thread. */
static inline nw_train_options train_few(int64_t epochs)
{
    nw_train_options o;
    nw_train_options_init(&o);
    o.epochs = epochs;
    o.batch = 8;
    o.warmup = 0;
    o.rate = 0.01;
    o.threads = 1;
    o.draws = 20;
    o.seed = 3;
    return o;
}

static inline nw_trainer *train_trainer(nw_dataset *data, const nw_train_options *options)
{
    nw_model *model = train_model((int64_t)nw_dataset_outputs(data), 5);
    nw_trainer *trainer = NULL;
    must(nw_trainer_new(data, model, options, &trainer, err));
    nw_model_unref(model);
    return trainer;
}

static inline nw_train_record train_epoch(nw_trainer *trainer)
{
    nw_train_record record = {0};
    must(nw_trainer_epoch(trainer, NULL, &record, err));
    return record;
}

/* To the end; the last record. */
static inline nw_train_record train_run(nw_trainer *trainer)
{
    nw_train_record record = {0};
    while (!nw_trainer_done(trainer)) record = train_epoch(trainer);
    return record;
}

/* The network that is kept. */
static inline nw_model *train_result(nw_trainer *trainer)
{
    nw_model *model = NULL;
    must(nw_trainer_model(trainer, &model, err));
    return model;
}

#endif
