/* NIfTI and Analyze: files made byte by byte, read back; orientation; refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h" /* <dirent.h> goes before nifti1.h, whose macros take the names of its enumerators */

#include "support/nifti_make.h"

#include <math.h>
#include <narrows/image.h>

static char folder[64];

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

static nw_volume *read_ok(const char *path, const nw_read_options *options)
{
    nw_error err;
    nw_volume *v = NULL;
    if (nw_volume_read(path, options, &v, &err) != NW_OK) fail_msg("%s", err.message);
    return v;
}

/* Refused as bad input, in one line that names the file and holds `words`. */
static void refused(const char *path, const nw_read_options *options, const char *words)
{
    nw_error err;
    nw_volume *v = NULL;
    nw_status status = nw_volume_read(path, options, &v, &err);
    if (status != NW_BAD_INPUT) fail_msg("%s: status %d", path, status);
    assert_null(v);
    if (!strstr(err.message, words)) fail_msg("'%s' lacks '%s'", err.message, words);
    assert_non_null(strstr(err.message, folder));
}

#define SAMPLES(type)                                                                                        \
    do {                                                                                                     \
        for (int i = 0; i < 24; i++) ((type *)samples)[i] = (type)(3 * i + 1);                               \
    } while (0)

static void every_type_in_both_orders_and_versions(void **state)
{
    (void)state;
    static const int types[] = {NIFTI_TYPE_UINT8,   NIFTI_TYPE_INT8,   NIFTI_TYPE_UINT16, NIFTI_TYPE_INT16,
                                NIFTI_TYPE_UINT32,  NIFTI_TYPE_INT32,  NIFTI_TYPE_UINT64, NIFTI_TYPE_INT64,
                                NIFTI_TYPE_FLOAT32, NIFTI_TYPE_FLOAT64};
    static const char *const names[] = {"uint8", "int8",   "uint16", "int16",   "uint32",
                                        "int32", "uint64", "int64",  "float32", "float64"};
    for (int t = 0; t < 10; t++)
        for (int variant = 0; variant < 8; variant++) {
            double samples[24];
            switch (t) {
            case 0: SAMPLES(uint8_t); break;
            case 1: SAMPLES(int8_t); break;
            case 2: SAMPLES(uint16_t); break;
            case 3: SAMPLES(int16_t); break;
            case 4: SAMPLES(uint32_t); break;
            case 5: SAMPLES(int32_t); break;
            case 6: SAMPLES(uint64_t); break;
            case 7: SAMPLES(int64_t); break;
            case 8: SAMPLES(float); break;
            default: SAMPLES(double);
            }
            nifti_1_header h = nifti_header_of(2, 3, 4, 1, types[t]);
            h.scl_slope = 0.5F;
            h.scl_inter = -7;
            nifti_made made, zipped;
            if (variant & 1)
                nifti_make2(&made, &h, samples, 24, variant & 2);
            else
                nifti_make(&made, h, samples, 24, variant & 2);
            nifti_zip(&zipped, &made);
            const nifti_made *file = variant & 4 ? &zipped : &made;
            const char *path =
                temp_write(folder, variant & 4 ? "v.nii.gz" : "v.nii", file->bytes, file->size);
            nw_volume *v = read_ok(path, &(nw_read_options){.as_stored = 1});
            const nw_volume_info *info = nw_volume_get_info(v);
            assert_string_equal(info->stored, names[t]);
            assert_string_equal(info->format, variant & 1 ? "NIfTI-2" : "NIfTI-1");
            assert_int_equal(info->slices, 4);
            assert_int_equal(info->rows, 3);
            assert_int_equal(info->columns, 2);
            float slice[6];
            for (int k = 0; k < 4; k++) {
                assert_int_equal(nw_volume_slice(v, k, slice, NULL), NW_OK);
                for (int i = 0; i < 6; i++) assert_true(slice[i] == 0.5F * (float)(3 * (6 * k + i) + 1) - 7);
            }
            nw_volume_free(v);
        }
}

