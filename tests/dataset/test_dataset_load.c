/* Pixels: what the preprocessing gives, the same bits for whoever asks, and errors in the middle of an epoch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <base/parallel.h>
#include <dataset/change.h>
#include <dataset/dataset.h>
#include <math.h>
#include <narrows/phantom.h>
#include <pthread.h>

enum { PICTURES = 9, HEIGHT = 20, WIDTH = 28, AREA = HEIGHT * WIDTH };

static const nw_phantom_options tiny = {.seed = 4, .size = 64, .slices = 12, .slice_mm = 25};

static int setup(void **state)
{
    data_setup(state);
    for (unsigned i = 0; i < PICTURES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u.png", i);
        data_picture(name, 30 + (int)i, 41, i);
    }
    return 0;
}

static nw_dataset_options options(void)
{
    nw_dataset_options o = {
        .pre = {.channels = 1, .height = HEIGHT, .width = WIDTH, .mean_count = 1, .std_count = 1}};
    o.pre.mean[0] = 0.37;
    o.pre.std[0] = 0.21;
    return o;
}

static const char *const list =
    "file,label\n0.png,x\n1.png,y\n2.png,x\n3.png,y\n4.png,x\n5.png,y\n6.png,x\n7.png,y\n8.png,x\n";

static void load(nw_dataset *d, size_t i, const nw_augment *p, uint64_t seed, uint64_t epoch, float *dst)
{
    nw_error err;
    if (nw_dataset_load(d, NW_SPLIT_TRAIN, i, p, seed, epoch, dst, &err) != NW_OK)
        fail_msg("%s", err.message);
}

static void by_hand(const nw_preprocess *pre, const char *path, int64_t slice, float *dst)
{
    nw_volume *v;
    nw_error err;
    if (nw_volume_read(path, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
    if (nw_preprocess_apply(pre, v, slice, dst, &err) != NW_OK) fail_msg("%s", err.message);
    nw_volume_free(v);
}

static void without_a_policy_it_is_the_preprocessing(void **state)
{
    (void)state;
    float want[3 * AREA], got[3 * AREA];
    for (int channels = 1; channels <= 3; channels += 2) {
        nw_dataset_options o = options();
        o.pre.channels = channels;
        o.pre.mean_count = o.pre.std_count = channels;
        for (int c = 0; c < channels; c++) o.pre.mean[c] = 0.3 + 0.1 * c, o.pre.std[c] = 0.2 + 0.05 * c;
        nw_dataset *d = data_open(data_list(list), &o);
        for (int round = 0; round < 2; round++)
            for (size_t i = 0; i < PICTURES; i++) {
                by_hand(&o.pre, nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->path, 0, want);
                load(d, i, NULL, 1, 2, got);
                assert_memory_equal(want, got, (size_t)channels * AREA * sizeof *want);
                /* A policy that does nothing changes no bit either. */
                nw_augment none = {0};
                load(d, i, &none, 1, 2, got);
                assert_memory_equal(want, got, (size_t)channels * AREA * sizeof *want);
            }
        assert_int_equal(nw_dataset_reads(d), PICTURES);
        assert_int_equal(nw_dataset_cached(d), PICTURES * (size_t)channels * AREA * sizeof *want);
        nw_dataset_free(d);
    }
}

static void an_orient_column_turns_single_files(void **state)
{
    (void)state;
    nw_dataset_options o = options();
    o.pre.orient = NW_ORIENT_FLIP_H;
    nw_dataset *d = data_open(
        data_list("file,label,orient\n0.png,x,ROT90\n1.png,y,\n2.png,x,transpose\n3.png,y,none\n"), &o);
    const nw_orient orients[] = {NW_ORIENT_ROT90, NW_ORIENT_FLIP_H, NW_ORIENT_TRANSPOSE, NW_ORIENT_NONE};
    float want[AREA], got[AREA];
    for (size_t i = 0; i < 4; i++) {
        nw_preprocess pre = o.pre;
        pre.orient = orients[i];
        by_hand(&pre, nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->path, 0, want);
        load(d, i, NULL, 0, 0, got);
        assert_memory_equal(want, got, sizeof want);
    }
    nw_dataset_free(d);
}

