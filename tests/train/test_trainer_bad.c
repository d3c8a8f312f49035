/* What a training refuses, and in which words; and what stays when it fails. */
#include "train.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

static nw_dataset *sides; /* 64 pictures */

static void bytes_of(const char *path, unsigned char **bytes, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    *bytes = malloc(*size + 1);
    assert_int_equal(fread(*bytes, 1, *size, f), *size);
    fclose(f);
}

static void data_that_teach_nothing(void **state)
{
    (void)state;
    nw_train_options options = train_few(2);
    nw_trainer *trainer = NULL;
    for (unsigned i = 0; i < 4; i++) train_picture((char[]){(char)('a' + i), '.', 'p', 'n', 'g', 0}, i, 0, 0);
    nw_dataset_options how = train_data_options();
    const char *classes[] = {"ill", "well"};
    how.classes = classes;
    how.class_count = 2;
    data_refused(data_list("file,label,split\na.png,ill,train\nb.png,ill,train\nc.png,well,test\n"), &how,
                 NW_BAD_INPUT, "one class~(ill)");
    nw_model *two = train_model(2, 1);
    nw_dataset *data = data_open(data_list("file,label,split\na.png,ill,test\nb.png,well,test\n"), &how);
    refused(nw_trainer_new(data, two, &options, &trainer, err), NW_BAD_INPUT, "training split is empty");
    nw_dataset_free(data);
    nw_model_unref(two);

    how = train_data_options();
    how.task_given = 1;
    how.task = NW_TASK_REGRESSION;
    data_refused(data_list("file,label,split\na.png,1,train\nb.png,1,train\nc.png,2,test\n"), &how,
                 NW_BAD_INPUT, "all numbers~same");
    nw_model *one = train_model(1, 1);
    data = data_open(data_list("file,label,split\na.png,1,train\nb.png,2,train\nc.png,-3,test\n"), &how);
    options.transform = "sqrt";
    refused(nw_trainer_new(data, one, &options, &trainer, err), NW_BAD_INPUT, "c.png~-3~sqrt");
    nw_dataset_free(data);
    nw_model_unref(one);
    assert_null(trainer);
}

static void networks_that_do_not_fit(void **state)
{
    (void)state;
    nw_train_options options = train_few(2);
    nw_trainer *trainer = NULL;
    nw_model *three = train_model(3, 1);
    refused(nw_trainer_new(sides, three, &options, &trainer, err), NW_BAD_INPUT,
            "24 numbers for 8 images~2 outputs");
    nw_model_unref(three);
    nw_network_options large = {
        .arch = "resnet18", .width = 0.125, .channels = 3, .size = {32, 32}, .outputs = 2};
    nw_model *colour = NULL;
    must(nw_network_build(&large, &colour, err));
    nw_error err = {0};
    assert_int_not_equal(nw_trainer_new(sides, colour, &options, &trainer, &err), NW_OK);
    assert_true(err.message[0]);
    nw_model_unref(colour);
    assert_null(trainer);
}

static void options_that_cannot_be(void **state)
{
    (void)state;
    nw_model *model = train_model(2, 1);
    nw_trainer *trainer = NULL;
    static const struct {
        const char *words;
        int field;
    } rows[] = {{"optimiser~adam~sgd, adamw", 0},
                {"loss squared~classes", 1},
                {"transform~regression", 2},
                {"learning rate", 3},
                {"label smoothing", 4},
                {"batch", 5},
                {"momentum", 6},
                {"moving average", 7},
                {"f32 or bf16", 8},
                {"warm-up", 9},
                {"schedule~linear", 10},
                {"mixup", 11},
                {"weight decay", 12}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nw_train_options o = train_few(2);
        switch (rows[i].field) {
        case 0: o.optimiser = "adam"; break;
        case 1: o.loss = "squared"; break;
        case 2: o.transform = "sqrt"; break;
        case 3: o.rate = -1; break;
        case 4: o.smoothing = 1.5; break;
        case 5: o.batch = 0; break;
        case 6: o.optimiser = "sgd", o.momentum = 1.5; break;
        case 7: o.average = 1; break;
        case 8: o.precision = NW_PRECISION_F64; break;
        case 9: o.warmup = -1; break;
        case 10: o.schedule = "linear"; break;
        case 11: o.mixup = (double)NAN; break;
        case 12: o.weight_decay = 1e30; break;
        default: fail();
        }
        refused(nw_trainer_new(sides, model, &o, &trainer, err), NW_USAGE, rows[i].words);
    }
    nw_model_unref(model);
    assert_null(trainer);
}

