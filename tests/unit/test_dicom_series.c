/* DICOM series made here, of which every voxel's value is a linear function of its place in the patient:
 * however the slices are turned, ordered or shifted, the volume must give that function back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dicom_make.h"
#include "support/temp_folder.h"

#include <math.h>
#include <narrows/scan.h>

enum { SIDE = 12 };

static char folder[64];
static int files;

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    files = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

/* HU at a place in mm, LPS; within the range of 12 bits. */
static double truth(const double p[3])
{
    return 120 + 3 * p[0] - 2 * p[1] + 1.5 * p[2];
}

static void save(const dicom_image *image)
{
    char name[32];
    dicom_bytes b = dicom_make(image);
    files++;
    snprintf(name, sizeof name, "%08x", (unsigned)files * 2654435761U); /* no order */
    temp_write(folder, name, b.data, b.size);
    free(b.data);
}

/* The image with the pixels that the truth asks for, before slope and intercept are taken off. */
static void fill(const dicom_image *image, const double position[3], int16_t *pixels)
{
    for (int r = 0; r < image->rows; r++)
        for (int c = 0; c < image->columns; c++) {
            double p[3];
            for (int a = 0; a < 3; a++)
                p[a] = position[a] + image->orientation[a] * image->spacing[1] * c +
                       image->orientation[3 + a] * image->spacing[0] * r;
            pixels[r * image->columns + c] = (int16_t)lround((truth(p) - image->inter) / image->slope);
        }
}

static void save_filled(dicom_image *image)
{
    int16_t pixels[SIDE * SIDE];
    fill(image, image->position, pixels);
    image->pixels = pixels;
    save(image);
}

/* A position for slice k: `step` mm along the normal, and `lean` mm along the columns. */
static void place(dicom_image *image, double k, double step, double lean)
{
    const double *row = image->orientation, *column = row + 3;
    for (int a = 0; a < 3; a++) {
        double normal = row[(a + 1) % 3] * column[(a + 2) % 3] - row[(a + 2) % 3] * column[(a + 1) % 3];
        image->position[a] = -10 + 5 * a + k * (step * normal + lean * column[a]);
    }
}

static dicom_image image_of(void)
{
    dicom_image image = dicom_image_default();
    image.rows = SIDE;
    image.columns = SIDE - 2;
    image.spacing[0] = 0.8;
    image.spacing[1] = 0.7;
    return image;
}

static nw_volume *read_with(const nw_read_options *options)
{
    nw_error err;
    nw_volume *v = NULL;
    if (nw_volume_read(folder, options, &v, &err) != NW_OK) fail_msg("%s", err.message);
    return v;
}

static void refused_with(const nw_read_options *options, const char *word)
{
    nw_error err;
    nw_volume *v = NULL;
    assert_int_equal(nw_volume_read(folder, options, &v, &err), NW_BAD_INPUT);
    if (!strstr(err.message, word)) fail_msg("'%s' lacks '%s'", err.message, word);
}

static float *voxels_of(const nw_volume *v)
{
    const nw_volume_info *info = nw_volume_get_info(v);
    float *all = malloc((size_t)(info->dims[0] * info->dims[1] * info->dims[2]) * sizeof *all);
    float *slice = malloc((size_t)(info->rows * info->columns) * sizeof *slice);
    for (int64_t s = 0; s < info->slices; s++) {
        assert_int_equal(nw_volume_slice(v, s, slice, NULL), NW_OK);
        assert_int_equal(nw_volume_put_slice(v, s, slice, all, NULL), NW_OK);
    }
    free(slice);
    return all;
}

/* Every voxel is the truth at its place, to `tolerance`; -1024 is outside, of which at most `outside` are. */
static void check_truth(const nw_volume *v, double tolerance, int64_t outside)
{
    const nw_volume_info *info = nw_volume_get_info(v);
    float *all = voxels_of(v);
    int64_t at = 0, empty = 0;
    for (int64_t k = 0; k < info->dims[2]; k++)
        for (int64_t j = 0; j < info->dims[1]; j++)
            for (int64_t i = 0; i < info->dims[0]; i++, at++) {
                double p[3];
                for (int a = 0; a < 3; a++)
                    p[a] = (info->affine[a][0] * (double)i + info->affine[a][1] * (double)j +
                            info->affine[a][2] * (double)k + info->affine[a][3]) *
                           (a < 2 ? -1 : 1);
                if (all[at] == -1024)
                    empty++;
                else if (!(fabs((double)all[at] - truth(p)) <= tolerance))
                    fail_msg("voxel %lld %lld %lld is %g, not %g", (long long)i, (long long)j, (long long)k,
                             (double)all[at], truth(p));
            }
    free(all);
    if (empty > outside) fail_msg("%lld voxels are outside", (long long)empty);
}

