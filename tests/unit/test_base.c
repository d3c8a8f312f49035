/* Errors, checked memory, the string map and whole-or-nothing files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/strmap.h"
#include "tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void messages_are_one_line(void **state)
{
    (void)state;
    nw_error err;
    assert_int_equal(nw_fail(&err, NW_IO, "a\nb"), NW_IO);
    assert_string_equal(err.message, "a?b");
    assert_int_equal(nw_fail_within(&err, NW_IO, "file %d", 3), NW_IO);
    assert_string_equal(err.message, "file 3: a?b");
    assert_int_equal(nw_fail(NULL, NW_USAGE, "x"), NW_USAGE);
    assert_int_equal(nw_status_exit_code(NW_UNSUPPORTED), 3);
}

static void sizes_do_not_wrap(void **state)
{
    (void)state;
    assert_null(nw_alloc_aligned(SIZE_MAX / 2, 4));
    assert_null(nw_calloc(SIZE_MAX / 2, 4));
    int64_t n = 7;
    assert_false(nw_mul_i64(INT64_MAX, 2, &n));
    assert_int_equal(n, 7);
    nw_shape shape = {.rank = 3, .dims = {0, INT64_MAX, 4}};
    assert_false(nw_shape_count(&shape, &n));
    nw_tensor *tensor;
    nw_error err;
    assert_int_equal(nw_tensor_new(NW_F32, 3, shape.dims, &tensor, &err), NW_BAD_INPUT);
    assert_int_equal(nw_tensor_new(NW_F32, 9, shape.dims, &tensor, &err), NW_BAD_INPUT);
}

static void conversion_saturates(void **state)
{
    (void)state;
    nw_tensor *bytes, *wide;
    nw_error err;
    int64_t dims[1] = {4};
    assert_int_equal(nw_tensor_new(NW_F32, 1, dims, &wide, &err), NW_OK);
    const float values[4] = {-3.F, 300.F, 7.9F, 0.F / 1.F};
    memcpy(nw_tensor_data(wide), values, sizeof values);
    assert_int_equal(nw_tensor_convert(wide, NW_U8, &bytes, &err), NW_OK);
    const uint8_t expected[4] = {0, 255, 7, 0};
    assert_memory_equal(nw_tensor_data(bytes), expected, 4);
    nw_tensor_unref(bytes);
    nw_tensor_unref(wide);
}

static void map_finds_what_it_was_given(void **state)
{
    (void)state;
    nw_strmap map = {0};
    char keys[1000][8];
    for (int i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        assert_true(nw_strmap_set(&map, keys[i], i));
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(nw_strmap_get(&map, keys[i]), i);
    assert_int_equal(nw_strmap_get(&map, "k1000"), -1);
    assert_true(nw_strmap_set(&map, "k5", 55));
    assert_int_equal(nw_strmap_get(&map, "k5"), 55);
    assert_int_equal(map.count, 1000);
    nw_strmap_clear(&map);
}

static void output_appears_only_when_committed(void **state)
{
    (void)state;
    nw_error err;
    nw_output out;
    char folder[] = "/tmp/narrows-base-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/deep/er", folder);
    assert_int_equal(nw_make_folder(path, &err), NW_OK);
    snprintf(path, sizeof path, "%s/deep/er/file", folder);
    assert_int_equal(nw_output_open(path, &out, &err), NW_OK);
    nw_output_write(&out, "half", 4);
    assert_int_not_equal(access(path, F_OK), 0);
    nw_output_discard(&out);
    assert_int_equal(nw_file_write(path, "whole", 5, &err), NW_OK);
    nw_bytes bytes;
    assert_int_equal(nw_file_read(path, 5, &bytes, &err), NW_OK);
    assert_string_equal((char *)bytes.data, "whole");
    nw_free(bytes.data);
    assert_int_equal(nw_file_read(path, 4, &bytes, &err), NW_BAD_INPUT);
    assert_int_equal(nw_file_read(folder, 4, &bytes, &err), NW_BAD_INPUT);
    assert_int_equal(nw_make_folder(path, &err), NW_IO);
    unlink(path);
}

/* So large that several threads read it, with an end that fills no piece. */
static void large_files_are_read_whole(void **state)
{
    (void)state;
    nw_error err;
    nw_bytes bytes;
    size_t size = ((size_t)5 << 20) + 12345;
    unsigned char *data = malloc(size);
    for (size_t i = 0; i < size; i++) data[i] = (unsigned char)(i * 2654435761u >> 13);
    char path[] = "/tmp/narrows-base-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(nw_file_write(path, data, size, &err), NW_OK);
    for (int threads = 1; threads <= 3; threads++) {
        int before = nw_threads_set(threads);
        assert_int_equal(nw_file_read(path, size, &bytes, &err), NW_OK);
        assert_int_equal(bytes.size, size);
        assert_memory_equal(bytes.data, data, size);
        assert_int_equal(bytes.data[size], 0);
        nw_free(bytes.data);
        assert_int_equal(nw_file_read(path, size - 1, &bytes, &err), NW_BAD_INPUT);
        nw_threads_set(before);
    }
    unlink(path);
    free(data);
}

static void full_disk_is_reported(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    nw_error err;
    nw_output out = {.stream = fopen("/dev/full", "wb"), .path = nw_strdup("/dev/full"),
                     .temporary = nw_strdup("/nonexistent/file")};
    assert_non_null(out.stream);
    nw_output_write(&out, "data", 4);
    assert_int_equal(nw_output_commit(&out, &err), NW_IO);
    assert_non_null(strstr(err.message, "No space left"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_one_line),    cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(conversion_saturates),     cmocka_unit_test(map_finds_what_it_was_given),
        cmocka_unit_test(output_appears_only_when_committed), cmocka_unit_test(large_files_are_read_whole),
        cmocka_unit_test(full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
