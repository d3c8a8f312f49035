/* Pooling of bags: closed forms, finite differences, plain definitions, large logits, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/pooling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = 7, K = 2 };

static const struct {
    const char *name;
    double parameter;
} cases[] = {{"mean", 0},     {"top", 0},       {"top", 3},         {"top", 0.5},         {"top", 100},
             {"noisy-or", 0}, {"attention", 0}, {"attention", 2.5}, {"log-sum-exp", 0.3}, {"log-sum-exp", 5}};
enum { CASES = sizeof cases / sizeof cases[0] };

static float hashed(uint32_t i)
{
    uint32_t u = i * 2654435761u;
    u = (u ^ u >> 15) * 2246822519u;
    u = (u ^ u >> 13) * 3266489917u;
    return (float)(u >> 20) / 2048 - 1;
}

static const nw_pooling *find(const char *name)
{
    const nw_pooling *p = nw_pooling_find(name);
    if (!p) fail_msg("no pooling '%s'", name);
    return p;
}

static void close_to(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %.12g, expected %.12g", what, got, want);
}

static double one(const char *name, double parameter, const float *z, int64_t m)
{
    float bag;
    nw_error err;
    if (nw_pooling_forward(find(name), z, m, 1, parameter, &bag, &err) != NW_OK) fail_msg("%s", err.message);
    return (double)bag;
}

/* In double, by the pooling's own function: floats would be too coarse to differ. */
static double exact(const nw_pooling *p, const float *z, int64_t j, double parameter)
{
    const nw_pooling_bag bag = {z + j, M, K, parameter};
    return p->forward(&bag);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++)
        for (uint32_t seed = 0; seed < 5; seed++) {
            const nw_pooling *p = find(cases[c].name);
            double parameter = cases[c].parameter > 0 ? cases[c].parameter : p->parameter;
            float z[M * K], diff[M * K], upstream[K] = {1.5F, -0.5F}, bag[K];
            nw_error err;
            for (uint32_t i = 0; i < M * K; i++) z[i] = 4 * hashed(i + 100 * seed);
            assert_int_equal(nw_pooling_forward(p, z, M, K, cases[c].parameter, bag, &err), NW_OK);
            assert_int_equal(nw_pooling_backward(p, z, M, K, cases[c].parameter, upstream, diff, &err),
                             NW_OK);
            for (int i = 0; i < M * K; i++) {
                const float step = 0x1p-12F;
                float kept = z[i];
                close_to((double)bag[i % K], exact(p, z, i % K, parameter), 1e-5, "bag");
                z[i] = kept + step;
                double up = exact(p, z, i % K, parameter);
                z[i] = kept - step;
                double down = exact(p, z, i % K, parameter);
                z[i] = kept;
                close_to((double)diff[i], (double)upstream[i % K] * (up - down) / (2 * (double)step), 3e-6,
                         cases[c].name);
            }
        }
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

static void top_is_the_sorted_mean(void **state)
{
    (void)state;
    enum { N = 50 };
    for (uint32_t seed = 0; seed < 20; seed++) {
        float z[N], sorted[N];
        /* Some equal ones, some zeros of either sign. */
        for (uint32_t i = 0; i < N; i++) z[i] = (seed % 2 ? 1.F : 1e3F) * roundf(6 * hashed(seed * N + i));
        memcpy(sorted, z, sizeof z);
        qsort(sorted, N, sizeof *sorted, falling);
        double sum = 0;
        for (int k = 1; k <= N; k++) {
            sum += (double)sorted[k - 1];
            close_to(one("top", k, z, N), sum / k, 1e-7 * fabs(sum / k), "top");
            if (k < N) close_to(one("top", k / (double)N, z, N), sum / k, 1e-7 * fabs(sum / k), "share");
        }
        float diff[N], upstream = 1;
        nw_error err;
        assert_int_equal(nw_pooling_backward(find("top"), z, N, 1, 12, &upstream, diff, &err), NW_OK);
        double total = 0;
        for (int i = 0; i < N; i++) total += (double)diff[i];
        close_to(total, 1, 1e-6, "sum of the gradient");
        int used = 0;
        for (int i = 0; i < N; i++) used += diff[i] > 0;
        assert_int_equal(used, 12);
    }
    /* The first of equal ones. */
    const float equal[4] = {1, 2, 2, 2};
    float diff[4], upstream = 1;
    nw_error err;
    assert_int_equal(nw_pooling_backward(find("top"), equal, 4, 1, 2, &upstream, diff, &err), NW_OK);
    assert_true(diff[0] == 0 && diff[1] > 0 && diff[2] > 0 && diff[3] == 0);
    close_to(one("top", 0.01, equal, 4), 2, 0, "at least one");
}

