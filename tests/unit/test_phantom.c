/* Phantoms: the same study whoever makes it; masks, geometry and numbers that agree with one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include <math.h>
#include <narrows/phantom.h>

static const nw_phantom_options small = {.seed = 11, .size = 128, .slices = 24, .positives = 0.8};

static nw_phantom *make(const nw_phantom_options *options, uint64_t study)
{
    nw_error err;
    nw_phantom *p = NULL;
    if (nw_phantom_new(options, study, &p, &err) != NW_OK) fail_msg("%s", err.message);
    return p;
}

static size_t voxels(const nw_phantom *p)
{
    const nw_phantom_info *i = nw_phantom_get_info(p);
    return (size_t)(i->dims[0] * i->dims[1] * i->dims[2]);
}

static void assert_same(const nw_phantom *a, const nw_phantom *b)
{
    assert_int_equal(voxels(a), voxels(b));
    assert_memory_equal(nw_phantom_hu(a), nw_phantom_hu(b), 2 * voxels(a));
    for (int k = NW_PHANTOM_LUNGS; k < NW_PHANTOM_PARTS; k++)
        assert_memory_equal(nw_phantom_mask(a, (nw_phantom_part)k), nw_phantom_mask(b, (nw_phantom_part)k),
                            voxels(a));
}

static void same_study_on_any_threads_in_any_order(void **state)
{
    (void)state;
    nw_phantom_options one = small, three = small;
    one.threads = 1, three.threads = 3;
    nw_phantom *a = make(&one, 5), *other = make(&three, 2), *b = make(&three, 5);
    assert_same(a, b);
    assert_int_not_equal(memcmp(nw_phantom_hu(a), nw_phantom_hu(other), 2 * voxels(a)), 0);
    const nw_phantom_info *first = nw_phantom_get_info(a), *second = nw_phantom_get_info(other);
    assert_true(fabs(first->lung_ml[0] - second->lung_ml[0]) > 1 && first->spacing[2] != second->spacing[2]);
    nw_phantom_options seed = small;
    seed.seed = 12;
    nw_phantom *c = make(&seed, 5);
    assert_int_not_equal(memcmp(nw_phantom_hu(a), nw_phantom_hu(c), 2 * voxels(a)), 0);
    nw_phantom_free(a);
    nw_phantom_free(b);
    nw_phantom_free(c);
    nw_phantom_free(other);
}

static void lesions_lie_in_lungs_and_numbers_are_counts(void **state)
{
    (void)state;
    int positives = 0;
    for (uint64_t study = 1; study <= 5; study++) {
        nw_phantom *p = make(&small, study);
        const nw_phantom_info *info = nw_phantom_get_info(p);
        const uint8_t *lungs = nw_phantom_mask(p, NW_PHANTOM_LUNGS),
                      *zones = nw_phantom_mask(p, NW_PHANTOM_ZONES);
        const uint8_t *lesions = nw_phantom_mask(p, NW_PHANTOM_LESIONS);
        double ml = info->spacing[0] * info->spacing[1] * info->spacing[2] / 1000, count[3] = {0},
               sick[3] = {0};
        double kinds[3] = {0};
        for (size_t i = 0; i < voxels(p); i++) {
            assert_in_range(lungs[i], 0, 2);
            assert_in_range(lesions[i], 0, 2);
            assert_int_equal(zones[i] == 0, lungs[i] == 0);
            if (zones[i]) assert_int_equal((zones[i] - 1) / 3 + 1, lungs[i]);
            if (lesions[i]) assert_int_not_equal(lungs[i], 0);
            count[lungs[i]]++;
            sick[lungs[i]] += lesions[i] > 0;
            kinds[lesions[i]]++;
        }
        double sum = 0;
        for (size_t k = 0; k < info->lesion_count; k++) sum += info->lesions[k].ml;
        for (int s = 0; s < 2; s++) {
            assert_true(fabs(info->lung_ml[s] - count[s + 1] * ml) < 1e-6);
            assert_true(info->lung_ml[s] > 900 && info->lung_ml[s] < 4500);
            assert_true(fabs(info->share[s] - sick[s + 1] / count[s + 1]) < 1e-12);
        }
        assert_true(fabs(info->ground_glass_ml - kinds[1] * ml) < 1e-6);
        assert_true(fabs(info->consolidation_ml - kinds[2] * ml) < 1e-6);
        assert_true(fabs(sum - (kinds[1] + kinds[2]) * ml) < 1e-6);
        assert_int_equal(info->label, kinds[1] + kinds[2] > 0);
        positives += info->label;
        nw_phantom_free(p);
    }
    assert_int_equal(positives, 4);
}

static void left_is_left(void **state)
{
    (void)state;
    nw_phantom *p = make(&small, 3);
    const nw_phantom_info *info = nw_phantom_get_info(p);
    const uint8_t *lungs = nw_phantom_mask(p, NW_PHANTOM_LUNGS);
    double right = 0, left = 0, rights = 0, lefts = 0;
    for (int64_t k = 0; k < info->dims[2]; k++)
        for (int64_t j = 0; j < info->dims[1]; j++)
            for (int64_t i = 0; i < info->dims[0]; i++) {
                uint8_t v = lungs[(k * info->dims[1] + j) * info->dims[0] + i];
                double x = info->affine[0][0] * (double)i + info->affine[0][3]; /* to the right */
                if (v == 1) right += x, rights++;
                if (v == 2) left += x, lefts++;
            }
    assert_true(right / rights > 30 && left / lefts < -30);
    nw_phantom_free(p);
}

