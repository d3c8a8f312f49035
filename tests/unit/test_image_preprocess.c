/* Orientation, scale, resizing and the way back, against closed forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/orient.h"
#include "image/resize.h"
#include "image/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static nw_volume *array_volume(const float *src, int64_t channels, int64_t rows, int64_t columns,
                               nw_volume_kind kind)
{
    nw_error err;
    nw_volume *v;
    if (nw_volume_from_array(src, 1, channels, rows, columns, &v, &err)) fail_msg("%s", err.message);
    v->info.kind = kind; /* as a reader of that format would make it */
    v->info.full_scale = kind == NW_KIND_PICTURE ? 255 : 0;
    return v;
}

/* numpy: transpose, rot90 (k=1, 2, 3), fliplr, flipud, and the transpose of rot180, of [[0 1 2] [3 4 5]]. */
static void orientations_are_those_of_numpy(void **state)
{
    (void)state;
    static const float src[6] = {0, 1, 2, 3, 4, 5};
    static const float expected[8][6] = {{0, 1, 2, 3, 4, 5}, {0, 3, 1, 4, 2, 5}, {2, 5, 1, 4, 0, 3},
                                         {5, 4, 3, 2, 1, 0}, {3, 0, 4, 1, 5, 2}, {2, 1, 0, 5, 4, 3},
                                         {3, 4, 5, 0, 1, 2}, {5, 2, 4, 1, 3, 0}};
    for (int o = 0; o < 8; o++) {
        float dst[6], back[6];
        nw_orient_apply((nw_orient)o, 2, 3, src, dst);
        assert_memory_equal(dst, expected[o], sizeof dst);
        nw_orient_undo((nw_orient)o, 2, 3, dst, back);
        assert_memory_equal(back, src, sizeof back);
    }
}

static void a_map_comes_back_through_every_orientation(void **state)
{
    (void)state;
    enum { ROWS = 5, COLUMNS = 7 };
    float src[ROWS * COLUMNS], turned[ROWS * COLUMNS], back[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) src[i] = (float)(i * i % 37);
    nw_volume *v = array_volume(src, 1, ROWS, COLUMNS, NW_KIND_PICTURE);
    nw_error err;
    for (int o = 0; o < 8; o++)
        for (int unit = 0; unit < 2; unit++) {
            nw_preprocess pre = {.channels = 1, .height = ROWS, .width = COLUMNS, .orient = (nw_orient)o};
            if (nw_orient_swaps(pre.orient)) pre.height = COLUMNS, pre.width = ROWS;
            pre.scale = NW_SCALE_NONE;
            assert_int_equal(nw_preprocess_apply(&pre, v, 0, turned, &err), NW_OK);
            assert_int_equal(nw_preprocess_map_back(&pre, v, 0, (nw_map_unit)unit, turned, back, &err),
                             NW_OK);
            for (int i = 0; i < ROWS * COLUMNS; i++) assert_true(fabs((double)(back[i] - src[i])) < 1e-5);
        }
    nw_volume_free(v);
}

static double sum(const float *values, int64_t count)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++) total += (double)values[i];
    return total;
}

static void totals_of_densities_are_kept(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {/* model, slice */ {8, 8, 16, 24},
                                       {8, 6, 19, 13},
                                       {20, 20, 7, 11},
                                       {16, 9, 16, 9},
                                       {30, 10, 10, 30},
                                       {7, 7, 1, 1}};
    nw_error err;
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++)
        for (int o = 0; o < 8; o++) {
            const int64_t *n = sizes[t], count = n[2] * n[3];
            float *map = calloc((size_t)(n[0] * n[1]), sizeof *map),
                  *dst = calloc((size_t)count, sizeof *dst);
            nw_volume *v = array_volume(dst, 1, n[2], n[3], NW_KIND_PICTURE);
            map[n[1] + 2] = 5; /* one pixel alone */
            map[0] = 1;
            nw_preprocess pre = {.channels = 1, .height = n[0], .width = n[1], .orient = (nw_orient)o};
            assert_int_equal(nw_preprocess_map_back(&pre, v, 0, NW_MAP_DENSITY, map, dst, &err), NW_OK);
            assert_true(fabs(sum(dst, count) - 6) < 1e-5);
            /* a constant density d becomes the constant d * (area of the model's grid / area of the slice) */
            for (int64_t i = 0; i < n[0] * n[1]; i++) map[i] = 3;
            assert_int_equal(nw_preprocess_map_back(&pre, v, 0, NW_MAP_DENSITY, map, dst, &err), NW_OK);
            double d = 3 * (double)(n[0] * n[1]) / (double)count;
            for (int64_t i = 0; i < count; i++) assert_true(fabs((double)dst[i] - d) < 1e-5 * d);
            /* and a constant value itself */
            assert_int_equal(nw_preprocess_map_back(&pre, v, 0, NW_MAP_VALUE, map, dst, &err), NW_OK);
            for (int64_t i = 0; i < count; i++) assert_true(fabs((double)dst[i] - 3) < 1e-5);
            nw_volume_free(v);
            free(map);
            free(dst);
        }
}