static void a_policy_is_its_change_before_mean_and_std(void **state)
{
    (void)state;
    nw_dataset_options o = options();
    nw_dataset *d = data_open(data_list(list), &o);
    nw_augment p;
    assert_int_equal(nw_augment_parse("ct,window-hu=0", &p, NULL), NW_OK);
    nw_preprocess plain = o.pre;
    plain.mean_count = plain.std_count = 0;
    float src[AREA], want[AREA], got[AREA];
    for (size_t i = 0; i < PICTURES; i++) {
        by_hand(&plain, nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->path, 0, src);
        assert_int_equal(nw_augment_apply(&p, 5, 6, d->item_key[i], 1, HEIGHT, WIDTH, src, want, NULL),
                         NW_OK);
        for (int k = 0; k < AREA; k++) want[k] = (float)(((double)want[k] - 0.37) / 0.21);
        load(d, i, &p, 5, 6, got);
        assert_memory_equal(want, got, sizeof want);
        /* Pictures have no HU: the window's jitter does nothing. */
        nw_augment q = p;
        q.window_hu = 100;
        load(d, i, &q, 5, 6, got);
        assert_memory_equal(want, got, sizeof want);
    }
    nw_dataset_free(d);
}

typedef struct crowd {
    nw_dataset *data;
    const nw_augment *policy;
    size_t count, size;
    float *out; /* [epochs][count][size] */
    int failed;
    unsigned turn;
} crowd;

enum { EPOCHS = 3 };

/* All images of all epochs, in an order of this thread's own. */
static void *all(void *context)
{
    crowd *c = context;
    for (size_t k = 0; k < c->count * EPOCHS; k++) {
        size_t at = (k * 7919 + c->turn * 31) % (c->count * EPOCHS), i = at % c->count;
        if (nw_dataset_load(c->data, NW_SPLIT_TRAIN, i, c->policy, 9, at / c->count, c->out + at * c->size,
                            NULL) != NW_OK)
            c->failed = 1;
    }
    return NULL;
}

/* In order and by several threads at once, with all, some and nothing of it kept in memory: the same bits. */
static void same_bits(const char *path, nw_dataset_options o, const nw_augment *policy, const size_t *limits,
                      size_t least_reads)
{
    enum { THREADS = 4 };
    nw_dataset *d = data_open(path, &o);
    size_t count = nw_dataset_count(d, NW_SPLIT_TRAIN), size = AREA;
    float *want = test_calloc(count * EPOCHS * size, sizeof *want);
    for (size_t e = 0; e < EPOCHS; e++)
        for (size_t i = 0; i < count; i++) load(d, i, policy, 9, e, want + (e * count + i) * size);
    assert_int_equal(nw_dataset_reads(d), least_reads);
    assert_memory_not_equal(want, want + count * size, size * sizeof *want);
    nw_dataset_free(d);
    for (int k = 0; k < 3; k++) {
        o.cache_bytes = limits[k];
        d = data_open(path, &o);
        crowd crowds[THREADS];
        pthread_t threads[THREADS];
        for (unsigned t = 0; t < THREADS; t++) {
            crowds[t] =
                (crowd){d, policy, count, size, test_calloc(count * EPOCHS * size, sizeof(float)), 0, t};
            assert_int_equal(pthread_create(&threads[t], NULL, all, &crowds[t]), 0);
        }
        for (unsigned t = 0; t < THREADS; t++) {
            pthread_join(threads[t], NULL);
            assert_false(crowds[t].failed);
            assert_memory_equal(crowds[t].out, want, count * EPOCHS * size * sizeof *want);
            test_free(crowds[t].out);
        }
        assert_true(nw_dataset_cached(d) <= (limits[k] ? limits[k] : SIZE_MAX));
        if (k == 0) assert_int_equal(nw_dataset_reads(d), least_reads);
        nw_dataset_free(d);
    }
    test_free(want);
}

