/* Augmentation against closed forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/memory.h>
#include <dataset/change.h>
#include <image/orient.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 24, AREA = N * N };

static const nw_planes square = {1, 1, N, N};
static const nw_change nothing = {.scale = 1, .gamma = 1, .contrast = 1};

static void fill(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 2654435761U >> 7) % 1000) / 999.F;
}

static void apply(const nw_change *change, const nw_planes *shape, const float *src, float *dst)
{
    static float work[128 * 128 + 256 + NW_BLUR_LINE];
    nw_change_apply(change, shape, src, dst, work);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    float src[3 * AREA], dst[3 * AREA];
    fill(src, 3 * AREA);
    nw_planes colour = {3, 1, N, N};
    apply(&nothing, &colour, src, dst);
    assert_memory_equal(src, dst, sizeof src);
    nw_augment none = {0};
    memset(dst, 0, sizeof dst);
    assert_int_equal(nw_augment_apply(&none, 7, 8, 9, 3, N, N, src, dst, NULL), NW_OK);
    assert_memory_equal(src, dst, sizeof src);
}

/* Flips and quarter turns move pixels and make no new values. */
static void flips_and_quarter_turns_are_maps_of_indices(void **state)
{
    (void)state;
    static const struct {
        bool h, v;
        double degrees;
        nw_orient orient;
    } cases[] = {{true, false, 0, NW_ORIENT_FLIP_H},     {false, true, 0, NW_ORIENT_FLIP_V},
                 {true, true, 0, NW_ORIENT_ROT180},      {false, false, 90, NW_ORIENT_ROT90},
                 {false, false, 180, NW_ORIENT_ROT180},  {false, false, -90, NW_ORIENT_ROT270},
                 {false, false, 270, NW_ORIENT_ROT270},  {true, false, 90, NW_ORIENT_TRANSPOSE},
                 {false, true, 90, NW_ORIENT_TRANSVERSE}};
    float src[AREA], dst[AREA], want[AREA];
    fill(src, AREA);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nw_change c = nothing;
        c.flip_h = cases[i].h;
        c.flip_v = cases[i].v;
        c.degrees = cases[i].degrees;
        nw_orient_apply(cases[i].orient, N, N, src, want);
        apply(&c, &square, src, dst);
        if (memcmp(dst, want, sizeof want) != 0) fail_msg("case %zu", i);
    }
}

static void a_shift_moves_a_delta(void **state)
{
    (void)state;
    float src[AREA] = {0}, dst[AREA];
    src[10 * N + 7] = 1;
    nw_change c = nothing;
    c.right = 3;
    c.down = -4;
    apply(&c, &square, src, dst);
    for (int i = 0; i < AREA; i++) assert_true(dst[i] == (i == 6 * N + 10 ? 1.F : 0.F));
    /* By parts of a pixel: the four neighbours share it by their areas. */
    c.right = 3.25;
    c.down = -3.5;
    apply(&c, &square, src, dst);
    double sum = 0;
    for (int i = 0; i < AREA; i++) sum += (double)dst[i];
    assert_true(fabs(sum - 1) < 1e-5);
    assert_true(fabs((double)dst[6 * N + 10] - 0.75 * 0.5) < 1e-5 &&
                fabs((double)dst[7 * N + 11] - 0.25 * 0.5) < 1e-5);
    /* What comes in at the edge is the edge. */
    fill(src, AREA);
    c.right = 2;
    c.down = 0;
    apply(&c, &square, src, dst);
    for (int r = 0; r < N; r++) {
        assert_true(dst[r * N] == src[r * N] && dst[r * N + 1] == src[r * N] && dst[r * N + 2] == src[r * N]);
        assert_true(dst[r * N + N - 1] == src[r * N + N - 3]);
    }
}

/* A plane a x + b y + c stays one under bilinear interpolation, so turn, scale and shift have a closed form.
 */