static void any_orientation(void **state)
{
    (void)state;
    const double turned[5][6] = {{1, 0, 0, 0, 1, 0},
                                 {-1, 0, 0, 0, -1, 0},
                                 {1, 0, 0, 0, 0, -1},
                                 {0, 1, 0, 0, 0, -1},
                                 {0.8, 0.36, -0.48, 0, 0.8, 0.6}};
    for (int t = 0; t < 5; t++)
        for (int direction = -1; direction <= 1; direction += 2) {
            temp_remove(folder);
            setup(NULL);
            for (int k = 0; k < 7; k++) {
                dicom_image image = image_of();
                memcpy(image.orientation, turned[t], sizeof turned[t]);
                image.instance = k + 1;
                place(&image, k * direction, 1.25, 0);
                save_filled(&image);
            }
            nw_volume *v = read_with(NULL);
            const nw_volume_info *info = nw_volume_get_info(v);
            assert_string_equal(nw_volume_warning(v), "");
            assert_int_equal(info->dims[0], SIDE - 2);
            assert_int_equal(info->dims[1], SIDE);
            assert_int_equal(info->dims[2], 7);
            assert_true(fabs(info->spacing[2] - 1.25) < 1e-6);
            check_truth(v, 0.501, 0);
            /* Written as NIfTI and read again: the same places. */
            char path[128];
            nw_error err;
            nw_volume *again;
            snprintf(path, sizeof path, "%s/map.nii", folder);
            float *all = voxels_of(v);
            if (nw_nifti_write(path, v, all, "HU", &err) != NW_OK) fail_msg("%s", err.message);
            if (nw_volume_read(path, NULL, &again, &err) != NW_OK) fail_msg("%s", err.message);
            for (int r = 0; r < 3; r++)
                for (int c = 0; c < 4; c++)
                    assert_true(fabs(nw_volume_get_info(again)->affine[r][c] - info->affine[r][c]) < 1e-5);
            check_truth(again, 0.501, 0);
            free(all);
            nw_volume_free(again);
            nw_volume_free(v);
        }
}

/* Bits, signs and rescales, another for each slice; MONOCHROME1 does not touch HU. */
static void samples(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        dicom_image image = image_of();
        int16_t pixels[SIDE * SIDE];
        uint8_t bytes[SIDE * SIDE];
        place(&image, k, 2, 0);
        image.photometric = k % 2 ? "MONOCHROME1" : "MONOCHROME2";
        image.slope = 0.5 + 0.25 * (k % 3);
        image.is_signed = k % 2;
        image.inter = image.is_signed ? 17 : -800 - k;
        if (k == 5) image.slope = 1, image.inter = 0, image.is_signed = 0;
        fill(&image, image.position, pixels);
        image.pixels = pixels;
        if (k < 4) { /* 12 of 16 bits, with an overlay in those above or below */
            image.stored = 12;
            image.high = k < 2 ? 11 : 13;
            for (int i = 0; i < image.rows * image.columns; i++) {
                uint16_t stored = (uint16_t)(pixels[i] & 0xfff);
                pixels[i] = (int16_t)(k < 2 ? stored | 0x5000 * (i & 1) : stored << 2 | (i & 3) | 0x8000);
            }
        }
        if (k == 5) {
            image.allocated = image.stored = 8;
            image.high = 7;
            for (int i = 0; i < image.rows * image.columns; i++) bytes[i] = (uint8_t)pixels[i];
            image.pixels = bytes;
            char name[128];
            dicom_bytes b = dicom_make(&image);
            nw_error err;
            nw_volume *v;
            snprintf(name, sizeof name, "%s/.bytes", folder); /* alone: one file */
            temp_write(folder, ".bytes", b.data, b.size);
            free(b.data);
            if (nw_volume_read(name, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
            check_truth(v, 0.501, 0);
            assert_non_null(strstr(nw_volume_warning(v), "single slice"));
            nw_volume_free(v);
            break;
        }
        save(&image);
    }
    nw_volume *v = read_with(NULL);
    check_truth(v, 0.51, 0);
    nw_volume_free(v);
}

static void padding(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        dicom_image image = image_of();
        int16_t pixels[SIDE * SIDE];
        place(&image, k, 2, 0);
        image.inter = -1000;
        image.padded = true;
        image.padding = 63536; /* -2000 */
        image.padded_range = k == 2;
        image.padding_limit = 63546; /* -1990 */
        fill(&image, image.position, pixels);
        for (int i = 0; i < 5; i++) pixels[i] = -2000;
        pixels[5] = -1995; /* padding where there is a range */
        image.pixels = pixels;
        save(&image);
    }
    nw_volume *v = read_with(NULL);
    float *all = voxels_of(v);
    int64_t plane = SIDE * (SIDE - 2);
    assert_int_equal(nw_volume_get_info(v)->padded, 16);
    assert_true(all[0] == -1024 && all[4] == -1024 && all[5] == -2995);
    assert_true(all[2 * plane + 5] == -1024);
    free(all);
    nw_volume_free(v);
    v = read_with(&(nw_read_options){.keep_padding = 1});
    all = voxels_of(v);
    assert_true(all[0] == -3000 && all[2 * plane + 5] == -2995);
    assert_int_equal(nw_volume_get_info(v)->padded, 0);
    free(all);
    nw_volume_free(v);
}

