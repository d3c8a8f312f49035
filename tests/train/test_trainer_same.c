/* The same weights to the last bit: whatever the threads, and whether a training ran through or went on from
 * a checkpoint after every epoch. */
#include "train.h"

typedef struct way {
    const char *name;
    bool per_study, one_logit;
    nw_train_options options;
} way;

enum { WAYS = 4, EPOCHS = 4 };

static way ways[WAYS];

static void fill_ways(void)
{
    nw_augment light, ct;
    must(nw_augment_parse("light", &light, err));
    must(nw_augment_parse("ct,window-hu=0", &ct, err));
    for (int i = 0; i < WAYS; i++) ways[i].options = train_few(EPOCHS);
    ways[0].name = "sgd";
    ways[0].one_logit = true;
    ways[0].options.optimiser = "sgd";
    ways[0].options.augment = light;
    ways[0].options.schedule = "step";
    ways[0].options.balance = 1;
    ways[1].name = "adamw with everything";
    ways[1].options.average = 0.9;
    ways[1].options.mixup = 0.4;
    ways[1].options.balance = 1;
    ways[1].options.augment = ct;
    ways[1].options.smoothing = 0.1;
    ways[1].options.clip = 1;
    ways[1].options.warmup = 1.5;
    ways[2].name = "adamw, the last epoch";
    ways[2].options.keep_last = 1;
    ways[2].options.average = 0.5;
    ways[2].options.schedule = "one-cycle";
    ways[3].name = "studies";
    ways[3].per_study = true;
    ways[3].options.batch = 12;
    ways[3].options.bag_slices = 3;
    ways[3].options.mixup = 0.2;
    ways[3].options.augment = light;
}

/* Labels that no picture shows: weights go on changing, and the best epoch is anywhere. */
static const char *list(void)
{
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split,bag,group\n");
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "s%03d.png", i);
        train_picture(name, (unsigned)i, (i * 5) % 11, (i * 3) % 11);
        int study = i / 4;
        train_add(&list, "%s,%s,%s,b%d,b%d\n", name, study % 3 ? "a" : "b", study % 4 == 1 ? "val" : "train",
                  study, study);
    }
    return data_list(list.text);
}

static nw_dataset *open_way(const way *w)
{
    nw_dataset_options how = train_data_options();
    how.per_study = w->per_study;
    how.task_given = w->one_logit;
    how.task = NW_TASK_BINARY;
    return data_open(list(), &how);
}

static void expect_same(nw_trainer *trainer, const char *digest, const char *what, const char *name)
{
    nw_model *model = train_result(trainer);
    if (strcmp(nw_model_digest(model), digest) != 0)
        fail_msg("%s: %s: %s, not %s", name, what, nw_model_digest(model), digest);
    nw_model_unref(model);
}

static void through(const way *w, char digest[65], nw_train_record *last)
{
    nw_dataset *data = open_way(w);
    nw_trainer *trainer = train_trainer(data, &w->options);
    *last = train_run(trainer);
    nw_model *model = train_result(trainer);
    snprintf(digest, 65, "%s", nw_model_digest(model));
    /* The weights have moved, so the digest is not that of the start. */
    nw_model *start = train_model((int64_t)nw_dataset_outputs(data), 5);
    assert_string_not_equal(nw_model_digest(start), digest);
    nw_model_unref(start);
    nw_model_unref(model);
    nw_trainer_free(trainer);
    nw_dataset_free(data);
}

static void threads(void **state)
{
    (void)state;
    for (int i = 0; i < WAYS; i++) {
        char digest[65];
        nw_train_record first;
        through(&ways[i], digest, &first);
        for (int t = 2; t <= 3; t++) {
            way w = ways[i];
            w.options.threads = t;
            nw_dataset *data = open_way(&w);
            nw_trainer *trainer = train_trainer(data, &w.options);
            nw_train_record last = train_run(trainer);
            expect_same(trainer, digest, t == 2 ? "two threads" : "three threads", w.name);
            assert_true(last.loss == first.loss && last.norm == first.norm);
            assert_true(last.validation.loss == first.validation.loss);
            nw_trainer_free(trainer);
            nw_dataset_free(data);
        }
    }
}