/* The factor that restores a total must be idle where plain interpolation already keeps it. */
static void whole_multiples_keep_totals_by_themselves(void **state)
{
    (void)state;
    float map[6] = {0, 1, 7, 2, 0, 4}, up[6 * 12] = {0};
    assert_int_equal(nw_resize_bilinear(map, 2, 3, up, 6, 12, false, NULL), NW_OK);
    assert_true(fabs(sum(up, 72) / 12 - 14) < 1e-5);
}

static void resizing_keeps_straight_lines(void **state)
{
    (void)state;
    /* f(x, y) = 2x - 3y + 1 at half-pixel centres is kept where no edge is repeated. */
    float src[9 * 11], dst[30 * 17];
    for (int r = 0; r < 9; r++)
        for (int c = 0; c < 11; c++) src[r * 11 + c] = (float)(2 * (c + 0.5) / 11 - 3 * (r + 0.5) / 9 + 1);
    assert_int_equal(nw_resize_bilinear(src, 9, 11, dst, 30, 17, false, NULL), NW_OK);
    for (int r = 2; r < 28; r++)
        for (int c = 1; c < 16; c++) {
            double expected = 2 * (c + 0.5) / 17 - 3 * (r + 0.5) / 30 + 1;
            assert_true(fabs((double)dst[r * 17 + c] - expected) < 1e-5);
        }
    /* 4 -> 2: two taps see the middle ones alone; the triangle (weights 1 3 3 1, at the edge 3 3 1) sees all.
     */
    const float line[4] = {0, 1, 2, 10};
    float two[2];
    assert_int_equal(nw_resize_bilinear(line, 1, 4, two, 1, 2, false, NULL), NW_OK);
    assert_true(two[0] == 0.5F && two[1] == 6);
    assert_int_equal(nw_resize_bilinear(line, 1, 4, two, 1, 2, true, NULL), NW_OK);
    assert_true(fabs((double)two[0] - (0 * 3 + 1 * 3 + 2 * 1) / 7.0) < 1e-6);
    assert_true(fabs((double)two[1] - (1 * 1 + 2 * 3 + 10 * 3) / 7.0) < 1e-6);
}

static void values_are_scaled(void **state)
{
    (void)state;
    static const float hu[4] = {-2000, -1000, 0, 400};
    nw_volume *scan = array_volume(hu, 1, 2, 2, NW_KIND_PICTURE);
    scan->info.full_scale = 0;
    nw_preprocess pre = {.channels = 1, .height = 2, .width = 2};
    nw_error err;
    float dst[4];
    assert_int_equal(nw_preprocess_parse("{\"window\": [-1500, 100]}", "t", &pre, &err), NW_OK);
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_OK);
    assert_true(dst[0] == 0 && fabs((double)dst[1] - 500 / 1600.0) < 1e-6 && dst[3] == 1);
    assert_int_equal(
        nw_preprocess_parse("{\"scale\": \"minmax\", \"mean\": 0.5, \"std\": [0.25]}", "t", &pre, &err),
        NW_OK);
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_OK);
    assert_true(dst[0] == -2 && dst[3] == 2);
    assert_int_equal(nw_preprocess_parse("{\"scale\": 100}", "t", &pre, &err), NW_OK);
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_OK);
    assert_true(dst[0] == (-20 - 0.5F) / 0.25F);
    assert_int_equal(nw_preprocess_parse("{\"scale\": \"full\"}", "t", &pre, &err), NW_OK);
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_BAD_INPUT);
    scan->info.kind = NW_KIND_TENSOR;
    pre.scale = NW_SCALE_AUTO;
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_OK);
    assert_memory_equal(dst, hu, sizeof hu); /* as it is: neither mean nor std */
    pre.height = 3;
    assert_int_equal(nw_preprocess_apply(&pre, scan, 0, dst, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "1 x 2 x 2, the model wants 1 x 3 x 2"));
    nw_volume_free(scan);
}

/* 0 .. 99 in any order, and two values far off: the 2nd and 98th percentiles of 102 values are at places 2.02
 * and 98.98 of those in order. */
