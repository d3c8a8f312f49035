/* Whole volumes as a model of volumes takes them, and maps of volumes on their way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLICES = 12, ROWS = 6, COLUMNS = 5, AREA = ROWS * COLUMNS };

static void must(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

/* Values by place, as pictures are treated. */
static nw_volume *volume_of(double (*value)(int z, int i))
{
    static float values[SLICES * AREA];
    nw_volume *v;
    nw_error err;
    for (int z = 0; z < SLICES; z++)
        for (int i = 0; i < AREA; i++) values[z * AREA + i] = (float)value(z, i);
    must(nw_volume_from_array(values, SLICES, 1, ROWS, COLUMNS, &v, &err), &err);
    return v;
}

static double mixed(int z, int i)
{
    unsigned u = (unsigned)(z * AREA + i + 1) * 2654435761U;
    return (double)((u ^ u >> 15) % 1000U) / 100;
}

static double straight(int z, int i)
{
    return 0.5 + 2 * z + 0.25 * i;
}

static double first_alone(int z, int i)
{
    (void)i;
    return z == 0;
}

static nw_preprocess whole(int64_t depth)
{
    return (nw_preprocess){.channels = 1,
                           .height = ROWS,
                           .width = COLUMNS,
                           .depth = depth,
                           .tensors_as_images = 1,
                           .mean_count = 1,
                           .std_count = 1,
                           .mean = {0.3},
                           .std = {0.7}};
}

/* At its own depth a volume is its slices, to the bit; two channels are the same twice. */
static void the_same_depth_is_the_slices(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *v = volume_of(mixed);
    nw_preprocess pre = whole(SLICES);
    pre.height = 9, pre.width = 3, pre.channels = 2, pre.orient = NW_ORIENT_ROT90;
    float *got = calloc(2 * SLICES * 27, sizeof *got), want[2 * 27];
    must(nw_preprocess_volume(&pre, v, got, &err), &err);
    for (int z = 0; z < SLICES; z++) {
        must(nw_preprocess_apply(&pre, v, z, want, &err), &err);
        for (int c = 0; c < 2; c++)
            assert_memory_equal(got + (c * SLICES + z) * 27, want + c * 27, 27 * sizeof *want);
    }
    free(got);
    nw_volume_free(v);
}

/* A straight line stays one: slice k of `depth` is where its middle lies in the stack. */
static void the_stack_is_resized_by_middles(void **state)
{
    (void)state;
    static const int64_t depths[] = {2, 3, 5, 8, 12, 17, 24};
    nw_error err;
    nw_volume *v = volume_of(straight);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
        nw_preprocess pre = whole(depths[d]);
        float *got = calloc((size_t)(depths[d] * AREA), sizeof *got);
        must(nw_preprocess_volume(&pre, v, got, &err), &err);
        for (int64_t z = 0; z < depths[d]; z++) {
            double at = ((double)z + 0.5) * SLICES / (double)depths[d] - 0.5;
            at = at < 0 ? 0 : at > SLICES - 1 ? SLICES - 1 : at; /* the edge is repeated */
            for (int i = 0; i < AREA; i++)
                assert_true(fabs((double)got[z * AREA + i] - (0.5 + 2 * at + 0.25 * i - 0.3) / 0.7) < 1e-4);
        }
        free(got);
    }
    nw_volume_free(v);
}

/* The first of twelve slices is passed over at a depth of three, and not with antialiasing. */
static void antialiasing_takes_every_slice(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *v = volume_of(first_alone);
    nw_preprocess pre = whole(3);
    pre.mean_count = pre.std_count = 0;
    float got[3 * AREA];
    must(nw_preprocess_volume(&pre, v, got, &err), &err);
    assert_true(got[0] == 0 && got[AREA] == 0);
    pre.antialias = 1;
    must(nw_preprocess_volume(&pre, v, got, &err), &err);
    /* A triangle of half-width 4 around 1.5, cut at the border: 2.5 of 2.5 + 3.5 + 3.5 + 2.5 + 1.5 + 0.5. */
    assert_true(fabs((double)got[0] - 2.5 / 14) < 1e-6);
    assert_true(got[AREA] == 0);
    nw_volume_free(v);
}

static void tensors_go_in_untouched(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *v = volume_of(mixed);
    nw_preprocess pre = whole(SLICES);
    pre.tensors_as_images = 0;
    float got[SLICES * AREA], want[AREA];
    must(nw_preprocess_volume(&pre, v, got, &err), &err);
    for (int z = 0; z < SLICES; z++) {
        must(nw_volume_slice(v, z, want, &err), &err);
        assert_memory_equal(got + z * AREA, want, sizeof want);
    }
    nw_volume_free(v);
}

static double sum_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    return sum;
}

