/* A small 3-D network on scans whose class a single slice's amounts do not tell: rods along the stack against
 * plates across it, of as many bright voxels. It learns them, its weights are the same bits on any number of
 * threads and over checkpoints, and the sheet shows the slices that it is given. */
#include "train.h"

#include "support/nifti_make.h"

#include <math.h>

enum { SIDE = 20, SLICES = 16, DEPTH = 8, SCANS = 40 };

static void scan(const char *name, unsigned key, bool rod)
{
    static unsigned char voxels[SLICES * SIDE * SIDE];
    static nifti_made file;
    int top = 5 + (int)(key % 5), left = 5 + (int)(key / 5 % 5), low = 4 + (int)(key % 4);
    int height = rod ? 3 : 9, width = rod ? 3 : 9, deep = rod ? 9 : 1;
    for (int z = 0; z < SLICES; z++)
        for (int r = 0; r < SIDE; r++)
            for (int c = 0; c < SIDE; c++) {
                bool bright = z >= low && z < low + deep && r >= top && r < top + height && c >= left &&
                              c < left + width;
                unsigned place = (unsigned)((z * SIDE + r) * SIDE + c);
                voxels[place] = (unsigned char)((bright ? 180 : 40) + train_noise(place + key * 7919));
            }
    nifti_make(&file, nifti_header_of(SIDE, SIDE, SLICES, 1, DT_UINT8), voxels, sizeof voxels, false);
    temp_write(data_folder, name, (const char *)file.bytes, file.size);
}

static const char *scans(void)
{
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int i = 0; i < SCANS; i++) {
        char name[32];
        bool rod = (i / 4 + i) % 2;
        snprintf(name, sizeof name, "s%02d.nii", i);
        scan(name, (unsigned)i, rod);
        train_add(&list, "%s,%s,%s\n", name, rod ? "rod" : "plate", train_split(i));
    }
    return data_list(list.text);
}

static nw_dataset_options how(void)
{
    nw_dataset_options o = {.pre = {.channels = 1,
                                    .height = SIDE,
                                    .width = SIDE,
                                    .depth = DEPTH,
                                    .scale = NW_SCALE_WINDOW,
                                    .low = 0,
                                    .high = 255,
                                    .antialias = 1,
                                    .mean_count = 1,
                                    .std_count = 1,
                                    .mean = {0.3},
                                    .std = {0.2}}};
    return o;
}

static nw_trainer *trainer_of(nw_dataset *data, const nw_train_options *options)
{
    nw_network_options network = {.arch = "resnet18_3d",
                                  .width = 0.125,
                                  .channels = 1,
                                  .size = {DEPTH, SIDE, SIDE},
                                  .outputs = (int64_t)nw_dataset_outputs(data),
                                  .seed = 5};
    nw_model *model;
    nw_trainer *trainer = NULL;
    must(nw_network_build(&network, &model, err));
    must(nw_trainer_new(data, model, options, &trainer, err));
    nw_model_unref(model);
    return trainer;
}

static void rods_and_plates_are_learned(void **state)
{
    (void)state;
    nw_dataset_options options = how();
    nw_dataset *data = data_open(scans(), &options);
    nw_train_options train = train_few(6);
    train.batch = 4;
    must(nw_augment_parse("flip-h=0.5,flip-v=0.5,shift=0.05,noise=0.02", &train.augment, err));
    nw_trainer *trainer = trainer_of(data, &train);
    double first = train_epoch(trainer).loss, last = train_run(trainer).loss;
    assert_true(last < 0.5 * first);
    nw_model *model = train_result(trainer);
    assert_non_null(strstr(nw_model_metadata(model, "narrows.input"), "\"size\":[8,20,20]"));
    nw_predictions *p;
    nw_measures m;
    must(nw_predict_split(model, data, NW_SPLIT_TEST, &train, NULL, &p, err));
    must(nw_measure(data, NW_SPLIT_TEST, p, &train, &m, err));
    assert_int_equal(m.rows, SCANS / 4);
    assert_true(m.auroc.score.value == 1);
    assert_true(m.loss < 0.4);
    assert_int_equal(nw_predictions_sample(p, 0)->slice, -1);
    nw_predictions_free(p);
    nw_model_unref(model);
    nw_trainer_free(trainer);
    nw_dataset_free(data);
}