static void gaps(void **state)
{
    (void)state;
    nw_read_options accept = {.accept_gaps = 1};
    for (int k = 0; k < 9; k++) {
        if (k == 3 || k == 6 || k == 7) continue;
        dicom_image image = image_of();
        place(&image, k, 2, 0);
        save_filled(&image);
    }
    refused_with(NULL, "3 slices are missing");
    refused_with(&(nw_read_options){.series = "1"}, "3 slices are missing");
    nw_volume *v = read_with(&accept);
    assert_int_equal(nw_volume_get_info(v)->dims[2], 9);
    assert_non_null(strstr(nw_volume_warning(v), "interpolated"));
    check_truth(v, 0.51, 0);
    nw_volume_free(v);

    /* Positions that are uneven: a little is said, much is refused. */
    for (int much = 0; much < 2; much++) {
        temp_remove(folder);
        setup(NULL);
        for (int k = 0; k < 8; k++) {
            dicom_image image = image_of();
            place(&image, k + (k % 3 == 1 ? (much ? 0.4 : 0.06) : 0), 2, 0);
            save_filled(&image);
        }
        if (much) refused_with(NULL, "the distance between slices goes from");
        v = read_with(much ? &accept : NULL);
        assert_non_null(strstr(nw_volume_warning(v), much ? "interpolated" : "taken as even"));
        check_truth(v, much ? 0.51 : 0.75, 0);
        nw_volume_free(v);
    }
}

static void doubled(void **state)
{
    (void)state;
    /* A copy of a file is left out. */
    for (int k = 0; k < 5; k++) {
        dicom_image image = image_of();
        place(&image, k, 2, 0);
        save_filled(&image);
        if (k == 2) save_filled(&image);
    }
    nw_volume *v = read_with(NULL);
    assert_int_equal(nw_volume_get_info(v)->dims[2], 5);
    assert_non_null(strstr(nw_volume_warning(v), "1 copies"));
    check_truth(v, 0.51, 0);
    nw_volume_free(v);
    /* Another image at the same place is not. */
    dicom_image other = image_of();
    place(&other, 2, 2, 0);
    other.instance = 9;
    other.inter = -50;
    save_filled(&other);
    refused_with(NULL, "different images at the same position");
    v = read_with(&(nw_read_options){.accept_gaps = 1});
    check_truth(v, 0.51, 0);
    nw_volume_free(v);
    /* Two at each position are two volumes. */
    temp_remove(folder);
    setup(NULL);
    for (int k = 0; k < 5; k++)
        for (int phase = 0; phase < 2; phase++) {
            dicom_image image = image_of();
            int16_t pixels[SIDE * SIDE];
            place(&image, k, 2, 0);
            image.acquisition = phase + 1;
            image.instance = phase ? 5 - k : k; /* in the other direction */
            fill(&image, image.position, pixels);
            image.inter = 1000 * phase;
            image.pixels = pixels;
            save(&image);
        }
    for (int phase = 0; phase < 2; phase++) {
        v = read_with(&(nw_read_options){.volume = phase});
        assert_int_equal(nw_volume_get_info(v)->volumes, 2);
        float *all = voxels_of(v);
        assert_true(all[0] < 900 ? phase == 0 : phase == 1);
        free(all);
        nw_volume_free(v);
    }
    refused_with(&(nw_read_options){.volume = 2}, "no volume 2");
}