static void volumes_and_files_are_what_the_phantom_holds(void **state)
{
    (void)state;
    char folder[64], path[128];
    nw_error err;
    temp_folder(folder);
    nw_phantom *p = make(&small, 4);
    const nw_phantom_info *info = nw_phantom_get_info(p);
    for (int k = 0; k < NW_PHANTOM_PARTS; k++)
        for (int file = 0; file < 2; file++) {
            nw_volume *v;
            snprintf(path, sizeof path, "%s/%d.nii.gz", folder, k);
            if (file) {
                assert_int_equal(nw_phantom_write(p, (nw_phantom_part)k, path, &err), NW_OK);
                assert_int_equal(nw_volume_read(path, NULL, &v, &err), NW_OK);
            } else {
                assert_int_equal(nw_phantom_volume(p, (nw_phantom_part)k, &v, &err), NW_OK);
            }
            const nw_volume_info *got = nw_volume_get_info(v);
            size_t area = (size_t)(info->dims[0] * info->dims[1]);
            for (int a = 0; a < 3; a++) {
                assert_int_equal(got->dims[a], info->dims[a]);
                for (int c = 0; c < 4; c++) assert_true(fabs(got->affine[a][c] - info->affine[a][c]) < 1e-4);
            }
            float *slice = test_malloc(area * sizeof *slice);
            for (int64_t s = 0; s < got->slices; s++) {
                assert_int_equal(nw_volume_slice(v, s, slice, &err), NW_OK);
                for (size_t i = 0; i < area; i++) {
                    size_t at = (size_t)s * area + i;
                    int want = k ? nw_phantom_mask(p, (nw_phantom_part)k)[at] : nw_phantom_hu(p)[at];
                    if (slice[i] != (float)want) fail_msg("part %d slice %d pixel %zu", k, (int)s, i);
                }
            }
            test_free(slice);
            nw_volume_free(v);
        }
    nw_phantom_free(p);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_study_on_any_threads_in_any_order),
        cmocka_unit_test(lesions_lie_in_lungs_and_numbers_are_counts),
        cmocka_unit_test(left_is_left),
        cmocka_unit_test(volumes_and_files_are_what_the_phantom_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