/* A picture that is cut in the middle: its header is fine, so that only an epoch can find it. */
static void a_picture_that_cannot_be_read(void **state)
{
    (void)state;
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int i = 0; i < 24; i++) {
        char name[32];
        snprintf(name, sizeof name, "c%02d.png", i);
        train_picture(name, (unsigned)i, i % 2 ? 8 : 0, i % 2 ? 0 : 8);
        train_add(&list, "%s,%s,train\n", name, i % 2 ? "a" : "b");
    }
    char path[512];
    train_path(path, "kept.safetensors");
    nw_dataset_options how = train_data_options();
    how.cache_bytes = 1; /* every epoch reads the files anew */
    nw_dataset *data = data_open(data_list(list.text), &how);
    nw_train_options options = train_few(3);
    nw_trainer *trainer = train_trainer(data, &options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, path, err));
    unsigned char *before, *after, *picture;
    size_t size, again, bytes;
    bytes_of(path, &before, &size);
    bytes_of(data_path("c17.png"), &picture, &bytes);
    temp_write(data_folder, "c17.png", picture, bytes / 2);
    nw_train_record none;
    refused(nw_trainer_epoch(trainer, NULL, &none, err), NW_BAD_INPUT, "c17.png");
    bytes_of(path, &after, &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    /* With the picture put back the training goes on. */
    temp_write(data_folder, "c17.png", picture, bytes);
    must(nw_trainer_restore(trainer, path, err));
    assert_int_equal(nw_trainer_epochs_done(trainer), 1);
    train_epoch(trainer);
    free(before);
    free(after);
    free(picture);
    nw_trainer_free(trainer);
    nw_dataset_free(data);
}

/* A limit on the size of files stands in for a disk that fills up. */
static void a_disk_that_fills_up(void **state)
{
    (void)state;
    char path[512];
    train_path(path, "full.safetensors");
    nw_train_options options = train_few(3);
    nw_trainer *trainer = train_trainer(sides, &options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, path, err));
    unsigned char *before, *after;
    size_t size, again;
    bytes_of(path, &before, &size);
    train_epoch(trainer);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = size / 2;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int entries = temp_count(data_folder);
    nw_error full = {0};
    nw_status status = nw_trainer_save(trainer, path, &full);
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    train_words(status, NW_IO, full.message, "full.safetensors");
    assert_int_equal(temp_count(data_folder), entries); /* no half file beside it */
    bytes_of(path, &after, &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    must(nw_trainer_restore(trainer, path, err));
    assert_int_equal(nw_trainer_epochs_done(trainer), 1);
    free(before);
    free(after);
    nw_trainer_free(trainer);
}

static nw_status restore_with(nw_dataset *data, nw_model *model, const nw_train_options *options,
                              const char *path, nw_error *err)
{
    nw_trainer *trainer = NULL;
    nw_status status = nw_trainer_new(data, model, options, &trainer, err);
    if (status != NW_OK) fail_msg("%s", err->message);
    status = nw_trainer_restore(trainer, path, err);
    if (status != NW_OK) assert_int_equal(nw_trainer_epochs_done(trainer), 0);
    nw_trainer_free(trainer);
    return status;
}

