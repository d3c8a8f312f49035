/* Whole studies through the program, on small synthetic chests: files, cohorts, and runs that are stopped. */
#include "cli.h"

#include <dirent.h>
#include <jansson.h>
#include <narrows/narrows.h>
#include <signal.h>

enum { STUDIES = 4 };
#define QUICK " --window -1000,200 --stats $T/demo.stats --lungs '{dir}/lungs.nii.gz' --steps 2 --samples 2 "

static const char *const files[] = {"map.nii.gz",    "lungs.nii.gz", "lesions.nii.gz", "lesions.csv",
                                    "severity.json", "report.html",  "manifest.json"};
enum { FILES = sizeof files / sizeof files[0] };

static int setup(void **state)
{
    cli_setup(state);
    char path[96];
    nw_error err;
    nw_phantom_options o = {.seed = 5, .size = 64, .slices = 8, .slice_mm = 30};
    snprintf(path, sizeof path, "%s/c", cli_folder);
    if (nw_phantom_cohort(&o, STUDIES, path, NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    expect_success("stats " MODEL " " COHORT " -q -o $T/demo.stats");
    return 0;
}

static json_t *load(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s", path, error.text);
    return root;
}

static double number(json_t *root, const char *path)
{
    char key[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        root = json_object_get(root, key);
        path += n + (path[n] == '.');
    }
    if (!json_is_number(root)) fail_msg("no number %s", key);
    return json_number_value(root);
}

static nw_volume *read_volume(const char *name)
{
    char path[512];
    nw_error err;
    nw_volume *volume;
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    if (nw_volume_read(path, NULL, &volume, &err) != NW_OK) fail_msg("%s", err.message);
    return volume;
}

static int entries(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    return temp_count(path);
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static char *read_text(const char *name)
{
    static char text[1 << 20];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is missing", path);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

/* All files and nothing else; the numbers of the JSON are those of the masks and of the table. */
static void one_study_fits_together(void **state)
{
    (void)state;
    expect_success("quantify " MODEL " $T/c/study_0002/ct.nii.gz" QUICK
                   "--threshold share=0.3 --no-gate -o $T/a --json");
    json_t *printed = json_loads(cli_out, 0, NULL), *root = load("a/severity.json");
    /* The same, but for the folder and the digits. */
    assert_int_equal(json_object_size(printed), json_object_size(root) + 1);
    assert_true(fabs(number(printed, "severity.bits") / number(root, "severity.bits") - 1) < 1e-6);
    assert_int_equal(entries("a"), FILES);
    for (int i = 0; i < FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "a/%s", files[i]);
        assert_true(exists(name));
    }
    nw_volume *scan = read_volume("c/study_0002/ct.nii.gz"), *map = read_volume("a/map.nii.gz"),
              *lungs = read_volume("a/lungs.nii.gz"), *lesions = read_volume("a/lesions.nii.gz"),
              *truth = read_volume("c/study_0002/lungs.nii.gz");
    const nw_volume_info *info = nw_volume_get_info(scan);
    const float *bits, *side, *label, *true_side;
    nw_grid grid;
    nw_error err;
    assert_int_equal(nw_grid_of_volume(map, &grid, &bits, &err), NW_OK);
    assert_int_equal(nw_grid_of_volume(lungs, &grid, &side, &err), NW_OK);
    assert_int_equal(nw_grid_of_volume(lesions, &grid, &label, &err), NW_OK);
    assert_int_equal(nw_grid_of_volume(truth, &grid, &true_side, &err), NW_OK);
    nw_volume *outputs[] = {map, lungs, lesions};
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(nw_volume_get_info(outputs[i])->dims, info->dims, sizeof info->dims);
        for (int r = 0; r < 16; r++)
            assert_true(fabs((&nw_volume_get_info(outputs[i])->affine[0][0])[r] - (&info->affine[0][0])[r]) <
                        1e-5);
    }
    double ml = nw_grid_voxel_ml(&grid), in_lungs = 0, involved = 0, lung_bits = 0;
    for (int64_t i = 0; i < grid.dims[0] * grid.dims[1] * grid.dims[2]; i++) {
        assert_true(side[i] == true_side[i]);
        assert_true(label[i] == 0 || side[i] > 0);
        in_lungs += side[i] > 0;
        involved += label[i] > 0;
        if (side[i] > 0) lung_bits += (double)bits[i];
    }
    assert_true(fabs(number(root, "lungs.sides.both.volume_ml") - in_lungs * ml) < 1e-4 * in_lungs * ml);
    assert_true(fabs(number(root, "severity.involved_ml") - involved * ml) < 1e-4 * involved * ml + 1e-9);
    assert_true(fabs(number(root, "severity.involved_share") - involved / in_lungs) < 1e-6);
    double sum = 0;
    size_t i;
    json_t *slice;
    json_array_foreach(json_object_get(root, "slices"), i, slice) sum += number(slice, "lung_bits");
    assert_true(fabs(sum - lung_bits) < 1e-5 * lung_bits);
    assert_int_equal(lines(read_text("a/lesions.csv")), 1 + (int)number(root, "lesion_count"));
    assert_true(number(root, "lesion_count") > 0);
    json_t *manifest = load("a/manifest.json");
    assert_string_equal(json_string_value(json_object_get(manifest, "status")), "ok");
    assert_int_equal(strlen(json_string_value(json_object_get(manifest, "settings_digest"))), 64);
    assert_true(number(manifest, "seconds.all") > 0 && number(manifest, "peak_memory_mib") > 0);
    json_decref(manifest);
    json_decref(printed);
    json_decref(root);
    nw_volume *all[] = {scan, map, lungs, lesions, truth};
    for (int k = 0; k < 5; k++) nw_volume_free(all[k]);
}

/* A bad study among good ones: they are done, the table says so, and the same command does only what is
 * missing. */
static void a_cohort_goes_on_and_is_resumed(void **state)
{
    (void)state;
    temp_write(cli_folder, "bad.nii", "no scan", 7);
    const char *command = "quantify " MODEL " $T/c/cohort.csv $T/bad.nii" QUICK "-o $T/b";
    assert_int_equal(narrows(command), 4);
    assert_non_null(strstr(cli_err, "bad.nii"));
    assert_non_null(strstr(cli_err, "1 of 5 studies failed"));
    assert_int_equal(lines(cli_out), 1 + STUDIES);
    assert_int_equal(entries("b"), STUDIES + 3);
    assert_int_equal(entries("b/study_0001_ct"), FILES);
    assert_int_equal(entries("b/bad"), 1);
    char *table = read_text("b/cohort.csv");
    assert_int_equal(lines(table), 1 + STUDIES + 1);
    assert_non_null(strstr(table, "\nbad,failed,"));
    char *labels = strstr(read_text("c/cohort.csv"), "ct.nii.gz,"), row[64];
    snprintf(row, sizeof row, "\nstudy_0001_ct,ok,%c,", labels[10]);
    assert_non_null(strstr(read_text("b/cohort.csv"), row));
    assert_int_equal(narrows(command), 4);
    assert_non_null(strstr(cli_err, "4 of 5 studies were finished already"));
    assert_int_equal(lines(cli_out), 1 + STUDIES);
    /* Other settings are another study. */
    expect_success("quantify " MODEL " $T/c/cohort.csv" QUICK "--seed 9 -o $T/b");
    assert_null(strstr(cli_err, "finished already"));
    expect_success("quantify " MODEL " $T/c/cohort.csv" QUICK "--seed 9 --threads 1 -o $T/b");
    assert_non_null(strstr(cli_err, "4 of 4 studies were finished already"));
}

/* Every study once, whatever the number of parts. */
static void shards_share_the_studies_out(void **state)
{
    (void)state;
    int done = 0;
    for (int i = 1; i <= 3; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "quantify " MODEL " $T/c/cohort.csv" QUICK "--shard %d/3 -o $T/s --json", i);
        expect_success(command);
        assert_null(strstr(cli_err, "finished already"));
        json_t *list = cli_out[0] ? json_loads(cli_out, 0, NULL) : NULL;
        done += (int)json_array_size(list);
        json_decref(list);
    }
    assert_int_equal(done, STUDIES);
    assert_int_equal(entries("s"), STUDIES + 2);
    assert_int_equal(lines(read_text("s/cohort.csv")), 1 + STUDIES);
}

static bool same_file(const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof command, "cmp -s '%s/%s' '%s/%s'", cli_folder, a, cli_folder, b);
    return system(command) == 0;
}