static void threads_order_and_cache_change_no_bit(void **state)
{
    (void)state;
    nw_augment p;
    assert_int_equal(nw_augment_parse("ct,cutout=0.3", &p, NULL), NW_OK);
    const size_t limits[3] = {0, 4 * AREA * sizeof(float), 1};
    same_bits(data_list(list), options(), &p, limits, PICTURES);
}

static const char *make_cohort(void)
{
    nw_error err;
    if (nw_phantom_cohort(&tiny, 3, data_path("c"), NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    return data_path("c/slices.csv");
}

static nw_dataset_options scans(void)
{
    nw_dataset_options o = options();
    o.pre.scale = NW_SCALE_WINDOW;
    o.pre.low = -1350;
    o.pre.high = 150;
    o.split_column = "";
    o.group_column = "study";
    return o;
}

static void volumes_are_read_once(void **state)
{
    (void)state;
    const char *path = make_cohort();
    nw_augment p;
    assert_int_equal(nw_augment_parse("ct", &p, NULL), NW_OK);
    const size_t limits[3] = {0, 13 * AREA * sizeof(float), 1};
    same_bits(path, scans(), &p, limits, 3);
    same_bits(path, scans(), &(nw_augment){.noise = 0.1}, limits, 3);
    /* One slice after another without memory for them: still one reading a volume. */
    nw_dataset_options o = scans();
    o.cache_bytes = 1;
    nw_dataset *d = data_open(path, &o);
    float got[AREA], want[AREA];
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 36);
    assert_int_equal(nw_dataset_bag_count(d, NW_SPLIT_TRAIN), 3);
    assert_true(data_said(d, "read from their files every time"));
    for (size_t i = 0; i < 36; i++) {
        const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, i);
        assert_int_equal(s->slice, i % 12);
        by_hand(&o.pre, s->path, s->slice, want);
        load(d, i, NULL, 0, 0, got);
        assert_memory_equal(want, got, sizeof want);
    }
    assert_int_equal(nw_dataset_reads(d), 3);
    assert_int_equal(nw_dataset_cached(d), 0);
    nw_dataset_free(d);
}

static void slices_are_chosen(void **state)
{
    (void)state;
    make_cohort();
    nw_dataset_options o = scans();
    o.slice_step = 3;
    o.slice_low = 0.2;
    o.slice_high = 0.75;
    for (int k = 0; k < 2; k++) {
        nw_dataset *d = data_open(data_path(k ? "c/cohort.csv" : "c/slices.csv"), &o);
        assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 9 - 3); /* 3 and 6 of each: 9 is above 0.79 */
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->slice, i % 2 ? 6 : 3);
        assert_true(data_said(d, "30 slices are left out"));
        nw_dataset_free(d);
    }
    o = scans();
    o.per_study = 1;
    nw_dataset *d = data_open(data_path("c/cohort.csv"), &o);
    assert_int_equal(nw_dataset_bag_count(d, NW_SPLIT_TRAIN), 3);
    assert_int_equal(nw_dataset_bag(d, NW_SPLIT_TRAIN, 0)->count, 12);
    nw_dataset_free(d);
    data_refused(data_path("c/slices.csv"), &o, NW_BAD_INPUT, "labels of a study must be the same");
    o = scans();
    o.pre.scale = NW_SCALE_AUTO;
    data_refused(data_path("c/slices.csv"), &o, NW_BAD_INPUT,
                 "c/study_0001/ct.nii.gz: how values become 0..1~give the window");
    o = scans();
    o.slice_low = 0.001;
    o.slice_high = 0.002;
    data_refused(data_path("c/slices.csv"), &o, NW_BAD_INPUT, "no slice is left");
    data_refused(temp_write(data_path("c"), "bad.csv", "file,label,slice\nstudy_0001/ct.nii.gz,x,12\n", 43),
                 &(nw_dataset_options){.pre = scans().pre}, NW_BAD_INPUT,
                 "line 2: study_0001/ct.nii.gz has no slice 12, its slices are 0 to 11");
}

