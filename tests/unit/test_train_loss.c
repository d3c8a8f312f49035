/* Losses of a batch: closed forms, finite differences, weights, and logits that are large or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/loss.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { N = 5, K = 3 };

static const char *const names[] = {"softmax", "sigmoid", "squared", "huber"};
enum { NAMES = sizeof names / sizeof names[0] };

/* Numbers without pattern in (-1, 1). */
static float hashed(uint32_t i)
{
    uint32_t u = i * 2654435761u;
    u = (u ^ u >> 15) * 2246822519u;
    u = (u ^ u >> 13) * 3266489917u;
    return (float)((double)(u >> 8) * 0x1p-23 - 1);
}

static double run(const char *name, const float *z, const float *t, const float *w, int64_t n, int64_t k,
                  double parameter, float *diff)
{
    double loss = NAN;
    nw_error err;
    const nw_train_loss *loss_of = nw_train_loss_find(name);
    assert_non_null(loss_of);
    if (loss_of->run(z, t, w, n, k, parameter, diff, &loss, &err) != NW_OK) fail_msg("%s", err.message);
    return loss;
}

static void expect(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.15g, expected %.15g", got, want);
}

static void table_is_whole(void **state)
{
    (void)state;
    size_t n = 0;
    for (; nw_train_loss_list(n); n++) {
        assert_ptr_equal(nw_train_loss_find(nw_train_loss_list(n)->name), nw_train_loss_list(n));
        assert_string_equal(nw_train_loss_list(n)->name, names[n]);
    }
    assert_int_equal(n, NAMES);
    assert_null(nw_train_loss_find("hinge"));
}

/* The loss is computed in double from float logits, so a central difference with a step that floats hold
 * exactly is good to about step^2. */
static void gradients_are_differences(void **state)
{
    (void)state;
    for (size_t f = 0; f < NAMES; f++)
        for (int weighted = 0; weighted < 2; weighted++) {
            float z[N * K], t[N * K], w[N], diff[N * K];
            for (uint32_t i = 0; i < N * K; i++) {
                z[i] = 3 * roundf(hashed(i) * 1024) / 1024;
                t[i] = 0.5F + hashed(100 + i) / 2;
            }
            for (uint32_t i = 0; i < N; i++) w[i] = i == 2 ? 0 : 1.5F + hashed(50 + i);
            const float *weights = weighted ? w : NULL;
            run(names[f], z, t, weights, N, K, 0.7, diff);
            for (int i = 0; i < N * K; i++) {
                const float step = 0x1p-10F;
                float kept = z[i];
                z[i] = kept + step;
                double up = run(names[f], z, t, weights, N, K, 0.7, NULL);
                z[i] = kept - step;
                double down = run(names[f], z, t, weights, N, K, 0.7, NULL);
                z[i] = kept;
                expect((double)diff[i], (up - down) / (2 * (double)step), 2e-7);
            }
            double largest = 0;
            for (int i = 0; i < N * K; i++) largest = fmax(largest, fabs((double)diff[i]));
            assert_true(largest > 0.01);
            for (int i = 2 * K; weighted && i < 3 * K; i++) assert_true(diff[i] == 0); /* weight 0 */
        }
}

static void closed_forms(void **state)
{
    (void)state;
    float diff[3];
    /* Equal logits: log k, whatever the targets that add up to 1. */
    expect(run("softmax", (float[]){2, 2, 2}, (float[]){0.2F, 0.3F, 0.5F}, NULL, 1, 3, 0, diff), log(3),
           1e-7);
    expect((double)diff[0], 1. / 3 - 0.2, 1e-7);
    expect((double)diff[2], 1. / 3 - 0.5, 1e-7);
    /* Two classes are a sigmoid of the difference. */
    expect(run("softmax", (float[]){1, 3}, (float[]){0, 1}, NULL, 1, 2, 0, diff), log1p(exp(-2)), 1e-15);
    expect(run("sigmoid", (float[]){2}, (float[]){1}, NULL, 1, 1, 0, diff), log1p(exp(-2)), 1e-15);
    expect((double)diff[0], 1 / (1 + exp(-2)) - 1, 1e-7);
    expect(run("sigmoid", (float[]){0, 0}, (float[]){1, 0}, NULL, 1, 2, 0, diff), log(2), 1e-15);
    expect(run("squared", (float[]){1, 4}, (float[]){3, 3}, NULL, 1, 2, 0, diff), 2.5, 1e-15);
    expect((double)diff[0], -2, 0);
    expect((double)diff[1], 1, 0);
    /* Below delta a half square, beyond a line with the same value and slope there. */
    expect(run("huber", (float[]){0.5F}, (float[]){0}, NULL, 1, 1, 0, diff), 0.125, 1e-15);
    expect(run("huber", (float[]){-5}, (float[]){0}, NULL, 1, 1, 2, diff), 2 * (5 - 1), 1e-15);
    expect((double)diff[0], -2, 0);
    expect(run("huber", (float[]){2}, (float[]){0}, NULL, 1, 1, 2, diff), 2, 1e-15);
    /* The weighted mean: a weight of 3 is the sample thrice. */
    float two = (float)run("squared", (float[]){1, 2}, (float[]){0, 0}, (float[]){3, 1}, 2, 1, 0, diff);
    expect((double)two, (3 * 1 + 4) / 4., 1e-7);
    expect((double)diff[1], 2 * 2 / 4., 1e-7);
    /* No weight at all: no loss, no gradient. */
    expect(run("softmax", (float[]){1, 2}, (float[]){0, 1}, (float[]){0}, 1, 2, 0, diff), 0, 0);
    assert_true(diff[0] == 0 && diff[1] == 0);
}

