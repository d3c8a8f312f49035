/* Splits and orders: groups stay whole whatever the seed, classes keep their shares, and everything is a
 * function of the seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <math.h>

enum { PATIENTS = 120 };

/* Patients with 1 to 7 pictures each, a third of them sick; the same tiny picture under many names. */
static char *text;
static size_t images;

static unsigned hash(unsigned i)
{
    i = (i ^ i >> 16) * 0x45d9f3bU;
    i = (i ^ i >> 16) * 0x45d9f3bU;
    return i ^ i >> 16;
}

static int setup(void **state)
{
    data_setup(state);
    data_picture("one.png", 6, 6, 1);
    text = calloc(1, 200000);
    if (!text) return -1;
    strcpy(text, "file,label,patient,score\n");
    images = 0;
    for (unsigned p = 0; p < PATIENTS; p++)
        for (unsigned i = 0; i <= hash(p) % 7; i++) {
            char name[32];
            snprintf(name, sizeof name, "%u_%u.png", p, i);
            if (symlink("one.png", data_path(name)) != 0) return -1;
            snprintf(text + strlen(text), 100, "%s,%s,p%u,%.3f\n", name, p % 3 ? "well" : "sick", p,
                     p % 3 ? 0.0 : 0.01 * (double)(p + i));
            images++;
        }
    return 0;
}

static int teardown(void **state)
{
    free(text);
    return data_teardown(state);
}

static size_t split_of[PATIENTS];

/* Every image is in exactly one split, all images of a patient in the same; into split_of. */
static void check_whole(const nw_dataset *d)
{
    size_t seen[PATIENTS] = {0}, total = 0;
    for (int s = 0; s < NW_SPLITS; s++)
        for (size_t i = 0; i < nw_dataset_count(d, (nw_split)s); i++) {
            const nw_sample *item = nw_dataset_sample(d, (nw_split)s, i);
            int p = atoi(item->name);
            if (seen[p]++) assert_int_equal(split_of[p], s);
            split_of[p] = (size_t)s;
            total++;
        }
    assert_int_equal(total, images);
    for (unsigned p = 0; p < PATIENTS; p++) assert_int_equal(seen[p], hash(p) % 7 + 1);
}

static void groups_never_straddle(void **state)
{
    (void)state;
    const char *list = data_list(text);
    size_t first[PATIENTS], moved = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        nw_dataset_options o = data_options();
        o.seed = seed;
        o.val_share = 0.15;
        o.test_share = 0.25;
        nw_dataset *d = data_open(list, &o);
        check_whole(d);
        for (int p = 0; p < PATIENTS; p++) moved += seed && first[p] != split_of[p];
        if (!seed) memcpy(first, split_of, sizeof first);
        /* Shares of images, in all and of each class. */
        const double want[3] = {0.6, 0.15, 0.25};
        for (int s = 0; s < NW_SPLITS; s++) {
            double share = (double)nw_dataset_count(d, (nw_split)s) / (double)images;
            assert_true(fabs(share - want[s]) < 0.03);
            for (size_t c = 0; c < 2; c++) {
                double all = 0;
                for (int k = 0; k < NW_SPLITS; k++) all += (double)nw_dataset_members(d, (nw_split)k, c);
                assert_true(fabs((double)nw_dataset_members(d, (nw_split)s, c) / all - want[s]) < 0.05);
            }
        }
        nw_dataset_free(d);
        /* The same seed again, also from the list in another order: the same patients. */
        if (seed % 20 == 0) {
            size_t before[PATIENTS];
            memcpy(before, split_of, sizeof before);
            char *turned = calloc(1, strlen(text) + 1), *end = text + strlen(text);
            strncpy(turned, text, (size_t)(strchr(text, '\n') + 1 - text));
            for (char *at = end - 1; at > strchr(text, '\n'); at--)
                if (at[-1] == '\n') strncat(turned, at, strcspn(at, "\n") + 1);
            d = data_open(temp_write(data_folder, "turned.csv", turned, strlen(turned)), &o);
            check_whole(d);
            assert_memory_equal(before, split_of, sizeof before);
            nw_dataset_free(d);
            free(turned);
        }
    }
    assert_true(moved > 59 * PATIENTS / 4); /* seeds deal differently */
}

