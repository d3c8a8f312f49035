/* narrows join: the joined network through the commands that use one. */
#include "cli.h"

#include <jansson.h>
#include <math.h>

#define START "train --epochs 0 --arch resnet18 --width 0.125 --size 64 --classes a,b --scale full -q "

static void logits(const char *model, double out[2])
{
    char command[256];
    snprintf(command, sizeof command, "predict $T/%s " IMAGE " --csv", model);
    expect_success(command);
    const char *row = strchr(cli_out, '\n');
    if (!row || sscanf(row + 1, "%*[^,],%*[^,],%*[^,],%*[^,],%*[^,],%lf,%lf", &out[0], &out[1]) != 2)
        fail_msg("no logits in %s", cli_out);
}

static void two_networks(void **state)
{
    (void)state;
    double a[2], b[2], both[2];
    expect_success(START "--seed 1 -o $T/a.onnx");
    expect_success(START "--seed 2 -o $T/b.onnx");
    expect_success("join $T/a.onnx $T/b.onnx -o $T/both.onnx --json");
    json_t *said = json_loads(cli_out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(said, "bottleneck")), "joined");
    assert_int_equal(json_array_size(json_object_get(said, "members")), 2);
    json_decref(said);
    logits("a.onnx", a);
    logits("b.onnx", b);
    logits("both.onnx", both);
    assert_true(fabs(a[0] - b[0]) > 1e-3); /* they are two */
    for (int i = 0; i < 2; i++) assert_true(fabs(both[i] - (a[i] + b[i]) / 2) < 1e-5);
    expect_success("stats $T/both.onnx " IMAGE " " DEMO "healthy.png -o $T/both.stats -q");
    expect_success("explain $T/both.onnx " IMAGE " --method iba,gradcam --steps 2 --samples 2 --stats "
                   "$T/both.stats -o $T/maps --no-picture -q --json");
    assert_non_null(strstr(cli_out, "\"joined\""));
    assert_non_null(strstr(cli_out, "\"joined.last\""));
    /* It can be joined again; to be a start, it has too many last layers. */
    expect_success("join $T/both.onnx $T/a.onnx -o $T/more.onnx");
    expect_failure(3, "(Mean): the graph ends here",
                   "train --epochs 0 --from $T/both.onnx --classes a,b,c --scale full -o $T/new.onnx -q");
}

static void bad(void **state)
{
    (void)state;
    expect_success(START "--seed 1 -o $T/a.onnx");
    expect_success("train --epochs 0 --arch resnet18 --width 0.125 --size 64 --classes a,c --scale full -q "
                   "-o $T/c.onnx");
    expect_failure(2, "join", "join $T/a.onnx -o $T/x.onnx");
    expect_failure(2, "-o JOINED.onnx is missing", "join $T/a.onnx $T/a.onnx");
    expect_failure(4, "narrows.classes", "join $T/a.onnx $T/c.onnx -o $T/x.onnx");
    expect_failure(5, "cannot open", "join $T/a.onnx $T/none.onnx -o $T/x.onnx");
    expect_failure(4, "no inner tensor 'nothing'", "join $T/a.onnx $T/a.onnx --layer nothing -o $T/x.onnx");
    expect_failure(4, "paths from the input to the output around it",
                   "join $T/a.onnx $T/a.onnx --layer layer2.0.conv1 -o $T/x.onnx");
    expect_success("join $T/a.onnx $T/a.onnx -o $T/twice.onnx"); /* useless, and no error */
    char path[96];
    snprintf(path, sizeof path, "%s/x.onnx", cli_folder);
    assert_true(access(path, F_OK) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_networks), cmocka_unit_test(bad)};
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
