/* Files appear whole or not at all, and devices stay devices. */
#include "base/file.h"
#include "support.h"

#include <sys/stat.h>

static void a_full_device_is_an_error_and_stays(void **state)
{
    (void)state;
    struct stat before, after;
    if (stat("/dev/full", &before) != 0 || !S_ISCHR(before.st_mode)) skip();
    nw_error err;
    assert_int_equal(nw_file_write("/dev/full", "text", 4, &err), NW_IO);
    assert_non_null(strstr(err.message, "No space left"));
    assert_int_equal(stat("/dev/full", &after), 0);
    assert_true(S_ISCHR(after.st_mode));
    assert_int_equal(before.st_rdev, after.st_rdev);
}

static void a_pipe_gets_the_bytes(void **state)
{
    (void)state;
    int ends[2];
    char path[64], text[8] = "";
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    if (access(path, W_OK) != 0) skip();
    assert_int_equal(nw_file_write(path, "bits", 4, NULL), NW_OK);
    assert_int_equal(read(ends[0], text, sizeof text), 4);
    assert_string_equal(text, "bits");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_device_is_an_error_and_stays),
                                       cmocka_unit_test(a_pipe_gets_the_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
