/* Feature statistics: against two passes in double, resumed and not, and files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "tensor/tensor.h"

#include <math.h>
#include <narrows/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 3 * 4 * 5, IMAGES = 37 };
static const nw_shape shape = {3, {3, 4, 5}};
static char folder[] = "/tmp/narrows-stats-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void image(uint64_t i, float *dst)
{
    nw_rng_normals(1, i, 0, 0, 0, dst, N);
    for (int k = 0; k < N; k++) dst[k] = k == 7 ? 0 : k % 2 ? fmaxf(dst[k], 0) : dst[k] * 1e-3F + 1000;
}

static nw_stats *gather(nw_stats *stats, uint64_t from, uint64_t to)
{
    nw_error err;
    float x[N];
    if (!stats) assert_int_equal(nw_stats_new(&shape, &stats, &err), NW_OK);
    for (uint64_t i = from; i < to; i++) {
        image(i, x);
        assert_int_equal(nw_stats_add(stats, x, &err), NW_OK);
    }
    return stats;
}

static void agree_with_two_passes(void **state)
{
    (void)state;
    nw_stats *stats = gather(NULL, 0, IMAGES);
    assert_int_equal(nw_stats_count(stats), IMAGES);
    static float x[IMAGES][N];
    for (uint64_t i = 0; i < IMAGES; i++) image(i, x[i]);
    for (int k = 0; k < N; k++) {
        double mean = 0, squares = 0, active = 0;
        for (int i = 0; i < IMAGES; i++) mean += (double)x[i][k] / IMAGES;
        for (int i = 0; i < IMAGES; i++) {
            squares += ((double)x[i][k] - mean) * ((double)x[i][k] - mean);
            active += x[i][k] != 0;
        }
        double std = sqrt(squares / (IMAGES - 1));
        assert_true(fabs((double)nw_stats_mean(stats)[k] - mean) <= 1e-7 * fabs(mean));
        assert_true(fabs((double)nw_stats_std(stats)[k] - std) <= 1e-6 * std);
        assert_true(fabs((double)nw_stats_active(stats)[k] - active / IMAGES) < 1e-7);
    }
    nw_stats_free(stats);
}

static void not_finite_is_not_added(void **state)
{
    (void)state;
    nw_error err;
    nw_stats *stats = gather(NULL, 0, 3);
    float before = nw_stats_mean(stats)[0], x[N] = {0};
    x[N - 1] = NAN;
    assert_int_equal(nw_stats_add(stats, x, &err), NW_NOT_FINITE);
    x[N - 1] = -INFINITY;
    assert_int_equal(nw_stats_add(stats, x, &err), NW_NOT_FINITE);
    assert_int_equal(nw_stats_count(stats), 3);
    assert_true(nw_stats_mean(stats)[0] == before);
    nw_stats_free(stats);
}

static const nw_stats_facts facts = {.model_digest = "00ff",
                                     .tensor = "layer2",
                                     .preprocessing = "{\"size\":4}",
                                     .inputs_digest = "abcd",
                                     .position = 12};

static void survive_the_disk(void **state)
{
    (void)state;
    nw_error err;
    nw_stats *stats = gather(NULL, 0, 10), *read = NULL;
    assert_int_equal(nw_stats_set_facts(stats, &facts, &err), NW_OK);
    assert_int_equal(nw_stats_save(stats, in_folder("a"), 0, &err), NW_OK);
    assert_int_equal(nw_stats_load(in_folder("a"), "00ff", "layer2", &read, &err), NW_OK);
    assert_null(nw_stats_warning(read));
    assert_true(nw_shape_equal(nw_stats_shape(read), &shape));
    assert_int_equal(nw_stats_count(read), 10);
    assert_memory_equal(nw_stats_mean(read), nw_stats_mean(stats), N * sizeof(float));
    assert_memory_equal(nw_stats_std(read), nw_stats_std(stats), N * sizeof(float));
    assert_memory_equal(nw_stats_active(read), nw_stats_active(stats), N * sizeof(float));
    const nw_stats_facts *f = nw_stats_get_facts(read);
    assert_string_equal(f->model_digest, facts.model_digest);
    assert_string_equal(f->tensor, facts.tensor);
    assert_string_equal(f->preprocessing, facts.preprocessing);
    assert_string_equal(f->inputs_digest, facts.inputs_digest);
    assert_int_equal(f->position, 12);
    assert_false(nw_stats_resumable(read));
    float x[N] = {0};
    assert_int_equal(nw_stats_add(read, x, &err), NW_USAGE);
    /* It can be written again as it is. */
    assert_int_equal(nw_stats_save(read, in_folder("again"), 0, &err), NW_OK);
    nw_stats_free(read);
    nw_stats_free(stats);
    stats = gather(NULL, 0, 1);
    assert_int_equal(nw_stats_save(stats, in_folder("one"), 0, &err), NW_BAD_INPUT);
    assert_int_not_equal(access(in_folder("one"), F_OK), 0);
    nw_stats_free(stats);
}

