/* `narrows evaluate`: maps that are known, images that are left out, and what is refused. */
#include "cli.h"

#include <jansson.h>
#include <narrows/narrows.h>

#define MASKS DEMO "masks"

static json_t *result(const char *arguments)
{
    json_error_t error;
    expect_success(arguments);
    json_t *root = json_loads(cli_out, 0, &error);
    if (!root) fail_msg("narrows %s: %s", arguments, error.text);
    return root;
}

static json_t *measure(json_t *root, size_t method, const char *name)
{
    json_t *x = json_object_get(json_array_get(json_object_get(root, "methods"), method), name);
    if (!x) fail_msg("method %zu has no %s", method, name);
    return x;
}

static double value(json_t *root, size_t method, const char *name)
{
    json_t *x = json_object_get(measure(root, method, name), "value");
    assert_true(json_is_real(x));
    return json_real_value(x);
}

/* A picture with a bright field where the mask is: rows x columns, the field at a quarter of both. */
static void draw(const char *name, int64_t rows, int64_t columns, int field)
{
    uint8_t *p = calloc((size_t)(rows * columns), 1);
    char path[512];
    nw_error err;
    for (int64_t i = 0; i < rows * columns; i++) {
        int64_t r = i / columns, c = i % columns;
        p[i] =
            field && r >= rows / 8 && r < rows / 4 && c >= columns / 2 && c < columns - columns / 8 ? 255 : 0;
    }
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    if (nw_png_write(path, columns, rows, 1, p, &err) != NW_OK) fail_msg("%s", err.message);
    free(p);
}

static void scene(void)
{
    if (exists("masks")) return;
    assert_int_equal(system("mkdir $T/images $T/masks"), 0);
    /* The mask has twice the resolution; its border falls between pixels of the model's input too. */
    draw("images/a.png", 48, 80, 1);
    draw("masks/a.png", 96, 160, 1);
    draw("images/b.png", 80, 80, 1);
    draw("masks/b.png", 80, 80, 1);
}

/* The image is its own mask: brightness finds it, however it is turned. */
static void the_image_as_its_mask(void **state)
{
    (void)state;
    scene();
    static const char *const orients[] = {"none", "transpose", "rot90", "flip-h"};
    for (int k = 0; k < 8; k++) {
        char line[512];
        snprintf(line, sizeof line,
                 "evaluate " MODEL " $T/images --masks $T/masks --method brightness --json --mean 0.5 --std "
                                   "0.25 --orient %s --at %s",
                 orients[k / 2], k % 2 ? "image" : "input");
        json_t *root = result(line);
        assert_int_equal(json_integer_value(json_object_get(root, "images")), 2);
        assert_true(value(root, 0, "auc") > 0.99);
        assert_true(value(root, 0, "dice") > 0.93);
        assert_true(value(root, 0, "pointing") > 0.93);
        assert_true(value(root, 0, "mass") > 0.85);
        if (k % 2) assert_true(value(root, 0, "dice") > 0.999 && value(root, 0, "mass") > 0.999);
        json_decref(root);
    }
}

/* The map that explain writes, measured by the library, is what evaluate tells. */
static void the_maps_of_explain(void **state)
{
    (void)state;
    if (!exists("demo.stats")) expect_success("stats " MODEL " " COHORT " -o $T/demo.stats");
    expect_success("explain " MODEL " " IMAGE
                   " --method iba,gradcam --stats $T/demo.stats --no-picture -o $T/maps");
    json_t *root = result("evaluate " MODEL " " IMAGE " --masks " MASKS
                          " --method iba,gradcam,gradient --stats $T/demo.stats --at image --json --csv "
                          "$T/rows.csv --tolerance 3");
    static const char *const methods[] = {"iba", "gradcam"};
    nw_error err;
    nw_volume *mask = NULL;
    if (nw_volume_read(MASKS "/image.png", NULL, &mask, &err) != NW_OK) fail_msg("%s", err.message);
    for (size_t m = 0; m < 2; m++) {
        char path[512];
        nw_tensor *map = NULL;
        snprintf(path, sizeof path, "%s/maps/image.%s.npy", cli_folder, methods[m]);
        if (nw_npy_read(path, 0, &map, &err) != NW_OK) fail_msg("%s", err.message);
        const int64_t *dims = nw_tensor_dims(map);
        uint8_t *inside = malloc((size_t)nw_tensor_count(map));
        assert_int_equal(nw_mask_for_image(mask, 0, dims[0], dims[1], inside, &err), NW_OK);
        nw_localisation l;
        if (nw_localise(nw_tensor_data(map), inside, dims[0], dims[1], 3, &l, &err) != NW_OK)
            fail_msg("%s", err.message);
        assert_true(fabs(value(root, m, "auc") - l.auc.value) < 1e-6);
        assert_true(fabs(value(root, m, "pointing") - l.pointing.value) < 1e-6);
        assert_true(fabs(value(root, m, "dice") - l.dice.value) < 1e-6);
        assert_true(fabs(value(root, m, "mass") - l.mass.value) < 1e-6);
        free(inside);
        nw_tensor_unref(map);
    }
    nw_volume_free(mask);
    /* One image has no rank correlation, and its interval is the value. */
    json_t *rho = measure(root, 0, "spearman"), *auc = measure(root, 0, "auc");
    assert_non_null(json_object_get(rho, "undefined"));
    assert_true(json_is_null(json_object_get(rho, "value")));
    double low = json_number_value(json_array_get(json_object_get(auc, "interval95"), 0));
    assert_true(fabs(low - json_number_value(json_object_get(auc, "value"))) < 1e-9);
    json_decref(root);

    char path[512], csv[4096];
    snprintf(path, sizeof path, "%s/rows.csv", cli_folder);
    cli_slurp(path, csv, sizeof csv);
    assert_int_equal(strncmp(csv, "image,slice,answer,mask_share,left_out,\"iba.auc\",", 49), 0);
    int lines = 0, commas[2] = {0};
    for (const char *p = csv; *p; p++) {
        if (*p == ',' && lines < 2) commas[lines]++;
        lines += *p == '\n';
    }
    assert_int_equal(lines, 2);
    assert_int_equal(commas[0], 4 + 3 * 6);
    assert_int_equal(commas[1], commas[0]);
}