static void folds_test_every_group_once(void **state)
{
    (void)state;
    const char *list = data_list(text);
    int tested[PATIENTS] = {0};
    for (int fold = 0; fold < 5; fold++) {
        nw_dataset_options o = data_options();
        o.folds = 5;
        o.fold = fold;
        o.seed = 3;
        o.val_share = 0.1;
        nw_dataset *d = data_open(list, &o);
        check_whole(d);
        for (int p = 0; p < PATIENTS; p++) tested[p] += split_of[p] == NW_SPLIT_TEST;
        assert_true(fabs((double)nw_dataset_count(d, NW_SPLIT_TEST) / (double)images - 0.2) < 0.03);
        assert_true(nw_dataset_count(d, NW_SPLIT_VAL) > 0);
        for (size_t c = 0; c < 2; c++) assert_true(nw_dataset_members(d, NW_SPLIT_TEST, c) > 0);
        nw_dataset_free(d);
    }
    for (int p = 0; p < PATIENTS; p++) assert_int_equal(tested[p], 1);
}

static void numbers_are_stratified_by_their_quarters(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        nw_dataset_options o = data_options();
        o.label_column = "score";
        o.val_share = 0.3;
        o.seed = seed;
        nw_dataset *d = data_open(data_list(text), &o);
        check_whole(d);
        double mean[2];
        for (int s = 0; s < 2; s++) {
            double sum = 0;
            for (size_t i = 0; i < nw_dataset_count(d, (nw_split)s); i++)
                sum += (double)nw_dataset_sample(d, (nw_split)s, i)->target[0];
            mean[s] = sum / (double)nw_dataset_count(d, (nw_split)s);
        }
        assert_true(fabs(mean[0] - mean[1]) < 0.3 * mean[0]);
        nw_dataset_free(d);
    }
}

static void small_lists_give_every_split_something(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        nw_dataset_options o = data_options();
        o.val_share = o.test_share = 0.1;
        o.seed = seed;
        nw_dataset *d = data_open(
            data_list("file,label\n0_0.png,x\n1_0.png,y\n2_0.png,x\n3_0.png,y\n4_0.png,x\n5_0.png,y\n"), &o);
        assert_true(nw_dataset_count(d, NW_SPLIT_VAL) >= 1 && nw_dataset_count(d, NW_SPLIT_TEST) >= 1);
        nw_dataset_free(d);
    }
}

static void a_share_is_taken_where_the_list_has_none(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    o.val_share = 0.34;
    o.test_share = 0.2;
    nw_dataset *d =
        data_open(data_list("file,label,split\n0_0.png,x,train\n1_0.png,y,train\n2_0.png,x,train\n"
                            "3_0.png,y,train\n4_0.png,x,train\n5_0.png,y,train\n6_0.png,x,test\n"),
                  &o);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TEST), 1);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TEST, 0)->name, "6_0.png");
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_VAL), 2);
    for (size_t c = 0; c < 2; c++) assert_int_equal(nw_dataset_members(d, NW_SPLIT_VAL, c), 1);
    assert_true(data_said(d, "the test split is the list's own; the share of 0.2 was not used"));
    nw_dataset_free(d);
}

static void orders_are_permutations(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    nw_dataset *d = data_open(data_list(text), &o);
    size_t *a = test_calloc(2 * images + 5, sizeof *a), *b = test_calloc(2 * images + 5, sizeof *b);
    nw_error err;
    size_t fixed = 0;
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 0, 11, epoch, a, 2 * images + 5, &err), NW_OK);
        for (int half = 0; half < 2; half++) {
            memset(b, 0, images * sizeof *b);
            for (size_t i = 0; i < images; i++) b[a[(size_t)half * images + i]]++;
            for (size_t i = 0; i < images; i++) assert_int_equal(b[i], 1);
        }
        /* The beginning does not depend on how much is asked for. */
        assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 0, 11, epoch, b, 40, &err), NW_OK);
        assert_memory_equal(a, b, 40 * sizeof *a);
        for (size_t i = 0; i < images; i++) fixed += a[i] == i;
        assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 0, 11, epoch + 1, b, images, &err), NW_OK);
        assert_memory_not_equal(a, b, images * sizeof *a);
        assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 0, 12, epoch, b, images, &err), NW_OK);
        assert_memory_not_equal(a, b, images * sizeof *a);
    }
    assert_true(fixed < 20); /* one a permutation is expected */
    assert_int_equal(nw_dataset_order(d, NW_SPLIT_VAL, 0, 1, 0, a, 1, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "no image in the val split"));
    test_free(a), test_free(b);
    nw_dataset_free(d);
}

