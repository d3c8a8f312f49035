/* Lungs of chests whose truth is known. */
#include "support/chest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const chest_plan plain = {.noise_hu = 20};
/* Consolidations at the side, back and front, all touching the pleura. */
static const chest_plan ill = {.noise_hu = 20,
                               .count = 6,
                               .lesions = {{{132, 5, 20}, 22, 30},
                                           {{75, -88, -20}, 28, 20},
                                           {{-128, -20, -10}, 25, 40},
                                           {{-60, 85, 30}, 18, 30},
                                           {{60, 84, 40}, 20, 0},
                                           {{-90, -75, 40}, 30, 35}}};

static double dice(const chest *c, const uint8_t *labels, int side)
{
    double both = 0, a = 0, b = 0;
    for (size_t i = 0; i < c->count; i++) {
        int t = side ? c->side[i] == side : c->side[i] != 0, f = side ? labels[i] == side : labels[i] != 0;
        both += t && f;
        a += t;
        b += f;
    }
    return 2 * both / (a + b);
}

/* Share of lesion `number` (0: of all) within the mask, on the right side. */
static double covered(const chest *c, const nw_lungs *lungs, int number)
{
    double in = 0, all = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (number ? c->lesion[i] != number : !c->lesion[i]) continue;
        all++;
        in += lungs->labels[i] == c->side[i];
    }
    return all > 0 ? in / all : 1;
}

static nw_lungs *segment(const nw_grid *grid, const float *hu)
{
    nw_error err;
    nw_lungs *lungs = NULL;
    if (nw_lungs_segment(grid, hu, NULL, NULL, &lungs, &err) != NW_OK) fail_msg("%s", err.message);
    return lungs;
}

/* Dice at least 0.97 for both lungs and each, and at least `least` of the lesions within. Returns the lungs.
 */
static nw_lungs *check(const chest_plan *plan, const nw_grid *grid, double least, chest *out)
{
    chest c = chest_make(plan, grid);
    nw_lungs *lungs = segment(&c.grid, c.hu);
    for (int side = 0; side < NW_SIDES; side++) {
        if (side == NW_SIDE_RIGHT && plan->no_right) continue;
        if (dice(&c, lungs->labels, side) < 0.97)
            fail_msg("%s: Dice %.4f", nw_side_name((nw_side)side), dice(&c, lungs->labels, side));
        double truth = 0;
        for (size_t i = 0; i < c.count; i++) truth += side ? c.side[i] == side : c.side[i] != 0;
        truth *= nw_grid_voxel_ml(grid);
        if (fabs(lungs->volume_ml[side] - truth) > 0.03 * truth)
            fail_msg("%g mL, truth %g", lungs->volume_ml[side], truth);
    }
    if (covered(&c, lungs, 0) < least) fail_msg("%.3f of the lesions are in the mask", covered(&c, lungs, 0));
    for (int i = 1; i <= plan->count; i++)
        if (covered(&c, lungs, i) < least - 0.1)
            fail_msg("%.3f of lesion %d is in", covered(&c, lungs, i), i);
    if (out)
        *out = c;
    else
        chest_free(&c);
    return lungs;
}

static void test_healthy(void **state)
{
    (void)state;
    nw_grid g = chest_grid(1.2, 1.2, 2, -140, 140);
    chest c;
    nw_lungs *lungs = check(&plain, &g, 1, &c);
    assert_int_equal(lungs->warnings, 0);
    assert_string_equal(lungs->method, "threshold");
    /* Trachea above the carina (9 mm, 120 mm long) and two bronchi (about 6 mm, 50 mm long). */
    assert_true(lungs->airways_ml > 30 && lungs->airways_ml < 55);
    assert_true(lungs->mean_hu[0] > -870 && lungs->mean_hu[0] < -800);
    for (int side = 1; side < NW_SIDES; side++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < c.count; i++) {
            double z = -139 + 2 * (double)(i / (size_t)(g.dims[0] * g.dims[1]));
            if (c.side[i] == side) low = fmin(low, z - 1), high = fmax(high, z + 1);
        }
        assert_true(fabs(lungs->top_mm[side] - high) < 2.1 && fabs(lungs->bottom_mm[side] - low) < 4.1);
    }
    chest_free(&c);
    nw_lungs_free(lungs);
}

