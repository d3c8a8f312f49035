/* Lists through every command that takes them: orientations of single files, and folders with DICOM. What a
 * list says must give what the same options give for the file alone. */
#include "cli.h"

#include <jansson.h>
#include <narrows/narrows.h>

#define MASKS  DEMO "masks"
#define SERIES NW_TEST_SHARED "/data/ct-dicom-series/"

static char *in_folder(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", cli_folder, name);
    return path;
}

static void list(const char *name, const char *text)
{
    temp_write(cli_folder, name, text, strlen(text));
}

/* The output of a command, to be freed. */
static char *output(const char *arguments)
{
    expect_success(arguments);
    return strdup(cli_out);
}

static void expect_same_output(const char *one, const char *other)
{
    char *a = output(one), *b = output(other);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void expect_same_file(const char *one, const char *other)
{
    char command[1200];
    snprintf(command, sizeof command, "cmp '%s' '%s' >&2", in_folder(one), in_folder(other));
    if (system(command) != 0) fail_msg("%s and %s differ", one, other);
}

static void expect_same_stats(const char *one, const char *other)
{
    nw_error err;
    nw_stats *a, *b;
    if (nw_stats_load(in_folder(one), NULL, NULL, &a, &err)) fail_msg("%s", err.message);
    if (nw_stats_load(in_folder(other), NULL, NULL, &b, &err)) fail_msg("%s", err.message);
    const nw_shape *shape = nw_stats_shape(a);
    size_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= (size_t)shape->dims[i];
    assert_int_equal(nw_stats_count(a), nw_stats_count(b));
    assert_memory_equal(nw_stats_mean(a), nw_stats_mean(b), n * sizeof(float));
    assert_memory_equal(nw_stats_std(a), nw_stats_std(b), n * sizeof(float));
    nw_stats_free(a);
    nw_stats_free(b);
}

static void make_stats(void)
{
    if (!exists("demo.stats")) expect_success("stats " MODEL " " COHORT " -q -o $T/demo.stats");
}

#define TURNED "file,orient\n" IMAGE ",rot90\n"

static void predict_turns(void **state)
{
    (void)state;
    list("turned.csv", TURNED);
    list("empty.csv", "file,orient\n" IMAGE ",\n");
    char *plain = output("predict " MODEL " " IMAGE " --csv");
    char *turned = output("predict " MODEL " " IMAGE " --csv --orient rot90");
    assert_string_not_equal(plain, turned);
    free(plain);
    free(turned);
    expect_same_output("predict " MODEL " $T/turned.csv --csv",
                       "predict " MODEL " " IMAGE " --csv --orient rot90");
    /* The word of the list counts, above the option; without one the option does. */
    expect_same_output("predict " MODEL " $T/turned.csv --csv --orient flip-v",
                       "predict " MODEL " " IMAGE " --csv --orient rot90");
    expect_same_output("predict " MODEL " $T/empty.csv --csv --orient flip-v",
                       "predict " MODEL " " IMAGE " --csv --orient flip-v");
    list("wrong.csv", "file,orient\n" IMAGE ",up\n");
    expect_failure(4, "wrong.csv line 2: orientation 'up'", "predict " MODEL " $T/wrong.csv");
}

static void stats_turn(void **state)
{
    (void)state;
    list("two.csv", "file,orient\n" IMAGE ",rot90\n" DEMO "healthy.png,rot90\n");
    list("mixed.csv", "file,orient\n" IMAGE ",rot90\n" DEMO "healthy.png,\n");
    expect_success("stats " MODEL " $T/two.csv -q -o $T/two.stats");
    expect_success("stats " MODEL " $T/mixed.csv --orient rot90 -q -o $T/mixed.stats");
    expect_success("stats " MODEL " " IMAGE " " DEMO "healthy.png --orient rot90 -q -o $T/options.stats");
    expect_same_stats("two.stats", "options.stats");
    expect_same_stats("mixed.stats", "options.stats");
}

/* The map comes back the way it went, and the picture is the same, turned or not. */
static void explain_turns(void **state)
{
    (void)state;
    make_stats();
    list("turned.csv", TURNED);
    expect_success("explain " MODEL " $T/turned.csv --stats $T/demo.stats -q -o $T/a");
    expect_success("explain " MODEL " " IMAGE " --orient rot90 --stats $T/demo.stats -q -o $T/b");
    expect_same_file("a/image.iba.npy", "b/image.iba.npy");
    expect_same_file("a/image.iba.png", "b/image.iba.png");
    json_t *root = json_load_file(in_folder("a/manifest.json"), 0, NULL);
    json_t *image = json_array_get(json_object_get(root, "images"), 0);
    assert_string_equal(json_string_value(json_object_get(image, "orient")), "rot90");
    json_decref(root);
    expect_success("explain " MODEL " $T/turned.csv --stats $T/demo.stats -q --upright -o $T/c");
    expect_success("explain " MODEL " " IMAGE " --orient rot90 --stats $T/demo.stats -q --upright -o $T/d");
    expect_same_file("c/image.iba.png", "d/image.iba.png");
}

static void evaluate_turns(void **state)
{
    (void)state;
    make_stats();
    list("turned.csv", TURNED);
    static const char *const ats[] = {"image", "input"};
    for (int i = 0; i < 2; i++) {
        char one[512], other[512];
        snprintf(one, sizeof one,
                 "evaluate " MODEL " $T/turned.csv --masks " MASKS
                 " --method iba --stats $T/demo.stats --at %s --csv $T/one.csv",
                 ats[i]);
        snprintf(other, sizeof other,
                 "evaluate " MODEL " " IMAGE " --orient rot90 --masks " MASKS
                 " --method iba --stats $T/demo.stats --at %s --csv $T/other.csv",
                 ats[i]);
        expect_success(one);
        expect_success(other);
        expect_same_file("one.csv", "other.csv");
    }
}

#define QUICK                                                                                                \
    " --window -1000,200 --stats $T/demo.stats --steps 2 --samples 2 --no-gate --threshold share=0.3 -q "

static void quantify_turns(void **state)
{
    (void)state;
    make_stats();
    nw_error err;
    nw_phantom_options o = {.seed = 5, .size = 64, .slices = 8, .slice_mm = 30};
    if (nw_phantom_cohort(&o, 1, in_folder("c"), NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    list("study.csv", "file,orient\nc/study_0001/ct.nii.gz,flip-v\n");
    expect_success("quantify " MODEL " $T/study.csv --lungs none" QUICK "-o $T/q");
    expect_success("quantify " MODEL " $T/c/study_0001/ct.nii.gz --orient flip-v --lungs none" QUICK
                   "-o $T/r");
    expect_success("quantify " MODEL " $T/c/study_0001/ct.nii.gz --lungs none" QUICK "-o $T/s");
    expect_same_file("q/ct/map.nii.gz", "r/map.nii.gz");
    char command[1200];
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", in_folder("q/ct/map.nii.gz"),
             in_folder("s/map.nii.gz"));
    assert_int_not_equal(system(command), 0);
    /* Finished; and with another word to be done anew. */
    expect_success("quantify " MODEL " $T/study.csv --lungs none" QUICK "-o $T/q --json");
    list("study.csv", "file,orient\nc/study_0001/ct.nii.gz,none\n");
    expect_success("quantify " MODEL " $T/study.csv --lungs none" QUICK "-o $T/q");
    expect_same_file("q/ct/map.nii.gz", "s/map.nii.gz");
}

/* A CSV file that names folders with DICOM: each is one scan, as if it had been given by itself. */
static void lists_name_dicom_folders(void **state)
{
    (void)state;
    if (access(SERIES "LIDC-IDRI-0001", R_OK) != 0) {
        print_message("skipped: no DICOM series beside the project\n");
        skip();
    }
    make_stats();
    list("series.csv", "file,label\n" SERIES "LIDC-IDRI-0001,1\n" SERIES "LIDC-IDRI-0002,0\n");
    list("series.txt", SERIES "LIDC-IDRI-0001\n" SERIES "LIDC-IDRI-0002\n");
    char text[2048];
    snprintf(text, sizeof text, "file\n%s\n", SERIES "LIDC-IDRI-0001");
    list("one.csv", text);
#define BOTH SERIES "LIDC-IDRI-0001 " SERIES "LIDC-IDRI-0002"
#define CT   " --window -1000,200 --slices 3:9:3 "
    expect_same_output("predict " MODEL " $T/series.csv --csv" CT, "predict " MODEL " " BOTH " --csv" CT);
    expect_same_output("predict " MODEL " $T/series.txt --csv" CT, "predict " MODEL " " BOTH " --csv" CT);
    assert_non_null(strstr(cli_out, "LIDC-IDRI-0002,6,"));
    expect_success("stats " MODEL " $T/series.csv -q -o $T/csv.stats" CT);
    expect_success("stats " MODEL " " BOTH " -q -o $T/given.stats" CT);
    expect_same_stats("csv.stats", "given.stats");
    expect_success("explain " MODEL " $T/one.csv --stats $T/demo.stats --steps 2 --no-picture -q -o $T/e" CT);
    expect_success("explain " MODEL " " SERIES
                   "LIDC-IDRI-0001 --stats $T/demo.stats --steps 2 --no-picture -q "
                   "-o $T/f" CT);
    expect_same_file("e/LIDC-IDRI-0001.iba.nii.gz", "f/LIDC-IDRI-0001.iba.nii.gz");
    expect_success("quantify " MODEL " $T/one.csv --lungs none --slices 3:9:3" QUICK "-o $T/g");
    expect_success("quantify " MODEL " " SERIES "LIDC-IDRI-0001 --lungs none --slices 3:9:3" QUICK "-o $T/h");
    expect_same_file("g/LIDC-IDRI-0001/map.nii.gz", "h/map.nii.gz");
    expect_same_file("g/LIDC-IDRI-0001/severity.json", "h/severity.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predict_turns),  cmocka_unit_test(stats_turn),
        cmocka_unit_test(explain_turns),  cmocka_unit_test(evaluate_turns),
        cmocka_unit_test(quantify_turns), cmocka_unit_test(lists_name_dicom_folders),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
