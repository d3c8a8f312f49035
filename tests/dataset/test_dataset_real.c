/* Lists of real images as they came. Skips without the shared data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <math.h>
#include <stdbool.h>

#define DATA NW_TEST_SHARED "/data/"

static const char *need(const char *path)
{
    if (access(path, R_OK) != 0) {
        print_message("%s is not there\n", path);
        skip();
    }
    return path;
}

static nw_dataset_options large(void)
{
    return (nw_dataset_options){.pre = {.channels = 1, .height = 224, .width = 224}};
}

static void load_some(nw_dataset *d, nw_split split, const char *policy)
{
    nw_augment p;
    nw_error err;
    float *pixels = test_calloc((size_t)224 * 224, sizeof *pixels);
    assert_int_equal(nw_augment_parse(policy, &p, &err), NW_OK);
    for (size_t i = 0; i < nw_dataset_count(d, split); i += 37) {
        double sum = 0, squares = 0;
        if (nw_dataset_load(d, split, i, &p, 1, i, pixels, &err) != NW_OK) fail_msg("%s", err.message);
        for (size_t k = 0; k < (size_t)224 * 224; k++) {
            assert_true(pixels[k] >= 0 && pixels[k] <= 1);
            sum += (double)pixels[k];
            squares += (double)pixels[k] * (double)pixels[k];
        }
        assert_true(squares / 50176 - sum * sum / 50176 / 50176 > 1e-4);
    }
    test_free(pixels);
}

static void covid_slices(void **state)
{
    (void)state;
    const char *path = need(DATA "ct-covid-labels/labels.csv");
    nw_dataset_options o = large();
    o.val_share = 0.15;
    /* The official split has four papers on both sides. */
    data_refused(path, &o, NW_BAD_INPUT, "lines 189 and 191~(4 of 332 groups are in several)");
    o.straddle = NW_STRADDLE_DROP;
    nw_dataset *d = data_open(path, &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_CLASSES);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TEST), 203);
    assert_int_equal(nw_dataset_members(d, NW_SPLIT_TEST, 1), 98);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN) + nw_dataset_count(d, NW_SPLIT_VAL), 543 - 15);
    assert_int_equal(nw_dataset_group_count(d), 332);
    load_some(d, NW_SPLIT_TRAIN, "ct");
    nw_dataset_free(d);
}

static void severity_slices(void **state)
{
    (void)state;
    nw_dataset_options o = large();
    o.label_column = "lesion_fraction";
    o.folds = 5;
    o.val_share = 0.15;
    size_t tested = 0;
    for (o.fold = 0; o.fold < 5; o.fold++) {
        nw_dataset *d = data_open(need(DATA "ct-severity-slices/labels.csv"), &o);
        assert_int_equal(nw_dataset_task(d), NW_TASK_REGRESSION);
        assert_int_equal(nw_dataset_group_count(d), 20);
        assert_true(data_said(d, "1600 files were not where the list has them"));
        tested += nw_dataset_count(d, NW_SPLIT_TEST);
        if (o.fold == 0) load_some(d, NW_SPLIT_VAL, "light");
        nw_dataset_free(d);
    }
    assert_int_equal(tested, 1600);
    o.folds = o.fold = 0;
    o.root = DATA "ct-severity-slices/images";
    nw_dataset *d = data_open(DATA "ct-severity-slices/labels.csv", &o);
    assert_false(data_said(d, "not where"));
    nw_dataset_free(d);
}

