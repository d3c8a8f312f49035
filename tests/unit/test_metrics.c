/* Metrics over samples: hand-computed cases, plain loops over pairs, scikit-learn's and SciPy's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "support/json_golden.h"

#include <math.h>
#include <narrows/metrics.h>
#include <stdbool.h>
#include <string.h>

static void close_to(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %.15g, expected %.15g", what, got, want);
}

static void done(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

static void value(const nw_estimate *e, double want, const char *what)
{
    if (e->score.undefined) fail_msg("%s is undefined: %s", what, e->score.undefined);
    close_to(e->score.value, want, 1e-12, what);
}

static uint8_t *labels_of(const json_t *list, size_t *count)
{
    double *numbers = golden_list(list, count);
    uint8_t *labels = calloc(*count, 1);
    for (size_t i = 0; i < *count; i++) labels[i] = numbers[i] > 0.5 ? 200 : 0; /* anything but 0 */
    free(numbers);
    return labels;
}

/* Spread by Mann and Whitney: over all pairs. */
static double auc_by_pairs(const double *scores, const uint8_t *labels, size_t count)
{
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (labels[i] && !labels[k]) {
                pairs++;
                wins += scores[i] > scores[k] ? 1 : scores[i] < scores[k] ? 0 : 0.5;
            }
    return wins / pairs;
}

static void binary_case(const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    size_t n, points, count, m;
    double *s = golden_list(json_object_get(entry, "scores"), &count), variance, threshold;
    uint8_t *l = labels_of(json_object_get(entry, "labels"), &n);
    assert_int_equal(n, count);
    nw_estimate e;
    nw_score area;
    nw_error err;
    const nw_metric_options options = {.draws = 50};
    done(nw_metric_auroc(s, l, count, NULL, &e, &err), &err);
    value(&e, golden_number(entry, "auroc"), name);
    value(&e, auc_by_pairs(s, l, count), name);
    assert_int_equal(e.count, count);
    done(nw_metric_delong(s, l, count, &area, &variance, &err), &err);
    close_to(variance, golden_number(entry, "delong_variance"), 1e-14, name);
    double half = 1.959963984540054 * sqrt(variance);
    close_to(e.low, fmax(0, e.score.value - half), 1e-12, name);
    close_to(e.high, fmin(1, e.score.value + half), 1e-12, name);
    done(nw_metric_average_precision(s, l, count, &options, &e, &err), &err);
    value(&e, golden_number(entry, "average_precision"), name);
    done(nw_metric_sensitivity(s, l, count, 0.9, &options, &e, &threshold, &err), &err);
    value(&e, golden_number(entry, "sensitivity_at_0.9"), name);
    double hits = 0, positive = 0, passed = 0;
    for (size_t i = 0; i < count; i++) {
        hits += l[i] && s[i] > threshold;
        positive += l[i] != 0;
        passed += !l[i] && s[i] <= threshold;
    }
    value(&e, hits / positive, "sensitivity by its threshold");
    assert_true(passed / ((double)count - positive) >= 0.9 - 1e-12);
    done(nw_metric_sensitivity(s, l, count, 0.5, &options, &e, NULL, &err), &err);
    value(&e, golden_number(entry, "sensitivity_at_0.5"), name);

    double *p = calloc(count, sizeof *p);
    int32_t *truth = calloc(count, sizeof *truth);
    for (size_t i = 0; i < count; i++) p[i] = 1 / (1 + exp(-s[i]));
    for (size_t i = 0; i < count; i++) truth[i] = l[i] != 0;
    done(nw_metric_brier(p, truth, count, 1, &options, &e, &err), &err);
    value(&e, golden_number(entry, "brier"), name);

    double *fpr = golden_list(json_object_get(entry, "fpr"), &n), *x = calloc(count + 1, sizeof *x);
    double *tpr = golden_list(json_object_get(entry, "tpr"), &m), *y = calloc(count + 1, sizeof *y);
    done(nw_metric_roc_curve(s, l, count, x, y, &points, &err), &err);
    assert_int_equal(points, n);
    double trapezes = 0;
    for (size_t i = 0; i < points; i++) {
        close_to(x[i], fpr[i], 1e-12, "false positives");
        close_to(y[i], tpr[i], 1e-12, "true positives");
        if (i) trapezes += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
    }
    close_to(trapezes, golden_number(entry, "auroc"), 1e-12, "area of the curve");
    free(s);
    free(l);
    free(p);
    free(truth);
    free(fpr);
    free(tpr);
    free(x);
    free(y);
}

