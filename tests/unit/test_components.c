/* Components against a flood fill, and closing against its definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lesion/components.h"
#include "lesion/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(state >> 8) * below) >> 24);
}

static int touches(int dx, int dy, int dz, nw_touch touch)
{
    int steps = abs(dx) + abs(dy) + abs(dz);
    if (touch == NW_TOUCH_26) return steps > 0;
    return steps == 1 && (touch == NW_TOUCH_6 || !dz);
}

/* Labels from 1 in the order of first voxels. */
static int flood(const uint8_t *src, const int64_t n[3], uint8_t value, nw_touch touch, int *labels)
{
    int count = 0;
    int64_t all = n[0] * n[1] * n[2], *stack = malloc((size_t)all * sizeof *stack);
    memset(labels, 0, (size_t)all * sizeof *labels);
    for (int64_t seed = 0; seed < all; seed++) {
        if (src[seed] != value || labels[seed]) continue;
        int64_t top = 0;
        stack[top++] = seed;
        labels[seed] = ++count;
        while (top) {
            int64_t at = stack[--top], x = at % n[0], y = at / n[0] % n[1], z = at / n[0] / n[1];
            for (int dz = -1; dz <= 1; dz++)
                for (int dy = -1; dy <= 1; dy++)
                    for (int dx = -1; dx <= 1; dx++) {
                        int64_t p = x + dx, q = y + dy, r = z + dz;
                        if (!touches(dx, dy, dz, touch) || p < 0 || q < 0 || r < 0 || p >= n[0] ||
                            q >= n[1] || r >= n[2])
                            continue;
                        int64_t to = p + n[0] * (q + n[1] * r);
                        if (src[to] != value || labels[to]) continue;
                        labels[to] = count;
                        stack[top++] = to;
                    }
        }
    }
    free(stack);
    return count;
}

static void test_against_flood(void **unused)
{
    (void)unused;
    static const nw_touch touch[] = {NW_TOUCH_4, NW_TOUCH_6, NW_TOUCH_26};
    for (int round = 0; round < 300; round++) {
        const int64_t n[3] = {1 + draw(14), 1 + draw(12), 1 + draw(10)};
        size_t all = (size_t)(n[0] * n[1] * n[2]);
        uint8_t *src = malloc(all);
        int *labels = malloc(all * sizeof *labels);
        uint32_t dense = 1 + draw(9);
        for (size_t i = 0; i < all; i++) src[i] = draw(10) < dense ? 7 : (uint8_t)draw(3);
        for (int t = 0; t < 3; t++) {
            nw_components c;
            int count = flood(src, n, 7, touch[t], labels);
            assert_int_equal(nw_components_find(src, n, 7, touch[t], &c, NULL), NW_OK);
            assert_int_equal(c.count, count);
            int64_t row = 0, sum = 0, *voxels = calloc((size_t)count + 1, sizeof *voxels);
            for (int64_t r = 0; r < c.run_count; r++) {
                row = nw_components_row(&c, r, row);
                for (int64_t x = c.runs[r].begin; x < c.runs[r].end; x++) {
                    assert_int_equal(labels[row * n[0] + x], c.runs[r].component + 1);
                    voxels[c.runs[r].component]++;
                    sum++;
                }
            }
            for (size_t i = 0; i < all; i++) sum -= labels[i] != 0;
            assert_int_equal(sum, 0);
            for (int i = 0; i < count; i++) assert_int_equal(voxels[i], c.voxels[i]);
            free(voxels);
            nw_components_free(&c);
        }
        free(src);
        free(labels);
    }
}

static void test_paint(void **unused)
{
    (void)unused;
    const int64_t n[3] = {5, 1, 1};
    uint8_t src[5] = {1, 1, 0, 1, 1};
    const uint8_t values[2] = {9, 4};
    nw_components c;
    assert_int_equal(nw_components_find(src, n, 1, NW_TOUCH_26, &c, NULL), NW_OK);
    nw_components_paint(&c, values, 9, src);
    static const uint8_t want[5] = {1, 1, 0, 4, 4};
    assert_memory_equal(src, want, 5);
    nw_components_free(&c);
}

/* Squared distance to the nearest voxel of a value, by looking at all of them. */
static double nearest(const uint8_t *src, const int64_t n[3], const double h[3], uint8_t value, int64_t x,
                      int64_t y, int64_t z)
{
    double best = INFINITY;
    for (int64_t r = 0, at = 0; r < n[2]; r++)
        for (int64_t q = 0; q < n[1]; q++)
            for (int64_t p = 0; p < n[0]; p++, at++) {
                if (src[at] != value) continue;
                double a = (double)(p - x) * h[0], b = (double)(q - y) * h[1], c = (double)(r - z) * h[2];
                best = fmin(best, a * a + b * b + c * c);
            }
    return best;
}

static void test_closing(void **unused)
{
    (void)unused;
    for (int round = 0; round < 60; round++) {
        const int64_t n[3] = {1 + draw(12), 1 + draw(10), 1 + draw(8)};
        const double h[3] = {0.5 + draw(20) / 10.0, 0.5 + draw(20) / 10.0, 0.5 + draw(60) / 10.0},
                     radius = 0.5137 + draw(60) / 10.0; /* never just so far */
        size_t all = (size_t)(n[0] * n[1] * n[2]);
        uint8_t *mask = malloc(all), *wide = malloc(all);
        float *work = malloc(all * sizeof *work);
        uint32_t dense = 1 + draw(5);
        for (size_t i = 0; i < all; i++) mask[i] = draw(10) < dense;
        assert_int_equal(nw_distance_squared(mask, n, h, 1, 1, radius, work, NULL), NW_OK);
        size_t at = 0;
        for (int64_t z = 0; z < n[2]; z++)
            for (int64_t y = 0; y < n[1]; y++)
                for (int64_t x = 0; x < n[0]; x++, at++) {
                    double d = nearest(mask, n, h, 1, x, y, z);
                    if (d <= radius * radius)
                        assert_true(fabs((double)work[at] - d) < 1e-4 * (1 + d));
                    else
                        assert_true((double)work[at] > radius * radius * (1 - 1e-6));
                    wide[at] = d <= radius * radius;
                }
        uint8_t *closed = malloc(all);
        memcpy(closed, mask, all);
        assert_int_equal(nw_close_ball(closed, n, h, radius, work, NULL), NW_OK);
        at = 0;
        for (int64_t z = 0; z < n[2]; z++)
            for (int64_t y = 0; y < n[1]; y++)
                for (int64_t x = 0; x < n[0]; x++, at++) {
                    double d = nearest(wide, n, h, 0, x, y, z);
                    if (fabs(d - radius * radius) < 1e-3) continue; /* rounding decides */
                    assert_int_equal(closed[at], mask[at] ? 1 : wide[at] && d > radius * radius ? 2 : 0);
                }
        free(mask);
        free(wide);
        free(closed);
        free(work);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_flood),
        cmocka_unit_test(test_paint),
        cmocka_unit_test(test_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