static void maps_come_back(void **state)
{
    (void)state;
    static const int64_t depths[] = {3, 5, 12, 19};
    nw_error err;
    nw_volume *v = volume_of(mixed);
    float back[SLICES * AREA];
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
        nw_preprocess pre = whole(depths[d]);
        pre.height = 4, pre.width = 7, pre.orient = NW_ORIENT_TRANSPOSE;
        size_t count = (size_t)depths[d] * 28;
        float *map = calloc(count, sizeof *map);
        for (size_t i = 0; i < count; i++) map[i] = (float)mixed((int)i, 3);
        must(nw_preprocess_volume_back(&pre, v, NW_MAP_DENSITY, map, back, &err), &err);
        assert_true(fabs(sum_of(back, SLICES * AREA) / sum_of(map, count) - 1) < 1e-5);
        /* Values follow the stack: what is the number of the slice comes back as where the slice lies. */
        for (size_t i = 0; i < count; i++) map[i] = (float)(i / 28);
        must(nw_preprocess_volume_back(&pre, v, NW_MAP_VALUE, map, back, &err), &err);
        for (int z = 0; z < SLICES; z++) {
            double at = (z + 0.5) * (double)depths[d] / SLICES - 0.5;
            at = fmin(fmax(at, 0), (double)(depths[d] - 1));
            for (int i = 0; i < AREA; i++) assert_true(fabs((double)back[z * AREA + i] - at) < 1e-5);
        }
        map[17] = NAN;
        assert_int_equal(nw_preprocess_volume_back(&pre, v, NW_MAP_VALUE, map, back, &err), NW_NOT_FINITE);
        assert_non_null(strstr(err.message, "slice 0"));
        free(map);
    }
    /* Nothing outside the crop. */
    nw_preprocess pre = whole(3);
    memcpy(pre.crop, (int64_t[]){1, 4, 2, 5}, sizeof pre.crop);
    float map[3 * AREA];
    for (int i = 0; i < 3 * AREA; i++) map[i] = 1;
    must(nw_preprocess_volume_back(&pre, v, NW_MAP_DENSITY, map, back, &err), &err);
    assert_true(fabs(sum_of(back, SLICES * AREA) - 3 * AREA) < 1e-3);
    for (int i = 0; i < SLICES * AREA; i++) {
        int r = i / COLUMNS % ROWS, c = i % COLUMNS;
        assert_int_equal(back[i] > 0, r >= 1 && r < 4 && c >= 2);
    }
    nw_volume_free(v);
}

static void sizes_of_volumes(void **state)
{
    (void)state;
    nw_error err;
    char text[512];
    nw_preprocess pre = {.channels = 1}, again = {.channels = 1};
    must(nw_preprocess_parse("{\"size\": [24, 64, 48]}", "t", &pre, &err), &err);
    assert_true(pre.depth == 24 && pre.height == 64 && pre.width == 48);
    nw_preprocess_json(&pre, text, sizeof text);
    assert_non_null(strstr(text, "\"size\":[24,64,48]"));
    must(nw_preprocess_parse(text, "t", &again, &err), &err);
    assert_memory_equal(&pre, &again, sizeof pre);
    nw_shape shape = nw_preprocess_shape(&pre, 3);
    assert_int_equal(shape.rank, 5);
    assert_memory_equal(shape.dims, ((int64_t[]){3, 1, 24, 64, 48}), 5 * sizeof *shape.dims);
    must(nw_preprocess_parse("{\"size\": [64, 48]}", "t", &again, &err), &err);
    assert_int_equal(again.depth, 0);
    assert_int_equal(nw_preprocess_shape(&again, 3).rank, 4);
    static const char *const bad[] = {"{\"size\": [0, 64, 48]}", "{\"size\": [1.5, 64, 48]}",
                                      "{\"size\": [1, 2, 3, 4]}", "{\"size\": [1, 2, 70000]}",
                                      "{\"size\": []}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(nw_preprocess_parse(bad[i], "t", &pre, &err), NW_BAD_INPUT);
    /* The model's input fills what is open, and disagrees with what is not. */
    pre = (nw_preprocess){0};
    must(nw_preprocess_fit(&pre, 5, (int64_t[]){-1, 1, 8, 64, 48}, &err), &err);
    assert_true(pre.channels == 1 && pre.depth == 8 && pre.height == 64 && pre.width == 48);
    must(nw_preprocess_fit(&pre, 5, (int64_t[]){-1, -1, -1, -1, -1}, &err), &err);
    assert_int_equal(nw_preprocess_fit(&pre, 5, (int64_t[]){1, 1, 9, 64, 48}, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "depth of the preprocessing is 8, the model wants 9"));
    assert_int_equal(nw_preprocess_fit(&pre, 4, (int64_t[]){1, 1, 64, 48}, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "the model takes slices"));
    pre = (nw_preprocess){.channels = 1, .height = 4, .width = 4};
    assert_int_equal(nw_preprocess_fit(&pre, 5, (int64_t[]){1, 1, -1, 4, 4}, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "depth open"));
    assert_int_equal(nw_preprocess_fit(&pre, 5, (int64_t[]){1, 1, NW_MAX_DEPTH + 1, 4, 4}, &err),
                     NW_BAD_INPUT);
}

static void single_slices_are_refused(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *v;
    float one[AREA] = {0}, got[2 * AREA];
    must(nw_volume_from_array(one, 1, 1, ROWS, COLUMNS, &v, &err), &err);
    nw_preprocess pre = whole(2);
    assert_int_equal(nw_preprocess_volume(&pre, v, got, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "single slice"));
    nw_volume_free(v);
    v = volume_of(mixed);
    pre.depth = 0;
    assert_int_equal(nw_preprocess_volume(&pre, v, got, &err), NW_BAD_INPUT);
    nw_volume_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_depth_is_the_slices),
        cmocka_unit_test(the_stack_is_resized_by_middles),
        cmocka_unit_test(antialiasing_takes_every_slice),
        cmocka_unit_test(tensors_go_in_untouched),
        cmocka_unit_test(maps_come_back),
        cmocka_unit_test(sizes_of_volumes),
        cmocka_unit_test(single_slices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