/* Mean and deviation of all voxels, in two passes here. */
static void moments_are_of_all_slices(void **state)
{
    (void)state;
    enum { VOXELS = DEPTH * SIDE * SIDE };
    static float values[VOXELS];
    nw_dataset_options options = how();
    options.pre.mean_count = options.pre.std_count = 0;
    nw_dataset *data = data_open(scans(), &options);
    size_t count = nw_dataset_count(data, NW_SPLIT_TRAIN);
    double mean = 0, squares = 0, found[NW_MAX_CHANNELS], deviation[NW_MAX_CHANNELS];
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            must(nw_dataset_load(data, NW_SPLIT_TRAIN, i, NULL, 0, 0, values, err));
            for (int k = 0; k < VOXELS; k++) {
                double n = (double)count * VOXELS, v = (double)values[k];
                *(pass ? &squares : &mean) += (pass ? (v - mean) * (v - mean) : v) / n;
            }
        }
    must(nw_train_moments(data, 0, found, deviation, err));
    assert_true(fabs(found[0] - mean) < 1e-9);
    assert_true(fabs(deviation[0] - sqrt(squares)) < 1e-9);
    nw_dataset_free(data);
}

static nw_train_options everything(void)
{
    nw_train_options o = train_few(3);
    o.batch = 4;
    o.mixup = 0.3;
    o.average = 0.9;
    o.balance = 1;
    must(nw_augment_parse("ct", &o.augment, err));
    return o;
}

static void digest_of(nw_trainer *trainer, char digest[65])
{
    nw_model *model = train_result(trainer);
    snprintf(digest, 65, "%s", nw_model_digest(model));
    nw_model_unref(model);
}

static void the_same_bits_by_any_way(void **state)
{
    (void)state;
    char digest[65], other[65], path[512];
    train_path(path, "state.safetensors");
    nw_dataset_options options = how();
    const char *list = scans();
    for (int threads = 1; threads <= 2; threads++) {
        nw_dataset *data = data_open(list, &options);
        nw_train_options o = everything();
        o.threads = threads;
        nw_trainer *trainer = trainer_of(data, &o);
        train_run(trainer);
        digest_of(trainer, threads == 1 ? digest : other);
        if (threads > 1) assert_string_equal(digest, other);
        nw_trainer_free(trainer);
        nw_dataset_free(data);
    }
    for (int64_t e = 0; e < 3; e++) {
        nw_dataset *data = data_open(list, &options);
        nw_train_options o = everything();
        nw_trainer *trainer = trainer_of(data, &o);
        if (e) must(nw_trainer_restore(trainer, path, err));
        train_epoch(trainer);
        must(nw_trainer_save(trainer, path, err));
        digest_of(trainer, other);
        nw_trainer_free(trainer);
        nw_dataset_free(data);
        if (e < 2) assert_string_not_equal(digest, other);
    }
    assert_string_equal(digest, other);
    /* Another depth is another network and another input. */
    options.pre.depth = DEPTH - 1;
    nw_dataset *data = data_open(list, &options);
    nw_train_options o = everything();
    nw_network_options network = {.arch = "resnet18_3d",
                                  .width = 0.125,
                                  .channels = 1,
                                  .size = {DEPTH - 1, SIDE, SIDE},
                                  .outputs = 2,
                                  .seed = 5};
    nw_model *model;
    nw_trainer *trainer = NULL;
    must(nw_network_build(&network, &model, err));
    must(nw_trainer_new(data, model, &o, &trainer, err));
    refused(nw_trainer_restore(trainer, path, err), NW_BAD_INPUT, "was made with");
    nw_trainer_free(trainer);
    nw_model_unref(model);
    nw_dataset_free(data);
}

