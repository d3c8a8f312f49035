/* Checkpoints: what is written is read; what is damaged, cut, of another network or too large for the disk is
 * an error that says so, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/temp_folder.h"
#include "train/checkpoint.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

static char folder[64];
static char path[128];

static const char facts[] = "{\"network\": \"small\", \"epoch\": 3, \"note\": \"\xc3\xa4 \\\"quoted\\\"\"}";

enum { BIG = 20000 };
static float weights[6] = {1, -2, 3.25F, 1e-30F, -1e30F, 0}, steps[2] = {17, 0}, big[BIG];

static const nw_checkpoint_array arrays[] = {
    {"layer.weight", weights, {2, {2, 3}}},
    {"steps", steps, {1, {2}}},
    {"big", big, {1, {BIG}}},
    {"empty", weights, {1, {0}}},
};
enum { ARRAYS = sizeof arrays / sizeof arrays[0] };

static float read_weights[6], read_steps[2], read_big[BIG];

static void wanted(nw_checkpoint_array *a)
{
    memcpy(a, arrays, sizeof arrays);
    a[0].data = read_weights;
    a[1].data = read_steps;
    a[2].data = read_big;
    memset(read_weights, 0, sizeof read_weights);
    memset(read_steps, 0, sizeof read_steps);
    memset(read_big, 0, sizeof read_big);
}

static void write_it(void)
{
    nw_error err;
    for (int i = 0; i < BIG; i++) big[i] = (float)i / 7;
    if (nw_checkpoint_write(path, facts, arrays, ARRAYS, &err) != NW_OK) fail_msg("%s", err.message);
}

/* A file of the fuzzer's corpus, made by another program: the format is what it says it is. */
static void made_elsewhere(void **state)
{
    (void)state;
    nw_error err;
    char *text;
    float w[4], b[2];
    const char *file = NW_TEST_SOURCE "/tests/fuzz/corpus/safetensors/checkpoint";
    const nw_checkpoint_array a[2] = {{"b", b, {1, {2}}}, {"w", w, {2, {2, 2}}}};
    if (nw_checkpoint_read(file, a, 2, &text, &err) != NW_OK) fail_msg("%s", err.message);
    assert_string_equal(text, "{\"epoch\":1}");
    for (int i = 0; i < 6; i++) assert_true((double)(i < 2 ? b[i] : w[i - 2]) == i + 1);
    nw_free(text);
}

/* Reading gives that status and says that, and nothing was changed. */
static void expect_read(const nw_checkpoint_array *a, size_t count, nw_status want, const char *why)
{
    nw_error err;
    char *text = NULL;
    nw_status status = nw_checkpoint_read(path, a, count, &text, &err);
    assert_int_equal(status, want);
    if (!strstr(err.message, why)) fail_msg("'%s' does not say '%s'", err.message, why);
    assert_non_null(strstr(err.message, path));
    assert_null(text);
    for (int i = 0; i < 6; i++) assert_true(read_weights[i] == 0);
    for (int i = 0; i < BIG; i++) assert_true(read_big[i] == 0);
}

static void expect_whole(void)
{
    nw_checkpoint_array a[ARRAYS];
    nw_error err;
    char *text = NULL;
    wanted(a);
    if (nw_checkpoint_read(path, a, ARRAYS, &text, &err) != NW_OK) fail_msg("%s", err.message);
    assert_string_equal(text, facts);
    assert_memory_equal(read_weights, weights, sizeof weights);
    assert_memory_equal(read_steps, steps, sizeof steps);
    assert_memory_equal(read_big, big, sizeof big);
    nw_free(text);
}

static void round_trip(void **state)
{
    (void)state;
    nw_error err;
    char *text;
    write_it();
    expect_whole();
    assert_int_equal(nw_checkpoint_facts(path, &text, &err), NW_OK);
    assert_string_equal(text, facts);
    nw_free(text);
    /* In another order, and without the facts. */
    nw_checkpoint_array a[ARRAYS], first;
    wanted(a);
    first = a[0];
    a[0] = a[2];
    a[2] = first;
    assert_int_equal(nw_checkpoint_read(path, a, ARRAYS, NULL, &err), NW_OK);
    assert_memory_equal(read_big, big, sizeof big);
    assert_int_equal(temp_count(folder), 1);
}

static void other_networks(void **state)
{
    (void)state;
    nw_checkpoint_array a[ARRAYS + 1];
    write_it();
    wanted(a);
    a[0].shape = (nw_shape){2, {3, 2}};
    expect_read(a, ARRAYS, NW_BAD_INPUT, "'layer.weight' is [2, 3] there, [3, 2] here");
    wanted(a);
    a[2].name = "bigger";
    expect_read(a, ARRAYS, NW_BAD_INPUT, "has no 'bigger'");
    wanted(a);
    expect_read(a, ARRAYS - 1, NW_BAD_INPUT, "it has 'empty', which this one has not");
    a[ARRAYS] = (nw_checkpoint_array){"__metadata__", read_weights, {1, {6}}};
    expect_read(a, ARRAYS + 1, NW_BAD_INPUT, "__metadata__");
}

