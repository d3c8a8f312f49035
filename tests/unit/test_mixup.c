/* Mixup: the distribution of lambda and of the permutation, the mixing, and that nothing hangs on threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "train/mixup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The distribution function of Beta(a, a): x^a / B(a, a) sum_n (1 - a)_n x^n / (n! (a + n)), for x <= 1/2. */
static double beta_below(double x, double a)
{
    if (x > 0.5) return 1 - beta_below(1 - x, a);
    double sum = 0, term = 1;
    for (int n = 0; n < 200; n++) {
        sum += term / (a + n);
        term *= (n + 1 - a) / (n + 1) * x;
    }
    return pow(x, a) * sum * exp(lgamma(2 * a) - 2 * lgamma(a));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void lambda_is_beta(void **state)
{
    (void)state;
    /* Closed forms of the oracle itself. */
    assert_true(fabs(beta_below(0.3, 1) - 0.3) < 1e-14);
    assert_true(fabs(beta_below(0.3, 2) - (3 * 0.09 - 2 * 0.027)) < 1e-14);
    assert_true(fabs(beta_below(0.3, 0.5) - 2 / 3.14159265358979323846 * asin(sqrt(0.3))) < 1e-14);
    enum { N = 20000 };
    static double drawn[N];
    static const double shapes[] = {0.05, 0.2, 0.4, 0.5, 1, 1.5, 4, 10};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        double sum = 0, square = 0, worst = 0, a = shapes[s];
        for (int i = 0; i < N; i++) {
            drawn[i] = nw_mixup_lambda(7, (uint64_t)i + (i % 2 ? UINT64_C(1) << 40 : 0), a);
            assert_true(drawn[i] >= 0 && drawn[i] <= 1);
            sum += drawn[i] - 0.5;
            square += (drawn[i] - 0.5) * (drawn[i] - 0.5);
        }
        qsort(drawn, N, sizeof drawn[0], by_value);
        /* Close to 1 a double has no place for what small a give; close to 0 it has. */
        for (int i = 0; i < N && drawn[i] < 1 - 1e-9; i++) {
            double f = beta_below(drawn[i], a);
            worst = fmax(worst, fmax(f - (double)i / N, (double)(i + 1) / N - f));
        }
        /* Kolmogorov and Smirnov at 0.1 %; the variance is 1 / (4 (2 a + 1)). */
        double distance = worst * sqrt(N), variance = square / N * 4 * (2 * a + 1);
        double mean = sum / sqrt(N) * 2 * sqrt(2 * a + 1);
        print_message("a = %g: distance %.2f, mean %.2f deviations away, variance %.3f of what it is\n", a,
                      distance, mean, variance);
        assert_true(distance < 1.95 && fabs(mean) < 3.5 && fabs(variance - 1) < 0.05);
    }
}

static void lambda_depends_on_seed_and_step(void **state)
{
    (void)state;
    double a = nw_mixup_lambda(1, 2, 0.4);
    assert_true(a <= nw_mixup_lambda(1, 2, 0.4) && a >= nw_mixup_lambda(1, 2, 0.4));
    assert_true(fabs(a - nw_mixup_lambda(2, 2, 0.4)) > 1e-9);
    assert_true(fabs(a - nw_mixup_lambda(1, 3, 0.4)) > 1e-9);
    assert_true(fabs(a - nw_mixup_lambda(1, 2 + (UINT64_C(1) << 32), 0.4)) > 1e-9);
    assert_true(fabs(a - nw_mixup_lambda(1 + (UINT64_C(1) << 32), 2, 0.4)) > 1e-9);
}