static void as_scikit_learn(void **state)
{
    (void)state;
    json_t *golden = golden_open("train/metrics.json"), *entry, *row;
    size_t i, count, c;
    json_array_foreach(json_object_get(golden, "binary"), i, entry) binary_case(entry);
    assert_int_equal(i, 4);

    nw_estimate e;
    nw_error err;
    const nw_metric_options options = {.draws = 50};
    const json_t *several = json_object_get(golden, "several");
    double *numbers = golden_list(json_object_get(several, "truth"), &count), p[80 * 4];
    int32_t truth[80], predicted[80];
    assert_int_equal(count, 80);
    json_array_foreach(json_object_get(several, "probabilities"), i, row)
    {
        double *values = golden_list(row, &c);
        assert_int_equal(c, 4);
        memcpy(p + 4 * i, values, sizeof *p * 4);
        truth[i] = (int32_t)numbers[i];
        predicted[i] = 0;
        for (int k = 1; k < 4; k++)
            if (values[k] > values[predicted[i]]) predicted[i] = k;
        free(values);
    }
    free(numbers);
    done(nw_metric_macro_auroc(p, truth, 80, 4, &options, &e, &err), &err);
    value(&e, golden_number(several, "macro_auroc"), "macro AUROC");
    assert_true(e.low < e.score.value && e.score.value < e.high);
    done(nw_metric_accuracy(predicted, truth, 80, NULL, &e, &err), &err);
    value(&e, golden_number(several, "accuracy"), "accuracy");
    done(nw_metric_brier(p, truth, 80, 4, &options, &e, &err), &err);
    value(&e, golden_number(several, "brier"), "Brier");

    json_array_foreach(json_object_get(golden, "wilson"), i, entry)
    {
        double low, high;
        done(nw_metric_wilson(json_integer_value(json_object_get(entry, "hits")),
                              json_integer_value(json_object_get(entry, "of")), &low, &high, &err),
             &err);
        close_to(low, golden_number(entry, "low"), 1e-12, "Wilson");
        close_to(high, golden_number(entry, "high"), 1e-12, "Wilson");
    }
    assert_int_equal(i, 6);
    json_decref(golden);
}

static void regression(void **state)
{
    (void)state;
    json_t *golden = golden_open("train/metrics.json");
    const json_t *g = json_object_get(golden, "regression");
    size_t n, count;
    double *a = golden_list(json_object_get(g, "predicted"), &count);
    double *b = golden_list(json_object_get(g, "truth"), &n);
    nw_estimate e, other;
    nw_error err;
    const nw_metric_options options = {.draws = 300, .seed = 11};
    done(nw_metric_pearson(a, b, count, &options, &e, &err), &err);
    value(&e, golden_number(g, "pearson"), "Pearson");
    done(nw_metric_mae(a, b, count, &options, &e, &err), &err);
    value(&e, golden_number(g, "mae"), "MAE");
    done(nw_metric_r2(a, b, count, &options, &e, &err), &err);
    value(&e, golden_number(g, "r2"), "R2");
    assert_true(e.low < e.score.value && e.score.value < e.high);
    done(nw_metric_spearman(a, b, count, &options, &e, &err), &err);
    value(&e, golden_number(g, "spearman"), "Spearman");
    /* The bootstrap that ranks each resample anew, with the same draws. */
    done(nw_estimate_spearman(a, b, count, 300, 11, &other, &err), &err);
    close_to(e.low, other.low, 1e-12, "low");
    close_to(e.high, other.high, 1e-12, "high");
    /* Groups of one are no groups. */
    int64_t *groups = calloc(count, sizeof *groups);
    for (size_t i = 0; i < count; i++) groups[i] = (int64_t)i * 10 - 200;
    const nw_metric_options single = {.draws = 300, .seed = 11, .groups = groups};
    done(nw_metric_spearman(a, b, count, &single, &other, &err), &err);
    close_to(e.low, other.low, 0, "low");
    close_to(e.high, other.high, 0, "high");

    const double constant[3] = {0.1, 0.1, 0.1}, any[3] = {1, 2, 4};
    done(nw_metric_pearson(constant, any, 3, &options, &e, &err), &err);
    assert_non_null(e.score.undefined);
    done(nw_metric_spearman(any, constant, 3, &options, &e, &err), &err);
    assert_non_null(e.score.undefined);
    done(nw_metric_r2(any, constant, 3, &options, &e, &err), &err);
    assert_non_null(e.score.undefined);
    done(nw_metric_r2(constant, any, 3, &options, &e, &err), &err);
    assert_true(e.score.value < 0);
    done(nw_metric_mae(any, any, 0, &options, &e, &err), &err);
    assert_non_null(e.score.undefined);
    done(nw_metric_pearson(any, any, 1, &options, &e, &err), &err);
    assert_non_null(strstr(e.score.undefined, "fewer than two"));
    free(a);
    free(b);
    free(groups);
    json_decref(golden);
}