static void percentiles_are_the_ends(void **state)
{
    (void)state;
    float values[102], dst[102];
    for (int i = 0; i < 100; i++) values[i] = (float)((i * 37) % 100);
    values[100] = -1e6F;
    values[101] = 1e6F;
    nw_volume *picture = array_volume(values, 1, 6, 17, NW_KIND_PICTURE);
    nw_preprocess pre = {.channels = 1, .height = 6, .width = 17};
    nw_error err;
    assert_int_equal(nw_preprocess_parse("{\"scale\": \"robust\"}", "t", &pre, &err), NW_OK);
    char text[256];
    nw_preprocess_json(&pre, text, sizeof text);
    assert_non_null(strstr(text, "\"robust\""));
    assert_int_equal(nw_preprocess_apply(&pre, picture, 0, dst, &err), NW_OK);
    double low = 1.02, high = 97.98; /* in order the values are -1e6, 0, 1, ... 99, 1e6 */
    for (int i = 0; i < 102; i++) {
        double want = fmin(fmax(((double)values[i] - low) / (high - low), 0), 1);
        assert_true(fabs((double)dst[i] - want) < 1e-6);
    }
    for (int i = 0; i < 102; i++) values[i] = -3.5F;
    nw_volume *flat = array_volume(values, 1, 6, 17, NW_KIND_PICTURE);
    assert_int_equal(nw_preprocess_apply(&pre, flat, 0, dst, &err), NW_OK);
    for (int i = 0; i < 102; i++) assert_true(dst[i] == 0);
    nw_volume_free(picture);
    nw_volume_free(flat);
}

static void grey_and_colour(void **state)
{
    (void)state;
    /* PIL: Image.fromarray(rgb).convert("L") gives 76, 150, 29, 130 for these */
    static const float rgb[12] = {255, 0, 0, 10, 0, 255, 0, 200, 0, 0, 255, 83};
    static const float luma[4] = {76, 150, 29, 130};
    nw_volume *v = array_volume(rgb, 3, 2, 2, NW_KIND_PICTURE);
    nw_preprocess pre = {.channels = 1, .height = 2, .width = 2};
    nw_error err;
    float dst[12];
    assert_int_equal(nw_preprocess_apply(&pre, v, 0, dst, &err), NW_OK);
    for (int i = 0; i < 4; i++) assert_true(fabs((double)dst[i] - (double)luma[i] / 255) < 1e-6);
    pre.channels = 3;
    pre.mean_count = 3, pre.std_count = 1;
    pre.mean[0] = 0.25, pre.mean[1] = 0.5, pre.mean[2] = 0, pre.std[0] = 2;
    assert_int_equal(nw_preprocess_apply(&pre, v, 0, dst, &err), NW_OK);
    for (int i = 0; i < 12; i++)
        assert_true(fabs((double)dst[i] - ((double)rgb[i] / 255 - pre.mean[i / 4]) / 2) < 1e-6);
    pre.channels = 2;
    pre.mean_count = 0;
    assert_int_equal(nw_preprocess_apply(&pre, v, 0, dst, &err), NW_BAD_INPUT);
    nw_volume_free(v);
    v = array_volume(rgb, 1, 2, 2, NW_KIND_PICTURE);
    pre.channels = 3;
    pre.std_count = 0;
    assert_int_equal(nw_preprocess_apply(&pre, v, 0, dst, &err), NW_OK);
    assert_memory_equal(dst, dst + 4, 16);
    assert_memory_equal(dst, dst + 8, 16);
    assert_true(dst[0] == 1);
    nw_volume_free(v);
}

static void json_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"chanels\": 1}", "unknown key \"chanels\""},
        {"{\"size\": [224]}", "\"size\""},
        {"{\"size\": [224, 0]}", "\"size\""},
        {"{\"size\": 224.5}", "\"size\""},
        {"{\"channels\": 0}", "\"channels\""},
        {"{\"channels\": \"1\"}", "\"channels\""},
        {"{\"window\": [150, -1350]}", "\"window\""},
        {"{\"window\": {\"center\": 1}}", "\"window\""},
        {"{\"window\": [0, 1], \"scale\": 2}", "exclude"},
        {"{\"scale\": \"big\"}", "\"scale\""},
        {"{\"scale\": 0}", "\"scale\""},
        {"{\"std\": [0.5, 0]}", "\"std\""},
        {"{\"mean\": []}", "\"mean\""},
        {"{\"orient\": \"sideways\"}", "\"orient\""},
        {"{\"resize\": \"lanczos\"}", "\"resize\""},
        {"{\"antialias\": 1}", "\"antialias\""},
        {"{\"modality\": \"a modality of too many letters\"}", "\"modality\""},
        {"{\"tensors\": \"raw\"}", "\"tensors\""},
        {"[1]", "object"},
        {"{\"mean\": 1", "line 1"},
        {"{\"mean\": 1, \"mean\": 2}", "duplicate"},
        {"", "line"},
    };
    nw_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nw_preprocess pre = {.channels = 7}, kept = pre;
        assert_int_equal(nw_preprocess_parse(bad[i][0], "model.json", &pre, &err), NW_BAD_INPUT);
        if (!strstr(err.message, bad[i][1]) || !strstr(err.message, "model.json"))
            fail_msg("'%s' lacks '%s'", err.message, bad[i][1]);
        assert_memory_equal(&pre, &kept, sizeof pre);
    }
}

