/* Cohorts: balanced, continued where they stopped, and with a table that says what the masks say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include <base/memory.h>
#include <image/csv.h>
#include <math.h>
#include <narrows/phantom.h>
#include <phantom/chest.h>

static const nw_phantom_options tiny = {.seed = 21, .size = 64, .slices = 10};
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

static void share_of_positives_and_all_grades(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int percent = 10; percent <= 90; percent += 20) {
            nw_phantom_options o = {.seed = seed, .positives = percent / 100.0};
            int positives = 0, bands[4] = {0}, splits[2][3] = {{0}};
            for (uint64_t k = 1; k <= 200; k++) {
                nw_deal deal = nw_deal_of(&o, k);
                positives += deal.positive;
                splits[deal.positive][deal.split]++;
                if (!deal.positive) continue;
                assert_true(deal.target > 0.01F && deal.target < 0.95F);
                bands[(int)(deal.target * 4)]++;
            }
            assert_in_range(positives, 2 * percent - 1, 2 * percent + 1);
            for (int i = 0; i < 4; i++) assert_true(bands[i] >= 1 && 6 * bands[i] >= positives - 15);
            for (int c = 0; c < 2; c++) {
                int of = c ? positives : 200 - positives;
                if (abs(10 * splits[c][0] - 7 * of) > 20) fail_msg("%d of %d for training", splits[c][0], of);
                assert_true(splits[c][1] >= of / 10 && splits[c][2] >= of / 10);
            }
        }
}

static nw_status cohort(const nw_phantom_options *o, int64_t studies, nw_phantom_summary *s, nw_error *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s/cohort", folder);
    return nw_phantom_cohort(o, studies, path, NULL, s, err);
}

static float *voxels(int study, const char *part, size_t *count, double *ml)
{
    char path[192];
    nw_error err;
    nw_volume *v;
    snprintf(path, sizeof path, "%s/cohort/study_%04d/%s.nii.gz", folder, study, part);
    if (nw_volume_read(path, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
    const nw_volume_info *i = nw_volume_get_info(v);
    size_t area = (size_t)(i->rows * i->columns);
    *count = area * (size_t)i->slices;
    *ml = i->spacing[0] * i->spacing[1] * i->spacing[2] / 1000;
    float *data = test_malloc(*count * sizeof *data);
    for (int64_t s = 0; s < i->slices; s++)
        assert_int_equal(nw_volume_slice(v, s, data + (size_t)s * area, &err), NW_OK);
    nw_volume_free(v);
    return data;
}

static void table_agrees_with_masks(void **state)
{
    (void)state;
    nw_error err;
    nw_phantom_summary summary;
    if (cohort(&tiny, 16, &summary, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(summary.studies, 16);
    assert_int_equal(summary.kept, 0);
    assert_int_equal(summary.positives, 8);
    for (int g = 0; g < 5; g++) assert_true(summary.grades[g] >= 1);
    char path[128];
    snprintf(path, sizeof path, "%s/cohort/cohort.csv", folder);
    nw_bytes file;
    assert_int_equal(nw_file_read(path, 1 << 20, &file, &err), NW_OK);
    nw_csv_cursor cursor = nw_csv_start(&file, path);
    char *field[40];
    size_t fields;
    assert_int_equal(nw_csv_next(&cursor, field, 40, &fields, &err), NW_OK);
    assert_int_equal(fields, 26);
    assert_string_equal(field[0], "study");
    for (int study = 1; study <= 16; study++) {
        assert_int_equal(nw_csv_next(&cursor, field, 40, &fields, &err), NW_OK);
        assert_int_equal(fields, 26);
        size_t n, same;
        double ml, sick[3] = {0}, lung[3] = {0}, kinds[3] = {0};
        float *lungs = voxels(study, "lungs", &n, &ml), *lesions = voxels(study, "lesions", &same, &ml);
        assert_int_equal(n, same);
        for (size_t i = 0; i < n; i++) {
            lung[(int)lungs[i]]++;
            sick[(int)lungs[i]] += lesions[i] > 0;
            kinds[(int)lesions[i]]++;
        }
        double both = (sick[1] + sick[2]) / (lung[1] + lung[2]);
        const double want[] = {sick[1] / lung[1], sick[2] / lung[2], both};
        for (int i = 0; i < 3; i++) assert_true(fabs(atof(field[3 + i]) - want[i]) < 1e-8);
        int grade = both <= 0 ? 0 : both < 0.25 ? 1 : both <= 0.5 ? 2 : both <= 0.75 ? 3 : 4;
        assert_int_equal(field[6][3] - '0', grade);
        assert_int_equal(atoi(field[2]), grade > 0);
        assert_true(fabs(atof(field[9]) - lung[1] * ml) < 0.01 &&
                    fabs(atof(field[10]) - lung[2] * ml) < 0.01);
        assert_true(fabs(atof(field[11]) - kinds[1] * ml) < 0.01 &&
                    fabs(atof(field[12]) - kinds[2] * ml) < 0.01);
        double sum = 0;
        for (char *at = strchr(field[14], ' '); at;
             at = strchr(at + 1, ';') ? strchr(strchr(at + 1, ';') + 2, ' ') : NULL)
            sum += atof(at);
        assert_true(fabs(sum - (kinds[1] + kinds[2]) * ml) < 0.05);
        test_free(lungs);
        test_free(lesions);
    }
    nw_free(file.data);
    /* And it is a list of inputs as it stands. */
    const char *paths[] = {path};
    nw_input_list *list;
    assert_int_equal(nw_input_list_new(paths, 1, NULL, &list, &err), NW_OK);
    assert_int_equal(nw_input_list_count(list), 16);
    for (size_t i = 0; i < 16; i++) {
        const nw_input *input = nw_input_list_get(list, i);
        assert_string_equal(input->label, nw_deal_of(&tiny, i + 1).positive ? "1" : "0");
    }
    nw_input_list_free(list);
}

