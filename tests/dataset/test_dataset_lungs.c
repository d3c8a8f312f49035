/* Crop to the lungs, and dark outside them: on a phantom, whose lungs are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <math.h>
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

/* The true lungs of study 1: whether a voxel has one in the box of so many mm around it. */
static bool *near(double mm)
{
    nw_volume *v;
    nw_error err;
    assert_int_equal(nw_volume_read(data_path("c/study_0001/lungs.nii.gz"), NULL, &v, &err), NW_OK);
    const nw_volume_info *info = nw_volume_get_info(v);
    bool *out = test_calloc(SLICES * AREA, sizeof *out);
    float *slice = test_calloc(AREA, sizeof *slice);
    int reach = (int)(mm / info->row_mm), deep = (int)(mm / info->slice_mm);
    for (int z = 0; z < SLICES; z++) {
        assert_int_equal(nw_volume_slice(v, z, slice, &err), NW_OK);
        for (int r = 0; r < SIDE; r++)
            for (int c = 0; c < SIDE; c++) {
                if (slice[r * SIDE + c] <= 0) continue;
                for (int k = z - deep; k <= z + deep; k++)
                    for (int y = r - reach; y <= r + reach; y++)
                        for (int x = c - reach; x <= c + reach; x++)
                            if (k >= 0 && y >= 0 && x >= 0 && k < SLICES && y < SIDE && x < SIDE)
                                out[k * AREA + y * SIDE + x] = true;
            }
    }
    test_free(slice);
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
    bool *lung = near(0), *beyond = near(40);
    float a[AREA], b[AREA], w[AREA];
    size_t kept = 0, of = 0, lit = 0, outside = 0, wider = 0, narrower = 0;
    for (size_t z = 0; z < SLICES; z++) {
        load(plain, z, NULL, a);
        load(filled, z, NULL, b);
        load(wide, z, NULL, w);
        for (size_t i = 0; i < AREA; i++) {
            /* What is there is there as it was, or dark. */
            assert_true(b[i] == a[i] || b[i] == 0);
            assert_true(w[i] == a[i] || w[i] == 0);
            wider += w[i] > 0;
            narrower += b[i] > 0;
            if (lung[z * AREA + i] && a[i] > 0) of++, kept += b[i] > 0;
            if (!beyond[z * AREA + i] && a[i] > 0.5F) outside++, lit += w[i] > 0;
        }
    }
    assert_true((double)kept / (double)of > 0.9);
    assert_true(outside > 10000 && (double)lit / (double)outside < 0.02);
    assert_true(wider > narrower + narrower / 10);
    /* Dark also where the window moves, to the least value that it shows. */
    nw_augment p = {.window_hu = 100};
    load(filled, SLICES / 2, NULL, a);
    load(filled, SLICES / 2, &p, b);
    for (size_t i = 0; i < AREA; i++)
        if (a[i] == 0 && !beyond[SLICES / 2 * AREA + i]) assert_true(b[i] == 0);
    test_free(lung), test_free(beyond);
    nw_dataset_free(plain), nw_dataset_free(filled), nw_dataset_free(wide);
}

/* Cropped, the same box of all slices fills the image: found again in the whole slices, without resizing. */
static void the_crop_is_the_box_of_the_lungs(void **state)
{
    (void)state;
    bool *lung = near(0);
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
    double best = 1e9;
    int best_box[4] = {0};
    /* Of all boxes within 3 pixels of the true one, with the margin of 10 mm, one is it. */
    double margin = 10 / nw_volume_get_info(v)->row_mm;
    int m = (int)ceil(margin);
    nw_dataset_options o = scans();
    o.lungs_crop = 1;
    o.lungs_margin_mm = 10;
    for (int dt = -3; dt <= 3; dt++)
        for (int db = -3; db <= 3; db++)
            for (int dl = -3; dl <= 3; dl++)
                for (int dr = -3; dr <= 3; dr++) {
                    int box[4] = {top - m + dt, bottom + m + db + 1, left - m + dl, right + m + dr + 1};
                    for (int k = 0; k < 4; k++) box[k] = box[k] < 0 ? 0 : box[k] > SIDE ? SIDE : box[k];
                    if (dt == -3 && db == -3 && dl == -3 && dr == -3) {
                        nw_preprocess pre = o.pre;
                        assert_int_equal(nw_preprocess_apply(&pre, v, SLICES / 2, whole, &err), NW_OK);
                        nw_dataset *d = data_open(data_path("c/cohort.csv"), &o);
                        load(d, SLICES / 2, NULL, got);
                        nw_dataset_free(d);
                    }
                    double rows = box[1] - box[0], columns = box[3] - box[2], error = 0;
                    int n = 0;
                    for (int y = 8; y < SIDE; y += 16)
                        for (int x = 8; x < SIDE; x += 16) {
                            double sy = box[0] + (y + 0.5) * rows / SIDE - 0.5,
                                   sx = box[2] + (x + 0.5) * columns / SIDE - 0.5;
                            if (sy < 0 || sx < 0 || sy >= SIDE - 1 || sx >= SIDE - 1) continue;
                            int iy = (int)sy, ix = (int)sx;
                            double fy = sy - iy, fx = sx - ix;
                            const float *p = whole + iy * SIDE + ix;
                            double want = (1 - fy) * ((1 - fx) * (double)p[0] + fx * (double)p[1]) +
                                          fy * ((1 - fx) * (double)p[SIDE] + fx * (double)p[SIDE + 1]);
                            error += fabs(want - (double)got[y * SIDE + x]);
                            n++;
                        }
                    if (n && error / n < best) {
                        best = error / n;
                        memcpy(best_box, box, sizeof box);
                    }
                }
    nw_volume_free(v);
    assert_true(best < 1e-5);
    assert_true(best_box[1] - best_box[0] < SIDE - 10);
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