static void an_affine_map_of_a_plane(void **state)
{
    (void)state;
    const int64_t rows = 40, columns = 60;
    float src[40 * 60], dst[40 * 60];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t x = 0; x < columns; x++)
            src[r * columns + x] = (float)(0.004 * (double)x + 0.007 * (double)r + 0.2);
    nw_change c = nothing;
    c.degrees = 17;
    c.scale = 1.3;
    c.right = 2.5;
    c.down = -1.25;
    c.flip_h = true;
    nw_planes shape = {1, 1, rows, columns};
    apply(&c, &shape, src, dst);
    double t = 17 * acos(-1) / 180;
    size_t inside = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t x = 0; x < columns; x++) {
            /* Where a point of the new image was: moved back, made smaller, turned back, flipped. */
            double u = ((double)x - 29.5 - 2.5) / 1.3, v = ((double)r - 19.5 + 1.25) / 1.3;
            double px = 29.5 - (u * cos(t) - v * sin(t)), py = 19.5 + (u * sin(t) + v * cos(t));
            if (px < 0 || py < 0 || px > (double)columns - 1 || py > (double)rows - 1) continue;
            inside++;
            assert_true(fabs((double)dst[r * columns + x] - (0.004 * px + 0.007 * py + 0.2)) < 2e-5);
        }
    assert_true(inside > 2000);
}

static void tone_has_its_formulas(void **state)
{
    (void)state;
    float src[AREA], dst[AREA];
    fill(src, AREA);
    double mean = 0;
    for (int i = 0; i < AREA; i++) src[i] = 0.3F + 0.3F * src[i], mean += (double)src[i] / AREA;
    nw_change c = nothing;
    c.gamma = 1.4;
    apply(&c, &square, src, dst);
    for (int i = 0; i < AREA; i++) assert_true(fabs((double)dst[i] - pow((double)src[i], 1.4)) < 1e-6);
    c = nothing;
    c.contrast = 1.2;
    c.brightness = 0.05;
    apply(&c, &square, src, dst);
    for (int i = 0; i < AREA; i++)
        assert_true(fabs((double)dst[i] - (mean + 1.2 * ((double)src[i] - mean) + 0.05)) < 1e-6);
    c.brightness = 0.9; /* stays within 0..1 */
    apply(&c, &square, src, dst);
    for (int i = 0; i < AREA; i++) assert_true(dst[i] == 1.F);
    /* Other ranges stay in theirs: values of -3..2. */
    for (int i = 0; i < AREA; i++) src[i] = (float)(i % 6) - 3;
    c = nothing;
    c.brightness = 5;
    apply(&c, &square, src, dst);
    for (int i = 0; i < AREA; i++) assert_true(dst[i] == 2.F);
}

static void a_blurred_delta_is_the_gaussian(void **state)
{
    (void)state;
    enum { M = 61 };
    static float src[M * M], dst[M * M];
    const double sigmas[] = {0.4, 0.7, 2, 8};
    for (int k = 0; k < 4; k++) {
        double sigma = sigmas[k], sum = 0, norm = 0;
        int radius = (int)ceil(3 * sigma);
        memset(src, 0, sizeof src);
        src[30 * M + 30] = 1;
        nw_change c = nothing;
        c.blur = sigma;
        nw_planes shape = {1, 1, M, M};
        apply(&c, &shape, src, dst);
        for (int i = -radius; i <= radius; i++) norm += exp(-i * i / (2 * sigma * sigma));
        for (int r = 0; r < M; r++)
            for (int x = 0; x < M; x++) {
                int dr = r - 30, dx = x - 30;
                double want = abs(dr) > radius || abs(dx) > radius
                                  ? 0
                                  : exp(-(dr * dr + dx * dx) / (2 * sigma * sigma)) / (norm * norm);
                assert_true(fabs((double)dst[r * M + x] - want) < 1e-6);
                sum += (double)dst[r * M + x];
            }
        if (radius <= 30) assert_true(fabs(sum - 1) < 1e-5);
    }
    /* A constant image stays one, up to its edges. */
    for (int i = 0; i < M * M; i++) src[i] = 0.37F;
    nw_change c = nothing;
    c.blur = 8;
    nw_planes shape = {1, 1, M, M};
    apply(&c, &shape, src, dst);
    for (int i = 0; i < M * M; i++) assert_true(fabs((double)dst[i] - 0.37) < 1e-5);
}

