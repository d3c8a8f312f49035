/* Crop to the lungs, and dark outside them: on a phantom, whose lungs are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <math.h>
#include <narrows/lesion.h>
#include <narrows/phantom.h>
#include <stdbool.h>

enum { SIDE = 128, SLICES = 20, AREA = SIDE * SIDE };

static const nw_phantom_options chest = {.seed = 8, .size = SIDE, .slices = SLICES, .slice_mm = 13};

static int setup(void **state)
{
    nw_error err;
    data_setup(state);
    if (nw_phantom_cohort(&chest, 2, data_path("c"), NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    return 0;
}

static nw_dataset_options scans(void)
{
    nw_dataset_options o = {
        .pre = {
            .channels = 1, .height = SIDE, .width = SIDE, .scale = NW_SCALE_WINDOW, .low = -1000, .high = 0}};
    o.split_column = "";
    return o;
}

static void load(nw_dataset *d, size_t i, const nw_augment *p, float *dst)
{
    nw_error err;
    if (nw_dataset_load(d, NW_SPLIT_TRAIN, i, p, 0, 0, dst, &err) != NW_OK) fail_msg("%s", err.message);
}

/* The voxels of study 1 that are no farther than mm from one of the mask, by slices as shown; the mask is the
 * truth, or what nw_lungs_segment finds. */
static bool *near(bool truth, double mm)
{
    nw_volume *v;
    nw_grid grid;
    nw_lungs *lungs = NULL;
    nw_error err;
    const float *values;
    assert_int_equal(nw_volume_read(data_path(truth ? "c/study_0001/lungs.nii.gz" : "c/study_0001/ct.nii.gz"),
                                    NULL, &v, &err),
                     NW_OK);
    assert_int_equal(nw_grid_of_volume(v, &grid, &values, &err), NW_OK);
    if (!truth) assert_int_equal(nw_lungs_segment(&grid, values, NULL, NULL, &lungs, &err), NW_OK);
    const nw_volume_info *info = nw_volume_get_info(v);
    bool *out = test_calloc(SLICES * AREA, sizeof *out);
    int reach = (int)(mm / info->row_mm), deep = (int)(mm / info->slice_mm);
    for (int at = 0; at < SLICES * AREA; at++) {
        if (truth ? values[at] <= 0 : !lungs->labels[at]) continue;
        int z = at / AREA, r = at % AREA / SIDE, c = at % SIDE;
        for (int k = z - deep; k <= z + deep; k++)
            for (int y = r - reach; y <= r + reach; y++)
                for (int x = c - reach; x <= c + reach; x++) {
                    double dz = (k - z) * info->slice_mm, dy = (y - r) * info->row_mm,
                           dx = (x - c) * info->column_mm;
                    if (k < 0 || y < 0 || x < 0 || k >= SLICES || y >= SIDE || x >= SIDE) continue;
                    if (dx * dx + dy * dy + dz * dz <= mm * mm) out[k * AREA + y * SIDE + x] = true;
                }
    }
    nw_lungs_free(lungs);
    nw_volume_free(v);
    return out;
}

static void outside_the_lungs_it_is_dark(void **state)
{
    (void)state;
    nw_dataset_options o = scans();
    nw_dataset *plain = data_open(data_path("c/cohort.csv"), &o);
    o.lungs_fill = 1;
    o.lungs_margin_mm = -1;
    nw_dataset *filled = data_open(data_path("c/cohort.csv"), &o);
    o.lungs_margin_mm = 15;
    nw_dataset *wide = data_open(data_path("c/cohort.csv"), &o);
    bool *lung = near(true, 0), *exact = near(false, 0), *around = near(false, 15);
    float a[AREA], b[AREA], w[AREA], moved[AREA];
    size_t kept = 0, of = 0, wider = 0, narrower = 0;
    nw_augment p = {.window_hu = 100};
    for (size_t z = 0; z < SLICES; z++) {
        load(plain, z, NULL, a);
        load(filled, z, NULL, b);
        load(wide, z, NULL, w);
        load(filled, z, &p, moved);
        for (size_t i = 0; i < AREA; i++) {
            /* Within the margin it is as it was, else dark, in a window that moved too. */
            assert_true(b[i] == (exact[z * AREA + i] ? a[i] : 0));
            assert_true(w[i] == (around[z * AREA + i] ? a[i] : 0));
            if (!exact[z * AREA + i]) assert_true(moved[i] == 0);
            wider += w[i] > 0;
            narrower += b[i] > 0;
            if (lung[z * AREA + i] && a[i] > 0) of++, kept += b[i] > 0;
        }
    }
    /* And the lungs are the lungs. */
    assert_true(of > 10000 && (double)kept / (double)of > 0.9);
    assert_true(wider > narrower + narrower / 10);
    test_free(lung), test_free(exact), test_free(around);
    nw_dataset_free(plain), nw_dataset_free(filled), nw_dataset_free(wide);
}