static void test_consolidations(void **state)
{
    (void)state;
    nw_grid fine = chest_grid(1.2, 1.2, 2, -140, 140), thick = chest_grid(1, 1, 8, -140, 140),
            wide = chest_grid(2.4, 1.6, 3, -140, 140), part = chest_grid(0.8, 0.8, 2.5, -40, 0);
    nw_lungs *lungs = check(&ill, &fine, 0.9, NULL);
    assert_int_equal(lungs->warnings, 0);
    nw_lungs_free(lungs);
    nw_lungs_free(check(&ill, &thick, 0.9, NULL));
    nw_lungs_free(check(&ill, &wide, 0.9, NULL));
    lungs = check(&ill, &part, 0.9, NULL);
    assert_true(lungs->warnings & NW_LUNG_CUT_TOP);
    assert_true(lungs->warnings & NW_LUNG_CUT_BOTTOM);
    assert_false(lungs->warnings & NW_LUNG_CUT_SIDE);
    nw_lungs_free(lungs);
    chest_plan noisy = ill;
    noisy.noise_hu = 120;
    nw_lungs_free(check(&noisy, &fine, 0.9, NULL));
}

static void test_joined(void **state)
{
    (void)state;
    nw_grid g = chest_grid(1.2, 1.2, 2, -140, 140);
    chest_plan plan = ill;
    plan.joined = true;
    nw_lungs *lungs = check(&plan, &g, 0.9, NULL);
    assert_true(lungs->warnings & NW_LUNG_JOINED);
    nw_lungs_free(lungs);
}

static void test_one_lung(void **state)
{
    (void)state;
    nw_grid g = chest_grid(1.6, 1.6, 3, -140, 140);
    chest_plan plan = plain;
    plan.no_right = true;
    nw_lungs *lungs = check(&plan, &g, 0, NULL);
    assert_true(lungs->warnings & NW_LUNG_NO_RIGHT);
    assert_false(lungs->warnings & NW_LUNG_NO_LEFT);
    assert_true(lungs->volume_ml[NW_SIDE_RIGHT] < 5);
    nw_lungs_free(lungs);
    plan.no_right = false;
    plan.no_airway = true;
    lungs = check(&plan, &g, 0, NULL);
    assert_true(lungs->warnings & NW_LUNG_NO_AIRWAY);
    nw_lungs_free(lungs);
}

/* The order of voxels in memory changes nothing at all. */
static void test_order(void **state)
{
    (void)state;
    static const int orders[4][3] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {1, 0, 2}},
                     flips[4][3] = {{1, 1, 1}, {0, 0, 0}, {1, 0, 1}, {0, 1, 0}};
    nw_grid g = chest_grid(2, 1.6, 4, -140, 140);
    chest c = chest_make(&ill, &g);
    nw_lungs *lungs = segment(&g, c.hu);
    for (int t = 0; t < 4; t++) {
        nw_grid h = chest_reordered(&g, orders[t], flips[t]);
        float *hu = malloc(c.count * sizeof *hu);
        size_t at = 0;
        for (int64_t k = 0; k < h.dims[2]; k++)
            for (int64_t j = 0; j < h.dims[1]; j++)
                for (int64_t i = 0; i < h.dims[0]; i++)
                    hu[at++] = c.hu[chest_old_index(&g, orders[t], flips[t], i, j, k)];
        nw_lungs *turned = segment(&h, hu);
        at = 0;
        for (int64_t k = 0; k < h.dims[2]; k++)
            for (int64_t j = 0; j < h.dims[1]; j++)
                for (int64_t i = 0; i < h.dims[0]; i++)
                    assert_int_equal(turned->labels[at++],
                                     lungs->labels[chest_old_index(&g, orders[t], flips[t], i, j, k)]);
        assert_true(fabs(turned->top_mm[1] - lungs->top_mm[1]) < 1e-9);
        assert_true(fabs(turned->volume_ml[0] - lungs->volume_ml[0]) < 1e-6);
        nw_lungs_free(turned);
        free(hu);
    }
    nw_lungs_free(lungs);
    chest_free(&c);
}