static void resumed_are_the_same_bits(void **state)
{
    (void)state;
    nw_error err;
    nw_stats *whole = gather(NULL, 0, IMAGES), *part = gather(NULL, 0, 11), *rest = NULL;
    assert_int_equal(nw_stats_save(part, in_folder("part"), 1, &err), NW_OK);
    nw_stats_free(part);
    assert_int_equal(nw_stats_load(in_folder("part"), NULL, NULL, &rest, &err), NW_OK);
    assert_true(nw_stats_resumable(rest));
    gather(rest, 11, IMAGES);
    assert_memory_equal(nw_stats_mean(rest), nw_stats_mean(whole), N * sizeof(float));
    assert_memory_equal(nw_stats_std(rest), nw_stats_std(whole), N * sizeof(float));
    assert_memory_equal(nw_stats_active(rest), nw_stats_active(whole), N * sizeof(float));
    nw_stats_free(rest);
    nw_stats_free(whole);
}

static void other_models_are_refused(void **state)
{
    (void)state;
    nw_error err;
    nw_stats *stats = gather(NULL, 0, 5), *read = NULL;
    assert_int_equal(nw_stats_save(stats, in_folder("nameless"), 0, &err), NW_OK);
    assert_int_equal(nw_stats_set_facts(stats, &facts, &err), NW_OK);
    assert_int_equal(nw_stats_save(stats, in_folder("named"), 0, &err), NW_OK);
    assert_int_equal(nw_stats_load(in_folder("named"), "11ee", NULL, &read, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "00ff"));
    assert_non_null(strstr(err.message, "11ee"));
    assert_int_equal(nw_stats_load(in_folder("named"), "00ff", "layer3", &read, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "layer2"));
    assert_non_null(strstr(err.message, "layer3"));
    assert_int_equal(nw_stats_load(in_folder("missing"), NULL, NULL, &read, &err), NW_IO);
    assert_null(read);
    assert_int_equal(nw_stats_load(in_folder("nameless"), "11ee", NULL, &read, &err), NW_OK);
    assert_non_null(nw_stats_warning(read));
    nw_stats_free(read);
    nw_stats_free(stats);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    nw_error err;
    nw_stats *stats = gather(NULL, 0, 5), *read = NULL;
    nw_bytes bytes;
    assert_int_equal(nw_stats_save(stats, in_folder("whole"), 1, &err), NW_OK);
    assert_int_equal(nw_file_read(in_folder("whole"), 1 << 20, &bytes, &err), NW_OK);
    for (size_t size = 0; size < bytes.size; size += size < 600 ? 1 : 97) {
        assert_int_equal(nw_file_write(in_folder("cut"), bytes.data, size, &err), NW_OK);
        assert_int_equal(nw_stats_load(in_folder("cut"), NULL, NULL, &read, &err), NW_BAD_INPUT);
        assert_non_null(strstr(err.message, "cut"));
    }
    nw_free(bytes.data);
    nw_stats_free(stats);
}

