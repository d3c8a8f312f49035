/* Measures of localisation and rank correlation: closed forms, ties, and what is undefined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <narrows/evaluate.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 7, COLUMNS = 9, PIXELS = ROWS * COLUMNS };

typedef struct scene {
    float map[PIXELS];
    uint8_t mask[PIXELS];
    int64_t area;
} scene;

/* A mask of two pieces, and a map of distinct values that knows nothing of it. */
static scene make_scene(void)
{
    scene s = {0};
    for (int i = 0; i < PIXELS; i++) {
        int r = i / COLUMNS, c = i % COLUMNS;
        s.mask[i] = ((r >= 1 && r <= 2 && c >= 1 && c <= 3) || (r == 5 && c == 7)) ? 255 : 0;
        s.area += s.mask[i] != 0;
        s.map[i] = (float)((i * 37) % PIXELS) + 1;
    }
    return s;
}

static nw_localisation measured(const scene *s)
{
    nw_localisation l;
    nw_error err;
    if (nw_localise(s->map, s->mask, ROWS, COLUMNS, 0, &l, &err) != NW_OK) fail_msg("%s", err.message);
    return l;
}

static void expect(nw_score score, double value)
{
    if (score.undefined) fail_msg("undefined (%s), expected %g", score.undefined, value);
    if (!(fabs(score.value - value) <= 1e-12)) fail_msg("%.15g, expected %.15g", score.value, value);
}

static void expect_undefined(nw_score score, const char *why)
{
    assert_non_null(score.undefined);
    if (!strstr(score.undefined, why)) fail_msg("'%s' does not say '%s'", score.undefined, why);
    assert_true(score.value == 0);
}

static void perfect_map(void **state)
{
    (void)state;
    scene s = make_scene();
    for (int i = 0; i < PIXELS; i++) s.map[i] = s.mask[i] ? 3 : 0;
    nw_localisation l = measured(&s);
    expect(l.auc, 1);
    expect(l.pointing, 1);
    expect(l.dice, 1);
    expect(l.mass, 1);
    assert_true(fabs(l.share - 7. / 63) < 1e-12);
    assert_true(fabs(l.mean - 3 * 7. / 63) < 1e-6);
}

static void inverted_map(void **state)
{
    (void)state;
    scene s = make_scene();
    for (int i = 0; i < PIXELS; i++) s.map[i] = s.mask[i] ? 0 : 3;
    nw_localisation l = measured(&s);
    expect(l.auc, 0);
    expect(l.pointing, 0);
    expect(l.dice, 0);
    expect(l.mass, 0);
}

static void constant_map(void **state)
{
    (void)state;
    scene s = make_scene();
    for (int i = 0; i < PIXELS; i++) s.map[i] = 2;
    nw_localisation l = measured(&s);
    expect(l.auc, 0.5);
    expect(l.pointing, 7. / 63);
    expect(l.dice, 7. / 63);
    expect(l.mass, 7. / 63);
    for (int i = 0; i < PIXELS; i++) s.map[i] = 0;
    expect_undefined(measured(&s).mass, "0 everywhere");
}

/* The definitions in plain loops over pairs. */
static double auc_by_pairs(const scene *s)
{
    double wins = 0, pairs = 0;
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < PIXELS; k++)
            if (s->mask[i] && !s->mask[k]) {
                pairs++;
                wins += s->map[i] > s->map[k] ? 1 : s->map[i] < s->map[k] ? 0 : 0.5;
            }
    return wins / pairs;
}

/* The chance of each pixel to be among the `area` highest when ties are broken by lot. */
static double dice_by_lot(const scene *s)
{
    double hits = 0;
    for (int i = 0; i < PIXELS; i++) {
        int64_t above = 0, level = 0;
        for (int k = 0; k < PIXELS; k++) {
            above += s->map[k] > s->map[i];
            level += s->map[k] <= s->map[i] && s->map[k] >= s->map[i];
        }
        double chance = (double)(s->area - above) / (double)level;
        if (s->mask[i]) hits += fmin(fmax(chance, 0), 1);
    }
    return hits / (double)s->area;
}