/* A patient who lies askew, and a scan that is tilted: 15 degrees about two axes, unequal spacing. */
static void test_oblique(void **state)
{
    (void)state;
    nw_grid straight = chest_grid(1.6, 1.4, 4, -140, 140), g = straight;
    const double a = 15 * M_PI / 180;
    const double turns[2][3][3] = {{{cos(a), -sin(a), 0}, {sin(a), cos(a), 0}, {0, 0, 1}},
                                   {{1, 0, 0}, {0, cos(a), -sin(a)}, {0, sin(a), cos(a)}}};
    for (int t = 0; t < 2; t++) {
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 4; c++) {
                g.affine[r][c] = 0;
                for (int m = 0; m < 3; m++) g.affine[r][c] += turns[t][r][m] * straight.affine[m][c];
            }
        nw_lungs_free(check(&ill, &g, 0.9, NULL));
    }
}

/* Fewer rows and columns around the same body, and a finer grid: the same mL. */
static void test_crop_and_resample(void **state)
{
    (void)state;
    nw_grid g = chest_grid(1.6, 1.6, 4, -140, 140), cropped = g, fine = chest_grid(1, 1, 2, -140, 140);
    for (int a = 0; a < 2; a++) {
        cropped.dims[a] -= 24;
        cropped.affine[a][3] += 12 * g.affine[a][a];
    }
    nw_lungs *one = check(&ill, &g, 0.9, NULL), *two = check(&ill, &cropped, 0.9, NULL),
             *three = check(&ill, &fine, 0.9, NULL);
    for (int side = 0; side < NW_SIDES; side++) {
        assert_true(fabs(one->volume_ml[side] - two->volume_ml[side]) < 0.005 * one->volume_ml[side]);
        assert_true(fabs(one->volume_ml[side] - three->volume_ml[side]) < 0.015 * one->volume_ml[side]);
    }
    nw_lungs_free(one);
    nw_lungs_free(two);
    nw_lungs_free(three);
}

static nw_lungs *from_labels(const nw_grid *grid, const nw_grid *mask_grid, const float *mask,
                             const char *map)
{
    nw_error err;
    nw_labels_map m;
    nw_lungs *lungs = NULL;
    if (nw_labels_map_parse(map, &m, &err) != NW_OK) fail_msg("%s", err.message);
    if (nw_lungs_from_labels(grid, NULL, mask_grid, mask, &m, &lungs, &err) != NW_OK)
        fail_msg("%s", err.message);
    return lungs;
}