static void a_moved_window_is_the_window_that_was_asked_for(void **state)
{
    (void)state;
    nw_dataset_options o = scans();
    nw_dataset *d = data_open(make_cohort(), &o);
    nw_augment p = {.window_hu = 120};
    float want[AREA], got[AREA], wide[AREA];
    for (size_t i = 0; i < 36; i += 5)
        for (uint64_t e = 0; e < 4; e++) {
            const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, i);
            nw_change c = nw_change_draw(&p, 2, e, d->item_key[i], HEIGHT, WIDTH);
            nw_preprocess pre = o.pre;
            pre.low += c.low_hu;
            pre.high += c.high_hu;
            assert_true(c.low_hu != 0 && fabs(c.low_hu) <= 120);
            by_hand(&pre, s->path, s->slice, want);
            load(d, i, &p, 2, e, got);
            /* Exactly: the moved window of what a window 500 HU wider at either end gives. */
            pre = o.pre;
            pre.mean_count = pre.std_count = 0;
            pre.low -= NW_WIDE_HU;
            pre.high += NW_WIDE_HU;
            by_hand(&pre, s->path, s->slice, wide);
            double mean = 0;
            for (int k = 0; k < AREA; k++) {
                double hu = pre.low + (double)wide[k] * (pre.high - pre.low);
                double v = (hu - o.pre.low - c.low_hu) / (o.pre.high + c.high_hu - o.pre.low - c.low_hu);
                v = (fmin(fmax(v, 0), 1) - 0.37) / 0.21;
                assert_true(fabs((double)got[k] - v) < 2e-5);
                mean += fabs((double)want[k] - (double)got[k]) / AREA;
            }
            /* Cutting off before the resizing instead, as without a policy, differs where a pixel mixes
             * values beyond the ends with others. */
            assert_true(mean < 0.02 / 0.21);
        }
    nw_error err;
    p.window_hu = 500;
    nw_dataset_options narrow = scans();
    narrow.pre.low = -1000;
    narrow.pre.high = 0;
    nw_dataset *n = data_open(data_path("c/slices.csv"), &narrow);
    assert_int_equal(nw_dataset_load(n, NW_SPLIT_TRAIN, 0, &p, 0, 0, got, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "window of 1000 HU"));
    nw_dataset_free(n);
    nw_dataset_free(d);
}