static void by_hand(void **state)
{
    (void)state;
    nw_estimate e;
    nw_error err;
    nw_score area;
    double variance, threshold;
    /* One of the four pairs is wrong: 3/4. Precision at the hits 1 and 2/3: 5/6. */
    const double s[4] = {0.9, 0.4, 0.6, 0.1};
    const uint8_t l[4] = {1, 1, 0, 0};
    const nw_metric_options few = {.draws = 100};
    done(nw_metric_auroc(s, l, 4, NULL, &e, &err), &err);
    value(&e, 0.75, "AUROC");
    done(nw_metric_average_precision(s, l, 4, &few, &e, &err), &err);
    value(&e, 5. / 6, "average precision");
    /* Components of the positives 1 and 1/2, of the negatives 1/2 and 1: each with a variance of 1/8. */
    done(nw_metric_delong(s, l, 4, &area, &variance, &err), &err);
    close_to(variance, 1. / 8, 1e-15, "DeLong");
    done(nw_metric_sensitivity(s, l, 4, 0.5, &few, &e, &threshold, &err), &err);
    value(&e, 1, "sensitivity");
    close_to(threshold, 0.1, 0, "threshold");
    done(nw_metric_sensitivity(s, l, 4, 0.51, &few, &e, &threshold, &err), &err);
    value(&e, 0.5, "sensitivity");
    close_to(threshold, 0.6, 0, "threshold");
    /* All equal: one half, the share of positives, and no sensitivity. */
    const double flat[4] = {2, 2, 2, 2};
    done(nw_metric_auroc(flat, l, 4, NULL, &e, &err), &err);
    value(&e, 0.5, "AUROC");
    close_to(e.low, 0.5, 1e-15, "no spread");
    done(nw_metric_average_precision(flat, l, 4, &few, &e, &err), &err);
    value(&e, 0.5, "average precision");
    done(nw_metric_sensitivity(flat, l, 4, 0.9, &few, &e, NULL, &err), &err);
    value(&e, 0, "sensitivity");
    /* One class: undefined. One sample of a class: nothing is known of the spread. */
    done(nw_metric_auroc(s, l, 2, NULL, &e, &err), &err);
    assert_non_null(strstr(e.score.undefined, "one class"));
    assert_true(e.low == 0 && e.high == 0);
    done(nw_metric_average_precision(s + 2, l + 2, 2, &few, &e, &err), &err);
    assert_non_null(e.score.undefined);
    done(nw_metric_auroc(s, l, 3, NULL, &e, &err), &err);
    value(&e, 0.5, "AUROC");
    assert_true(e.low == 0 && e.high == 1);
    /* Brier: one probability, or the sum over two. */
    const double p[2] = {0.8, 0.4}, both[4] = {0.2, 0.8, 0.6, 0.4};
    const int32_t truth[2] = {1, 1};
    done(nw_metric_brier(p, truth, 2, 1, &few, &e, &err), &err);
    value(&e, (0.04 + 0.36) / 2, "Brier");
    done(nw_metric_brier(both, truth, 2, 2, &few, &e, &err), &err);
    value(&e, 0.04 + 0.36, "Brier");
}