static void tilt(void **state)
{
    (void)state;
    for (int k = 0; k < 9; k++) {
        dicom_image image = image_of();
        const double leaning[6] = {1, 0, 0, 0, cos(0.3), -sin(0.3)};
        memcpy(image.orientation, leaning, sizeof leaning);
        place(&image, k, 2, 2 * tan(0.3)); /* the table moves straight */
        save_filled(&image);
    }
    nw_scan_list *list;
    nw_error err;
    assert_int_equal(nw_scan_list_new(folder, NULL, &list, &err), NW_OK);
    assert_true(fabs(nw_scan_list_get(list, 0)->tilt - 0.3 * 180 / acos(-1)) < 1e-3);
    nw_scan_list_free(list);
    nw_volume *v = read_with(NULL);
    const nw_volume_info *info = nw_volume_get_info(v);
    assert_non_null(strstr(nw_volume_warning(v), "17.2 degrees"));
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < a; b++) {
            double product = 0;
            for (int r = 0; r < 3; r++) product += info->affine[r][a] * info->affine[r][b];
            assert_true(fabs(product) < 1e-9);
        }
    /* 9 slices moved by up to 4.95 mm or 6.2 rows of 12: the grid has 19, of which 7 or 8 are empty in each.
     */
    assert_int_equal(info->dims[1], SIDE + 7);
    check_truth(v, 0.51, 9 * 8 * (SIDE - 2));
    nw_volume_free(v);
}

static void choice(void **state)
{
    (void)state;
    nw_error err;
    for (int k = 0; k < 12; k++) {
        dicom_image image = image_of();
        place(&image, k, 2, 0);
        image.series_number = 2;
        if (k >= 8) { /* scouts of the same series */
            const double coronal[6] = {1, 0, 0, 0, 0, -1};
            image.type = "ORIGINAL\\PRIMARY\\LOCALIZER";
            memcpy(image.orientation, coronal, sizeof coronal);
        }
        save_filled(&image);
    }
    for (int k = 0; k < 30; k++) {
        dicom_image image = image_of();
        place(&image, k, 1, 0);
        image.series_number = 3 + k % 3;
        image.series = k % 3 == 0 ? "1.2.3.50" : k % 3 == 1 ? "1.2.3.51" : "1.2.3.4.51";
        if (k % 3 == 0) image.modality = "MR";
        if (k % 3 == 1) image.type = "DERIVED\\SECONDARY\\REFORMATTED";
        if (k % 3 == 2 && k > 20) continue; /* the shorter CT series */
        save_filled(&image);
    }
    temp_write(folder, "notes.txt", "no image", 8);
    nw_scan_list *list;
    assert_int_equal(nw_scan_list_new(folder, NULL, &list, &err), NW_OK);
    assert_int_equal(nw_scan_list_count(list), 5);
    assert_int_equal(nw_scan_list_foreign(list), 1);
    size_t chosen;
    if (nw_scan_list_choose(list, NULL, &chosen, &err) != NW_OK) fail_msg("%s", err.message);
    const nw_series *s = nw_scan_list_get(list, chosen);
    assert_int_equal(s->slices, 8);
    assert_int_equal(s->plane, NW_PLANE_AXIAL);
    assert_string_equal(s->uid, "1.2.3.4");
    assert_null(s->description);
    int localizers = 0, derived = 0, unusable = 0;
    for (size_t i = 0; i < 5; i++) {
        const nw_series *other = nw_scan_list_get(list, i);
        localizers += other->localizer;
        derived += other->derived;
        unusable += !other->usable;
        assert_true(other->usable == !other->reason[0]);
    }
    assert_int_equal(localizers, 1);
    assert_int_equal(derived, 1);
    assert_int_equal(unusable, 2); /* localizers, MR */
    assert_int_equal(nw_scan_list_choose(list, "1.2.3.50", &chosen, &err), NW_OK);
    assert_string_equal(nw_scan_list_get(list, chosen)->modality, "MR");
    assert_int_equal(nw_scan_list_choose(list, "51", &chosen, &err), NW_BAD_INPUT); /* two end so */
    assert_int_equal(nw_scan_list_choose(list, "3.51", &chosen, &err), NW_OK);
    assert_int_equal(nw_scan_list_choose(list, "2.51", &chosen, &err), NW_BAD_INPUT);
    assert_int_equal(nw_scan_list_choose(list, "6", &chosen, &err), NW_BAD_INPUT);
    assert_int_equal(nw_scan_list_choose(list, "5", &chosen, &err), NW_OK);
    assert_int_equal(chosen, 4);
    nw_scan_list_free(list);
    nw_volume *v = read_with(&(nw_read_options){.series = "1.2.3.50"});
    assert_int_equal(nw_volume_get_info(v)->dims[2], 10);
    check_truth(v, 0.51, 0);
    nw_volume_free(v);
    v = read_with(NULL);
    assert_int_equal(nw_volume_get_info(v)->dims[2], 8);
    nw_volume_free(v);
    /* The folder is one input of a list, not 42. */
    const char *paths[1] = {folder};
    nw_input_list *inputs;
    assert_int_equal(nw_input_list_new(paths, 1, NULL, &inputs, &err), NW_OK);
    assert_int_equal(nw_input_list_count(inputs), 1);
    nw_input_list_free(inputs);
}