static void against_the_definitions(void **state)
{
    (void)state;
    scene s = make_scene();
    expect(measured(&s).auc, auc_by_pairs(&s));
    expect(measured(&s).dice, dice_by_lot(&s));
    for (int levels = 2; levels <= 12; levels++) {
        scene t = s;
        for (int i = 0; i < PIXELS; i++) t.map[i] = (float)((int)s.map[i] % levels) - 3;
        expect(measured(&t).auc, auc_by_pairs(&t));
        expect(measured(&t).dice, dice_by_lot(&t));
        if (levels > 2) expect_undefined(measured(&t).mass, "negative");
    }
}

static void monotone_maps_score_alike(void **state)
{
    (void)state;
    scene s = make_scene(), t = s;
    for (int i = 0; i < PIXELS; i++) t.map[i] = expf(s.map[i] / 20) - 5;
    expect(measured(&t).auc, measured(&s).auc.value);
    expect(measured(&t).dice, measured(&s).dice.value);
    for (int i = 0; i < PIXELS; i++) t.map[i] = -s.map[i];
    expect(measured(&t).auc, 1 - measured(&s).auc.value);
}

static void ties_by_hand(void **state)
{
    (void)state;
    /* Two of three places are marked; the second one falls among three equal values, one of them inside. */
    const float map[5] = {9, 4, 4, 4, 1};
    const uint8_t mask[5] = {1, 0, 1, 0, 0};
    nw_score score;
    nw_error err;
    assert_int_equal(nw_dice_at_area(map, mask, 5, &score, &err), NW_OK);
    expect(score, (1 + 1. / 3) / 2);
    assert_int_equal(nw_pixel_auc(map, mask, 5, &score, &err), NW_OK);
    expect(score, (3 + 2) / 6.);
    assert_int_equal(nw_mass_inside(map, mask, 5, &score, &err), NW_OK);
    expect(score, 13. / 22);
    /* The order of equal values is of no consequence. */
    const float turned[5] = {4, 9, 4, 1, 4};
    const uint8_t with[5] = {0, 1, 0, 0, 1};
    assert_int_equal(nw_dice_at_area(turned, with, 5, &score, &err), NW_OK);
    expect(score, (1 + 1. / 3) / 2);
}

static void pointing_ties_and_tolerance(void **state)
{
    (void)state;
    scene s = make_scene();
    memset(s.map, 0, sizeof s.map);
    s.map[1 * COLUMNS + 2] = 5; /* inside */
    expect(measured(&s).pointing, 1);
    s.map[6 * COLUMNS] = s.map[3] = s.map[3 * COLUMNS + 2] = 5; /* outside */
    expect(measured(&s).pointing, 0.25);

    const int64_t at = 4 * COLUMNS + 4; /* two rows and one column from (2, 3) */
    memset(s.map, 0, sizeof s.map);
    s.map[at] = 1;
    const struct {
        double tolerance, hit;
    } cases[] = {{0, 0}, {1, 0}, {2, 0}, {2.2, 0}, {2.24, 1}, {3, 1}, {4096, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nw_score score;
        nw_error err;
        assert_int_equal(nw_pointing_game(s.map, s.mask, ROWS, COLUMNS, cases[i].tolerance, &score, &err),
                         NW_OK);
        expect(score, cases[i].hit);
    }
}

static void empty_and_full_masks(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        scene s = make_scene();
        memset(s.mask, full ? 1 : 0, sizeof s.mask);
        const char *why = full ? "whole" : "empty";
        nw_localisation l = measured(&s);
        expect_undefined(l.auc, why);
        expect_undefined(l.pointing, why);
        expect_undefined(l.dice, why);
        expect_undefined(l.mass, why);
        assert_true(fabs(l.share - full) < 1e-12);
    }
}

static void bad_calls(void **state)
{
    (void)state;
    scene s = make_scene();
    nw_localisation l = {.mean = 42};
    nw_error err;
    s.map[11] = NAN;
    assert_int_equal(nw_localise(s.map, s.mask, ROWS, COLUMNS, 0, &l, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "pixel 11"));
    s.map[11] = INFINITY;
    assert_int_equal(nw_localise(s.map, s.mask, ROWS, COLUMNS, 0, &l, &err), NW_NOT_FINITE);
    s.map[11] = 1;
    assert_int_equal(nw_localise(s.map, s.mask, 0, COLUMNS, 0, &l, &err), NW_USAGE);
    assert_int_equal(nw_localise(s.map, s.mask, INT64_MAX, 2, 0, &l, &err), NW_USAGE);
    assert_int_equal(nw_localise(s.map, s.mask, ROWS, COLUMNS, -1, &l, &err), NW_USAGE);
    assert_int_equal(nw_localise(s.map, s.mask, ROWS, COLUMNS, NAN, &l, &err), NW_USAGE);
    assert_true(l.mean > 41);
}

