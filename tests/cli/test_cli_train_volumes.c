/* `narrows train --arch resnet18_3d`: a network over whole scans, what it leaves behind, and the commands
 * that use it. */
#include "train_cli.h"

#include <math.h>
#include <signal.h>
#include <time.h>

enum { STUDIES = 12, SIZE = 64, SLICES = 12 };

#define CT "$T/c/study_0003/ct.nii.gz"

static int setup(void **state)
{
    nw_error err;
    nw_phantom_options chest = {.seed = 8, .size = SIZE, .slices = SLICES, .slice_mm = 22};
    cli_setup(state);
    if (nw_phantom_cohort(&chest, STUDIES, in_folder("c"), NULL, NULL, &err) != NW_OK)
        fail_msg("%s", err.message);
    FILE *f = fopen(in_folder("list.csv"), "w");
    if (!f) abort();
    fputs("file,label,split,patient\n", f);
    for (int i = 1; i <= STUDIES; i++)
        fprintf(f, "c/study_%04d/ct.nii.gz,%s,%s,%d\n", i, i / 3 % 2 ? "ill" : "well",
                i % 3 == 0   ? "test"
                : i % 3 == 1 ? "val"
                             : "train",
                i);
    fclose(f);
    return 0;
}

#define SMALL                                                                                                \
    "train $T/list.csv --arch resnet18_3d --width 0.125 --depth 8 --size 32 --batch 2 --warmup 0 "           \
    "--window -1350,150 --threads 1 --draws 20 --augment light "

/* Each scan has one row, without a slice, and `narrows predict` gives its logits. */
static void expect_same_predictions(const char *model)
{
    char name[64], command[256];
    int rows = 0;
    snprintf(name, sizeof name, "%s.training/test.csv", model);
    char *test = text_of(name);
    for (const char *p = strchr(test, '\n') + 1; *p; p = strchr(p, '\n') + 1, rows++) {
        int study = (int)strtol(p + strlen("c/study_"), NULL, 10);
        if (strncmp(strchr(p, ','), ",,", 2) != 0) fail_msg("a slice is named: %s", p);
        snprintf(command, sizeof command, "predict $T/%s.onnx $T/c/study_%04d/ct.nii.gz --csv --threads 1",
                 model, study);
        expect_success(command);
        const char *q = strchr(cli_out, '\n') + 1;
        assert_int_equal(strncmp(q, "ct,,", 4), 0);
        assert_null(strchr(strchr(q, '\n') + 1, '\n'));
        for (int c = 0; c < 2; c++) {
            double a = field(p, 6 + c), b = field(q, 5 + c);
            if (!(fabs(a - b) <= 1e-4 * (1 + fabs(a)))) fail_msg("%g in test.csv, %g predicted", a, b);
        }
    }
    assert_int_equal(rows, STUDIES / 3);
    free(test);
}