static void pairs_and_analyze(void **state)
{
    (void)state;
    int16_t samples[24];
    for (int i = 0; i < 24; i++) samples[i] = (int16_t)(100 - i);
    for (int analyze = 0; analyze < 2; analyze++)
        for (int swapped = 0; swapped < 2; swapped++) {
            nifti_1_header h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_INT16);
            memcpy(h.magic, analyze ? "\0\0\0" : "ni1", 4);
            h.vox_offset = 0;
            h.pixdim[1] = 2, h.pixdim[2] = 3, h.pixdim[3] = 5;
            if (analyze) {
                h.sform_code = 0;
                memset(&h.qform_code, 0, sizeof h - offsetof(nifti_1_header, qform_code));
            }
            nifti_made made;
            nifti_make(&made, h, samples, 24, swapped);
            temp_write(folder, "p.hdr", made.bytes, 348);
            const char *img = temp_write(folder, "p.img", made.bytes + 348, 48);
            nw_volume *v = read_ok(img, &(nw_read_options){.as_stored = 1});
            const nw_volume_info *info = nw_volume_get_info(v);
            float slice[6];
            assert_int_equal(nw_volume_slice(v, 1, slice, NULL), NW_OK);
            assert_true(slice[0] == 94 && slice[5] == 89);
            if (analyze) {
                assert_string_equal(info->format, "Analyze 7.5");
                /* nibabel: AnalyzeHeader.get_base_affine, first axis to the left, middle at zero */
                assert_true(info->affine[0][0] == -2 && info->affine[0][3] == 1);
                assert_true(info->affine[1][3] == -3 && info->affine[2][3] == -7.5);
                /* The map says in NIfTI's words where the voxels are. */
                float map[24] = {0};
                char out[128];
                nw_error err;
                snprintf(out, sizeof out, "%s/map.nii", folder);
                if (nw_nifti_write(out, v, map, "map", &err)) fail_msg("%s", err.message);
                nw_volume *w = read_ok(out, NULL);
                assert_memory_equal(nw_volume_get_info(w)->affine, info->affine, sizeof info->affine);
                nw_volume_free(w);
            }
            nw_volume_free(v);
        }
    unlink(temp_write(folder, "p.img", "", 0));
    char path[128];
    snprintf(path, sizeof path, "%s/p.hdr", folder);
    refused(path, NULL, "header alone");
    temp_write(folder, "p.img", samples, 47);
    refused(path, NULL, "cut off");
    refused(temp_write(folder, "alone.img", samples, 48), NULL, ".hdr file beside it is missing");
}

/* Value of the world's coordinate (mm) along `axis` as the sample, so a slice tells which way it is shown. */
static nw_volume *world_volume(const int permutation[3], const int sign[3], int axis, double angle)
{
    const int dims[3] = {5, 6, 7};
    nifti_1_header h = nifti_header_of(dims[0], dims[1], dims[2], 1, NIFTI_TYPE_FLOAT32);
    float m[3][4] = {{0}};
    for (int a = 0; a < 3; a++) m[permutation[a]][a] = (float)(sign[a] * (1 + a));
    /* turned about the superior axis by a small angle: oblique */
    float c = (float)cos(angle), s = (float)sin(angle);
    for (int a = 0; a < 3; a++) {
        float x = m[0][a], y = m[1][a];
        m[0][a] = c * x - s * y;
        m[1][a] = s * x + c * y;
    }
    m[0][3] = 10, m[1][3] = -20, m[2][3] = 30;
    memcpy(h.srow_x, m[0], 16);
    memcpy(h.srow_y, m[1], 16);
    memcpy(h.srow_z, m[2], 16);
    float samples[5 * 6 * 7], *p = samples;
    for (int k = 0; k < dims[2]; k++)
        for (int j = 0; j < dims[1]; j++)
            for (int i = 0; i < dims[0]; i++)
                *p++ = m[axis][0] * (float)i + m[axis][1] * (float)j + m[axis][2] * (float)k + m[axis][3];
    nifti_made made;
    nifti_make(&made, h, samples, 210, false);
    return read_ok(temp_write(folder, "world.nii", made.bytes, made.size), NULL);
}

static void slices_are_shown_as_radiologists_see_them(void **state)
{
    (void)state;
    static const int ways[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int w = 0; w < 6; w++)
        for (int signs = 0; signs < 8; signs++)
            for (int axis = 0; axis < 3; axis++) {
                const int sign[3] = {signs & 1 ? -1 : 1, signs & 2 ? -1 : 1, signs & 4 ? -1 : 1};
                nw_volume *v = world_volume(ways[w], sign, axis, 0.2);
                const nw_volume_info *info = nw_volume_get_info(v);
                float first[42], second[42];
                int64_t columns = info->columns;
                assert_int_equal(ways[w][info->slice_axis], 2);
                assert_int_equal(nw_volume_slice(v, 0, first, NULL), NW_OK);
                assert_int_equal(nw_volume_slice(v, 1, second, NULL), NW_OK);
                /* x, to the patient's right, falls along columns; y, anterior, along rows; z rises by slices
                 */
                if (axis == 0) assert_true(first[1] < first[0]);
                if (axis == 1) assert_true(first[columns] < first[0]);
                if (axis == 2) {
                    assert_true(second[0] > first[0]);
                    assert_true(first[1] == first[0]);
                    assert_true(fabs((double)(second[0] - first[0]) - info->slice_mm) < 1e-5);
                }
                nw_volume_free(v);
            }
}

