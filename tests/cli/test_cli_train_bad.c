/* `narrows train` with bad input: message, exit code, and no network left behind. */
#include "train_cli.h"

#include <sys/resource.h>

#define END TRAIN_SMALL "-q -o $T/m.onnx"

static int setup(void **state)
{
    cli_setup(state);
    train_list("list.csv", 32);
    return 0;
}

static void expect_no_model(void)
{
    if (exists("m.onnx")) fail_msg("a network was left behind");
}

static void lists(void **state)
{
    (void)state;
    train_text("missing.csv", "file,label\np000.png,a\nnothing.png,b\n");
    expect_failure(5, "nothing.png", "train $T/missing.csv --epochs 1 " END);
    assert_non_null(strstr(cli_err, "missing.csv line 3"));
    expect_failure(4, "right",
                   "train $T/list.csv --classes left,middle --label-column label --epochs 1 " END);
    assert_non_null(strstr(cli_err, "list.csv line "));
    train_text("straddle.csv", "file,label,split,patient\np000.png,a,train,q1\np001.png,b,train,q2\n"
                               "p002.png,a,test,q1\np003.png,b,test,q3\np004.png,b,train,q4\np005.png,a,train,q5\n");
    expect_failure(4, "straddle.csv lines 2 and 4: group 'q1'", "train $T/straddle.csv --epochs 1 " END);
    expect_success("train $T/straddle.csv --straddle drop --classes a,b --epochs 0 " END);
    unlink(in_folder("m.onnx"));
    train_text("single.csv", "file,label\np000.png,a\np001.png,a\np002.png,a\n");
    expect_failure(4, "one class (a)", "train $T/single.csv --task classes --val 0 --epochs 1 " END);
    train_text("nan.csv", "file,label\np000.png,1.5\np001.png,nan\np002.png,3\n");
    expect_failure(4, "nan.csv line 3", "train $T/nan.csv --task regression --val 0 --epochs 1 " END);
    assert_non_null(strstr(cli_err, "nan"));
    train_text("text.csv", "file,label\np000.png,1.5\np001.png,many\np002.png,3\n");
    expect_failure(4, "many", "train $T/text.csv --task regression --val 0 --epochs 1 " END);
    expect_failure(5, "nowhere.csv", "train $T/nowhere.csv --epochs 1 " END);
    train_text("empty.csv", "");
    expect_failure(4, "empty.csv", "train $T/empty.csv --epochs 1 " END);
    expect_no_model();
}

static void usage(void **state)
{
    (void)state;
    expect_failure(2, "--output", "train $T/list.csv --epochs 1");
    expect_failure(2, "DATA is needed", "train --epochs 3 -o $T/m.onnx");
    expect_failure(2, "--outputs", "train $T/list.csv --outputs 3 -o $T/m.onnx");
    expect_failure(2, "--fold 3", "train $T/list.csv --folds 3 --fold 3 -o $T/m.onnx");
    expect_failure(2, "--slice-range", "train $T/list.csv --slice-range 0.8,0.2 -o $T/m.onnx");
    expect_failure(2, "loss huber", "train $T/list.csv --label-column label --loss huber --epochs 1 " END);
    expect_failure(2, "transform", "train $T/list.csv --label-column label --transform sqrt --epochs 1 " END);
    expect_failure(2, "sparkle", "train $T/list.csv --augment sparkle --epochs 1 " END);
    expect_failure(4, "resnet9",
                   "train $T/list.csv --label-column label --epochs 1 -o $T/m.onnx --arch resnet9");
    expect_failure(5, "no/where", "train $T/list.csv -o $T/no/where/m.onnx");
    expect_failure(5, "is a folder", "train $T/list.csv -o $T");
    expect_no_model();
}

/* A picture that is cut in the middle is found in the first epoch, and named. */
static void a_picture_that_cannot_be_read(void **state)
{
    (void)state;
    char command[512];
    train_picture("cut.png", 1, false, 8);
    snprintf(command, sizeof command, "head -c 300 %s >%s && mv %s %s", in_folder("cut.png"),
             in_folder("cut2.png"), in_folder("cut2.png"), in_folder("cut.png"));
    assert_int_equal(system(command), 0);
    train_text("cut.csv", "file,label,split\np000.png,a,train\np001.png,b,train\ncut.png,a,train\n");
    expect_failure(4, "cut.png", "train $T/cut.csv --mean 0.3 --std 0.2 --no-preview --epochs 2 " END);
    expect_failure(4, "cut.png", "train $T/cut.csv --epochs 2 " END);
    expect_no_model();
}

static void a_loss_that_is_lost(void **state)
{
    (void)state;
    expect_failure(
        6, "learning rate 1e+03",
        "train $T/list.csv --label-column label --group-column patient --optimiser sgd --schedule constant "
        "--epochs 20 " TRAIN_SMALL "--rate 1000 -q -o $T/m.onnx");
    assert_non_null(strstr(cli_err, "step "));
    assert_non_null(strstr(cli_err, "last good checkpoint is "));
    expect_no_model();
}

/* The checkpoint that was there stays whole, and the training goes on from it. */
static void a_disk_that_fills_up(void **state)
{
    (void)state;
#define FULL                                                                                                 \
    "train $T/list.csv --label-column label --group-column patient --epochs 3 --no-preview " TRAIN_SMALL     \
    "-o $T/full.onnx "
    expect_success(FULL "--folder $T/other");
    assert_int_equal(rename(in_folder("full.onnx"), in_folder("whole.onnx")), 0);
    struct rlimit before, small = {65536, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int code = narrows(FULL "-q");
    setrlimit(RLIMIT_FSIZE, &before);
    if (code != 5) fail_msg("exit code %d: %s", code, cli_err);
    assert_non_null(strstr(cli_err, "checkpoint.safetensors"));
    assert_false(exists("full.onnx"));
    assert_false(exists("full.training/checkpoint.safetensors"));
    expect_success(FULL "-q");
    char command[512];
    snprintf(command, sizeof command, "cmp %s %s", in_folder("whole.onnx"), in_folder("full.onnx"));
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(usage),
        cmocka_unit_test(a_picture_that_cannot_be_read),
        cmocka_unit_test(a_loss_that_is_lost),
        cmocka_unit_test(a_disk_that_fills_up),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
