/* The log of a training: whole lines whatever happens, and a run that goes on has each epoch once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/number.h"
#include "support/temp_folder.h"
#include "train/log.h"

#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char folder[64], path[128];
static const char *const metrics[] = {"auroc", "sensitivity_at_90%"};

static nw_epoch made(int64_t epoch)
{
    double x = (double)epoch;
    nw_epoch e = {.epoch = epoch,
                  .step = 10 * epoch,
                  .rate = 0.1 / x,
                  .train_loss = 1 / (1 + x),
                  .validation_loss = epoch % 3 ? 1 / x : NAN,
                  .seconds = 12.5 + x,
                  .images_per_second = 100 / 3.};
    e.metrics[0] = (nw_estimate){.score.value = 0.5 + x / 100, .low = 0.4, .high = 0.9};
    e.metrics[1] = (nw_estimate){.score.undefined = "one class"};
    return e;
}

static nw_train_log *opened(int64_t epochs)
{
    nw_train_log *log;
    nw_error err;
    if (nw_train_log_open(path, metrics, 2, epochs, &log, &err) != NW_OK) fail_msg("%s", err.message);
    return log;
}

static void add(nw_train_log *log, int64_t epoch)
{
    nw_error err;
    nw_epoch e = made(epoch);
    if (nw_train_log_add(log, &e, &err) != NW_OK) fail_msg("%s", err.message);
}

static char *contents(void)
{
    nw_bytes bytes;
    nw_error err;
    assert_int_equal(nw_file_read(path, 1 << 20, &bytes, &err), NW_OK);
    return (char *)bytes.data;
}

/* The file holds the header and the epochs 1 .. n, each once and whole. */
static void expect_epochs(int64_t n)
{
    nw_bytes bytes;
    nw_error err;
    nw_epoch *read;
    size_t count, good;
    assert_int_equal(nw_file_read(path, 1 << 20, &bytes, &err), NW_OK);
    if (nw_train_log_parse(&bytes, path, metrics, 2, &read, &count, &good, &err) != NW_OK)
        fail_msg("%s", err.message);
    assert_int_equal(count, n);
    assert_int_equal(good, bytes.size);
    for (int64_t i = 0; i < n; i++) {
        nw_epoch want = made(i + 1), *got = &read[i];
        assert_int_equal(got->epoch, want.epoch);
        assert_int_equal(got->step, want.step);
        assert_true(fabs(got->rate - want.rate) < 1e-9 && fabs(got->train_loss - want.train_loss) < 1e-9);
        assert_true(fabs(got->seconds - want.seconds) < 1e-9);
        assert_true(fabs(got->images_per_second - want.images_per_second) < 1e-7);
        bool validated = !isnan(want.validation_loss);
        assert_int_equal(isnan(got->validation_loss), !validated);
        assert_int_equal(got->metrics[0].score.undefined == NULL, validated);
        assert_non_null(got->metrics[1].score.undefined);
        if (!validated) continue;
        assert_true(fabs(got->validation_loss - want.validation_loss) < 1e-9);
        assert_true(fabs(got->metrics[0].score.value - want.metrics[0].score.value) < 1e-9);
        assert_true(fabs(got->metrics[0].low - 0.4) < 1e-9 && fabs(got->metrics[0].high - 0.9) < 1e-9);
    }
    nw_free(read);
    nw_free(bytes.data);
    assert_int_equal(temp_count(folder), 1);
}

static void rows_as_they_look(void **state)
{
    (void)state;
    nw_train_log *log = opened(0);
    add(log, 1);
    add(log, 2);
    add(log, 3);
    size_t count;
    assert_int_equal(nw_train_log_epochs(log, &count)[2].step, 30);
    assert_int_equal(count, 3);
    nw_train_log_close(log);
    char *text = contents();
    assert_string_equal(text,
                        "epoch,step,learning_rate,train_loss,validation_loss,auroc,auroc_low,auroc_high,"
                        "sensitivity_at_90%,sensitivity_at_90%_low,sensitivity_at_90%_high,seconds,"
                        "images_per_second\n"
                        "1,10,0.1,0.5,1,0.51,0.4,0.9,,,,13.5,33.3333333\n"
                        "2,20,0.05,0.333333333,0.5,0.52,0.4,0.9,,,,14.5,33.3333333\n"
                        "3,30,0.0333333333,0.25,,,,,,,,15.5,33.3333333\n");
    nw_free(text);
    expect_epochs(3);
    /* A new run replaces what is there. */
    nw_train_log_close(opened(0));
    expect_epochs(0);
}