static double rho(const double *a, const double *b, size_t n)
{
    nw_score score;
    nw_error err;
    assert_int_equal(nw_spearman(a, b, n, &score, &err), NW_OK);
    if (score.undefined) fail_msg("%s", score.undefined);
    return score.value;
}

static void rank_correlation(void **state)
{
    (void)state;
    const double up[6] = {1, 2, 5, 9, 10, 400}, down[6] = {3, 2, 1, 0, -5, -6};
    assert_true(fabs(rho(up, up, 6) - 1) < 1e-12);
    assert_true(fabs(rho(up, down, 6) + 1) < 1e-12);
    /* 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = 0, 1, 1, 2, 1, 1. */
    const double other[6] = {1, 3, 2, 6, 4, 5};
    assert_true(fabs(rho(up, other, 6) - (1 - 6. * 8 / (6 * 35))) < 1e-12);
    /* Ties: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4; Pearson 4.5 / sqrt(4.5 * 5). */
    const double tied[4] = {0, 7, 7, 9}, plain[4] = {1, 2, 3, 4};
    assert_true(fabs(rho(tied, plain, 4) - sqrt(0.9)) < 1e-12);

    nw_score score;
    nw_error err;
    const double same[4] = {2, 2, 2, 2}, bad[4] = {1, NAN, 2, 3};
    assert_int_equal(nw_spearman(same, plain, 4, &score, &err), NW_OK);
    expect_undefined(score, "equal");
    assert_int_equal(nw_spearman(plain, plain, 1, &score, &err), NW_OK);
    expect_undefined(score, "fewer than two");
    assert_int_equal(nw_spearman(plain, plain, 0, &score, &err), NW_OK);
    expect_undefined(score, "fewer than two");
    assert_int_equal(nw_spearman(bad, plain, 4, &score, &err), NW_NOT_FINITE);
}

static nw_estimate mean_of(const double *values, size_t n, int draws, uint64_t seed)
{
    nw_estimate e;
    nw_error err;
    if (nw_estimate_mean(values, n, draws, seed, &e, &err) != NW_OK) fail_msg("%s", err.message);
    return e;
}

/* For zeros and ones the resampled sum is binomial, so the interval has a closed form. */
static void interval_of_a_mean(void **state)
{
    (void)state;
    double values[50];
    for (int i = 0; i < 50; i++) values[i] = i < 20;
    double p[51] = {0}, below = 0;
    int low = -1, high = -1;
    for (int k = 0; k <= 50; k++) {
        p[k] = exp(lgamma(51) - lgamma(k + 1) - lgamma(51 - k) + k * log(0.4) + (50 - k) * log(0.6));
        below += p[k];
        if (low < 0 && below >= 0.025) low = k;
        if (high < 0 && below >= 0.975) high = k;
    }
    nw_estimate e = mean_of(values, 50, 20000, 1);
    expect(e.score, 0.4);
    assert_int_equal(e.count, 50);
    assert_int_equal(e.undefined_draws, 0);
    assert_true(fabs(e.low * 50 - low) <= 1.001 && fabs(e.high * 50 - high) <= 1.001);

    nw_estimate again = mean_of(values, 50, 20000, 1), other = mean_of(values, 50, 20, 2),
                third = mean_of(values, 50, 20, 3);
    assert_memory_equal(&e.low, &again.low, sizeof e.low);
    assert_memory_equal(&e.high, &again.high, sizeof e.high);
    assert_true(fabs(other.low - third.low) + fabs(other.high - third.high) > 0);

    nw_estimate one = mean_of(values, 1, 100, 0);
    assert_true(fabs(one.low - 1) < 1e-12 && fabs(one.high - 1) < 1e-12);
    nw_estimate none = mean_of(values, 0, 100, 0);
    expect_undefined(none.score, "no image");
}

/* More images than the generator makes at once: all must be drawn, evenly. The sum of resampled squares of
 * deviations is known: var(mean) = population variance / n. */
static void resampling_is_even(void **state)
{
    (void)state;
    enum { N = 300 };
    double values[N], mean = (N - 1) / 2., variance = (N * (double)N - 1) / 12;
    for (int i = 0; i < N; i++) values[i] = i;
    nw_estimate e = mean_of(values, N, 20000, 7);
    double half = 1.96 * sqrt(variance / N);
    assert_true(fabs(e.low - (mean - half)) < 0.05 * half);
    assert_true(fabs(e.high - (mean + half)) < 0.05 * half);
}