static void classes_come_equally_often(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    nw_dataset *d = data_open(data_list(text), &o);
    enum { COUNT = 1001 };
    size_t order[COUNT], members[2], *seen = test_calloc(images, sizeof *seen);
    nw_error err;
    for (size_t c = 0; c < 2; c++) members[c] = nw_dataset_members(d, NW_SPLIT_TRAIN, c);
    assert_true(members[1] > 3 * members[0] / 2);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        size_t count[2] = {0};
        memset(seen, 0, images * sizeof *seen);
        assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 1, 5, epoch, order, COUNT, &err), NW_OK);
        for (size_t i = 0; i < COUNT; i++) {
            count[nw_dataset_sample(d, NW_SPLIT_TRAIN, order[i])->class_index]++;
            seen[order[i]]++;
            /* At any time the classes differ by one at most. */
            assert_true(count[0] <= count[1] + 1 && count[1] <= count[0] + 1);
        }
        /* And the images of a class too. */
        for (size_t i = 0; i < images; i++) {
            size_t c = (size_t)nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->class_index,
                   floor_of = count[c] / members[c];
            assert_true(seen[i] == floor_of || seen[i] == floor_of + 1);
        }
    }
    test_free(seen);
    nw_dataset_free(d);
    o.label_column = "score";
    d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 1, 5, 0, order, 5, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "no classes"));
    nw_dataset_free(d);
    /* Labels, and none of them. */
    o.label_column = NULL;
    d = data_open(data_list("file,labels\n0_0.png,x;y\n1_0.png,x\n2_0.png,x\n3_0.png,\n4_0.png,x\n"), &o);
    size_t hits[5] = {0};
    assert_int_equal(nw_dataset_order(d, NW_SPLIT_TRAIN, 1, 5, 0, order, 999, &err), NW_OK);
    for (size_t i = 0; i < 999; i++) hits[order[i]]++;
    assert_int_equal(hits[3], 333);
    assert_true(hits[0] >= 333 + 83 && hits[0] <= 333 + 84);
    nw_dataset_free(d);
}

static void bags_hold_their_images(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    o.bag_column = "patient";
    o.per_study = 1;
    o.val_share = 0.3;
    nw_dataset *d = data_open(data_list(text), &o);
    size_t total = 0, order[PATIENTS];
    nw_error err;
    for (int s = 0; s < 2; s++)
        for (size_t b = 0; b < nw_dataset_bag_count(d, (nw_split)s); b++) {
            const nw_bag *bag = nw_dataset_bag(d, (nw_split)s, b);
            for (size_t i = 0; i < bag->count; i++) {
                const nw_sample *item = nw_dataset_sample(d, (nw_split)s, bag->items[i]);
                assert_int_equal(item->bag, b);
                assert_string_equal(item->group_name, bag->name);
            }
            total += bag->count;
        }
    assert_int_equal(total, images);
    assert_int_equal(nw_dataset_bag_count(d, NW_SPLIT_TRAIN) + nw_dataset_bag_count(d, NW_SPLIT_VAL),
                     PATIENTS);
    size_t n = nw_dataset_bag_count(d, NW_SPLIT_TRAIN), sick = 0;
    assert_int_equal(nw_dataset_bag_order(d, NW_SPLIT_TRAIN, 1, 1, 0, order, n, &err), NW_OK);
    for (size_t i = 0; i < n; i++) {
        const nw_bag *bag = nw_dataset_bag(d, NW_SPLIT_TRAIN, order[i]);
        sick += nw_dataset_sample(d, NW_SPLIT_TRAIN, bag->items[0])->class_index == 0;
    }
    assert_true(2 * sick >= n - 1 && 2 * sick <= n + 1);
    nw_dataset_free(d);
    o.val_share = 0;
    data_refused(data_list("file,label,patient\n2_0.png,x,p\n1_0.png,y,p\n"), &o, NW_BAD_INPUT,
                 "line 3: 1_0.png has label 'y', another image of study 'p' has 'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        WITH(groups_never_straddle),
        WITH(folds_test_every_group_once),
        WITH(numbers_are_stratified_by_their_quarters),
        WITH(small_lists_give_every_split_something),
        WITH(a_share_is_taken_where_the_list_has_none),
        WITH(orders_are_permutations),
        WITH(classes_come_equally_often),
        WITH(bags_hold_their_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
