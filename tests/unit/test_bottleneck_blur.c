/* The blur of lambda: the reference's golden impulse and weights, a direct sum in double, and the adjoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "explain/blur.h"

#include <math.h>
#include <string.h>

static nw_blur *make(const nw_shape *shape, double sigma) {
    nw_blur *blur = NULL;
    nw_error err;
    assert_int_equal(nw_blur_new(shape, sigma, &blur, &err), NW_OK);
    return blur;
}

static void golden_impulse(void **state) {
    (void)state;
    /* Of PyTorch's ReflectionPad2d and the reference's kernel: sigma 1, impulse at (1, 2). */
    static const double expected[4][5] = {{.053225, .119269, .196641, .119269, .026612},
                                          {.049814, .111627, .184041, .111627, .024907},
                                          {.026612, .059634, .098320, .059634, .013306},
                                          {.005938, .013306, .021938, .013306, .002969}};
    nw_shape shape = {3, {1, 6, 6}};
    nw_blur *blur = make(&shape, 1);
    float src[36] = {0}, dst[36];
    src[1 * 6 + 2] = 1;
    nw_blur_apply(blur, src, dst);
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            assert_true(fabs((double)dst[y * 6 + x] - (y < 4 && x < 5 ? expected[y][x] : 0)) < 1e-6);
    nw_blur_free(blur);
}

static void kernel_sizes_round_half_to_even(void **state) {
    (void)state;
    static const struct {
        double sigma;
        int kernel;
    } cases[] = {{0, 1}, {.25, 1}, {.5, 3}, {.75, 5}, {1, 5}, {1.25, 5}, {1.5, 7}, {2, 9}, {3, 13}};
    nw_shape shape = {3, {1, 20, 20}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_blur *blur = make(&shape, cases[i].sigma);
        assert_int_equal(2 * nw_blur_radius(blur) + 1, cases[i].kernel);
        nw_blur_free(blur);
    }
    static const double weights[] = {.027631, .066282, .123832, .180174, .204164};
    nw_blur *blur = make(&shape, 2);
    float src[400] = {0}, dst[400];
    for (int y = 0; y < 20; y++) src[y * 20 + 10] = 1;
    nw_blur_apply(blur, src, dst);
    for (int k = 0; k < 5; k++) {
        assert_true(fabs((double)dst[9 * 20 + 6 + k] - weights[k]) < 1e-6);
        assert_true(fabs((double)dst[9 * 20 + 14 - k] - weights[k]) < 1e-6);
    }
    nw_blur_free(blur);
}

static int64_t mirror(int64_t i, int64_t n) {
    return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

/* The definition, not separated. */
static void direct(const nw_shape *s, double sigma, int r, const float *src, double *dst) {
    int64_t d = s->rank == 4 ? s->dims[1] : 1, h = s->dims[s->rank - 2], w = s->dims[s->rank - 1];
    int rz = s->rank == 4 ? r : 0;
    for (int64_t c = 0; c < s->dims[0]; c++)
        for (int64_t z = 0; z < d; z++)
            for (int64_t y = 0; y < h; y++)
                for (int64_t x = 0; x < w; x++) {
                    double value = 0, sum = 0;
                    for (int k = -rz; k <= rz; k++)
                        for (int j = -r; j <= r; j++)
                            for (int i = -r; i <= r; i++) {
                                double g = exp(-(k * k + j * j + i * i) / (2 * sigma * sigma));
                                int64_t from =
                                    mirror(z + k, d) * h * w + mirror(y + j, h) * w + mirror(x + i, w);
                                sum += g;
                                value += g * (double)src[c * d * h * w + from];
                            }
                    dst[((c * d + z) * h + y) * w + x] = value / sum;
                }
}

enum { MOST = 6000 };
static const nw_shape shapes[] = {
    {3, {5, 7, 12}}, {3, {1, 3, 3}}, {4, {3, 4, 6, 5}}, {4, {9, 3, 3, 8}}, {3, {40, 11, 13}}};
static const double sigmas[] = {1, 1, 1.5, .5, 2};

static void matches_the_direct_sum(void **state) {
    (void)state;
    static float src[MOST], dst[MOST];
    static double expected[MOST];
    for (size_t t = 0; t < sizeof shapes / sizeof shapes[0]; t++) {
        int64_t n;
        assert_true(nw_shape_count(&shapes[t], &n) && n <= MOST);
        nw_rng_normals(3, t, 0, 0, 0, src, (size_t)n);
        nw_blur *blur = make(&shapes[t], sigmas[t]);
        nw_blur_apply(blur, src, dst);
        direct(&shapes[t], sigmas[t], nw_blur_radius(blur), src, expected);
        for (int64_t i = 0; i < n; i++) assert_true(fabs((double)dst[i] - expected[i]) < 1e-6);
        nw_blur_free(blur);
    }
}

/* <B a, b> = <a, B^T b>. */
static void adjoint_identity(void **state) {
    (void)state;
    static float a[MOST], b[MOST], ba[MOST], tb[MOST];
    for (size_t t = 0; t < sizeof shapes / sizeof shapes[0]; t++) {
        int64_t n;
        assert_true(nw_shape_count(&shapes[t], &n));
        nw_rng_normals(5, t, 0, 0, 0, a, (size_t)n);
        nw_rng_normals(5, t, 0, 1, 0, b, (size_t)n);
        nw_blur *blur = make(&shapes[t], sigmas[t]);
        nw_blur_apply(blur, a, ba);
        nw_blur_adjoint(blur, b, tb);
        double left = 0, right = 0, size = 0;
        for (int64_t i = 0; i < n; i++) {
            left += (double)ba[i] * (double)b[i];
            right += (double)a[i] * (double)tb[i];
            size += fabs((double)ba[i] * (double)b[i]);
        }
        assert_true(fabs(left - right) < 1e-6 * size);
        nw_blur_free(blur);
    }
}

static void threads_do_not_matter(void **state) {
    (void)state;
    static float a[MOST], one[MOST], two[MOST];
    nw_rng_normals(6, 0, 0, 0, 0, a, MOST);
    nw_blur *blur = make(&shapes[4], 1);
    size_t bytes = 40 * 11 * 13 * sizeof *one;
    int old = nw_threads_set(1);
    nw_blur_adjoint(blur, a, one);
    nw_threads_set(2);
    nw_blur_adjoint(blur, a, two);
    nw_threads_set(old);
    assert_memory_equal(one, two, bytes);
    nw_blur_free(blur);
}

static void small_maps_are_refused(void **state) {
    (void)state;
    nw_blur *blur = NULL;
    nw_error err;
    nw_shape small = {3, {8, 2, 9}};
    assert_int_equal(nw_blur_new(&small, 1, &blur, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "[8, 2, 9]"));
    assert_non_null(strstr(err.message, "sigma 1"));
    assert_int_equal(nw_blur_new(&small, 0, &blur, &err), NW_OK);
    nw_blur_free(blur);
    blur = NULL;
    assert_int_equal(nw_blur_new(&small, -1, &blur, &err), NW_USAGE);
    assert_int_equal(nw_blur_new(&small, (double)NAN, &blur, &err), NW_USAGE);
    nw_shape flat = {2, {8, 2}};
    assert_int_equal(nw_blur_new(&flat, 1, &blur, &err), NW_BAD_INPUT);
    assert_null(blur);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_impulse),         cmocka_unit_test(kernel_sizes_round_half_to_even),
        cmocka_unit_test(matches_the_direct_sum), cmocka_unit_test(adjoint_identity),
        cmocka_unit_test(threads_do_not_matter),  cmocka_unit_test(small_maps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