static void multiframe(void **state)
{
    (void)state;
    enum { FRAMES = 6 };
    static int16_t pixels[FRAMES][SIDE * (SIDE - 2)];
    double positions[FRAMES][3];
    dicom_image image = image_of();
    image.inter = -300;
    image.slope = 0.5;
    for (int f = 0; f < FRAMES; f++) {
        place(&image, f * 5 % FRAMES, 1.5, 0);
        memcpy(positions[f], image.position, sizeof image.position);
        fill(&image, image.position, pixels[f]);
    }
    image.frames = FRAMES;
    image.positions = positions;
    image.pixels = pixels;
    save(&image);
    nw_volume *v = read_with(NULL);
    assert_int_equal(nw_volume_get_info(v)->dims[2], FRAMES);
    check_truth(v, 0.26, 0);
    nw_volume_free(v);
}

/* X-rays and colours: no geometry. */
static void pictures(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *v;
    dicom_image image = image_of();
    uint16_t grey[4] = {0, 1, 1000, 4095};
    image.placed = false;
    image.modality = "DX";
    image.photometric = "MONOCHROME1";
    image.rows = image.columns = 2;
    image.stored = 12, image.high = 11, image.is_signed = 0;
    image.pixels = grey;
    save(&image);
    uint8_t colour[6] = {10, 20, 30, 76, 85, 255};
    dicom_image rgb = image;
    rgb.sop = "1.2.9";
    rgb.allocated = rgb.stored = 8, rgb.high = 7;
    rgb.samples = 3, rgb.rows = 1;
    rgb.photometric = "YBR_FULL";
    rgb.pixels = colour;
    dicom_bytes b = dicom_make(&rgb);
    char path[128];
    snprintf(path, sizeof path, "%s/.colour", folder);
    temp_write(folder, ".colour", b.data, b.size);
    free(b.data);
    const char *paths[1] = {folder};
    nw_input_list *inputs;
    if (nw_input_list_new(paths, 1, NULL, &inputs, &err) != NW_OK) fail_msg("%s", err.message);
    if (nw_volume_read(nw_input_list_get(inputs, 0)->path, NULL, &v, &err) != NW_OK)
        fail_msg("%s", err.message);
    nw_input_list_free(inputs);
    float slice[6];
    assert_int_equal(nw_volume_get_info(v)->kind, NW_KIND_PICTURE);
    assert_true(nw_volume_get_info(v)->full_scale == 4095);
    assert_int_equal(nw_volume_slice(v, 0, slice, &err), NW_OK);
    assert_true(slice[0] == 4095 && slice[1] == 4094 && slice[2] == 3095 && slice[3] == 0);
    nw_volume_free(v);
    if (nw_volume_read(path, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_volume_get_info(v)->channels, 3);
    assert_int_equal(nw_volume_slice(v, 0, slice, &err), NW_OK);
    /* Y 76, Cb 85, Cr 255 is red, but for rounding: 254.1, -0.03, -0.2. */
    assert_true(slice[1] == 254 && slice[3] == 0 && slice[5] == 0);
    nw_volume_free(v);
    refused_with(NULL, "no CT series");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_orientation, setup, teardown),
        cmocka_unit_test_setup_teardown(samples, setup, teardown),
        cmocka_unit_test_setup_teardown(padding, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps, setup, teardown),
        cmocka_unit_test_setup_teardown(doubled, setup, teardown),
        cmocka_unit_test_setup_teardown(tilt, setup, teardown),
        cmocka_unit_test_setup_teardown(choice, setup, teardown),
        cmocka_unit_test_setup_teardown(multiframe, setup, teardown),
        cmocka_unit_test_setup_teardown(pictures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