/* Starts quantify over the cohort and sends a signal when the first study is finished. */
static int stopped(const char *signal, const char *folder)
{
    char command[2048];
    snprintf(command, sizeof command,
             "'" NW_TEST_CLI "' quantify " MODEL " $T/c/cohort.csv" QUICK
             "--samples 20 --steps 6 -q -o $T/%s "
             ">/dev/null 2>&1 & p=$!; for i in $(seq 1 2000); do [ -e $T/%s/study_0001_ct/manifest.json ] && "
             "break; "
             "sleep 0.01; done; kill -%s $p; wait $p",
             folder, folder, signal);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A run that is killed in the middle leaves whole files, and the rerun makes the same as one that was not. */
static void a_killed_run_is_resumed_to_the_same_files(void **state)
{
    (void)state;
    int code = stopped("KILL", "k");
    if (code == 0) skip(); /* the machine was faster */
    assert_int_equal(code, 128 + SIGKILL);
    const char *rest = "--samples 20 --steps 6 ";
    char command[512];
    snprintf(command, sizeof command, "quantify " MODEL " $T/c/cohort.csv" QUICK "%s -o $T/k", rest);
    expect_success(command);
    assert_non_null(strstr(cli_err, "studies were finished already"));
    snprintf(command, sizeof command, "quantify " MODEL " $T/c/cohort.csv" QUICK "%s -o $T/l", rest);
    expect_success(command);
    for (int s = 1; s <= STUDIES; s++)
        for (int i = 0; i + 2 < FILES; i++) {
            char a[96], b[96];
            snprintf(a, sizeof a, "k/study_%04d_ct/%s", s, files[i]);
            snprintf(b, sizeof b, "l/study_%04d_ct/%s", s, files[i]);
            if (!same_file(a, b)) fail_msg("%s and %s differ", a, b);
        }
}

/* Ctrl-C: exit code 130, whole studies or none, no temporary files. */
static void an_interrupted_run_leaves_whole_studies(void **state)
{
    (void)state;
    int code = stopped("INT", "i");
    if (code == 0) skip();
    assert_int_equal(code, 130);
    char path[128];
    snprintf(path, sizeof path, "%s/i", cli_folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        if (strncmp(e->d_name, "cohort.", 7) == 0) continue;
        snprintf(path, sizeof path, "i/%.64s", e->d_name);
        assert_int_equal(entries(path), FILES);
    }
    closedir(dir);
}

/* A disk that is full (here: a limit on the size of files) leaves nothing, and ends a run of many at once. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    char command[1024];
    snprintf(command, sizeof command,
             "ulimit -f 8; '" NW_TEST_CLI "' quantify " MODEL " $T/c/cohort.csv" QUICK
             "-q -o $T/f >/dev/null 2>$T/f.err");
    int status = system(command);
    assert_int_equal(WEXITSTATUS(status), 5);
    assert_non_null(strstr(read_text("f.err"), "too large"));
    char path[96];
    snprintf(path, sizeof path, "%s/f/study_0001_ct", cli_folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void wrong_usage_is_told_before_any_work(void **state)
{
    (void)state;
    int before = temp_count(cli_folder);
#define Q "quantify " MODEL " $T/c/study_0001/ct.nii.gz --window -1000,200 "
#define S "--stats $T/demo.stats "
    expect_failure(2, "SCAN is missing", "quantify m");
    expect_failure(2, "-o DIR", Q S);
    expect_failure(2, "--stats-from", Q "-o $T/o");
    expect_failure(2, "in bits", Q S "--method gradcam -o $T/o");
    expect_failure(2, "one method", Q S "--method iba,gradcam -o $T/o");
    expect_failure(2, "--threshold: 'much'", Q S "--threshold much -o $T/o");
    expect_failure(2, "--negatives", Q S "--threshold healthy -o $T/o");
    expect_failure(2, "--threshold: '2'", Q S "--threshold share=2 -o $T/o");
    expect_failure(2, "--hu: 5 is not below 1", Q S "--hu 5,1 -o $T/o");
    expect_failure(2, "--shard: '4/3'", Q S "--shard 4/3 -o $T/o");
    expect_failure(2, "--shard: 'x'", Q S "--shard x -o $T/o");
    expect_failure(2, "--gate: '2'", Q S "--gate 2 -o $T/o");
    expect_failure(2, "--lung-labels", Q S "--lung-labels all -o $T/o");
    expect_failure(5, "--lungs", Q S "--lungs $T/none.nii.gz -o $T/o");
    expect_failure(4, "did you mean 'lesion'?", Q S "--target lesin -o $T/o");
    expect_failure(4, "no scan", "quantify " MODEL " " IMAGE " " S "-o $T/o");
    expect_failure(4, "Hounsfield",
                   "quantify " MODEL " $T/c/study_0001/zones.nii.gz --window 0,1 " S "-o $T/o");
    assert_int_equal(temp_count(cli_folder), before);
}

/* `stats --negatives` keeps what healthy lungs need, and quantify takes its quantile. */
static void negatives_give_the_threshold(void **state)
{
    (void)state;
    expect_success("stats " MODEL
                   " $T/c/cohort.csv --window -1000,200 --lungs '{dir}/lungs.nii.gz' --steps 3 --samples 2 "
                   "--negatives -q -o $T/h.stats --json");
    json_t *root = json_loads(cli_out, 0, NULL);
    double q = number(root, "healthy.q99_bits_per_ml"), scans = number(root, "healthy.scans");
    assert_true(q > 0 && scans >= 1 && scans < STUDIES);
    json_decref(root);
#define H                                                                                                    \
    "quantify " MODEL " $T/c/study_0002/ct.nii.gz --window -1000,200 --lungs '{dir}/lungs.nii.gz' "          \
    "--samples 2 --stats $T/h.stats --json "
    expect_success(H "--steps 3 -o $T/n");
    root = json_loads(cli_out, 0, NULL);
    json_t *threshold = json_object_get(root, "threshold");
    assert_string_equal(json_string_value(json_object_get(threshold, "rule")), "healthy");
    assert_true(fabs(number(threshold, "bits_per_ml") - q) < 1e-6 * q);
    assert_true(number(threshold, "healthy_scans") == scans);
    json_decref(root);
    /* For other maps it is not taken. */
    expect_success(H "--steps 4 -o $T/n");
    assert_non_null(strstr(cli_err, "other settings"));
    root = json_loads(cli_out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "threshold"), "rule")),
                        "otsu");
    json_decref(root);
    expect_failure(2, "--negatives", H "--steps 4 --threshold healthy -q -o $T/m");
}

