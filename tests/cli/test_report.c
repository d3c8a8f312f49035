/* Colour maps, ticks, the overlay and the manifest. */
#include "base/file.h"
#include "report/canvas.h"
#include "report/ticks.h"
#include "support.h"

#include <jansson.h>
#include <narrows/report.h>

static double lightness(const unsigned char rgb[3])
{
    double y = 0;
    const double share[3] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; i++) {
        double v = rgb[i] / 255.0;
        y += share[i] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return y > 216 / 24389.0 ? 116 * cbrt(y) - 16 : y * 24389 / 27; /* CIE L* */
}

static void colour_maps_grow_lighter_evenly(void **state)
{
    (void)state;
    for (size_t m = 0; m < nw_colormap_count(); m++) {
        double before = -1, first = 0, last = 0;
        for (int i = 0; i <= 64; i++) {
            unsigned char rgb[3];
            assert_int_equal(nw_colormap_rgb(nw_colormap_name(m), i / 64.0, rgb, NULL), NW_OK);
            double l = lightness(rgb);
            if (!(l > before))
                fail_msg("%s gets darker at %d: %g after %g", nw_colormap_name(m), i, l, before);
            if (i == 0) first = l;
            before = last = l;
        }
        if (last - first < 60) fail_msg("%s spans %g of lightness only", nw_colormap_name(m), last - first);
    }
    unsigned char rgb[3];
    nw_error err;
    assert_int_equal(nw_colormap_rgb("jet", 0.5, rgb, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "jet"));
}

static void ticks_are_round_and_carry_prefixes(void **state)
{
    (void)state;
    nw_ticks t;
    nw_ticks_make(0.0042, "bit/px", 5, &t);
    assert_string_equal(t.unit, "mbit/px");
    assert_int_equal(t.count, 5);
    assert_string_equal(t.text[4], "4");
    assert_true(fabs(t.value[4] - 0.004) < 1e-12);
    nw_ticks_make(1.0, "bit/px", 5, &t);
    assert_string_equal(t.unit, "bit/px");
    assert_string_equal(t.text[1], "0.2");
    assert_int_equal(t.count, 6);
    nw_ticks_make(3.1e-7, "", 5, &t);
    assert_string_equal(t.unit, "\xc3\x97 1e-9");
    assert_string_equal(t.text[1], "100");
    nw_ticks_make(1e-30, "bit/px", 5, &t);
    assert_true(t.count >= 1 && t.count <= NW_MAX_TICKS);
}

/* Where the map is zero the overlay is the image; where it is highest it is the end of the colour map. */
static void overlay_shows_image_and_map(void **state)
{
    (void)state;
    enum { N = 32, PANEL = 320, MARGIN = 18, GAP = 12 };
    float image[N * N], map[N * N] = {0};
    for (int i = 0; i < N * N; i++) image[i] = i % N < N / 2 ? 0.0f : 1.0f;
    for (int y = 20; y < 28; y++)
        for (int x = 4; x < 12; x++) map[y * N + x] = 2.0f;
    nw_overlay spec = {.image = image, .map = map, .rows = N, .columns = N, .panel = PANEL, .unit = "bit/px"};
    nw_picture p;
    assert_int_equal(nw_overlay_draw(&spec, &p, NULL), NW_OK);
    assert_true(p.height == PANEL + 2 * MARGIN && p.width > 2 * PANEL + 2 * MARGIN);
    unsigned char top[3];
    nw_colormap_rgb(NULL, 1, top, NULL);
#define AT(panel, x, y)                                                                                      \
    (p.rgb + 3 * ((size_t)(MARGIN + 10 * (y) + 5) * (size_t)p.width +                                        \
                  (size_t)(MARGIN + (panel) * (PANEL + GAP) + 10 * (x) + 5)))
    assert_int_equal(AT(0, 2, 2)[0], 0);
    assert_int_equal(AT(0, 30, 2)[1], 255);
    assert_int_equal(AT(1, 2, 2)[0], 0);
    assert_int_equal(AT(1, 30, 28)[2], 255);
    for (int i = 0; i < 3; i++) {
        double want = 0.85 * top[i];
        if (fabs(AT(1, 8, 24)[i] - want) > 2) fail_msg("channel %d is %d, not %g", i, AT(1, 8, 24)[i], want);
    }
    nw_picture_free(&p);

    /* What was found is outlined over the map, and nowhere else. */
    float found[N * N] = {0};
    for (int y = 4; y < 12; y++)
        for (int x = 20; x < 28; x++) found[y * N + x] = 1;
    spec.found = found;
    for (int i = 0; i < N * N; i++) image[i] = i % N == 0;
    assert_int_equal(nw_overlay_draw(&spec, &p, NULL), NW_OK);
    const unsigned char *edge = AT(1, 24, 12) - 3 * 5 * (size_t)p.width; /* between rows 11 and 12 */
    assert_true(edge[0] > 180 && edge[1] > 180 && edge[2] > 180);
    assert_true(AT(1, 24, 8)[0] == 0 && AT(1, 24, 15)[0] == 0);
    edge = AT(0, 24, 12) - 3 * 5 * (size_t)p.width;
    assert_int_equal(edge[0], 0);
    nw_picture_free(&p);
    map[0] = NAN;
    nw_error err;
    assert_int_equal(nw_overlay_draw(&spec, &p, &err), NW_NOT_FINITE);
}

