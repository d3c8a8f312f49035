/* `narrows train`: what it leaves behind, and the same network after any interruption. */
#include "train_cli.h"

#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#define OPTIONS  TRAIN_SMALL "--group-column patient --label-column label "
#define TRAINING "train $T/list.csv " OPTIONS

static int setup(void **state)
{
    cli_setup(state);
    train_list("list.csv", 64);
    return 0;
}

/* The line that begins with this text. */
static const char *line_of(const char *text, const char *begins)
{
    for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        if (strncmp(p, begins, strlen(begins)) == 0) return p;
    fail_msg("there is no line %s in %s", begins, text);
    return NULL;
}

/* Rows of test.csv against `narrows predict MODEL --csv` for the same files: columns from there and here. */
static void expect_same_predictions(const char *model, int first_test, int first_predict, int columns)
{
    char command[512], name[64];
    snprintf(name, sizeof name, "%s.training/test.csv", model);
    char *test = text_of(name);
    snprintf(command, sizeof command, "predict $T/%s.onnx --csv $T/p*.png", model);
    expect_success(command);
    int rows = 0;
    for (const char *p = strchr(test, '\n') + 1; *p; p = strchr(p, '\n') + 1, rows++) {
        char stem[16];
        snprintf(stem, sizeof stem, "%.4s,", p);
        const char *q = line_of(cli_out, stem);
        for (int c = 0; c < columns; c++) {
            double a = field(p, first_test + c), b = field(q, first_predict + c);
            if (!(fabs(a - b) <= 1e-5 * (1 + fabs(a))))
                fail_msg("%s: %g in test.csv, %g predicted", stem, a, b);
        }
    }
    assert_int_equal(rows, 16);
    free(test);
}