static void calibration(void **state)
{
    (void)state;
    nw_estimate e;
    nw_error err;
    nw_calibration_bin bins[4];
    const nw_metric_options few = {.draws = 100};
    /* Ends belong to the bin below: 0.25 to the first, 0 too. */
    const double p[8] = {0, 0.25, 0.3, 0.5, 0.5, 0.9, 0.9, 1};
    const uint8_t y[8] = {0, 1, 0, 1, 0, 1, 0, 1};
    done(nw_metric_calibration(p, y, 8, 4, 0, &few, &e, bins, &err), &err);
    assert_int_equal(bins[0].count, 2);
    assert_int_equal(bins[1].count, 3);
    assert_int_equal(bins[2].count, 0);
    assert_int_equal(bins[3].count, 3);
    close_to(bins[0].probability, 0.125, 1e-15, "mean");
    close_to(bins[0].share, 0.5, 1e-15, "share");
    close_to(bins[1].low, 0.25, 0, "low");
    close_to(bins[1].high, 0.5, 0, "high");
    value(&e, (fabs(0.25 - 1) + fabs(1.3 - 1) + fabs(2.8 - 2)) / 8, "ECE");
    /* Pairs by rank; the equal ones at ranks 4 and 5 (mean 4.5) share the third bin, those at 6 and 7 the
     * fourth. */
    done(nw_metric_calibration(p, y, 8, 4, 1, &few, &e, bins, &err), &err);
    assert_int_equal(bins[0].count, 2);
    assert_int_equal(bins[1].count, 1);
    assert_int_equal(bins[2].count, 2);
    assert_int_equal(bins[3].count, 3);
    close_to(bins[3].low, 0.9, 0, "low");
    close_to(bins[3].high, 1, 0, "high");
    value(&e, (fabs(0.25 - 1) + 0.3 + fabs(1. - 1) + fabs(2.8 - 2)) / 8, "adaptive ECE");
    /* The order of the samples is of no weight. */
    const double q[8] = {1, 0.5, 0, 0.9, 0.3, 0.9, 0.25, 0.5};
    const uint8_t z[8] = {1, 0, 0, 0, 0, 1, 1, 1};
    nw_estimate other;
    done(nw_metric_calibration(q, z, 8, 4, 1, &few, &other, NULL, &err), &err);
    close_to(other.score.value, e.score.value, 1e-15, "order");
    /* 15 bins: a share of 1/15 as printed is in the first, the next double in the second. */
    nw_calibration_bin fifteen[15];
    for (int b = 1; b <= 15; b++) {
        const double edge[2] = {b / 15., nextafter(b / 15., 0)};
        done(nw_metric_calibration(edge, y, 2, 0, 0, &few, &e, fifteen, &err), &err);
        assert_int_equal(fifteen[b - 1].count, 2);
        if (b == 15) break;
        const double beyond = nextafter(b / 15., 1);
        done(nw_metric_calibration(&beyond, y, 1, 0, 0, &few, &e, fifteen, &err), &err);
        assert_int_equal(fifteen[b].count, 1);
    }
}