static void text_stays_inside_its_width(void **state)
{
    (void)state;
    const nw_rgb black = {0, 0, 0}, white = {255, 255, 255};
    nw_picture p;
    assert_int_equal(nw_picture_new(400, 60, black, &p, NULL), NW_OK);
    nw_text(&p, 10, 10, 1.5, "a rather long line that cannot fit into so little room", 150, white);
    long lit = 0;
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++) {
            if (!p.rgb[3 * (y * p.width + x)]) continue;
            lit++;
            if (x < 7 || x > 164) fail_msg("ink at column %d", x);
        }
    assert_true(lit > 300);
    nw_text(&p, -50, -50, 3, "clipped \xff\xfe", 0, white); /* must not write outside */
    nw_picture_free(&p);
}

static void manifest_builds_a_tree(void **state)
{
    (void)state;
    char folder[] = "/tmp/narrows-report-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    nw_manifest *m;
    assert_int_equal(nw_manifest_new("explain", &m, NULL), NW_OK);
    nw_manifest_text(m, "model.digest", "abc");
    nw_manifest_number(m, "images.0.total_bits", 12.5);
    nw_manifest_text(m, "images.1.name", "b\xff.png");
    nw_manifest_number(m, "images.1.total_bits", NAN);
    nw_manifest_numbers(m, "images.1.loss", (double[]){3, 2}, 2);
    nw_manifest_json(m, "parameters.beta", "{\"value\": 10}");
    nw_manifest_integer(m, "files.a\\.png", 3);
    nw_error err;
    assert_int_equal(nw_manifest_write(m, path, &err), NW_OK);
    nw_bytes bytes;
    assert_int_equal(nw_file_read(path, 1 << 20, &bytes, &err), NW_OK);
    json_t *root = json_loads((const char *)bytes.data, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "schema_version")), NW_MANIFEST_VERSION);
    json_t *images = json_object_get(root, "images");
    assert_int_equal(json_array_size(images), 2);
    assert_true(json_real_value(json_object_get(json_array_get(images, 0), "total_bits")) == 12.5);
    assert_string_equal(json_string_value(json_object_get(json_array_get(images, 1), "name")), "b?.png");
    assert_true(json_is_null(json_object_get(json_array_get(images, 1), "total_bits")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "files"), "a.png")), 3);
    json_decref(root);
    nw_free(bytes.data);
    unlink(path);

    nw_manifest_text(m, "model.digest.more", "through a text");
    assert_int_equal(nw_manifest_write(m, path, &err), NW_FAILED);
    assert_non_null(strstr(err.message, "model.digest.more"));
    assert_int_not_equal(access(path, F_OK), 0);
    nw_manifest_free(m);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colour_maps_grow_lighter_evenly),
        cmocka_unit_test(ticks_are_round_and_carry_prefixes),
        cmocka_unit_test(overlay_shows_image_and_map),
        cmocka_unit_test(text_stays_inside_its_width),
        cmocka_unit_test(manifest_builds_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