/* Cropped, the same box of all slices fills the image: found again in the whole slices, without resizing. */
static void the_crop_is_the_box_of_the_lungs(void **state)
{
    (void)state;
    bool *lung = near(false, 0);
    int top = SIDE, bottom = 0, left = SIDE, right = 0;
    for (int i = 0; i < SLICES * AREA; i++) {
        int r = i % AREA / SIDE, c = i % SIDE;
        if (!lung[i]) continue;
        top = r < top ? r : top;
        bottom = r > bottom ? r : bottom;
        left = c < left ? c : left;
        right = c > right ? c : right;
    }
    test_free(lung);
    nw_volume *v;
    nw_error err;
    assert_int_equal(nw_volume_read(data_path("c/study_0001/ct.nii.gz"), NULL, &v, &err), NW_OK);
    float whole[AREA], got[AREA];
    /* Pixels of the crop, found again in the whole slice. */
    nw_dataset_options o = scans();
    o.lungs_crop = 1;
    o.lungs_margin_mm = 10;
    int m = (int)ceil(10 / nw_volume_get_info(v)->row_mm),
        box[4] = {top - m, bottom + m + 1, left - m, right + m + 1};
    for (int k = 0; k < 4; k++) box[k] = box[k] < 0 ? 0 : box[k] > SIDE ? SIDE : box[k];
    assert_true(box[0] > 5 && box[1] < SIDE - 5); /* it does cut */
    assert_int_equal(nw_preprocess_apply(&o.pre, v, SLICES / 2, whole, &err), NW_OK);
    nw_dataset *d = data_open(data_path("c/cohort.csv"), &o);
    load(d, SLICES / 2, NULL, got);
    nw_dataset_free(d);
    double rows = box[1] - box[0], columns = box[3] - box[2];
    for (int y = 1; y < SIDE - 1; y++)
        for (int x = 1; x < SIDE - 1; x++) {
            double sy = (y + 0.5) * rows / SIDE - 0.5, sx = (x + 0.5) * columns / SIDE - 0.5;
            sy = box[0] + fmin(fmax(sy, 0), rows - 1);
            sx = box[2] + fmin(fmax(sx, 0), columns - 1);
            int iy = (int)sy, ix = (int)sx, below = sy < box[1] - 1 ? SIDE : 0, beside = sx < box[3] - 1;
            double fy = sy - iy, fx = sx - ix;
            const float *p = whole + iy * SIDE + ix;
            double want = (1 - fy) * ((1 - fx) * (double)p[0] + fx * (double)p[beside]) +
                          fy * ((1 - fx) * (double)p[below] + fx * (double)p[below + beside]);
            assert_true(fabs(want - (double)got[y * SIDE + x]) < 1e-4);
        }
    nw_volume_free(v);
}

static void what_has_no_lungs_is_named(void **state)
{
    (void)state;
    nw_dataset_options o = scans();
    o.lungs_crop = 1;
    const char *text = "file,label\nstudy_0001/lungs.nii.gz,x\nstudy_0002/ct.nii.gz,y\n";
    nw_dataset *d = data_open(temp_write(data_path("c"), "odd.csv", text, strlen(text)), &o);
    float got[AREA];
    nw_error err;
    assert_int_equal(nw_dataset_load(d, NW_SPLIT_TRAIN, 0, NULL, 0, 0, got, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "study_0001/lungs.nii.gz"));
    load(d, SLICES, NULL, got);
    nw_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, data_teardown)
        WITH(outside_the_lungs_it_is_dark),
        WITH(the_crop_is_the_box_of_the_lungs),
        WITH(what_has_no_lungs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