/* Groups whose samples are copies of one another: as if each were one sample. */
static void groups_are_drawn_whole(void **state)
{
    (void)state;
    enum { GROUPS = 30, COPIES = 5, N = GROUPS * COPIES };
    double s[N], one[GROUPS];
    uint8_t l[N], single[GROUPS];
    int64_t groups[N];
    for (int g = 0; g < GROUPS; g++) {
        one[g] = (g * 17) % 31 + (g % 3 == 0 ? 8 : 0);
        single[g] = g % 3 == 0;
        /* Copies lie apart, and the groups' numbers are in their order. */
        for (int c = 0; c < COPIES; c++) {
            s[c * GROUPS + g] = one[g];
            l[c * GROUPS + g] = single[g];
            groups[c * GROUPS + g] = g * 1000 - 3;
        }
    }
    nw_estimate a, b, plain;
    nw_error err;
    int64_t own[GROUPS];
    for (int g = 0; g < GROUPS; g++) own[g] = g;
    const nw_metric_options clusters = {.groups = groups, .draws = 500, .seed = 4};
    const nw_metric_options each = {.groups = own, .draws = 500, .seed = 4}, none = {.draws = 500, .seed = 4};
    done(nw_metric_auroc(s, l, N, &clusters, &a, &err), &err);
    done(nw_metric_auroc(one, single, GROUPS, &each, &b, &err), &err);
    close_to(a.score.value, b.score.value, 1e-12, "value");
    close_to(a.low, b.low, 1e-12, "low");
    close_to(a.high, b.high, 1e-12, "high");
    assert_int_equal(a.undefined_draws, b.undefined_draws);
    assert_int_equal(a.count, N);
    /* Who takes the copies for samples believes to know more. */
    done(nw_metric_auroc(s, l, N, NULL, &plain, &err), &err);
    assert_true(plain.high - plain.low < 0.7 * (a.high - a.low));
    done(nw_metric_average_precision(s, l, N, &clusters, &a, &err), &err);
    done(nw_metric_average_precision(one, single, GROUPS, &none, &b, &err), &err);
    close_to(a.low, b.low, 1e-12, "low");
    int32_t predicted[N], truth[N];
    for (int i = 0; i < N; i++) predicted[i] = s[i] > 20;
    for (int i = 0; i < N; i++) truth[i] = l[i];
    done(nw_metric_accuracy(predicted, truth, N, &clusters, &a, &err), &err);
    done(nw_metric_accuracy(predicted, truth, N, NULL, &plain, &err), &err);
    close_to(a.score.value, plain.score.value, 1e-15, "accuracy");
    assert_true(plain.high - plain.low < 0.7 * (a.high - a.low));
    /* The plain bootstrap and DeLong agree on samples that are independent. */
    done(nw_metric_auroc(one, single, GROUPS, NULL, &plain, &err), &err);
    done(nw_metric_auroc(one, single, GROUPS, &each, &b, &err), &err);
    close_to(plain.high - plain.low, b.high - b.low, 0.15 * (plain.high - plain.low), "width");
}

/* A positive sample that is alone is missing from (1 - 1/20)^20 = 35.8 % of the resamples. */
static void resamples_without_a_class(void **state)
{
    (void)state;
    double s[20], p[40];
    uint8_t l[20] = {1};
    int32_t truth[20] = {1};
    int64_t own[20];
    for (int i = 0; i < 20; i++) {
        own[i] = i;
        s[i] = (i * 7) % 20;
        p[2 * i] = 1 - s[i] / 20;
        p[2 * i + 1] = s[i] / 20;
    }
    nw_estimate e, macro;
    nw_error err;
    const nw_metric_options options = {.groups = own, .draws = 4000, .seed = 2};
    done(nw_metric_auroc(s, l, 20, &options, &e, &err), &err);
    close_to(e.undefined_draws / 4000., 0.358, 0.03, "undefined draws");
    value(&e, 0, "AUROC");
    /* Both classes of two have the same area, and the same resamples. */
    done(nw_metric_macro_auroc(p, truth, 20, 2, &options, &macro, &err), &err);
    assert_int_equal(macro.undefined_draws, e.undefined_draws);
    close_to(macro.high, e.high, 1e-12, "high");
    done(nw_metric_macro_auroc(p, truth + 1, 19, 2, &options, &macro, &err), &err);
    assert_non_null(strstr(macro.score.undefined, "no sample"));
    /* 0 whatever the positive one meets. */
    close_to(e.low, 0, 0, "low");
}

/* Of classes, as labels of which each sample has one, the mean over labels is the macro average, interval
 * included; a label twice has the interval of one; and labels of one kind change nothing. */