static void checkpoints_of_another_training(void **state)
{
    (void)state;
    char path[512];
    train_path(path, "own.safetensors");
    nw_train_options options = train_few(3);
    options.smoothing = 0.1;
    nw_model *model = train_model(2, 5), *other_seed = train_model(2, 6);
    nw_trainer *trainer = train_trainer(sides, &options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, path, err));
    nw_trainer_free(trainer);
    must(restore_with(sides, model, &options, path, err));

    refused(restore_with(sides, other_seed, &options, path, err), NW_BAD_INPUT,
            "own.safetensors~another network");
    struct {
        const char *words;
        nw_train_options o;
    } rows[] = {{"settings.rate~0.01~0.02", options},
                {"settings.epochs~3~4", options},
                {"settings.optimiser~adamw~sgd", options},
                {"settings.batch~8~4", options},
                {"settings.mixup", options},
                {"settings.moving_average", options},
                {"settings.augment", options},
                {"settings.seed", options},
                {"settings.label_smoothing", options},
                {"settings.schedule~cosine~constant", options},
                {"settings.balance", options},
                {"settings.precision", options}};
    rows[0].o.rate = 0.02;
    rows[1].o.epochs = 4;
    rows[2].o.optimiser = "sgd";
    rows[3].o.batch = 4;
    rows[4].o.mixup = 0.1;
    rows[5].o.average = 0.9;
    must(nw_augment_parse("light", &rows[6].o.augment, err));
    rows[7].o.seed++;
    rows[8].o.smoothing = 0;
    rows[9].o.schedule = "constant";
    rows[10].o.balance = 1;
    rows[11].o.precision = NW_PRECISION_BF16;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused(restore_with(sides, model, &rows[i].o, path, err), NW_BAD_INPUT, rows[i].words);
    /* These may differ. */
    nw_train_options may = options;
    may.patience = 5;
    may.threads = 2;
    may.keep_last = 1;
    may.draws = 30;
    must(restore_with(sides, model, &may, path, err));

    /* Another label; other pixels of the same list, by another preprocessing. */
    unsigned char *list;
    size_t size;
    bytes_of(data_path("list.csv"), &list, &size);
    list[size] = 0;
    char *place = strstr((char *)list, "001.png,");
    assert_non_null(place);
    place += strlen("001.png,");
    bool right = strncmp(place, "right", 5) == 0;
    char changed[1 << 14];
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - (char *)list), list, right ? "left" : "right",
             place + (right ? 5 : 4));
    nw_dataset_options how = train_data_options();
    nw_dataset *data = data_open(temp_write(data_folder, "changed.csv", changed, strlen(changed)), &how);
    refused(restore_with(data, model, &options, path, err), NW_BAD_INPUT, "other data, labels or splits");
    nw_dataset_free(data);
    how.pre.mean[0] = 0.4;
    data = data_open(data_path("list.csv"), &how);
    refused(restore_with(data, model, &options, path, err), NW_BAD_INPUT, "input.mean~0.3~0.4");
    nw_dataset_free(data);
    free(list);
    nw_model_unref(model);
    nw_model_unref(other_seed);
}

/* What the checkpoint's training had and this one has not. */
static void checkpoints_with_more_settings(void **state)
{
    (void)state;
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split,bag,group\n");
    for (int i = 0; i < 24; i++)
        train_add(&list, "%03d.png,%s,train,b%d,b%d\n", i, i / 4 % 2 ? "a" : "b", i / 4, i / 4);
    char path[512];
    train_path(path, "studies.safetensors");
    nw_dataset_options how = train_data_options();
    how.per_study = 1;
    nw_dataset *studies = data_open(data_list(list.text), &how);
    how.per_study = 0;
    nw_dataset *slices = data_open(data_list(list.text), &how);
    nw_train_options options = train_few(2);
    options.bag_slices = 2;
    nw_trainer *trainer = train_trainer(studies, &options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, path, err));
    nw_trainer_free(trainer);
    nw_model *model = train_model(2, 5);
    must(restore_with(studies, model, &options, path, err));
    refused(restore_with(slices, model, &options, path, err), NW_BAD_INPUT, "studies.safetensors~settings.");
    options.bag_slices = 4;
    refused(restore_with(studies, model, &options, path, err), NW_BAD_INPUT, "bag_slices~2~4");
    nw_model_unref(model);
    nw_dataset_free(studies);
    nw_dataset_free(slices);
}