static void noise_has_its_moments_and_is_grey(void **state)
{
    (void)state;
    enum { M = 128 };
    static float src[3 * M * M], dst[3 * M * M];
    for (int i = 0; i < 3 * M * M; i++) src[i] = 0.5F;
    nw_change c = nothing;
    c.noise = 0.05;
    c.noise_seed = 99;
    nw_planes shape = {3, 1, M, M};
    apply(&c, &shape, src, dst);
    double mean = 0, square_sum = 0, beside = 0;
    for (int i = 0; i < M * M; i++) {
        double d = (double)dst[i] - 0.5;
        mean += d / (M * M);
        square_sum += d * d / (M * M);
        if (i) beside += d * ((double)dst[i - 1] - 0.5) / (M * M);
    }
    /* Five standard errors each. */
    assert_true(fabs(mean) < 5 * 0.05 / M);
    assert_true(fabs(square_sum / 0.0025 - 1) < 5 * sqrt(2.0) / M);
    assert_true(fabs(beside / 0.0025) < 5.0 / M);
    assert_memory_equal(dst, dst + M * M, M * M * sizeof *dst);
    assert_memory_equal(dst, dst + 2 * M * M, M * M * sizeof *dst);
}

static void a_cut_is_a_rectangle_of_the_mean(void **state)
{
    (void)state;
    float src[AREA], dst[AREA];
    fill(src, AREA);
    double mean = 0;
    for (int i = 0; i < AREA; i++) mean += (double)src[i] / AREA;
    nw_change c = nothing;
    c.cut_height = 6.0 / N;
    c.cut_width = 4.0 / N;
    c.cut_top = 1;
    c.cut_left = 0.5;
    apply(&c, &square, src, dst);
    for (int r = 0; r < N; r++)
        for (int x = 0; x < N; x++) {
            bool within = r >= N - 6 && x >= 10 && x < 14;
            assert_true(within ? fabs((double)dst[r * N + x] - mean) < 1e-6
                               : dst[r * N + x] == src[r * N + x]);
        }
}

/* Draws over many epochs fill their ranges and no more, and each strength has numbers of its own. */
static void draws_keep_their_ranges(void **state)
{
    (void)state;
    nw_augment p = {.window_hu = 60,
                    .flip_h = 0.3,
                    .flip_v = 1,
                    .rotate = 12,
                    .scale_low = 0.2,
                    .scale_high = 0.5,
                    .shift = 0.1,
                    .gamma = 0.3,
                    .contrast = 0.4,
                    .brightness = 0.2,
                    .blur = 2,
                    .noise = 0.1,
                    .cutout = 0.5};
    double most = 0, least = 0, sum = 0, flips = 0, large = 0, small = 9, down = 0;
    enum { DRAWS = 4000 };
    for (uint64_t e = 0; e < DRAWS; e++) {
        nw_change c = nw_change_draw(&p, 5, e, 1234567890123U, 50, 80);
        assert_true(c.flip_v);
        flips += c.flip_h;
        sum += c.degrees;
        most = fmax(most, c.degrees);
        least = fmin(least, c.degrees);
        large = fmax(large, c.scale);
        small = fmin(small, c.scale);
        down = fmax(down, fabs(c.down));
        assert_true(fabs(c.low_hu) <= 60 && fabs(c.high_hu) <= 60);
        assert_true(fabs(c.right) <= 8 && fabs(c.down) <= 5);
        assert_true(fabs(log(c.gamma)) <= 0.3 && fabs(c.contrast - 1) <= 0.4 && fabs(c.brightness) <= 0.2);
        assert_true(c.blur >= 0 && c.blur <= 2 && c.noise >= 0 && c.noise <= 0.1);
        assert_true(c.cut_height >= 0 && c.cut_height <= 0.5 && c.cut_width <= 0.5);
        nw_augment fewer = p;
        fewer.blur = fewer.rotate = 0;
        nw_change d = nw_change_draw(&fewer, 5, e, 1234567890123U, 50, 80);
        assert_true(d.scale == c.scale && d.noise_seed == c.noise_seed && d.gamma == c.gamma &&
                    d.degrees == 0);
    }
    assert_true(most > 11.9 && most <= 12 && least < -11.9 && least >= -12);
    assert_true(large > 1.49 && large <= 1.5 && small < 0.81 && small >= 0.8 && down > 4.95);
    assert_true(fabs(sum / DRAWS) < 5 * 12 / sqrt(3.0 * DRAWS));
    assert_true(fabs(flips / DRAWS - 0.3) < 5 * sqrt(0.21 / DRAWS));
}

