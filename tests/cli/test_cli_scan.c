/* narrows scan: what it lists, and that it names nobody. */
#include "cli.h"

#include "support/dicom_make.h"

#include <jansson.h>

static void study(void)
{
    static uint16_t pixels[64];
    for (int k = 0; k < 4; k++) {
        dicom_image image = dicom_image_default();
        char name[32];
        image.position[2] = 2.5 * k;
        image.pixels = pixels;
        dicom_bytes b = dicom_make(&image);
        snprintf(name, sizeof name, "%d", k * 7 % 4);
        temp_write(cli_folder, name, b.data, b.size);
        free(b.data);
    }
    dicom_image scout = dicom_image_default();
    scout.series = "1.2.3.77";
    scout.type = "ORIGINAL\\PRIMARY\\LOCALIZER";
    scout.pixels = pixels;
    scout.series_number = 1;
    dicom_bytes b = dicom_make(&scout);
    temp_write(cli_folder, "scout", b.data, b.size);
    free(b.data);
}

static void nobody_is_named(void)
{
    if (strstr(cli_out, "SECRET") || strstr(cli_err, "SECRET"))
        fail_msg("patient data: %s%s", cli_out, cli_err);
}

static void series_are_listed(void **state)
{
    (void)state;
    study();
    expect_success("scan $T");
    nobody_is_named();
    assert_non_null(strstr(cli_out, "*       1  CT axial"));
    assert_non_null(strstr(cli_out, "2.5 x 1 x 1"));
    assert_non_null(strstr(cli_out, "no: it is a localizer"));
    assert_null(strstr(cli_out, "1.2.3"));
    expect_success("scan -v --json $T");
    nobody_is_named();
    assert_null(strstr(cli_out, "1.2.3"));
    json_t *root = json_loads(cli_out, 0, NULL), *series = json_object_get(root, "series");
    assert_int_equal(json_array_size(series), 2);
    json_t *first = json_array_get(series, 0);
    assert_true(json_is_true(json_object_get(first, "usable")));
    assert_true(json_is_true(json_object_get(first, "chosen")));
    assert_int_equal(json_integer_value(json_object_get(first, "slices")), 4);
    assert_true(json_real_value(json_object_get(first, "slice_mm")) == 2.5);
    json_decref(root);
    expect_success("scan --uids $T");
    nobody_is_named();
    assert_non_null(strstr(cli_out, "1.2.3.77"));
    expect_success("scan --descriptions $T");
    assert_non_null(strstr(cli_out, "SECRETSERIES")); /* asked for */
    assert_null(strstr(cli_out, "SECRET^NAME"));
}

static void nothing_to_list(void **state)
{
    (void)state;
    char empty[128];
    snprintf(empty, sizeof empty, "%s/empty", cli_folder);
    assert_int_equal(mkdir(empty, 0700), 0);
    expect_failure(4, "no DICOM image in the folder", "scan $T/empty");
    expect_failure(5, "cannot open", "scan $T/absent");
    expect_failure(2, "", "scan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(series_are_listed, cli_setup, cli_teardown),
        cmocka_unit_test_setup_teardown(nothing_to_list, cli_setup, cli_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