static void checkpoints_that_are_none(void **state)
{
    (void)state;
    char good[512];
    train_path(good, "good.safetensors");
    nw_train_options options = train_few(2);
    nw_model *model = train_model(2, 5);
    nw_trainer *trainer = train_trainer(sides, &options);
    train_epoch(trainer);
    must(nw_trainer_save(trainer, good, err));
    unsigned char *bytes;
    size_t size;
    bytes_of(good, &bytes, &size);
    refused(nw_trainer_restore(trainer, data_path("none.safetensors"), err), NW_IO, "none.safetensors");
    temp_write(data_folder, "cut.safetensors", bytes, size - 100);
    refused(nw_trainer_restore(trainer, data_path("cut.safetensors"), err), NW_BAD_INPUT, "cut.safetensors");
    bytes[size - 10] ^= 1;
    temp_write(data_folder, "bit.safetensors", bytes, size);
    refused(nw_trainer_restore(trainer, data_path("bit.safetensors"), err), NW_BAD_INPUT,
            "bit.safetensors~damaged");
    temp_write(data_folder, "text.safetensors", "words, and nothing else", 23);
    refused(nw_trainer_restore(trainer, data_path("text.safetensors"), err), NW_BAD_INPUT,
            "text.safetensors");
    /* None of these has changed the trainer. */
    nw_trainer *other = train_trainer(sides, &options);
    must(nw_trainer_restore(other, good, err));
    train_run(trainer);
    train_run(other);
    nw_model *a = train_result(trainer), *b = train_result(other);
    assert_string_equal(nw_model_digest(a), nw_model_digest(b));
    nw_model_unref(a);
    nw_model_unref(b);
    nw_model_unref(model);
    nw_trainer_free(trainer);
    nw_trainer_free(other);
    free(bytes);
}

/* Rates far too high: the words say where, how fast, and from where to go on. */
static void a_loss_that_is_lost(void **state)
{
    (void)state;
    char path[512];
    train_path(path, "last.safetensors");
    nw_train_options options = train_few(6);
    options.optimiser = "sgd";
    options.rate = 1000;
    options.schedule = "constant";
    options.warmup = 0;
    nw_trainer *trainer = train_trainer(sides, &options);
    nw_error lost = {0};
    nw_status status = NW_OK;
    bool saved = false;
    while (status == NW_OK && !nw_trainer_done(trainer)) {
        nw_train_record record;
        status = nw_trainer_epoch(trainer, NULL, &record, &lost);
        if (status == NW_OK) {
            must(nw_trainer_save(trainer, path, err));
            saved = true;
        }
    }
    train_words(status, NW_NOT_FINITE, lost.message,
                "step ~epoch ~learning rate 1e+03~last good checkpoint is ");
    assert_non_null(strstr(lost.message, saved ? "last.safetensors" : "none"));
    nw_trainer_free(trainer);
}

static int setup(void **state)
{
    data_setup(state);
    sides = train_data(train_sides(64));
    return 0;
}

static int teardown(void **state)
{
    nw_dataset_free(sides);
    return data_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_of_another_training), /* first: it reads the list of setup */
        cmocka_unit_test(data_that_teach_nothing),
        cmocka_unit_test(networks_that_do_not_fit),
        cmocka_unit_test(options_that_cannot_be),
        cmocka_unit_test(a_picture_that_cannot_be_read),
        cmocka_unit_test(a_disk_that_fills_up),
        cmocka_unit_test(checkpoints_with_more_settings),
        cmocka_unit_test(checkpoints_that_are_none),
        cmocka_unit_test(a_loss_that_is_lost),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