static void labels_are_a_mean(void **state)
{
    (void)state;
    enum { N = 60, CLASSES = 3 };
    double scores[N * CLASSES], twice[N * 3], single[2][N];
    uint8_t has[N * CLASSES], both[N * 3], one[2][N];
    int32_t truth[N];
    int64_t groups[N];
    for (int i = 0; i < N; i++) {
        truth[i] = (i * 7 + i / 9) % CLASSES;
        groups[i] = i / 2;
        for (int c = 0; c < CLASSES; c++) {
            scores[i * CLASSES + c] = ((i * 13 + c * 5) % 17) / 17. + (truth[i] == c ? 0.2 : 0);
            has[i * CLASSES + c] = truth[i] == c;
        }
        for (int c = 0; c < 2; c++) {
            single[c][i] = scores[i * CLASSES + c];
            one[c][i] = has[i * CLASSES + c];
        }
        twice[i * 3] = twice[i * 3 + 1] = single[0][i];
        twice[i * 3 + 2] = i;
        both[i * 3] = both[i * 3 + 1] = one[0][i];
        both[i * 3 + 2] = 1;
    }
    nw_estimate e, other;
    nw_error err;
    const nw_metric_options options = {.groups = groups, .draws = 500, .seed = 3};
    done(nw_metric_macro_auroc(scores, truth, N, CLASSES, &options, &e, &err), &err);
    done(nw_metric_labels_auroc(scores, has, N, CLASSES, &options, &other, &err), &err);
    close_to(other.score.value, e.score.value, 1e-12, "value");
    close_to(other.low, e.low, 1e-12, "low");
    close_to(other.high, e.high, 1e-12, "high");
    assert_true(e.low < e.high);

    done(nw_metric_average_precision(single[0], one[0], N, &options, &e, &err), &err);
    done(nw_metric_labels_precision(twice, both, N, 3, &options, &other, &err), &err);
    close_to(other.score.value, e.score.value, 1e-12, "value");
    close_to(other.low, e.low, 1e-12, "low");
    close_to(other.high, e.high, 1e-12, "high");

    double sum = 0;
    for (int c = 0; c < 2; c++) {
        done(nw_metric_average_precision(single[c], one[c], N, &options, &e, &err), &err);
        sum += e.score.value / 2;
    }
    double pair[N * 2];
    uint8_t pairs[N * 2];
    for (int i = 0; i < N; i++)
        for (int c = 0; c < 2; c++) {
            pair[i * 2 + c] = single[c][i];
            pairs[i * 2 + c] = one[c][i];
        }
    done(nw_metric_labels_precision(pair, pairs, N, 2, &options, &other, &err), &err);
    close_to(other.score.value, sum, 1e-12, "mean");

    memset(pairs, 1, sizeof pairs);
    done(nw_metric_labels_auroc(pair, pairs, N, 2, &options, &other, &err), &err);
    assert_non_null(strstr(other.score.undefined, "no label"));
    assert_int_equal(nw_metric_labels_auroc(pair, pairs, N, 0, &options, &other, &err), NW_USAGE);
}

static void any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 300 };
    double s[N], t[N], p[N];
    uint8_t l[N];
    int64_t groups[N];
    for (int i = 0; i < N; i++) {
        s[i] = (i * 37) % 101;
        t[i] = s[i] + (i * 53) % 97;
        p[i] = s[i] / 101;
        l[i] = t[i] > 100;
        groups[i] = i % 40;
    }
    const nw_metric_options options = {.groups = groups, .draws = 333, .seed = 1};
    nw_estimate e[2][5];
    nw_error err;
    for (int k = 0; k < 2; k++) {
        int old = nw_threads_set(k ? 5 : 1);
        done(nw_metric_auroc(s, l, N, &options, &e[k][0], &err), &err);
        done(nw_metric_average_precision(s, l, N, &options, &e[k][1], &err), &err);
        done(nw_metric_spearman(s, t, N, &options, &e[k][2], &err), &err);
        done(nw_metric_calibration(p, l, N, 0, 1, &options, &e[k][3], NULL, &err), &err);
        done(nw_metric_r2(s, t, N, &options, &e[k][4], &err), &err);
        nw_threads_set(old);
    }
    for (int i = 0; i < 5; i++) {
        close_to(e[0][i].low, e[1][i].low, 0, "low");
        close_to(e[0][i].high, e[1][i].high, 0, "high");
        assert_true(e[0][i].low < e[0][i].high);
    }
}

