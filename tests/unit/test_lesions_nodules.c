/* Real scans of LIDC-IDRI: the outlines that four radiologists drew around nodules, as maps; and the lungs,
 * as pictures to look at in the build folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <narrows/lesion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 1024 };

typedef struct outline {
    double z; /* mm */
    int count, x[MOST_POINTS], y[MOST_POINTS];
} outline;

/* The text between <tag> and </tag> after *at as a number, before `end`; moves *at behind it. */
static int number(const char **at, const char *end, const char *tag, double *out)
{
    char open[32];
    snprintf(open, sizeof open, "<%s>", tag);
    const char *p = strstr(*at, open);
    if (!p || p >= end) return 0;
    *out = strtod(p + strlen(open), NULL);
    *at = p + strlen(open);
    return 1;
}

/* One <roi>. The first and last points are the same. */
static int read_roi(const char *at, const char *end, outline *out)
{
    double x, y;
    const char *inclusion = strstr(at, "<inclusion>TRUE");
    out->count = 0;
    if (!inclusion || inclusion >= end || !number(&at, end, "imageZposition", &out->z)) return 0;
    while (out->count < MOST_POINTS && number(&at, end, "xCoord", &x) && number(&at, end, "yCoord", &y)) {
        out->x[out->count] = (int)x;
        out->y[out->count++] = (int)y;
    }
    return out->count > 3;
}

/* Whether a pixel is strictly inside, by crossings; those of the outline itself are the first ones outside.
 */
static int inside(const outline *o, int x, int y)
{
    int odd = 0;
    for (int i = 0, j = o->count - 1; i < o->count; j = i++) {
        if (o->x[i] == x && o->y[i] == y) return 0;
        if ((o->y[i] > y) != (o->y[j] > y) &&
            x < o->x[i] + (double)(y - o->y[i]) * (o->x[j] - o->x[i]) / (o->y[j] - o->y[i]))
            odd = !odd;
    }
    return odd;
}

/* Pixels inside an outline from its area and length alone (Pick's theorem: A = inside + outline / 2 - 1).
 * Only for outlines that do not touch themselves; -1 else. */
static int pick(const outline *o)
{
    int twice = 0, length = 0;
    for (int i = 0; i + 1 < o->count; i++) {
        int dx = abs(o->x[i + 1] - o->x[i]), dy = abs(o->y[i + 1] - o->y[i]);
        twice += o->x[i] * o->y[i + 1] - o->x[i + 1] * o->y[i];
        if (dx > 1 || dy > 1) return -1;
        length += dx || dy;
        for (int j = 0; j < i; j++)
            if (o->x[i] == o->x[j] && o->y[i] == o->y[j]) return -1;
    }
    if (o->x[0] != o->x[o->count - 1] || o->y[0] != o->y[o->count - 1]) return -1;
    return (abs(twice) - length + 2) / 2;
}

typedef struct scan {
    nw_volume *volume;
    nw_grid grid;
    const float *hu;
    size_t count;
    nw_lungs *lungs, *whole;
} scan;

static void check(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

static scan load(int patient)
{
    char path[512];
    scan s = {.volume = NULL};
    nw_error err;
    snprintf(path, sizeof path, NW_TEST_SHARED "/data/ct-dicom-series/LIDC-IDRI-%04d", patient);
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("[  SKIP  ] no real scans at " NW_TEST_SHARED "\n");
        skip();
    }
    fclose(f);
    check(nw_volume_read(path, NULL, &s.volume, &err), &err);
    check(nw_grid_of_volume(s.volume, &s.grid, &s.hu, &err), &err);
    s.count = (size_t)(s.grid.dims[0] * s.grid.dims[1] * s.grid.dims[2]);
    check(nw_lungs_segment(&s.grid, s.hu, NULL, NULL, &s.lungs, &err), &err);
    check(nw_lungs_whole(&s.grid, s.hu, &s.whole, &err), &err);
    return s;
}

static void drop(scan *s)
{
    nw_lungs_free(s->lungs);
    nw_lungs_free(s->whole);
    nw_volume_free(s->volume);
}