static void slices_go_back_to_their_voxels(void **state)
{
    (void)state;
    nw_volume *v = world_volume((int[3]){2, 0, 1}, (int[3]){-1, 1, -1}, 1, 0.3);
    const nw_volume_info *info = nw_volume_get_info(v);
    float slice[42], map[210] = {0}, again[42];
    for (int64_t s = 0; s < info->slices; s++) {
        assert_int_equal(nw_volume_slice(v, s, slice, NULL), NW_OK);
        assert_int_equal(nw_volume_put_slice(v, s, slice, map, NULL), NW_OK);
    }
    nw_error err;
    assert_int_equal(nw_volume_put_slice(v, info->slices, slice, map, &err), NW_USAGE);
    assert_int_equal(nw_volume_slice(v, -1, slice, &err), NW_USAGE);
    char path[128];
    snprintf(path, sizeof path, "%s/map.nii.gz", folder);
    if (nw_nifti_write(path, v, map, "test map", &err)) fail_msg("%s", err.message);
    nw_volume *w = read_ok(path, NULL);
    assert_memory_equal(nw_volume_get_info(w)->affine, info->affine, sizeof info->affine);
    for (int64_t s = 0; s < info->slices; s++) {
        assert_int_equal(nw_volume_slice(v, s, slice, NULL), NW_OK);
        assert_int_equal(nw_volume_slice(w, s, again, NULL), NW_OK);
        assert_memory_equal(slice, again, (size_t)(info->rows * info->columns) * sizeof(float));
    }
    nw_volume_free(v);
    nw_volume_free(w);
}

static void volumes_of_a_4d_file(void **state)
{
    (void)state;
    uint8_t samples[60];
    for (int i = 0; i < 60; i++) samples[i] = (uint8_t)i;
    nifti_made made, zipped;
    nifti_make(&made, nifti_header_of(2, 3, 2, 5, NIFTI_TYPE_UINT8), samples, 60, false);
    nifti_zip(&zipped, &made);
    const char *path = temp_write(folder, "4d.nii.gz", zipped.bytes, zipped.size);
    for (int n = 0; n < 5; n++) {
        nw_volume *v = read_ok(path, &(nw_read_options){.volume = n, .as_stored = 1});
        float slice[6];
        assert_int_equal(nw_volume_get_info(v)->volumes, 5);
        nw_volume_slice(v, 0, slice, NULL);
        assert_true(slice[0] == (float)(12 * n));
        nw_volume_free(v);
    }
    refused(path, &(nw_read_options){.volume = 5}, "there is no volume 5, the file has 0 to 4");
    refused(path, &(nw_read_options){.volume = -1}, "there is no volume -1");
}

static void voxels_that_are_not_finite(void **state)
{
    (void)state;
    float samples[24] = {0};
    samples[2 * 3 * 2 + 2 * 1 + 1] = NAN;
    samples[23] = -INFINITY;
    nifti_made made;
    nifti_make(&made, nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_FLOAT32), samples, 24, true);
    const char *path = temp_write(folder, "nan.nii", made.bytes, made.size);
    refused(path, NULL, "voxel (1, 1, 2) is nan");
    nw_volume *v = read_ok(path, &(nw_read_options){.replace_non_finite = 1, .replacement = -1000});
    assert_int_equal(nw_volume_get_info(v)->replaced, 2);
    nw_volume_free(v);
}