/* Coverage, with 40 samples of either class whose scores are normal and one standard deviation apart (area
 * Phi(1 / sqrt 2)): about 94 % of DeLong's intervals hold it, a little less than 95 % as for all normal
 * approximations. The bounds are four standard deviations of the binomial away. */
static void delong_covers(void **state)
{
    (void)state;
    enum { TRIALS = 4000, N = 80 };
    int held = 0;
    const double truth = 0.7602499389065233;
    uint64_t u = 1;
    for (int t = 0; t < TRIALS; t++) {
        double s[N];
        uint8_t l[N];
        for (int i = 0; i < N; i++) {
            double sum = 0; /* of twelve: nearly normal */
            for (int k = 0; k < 12; k++) {
                u = u * 6364136223846793005u + 1442695040888963407u;
                sum += (double)(u >> 11) * 0x1p-53;
            }
            l[i] = (uint8_t)(i % 2);
            s[i] = sum - 6 + l[i];
        }
        nw_estimate e;
        nw_error err;
        done(nw_metric_auroc(s, l, N, NULL, &e, &err), &err);
        held += e.low <= truth && truth <= e.high;
    }
    print_message("%d of %d intervals hold the area\n", held, TRIALS);
    assert_true(held >= 0.922 * TRIALS && held <= 0.955 * TRIALS);
}

static void refused(void **state)
{
    (void)state;
    nw_estimate e = {.count = 77};
    nw_error err;
    const double bad[2] = {1, NAN}, beyond[2] = {0.5, 1.5}, fine[2] = {0, 1};
    const uint8_t l[2] = {0, 1};
    const int32_t t[2] = {0, 2};
    const nw_metric_options many = {.draws = 1000001};
    assert_int_equal(nw_metric_auroc(bad, l, 2, NULL, &e, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "sample 1"));
    assert_int_equal(nw_metric_average_precision(bad, l, 2, NULL, &e, &err), NW_NOT_FINITE);
    assert_int_equal(nw_metric_r2(fine, bad, 2, NULL, &e, &err), NW_NOT_FINITE);
    assert_int_equal(nw_metric_calibration(beyond, l, 2, 0, 0, NULL, &e, NULL, &err), NW_BAD_INPUT);
    assert_int_equal(nw_metric_calibration(fine, l, 2, 1001, 0, NULL, &e, NULL, &err), NW_USAGE);
    assert_int_equal(nw_metric_brier(beyond, t, 2, 1, NULL, &e, &err), NW_BAD_INPUT);
    assert_int_equal(nw_metric_brier(fine, t, 2, 1, NULL, &e, &err), NW_BAD_INPUT);
    assert_int_equal(nw_metric_macro_auroc(fine, t, 1, 1, NULL, &e, &err), NW_USAGE);
    assert_int_equal(nw_metric_macro_auroc(fine, t + 1, 1, 2, NULL, &e, &err), NW_BAD_INPUT);
    assert_int_equal(nw_metric_sensitivity(fine, l, 2, 0, NULL, &e, NULL, &err), NW_USAGE);
    assert_int_equal(nw_metric_mae(fine, fine, 2, &many, &e, &err), NW_USAGE);
    double low, high;
    assert_int_equal(nw_metric_wilson(3, 2, &low, &high, &err), NW_BAD_INPUT);
    assert_int_equal(e.count, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),           cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(regression),        cmocka_unit_test(groups_are_drawn_whole),
        cmocka_unit_test(calibration),       cmocka_unit_test(delong_covers),
        cmocka_unit_test(refused),           cmocka_unit_test(resamples_without_a_class),
        cmocka_unit_test(labels_are_a_mean), cmocka_unit_test(any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