/* A volume as one sample: its slices, resized along the stack; what is done in a plane is done in all. */
static void whole_volumes(void **state)
{
    (void)state;
    make_cohort();
    nw_dataset_options o = scans();
    enum { DEEP = 12, FEW = 5 };
    float want[AREA], *got = test_calloc(2 * DEEP * AREA, sizeof *got),
                      *slices = test_calloc(DEEP * AREA, sizeof *slices);
    o.pre.depth = DEEP;
    nw_dataset *d = data_open(data_path("c/cohort.csv"), &o);
    assert_int_equal(nw_dataset_preprocess(d)->depth, DEEP);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 3);
    for (size_t i = 0; i < 3; i++) {
        const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, i);
        assert_int_equal(s->slice, -1);
        load(d, i, NULL, 0, 0, got);
        for (int z = 0; z < DEEP; z++) {
            by_hand(&o.pre, s->path, z, want);
            assert_memory_equal(got + z * AREA, want, sizeof want);
            memcpy(slices + z * AREA, want, sizeof want); /* of the last one */
        }
    }
    /* Noise is another in every slice, a cut has a beginning and an end; flips are those of single slices. */
    nw_augment p = {.noise = 0.1}, cut = {.cutout = 0.4}, flip = {.flip_h = 1};
    load(d, 2, &flip, 0, 0, got);
    for (int i = 0; i < DEEP * AREA; i++) {
        assert_true(got[i] == slices[i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH]);
    }
    load(d, 2, &p, 0, 0, got);
    for (int i = 0; i < AREA; i++) want[i] = got[i] - slices[i];
    int same = 0;
    for (int i = 0; i < AREA; i++)
        same += fabs((double)(want[i] - (got[AREA + i] - slices[AREA + i]))) < 1e-6;
    assert_true(same < AREA / 2);
    int cuts = 0;
    for (uint64_t e = 0; e < 20; e++) {
        int hit = 0;
        load(d, 2, &cut, 0, e, got);
        for (int z = 0; z < DEEP; z++) hit += memcmp(got + z * AREA, slices + z * AREA, sizeof want) != 0;
        assert_true(hit <= 5); /* 0.4 of 12 */
        cuts += hit;
    }
    assert_true(cuts > 20);
    nw_dataset_free(d);
    /* Fewer slices: two taps at half-pixel centres. Two channels of the same. */
    o.pre.depth = FEW;
    o.pre.channels = 2;
    d = data_open(data_path("c/cohort.csv"), &o);
    load(d, 2, NULL, 0, 0, got);
    for (int z = 0; z < FEW; z++) {
        double at = (z + 0.5) * DEEP / FEW - 0.5;
        int below = (int)at;
        for (int i = 0; i < AREA; i += 7) {
            double v = (1 - at + below) * (double)slices[below * AREA + i] +
                       (at - below) * (double)slices[(below + 1) * AREA + i];
            assert_true(fabs((double)got[z * AREA + i] - v) < 1e-5);
            assert_true(got[z * AREA + i] == got[(FEW + z) * AREA + i]);
        }
    }
    nw_error err;
    if (nw_dataset_preview(d, NW_SPLIT_TRAIN, &p, 0, 2, 3, data_path("sheet.png"), &err) != NW_OK)
        fail_msg("%s", err.message);
    nw_dataset_free(d);
    o.pre.channels = 1;
    data_refused(data_path("c/slices.csv"), &o, NW_BAD_INPUT,
                 "line 2: study_0001/ct.nii.gz: a slice is named~no slice column");
    o.slice_column = "";
    data_refused(data_path("c/slices.csv"), &o, NW_BAD_INPUT, "study_000~has label '1' here and '0' on line");
    o.slice_column = o.group_column = NULL;
    data_refused(data_list(list), &o, NW_BAD_INPUT, "line 2: ~0.png is a single slice");
    o.per_study = 1;
    data_refused(data_path("c/cohort.csv"), &o, NW_USAGE, "each is a study already");
    o.per_study = 0;
    o.slice_step = 2;
    data_refused(data_path("c/cohort.csv"), &o, NW_USAGE, "slices cannot be chosen");
    test_free(got), test_free(slices);
}

static void an_image_that_breaks_is_named(void **state)
{
    (void)state;
    nw_dataset_options o = options();
    nw_dataset *d = data_open(data_list(list), &o);
    float got[AREA];
    nw_error err;
    temp_write(data_folder, "3.png", "\x89PNG\r\n\x1a\n damaged", 16);
    unlink(data_path("4.png"));
    load(d, 2, NULL, 0, 0, got);
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, 3, NULL, 0, 0, got, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "3.png"));
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, 4, NULL, 0, 0, got, &err), NW_IO);
    assert_non_null(strstr(err.message, "4.png"));
    load(d, 5, NULL, 0, 0, got);
    /* And it can be mended. */
    data_picture("3.png", 33, 41, 3);
    load(d, 3, NULL, 0, 0, got);
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, PICTURES, NULL, 0, 0, got, &err), NW_USAGE);
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_VAL, 0, NULL, 0, 0, got, &err), NW_USAGE);
    nw_augment wrong = {.rotate = 500};
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, 0, &wrong, 0, 0, got, &err), NW_USAGE);
    nw_dataset_free(d);
    /* A volume that changed its length, and a colour picture for a network of two channels. */
    d = data_open(make_cohort(), &(nw_dataset_options){.pre = scans().pre, .split_column = ""});
    nw_phantom_options shorter = tiny;
    shorter.slices = 6;
    assert_int_equal(nw_phantom_cohort(&shorter, 1, data_path("d"), NULL, NULL, &err), NW_OK);
    assert_int_equal(rename(data_path("d/study_0001/ct.nii.gz"), data_path("c/study_0001/ct.nii.gz")), 0);
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, 0, NULL, 0, 0, got, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "has 6 slices, it had 12"));
    nw_dataset_free(d);
}