/* Every epoch is made by a trainer of its own, on a dataset of its own. */
static void checkpoints(void **state)
{
    (void)state;
    char path[512], log[512];
    train_path(path, "state.safetensors");
    train_path(log, "log.csv");
    for (int i = 0; i < WAYS; i++) {
        char digest[65];
        nw_train_record first, last = {0};
        through(&ways[i], digest, &first);
        for (int64_t e = 0; e < EPOCHS; e++) {
            nw_dataset *data = open_way(&ways[i]);
            nw_trainer *trainer = train_trainer(data, &ways[i].options);
            if (e) must(nw_trainer_restore(trainer, path, err));
            assert_int_equal(nw_trainer_epochs_done(trainer), e);
            must(nw_trainer_log(trainer, log, err));
            last = train_epoch(trainer);
            assert_int_equal(last.epoch, e + 1);
            must(nw_trainer_save(trainer, path, err));
            if (e + 1 == EPOCHS) {
                expect_same(trainer, digest, "an epoch each", ways[i].name);
                must(nw_trainer_page(trainer, "resnet18", NULL, data_path("page.html"), err));
            }
            nw_trainer_free(trainer);
            nw_dataset_free(data);
        }
        assert_true(last.loss == first.loss && last.score == first.score && last.best == first.best);
        /* After the end: the network can still be had, and nothing is left to do. */
        nw_dataset *data = open_way(&ways[i]);
        nw_trainer *trainer = train_trainer(data, &ways[i].options);
        must(nw_trainer_restore(trainer, path, err));
        assert_true(nw_trainer_done(trainer));
        expect_same(trainer, digest, "restored at the end", ways[i].name);
        nw_train_record none;
        refused(nw_trainer_epoch(trainer, NULL, &none, err), NW_USAGE, "done");
        nw_trainer_free(trainer);
        nw_dataset_free(data);
    }
}

static int cancel_at_third(void *user, const char *what, double done, double total)
{
    (void)total;
    int *calls = user;
    return strcmp(what, "training") == 0 && done >= 2 && ++*calls;
}

/* What was cancelled in the middle of an epoch goes on from the checkpoint before it, in the same trainer. */
static void after_an_interruption(void **state)
{
    (void)state;
    char path[512];
    train_path(path, "interrupted.safetensors");
    char digest[65];
    nw_train_record first, none;
    through(&ways[1], digest, &first);
    nw_dataset *data = open_way(&ways[1]);
    nw_trainer *trainer = train_trainer(data, &ways[1].options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, path, err));
    int calls = 0;
    nw_progress stop = {.call = cancel_at_third, .user = &calls};
    refused(nw_trainer_epoch(trainer, &stop, &none, err), NW_CANCELLED, "epoch 2");
    assert_int_equal(calls, 1);
    must(nw_trainer_restore(trainer, path, err));
    train_run(trainer);
    expect_same(trainer, digest, "after an interruption", ways[1].name);
    nw_trainer_free(trainer);
    nw_dataset_free(data);
}

/* Another seed, and another of the options that act on weights, give other weights. */
static void other_settings_give_others(void **state)
{
    (void)state;
    char digest[65], other[65];
    nw_train_record record;
    through(&ways[1], digest, &record);
    for (int k = 0; k < 8; k++) {
        way w = ways[1];
        nw_train_options *o = &w.options;
        if (k == 0) o->seed++;
        if (k == 1) o->average = 0.8;
        if (k == 2) o->mixup = 0;
        if (k == 3) o->balance = 0;
        if (k == 4) o->smoothing = 0;
        if (k == 5) o->clip = 0.5;
        if (k == 6) o->augment.rotate = 0;
        if (k == 7) o->weight_decay = 0.5;
        through(&w, other, &record);
        if (strcmp(digest, other) == 0) fail_msg("change %d changes nothing", k);
    }
}

static int setup(void **state)
{
    data_setup(state);
    fill_ways();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(after_an_interruption),
        cmocka_unit_test(other_settings_give_others),
    };
    return cmocka_run_group_tests(tests, setup, data_teardown);
}