static void interval_of_a_rank_correlation(void **state)
{
    (void)state;
    const double a[5] = {1, 2, 3, 4, 5}, b[5] = {2, 4, 8, 16, 32}, pair[2] = {1, 2};
    nw_estimate e;
    nw_error err;
    assert_int_equal(nw_estimate_spearman(a, b, 5, 500, 3, &e, &err), NW_OK);
    expect(e.score, 1);
    assert_true(fabs(e.low - 1) < 1e-12 && fabs(e.high - 1) < 1e-12);
    /* Half of the resamples of two pairs hold one pair twice: no correlation. */
    assert_int_equal(nw_estimate_spearman(pair, pair, 2, 1000, 3, &e, &err), NW_OK);
    assert_in_range(e.undefined_draws, 420, 580);
    assert_int_equal(nw_estimate_spearman(a, b, 5, 0, 3, &e, &err), NW_USAGE);
    assert_int_equal(nw_estimate_mean(a, 5, 2000000, 3, &e, &err), NW_USAGE);
}

static nw_volume *volume_of(const float *src, int64_t channels, int64_t rows, int64_t columns)
{
    nw_volume *volume = NULL;
    nw_error err;
    if (nw_volume_from_array(src, 1, channels, rows, columns, &volume, &err) != NW_OK)
        fail_msg("%s", err.message);
    return volume;
}

static void masks_are_turned_and_resized(void **state)
{
    (void)state;
    /* Two channels that mark one pixel each, of 2 x 3; -1 marks as well. */
    const float src[12] = {0, 0, 255, 0, 0, 0, 0, 0, 0, -1, 0, 0};
    nw_volume *mask = volume_of(src, 2, 2, 3);
    nw_error err;
    uint8_t dst[24];
    assert_int_equal(nw_mask_for_image(mask, 0, 2, 3, dst, &err), NW_OK);
    assert_memory_equal(dst, ((uint8_t[]){0, 0, 1, 1, 0, 0}), 6);
    assert_int_equal(nw_mask_for_image(mask, 0, 4, 6, dst, &err), NW_OK);
    assert_memory_equal(
        dst, ((uint8_t[]){0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0}), 24);
    /* To one row: its centre is the border of both, the later one counts; three columns stay. */
    assert_int_equal(nw_mask_for_image(mask, 0, 1, 3, dst, &err), NW_OK);
    assert_memory_equal(dst, ((uint8_t[]){1, 0, 0}), 3);
    assert_int_equal(nw_mask_for_image(mask, 0, 0, 3, dst, &err), NW_USAGE);

    nw_preprocess pre = {.channels = 1, .height = 3, .width = 2, .orient = NW_ORIENT_TRANSPOSE};
    /* The image goes in as a tensor: not turned, so the mask is not either (and is brought to 3 x 2). */
    assert_int_equal(nw_mask_for_model(&pre, mask, mask, 0, dst, &err), NW_OK);
    assert_memory_equal(dst, ((uint8_t[]){0, 1, 1, 0, 1, 0}), 6);
    pre.tensors_as_images = 1;
    assert_int_equal(nw_mask_for_model(&pre, mask, mask, 0, dst, &err), NW_OK);
    assert_memory_equal(dst, ((uint8_t[]){0, 1, 0, 0, 1, 0}), 6);
    assert_int_equal(nw_mask_for_model(&pre, mask, mask, 1, dst, &err), NW_USAGE);
    nw_volume_free(mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect_map),
        cmocka_unit_test(inverted_map),
        cmocka_unit_test(constant_map),
        cmocka_unit_test(against_the_definitions),
        cmocka_unit_test(monotone_maps_score_alike),
        cmocka_unit_test(ties_by_hand),
        cmocka_unit_test(pointing_ties_and_tolerance),
        cmocka_unit_test(empty_and_full_masks),
        cmocka_unit_test(bad_calls),
        cmocka_unit_test(rank_correlation),
        cmocka_unit_test(interval_of_a_mean),
        cmocka_unit_test(resampling_is_even),
        cmocka_unit_test(interval_of_a_rank_correlation),
        cmocka_unit_test(masks_are_turned_and_resized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