static unsigned char *bytes_of(size_t *size)
{
    nw_bytes bytes;
    nw_error err;
    assert_int_equal(nw_file_read(path, 1 << 20, &bytes, &err), NW_OK);
    *size = bytes.size;
    return bytes.data;
}

static void damaged(void **state)
{
    (void)state;
    nw_checkpoint_array a[ARRAYS];
    size_t size;
    write_it();
    unsigned char *bytes = bytes_of(&size);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    wanted(a);
    /* Cut anywhere: too short for its header or for its arrays. */
    for (size_t cut = 0; cut < size; cut += cut < 900 ? 13 : 7001) {
        nw_error err;
        temp_write(folder, "c.safetensors", bytes, cut);
        assert_int_equal(nw_checkpoint_read(path, a, ARRAYS, NULL, &err), NW_BAD_INPUT);
        assert_non_null(strstr(err.message, cut < header + 8 ? "not a whole safetensors file" : "cut short"));
    }
    /* Every byte of the header and some of the numbers, one bit each. */
    for (size_t at = 0; at < size; at += at < header + 8 ? 1 : 997) {
        nw_error err;
        bytes[at] ^= 1;
        temp_write(folder, "c.safetensors", bytes, size);
        bytes[at] ^= 1;
        assert_int_equal(nw_checkpoint_read(path, a, ARRAYS, NULL, &err), NW_BAD_INPUT);
        for (int i = 0; i < BIG; i++) assert_true(read_big[i] == 0);
    }
    wanted(a);
    bytes[size - 3] ^= 0x10;
    temp_write(folder, "c.safetensors", bytes, size);
    expect_read(a, ARRAYS, NW_BAD_INPUT, "damaged");
    temp_write(folder, "c.safetensors", "GIF89a, which is another kind of file altogether", 48);
    expect_read(a, ARRAYS, NW_BAD_INPUT, "not a whole safetensors file");
    free(bytes);
    /* A safetensors file, but no checkpoint. */
    nw_error err;
    json_t *metadata = json_pack("{s:s}", "narrows.format", "feature statistics 1");
    const nw_shape two = {1, {2}};
    const nw_safetensors_entry entry = {"steps", NW_F32, steps, &two};
    assert_int_equal(nw_safetensors_write(path, metadata, &entry, 1, &err), NW_OK);
    json_decref(metadata);
    expect_read(a, ARRAYS, NW_BAD_INPUT, "no checkpoint of a training");
    unlink(path);
    expect_read(a, ARRAYS, NW_IO, "cannot open");
}

static void what_cannot_be_written(void **state)
{
    (void)state;
    nw_error err;
    write_it();
    nw_checkpoint_array a[2] = {arrays[0], arrays[0]};
    assert_int_equal(nw_checkpoint_write(path, facts, a, 2, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "'layer.weight' is there twice"));
    static const char *const wrong[] = {"", "[1]", "{\"a\": 1,}", "{\"a\": 1, \"a\": 2}", "\xff"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(nw_checkpoint_write(path, wrong[i], arrays, 1, &err), NW_BAD_INPUT);
    assert_int_equal(nw_checkpoint_write(path, NULL, arrays, 1, &err), NW_BAD_INPUT);
    a[1].name = "\xff\xfe";
    assert_int_equal(nw_checkpoint_write(path, facts, a, 2, &err), NW_BAD_INPUT);
    a[1].name = "__metadata__";
    assert_int_equal(nw_checkpoint_write(path, facts, a, 2, &err), NW_BAD_INPUT);
    float none = NAN;
    a[1] = (nw_checkpoint_array){"second", &none, nw_checkpoint_list(1)};
    assert_int_equal(nw_checkpoint_write(path, facts, a, 2, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "'second'"));
    expect_whole();
    assert_int_equal(temp_count(folder), 1);
}

/* A limit on the size of files stands for a disk that fills up while the checkpoint is written. */
static void a_full_disk(void **state)
{
    (void)state;
    nw_error err;
    write_it();
    struct rlimit old, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 3; i++) {
        static const rlim_t sizes[] = {0, 600, 50000}; /* in the header, and in the numbers */
        limit = old;
        limit.rlim_cur = sizes[i];
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        weights[0] = 99;
        nw_status status = nw_checkpoint_write(path, facts, arrays, ARRAYS, &err);
        weights[0] = 1;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(status, NW_IO);
        assert_non_null(strstr(err.message, path));
        assert_non_null(strstr(err.message, "File too large"));
        expect_whole();
        assert_int_equal(temp_count(folder), 1);
    }
    signal(SIGXFSZ, handler);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(nw_checkpoint_write("/dev/full", facts, arrays, ARRAYS, &err), NW_IO);
        assert_non_null(strstr(err.message, "No space left"));
    }
    assert_int_equal(nw_checkpoint_write("/nowhere/at/all", facts, arrays, ARRAYS, &err), NW_IO);
}

static int begin(void **state)
{
    (void)state;
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/c.safetensors", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(made_elsewhere),
        cmocka_unit_test(other_networks),
        cmocka_unit_test(damaged),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(a_full_disk),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