static void everything_is_left_behind(void **state)
{
    (void)state;
    expect_success(TRAINING "-o $T/two.onnx --epochs 6 --augment none --width 0.25");
    static const char *const files[] = {"two.onnx",
                                        "two.training/checkpoint.safetensors",
                                        "two.training/log.csv",
                                        "two.training/training.html",
                                        "two.training/preview.png",
                                        "two.training/test.csv",
                                        "two.training/metrics.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!exists(files[i])) fail_msg("%s is missing", files[i]);
    assert_int_equal(temp_count(in_folder("two.training")), 6); /* and nothing temporary */
    assert_non_null(strstr(cli_out, "AUROC"));
    assert_non_null(strstr(cli_err, "epoch   6/6"));
    assert_non_null(strstr(cli_err, "wrote "));
    expect_metadata("two.onnx", "narrows.head", "\"softmax\"");
    expect_metadata("two.onnx", "narrows.classes", "[\"left\",\"right\"]");
    expect_metadata("two.onnx", "narrows.input", "\"size\":[32,32]");
    expect_metadata("two.onnx", "narrows.input", "\"mean\":[");
    expect_metadata("two.onnx", "narrows.bottleneck", "layer2");
    expect_metadata("two.onnx", "narrows.network", "\"arch\":\"resnet18\"");
    expect_metadata("two.onnx", "narrows.training", "\"kept_epoch\":");
    expect_metadata("two.onnx", "narrows.training", "\"data_digest\":");
    expect_valid_onnx("two.onnx");
    char *metrics = text_of("two.training/metrics.json"), digest[65];
    file_digest("two.onnx", digest);
    assert_non_null(strstr(metrics, digest));
    assert_non_null(strstr(metrics, "\"auroc\""));
    free(metrics);
    expect_same_predictions("two", 4, 3, 2);
    expect_success("inspect $T/two.onnx");
    assert_non_null(strstr(cli_out, "0 left, 1 right"));
    assert_non_null(strstr(cli_out, "narrows.bottleneck"));
    /* The same command once more has nothing left to learn, and gives the same. */
    expect_success(TRAINING "-o $T/two.onnx --epochs 6 --augment none --width 0.25 --json");
    assert_non_null(strstr(cli_out, digest));
    assert_int_equal(cli_out[0], '{');
    assert_non_null(strstr(cli_err, "going on after epoch 6"));
    /* Anew, with another seed: another network. */
    expect_success(TRAINING "-o $T/two.onnx --epochs 2 --restart --seed 1 -q --no-preview");
    assert_string_equal(cli_err, "");
    char other[65];
    file_digest("two.onnx", other);
    assert_string_not_equal(digest, other);
}

static void one_logit_and_numbers(void **state)
{
    (void)state;
    expect_success(TRAINING "-o $T/one.onnx --task binary --epochs 4 -q");
    expect_metadata("one.onnx", "narrows.head", "\"sigmoid\"");
    expect_metadata("one.onnx", "narrows.classes", "[\"left\",\"right\"]");
    expect_same_predictions("one", 4, 3, 1);
    expect_success("train $T/list.csv " TRAIN_SMALL
                   "--group-column patient --label-column side --task regression "
                   "--transform sqrt -o $T/number.onnx --epochs 4 -q --weight-column ''");
    expect_metadata("number.onnx", "narrows.head", "\"regression\"");
    expect_metadata("number.onnx", "narrows.transform", "\"sqrt\"");
    expect_same_predictions("number", 4, 4, 1); /* the values */
    expect_same_predictions("number", 5, 3, 1); /* what the network gives */
    assert_non_null(strstr(cli_out, ",value0"));
}

/* ---- Interruptions --------------------------------------------------------------------------------------
 */

static pid_t start(const char *arguments)
{
    pid_t child = fork();
    if (child) return child;
    char command[2048];
    snprintf(command, sizeof command, "exec '%s' %s >'%s.out' 2>'%s.err' </dev/null", NW_TEST_CLI, arguments,
             cli_folder, cli_folder);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static int epochs_logged(const char *name)
{
    FILE *f = fopen(in_folder(name), "r");
    int lines = 0;
    for (int c; f && (c = fgetc(f)) != EOF;) lines += c == '\n';
    if (f) fclose(f);
    return lines - 1;
}

/* Waits until the log has so many epochs, and then a little, and sends the signal; 0 where the program was
 * quicker. */
static int stop(pid_t child, const char *log, int epochs, long nanoseconds, int signal_number)
{
    int status;
    for (int i = 0; i < 30000; i++) {
        if (waitpid(child, &status, WNOHANG) == child) return 0;
        if (epochs_logged(log) >= epochs) break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    nanosleep(&(struct timespec){0, nanoseconds}, NULL);
    kill(child, signal_number);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (signal_number == SIGKILL) return WIFSIGNALED(status);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define LONG                                                                                                 \
    "train $T/list.csv " OPTIONS "--epochs 10 --augment light --mixup 0.3 --average 0.9 --balance "          \
    "--no-preview "

static void expect_same_log(const char *a, const char *b)
{
    char *x = text_of(a), *y = text_of(b);
    int rows = 0;
    char *p = x, *q = y;
    while (*p && *q) {
        size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");
        /* All but the last two cells, which are times. */
        for (int k = 0; k < 2; k++) {
            while (n && p[n - 1] != ',') n--;
            while (m && q[m - 1] != ',') m--;
            n -= n > 0;
            m -= m > 0;
        }
        if (n != m || memcmp(p, q, n) != 0)
            fail_msg("%s: row %d:\n%.*s\n%s:\n%.*s", a, rows, (int)n, p, b, (int)m, q);
        p += strcspn(p, "\n") + 1;
        q += strcspn(q, "\n") + 1;
        rows++;
    }
    assert_int_equal(rows, 11);
    assert_true(!*p && !*q);
    free(x);
    free(y);
}

static void killed_and_run_again(void **state)
{
    (void)state;
    char through[65], again[65];
    expect_success(LONG "-o $T/through.onnx");
    file_digest("through.onnx", through);
    int kills = 0;
    static const long delays[] = {0, 3000000, 11000000, 29000000};
    for (int i = 0; i < 4; i++) {
        pid_t child = start(LONG "-o $T/killed.onnx");
        kills += stop(child, "killed.training/log.csv", 1 + 2 * i, delays[i], SIGKILL);
        assert_false(exists("killed.onnx"));
    }
    assert_true(kills >= 3);
    expect_success(LONG "-o $T/killed.onnx --threads 2");
    assert_non_null(strstr(cli_err, "going on after epoch"));
    file_digest("killed.onnx", again);
    assert_string_equal(through, again);
    expect_same_log("through.training/log.csv", "killed.training/log.csv");
    char *a = text_of("through.training/test.csv"), *b = text_of("killed.training/test.csv");
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void interrupted_by_the_keyboard(void **state)
{
    (void)state;
    pid_t child = start(LONG "-o $T/stopped.onnx");
    int code = stop(child, "stopped.training/log.csv", 2, 0, SIGINT);
    assert_int_equal(code, 130);
    char path[96];
    snprintf(path, sizeof path, "%s.err", cli_folder);
    cli_slurp(path, cli_err, sizeof cli_err);
    assert_non_null(strstr(cli_err, "the same command goes on after epoch "));
    assert_non_null(strstr(cli_err, "interrupted in epoch "));
    assert_false(exists("stopped.onnx"));
    /* Other settings do not go on by mistake; the words say what differs. */
    expect_failure(4, "settings.mixup = 0.3", LONG "-o $T/stopped.onnx --mixup 0.2 -q");
    expect_failure(4, "another network to start from", LONG "-o $T/stopped.onnx --arch resnet34 -q");
    expect_failure(4, "input.window", LONG "-o $T/stopped.onnx --window 0,255 -q");
    expect_failure(4, "other data", LONG "-o $T/stopped.onnx --slice-step 1 --val 0.1 --split-column '' -q");
    expect_success(LONG "-o $T/stopped.onnx -q");
    char through[65], again[65];
    file_digest("through.onnx", through);
    file_digest("stopped.onnx", again);
    assert_string_equal(through, again);
}

/* ---- Networks as they start, and from others
 * --------------------------------------------------------------- */

static void networks_as_they_start(void **state)
{
    (void)state;
    static const struct {
        const char *options, *head, *classes;
    } rows[] = {{"", "\"sigmoid\"", NULL},
                {"--classes well,ill", "\"softmax\"", "[\"well\",\"ill\"]"},
                {"--classes well,ill --task binary", "\"sigmoid\"", "[\"well\",\"ill\"]"},
                {"--classes a,b,c --task multilabel", "\"multilabel\"", "[\"a\",\"b\",\"c\"]"},
                {"--task regression --transform log1p", "\"regression\"", NULL},
                {"--outputs 5", "\"softmax\"", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "train --epochs 0 -o $T/start.onnx " TRAIN_SMALL "--window -1000,200 --json %s",
                 rows[i].options);
        expect_success(command);
        assert_non_null(strstr(cli_out, "\"model_digest\""));
        assert_non_null(strstr(cli_err, "resnet18 as it starts"));
        expect_metadata("start.onnx", "narrows.head", rows[i].head);
        if (rows[i].classes) expect_metadata("start.onnx", "narrows.classes", rows[i].classes);
        expect_metadata("start.onnx", "narrows.input", "\"window\":[-1000");
        expect_metadata("start.onnx", "narrows.bottleneck", "layer2");
        expect_metadata("start.onnx", "narrows.training", "\"epochs_done\":0");
    }
    assert_false(exists("start.training"));
    expect_valid_onnx("start.onnx");
    /* With data the task is theirs, and nothing but the network is written. */
    expect_success(TRAINING "--epochs 0 -o $T/start.onnx -q");
    assert_string_equal(cli_err, "");
    assert_string_equal(cli_out, "");
    expect_metadata("start.onnx", "narrows.head", "\"softmax\"");
    expect_metadata("start.onnx", "narrows.classes", "[\"left\",\"right\"]");
    expect_metadata("start.onnx", "narrows.input", "\"mean\":["); /* of the training images */
    expect_success("predict $T/start.onnx $T/p000.png");
    expect_success(TRAINING "--epochs 0 --task binary -o $T/start.onnx -q");
    expect_metadata("start.onnx", "narrows.head", "\"sigmoid\"");
    expect_failure(2, "--classes has 2 names", "train --epochs 0 -o $T/start.onnx --outputs 3 --classes a,b");
    expect_failure(2, "--outputs 2", "train --epochs 0 -o $T/start.onnx --outputs 2 --task binary");
    expect_failure(2, "transform", "train --epochs 0 -o $T/start.onnx --outputs 2 --transform sqrt");
}

/* The last layer is new, the others begin where the old network ends; so does the preprocessing. */
static void from_another_network(void **state)
{
    (void)state;
#define FROM                                                                                                 \
    "train $T/list.csv --group-column patient --batch 8 --warmup 0 --threads 1 --draws 20 --from "           \
    "$T/old.onnx "
    expect_success(TRAINING
                   "-o $T/old.onnx --epochs 4 --augment none --scale minmax --mean 0.25 --std 0.5 -q");
    expect_success(
        FROM "--label-column label --epochs 4 -o $T/new.onnx --rate 0.005 --augment none --task binary");
    expect_metadata("new.onnx", "narrows.head", "\"sigmoid\"");
    expect_metadata("new.onnx", "narrows.input", "\"scale\":\"minmax\"");
    expect_metadata("new.onnx", "narrows.input", "\"mean\":[0.25]");
    char old[65], *metrics = text_of("new.training/metrics.json");
    file_digest("old.onnx", old);
    expect_metadata("new.onnx", "narrows.network", old);
    expect_valid_onnx("new.onnx");
    json_t *root = json_loads(metrics, 0, NULL);
    double auroc =
        json_number_value(json_object_get(json_object_get(json_object_get(root, "test"), "auroc"), "value"));
    if (!(auroc > 0.95)) fail_msg("AUROC %g", auroc);
    json_decref(root);
    free(metrics);
    expect_same_predictions("new", 4, 3, 1);
    /* Options go over the old facts; what cannot be is said with the network's name. */
    expect_success(FROM "--label-column side --task regression --epochs 0 -o $T/new.onnx --scale full -q");
    expect_metadata("new.onnx", "narrows.head", "\"regression\"");
    expect_metadata("new.onnx", "narrows.input", "\"scale\":\"full\"");
    expect_metadata("new.onnx", "narrows.training", "\"epochs_done\":0"); /* not those of the old one */
    /* Images of another size, from the same weights. */
    expect_success(FROM "--label-column label --size 64 --epochs 0 -o $T/large.onnx -q");
    expect_metadata("large.onnx", "narrows.input", "\"size\":[64,64]");
    expect_metadata("large.onnx", "narrows.network", old);
    expect_valid_onnx("large.onnx");
    expect_failure(
        4, "old.onnx: channels of the preprocessing is 3, the model wants 1; with --from the channels",
        FROM "--channels 3 --epochs 1 -o $T/new.onnx");
    expect_failure(5, "none.onnx", "train $T/list.csv --from $T/none.onnx --epochs 1 -o $T/new.onnx");
    expect_failure(3, "list.csv", "train $T/list.csv --from $T/list.csv --epochs 1 -o $T/new.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_left_behind), cmocka_unit_test(one_logit_and_numbers),
        cmocka_unit_test(networks_as_they_start),    cmocka_unit_test(from_another_network),
        cmocka_unit_test(killed_and_run_again),      cmocka_unit_test(interrupted_by_the_keyboard),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