/* The lesions against the phantom's, whose voxels are counted here. */
static void truth_stands_beside_the_lesions(void **state)
{
    (void)state;
    expect_success("quantify " MODEL " $T/c/study_0001/ct.nii.gz $T/c/study_0002/ct.nii.gz" QUICK
                   "--threshold share=0.3 --no-gate --min-volume 0 --truth '{dir}/lesions.nii.gz' -o $T/t");
    assert_non_null(strstr(cli_out, "Dice"));
    size_t seen = 0;
    for (int study = 1; study <= 2; study++) {
        char name[96];
        snprintf(name, sizeof name, "t/study_%04d_ct", study);
        assert_int_equal(entries(name), FILES + 1);
        snprintf(name, sizeof name, "t/study_%04d_ct/lesions.nii.gz", study);
        nw_volume *found = read_volume(name);
        snprintf(name, sizeof name, "c/study_%04d/lesions.nii.gz", study);
        nw_volume *truth = read_volume(name);
        snprintf(name, sizeof name, "t/study_%04d_ct/severity.json", study);
        json_t *root = load(name);
        nw_grid grid;
        nw_error err;
        const float *f, *t;
        assert_int_equal(nw_grid_of_volume(found, &grid, &f, &err), NW_OK);
        assert_int_equal(nw_grid_of_volume(truth, &grid, &t, &err), NW_OK);
        double ml = nw_grid_voxel_ml(&grid), sum[3] = {0}, slices[3] = {0};
        for (int64_t i = 0; i < grid.dims[0] * grid.dims[1] * grid.dims[2]; i++) {
            sum[0] += ml * (f[i] != 0);
            sum[1] += ml * (t[i] != 0);
            sum[2] += ml * (f[i] != 0 && t[i] != 0);
        }
        seen += sum[2] > 0;
        static const char *const keys[] = {"truth.found_ml", "truth.truth_ml", "truth.both_ml"};
        for (int k = 0; k < 3; k++) assert_true(fabs(number(root, keys[k]) - sum[k]) < 1e-4 * sum[k] + 1e-9);
        json_t *dice = json_object_get(json_object_get(root, "truth"), "dice"), *slice;
        if (sum[0] + sum[1] > 0)
            assert_true(fabs(json_number_value(dice) - 2 * sum[2] / (sum[0] + sum[1])) < 1e-6);
        else
            assert_true(json_is_null(dice));
        size_t i;
        json_array_foreach(json_object_get(root, "slices"), i, slice)
        {
            slices[0] += number(slice, "found_ml");
            slices[1] += number(slice, "truth_ml");
            slices[2] += number(slice, "both_ml");
        }
        for (int k = 0; k < 3; k++) assert_true(fabs(slices[k] - sum[k]) < 1e-4 * sum[k] + 1e-9);
        json_decref(root);
        nw_volume_free(found);
        nw_volume_free(truth);
    }
    assert_true(seen >= 1);
    assert_non_null(strstr(read_text("t/cohort.csv"), ",truth_ml,truth_share,"));

    /* What was found is its own truth, whatever its numbers; without --truth nothing is left of the picture.
     */
#define SAME " $T/c/study_0002/ct.nii.gz" QUICK "--threshold share=0.3 --no-gate --min-volume 0 -o $T/u "
    expect_success("quantify " MODEL SAME "--truth $T/t/study_0002_ct/lesions.nii.gz --json");
    json_t *root = json_loads(cli_out, 0, NULL);
    assert_true(fabs(number(root, "truth.dice") - 1) < 1e-9);
    assert_true(number(root, "truth.touched") == number(root, "truth.lesions") &&
                number(root, "truth.lesions") > 0);
    json_decref(root);
    assert_true(exists("u/truth.png"));
    assert_non_null(strstr(read_text("u/manifest.json"), "truth.png"));
    expect_success("quantify " MODEL SAME "--json");
    root = json_loads(cli_out, 0, NULL);
    assert_true(json_is_null(json_object_get(root, "truth")));
    json_decref(root);
    assert_int_equal(entries("u"), FILES);

    expect_failure(5, "--truth", "quantify " MODEL SAME "--truth $T/none.nii.gz");
    expect_failure(5, "none.nii.gz", "quantify " MODEL SAME "--truth '{dir}/none.nii.gz'");
    expect_failure(4, "image.png", "quantify " MODEL SAME "--truth " IMAGE);
    assert_int_equal(entries("u"), FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_study_fits_together),
        cmocka_unit_test(a_cohort_goes_on_and_is_resumed),
        cmocka_unit_test(shards_share_the_studies_out),
        cmocka_unit_test(a_killed_run_is_resumed_to_the_same_files),
        cmocka_unit_test(an_interrupted_run_leaves_whole_studies),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(wrong_usage_is_told_before_any_work),
        cmocka_unit_test(negatives_give_the_threshold),
        cmocka_unit_test(truth_stands_beside_the_lesions),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