static void everything_is_left_behind(void **state)
{
    (void)state;
    expect_success(SMALL "--epochs 3 -o $T/scan.onnx");
    static const char *const files[] = {"scan.onnx",
                                        "scan.training/checkpoint.safetensors",
                                        "scan.training/log.csv",
                                        "scan.training/training.html",
                                        "scan.training/preview.png",
                                        "scan.training/test.csv",
                                        "scan.training/metrics.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!exists(files[i])) fail_msg("%s is missing", files[i]);
    assert_non_null(strstr(cli_err, "train 4 scans of 4 groups"));
    assert_non_null(strstr(cli_err, "scans have 12 to 12 slices, each becomes 8"));
    expect_metadata("scan.onnx", "narrows.input", "\"size\":[8,32,32]");
    expect_metadata("scan.onnx", "narrows.input", "\"window\":[-1350");
    expect_metadata("scan.onnx", "narrows.head", "\"softmax\"");
    expect_metadata("scan.onnx", "narrows.classes", "[\"ill\",\"well\"]");
    expect_metadata("scan.onnx", "narrows.bottleneck", "layer3");
    expect_metadata("scan.onnx", "narrows.network", "\"arch\":\"resnet18_3d\"");
    expect_valid_onnx("scan.onnx");
    expect_same_predictions("scan");
    /* Results name the model by its file alone. */
    char *metrics = text_of("scan.training/metrics.json"), *page = text_of("scan.training/training.html");
    assert_non_null(strstr(metrics, "\"model\": \"scan.onnx\""));
    assert_null(strstr(metrics, cli_folder));
    assert_non_null(strstr(page, "scan.onnx"));
    assert_null(strstr(page, cli_folder));
    free(metrics);
    free(page);
}

static void lungs_alone(void **state)
{
    (void)state;
    expect_success(SMALL "--lungs-crop --lungs-fill --epochs 1 --no-preview -q -o $T/lungs.onnx");
    expect_metadata("lungs.onnx", "narrows.lungs", "\"crop\":true");
    expect_same_predictions("lungs");
}

/* The training is killed after its second epoch, and gone on with. */
static void killed_and_run_again(void **state)
{
    (void)state;
#define LONG SMALL "--epochs 4 --mixup 0.2 --average 0.9 --no-preview "
    char through[65], again[65], command[1024];
    int status = 0;
    expect_success(LONG "-o $T/through.onnx -q");
    pid_t child = fork();
    if (!child) {
        snprintf(command, sizeof command, "exec '%s' " LONG "-q -o $T/killed.onnx </dev/null", NW_TEST_CLI);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 60000; i++) {
        if (waitpid(child, &status, WNOHANG) == child) fail_msg("the training was quicker");
        FILE *f = fopen(in_folder("killed.training/log.csv"), "r");
        int lines = 0;
        for (int c; f && (c = fgetc(f)) != EOF;) lines += c == '\n';
        if (f) fclose(f);
        if (lines >= 3) break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(exists("killed.onnx"));
    expect_success(LONG "-o $T/killed.onnx");
    assert_non_null(strstr(cli_err, "going on after epoch"));
    file_digest("through.onnx", through);
    file_digest("killed.onnx", again);
    assert_string_equal(through, again);
    expect_failure(4, "killed.training/checkpoint.safetensors was made with",
                   LONG "-o $T/killed.onnx --depth 9 -q");
    expect_failure(4, "input.antialias", LONG "-o $T/killed.onnx --antialias -q");
}

/* Every voxel of the scan has a value, in its geometry. */
static double map_sum(const char *name)
{
    nw_error err;
    nw_volume *scan, *map;
    double sum = 0;
    assert_int_equal(nw_volume_read(in_folder("c/study_0003/ct.nii.gz"), NULL, &scan, &err), NW_OK);
    if (nw_volume_read(in_folder(name), NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    const nw_volume_info *a = nw_volume_get_info(scan), *b = nw_volume_get_info(map);
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    assert_memory_equal(a->affine, b->affine, sizeof a->affine);
    float *plane = calloc((size_t)(b->rows * b->columns), sizeof *plane);
    int filled = 0;
    for (int64_t z = 0; z < b->slices; z++) {
        assert_int_equal(nw_volume_slice(map, z, plane, &err), NW_OK);
        bool any = false;
        for (int64_t i = 0; i < b->rows * b->columns; i++) {
            sum += (double)plane[i];
            any |= plane[i] > 0;
        }
        filled += any;
    }
    assert_true(filled > SLICES / 2);
    free(plane);
    nw_volume_free(scan);
    nw_volume_free(map);
    return sum;
}

static void other_commands_take_it(void **state)
{
    (void)state;
    expect_success("inspect $T/scan.onnx");
    assert_non_null(strstr(cli_out, "x1x8x32x32"));
    expect_success("predict $T/scan.onnx " CT " --json");
    assert_non_null(strstr(cli_out, "\"slice\": null"));
    expect_success("stats $T/scan.onnx $T/list.csv --layer layer2 -o $T/scan.stats -q");
    expect_success("stats $T/scan.onnx $T/list.csv --layer layer2 -o $T/scan.stats --json -q");
    assert_non_null(strstr(cli_out, "\"samples\": 12"));
    expect_success("explain $T/scan.onnx " CT " --stats $T/scan.stats --method iba,gradcam --layer layer2 "
                   "--steps 2 --samples 2 --threads 1 -o $T/maps --json");
    assert_true(exists("maps/ct.iba.png") && exists("maps/ct.gradcam.png"));
    /* Bits are shared out among the voxels of the whole scan. */
    const char *total = strstr(cli_out, "\"total_bits\": ");
    assert_non_null(total);
    double bits = strtod(total + strlen("\"total_bits\": "), NULL), sum = map_sum("maps/ct.iba.nii.gz");
    if (!(bits > 0 && fabs(sum / bits - 1) < 0.02)) fail_msg("%g bits, %g in the map", bits, sum);
    assert_non_null(strstr(cli_out, "\"slice\": null"));
    assert_true(map_sum("maps/ct.gradcam.nii.gz") > 0);
    /* The same key, seed and scan: the same map. */
    char *first = text_of("maps/ct.iba.nii.gz");
    expect_success("explain $T/scan.onnx " CT " --stats $T/scan.stats --layer layer2 --steps 2 --samples 2 "
                   "--threads 1 -o $T/again --no-picture -q");
    char *second = text_of("again/ct.iba.nii.gz");
    assert_memory_equal(first, second, 4096);
    free(first);
    free(second);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    train_picture("p.png", 1, false, 8);
    train_picture("q.png", 2, true, 8);
    train_text("pictures.csv", "file,label\np.png,well\nq.png,ill\n");
    train_text("slices.csv",
               "file,label,slice\nc/study_0001/ct.nii.gz,well,3\nc/study_0002/ct.nii.gz,ill,\n");
#define NEW " -o $T/new.onnx --epochs 1 -q "
    expect_failure(2, "--depth is for networks over whole scans (resnet18_3d); resnet34 takes slices",
                   "train $T/list.csv --arch resnet34 --depth 8" NEW);
    expect_failure(2, "--per-study pools slices", SMALL "--per-study" NEW);
    expect_failure(2, "slices cannot be chosen", SMALL "--slice-step 2" NEW);
    expect_failure(4, "p.png is a single slice (a picture), whole volumes are wanted",
                   "train $T/pictures.csv --arch resnet18_3d --depth 8 --size 32 --group-column ''" NEW);
    expect_failure(4, "a slice is named", "train $T/slices.csv --arch resnet18_3d --window 0,1" NEW);
    expect_failure(2, "--depth", SMALL "--depth 5000" NEW);
    expect_failure(4, "how values become 0..1 is not known",
                   "train $T/list.csv --arch resnet18_3d --depth 8 --size 32" NEW);
    expect_failure(2, "scan.onnx takes whole scans, each resized to 8 slices",
                   "predict $T/scan.onnx " CT " --slices 3");
    expect_failure(4, "p.png: is a single slice", "predict $T/scan.onnx $T/p.png --scale full");
    expect_failure(3, "quantify is for networks that take slices",
                   "quantify $T/scan.onnx " CT " --stats $T/scan.stats -o $T/q");
    expect_failure(3, "--negatives is for networks that take slices",
                   "stats $T/scan.onnx " CT " --negatives -o $T/n.stats");
}

/* The depth is that of the old network unless another one is asked for. */
static void from_another_network(void **state)
{
    (void)state;
#define FROM                                                                                                 \
    "train $T/list.csv --from $T/scan.onnx --batch 2 --warmup 0 --threads 1 --draws 20 --epochs 1 -q "       \
    "--no-preview --task binary -o $T/new.onnx "
    expect_success(FROM);
    expect_metadata("new.onnx", "narrows.input", "\"size\":[8,32,32]");
    expect_metadata("new.onnx", "narrows.head", "\"sigmoid\"");
    expect_success(FROM "--depth 9 --restart");
    expect_metadata("new.onnx", "narrows.input", "\"size\":[9,32,32]");
    expect_success("predict $T/new.onnx " CT);
    expect_failure(2, "scan.onnx takes whole scans", FROM "--per-study");
    expect_success("train --epochs 0 --arch resnet18_3d --width 0.125 -o $T/start.onnx --outputs 2 -q");
    expect_metadata("start.onnx", "narrows.input", "\"size\":[32,112,112]");
    expect_valid_onnx("start.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_left_behind), cmocka_unit_test(lungs_alone),
        cmocka_unit_test(killed_and_run_again),      cmocka_unit_test(other_commands_take_it),
        cmocka_unit_test(what_cannot_be_is_said),    cmocka_unit_test(from_another_network),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
