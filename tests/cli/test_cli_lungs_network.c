/* `--lungs net.onnx` end to end: a small U-Net whose weights are set by hand finds the lungs of a synthetic
 * chest.
 *
 * Its encoder calls tissue what is brighter than -320 HU and takes the maximum twice; at the bottom four
 * filters look left, right, up and down for tissue, and where all four see some, it is inside the body; the
 * way up is a transposed convolution and an interpolation; and what is dark (the skip connection) and inside
 * is lung. */
#include "cli.h"
#include "support/network.h"

#include <jansson.h>
#include <narrows/narrows.h>

enum { SIZE = 64, FAR = 15, WIDE = 2 * FAR + 1 };

static void conv(ow *m, const char *in, const char *out, int64_t from, int64_t to, const float *w,
                 const float *b)
{
    char wn[32], bn[32], inputs[100];
    snprintf(wn, sizeof wn, "%s.w", out);
    snprintf(bn, sizeof bn, "%s.b", out);
    snprintf(inputs, sizeof inputs, "%s %s %s", in, wn, bn);
    ow_floats(m, wn, 4, (int64_t[]){to, from, 1, 1}, w);
    ow_floats(m, bn, 1, &to, b);
    ow_node(m, "Conv", "", inputs, out);
}

static void clip(ow *m, const char *in, const char *out)
{
    char inputs[64];
    snprintf(inputs, sizeof inputs, "%s zero one", in);
    ow_node(m, "Clip", "", inputs, out);
}

static void pool(ow *m, const char *in, const char *out)
{
    ow_node(m, "MaxPool", "", in, out);
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){2, 2});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
}

/* Ones to the left of the middle, to its right, above and below. */
static void four_ways(ow *m)
{
    static float w[4][WIDE][WIDE];
    for (int i = 1; i <= FAR; i++)
        w[0][FAR][FAR - i] = w[1][FAR][FAR + i] = w[2][FAR - i][FAR] = w[3][FAR + i][FAR] = 1;
    ow_floats(m, "ways.w", 4, (int64_t[]){4, 1, WIDE, WIDE}, &w[0][0][0]);
    ow_node(m, "Conv", "", "quarter ways.w", "ways");
    ow_attr_ints(m, "pads", 4, (int64_t[]){FAR, FAR, FAR, FAR});
}

static void write_network(const char *path)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, SIZE, SIZE});
    ow_floats(&m, "zero", 0, NULL, (const float[]){0});
    ow_floats(&m, "one", 0, NULL, (const float[]){1});
    conv(&m, "x", "contrast", 1, 1, (const float[]){40}, (const float[]){-22});
    clip(&m, "contrast", "tissue");
    conv(&m, "tissue", "dark", 1, 1, (const float[]){-1}, (const float[]){1});
    pool(&m, "tissue", "half");
    pool(&m, "half", "quarter");
    four_ways(&m);
    clip(&m, "ways", "seen");
    conv(&m, "seen", "all4", 4, 1, (const float[]){1, 1, 1, 1}, (const float[]){-3});
    clip(&m, "all4", "inside");
    ow_floats(&m, "up.w", 4, (int64_t[]){1, 1, 2, 2}, (const float[]){1, 1, 1, 1});
    ow_node(&m, "ConvTranspose", "", "inside up.w", "up1");
    ow_attr_ints(&m, "strides", 2, (int64_t[]){2, 2});
    ow_floats(&m, "scales", 1, (int64_t[]){4}, (const float[]){1, 1, 2, 2});
    ow_node(&m, "Resize", "", "up1 - scales", "up2");
    ow_attr_text(&m, "mode", "linear");
    ow_node(&m, "Concat", "", "dark up2", "both");
    ow_attr_int(&m, "axis", 1);
    conv(&m, "both", "logits", 2, 2, (const float[]){0, 0, 1, 1}, (const float[]){0, -1.5F});
    ow_output(&m, "logits");
    ow_metadata(&m, "narrows.input", "{\"modality\": \"CT\", \"window\": [-1000, 200]}");
    ow_end(&m);
    assert_int_equal(ow_save(&m, path), 0);
    ow_free(&m);
}

static nw_volume *read_volume(const char *name, const float **values, size_t *count)
{
    char path[256];
    nw_error err;
    nw_volume *v = NULL;
    nw_grid grid;
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    if (nw_volume_read(path, NULL, &v, &err) || nw_grid_of_volume(v, &grid, values, &err))
        fail_msg("%s", err.message);
    *count = (size_t)(grid.dims[0] * grid.dims[1] * grid.dims[2]);
    return v;
}

static void a_unet_finds_the_lungs(void **state)
{
    (void)state;
    char path[128];
    nw_error err;
    nw_phantom_options o = {.seed = 3, .size = SIZE, .slices = 12, .slice_mm = 22};
    snprintf(path, sizeof path, "%s/c", cli_folder);
    if (nw_phantom_cohort(&o, 1, path, NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/net.onnx", cli_folder);
    write_network(path);
    expect_success("stats " MODEL " " COHORT " -q -o $T/demo.stats");
    expect_success(
        "quantify " MODEL " $T/c/study_0001/ct.nii.gz --window -1000,200 --stats $T/demo.stats "
        "--lungs $T/net.onnx --steps 2 --samples 2 --no-gate --threshold share=0.3 --json -o $T/out");
    json_t *root = json_loads(cli_out, 0, NULL);
    assert_non_null(root);
    const float *found, *truth;
    size_t n, m;
    nw_volume *a = read_volume("out/lungs.nii.gz", &found, &n);
    nw_volume *b = read_volume("c/study_0001/lungs.nii.gz", &truth, &m);
    assert_int_equal(n, m);
    double both = 0, either = 0, sides = 0, voxels = 0;
    for (size_t i = 0; i < n; i++) {
        voxels += found[i] > 0;
        either += (found[i] > 0) + (truth[i] > 0);
        both += found[i] > 0 && truth[i] > 0;
        sides += found[i] > 0 && found[i] == truth[i];
    }
    print_message("    Dice %.3f; right and left told apart in %.1f %% of it\n", 2 * both / either,
                  100 * sides / both);
    assert_true(2 * both / either > 0.9 && sides / both > 0.98);
    json_t *lungs = json_object_get(root, "lungs");
    assert_non_null(strstr(json_string_value(json_object_get(lungs, "method")), "mask"));
    json_decref(root);
    nw_volume_free(a);
    nw_volume_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_unet_finds_the_lungs)};
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
