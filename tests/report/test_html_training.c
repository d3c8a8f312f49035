/* The page of a training: whole, escaped, complete in itself, and true to the numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/page.h"
#include "report/ticks.h"
#include "report/training_case.h"
#include "support/temp_folder.h"

static char folder[64], path[128];

static char *written(const nw_training_page *page)
{
    nw_error err;
    nw_bytes bytes;
    if (nw_training_page_write(page, path, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_file_read(path, 64 << 20, &bytes, &err), NW_OK);
    return (char *)bytes.data;
}

static void close_to(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-8 * fmax(1, fabs(want))))
        fail_msg("%s is %.12g, not %.12g", what, got, want);
}

static void whole_and_alone(void **state)
{
    (void)state;
    training_case *c = training_case_new();
    char *html = written(&c->page), why[200] = "";
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_null(strstr(html, "http:"));
    assert_null(strstr(html, "https:"));
    assert_null(strstr(html, "url("));
    char *text = page_text(html);
    assert_null(strstr(text, "nan"));
    assert_non_null(strstr(text, "<b>\"&' is text</b>"));
    free(text);
    assert_null(strstr(html, "<b>\"&"));
    assert_non_null(strstr(html, "Research software, not a medical device"));
    assert_non_null(strstr(html, "how a classifier was trained"));
    assert_int_equal(page_count(html, "<th>"), 0);
    /* Loss, metric, rate, ROC, reliability. */
    assert_int_equal(page_count(html, "<svg role=\"img\""), 5);
    assert_int_equal(page_count(html, "aria-label=\""), 5);
    nw_free(html);
    free(c);
}

static void numbers_are_the_trainings(void **state)
{
    (void)state;
    double got[64];
    training_case *c = training_case_new();
    char *html = written(&c->page);
    char *part = page_between(html, "id=\"result-table\"", "</table>");
    size_t n = page_numbers(part, got, 64), at = 0;
    for (int i = 0; i < CASE_RESULTS; i++) {
        const nw_estimate *e = &c->results[i].estimate;
        if (!e->score.undefined) {
            close_to(got[at++], e->score.value, c->results[i].name);
            close_to(got[at++], e->low, c->results[i].name);
            close_to(got[at++], e->high, c->results[i].name);
        } else {
            assert_non_null(strstr(part, e->score.undefined));
        }
        close_to(got[at++], (double)e->count, c->results[i].name);
    }
    assert_int_equal(at, n);
    assert_non_null(strstr(part, "3 resamples had no value"));
    free(part);

    part = page_between(html, "<dl class=\"keys\">", "</dl>");
    assert_int_equal(page_numbers(part, got, 64), 8);
    close_to(got[0], c->results[0].estimate.score.value, "headline");
    close_to(got[3], CASE_EPOCHS, "epochs");
    close_to(got[4], 26, "best");
    close_to(got[5], 25 * CASE_EPOCHS, "steps");
    double seconds = 0;
    for (int i = 0; i < CASE_EPOCHS; i++) seconds += c->epochs[i].seconds;
    close_to(got[6], seconds / 60, "minutes");
    close_to(got[7], 12.7, "speed");
    free(part);

    part = page_between(html, "id=\"data-table\"", "</table>");
    static const double counts[] = {420, 437, 857, 200, 80, 97, 177, 140, 80, 97, 177};
    assert_int_equal(page_numbers(part, got, 64), 11);
    for (int i = 0; i < 11; i++) close_to(got[i], counts[i], "data");
    free(part);

    /* A dot for each epoch of the loss and for each that has the metric; the band has two gaps. */
    part = page_between(html, "<h3>Loss</h3>", "</svg>");
    assert_int_equal(page_count(part, "class=\"dot"), CASE_EPOCHS);
    assert_int_equal(page_count(part, "class=\"dot off"), 1);
    free(part);
    part = page_between(html, "class=\"band\" d=\"", "\"");
    assert_int_equal(page_count(part, "M"), 3);
    assert_int_equal(page_count(part, "Z"), 3);
    assert_int_equal(page_count(part, "M") + page_count(part, "L"), 2 * (CASE_EPOCHS - 2));
    free(part);
    part = page_between(html, "id=\"reliability\"", "</svg>");
    size_t filled = 0;
    for (int b = 0; b < NW_CALIBRATION_BINS; b++) filled += c->bins[b].count > 0;
    assert_int_equal(page_count(part, "class=\"dot"), filled);
    free(part);
    /* The ROC curve begins below left and ends above right: x 0 .. 1000, y 400 .. 0. */
    part = page_between(html, "id=\"roc\"", "</svg>");
    assert_non_null(strstr(part, "class=\"trace\" d=\"M0 400"));
    assert_non_null(strstr(part, "L1000 0\"/>"));
    free(part);
    nw_free(html);
    free(c);
}

