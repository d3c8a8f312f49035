/* Maps written in the geometry of a scan, compared with the scan by nibabel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include "support/nifti_make.h"

#include <math.h>
#include <narrows/image.h>
#include <sys/wait.h>

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

/* Writes the scan's own voxels as a map, slice by slice, and asks nibabel. */
static void compare(const char *scan, const char *ending)
{
    nw_error err;
    nw_volume *v;
    char map[128];
    snprintf(map, sizeof map, "%s/map%s", folder, ending);
    if (nw_volume_read(scan, NULL, &v, &err)) fail_msg("%s", err.message);
    const nw_volume_info *info = nw_volume_get_info(v);
    float *all = malloc((size_t)(info->dims[0] * info->dims[1] * info->dims[2]) * sizeof *all);
    float *slice = malloc((size_t)(info->rows * info->columns) * sizeof *slice);
    for (int64_t s = 0; s < info->slices; s++) {
        assert_int_equal(nw_volume_slice(v, s, slice, &err), NW_OK);
        assert_int_equal(nw_volume_put_slice(v, s, slice, all, &err), NW_OK);
    }
    if (nw_nifti_write(map, v, all, "bits per voxel", &err)) fail_msg("%s", err.message);
    free(all);
    free(slice);
    nw_volume_free(v);
    char command[1024];
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/scripts/check_nifti_map.py' '%s' '%s'",
             NW_TEST_SOURCE, scan, map);
    int result = system(command);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        print_message("no nibabel: ");
        skip();
    }
    assert_int_equal(result, 0);
}

static void made_scans(void **state)
{
    (void)state;
    int16_t samples[2 * 3 * 4 * 2];
    for (int i = 0; i < 48; i++) samples[i] = (int16_t)(i * 37 % 101 - 50);
    for (int variant = 0; variant < 16; variant++) {
        nifti_1_header h = nifti_header_of(2, 3, 4, 2, NIFTI_TYPE_INT16);
        h.scl_slope = 0.5F, h.scl_inter = -100;
        h.pixdim[1] = 0.7F, h.pixdim[2] = 0.8F, h.pixdim[3] = 5;
        h.pixdim[0] = variant & 1 ? -1 : 1;
        h.qform_code = variant & 2 ? 1 : 0;
        h.sform_code = variant & 4 ? 2 : 0;
        h.quatern_b = 0.1F, h.quatern_c = -0.2F, h.quatern_d = 0.6F;
        h.qoffset_x = 12, h.qoffset_y = -34, h.qoffset_z = 56;
        /* an sform of its own, sheared and turned */
        const float rows[3][4] = {
            {0.1F, -0.79F, 0.4F, 3}, {-0.69F, 0.12F, 0.2F, -4}, {0.05F, 0.02F, 4.9F, 5}};
        memcpy(h.srow_x, rows[0], 16);
        memcpy(h.srow_y, rows[1], 16);
        memcpy(h.srow_z, rows[2], 16);
        nifti_made made;
        if (variant & 8)
            nifti_make2(&made, &h, samples, 48, variant & 1);
        else
            nifti_make(&made, h, samples, 48, variant & 1);
        compare(temp_write(folder, "scan.nii", made.bytes, made.size), variant & 1 ? ".nii.gz" : ".nii");
    }
}

static void analyze(void **state)
{
    (void)state;
    uint8_t samples[24];
    for (int i = 0; i < 24; i++) samples[i] = (uint8_t)i;
    for (int variant = 0; variant < 4; variant++) {
        nifti_1_header h = nifti_header_of(2, 3, 4, 1, NIFTI_TYPE_UINT8);
        h.vox_offset = 0;
        memset(&h.qform_code, 0, sizeof h - offsetof(nifti_1_header, qform_code));
        h.scl_slope = variant & 2 ? 2.5F : 0;
        h.pixdim[1] = 0.7F, h.pixdim[2] = 0.8F, h.pixdim[3] = 5;
        if (variant & 1) { /* SPM's origin, counted from 1 */
            const int16_t origin[3] = {2, 1, 3};
            memcpy((char *)&h + offsetof(nifti_analyze75, originator), origin, sizeof origin);
        }
        nifti_made made;
        nifti_make(&made, h, samples, 24, false);
        temp_write(folder, "scan.img", made.bytes + 348, 24);
        compare(temp_write(folder, "scan.hdr", made.bytes, 348), ".nii.gz");
    }
}

static void real_scans(void **state)
{
    (void)state;
    static const char *const files[] = {
        "nibabel/anatomical.nii",           "nibabel/someones_epi.nii.gz",
        "nibabel/example_nifti2.nii.gz",    "nibabel/functional.nii",
        "nibabel/standard.nii.gz",          "nifti-reader-js/data/5D_small.nii",
        "nifti-reader-js/data/air2.hdr.gz", "nifti-reader-js/data/big.nii.gz"};
    if (access(NW_TEST_SHARED "/data/nifti-corpus", R_OK) != 0) {
        print_message("no shared data: ");
        skip();
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        snprintf(path, sizeof path, NW_TEST_SHARED "/data/nifti-corpus/%s", files[i]);
        compare(path, ".nii.gz");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(made_scans), cmocka_unit_test(analyze),
                                       cmocka_unit_test(real_scans)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