static void a_preview_is_a_picture(void **state)
{
    (void)state;
    nw_dataset_options o = options();
    nw_dataset *d = data_open(data_list(list), &o);
    nw_augment p;
    nw_error err;
    assert_int_equal(nw_augment_parse("cxr", &p, NULL), NW_OK);
    if (nw_dataset_preview(d, NW_SPLIT_TRAIN, &p, 3, 4, 5, data_path("sheet.png"), &err) != NW_OK)
        fail_msg("%s", err.message);
    nw_volume *v;
    assert_int_equal(nw_volume_read(data_path("sheet.png"), NULL, &v, &err), NW_OK);
    const nw_volume_info *info = nw_volume_get_info(v);
    int zoom = (160 + WIDTH - 1) / WIDTH;
    assert_int_equal(info->columns, 8 + 5 * (zoom * WIDTH + 8));
    assert_int_equal(info->rows, 30 + 4 * (zoom * HEIGHT + 30));
    assert_int_equal(info->channels, 3);
    /* The tile of the second row, first column, is the image as it is. */
    float *sheet = test_calloc((size_t)(3 * info->rows * info->columns), sizeof *sheet), got[AREA];
    assert_int_equal(nw_volume_slice(v, 0, sheet, &err), NW_OK);
    size_t order[4];
    assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 1, 3, 0, order, 4, &err), NW_OK);
    load(d, order[1], NULL, 0, 0, got);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            float pixel = sheet[(30 + zoom * HEIGHT + 30 + zoom * y + 2) * info->columns + 8 + zoom * x + 1];
            assert_true(fabs((double)pixel - 255 * ((double)got[y * WIDTH + x] * 0.21 + 0.37)) < 0.51);
        }
    test_free(sheet);
    nw_volume_free(v);
    assert_int_equal(nw_dataset_preview(d, NW_SPLIT_TEST, &p, 3, 4, 5, data_path("none.png"), &err),
                     NW_USAGE);
    assert_int_equal(nw_dataset_preview(d, NW_SPLIT_TRAIN, &p, 3, 0, 5, data_path("none.png"), &err),
                     NW_USAGE);
    assert_int_not_equal(access(data_path("none.png"), F_OK), 0);
    nw_dataset_free(d);
}

/* A tensor that goes to the model as it is has no mean and deviation taken off, here as for inference. */
static void tensors_stay_as_they_are(void **state)
{
    (void)state;
    float values[AREA], loaded[AREA], wanted[AREA];
    for (int i = 0; i < AREA; i++) values[i] = (float)((i * 37) % 101) / 50 - 1;
    nw_error err;
    char path[4096];
    snprintf(path, sizeof path, "%s", data_path("t.npy"));
    assert_int_equal(nw_npy_write(path, 3, (int64_t[]){1, HEIGHT, WIDTH}, values, &err), NW_OK);
    for (int images = 0; images < 2; images++) {
        nw_dataset_options o = options();
        o.pre.tensors_as_images = images;
        nw_dataset *d = data_open(data_list("file,label\nt.npy,x\n0.png,y\n"), &o);
        load(d, 0, NULL, 0, 0, loaded);
        by_hand(nw_dataset_preprocess(d), path, 0, wanted);
        assert_memory_equal(loaded, wanted, sizeof loaded);
        if (!images) assert_memory_equal(loaded, values, sizeof loaded);
        load(d, 1, NULL, 0, 0, loaded);
        by_hand(nw_dataset_preprocess(d), data_path("0.png"), 0, wanted);
        assert_memory_equal(loaded, wanted, sizeof loaded);
        nw_dataset_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, data_teardown)
        WITH(without_a_policy_it_is_the_preprocessing),
        WITH(an_orient_column_turns_single_files),
        WITH(a_policy_is_its_change_before_mean_and_std),
        WITH(threads_order_and_cache_change_no_bit),
        WITH(volumes_are_read_once),
        WITH(tensors_stay_as_they_are),
        WITH(slices_are_chosen),
        WITH(a_moved_window_is_the_window_that_was_asked_for),
        WITH(whole_volumes),
        WITH(an_image_that_breaks_is_named),
        WITH(a_preview_is_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
