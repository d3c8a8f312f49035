/* A network that was trained on lungs alone is given lungs alone by every command, and its maps lie in the
 * scan. */
#include "train_cli.h"

#include <jansson.h>

#define CT "$T/c/study_0001/ct.nii.gz"

enum { SIDE = 96, SLICES = 12 };

static int setup(void **state)
{
    nw_error err;
    nw_phantom_options chest = {.seed = 8, .size = SIDE, .slices = SLICES, .slice_mm = 22};
    cli_setup(state);
    if (nw_phantom_cohort(&chest, 3, in_folder("c"), NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    FILE *f = fopen(in_folder("list.csv"), "w");
    if (!f) abort();
    fputs("file,label,split,patient,slice\n", f);
    for (int study = 1; study <= 3; study++)
        for (int s = 0; s < SLICES; s++)
            fprintf(f, "c/study_%04d/ct.nii.gz,%s,%s,%d,%d\n", study, s < SLICES / 2 ? "low" : "high",
                    study == 1 ? "test" : "train", study, s);
    fclose(f);
    return 0;
}

#define TRAIN                                                                                                \
    "train $T/list.csv --arch resnet18 --width 0.125 --size 32 --batch 8 --warmup 0 --rate 0.01 --threads "  \
    "1 "                                                                                                     \
    "--draws 20 --window -1350,150 --augment none --epochs 3 --no-preview -q "

/* Probabilities of slice `slice` in rows "NAME,slice,...". */
static const char *row_of(const char *text, int slice)
{
    char begins[16];
    snprintf(begins, sizeof begins, ",%d,", slice);
    for (const char *p = strchr(text, '\n'); p && p[1]; p = strchr(p + 1, '\n')) {
        const char *comma = strchr(p, ',');
        if (comma && strncmp(comma, begins, strlen(begins)) == 0) return p + 1;
    }
    fail_msg("there is no slice %d in %s", slice, text);
    return NULL;
}

/* The largest difference between test.csv of the training and `narrows predict`. */
static double difference(const char *model)
{
    char name[64], command[256];
    double most = 0;
    snprintf(name, sizeof name, "%s.training/test.csv", model);
    snprintf(command, sizeof command, "predict $T/%s.onnx " CT " --csv --threads 1", model);
    char *test = text_of(name);
    expect_success(command);
    for (int s = 0; s < SLICES; s++) {
        const char *a = row_of(test, s), *b = row_of(cli_out, s);
        for (int c = 0; c < 2; c++) most = fmax(most, fabs(field(a, 6 + c) - field(b, 5 + c))); /* logits */
    }
    free(test);
    return most;
}

static void predictions_are_those_of_the_training(void **state)
{
    (void)state;
    expect_success(TRAIN "--lungs-crop --lungs-fill --lungs-margin 4 -o $T/both.onnx");
    expect_success(TRAIN "--lungs-crop --restart -o $T/crop.onnx");
    expect_success(TRAIN "-o $T/whole.onnx");
    assert_true(difference("both") < 1e-4);
    assert_true(difference("crop") < 1e-4);
    assert_true(difference("whole") < 1e-4);
    nw_model *model;
    nw_error err;
    assert_int_equal(nw_model_load(in_folder("both.onnx"), NULL, &model, &err), NW_OK);
    assert_string_equal(nw_model_metadata(model, "narrows.lungs"),
                        "{\"crop\":true,\"fill\":true,\"margin_mm\":4.0}");
    nw_model_unref(model);
    /* Without the fact the answers are others: the test can fail. */
    FILE *f = fopen(in_folder("both.json"), "w");
    assert_non_null(f);
    fputs("{\"narrows.input\": {\"channels\": 1, \"size\": [32, 32], \"window\": [-1350, 150]}, "
          "\"narrows.head\": \"softmax\"}",
          f);
    fclose(f);
    double without = difference("both");
    unlink(in_folder("both.json"));
    assert_true(without > 1e-2);
}

static void pictures_are_refused(void **state)
{
    (void)state;
    train_picture("p.png", 1, false, 8);
    expect_failure(4, "p.png: the model was trained on the lungs of scans", "predict $T/both.onnx $T/p.png");
    expect_failure(4, "narrows.lungs",
                   "explain $T/both.onnx $T/p.png --method gradcam --layer layer2 -o $T/out");
}

/* Outside the box of the lungs a map is 0, within it is not; dimensions are the scan's. */
static void maps_lie_in_the_scan(void **state)
{
    (void)state;
    nw_error err;
    nw_volume *scan, *map;
    nw_lung_view view = {.crop = 1, .margin_mm = 5};
    nw_preprocess pre = {
        .channels = 1, .height = 32, .width = 32, .scale = NW_SCALE_WINDOW, .low = -1350, .high = 150};
    nw_volume *seen = NULL;
    expect_success("explain $T/crop.onnx " CT
                   " --method gradient --slices 6 --no-picture -o $T/maps --target 1");
    assert_int_equal(nw_volume_read(in_folder("c/study_0001/ct.nii.gz"), NULL, &scan, &err), NW_OK);
    if (nw_lung_view_make(&view, scan, &pre, &seen, &err) != NW_OK) fail_msg("%s", err.message);
    assert_null(seen); /* nothing is filled */
    if (nw_volume_read(in_folder("maps/ct.gradient.nii.gz"), NULL, &map, &err) != NW_OK)
        fail_msg("%s", err.message);
    const nw_volume_info *a = nw_volume_get_info(scan), *b = nw_volume_get_info(map);
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    assert_int_equal(a->rows, b->rows);
    assert_true(pre.crop[0] > 0 && pre.crop[1] < a->rows && pre.crop[2] > 0 && pre.crop[3] < a->columns);
    float *plane = calloc((size_t)(b->rows * b->columns), sizeof *plane);
    assert_int_equal(nw_volume_slice(map, 6, plane, &err), NW_OK);
    double inside = 0, outside = 0;
    for (int64_t r = 0; r < b->rows; r++)
        for (int64_t c = 0; c < b->columns; c++) {
            bool in = r >= pre.crop[0] && r < pre.crop[1] && c >= pre.crop[2] && c < pre.crop[3];
            *(in ? &inside : &outside) += fabs((double)plane[r * b->columns + c]);
        }
    assert_true(inside > 0);
    assert_true(outside == 0);
    free(plane);
    nw_volume_free(scan);
    nw_volume_free(map);
}

static void statistics_and_studies(void **state)
{
    (void)state;
    expect_success("stats $T/both.onnx " CT " --layer layer2 -o $T/both.stats -q");
    expect_success("stats $T/whole.onnx " CT " --layer layer2 -o $T/whole.stats -q");
    expect_success("quantify $T/both.onnx " CT
                   " --stats $T/both.stats --target 1 --gate 0 --slices 5:7 --steps 2 "
                   "--samples 2 -o $T/study -q");
    /* Probabilities in the study are those of predict. */
    expect_success("predict $T/both.onnx " CT " --csv --slices 5:7 --threads 1");
    double wanted = field(row_of(cli_out, 5), 4);
    char *severity = text_of("study/severity.json");
    json_t *root = json_loads(severity, 0, NULL), *slices = json_object_get(root, "slices"), *row;
    size_t i;
    double found = -1;
    json_array_foreach(slices, i, row) if (json_integer_value(json_object_get(row, "index")) == 5 ||
                                           json_integer_value(json_object_get(row, "slice")) == 5) found =
        json_number_value(json_object_get(row, "probability"));
    if (!(fabs(found - wanted) < 1e-4)) fail_msg("probability %g, not %g: %.600s", found, wanted, severity);
    json_decref(root);
    free(severity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_those_of_the_training),
        cmocka_unit_test(pictures_are_refused),
        cmocka_unit_test(maps_lie_in_the_scan),
        cmocka_unit_test(statistics_and_studies),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