/* The two turns of that collection as a column of the list: all upright. */
static void severity_slices_upright(void **state)
{
    (void)state;
    need(DATA "ct-severity-slices/labels.csv");
    FILE *in = fopen(DATA "ct-severity-slices/labels.csv", "r");
    assert_non_null(in);
    data_setup(state);
    FILE *out = fopen(data_path("upright.csv"), "w");
    assert_non_null(out);
    char line[512];
    size_t turned = 0;
    for (size_t n = 0; fgets(line, sizeof line, in); n++) {
        line[strcspn(line, "\r\n")] = 0;
        bool corona = strstr(line, "coronacases") != NULL;
        fprintf(out, "%s,%s\n", line, !n ? "orient" : corona ? "rot90" : "transpose");
        turned += n && corona;
    }
    fclose(in);
    fclose(out);
    assert_true(turned > 100 && turned < 1500);
    nw_dataset_options o = large();
    o.root = DATA "ct-severity-slices/images";
    o.label_column = "lesion_fraction";
    nw_dataset *d = data_open(data_path("upright.csv"), &o);
    float *got = test_calloc((size_t)224 * 224, sizeof *got),
          *want = test_calloc((size_t)224 * 224, sizeof *want);
    nw_error err;
    for (size_t i = 0; i < nw_dataset_count(d, NW_SPLIT_TRAIN); i += 331) {
        const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, i);
        nw_volume *v;
        assert_int_equal(nw_volume_read(s->path, NULL, &v, &err), NW_OK);
        nw_preprocess pre = o.pre;
        pre.orient = strstr(s->name, "coronacases") ? NW_ORIENT_ROT90 : NW_ORIENT_TRANSPOSE;
        assert_int_equal(nw_preprocess_apply(&pre, v, 0, want, &err), NW_OK);
        assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, i, NULL, 0, 0, got, &err), NW_OK);
        assert_memory_equal(want, got, (size_t)224 * 224 * sizeof *want);
        nw_volume_free(v);
    }
    test_free(got), test_free(want);
    nw_dataset_free(d);
    data_teardown(state);
}

static void chest_x_rays(void **state)
{
    (void)state;
    nw_dataset_options o = large();
    o.val_share = o.test_share = 0.15;
    nw_dataset *d = data_open(need(DATA "cxr-pneumonia-labels/labels.csv"), &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_CLASSES);
    assert_string_equal(nw_dataset_class_name(d, 1), "Pneumonia");
    assert_int_equal(nw_dataset_group_count(d), 682);
    /* 21 patients are in both classes: each in one split. */
    for (int a = 0; a < NW_SPLITS; a++)
        for (size_t i = 0; i < nw_dataset_count(d, (nw_split)a); i++)
            for (int b = a + 1; b < NW_SPLITS; b++)
                for (size_t k = 0; k < nw_dataset_count(d, (nw_split)b); k++)
                    assert_true(nw_dataset_sample(d, (nw_split)a, i)->group !=
                                nw_dataset_sample(d, (nw_split)b, k)->group);
    for (int s = 0; s < NW_SPLITS; s++) {
        double share =
            (double)nw_dataset_members(d, (nw_split)s, 1) / (double)nw_dataset_count(d, (nw_split)s);
        assert_true(fabs(share - 0.5) < 0.04);
    }
    load_some(d, NW_SPLIT_TRAIN, "cxr");
    nw_dataset_free(d);
    d = data_open(DATA "cxr-pneumonia-labels/images", &(nw_dataset_options){.pre = o.pre});
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 1000);
    nw_dataset_free(d);
    o.label_column = "finding_labels";
    d = data_open(DATA "cxr-pneumonia-labels/labels.csv", &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_MULTILABEL);
    assert_int_equal(nw_dataset_outputs(d), 15);
    nw_dataset_free(d);
}

/* A folder of DICOM files is a study. */
static void dicom_studies(void **state)
{
    (void)state;
    need(DATA "ct-dicom-series");
    DIR *dir = opendir(DATA "ct-dicom-series");
    assert_non_null(dir);
    char text[4096] = "file,label\n";
    int studies = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1024];
        struct stat st;
        nw_volume *v;
        snprintf(path, sizeof path, DATA "ct-dicom-series/%s", e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) continue;
        if (nw_volume_read(path, NULL, &v, NULL) != NW_OK) continue;
        nw_volume_free(v);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%s\n", path, studies++ % 2 ? "x" : "y");
    }
    closedir(dir);
    if (studies < 2) {
        print_message("fewer than two readable series\n");
        skip();
    }
    data_setup(state);
    nw_dataset_options o = large();
    o.pre.scale = NW_SCALE_WINDOW;
    o.pre.low = -1350;
    o.pre.high = 150;
    nw_dataset *d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_bag_count(d, NW_SPLIT_TRAIN), studies);
    assert_true(nw_dataset_count(d, NW_SPLIT_TRAIN) > (size_t)(5 * studies));
    load_some(d, NW_SPLIT_TRAIN, "ct,brightness=0");
    nw_dataset_free(d);
    data_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covid_slices),
        cmocka_unit_test(severity_slices),
        cmocka_unit_test(severity_slices_upright),
        cmocka_unit_test(chest_x_rays),
        cmocka_unit_test(dicom_studies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
