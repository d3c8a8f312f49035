/* Real CT series: the same places and HU as pydicom, nibabel and dcm2niix have, however the folder is
 * arranged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include <narrows/scan.h>
#include <sys/wait.h>

#define SERIES NW_TEST_SHARED "/data/ct-dicom-series"

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

static void need_data(void)
{
    if (access(SERIES, R_OK) == 0) return;
    print_message("no shared data: ");
    skip();
}

static nw_volume *read_volume(const char *path)
{
    nw_error err;
    nw_volume *v = NULL;
    if (nw_volume_read(path, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
    return v;
}

static float *voxels_of(const nw_volume *v)
{
    nw_error err;
    const nw_volume_info *info = nw_volume_get_info(v);
    float *all = malloc((size_t)(info->dims[0] * info->dims[1] * info->dims[2]) * sizeof *all);
    float *slice = malloc((size_t)(info->rows * info->columns) * sizeof *slice);
    for (int64_t s = 0; s < info->slices; s++) {
        assert_int_equal(nw_volume_slice(v, s, slice, &err), NW_OK);
        assert_int_equal(nw_volume_put_slice(v, s, slice, all, &err), NW_OK);
    }
    free(slice);
    return all;
}

static void same_as_others(void **state)
{
    (void)state;
    need_data();
    for (int patient = 1; patient <= 3; patient++) {
        char scan[256], map[128], command[1024];
        nw_error err;
        snprintf(scan, sizeof scan, SERIES "/LIDC-IDRI-%04d", patient);
        snprintf(map, sizeof map, "%s/map.nii", folder);
        nw_volume *v = read_volume(scan);
        assert_string_equal(nw_volume_warning(v), "");
        float *all = voxels_of(v);
        if (nw_nifti_write(map, v, all, "HU", &err)) fail_msg("%s", err.message);
        free(all);
        nw_volume_free(v);
        snprintf(command, sizeof command, "/usr/bin/python3 '%s/scripts/check_dicom_volume.py' '%s' '%s'",
                 NW_TEST_SOURCE, scan, map);
        int result = system(command);
        if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
            print_message("no pydicom, nibabel or dcm2niix: ");
            skip();
        }
        assert_int_equal(result, 0);
    }
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, got, out), got);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* Two series under names that say nothing, in folders within folders, among files that are no DICOM. */
static void any_arrangement(void **state)
{
    (void)state;
    need_data();
    char path[512], target[512], mixed[128];
    snprintf(mixed, sizeof mixed, "%s/mixed", folder);
    assert_int_equal(mkdir(mixed, 0700), 0);
    uint32_t turn = 12345;
    for (int patient = 1; patient <= 2; patient++) {
        snprintf(path, sizeof path, SERIES "/LIDC-IDRI-%04d", patient);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (struct dirent *e; (e = readdir(dir));) {
            if (e->d_name[0] == '.') continue;
            turn = turn * 1664525 + 1013904223;
            snprintf(target, sizeof target, "%s/%u", mixed, turn >> 16 & 3);
            mkdir(target, 0700);
            snprintf(target, sizeof target, "%s/%u/%08x", mixed, turn >> 16 & 3, turn);
            char source[1024];
            snprintf(source, sizeof source, "%s/%s", path, e->d_name);
            copy_file(source, target);
        }
        closedir(dir);
    }
    nw_scan_list *list;
    nw_error err;
    if (nw_scan_list_new(mixed, NULL, &list, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_scan_list_count(list), 2);
    assert_int_equal(nw_scan_list_foreign(list), 2); /* the outlines in XML */
    for (int patient = 1; patient <= 2; patient++) {
        snprintf(path, sizeof path, SERIES "/LIDC-IDRI-%04d", patient);
        nw_volume *plain = read_volume(path), *found = NULL;
        const nw_volume_info *a = nw_volume_get_info(plain);
        size_t at = 0;
        while (at < 2 && nw_scan_list_get(list, at)->slices != a->slices) at++;
        assert_true(at < 2);
        if (nw_scan_list_read(list, at, NULL, &found, &err) != NW_OK) fail_msg("%s", err.message);
        const nw_volume_info *b = nw_volume_get_info(found);
        assert_memory_equal(a->affine, b->affine, sizeof a->affine);
        assert_memory_equal(a->dims, b->dims, sizeof a->dims);
        assert_string_equal(nw_volume_digest(plain), nw_volume_digest(found));
        float *x = voxels_of(plain), *y = voxels_of(found);
        assert_memory_equal(x, y, (size_t)(a->dims[0] * a->dims[1] * a->dims[2]) * sizeof *x);
        free(x);
        free(y);
        nw_volume_free(found);
        nw_volume_free(plain);
    }
    /* By rule the one with more slices. */
    size_t chosen;
    assert_int_equal(nw_scan_list_choose(list, NULL, &chosen, &err), NW_OK);
    assert_int_equal(nw_scan_list_get(list, chosen)->slices, 16);
    nw_scan_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_others), cmocka_unit_test(any_arrangement)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