/* One nodule of one reader: the volume that its outlines imply by their area and length, and where it is. */
static void check_nodule(const scan *s, const char *at, const char *end, int *seen)
{
    float *map = calloc(s->count, sizeof *map);
    double voxel = nw_grid_voxel_ml(&s->grid), picked = 0, in_lungs = 0, pixels = 0;
    int slices = 0;
    static outline o;
    for (const char *roi = strstr(at, "<roi>"); roi && roi < end; roi = strstr(roi + 1, "<roi>")) {
        const char *roi_end = strstr(roi, "</roi>");
        if (!read_roi(roi, roi_end, &o)) continue;
        double k = (o.z - s->grid.affine[2][3]) / s->grid.affine[2][2];
        if (k < -0.4 || k > (double)s->grid.dims[2] - 0.6) continue; /* slices that are not here */
        assert_true(fabs(k - floor(k + 0.5)) < 0.02);
        slices++;
        size_t plane = (size_t)(s->grid.dims[0] * s->grid.dims[1]), base = (size_t)floor(k + 0.5) * plane;
        int implied = pick(&o), counted = 0;
        for (int y = 0; y < (int)s->grid.dims[1]; y++)
            for (int x = 0; x < (int)s->grid.dims[0]; x++)
                if (inside(&o, x, y)) map[base + (size_t)(x + (int)s->grid.dims[0] * y)] = 1, counted++;
        if (implied >= 0) {
            assert_int_equal(counted, implied);
            *seen += 1;
        }
        picked += implied >= 0 ? implied : counted;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (map[i] <= 0) continue;
        pixels++;
        in_lungs += s->lungs->labels[i] != 0;
    }
    if (pixels * voxel > 0.2) {
        nw_lesion_options o2;
        nw_lesions *l;
        nw_severity v;
        nw_error err;
        nw_lesion_options_init(&o2, NULL);
        o2.rule = NW_THRESHOLD_FIXED;
        o2.threshold = 1;
        o2.min_ml = 0;
        check(nw_lesions_find(s->whole, map, s->hu, &o2, &l, &err), &err);
        assert_true(fabs(l->volume_ml - picked * voxel) < 1e-6 * l->volume_ml);
        check(nw_severity_measure(s->whole, map, l->labels, &v, &err), &err);
        assert_true(fabs(v.sides[0].involved_ml - pixels * voxel) < 1e-6);
        /* A solid nodule, not air; all of it, or nearly, is within the lungs that were found. */
        assert_true(l->items[0].mean_hu > -700 && l->items[0].mean_hu < 200);
        if (in_lungs < 0.95 * pixels)
            fail_msg("%.0f %% of a nodule is in the lungs", 100 * in_lungs / pixels);
        assert_true(l->items[0].box_mm[1][2] - l->items[0].box_mm[0][2] <=
                    (slices + 0.01) * fabs(s->grid.affine[2][2]));
        nw_lesions_free(l);
    }
    free(map);
}

static void check_patient(int patient, int xml)
{
    scan s = load(patient);
    char path[512];
    snprintf(path, sizeof path, NW_TEST_SHARED "/data/ct-dicom-series/LIDC-IDRI-%04d/%d.xml", patient, xml);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    static char text[4 << 20];
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    int seen = 0;
    for (const char *at = strstr(text, "<unblindedReadNodule>"); at;
         at = strstr(at + 1, "<unblindedReadNodule>"))
        check_nodule(&s, at, strstr(at, "</unblindedReadNodule>"), &seen);
    print_message("patient %d: %d outlines compared\n", patient, seen);
    assert_true(seen > 0);
    drop(&s);
}

static void test_patient_1(void **state)
{
    (void)state;
    check_patient(1, 69);
}

static void test_patient_2(void **state)
{
    (void)state;
    check_patient(2, 71);
}

static void test_patient_3(void **state)
{
    (void)state;
    check_patient(3, 72);
}

/* Both lungs, of like size, dark, apart from the outside; pictures for the eye. */
static void test_lungs(void **state)
{
    (void)state;
    for (int patient = 1; patient <= 3; patient++) {
        scan s = load(patient);
        const nw_lungs *l = s.lungs;
        assert_true(l->volume_ml[1] > 100 && l->volume_ml[2] > 100);
        assert_true(fabs(l->volume_ml[1] - l->volume_ml[2]) < 0.2 * l->volume_ml[0]);
        assert_true(l->mean_hu[0] > -870 && l->mean_hu[0] < -780);
        assert_true(l->filled_ml < 0.05 * l->volume_ml[0]);
        assert_true(l->warnings & NW_LUNG_CUT_TOP && l->warnings & NW_LUNG_CUT_BOTTOM);
        assert_false(l->warnings & (NW_LUNG_NO_RIGHT | NW_LUNG_NO_LEFT | NW_LUNG_CUT_SIDE | NW_LUNG_GAS));
        int64_t nx = s.grid.dims[0], ny = s.grid.dims[1], mid = s.grid.dims[2] / 2;
        uint8_t *rgb = malloc((size_t)(3 * nx * ny));
        for (int64_t i = 0; i < nx * ny; i++) {
            size_t at = (size_t)(i + mid * nx * ny);
            double grey = fmin(fmax(((double)s.hu[at] + 1200) / 1600, 0), 1) * 255;
            for (int c = 0; c < 3; c++) {
                double tint = l->labels[at] == 1 ? c == 1 : l->labels[at] == 2 ? c != 2 : 0;
                rgb[3 * i + c] = (uint8_t)(l->labels[at] ? 0.7 * grey + 70 * tint : grey);
            }
        }
        char path[512];
        nw_error err;
        snprintf(path, sizeof path, NW_TEST_BINARY "/lungs-of-patient-%d.png", patient);
        check(nw_png_write(path, nx, ny, 3, rgb, &err), &err);
        free(rgb);
        drop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patient_1),
        cmocka_unit_test(test_patient_2),
        cmocka_unit_test(test_patient_3),
        cmocka_unit_test(test_lungs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