static void large_logits(void **state)
{
    (void)state;
    float diff[3];
    expect(run("softmax", (float[]){1e4F, -1e4F, 0}, (float[]){0, 1, 0}, NULL, 1, 3, 0, diff), 2e4, 1e-9);
    expect((double)diff[0], 1, 0);
    expect((double)diff[1], -1, 0);
    expect((double)diff[2], 0, 0);
    expect(run("softmax", (float[]){1e4F, -1e4F, 0}, (float[]){1, 0, 0}, NULL, 1, 3, 0, diff), 0, 0);
    for (int sign = -1; sign <= 1; sign += 2) {
        float z = (float)sign * 1e4F, wrong = sign<0, right = sign> 0;
        expect(run("sigmoid", &z, &wrong, NULL, 1, 1, 0, diff), 1e4, 1e-9);
        expect((double)diff[0], sign, 0);
        expect(run("sigmoid", &z, &right, NULL, 1, 1, 0, diff), 0, 0);
        expect((double)diff[0], 0, 0);
    }
    /* A wrong target that is nearly certain keeps its digits: log(1 + e^-30) is not 0. */
    expect(run("sigmoid", (float[]){30}, (float[]){1}, NULL, 1, 1, 0, NULL) / exp(-30), 1, 1e-12);
}

static void refused(void **state)
{
    (void)state;
    for (size_t f = 0; f < NAMES; f++) {
        const nw_train_loss *loss_of = nw_train_loss_find(names[f]);
        for (int which = 0; which < 6; which++) {
            float z[4] = {1, 2, 3, 4}, t[4] = {0, 1, 0, 1}, w[2] = {1, 1}, diff[4] = {7, 7, 7, 7};
            double loss = 5;
            nw_error err;
            if (which == 0) z[3] = NAN;
            if (which == 1) z[3] = -INFINITY;
            if (which == 2) t[3] = NAN;
            if (which == 3) w[1] = INFINITY;
            if (which == 4) w[1] = -1;
            nw_status status = loss_of->run(z, t, w, which == 5 ? 0 : 2, 2, 0, diff, &loss, &err);
            assert_int_equal(status, which < 4 ? NW_NOT_FINITE : NW_BAD_INPUT);
            if (which < 5) assert_non_null(strstr(err.message, "sample 1"));
            if (which < 2) assert_non_null(strstr(err.message, "logit 1"));
            assert_true(loss == 5 && diff[0] == 7 && diff[3] == 7);
        }
    }
    nw_error err;
    double loss;
    float one = 1;
    static const double deltas[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            nw_train_loss_find("huber")->run(&one, &one, NULL, 1, 1, deltas[i], NULL, &loss, &err),
            NW_BAD_INPUT);
}

static void smoothed_targets(void **state)
{
    (void)state;
    const int32_t labels[2] = {2, 0};
    float t[8];
    nw_error err;
    assert_int_equal(nw_train_soft_targets(labels, 2, 4, 0.1, t, &err), NW_OK);
    for (int i = 0; i < 2; i++) {
        double sum = 0;
        for (int j = 0; j < 4; j++) {
            sum += (double)t[4 * i + j];
            expect((double)t[4 * i + j], j == labels[i] ? 0.925 : 0.025, 1e-7);
        }
        expect(sum, 1, 1e-6);
    }
    assert_int_equal(nw_train_soft_targets(labels, 2, 4, 0, t, &err), NW_OK);
    assert_true(t[2] == 1 && t[0] == 0 && t[4] == 1);
    assert_int_equal(nw_train_soft_targets(labels, 2, 2, 0.1, t, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "label 2 of sample 0"));
    assert_int_equal(nw_train_soft_targets(labels, 2, 4, 1.5, t, &err), NW_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_whole), cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(closed_forms),   cmocka_unit_test(large_logits),
        cmocka_unit_test(refused),        cmocka_unit_test(smoothed_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