/* A header and `data` bytes of the float `value`. */
static nw_status load_with(const char *header, size_t floats, float value, nw_error *err)
{
    FILE *out = fopen(in_folder("odd"), "wb");
    assert_non_null(out);
    uint64_t length = strlen(header);
    fwrite(&length, sizeof length, 1, out);
    fwrite(header, (size_t)length, 1, out);
    for (size_t i = 0; i < floats; i++) fwrite(&value, sizeof value, 1, out);
    fclose(out);
    nw_stats *stats = NULL;
    nw_status status = nw_stats_load(in_folder("odd"), NULL, NULL, &stats, err);
    nw_stats_free(stats);
    return status;
}

#define TENSOR(name, shape, from, to)                                                                        \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"
#define GOOD_STD        TENSOR("std", "[2]", "8", "16")
#define GOOD_ACTIVE     TENSOR("active", "[2]", "16", "24")
#define WITH_MEAN(mean) "{" mean "," GOOD_STD "," GOOD_ACTIVE "}"

static void lies_are_refused(void **state)
{
    (void)state;
    nw_error err;
    const char *good = WITH_MEAN(TENSOR("mean", "[2]", "0", "8"));
    assert_int_equal(load_with(good, 6, .5F, &err), NW_OK);
    assert_int_equal(load_with(good, 6, NAN, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "finite"));
    assert_int_equal(load_with(good, 6, -1, &err), NW_BAD_INPUT);
    static const char *const lies[] = {
        WITH_MEAN(TENSOR("mean", "[2]", "0", "12")),
        WITH_MEAN(TENSOR("mean", "[2]", "-8", "0")),
        WITH_MEAN(TENSOR("mean", "[2]", "8", "0")),
        WITH_MEAN(TENSOR("mean", "[2]", "9223372036854775800", "9223372036854775808")),
        WITH_MEAN(TENSOR("mean", "[2]", "20", "28")),
        WITH_MEAN(TENSOR("mean", "[-2]", "0", "8")),
        WITH_MEAN(TENSOR("mean", "[4611686018427387904, 4611686018427387904]", "0", "8")),
        WITH_MEAN(TENSOR("mean", "[1, 2]", "0", "8")),
        WITH_MEAN(TENSOR("mean", "[2.5]", "0", "8")),
        WITH_MEAN(TENSOR("mean", "[1,1,1,1,1,1,1,1,2]", "0", "8")),
        WITH_MEAN(TENSOR("mean", "[0]", "0", "0")),
        WITH_MEAN(TENSOR("mean", "{}", "0", "8")),
        WITH_MEAN("\"mean\":7"),
        WITH_MEAN("\"mean\":{\"dtype\":\"Q3\",\"shape\":[2],\"data_offsets\":[0,8]}"),
        WITH_MEAN("\"mean\":{\"dtype\":\"F32\",\"shape\":[2]}"),
        WITH_MEAN(TENSOR("mean", "[2]", "0", "8") "," TENSOR("mean", "[2]", "0", "8")),
        WITH_MEAN("\"__metadata__\":{\"narrows.count\":\"many\"}," TENSOR("mean", "[2]", "0", "8")),
        WITH_MEAN("\"__metadata__\":{\"narrows.position\":\"-4\"}," TENSOR("mean", "[2]", "0", "8")),
        "{" TENSOR("mean", "[2]", "0", "8") "," GOOD_STD "}",
        "[1, 2]",
        "{",
        "\xff\xfe{}",
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        assert_int_equal(load_with(lies[i], 6, .5F, &err), NW_BAD_INPUT);
        assert_non_null(strstr(err.message, "odd"));
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "again", "part", "nameless", "named", "whole", "cut", "odd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_two_passes),    cmocka_unit_test(not_finite_is_not_added),
        cmocka_unit_test(survive_the_disk),         cmocka_unit_test(resumed_are_the_same_bits),
        cmocka_unit_test(other_models_are_refused), cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(lies_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