static void policies_are_text(void **state)
{
    (void)state;
    nw_augment p, q;
    nw_error err;
    char text[512], small[8];
    const char *const good[] = {
        "ct", "light", "cxr,rotate=15", "rotate", "none", "", "ct, flip-h=0 noise=0.0123456789"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (nw_augment_parse(good[i], &p, &err) != NW_OK) fail_msg("%s", err.message);
        size_t length = nw_augment_text(&p, text, sizeof text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(nw_augment_text(&p, small, sizeof small), length);
        assert_true(strlen(small) < sizeof small);
        assert_int_equal(nw_augment_parse(text, &q, &err), NW_OK);
        assert_memory_equal(&p, &q, sizeof p);
        assert_int_equal(nw_augment_check(&p, &err), NW_OK);
    }
    assert_int_equal(nw_augment_parse("rotate", &p, &err), NW_OK);
    assert_true(p.rotate == 10 && p.noise == 0);
    assert_int_equal(nw_augment_parse("ct,flip-h=0", &p, &err), NW_OK);
    assert_true(p.flip_h == 0 && p.rotate == 10);
    assert_int_equal(nw_augment_parse("none", &p, &err), NW_OK);
    static const nw_augment zero = {0};
    assert_memory_equal(&p, &zero, sizeof p);
    static const char *const bad[][2] = {{"rotat=3", "'rotat=3' is not known; there are none, light"},
                                         {"ct,rotate=200", "rotate of 200: 0 to 180"},
                                         {"flip-h=-0.5", "flip-h of -0.5"},
                                         {"noise=nan", "noise"},
                                         {"noise=", "is not a number"},
                                         {"noise=1x", "'1x' is not a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(nw_augment_parse(bad[i][0], &p, &err), NW_USAGE);
        if (!strstr(err.message, bad[i][1])) fail_msg("'%s' lacks '%s'", err.message, bad[i][1]);
        assert_memory_equal(&p, &zero, sizeof p);
    }
    for (size_t i = 0; nw_augment_preset_name(i); i++)
        assert_int_equal(nw_augment_parse(nw_augment_preset_name(i), &p, &err), NW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(flips_and_quarter_turns_are_maps_of_indices),
        cmocka_unit_test(a_shift_moves_a_delta),
        cmocka_unit_test(an_affine_map_of_a_plane),
        cmocka_unit_test(tone_has_its_formulas),
        cmocka_unit_test(a_blurred_delta_is_the_gaussian),
        cmocka_unit_test(noise_has_its_moments_and_is_grey),
        cmocka_unit_test(a_cut_is_a_rectangle_of_the_mean),
        cmocka_unit_test(draws_keep_their_ranges),
        cmocka_unit_test(policies_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