static void runs_that_go_on(void **state)
{
    (void)state;
    nw_train_log *log = opened(0);
    for (int i = 1; i <= 7; i++) add(log, i);
    nw_train_log_close(log);
    /* From the checkpoint after epoch 5: 6 and 7 are made again. */
    log = opened(5);
    size_t count;
    nw_train_log_epochs(log, &count);
    assert_int_equal(count, 5);
    expect_epochs(5);
    for (int i = 6; i <= 9; i++) add(log, i);
    nw_train_log_close(log);
    expect_epochs(9);
    /* Cut at any byte of its last two lines, as by a kill or a power failure. */
    char *text = contents();
    const char *eight = strstr(text, "\n8,");
    assert_non_null(eight);
    size_t size = strlen(text), end_of_seven = (size_t)(eight + 1 - text);
    for (size_t cut = end_of_seven; cut <= size; cut++) {
        temp_write(folder, "log.csv", text, cut);
        log = opened(7);
        add(log, 8);
        nw_train_log_close(log);
        expect_epochs(8);
    }
    nw_free(text);
    /* A checkpoint that is further than the log is of another run. */
    nw_error err;
    assert_int_equal(nw_train_log_open(path, metrics, 2, 9, &log, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "holds 8 epochs, the checkpoint is after 9"));
    expect_epochs(8);
}

/* A process that is killed while it writes row after row. */
static void killed(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        nw_train_log_close(opened(0));
        int opened_it[2];
        char byte;
        assert_int_equal(pipe(opened_it), 0);
        pid_t child = fork();
        if (child == 0) {
            nw_train_log *log;
            nw_epoch e;
            if (nw_train_log_open(path, metrics, 2, 0, &log, NULL) != NW_OK) _exit(1);
            if (write(opened_it[1], "x", 1) != 1) _exit(1);
            for (int64_t i = 1;; i++) {
                e = made(i);
                if (nw_train_log_add(log, &e, NULL) != NW_OK) _exit(1);
            }
        }
        assert_true(child > 0);
        assert_int_equal(read(opened_it[0], &byte, 1), 1);
        close(opened_it[0]);
        close(opened_it[1]);
        usleep(20000 + 7000 * (unsigned)round);
        kill(child, SIGKILL);
        int how;
        waitpid(child, &how, 0);
        assert_true(WIFSIGNALED(how));
        char *text = contents();
        int64_t lines = 0;
        for (const char *p = text; *p; p++) lines += *p == '\n';
        assert_int_equal(text[strlen(text) - 1], '\n');
        nw_free(text);
        expect_epochs(lines - 1);
    }
}

static void a_full_disk(void **state)
{
    (void)state;
    nw_train_log *log = opened(0);
    for (int i = 1; i <= 3; i++) add(log, i);
    char *text = contents();
    struct rlimit old, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        nw_epoch e = made(4);
        nw_error err;
        limit = old;
        limit.rlim_cur = strlen(text) + (i ? 20 : 0); /* nothing more fits, or a part of the row */
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        nw_status status = nw_train_log_add(log, &e, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(status, NW_IO);
        assert_non_null(strstr(err.message, "epoch 4"));
        expect_epochs(3);
    }
    signal(SIGXFSZ, handler);
    nw_free(text);
    add(log, 4); /* with room again it goes on */
    nw_train_log_close(log);
    expect_epochs(4);
}