static void orders_are_even(void **state)
{
    (void)state;
    enum { N = 24000 };
    int seen[256] = {0}, kinds = 0;
    for (uint64_t step = 0; step < N; step++) {
        int64_t order[4];
        nw_mixup_order(3, step, 4, order);
        seen[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]]++;
    }
    double chi = 0;
    for (int i = 0; i < 256; i++) {
        kinds += seen[i] > 0;
        if (seen[i]) chi += (seen[i] - N / 24.) * (seen[i] - N / 24.) / (N / 24.);
    }
    assert_int_equal(kinds, 24);
    print_message("chi square of 23: %.1f\n", chi);
    assert_true(chi < 49.7); /* 0.1 % */
    static int64_t large[1000];
    static char there[1000];
    nw_mixup_order(3, 1, 1000, large);
    int fixed = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(large[i] >= 0 && large[i] < 1000 && !there[large[i]]);
        there[large[i]] = 1;
        fixed += large[i] == i;
    }
    assert_true(fixed < 8);
}

enum { BATCH = 13, SIZE = 5000, CLASSES = 3 };
static float before[BATCH * SIZE], pixels[2][BATCH * SIZE];

static void batches_are_mixed(void **state)
{
    (void)state;
    nw_error err;
    int64_t workspace[2 * BATCH], order[BATCH];
    for (int i = 0; i < BATCH * SIZE; i++) before[i] = (float)(i * 37 % 1009) - 500;
    for (uint64_t step = 0; step < 12; step++) {
        float targets[2][BATCH * CLASSES], old[BATCH * CLASSES];
        for (int i = 0; i < BATCH * CLASSES; i++) old[i] = (i / CLASSES) % CLASSES == i % CLASSES;
        double lambda = -1;
        for (int t = 0; t < 2; t++) {
            int threads = nw_threads_set(t ? 4 : 1);
            memcpy(pixels[t], before, sizeof before);
            memcpy(targets[t], old, sizeof old);
            assert_int_equal(
                nw_mixup(pixels[t], targets[t], BATCH, SIZE, CLASSES, 0.4, 9, step, workspace, &lambda, &err),
                NW_OK);
            nw_threads_set(threads);
        }
        assert_memory_equal(pixels[0], pixels[1], sizeof before);
        nw_mixup_order(9, step, BATCH, order);
        assert_memory_equal(order, workspace, sizeof order);
        double drawn = nw_mixup_lambda(9, step, 0.4);
        assert_true(lambda >= drawn && lambda <= drawn);
        float l = (float)lambda, r = (float)(1 - lambda);
        for (int i = 0; i < BATCH; i++) {
            for (int p = 0; p < SIZE; p++)
                assert_true(fabsf(pixels[0][i * SIZE + p] -
                                  (l * before[i * SIZE + p] + r * before[order[i] * SIZE + p])) <= 1e-4F);
            float sum = 0;
            for (int k = 0; k < CLASSES; k++) {
                float want = l * old[i * CLASSES + k] + r * old[order[i] * CLASSES + k];
                assert_true(fabsf(targets[0][i * CLASSES + k] - want) <= 1e-6F);
                sum += targets[0][i * CLASSES + k];
            }
            assert_true(fabsf(sum - 1) < 1e-5F);
        }
    }
    /* None at all, and what cannot be. */
    double lambda;
    float targets[BATCH * CLASSES] = {0};
    memcpy(pixels[0], before, sizeof before);
    assert_int_equal(nw_mixup(pixels[0], targets, BATCH, SIZE, CLASSES, 0, 9, 1, workspace, &lambda, &err),
                     NW_OK);
    assert_true(lambda >= 1);
    assert_memory_equal(pixels[0], before, sizeof before);
    assert_int_equal(nw_mixup(pixels[0], targets, BATCH, SIZE, CLASSES, -1, 9, 1, workspace, NULL, &err),
                     NW_USAGE);
    assert_int_equal(nw_mixup(pixels[0], targets, 1, SIZE, CLASSES, 1, 9, 1, workspace, NULL, &err), NW_OK);
    for (int p = 0; p < SIZE; p++) assert_true(fabsf(pixels[0][p] - before[p]) < 1e-3F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lambda_is_beta),
        cmocka_unit_test(lambda_depends_on_seed_and_step),
        cmocka_unit_test(orders_are_even),
        cmocka_unit_test(batches_are_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