static void hostile_headers(void **state)
{
    (void)state;
    const struct {
        const char *words;
        size_t offset;
        int16_t value;
    } cases[] = {
        {"dimensions, 1 to 7", offsetof(nifti_1_header, dim), 0},
        {"dimensions, 1 to 7", offsetof(nifti_1_header, dim), 8},
        {"dimension 1 of the header is 0", offsetof(nifti_1_header, dim) + 2, 0},
        {"dimension 2 of the header is -5", offsetof(nifti_1_header, dim) + 4, -5},
        {"promises", offsetof(nifti_1_header, dim) + 6, 32767},
        {"data type 3,", offsetof(nifti_1_header, datatype), 3},
        {"not read", offsetof(nifti_1_header, datatype), NIFTI_TYPE_COMPLEX64},
        {"not read", offsetof(nifti_1_header, datatype), NIFTI_TYPE_RGB24},
        {"CIFTI", offsetof(nifti_1_header, intent_code), 3001},
    };
    uint8_t samples[24] = {0};
    nifti_made made;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nifti_1_header h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
        memcpy((char *)&h + cases[i].offset, &cases[i].value, 2);
        nifti_make(&made, h, samples, 24, false);
        refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL, cases[i].words);
    }
    static const float offsets[] = {0, -352, 352.5F, 1e30F, NAN, INFINITY, 347, 377};
    for (int i = 0; i < 8; i++) {
        nifti_1_header h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
        h.vox_offset = offsets[i];
        nifti_make(&made, h, samples, 24, false);
        refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL,
                i < 7 ? "which cannot be" : "promises");
    }
    nifti_1_header h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
    h.srow_x[0] = 0;
    nifti_make(&made, h, samples, 24, false);
    refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL, "singular");
    h.srow_x[0] = NAN;
    nifti_make(&made, h, samples, 24, false);
    refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL, "not finite");
    h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
    h.scl_slope = 1, h.scl_inter = NAN;
    nifti_make(&made, h, samples, 24, false);
    refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL, "scl_inter");
    /* NIfTI-2 whose dimensions overflow, and a gzip that would inflate for ever */
    h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
    nifti_make2(&made, &h, samples, 24, false);
    const int64_t huge = INT64_MAX / 2;
    memcpy(made.bytes + offsetof(nifti_2_header, dim) + 8, &huge, 8);
    refused(temp_write(folder, "h.nii", made.bytes, made.size), NULL, "overflow");
    const int64_t large = (int64_t)1 << 40;
    memcpy(made.bytes + offsetof(nifti_2_header, dim) + 8, &large, 8);
    nifti_made zipped;
    nifti_zip(&zipped, &made);
    refused(temp_write(folder, "h.nii.gz", zipped.bytes, zipped.size), NULL, "limit of");
    h.dim[1] = 2000, h.dim[2] = 2000, h.dim[3] = 100;
    nifti_make(&made, h, samples, 24, false);
    nifti_zip(&zipped, &made);
    refused(temp_write(folder, "h.nii.gz", zipped.bytes, zipped.size), NULL, "cannot hold as many");
    refused(temp_write(folder, "h.nii", made.bytes, made.size), &(nw_read_options){.max_bytes = 4096},
            "limit of");
}

static void truncated_at_every_tenth(void **state)
{
    (void)state;
    float samples[1000];
    for (int i = 0; i < 1000; i++) samples[i] = (float)(i * 7919 % 1009);
    nifti_made made, zipped;
    nifti_make(&made, nifti_header_of(10, 10, 10, 1, NIFTI_TYPE_FLOAT32), samples, 1000, false);
    nifti_zip(&zipped, &made);
    for (int tenth = 0; tenth < 10; tenth++) {
        refused(temp_write(folder, "t.nii", made.bytes, made.size * (size_t)tenth / 10), NULL, "");
        refused(temp_write(folder, "t.nii.gz", zipped.bytes, zipped.size * (size_t)tenth / 10), NULL, "");
    }
    /* The checksum at the end of a gzip counts too. */
    zipped.bytes[zipped.size - 6] ^= 1;
    refused(temp_write(folder, "t.nii.gz", zipped.bytes, zipped.size), NULL, "damaged");
}

static void maps_are_written_whole_or_not_at_all(void **state)
{
    (void)state;
    nw_volume *v = world_volume((int[3]){0, 1, 2}, (int[3]){1, 1, 1}, 0, 0);
    nw_error err;
    char path[128];
    float map[210] = {0};
    int before = temp_count(folder);
    snprintf(path, sizeof path, "%s/new.nii.gz", folder);
    map[7] = NAN;
    assert_int_equal(nw_nifti_write(path, v, map, "x", &err), NW_NOT_FINITE);
    map[7] = 0;
    snprintf(path, sizeof path, "%s/none/new.nii.gz", folder);
    assert_int_equal(nw_nifti_write(path, v, map, "x", &err), NW_IO);
    assert_int_equal(temp_count(folder), before);
    nw_volume_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_both_orders_and_versions),
        cmocka_unit_test(pairs_and_analyze),
        cmocka_unit_test(slices_are_shown_as_radiologists_see_them),
        cmocka_unit_test(slices_go_back_to_their_voxels),
        cmocka_unit_test(volumes_of_a_4d_file),
        cmocka_unit_test(voxels_that_are_not_finite),
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(truncated_at_every_tenth),
        cmocka_unit_test(maps_are_written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