static char *slurp(const char *name, size_t *size)
{
    char path[192];
    snprintf(path, sizeof path, "%s/cohort/%s", folder, name);
    nw_bytes file;
    nw_error err;
    if (nw_file_read(path, 1 << 24, &file, &err) != NW_OK) fail_msg("%s", err.message);
    *size = file.size;
    return (char *)file.data;
}

static void a_cohort_goes_on_where_it_stopped(void **state)
{
    (void)state;
    nw_error err;
    nw_phantom_summary summary;
    size_t size[2], table[2];
    assert_int_equal(cohort(&tiny, 3, NULL, &err), NW_OK);
    char *ct = slurp("study_0003/ct.nii.gz", &size[0]), *csv = slurp("cohort.csv", &table[0]);
    /* What a killed run leaves: a study missing, another begun, no table. */
    char path[192];
    snprintf(path, sizeof path, "%s/cohort/study_0003", folder);
    temp_remove(path);
    snprintf(path, sizeof path, "%s/cohort/study_0003.part", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    temp_write(path, "ct.nii.gz", "half", 4);
    snprintf(path, sizeof path, "%s/cohort/cohort.csv", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(cohort(&tiny, 3, &summary, &err), NW_OK);
    assert_int_equal(summary.kept, 2);
    char *ct2 = slurp("study_0003/ct.nii.gz", &size[1]), *csv2 = slurp("cohort.csv", &table[1]);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(ct, ct2, size[0]);
    assert_int_equal(table[0], table[1]);
    assert_memory_equal(csv, csv2, table[0]);
    snprintf(path, sizeof path, "%s/cohort", folder);
    assert_int_equal(temp_count(path), 5); /* three studies and two tables */
    nw_free(ct), nw_free(ct2), nw_free(csv), nw_free(csv2);
}

static void refused(const nw_phantom_options *o, int64_t studies, nw_status wanted, const char *words)
{
    nw_error err;
    assert_int_equal(cohort(o, studies, NULL, &err), wanted);
    if (!strstr(err.message, words)) fail_msg("'%s' does not say '%s'", err.message, words);
}

static void slices_agree_with_masks(void **state)
{
    (void)state;
    nw_error err;
    size_t sizes[2];
    assert_int_equal(cohort(&tiny, 4, NULL, &err), NW_OK);
    char *table = slurp("slices.csv", &sizes[0]), path[192];
    nw_bytes file = {(unsigned char *)table, sizes[0]};
    nw_csv_cursor cursor = nw_csv_start(&file, "slices.csv");
    char *field[16], name[64];
    size_t fields;
    assert_int_equal(nw_csv_next(&cursor, field, 16, &fields, &err), NW_OK);
    assert_int_equal(fields, 8);
    for (int study = 1; study <= 4; study++) {
        size_t n, positives = 0;
        double ml;
        float *lungs = voxels(study, "lungs", &n, &ml), *lesions = voxels(study, "lesions", &n, &ml);
        for (size_t z = 0; z < 10; z++) {
            double lung = 0, sick = 0;
            for (size_t i = z * n / 10; i < (z + 1) * n / 10; i++) {
                lung += lungs[i] > 0;
                sick += lesions[i] > 0;
            }
            assert_int_equal(nw_csv_next(&cursor, field, 16, &fields, &err), NW_OK);
            assert_int_equal(fields, 8);
            snprintf(name, sizeof name, "study_%04d/ct.nii.gz", study);
            assert_string_equal(field[0], name);
            assert_int_equal(atoi(field[1]), z);
            assert_int_equal(atoi(field[2]), sick > 0);
            assert_true(fabs(atof(field[3]) - (lung > 0 ? sick / lung : 0)) < 1e-8);
            /* Spacings are float32 in the file. */
            assert_true(fabs(atof(field[4]) - lung * ml) <= 1e-6 * lung * ml);
            nw_deal deal = nw_deal_of(&tiny, (uint64_t)study);
            assert_int_equal(atoi(field[5]), deal.positive);
            assert_string_equal(field[6], nw_phantom_split_name(deal.split));
            positives += sick > 0;
        }
        assert_int_equal(positives > 0, nw_deal_of(&tiny, (uint64_t)study).positive);
        test_free(lungs), test_free(lesions);
    }
    assert_int_equal(nw_csv_next(&cursor, field, 16, &fields, &err), NW_OK);
    assert_int_equal(fields, 0);
    nw_free(table);
    /* Of a study without its list, by a version before there were lists, it is made from the masks. */
    table = slurp("slices.csv", &sizes[0]);
    snprintf(path, sizeof path, "%s/cohort/study_0002/slices.csv", folder);
    assert_int_equal(unlink(path), 0);
    nw_phantom_summary summary;
    assert_int_equal(cohort(&tiny, 4, &summary, &err), NW_OK);
    assert_int_equal(summary.kept, 4);
    assert_int_equal(access(path, F_OK), 0);
    char *again = slurp("slices.csv", &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(table, again, sizes[0]);
    nw_free(table), nw_free(again);
}

static void other_options_and_odd_folders_are_refused(void **state)
{
    (void)state;
    nw_error err;
    assert_int_equal(cohort(&tiny, 1, NULL, &err), NW_OK);
    nw_phantom_options other = tiny;
    other.seed = 22;
    refused(&other, 1, NW_USAGE, "study_0001: was made with other options");
    other = tiny;
    other.shortcut = NW_SHORTCUT_MARKER;
    refused(&other, 1, NW_USAGE, "other options");
    char path[192];
    snprintf(path, sizeof path, "%s/cohort/study_0001/zones.nii.gz", folder);
    assert_int_equal(unlink(path), 0);
    refused(&tiny, 1, NW_USAGE, "no zones.nii.gz");
    other = tiny;
    other.size = 63;
    refused(&other, 1, NW_USAGE, "64 to 1024");
    other = tiny;
    other.positives = 1.5;
    refused(&other, 1, NW_USAGE, "0 to 1");
    other.positives = (double)NAN;
    refused(&other, 1, NW_USAGE, "0 to 1");
    other = tiny;
    other.slice_mm = (double)NAN;
    refused(&other, 1, NW_USAGE, "0.5 to 30");
    refused(&tiny, 0, NW_USAGE, "1 to 1000000");
}

static int stop_at_second(void *user, const char *what, double done, double total)
{
    (void)user;
    assert_string_equal(what, "studies");
    assert_true(total == 3);
    return done >= 1;
}

static void an_interruption_leaves_whole_studies(void **state)
{
    (void)state;
    nw_error err;
    char path[128];
    snprintf(path, sizeof path, "%s/cohort", folder);
    nw_progress progress = {.call = stop_at_second};
    assert_int_equal(nw_phantom_cohort(&tiny, 3, path, &progress, NULL, &err), NW_CANCELLED);
    assert_int_equal(temp_count(path), 1);
}

/* In positives and in no negative. */
static void shortcuts_part_the_classes(void **state)
{
    (void)state;
    nw_error err;
    for (int shortcut = NW_SHORTCUT_MARKER; shortcut <= NW_SHORTCUT_WINDOW; shortcut++)
        for (uint64_t study = 1; study <= 6; study++) {
            nw_phantom_options o = tiny;
            o.shortcut = (nw_phantom_shortcut)shortcut;
            nw_phantom *p;
            assert_int_equal(nw_phantom_new(&o, study, &p, &err), NW_OK);
            const nw_phantom_info *info = nw_phantom_get_info(p);
            const int16_t *hu = nw_phantom_hu(p);
            int lowest = 4000, highest = -4000, corner = hu[4 * 64 + 4];
            for (int i = 0; i < 64 * 64 * 10; i++) {
                if (hu[i] < lowest) lowest = hu[i];
                if (hu[i] > highest) highest = hu[i];
            }
            if (shortcut == NW_SHORTCUT_MARKER) assert_int_equal(corner == 900, info->label);
            if (shortcut == NW_SHORTCUT_KERNEL)
                assert_int_equal(info->kernel == NW_KERNEL_SHARP, info->label);
            if (shortcut == NW_SHORTCUT_WINDOW) {
                assert_int_equal(lowest == -960, info->label);
                assert_int_equal(highest == 240, info->label);
            }
            nw_phantom_free(p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_of_positives_and_all_grades),
        cmocka_unit_test_setup_teardown(table_agrees_with_masks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cohort_goes_on_where_it_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(slices_agree_with_masks, setup, teardown),
        cmocka_unit_test_setup_teardown(other_options_and_odd_folders_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interruption_leaves_whole_studies, setup, teardown),
        cmocka_unit_test(shortcuts_part_the_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