/* One epoch and nothing else, and many. */
static void small_and_large(void **state)
{
    (void)state;
    nw_epoch one = {.epoch = 1, .step = 1, .rate = 0, .train_loss = 0, .validation_loss = NAN};
    nw_training_page page = {.epochs = &one, .epoch_count = 1, .metric = "AUROC"};
    char *html = written(&page), why[200] = "";
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_non_null(strstr(html, "<h1>Training</h1>"));
    assert_null(strstr(html, "id=\"results\""));
    assert_int_equal(page_count(html, "<svg role=\"img\""), 1);
    nw_free(html);
    enum { MANY = 3000 };
    nw_epoch *many = calloc(MANY, sizeof *many);
    for (int i = 0; i < MANY; i++)
        many[i] = (nw_epoch){.epoch = i + 1, .rate = 1e-5, .train_loss = 1e4 / (i + 1), .validation_loss = 3};
    for (int i = 0; i < MANY; i++)
        many[i].metrics[0] = (nw_estimate){.score.value = -5 + i, .low = -7 + i, .high = i};
    page.epochs = many;
    page.epoch_count = MANY;
    html = written(&page);
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(page_count(html, "class=\"dot"), 0);
    assert_non_null(strstr(html, "learning rate \xc3\x97 1e-6 by epoch"));
    nw_free(html);
    free(many);
}

static void ticks_between(void **state)
{
    (void)state;
    nw_ticks t;
    nw_ticks_between(0.6, 1, 5, &t);
    assert_int_equal(t.count, 5);
    assert_string_equal(t.text[0], "0.6");
    assert_string_equal(t.text[4], "1.0");
    nw_ticks_between(1, 40, 8, &t);
    assert_string_equal(t.text[0], "5");
    assert_string_equal(t.text[t.count - 1], "40");
    nw_ticks_between(-30, 30, 4, &t);
    assert_string_equal(t.text[0], "-20");
}

static void refused(void **state)
{
    (void)state;
    training_case *c = training_case_new();
    nw_error err;
    unlink(path);
    for (int i = 0; i < 9; i++) {
        nw_training_page page = c->page;
        nw_epoch epochs[CASE_EPOCHS];
        nw_training_result results[CASE_RESULTS];
        double y[CASE_SAMPLES + 1];
        nw_calibration_bin bins[NW_CALIBRATION_BINS];
        memcpy(epochs, c->epochs, sizeof epochs);
        memcpy(results, c->results, sizeof results);
        memcpy(y, c->y, sizeof y);
        memcpy(bins, c->bins, sizeof bins);
        page.epochs = epochs;
        page.results = results;
        page.true_positive = y;
        page.bins = bins;
        nw_status want = NW_NOT_FINITE;
        switch (i) {
        case 0: page.epoch_count = 0, want = NW_USAGE; break;
        case 1: epochs[3].train_loss = NAN; break;
        case 2: epochs[3].validation_loss = INFINITY; break;
        case 3: epochs[3].metrics[1].high = NAN; break;
        case 4: results[1].estimate.low = INFINITY; break;
        case 5: epochs[3].epoch = 9, want = NW_BAD_INPUT; break;
        case 6: y[2] = NAN, want = NW_BAD_INPUT; break;
        case 7: bins[2].share = 1.5, want = NW_BAD_INPUT; break;
        default: page.best_epoch = 41, want = NW_BAD_INPUT; break;
        }
        assert_int_equal(nw_training_page_write(&page, path, &err), want);
        assert_non_null(strstr(err.message, path));
        assert_int_equal(temp_count(folder), 0);
    }
    free(c);
}

static int begin(void **state)
{
    (void)state;
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/training.html", folder);
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
        cmocka_unit_test(whole_and_alone), cmocka_unit_test(numbers_are_the_trainings),
        cmocka_unit_test(small_and_large), cmocka_unit_test(ticks_between),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