/* Slices 2, 4 and 6 of 8, side by side, four pixels of the sheet for one. */
static void the_sheet_shows_slices(void **state)
{
    (void)state;
    enum { GAP = 8, TOP = 30, SEAM = 2, ENLARGED = 4, ROWS = 2, COLUMNS = 3 };
    static float values[DEPTH * SIDE * SIDE];
    nw_dataset_options options = how();
    nw_dataset *data = data_open(scans(), &options);
    nw_augment flip = {.flip_v = 1};
    char path[512];
    train_path(path, "sheet.png");
    must(nw_dataset_preview(data, NW_SPLIT_TRAIN, &flip, 1, ROWS, COLUMNS, path, err));
    nw_volume *sheet;
    must(nw_volume_read(path, NULL, &sheet, err));
    const nw_volume_info *info = nw_volume_get_info(sheet);
    int width = ENLARGED * SIDE, tile = 3 * width + 2 * SEAM;
    assert_int_equal(info->columns, GAP + COLUMNS * (tile + GAP));
    float *pixels = test_calloc((size_t)(info->channels * info->rows * info->columns), sizeof *pixels);
    must(nw_volume_slice(sheet, 0, pixels, err));
    size_t order[ROWS];
    must(nw_dataset_order(data, NW_SPLIT_TRAIN, 1, 1, 0, order, ROWS, err));
    must(nw_dataset_load(data, NW_SPLIT_TRAIN, order[0], NULL, 0, 0, values, err));
    for (int column = 0; column < 2; column++)
        for (int place = 0; place < 3; place++)
            for (int r = 0; r < SIDE; r++)
                for (int c = 0; c < SIDE; c++) {
                    int row = column ? SIDE - 1 - r : r; /* augmented: upside down, in every slice */
                    int z = 2 * (place + 1);
                    double v = (double)values[(z * SIDE + row) * SIDE + c] * 0.2 + 0.3;
                    int64_t x = GAP + column * (tile + GAP) + place * (width + SEAM) + ENLARGED * c;
                    double shown = (double)pixels[(TOP + ENLARGED * r) * info->columns + x];
                    assert_true(fabs(shown - 255 * v) < 1);
                }
    test_free(pixels);
    nw_volume_free(sheet);
    nw_dataset_free(data);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    nw_dataset_options options = how();
    const char *list = scans();
    options.pre.antialias = 0;
    options.pre.depth = 4;
    nw_dataset *data = data_open(list, &options);
    bool noted = false, warned = false;
    for (size_t i = 0; nw_dataset_note(data, i); i++)
        noted |= strstr(nw_dataset_note(data, i), "16 to 16 slices, each becomes 4") != NULL;
    for (size_t i = 0; nw_dataset_warning(data, i); i++)
        warned |= strstr(nw_dataset_warning(data, i), "antialiasing takes them all") != NULL;
    assert_true(noted && warned);
    /* A network of slices for data of volumes, and the other way round. */
    nw_train_options o = train_few(1);
    nw_model *model = train_model(2, 5);
    nw_trainer *trainer = NULL;
    nw_error err = {0};
    assert_int_not_equal(nw_trainer_new(data, model, &o, &trainer, &err), NW_OK);
    assert_true(strlen(err.message) > 0);
    nw_model_unref(model);
    nw_dataset_free(data);
    train_picture("a.png", 1, 3, 0);
    data_refused(data_list("file,label\ns00.nii,a\na.png,b\n"), &options, NW_BAD_INPUT,
                 "line 3: ~a.png is a single slice (a picture)~whole volumes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rods_and_plates_are_learned), cmocka_unit_test(moments_are_of_all_slices),
        cmocka_unit_test(the_same_bits_by_any_way),    cmocka_unit_test(the_sheet_shows_slices),
        cmocka_unit_test(what_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
