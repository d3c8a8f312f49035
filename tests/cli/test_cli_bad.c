/* Bad input through the program: message, exit code, and nothing left behind. */
#include "cli.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define STATS "--stats $T/demo.stats "

static int setup(void **state)
{
    cli_setup(state);
    return narrows("stats " MODEL " " COHORT " -o $T/demo.stats --limit 8");
}

static void models(void **state)
{
    (void)state;
    temp_write(cli_folder, "text.onnx", "this is not a model at all", 26);
    char command[512];
    snprintf(command, sizeof command, "head -c 20000 %s > %s/cut.onnx", MODEL, cli_folder);
    assert_int_equal(system(command), 0);
    expect_failure(5, "nothing.onnx", "inspect $T/nothing.onnx");
    expect_failure(3, "text.onnx", "inspect $T/text.onnx");
    expect_failure(3, "cut.onnx", "inspect $T/cut.onnx");
    expect_failure(3, "cut.onnx", "predict $T/cut.onnx " IMAGE);
    expect_failure(3, "text.onnx", "stats $T/text.onnx " COHORT " -o $T/s");
    expect_failure(3, "text.onnx", "explain $T/text.onnx " IMAGE " --method gradcam -o $T/out");
    expect_failure(5, "nothing.json", "inspect " MODEL " --metadata $T/nothing.json");
    unlink(temp_write(cli_folder, "text.onnx", "", 0));
    unlink(temp_write(cli_folder, "cut.onnx", "", 0));
    expect_entries(1);
}

static void images(void **state)
{
    (void)state;
    char command[512], empty[96];
    temp_write(cli_folder, "text.png", "a text, not a picture", 21);
    snprintf(command, sizeof command, "head -c 900 %s > %s/cut.png", IMAGE, cli_folder);
    assert_int_equal(system(command), 0);
    snprintf(empty, sizeof empty, "%s/empty", cli_folder);
    assert_int_equal(mkdir(empty, 0777), 0);
    expect_failure(5, "nothing.png", "explain " MODEL " $T/nothing.png " STATS "-o $T/out");
    expect_failure(4, "text.png", "explain " MODEL " $T/text.png " STATS "-o $T/out");
    expect_failure(4, "cut.png", "explain " MODEL " $T/cut.png " STATS "-o $T/out/deep/er");
    expect_failure(4, "empty", "explain " MODEL " $T/empty " STATS "-o $T/out");
    expect_failure(4, "empty", "stats " MODEL " $T/empty -o $T/s");
    expect_failure(4, "text.png", "stats " MODEL " $T/text.png -o $T/s");
    expect_failure(4, "empty", "predict " MODEL " $T/empty");
    /* of another size than the model's, and with no other size allowed */
    expect_failure(4, "96", "predict " MODEL " " IMAGE " --size 64,64");
    expect_failure(4, "channel", "predict " MODEL " " IMAGE " --channels 3");
    expect_failure(4, "slices", "explain " MODEL " " IMAGE " --slices 3:9 " STATS "-o $T/out");
    rmdir(empty);
    unlink(temp_write(cli_folder, "text.png", "", 0));
    unlink(temp_write(cli_folder, "cut.png", "", 0));
    expect_entries(1);
}

static void targets_and_layers(void **state)
{
    (void)state;
    expect_failure(4, "did you mean 'lesion'?",
                   "explain " MODEL " " IMAGE " --target lesoin " STATS "-o $T/out");
    expect_failure(4, "7", "explain " MODEL " " IMAGE " --target 7 " STATS "-o $T/out");
    expect_failure(4, "/layer3/Relu_1_output_0",
                   "explain " MODEL " " IMAGE
                   " --method gradcam --layer /layer3/Relu_1_output --target 1 -o $T/out");
    expect_failure(4, "/layer2/Relu_output_0",
                   "stats " MODEL " " COHORT " --layer /layer2/Relu_outptu_0 -o $T/s");
    expect_failure(4, "/layer2",
                   "explain " MODEL " " IMAGE " --layer /layer3/Relu_1_output_0 " STATS "-o $T/out");
    expect_entries(1);
}

/* The same network with a word more in its file is another model. */
static void statistics_of_another_model(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "sed s/healthy/hearthy/ %s > %s/other.onnx", MODEL, cli_folder);
    assert_int_equal(system(command), 0);
    expect_failure(4, "another model", "explain $T/other.onnx " IMAGE " " STATS "-o $T/out");
    temp_write(cli_folder, "bad.stats", "nonsense", 8);
    expect_failure(4, "bad.stats", "explain " MODEL " " IMAGE " --stats $T/bad.stats -o $T/out");
    expect_failure(5, "no.stats", "explain " MODEL " " IMAGE " --stats $T/no.stats -o $T/out");
    unlink(temp_write(cli_folder, "other.onnx", "", 0));
    unlink(temp_write(cli_folder, "bad.stats", "", 0));
    expect_entries(1);
}

static void outputs_that_cannot_be_written(void **state)
{
    (void)state;
    temp_write(cli_folder, "file", "in the way", 10);
    expect_failure(5, "file", "explain " MODEL " " IMAGE " " STATS "-o $T/file");
    expect_failure(5, "file", "explain " MODEL " " IMAGE " " STATS "-o $T/file/below");
    expect_failure(5, "file/s", "stats " MODEL " " COHORT " --limit 3 -o $T/file/s");
    if (access("/proc/version", F_OK) == 0)
        expect_failure(5, "/proc/narrows", "explain " MODEL " " IMAGE " " STATS "-o /proc/narrows");
    if (access("/dev/full", W_OK) == 0)
        expect_failure(5, "No space left", "stats " MODEL " " COHORT " --limit 3 -q -o /dev/full");
    unlink(temp_write(cli_folder, "file", "", 0));
    if (geteuid() != 0) {
        char folder[96];
        snprintf(folder, sizeof folder, "%s/locked", cli_folder);
        assert_int_equal(mkdir(folder, 0555), 0);
        expect_failure(5, "locked", "explain " MODEL " " IMAGE " " STATS "-o $T/locked");
        rmdir(folder);
    }
    expect_entries(1);
}

/* A limit on the size of files stands in for a disk that fills up while the map is written. */
static void a_disk_that_fills_up(void **state)
{
    (void)state;
    struct rlimit before, small = {4096, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int code = narrows("explain " MODEL " " IMAGE " " STATS "-o $T/out");
    setrlimit(RLIMIT_FSIZE, &before);
    if (code != 5) fail_msg("exit code %d: %s", code, cli_err);
    assert_non_null(strstr(cli_err, "cannot write"));
    expect_entries(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(images),
        cmocka_unit_test(targets_and_layers),
        cmocka_unit_test(statistics_of_another_model),
        cmocka_unit_test(outputs_that_cannot_be_written),
        cmocka_unit_test(a_disk_that_fills_up),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