static void refused(void **state)
{
    (void)state;
    nw_train_log *log = opened(0);
    nw_error err;
    nw_epoch e = made(2);
    assert_int_equal(nw_train_log_add(log, &e, &err), NW_USAGE);
    for (int i = 0; i < 5; i++) {
        e = made(1);
        *(i == 0   ? &e.rate
          : i == 1 ? &e.train_loss
          : i == 2 ? &e.seconds
          : i == 3 ? &e.images_per_second
                   : &e.metrics[0].low) = NAN;
        assert_int_equal(nw_train_log_add(log, &e, &err), NW_NOT_FINITE);
        assert_non_null(strstr(err.message, i < 4 ? "epoch 1" : "auroc"));
    }
    e = made(1);
    e.validation_loss = INFINITY;
    assert_int_equal(nw_train_log_add(log, &e, &err), NW_NOT_FINITE);
    nw_train_log_close(log);
    expect_epochs(0);

    static const char head[] =
        "epoch,step,learning_rate,train_loss,validation_loss,seconds,images_per_second\n";
    static const struct {
        const char *rows, *why;
    } files[] = {
        {"1,10,0.1,0.5,,3,4\n1,20,0.1,0.5,,3,4\n", "line 3: epoch 1 where 2 should be"},
        {"1,10,0.1,0.5,,3\n", "line 2: 6 cells, not 7"},
        {"1,10,0.1,nan,,3,4\n", "'nan' is no number"},
        {"1,10,0.1,,,3,4\n", "'' is no number"},
        {"1,10.5,0.1,1,,3,4\n", "'10.5' is no count"},
        {"1,-3,0.1,1,,3,4\n", "'-3' is no count"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s%s", head, files[i].rows);
        temp_write(folder, "log.csv", text, strlen(text));
        assert_int_equal(nw_train_log_open(path, NULL, 0, 1, &log, &err), NW_BAD_INPUT);
        if (!strstr(err.message, files[i].why)) fail_msg("'%s' does not say '%s'", err.message, files[i].why);
        assert_non_null(strstr(err.message, path));
    }
    assert_int_equal(nw_train_log_open(path, metrics, 1, 1, &log, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "column 6 is 'seconds', not 'auroc'"));
    temp_write(folder, "log.csv", "\0\0\0\n", 4);
    assert_int_equal(nw_train_log_open(path, metrics, 1, 1, &log, &err), NW_BAD_INPUT);
    unlink(path);
    assert_int_equal(nw_train_log_open(path, metrics, 1, 1, &log, &err), NW_IO);
    assert_int_equal(nw_train_log_open("/nowhere/log.csv", metrics, 1, 0, &log, &err), NW_IO);
    static const char *const wrong[] = {"a,b", "", "two words", "a\nb"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(nw_train_log_open(path, &wrong[i], 1, 0, &log, &err), NW_USAGE);
    assert_int_equal(temp_count(folder), 0);
}

/* Where a locale writes a comma, the log has points all the same. */
static void any_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    bool found = false;
    for (size_t i = 0; i < 4 && !found; i++) found = setlocale(LC_NUMERIC, names[i]);
    if (!found) print_message("no locale with a decimal comma is installed\n");
    char text[NW_NUMBER_TEXT];
    double value;
    assert_string_equal(nw_number_text(-1234.5e-7, 9, text), "-0.00012345");
    assert_true(nw_number_parse("-1.25e2", &value) && fabs(value + 125) < 1e-12);
    assert_true(nw_number_parse(nw_number_text(0.1 + 0.2, 17, text), &value) && value <= 0.1 + 0.2 &&
                value >= 0.1 + 0.2);
    static const char *const none[] = {"", "1,5", " 1", "1 ", "0x10", "nan", "inf", "1e999", "1.5.2", "--1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) assert_false(nw_number_parse(none[i], &value));
    nw_train_log *log = opened(0);
    add(log, 1);
    nw_train_log_close(log);
    expect_epochs(1);
    setlocale(LC_NUMERIC, "C");
    expect_epochs(1);
}

static int begin(void **state)
{
    (void)state;
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/log.csv", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_as_they_look), cmocka_unit_test(runs_that_go_on), cmocka_unit_test(killed),
        cmocka_unit_test(a_full_disk),       cmocka_unit_test(refused),         cmocka_unit_test(any_locale),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