static void what_is_left_out(void **state)
{
    (void)state;
    scene();
    assert_int_equal(system("mkdir $T/some && cp $T/images/a.png $T/images/b.png $T/some/"), 0);
    draw("some/nomask.png", 40, 40, 1);
    draw("some/empty.png", 40, 40, 1);
    draw("masks/empty.png", 40, 40, 0);
    json_t *root = result("evaluate " MODEL " $T/some --masks $T/masks --method brightness --json");
    assert_int_equal(json_integer_value(json_object_get(root, "images")), 3);
    json_t *left = json_object_get(root, "left_out"), *auc = measure(root, 0, "auc");
    assert_int_equal(json_array_size(left), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(left, 0), "image")), "nomask");
    assert_int_equal(json_integer_value(json_object_get(auc, "images")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(auc, "left_out"), "the mask is empty")), 1);
    json_decref(root);
    expect_success("evaluate " MODEL " $T/some --masks $T/masks --method brightness");
    assert_non_null(strstr(cli_out, "n=2"));
    assert_non_null(strstr(cli_out, "nomask: no mask"));

    /* A mask of another form: told, the others are measured, and the exit code says so. */
    draw("some/form.png", 40, 40, 1);
    draw("masks/form.png", 40, 60, 1);
    assert_int_equal(narrows("evaluate " MODEL " $T/some --masks $T/masks --method brightness --json"), 4);
    assert_non_null(strstr(cli_err, "another form"));
    root = json_loads(cli_out, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(root, "images")), 3);
    assert_int_equal(json_array_size(json_object_get(root, "left_out")), 2);
    json_decref(root);
}

static void what_is_refused(void **state)
{
    (void)state;
    scene();
    expect_failure(2, "--masks", "evaluate " MODEL " $T/images --method brightness");
    expect_failure(5, "nowhere", "evaluate " MODEL " $T/images --method brightness --masks $T/nowhere");
    expect_failure(2, "no folder", "evaluate " MODEL " " IMAGE " --method brightness --masks " IMAGE);
    expect_failure(2, "did you mean 'brightness'",
                   "evaluate " MODEL " $T/images --masks $T/masks -m brightnes");
    expect_failure(2, "named twice", "evaluate " MODEL " $T/images --masks $T/masks -m gradcam,gradcam");
    expect_failure(2, "no layer", "evaluate " MODEL " $T/images --masks $T/masks -m gradient@x");
    expect_failure(2, "feature statistics", "evaluate " MODEL " $T/images --masks $T/masks -m iba");
    expect_failure(2, "--tolerance",
                   "evaluate " MODEL " $T/images --masks $T/masks -m brightness --tolerance -1");
    expect_failure(4, "no layer 'nolayer'",
                   "evaluate " MODEL " $T/images --masks $T/masks -m gradcam@nolayer");
    assert_int_equal(system("mkdir $T/none"), 0);
    expect_failure(4, "none of 2 images", "evaluate " MODEL " $T/images --masks $T/none -m brightness");
    expect_failure(5, "below.csv",
                   "evaluate " MODEL " $T/images --masks $T/masks -m brightness --csv $T/nothing/below.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_as_its_mask),
        cmocka_unit_test(the_maps_of_explain),
        cmocka_unit_test(what_is_left_out),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