static void json_comes_round(void **state)
{
    (void)state;
    static const char *const text =
        "{\"modality\":\"CT\",\"channels\":3,\"size\":[224,192],\"window\":[-1350.0,150.0],"
        "\"mean\":[0.485,0.456,0.406],\"std\":[0.25],\"orient\":\"rot270\",\"resize\":\"bilinear\","
        "\"antialias\":true,"
        "\"tensors\":\"image\"}";
    nw_preprocess pre = {0}, again = {0};
    nw_error err;
    char out[2048], small[10];
    assert_int_equal(nw_preprocess_parse(text, "t", &pre, &err), NW_OK);
    assert_int_equal(nw_preprocess_json(&pre, out, sizeof out), strlen(text));
    assert_string_equal(out, text);
    assert_int_equal(nw_preprocess_json(&pre, small, sizeof small), strlen(text));
    assert_string_equal(small, "{\"modalit");
    assert_int_equal(nw_preprocess_parse(out, "t", &again, &err), NW_OK);
    assert_memory_equal(&pre, &again, sizeof pre);
    /* laid over: what is absent is kept */
    assert_int_equal(
        nw_preprocess_parse("{\"window\": {\"center\": -600, \"width\": 1500}}", "t", &pre, &err), NW_OK);
    assert_true(pre.low == -1350 && pre.high == 150 && pre.channels == 3 && pre.orient == NW_ORIENT_ROT270);
}

static void the_models_input_fills_and_checks(void **state)
{
    (void)state;
    nw_error err;
    nw_preprocess pre = {0};
    assert_int_equal(nw_preprocess_fit(&pre, 4, (int64_t[]){-1, 1, -1, -1}, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "height"));
    assert_int_equal(pre.channels, 0);
    pre.height = pre.width = 64;
    assert_int_equal(nw_preprocess_fit(&pre, 4, (int64_t[]){-1, 1, -1, -1}, &err), NW_OK);
    assert_int_equal(pre.channels, 1);
    assert_int_equal(nw_preprocess_fit(&pre, 4, (int64_t[]){1, 3, 64, 64}, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "channels of the preprocessing is 1, the model wants 3"));
    assert_int_equal(nw_preprocess_fit(&pre, 3, (int64_t[]){1, 64, 64}, &err), NW_BAD_INPUT);
}

static void views_are_grey_from_0_to_1(void **state)
{
    (void)state;
    static const float src[6] = {-5, 0, 10, 300, 255, 51};
    nw_volume *v = array_volume(src, 1, 2, 3, NW_KIND_PICTURE);
    nw_preprocess pre = {.channels = 1, .height = 9, .width = 9, .orient = NW_ORIENT_ROT90};
    float dst[6];
    assert_int_equal(nw_preprocess_view(&pre, v, 0, dst, NULL), NW_OK);
    assert_true(dst[0] == 0 && dst[3] == 1 && fabs((double)dst[5] - 0.2) < 1e-6);
    v->info.kind = NW_KIND_TENSOR;
    assert_int_equal(nw_preprocess_view(&pre, v, 0, dst, NULL), NW_OK);
    assert_true(dst[0] == 0 && dst[3] == 1 && fabs((double)dst[1] - 5 / 305.) < 1e-6);
    nw_volume_free(v);
}

static void maps_that_are_not_finite(void **state)
{
    (void)state;
    float map[4] = {0, 0, NAN, 0}, dst[4] = {0};
    nw_volume *v = array_volume(dst, 1, 1, 1, NW_KIND_PICTURE);
    nw_preprocess pre = {.channels = 1, .height = 2, .width = 2};
    nw_error err;
    assert_int_equal(nw_preprocess_map_back(&pre, v, 0, NW_MAP_DENSITY, map, dst, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "row 1, column 0"));
    assert_int_equal(nw_preprocess_map_back(&pre, v, 1, NW_MAP_DENSITY, map, dst, &err), NW_USAGE);
    nw_volume_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orientations_are_those_of_numpy),
        cmocka_unit_test(a_map_comes_back_through_every_orientation),
        cmocka_unit_test(totals_of_densities_are_kept),
        cmocka_unit_test(whole_multiples_keep_totals_by_themselves),
        cmocka_unit_test(resizing_keeps_straight_lines),
        cmocka_unit_test(values_are_scaled),
        cmocka_unit_test(percentiles_are_the_ends),
        cmocka_unit_test(grey_and_colour),
        cmocka_unit_test(json_is_read_strictly),
        cmocka_unit_test(json_comes_round),
        cmocka_unit_test(the_models_input_fills_and_checks),
        cmocka_unit_test(views_are_grey_from_0_to_1),
        cmocka_unit_test(maps_that_are_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