static void test_labels(void **state)
{
    (void)state;
    nw_grid g = chest_grid(2, 2, 5, -140, 140);
    chest c = chest_make(&plain, &g);
    float *mask = malloc(c.count * sizeof *mask);
    for (size_t i = 0; i < c.count; i++) mask[i] = c.side[i] ? 1.0f : 0.02f; /* probabilities */
    nw_lungs *lungs = from_labels(&g, NULL, mask, "binary");
    assert_memory_equal(lungs->labels, c.side, c.count);
    nw_lungs_free(lungs);
    /* One lung alone is not cut in two. */
    for (size_t i = 0; i < c.count; i++) mask[i] = c.side[i] == NW_SIDE_LEFT ? 255 : 0;
    lungs = from_labels(&g, NULL, mask, "auto");
    assert_string_equal(lungs->method, "mask");
    for (size_t i = 0; i < c.count; i++) assert_int_equal(lungs->labels[i], c.side[i] == 2 ? 2 : 0);
    nw_lungs_free(lungs);
    for (size_t i = 0; i < c.count; i++) mask[i] = (float)c.side[i];
    lungs = from_labels(&g, NULL, mask, "auto");
    assert_string_equal(lungs->method, "lung labels");
    assert_memory_equal(lungs->labels, c.side, c.count);
    nw_lungs_free(lungs);
    /* lungmask's order of lobes: left upper, left lower, right upper, right middle, right lower. */
    for (size_t i = 0; i < c.count; i++)
        mask[i] = c.side[i] == 1 ? 3 + (float)(i % 3) : c.side[i] == 2 ? 1 + (float)(i % 2) : 0;
    lungs = from_labels(&g, NULL, mask, "LU=1,LL=2,RU=3,RM=4,RL=5");
    assert_memory_equal(lungs->labels, c.side, c.count);
    for (size_t i = 0; i < c.count; i++)
        assert_int_equal(lungs->lobes[i], c.side[i] == 1   ? NW_LOBE_RU + (int)(i % 3)
                                          : c.side[i] == 2 ? NW_LOBE_LU + (int)(i % 2)
                                                           : 0);
    nw_lungs_free(lungs);
    /* A mask that another program stored the other way round. */
    static const int order[3] = {2, 1, 0}, flip[3] = {1, 0, 1};
    nw_grid h = chest_reordered(&g, order, flip);
    size_t at = 0;
    for (int64_t k = 0; k < h.dims[2]; k++)
        for (int64_t j = 0; j < h.dims[1]; j++)
            for (int64_t i = 0; i < h.dims[0]; i++)
                mask[at++] = c.side[chest_old_index(&g, order, flip, i, j, k)];
    lungs = from_labels(&g, &h, mask, "lungs");
    assert_memory_equal(lungs->labels, c.side, c.count);
    nw_lungs_free(lungs);
    nw_error err;
    nw_labels_map m = {.kind = NW_LABELS_LUNGS, .right = 1, .left = 3};
    assert_int_equal(nw_lungs_from_labels(&g, NULL, &h, mask, &m, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "label 2"));
    h.affine[0][3] += 1000;
    assert_int_equal(nw_lungs_from_labels(&g, NULL, &h, mask, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "same place"));
    mask[7] = 1.5f;
    assert_int_equal(nw_lungs_from_labels(&g, NULL, NULL, mask, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "whole numbers"));
    static const char *const wrong[] = {"",
                                        "lung",
                                        "right=1",
                                        "right=1,left=1",
                                        "RU=1",
                                        "RU=1,RM=1,RL=3,LU=4,LL=5",
                                        "right=0,left=2",
                                        "right=1,left=2,RU=3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(nw_labels_map_parse(wrong[i], &m, &err), NW_USAGE);
    free(mask);
    chest_free(&c);
}

static void test_whole(void **state)
{
    (void)state;
    nw_grid g = chest_grid(4, 4, 10, -50, 50);
    nw_lungs *lungs;
    assert_int_equal(nw_lungs_whole(&g, NULL, &lungs, NULL), NW_OK);
    assert_true(fabs(lungs->volume_ml[1] - lungs->volume_ml[2]) < 1e-6 * lungs->volume_ml[0]);
    assert_true(fabs(lungs->volume_ml[0] -
                     nw_grid_voxel_ml(&g) * (double)(g.dims[0] * g.dims[1] * g.dims[2])) < 1e-6);
    assert_int_equal(lungs->labels[0], NW_SIDE_RIGHT); /* i runs to the left */
    nw_lungs_free(lungs);
}

static int stop(void *user, const char *what, double done, double total)
{
    (void)what;
    assert_true(done <= total);
    return ++*(int *)user == 3;
}

static void test_bad(void **state)
{
    (void)state;
    nw_grid g = chest_grid(4, 4, 10, -50, 50);
    chest c = chest_make(&plain, &g);
    nw_lungs *lungs = NULL;
    nw_error err;
    int calls = 0;
    nw_progress progress = {stop, &calls};
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, &progress, &lungs, &err), NW_CANCELLED);
    nw_lungs_options o = {.threshold_hu = 40};
    assert_int_equal(nw_lungs_segment(&g, c.hu, &o, NULL, &lungs, &err), NW_USAGE);
    c.hu[5] = NAN;
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, NULL, &lungs, &err), NW_NOT_FINITE);
    for (size_t i = 0; i < c.count; i++) c.hu[i] = 40;
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "Hounsfield"));
    for (size_t i = 0; i < c.count; i++) c.hu[i] = i % (size_t)g.dims[0] < 20 ? -1000 : 40;
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "no lung"));
    g.affine[2][2] = 0;
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "singular"));
    g.dims[1] = INT64_MAX / 2;
    assert_int_equal(nw_lungs_segment(&g, c.hu, NULL, NULL, &lungs, &err), NW_BAD_INPUT);
    assert_null(lungs);
    chest_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_consolidations),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_one_lung),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_oblique),
        cmocka_unit_test(test_crop_and_resample),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