static void closed_forms(void **state)
{
    (void)state;
    /* One instance is the bag, whatever the pooling. */
    for (size_t c = 0; c < CASES; c++)
        for (int i = -3; i <= 3; i++) {
            float z = (float)i * 2.7F;
            close_to(one(cases[c].name, cases[c].parameter, &z, 1), (double)z, 1e-6, cases[c].name);
        }
    /* Three chances of one half: 7/8. */
    close_to(one("noisy-or", 0, (float[]){0, 0, 0}, 3), log(7), 1e-6, "noisy-or");
    const float z[2] = {(float)log(0.25), (float)log(3)}; /* 1/5 and 3/4: 1 - 4/5 1/4 = 4/5 */
    close_to(one("noisy-or", 0, z, 2), log(4), 1e-6, "noisy-or");
    /* Weights 1/4 and 3/4. */
    const float y[2] = {0, (float)log(3)};
    close_to(one("attention", 1, y, 2), 0.75 * log(3), 1e-6, "attention");
    close_to(one("log-sum-exp", 1, y, 2), log(2), 1e-6, "log-sum-exp");
    close_to(one("attention", 1e6, y, 2), log(3), 1e-6, "attention");
    close_to(one("log-sum-exp", 1e-6, y, 2), log(3) / 2, 1e-5, "log-sum-exp");
}

static void large_logits(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        static const float sets[][3] = {{1e4F, -1e4F, 0}, {1e4F, 1e4F, 1e4F}, {-1e4F, -1e4F, -1e4F}};
        for (int s = 0; s < 3; s++) {
            float bag, diff[3], upstream = 1;
            nw_error err;
            const nw_pooling *p = find(cases[c].name);
            assert_int_equal(nw_pooling_forward(p, sets[s], 3, 1, cases[c].parameter, &bag, &err), NW_OK);
            assert_int_equal(nw_pooling_backward(p, sets[s], 3, 1, cases[c].parameter, &upstream, diff, &err),
                             NW_OK);
            double total = 0;
            for (int i = 0; i < 3; i++) {
                assert_true(isfinite(diff[i]));
                total += (double)diff[i];
            }
            assert_true(isfinite(bag));
            /* All shift the bag as they are shifted; in noisy-or each chance that is not small counts. */
            static const double noisy[] = {1.5, 3, 1};
            close_to(total, strcmp(p->name, "noisy-or") == 0 ? noisy[s] : 1, 1e-5, p->name);
        }
    }
    /* Three instances of e^-10000: three times as likely as one. */
    close_to(one("noisy-or", 0, (float[]){-1e4F, -1e4F, -1e4F}, 3), -1e4 + log(3), 1e-3, "noisy-or");
    close_to(one("noisy-or", 0, (float[]){1e4F, -1e4F, -1e4F}, 3), 1e4, 1e-3, "noisy-or");
    /* Across the place where the small form begins. */
    for (double x = -45; x < -35; x += 0.25)
        close_to(one("noisy-or", 0, (float[]){(float)x, (float)x}, 2), x + log(2), 1e-5, "noisy-or");
}

static void refused(void **state)
{
    (void)state;
    float bag[2] = {7, 7}, diff[4] = {7, 7, 7, 7};
    const float fine[4] = {1, 2, 3, 4}, bad[4] = {1, 2, 3, NAN}, up[2] = {1, INFINITY};
    nw_error err;
    size_t n = 0;
    for (; nw_pooling_list(n); n++) {
        const nw_pooling *p = nw_pooling_list(n);
        assert_ptr_equal(nw_pooling_find(p->name), p);
        assert_int_equal(nw_pooling_forward(p, bad, 2, 2, 0, bag, &err), NW_NOT_FINITE);
        assert_non_null(strstr(err.message, "logit 1 of instance 1"));
        assert_int_equal(nw_pooling_backward(p, bad, 2, 2, 0, fine, diff, &err), NW_NOT_FINITE);
        assert_int_equal(nw_pooling_backward(p, fine, 2, 2, 0, up, diff, &err), NW_NOT_FINITE);
        assert_int_equal(nw_pooling_forward(p, fine, 0, 2, 0, bag, &err), NW_BAD_INPUT);
        assert_int_equal(nw_pooling_forward(p, fine, 2, 2, NAN, bag, &err), NW_BAD_INPUT);
        assert_true(bag[0] == 7 && bag[1] == 7 && diff[0] == 7 && diff[3] == 7);
    }
    assert_int_equal(n, 5);
    assert_null(nw_pooling_find("median"));
    static const struct {
        const char *name;
        double parameter;
    } wrong[] = {{"top", -1}, {"top", 1.5}, {"attention", -1}, {"log-sum-exp", 1e-9}, {"attention", 1e7}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(nw_pooling_forward(find(wrong[i].name), fine, 2, 2, wrong[i].parameter, bag, &err),
                         NW_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(top_is_the_sorted_mean),
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(large_logits),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
