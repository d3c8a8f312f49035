/* The pages in a real browser: nothing on the console, nothing fetched, every picture there, no width
 * overrun, text that can be read. */
#include "base/file.h"
#include "cli/support.h"
#include "report/browser.h"
#include "report/study_case.h"
#include "report/training_case.h"

static char folder[64];
static browser chromium;

static void expect(const char *expression, const char *want)
{
    char *got = browser_evaluate(&chromium, expression);
    if (strcmp(got, want) != 0) fail_msg("%s\n gives %s, not %s", expression, got, want);
    free(got);
}

static void quiet(const char *what)
{
    if (chromium.complaints) fail_msg("%s: the console has %s", what, chromium.complaint);
    if (chromium.fetched) fail_msg("%s: fetches %s", what, chromium.fetch);
}

static const char *const no_overrun = "document.documentElement.scrollWidth <= innerWidth";
static const char *const pictures_there =
    "(document.querySelectorAll('details').forEach(d => d.open = true), Array.from(document.images).filter(i "
    "=> "
    "!(i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 20 && "
    "i.getBoundingClientRect().height > 20)).length)";
/* WCAG 2's contrast of every text with the first opaque background behind it; pictures apart. */
static const char *const readable =
    "(() => { const px = document.createElement('canvas').getContext('2d', {willReadFrequently: true});"
    "const rgb = c => { px.clearRect(0, 0, 1, 1); px.fillStyle = c; px.fillRect(0, 0, 1, 1);"
    " return px.getImageData(0, 0, 1, 1).data; };"
    "const light = c => { const v = [0, 1, 2].map(i => { const s = c[i] / 255;"
    " return s <= .04045 ? s / 12.92 : ((s + .055) / 1.055) ** 2.4; });"
    " return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };"
    "const bad = []; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);"
    "while (walk.nextNode()) { const t = walk.currentNode, e = t.parentElement;"
    " if (!t.data.trim() || e.closest('svg, script, dialog, .quiet')) continue;"
    " let b = e, back; do { back = rgb(getComputedStyle(b).backgroundColor); b = b.parentElement; }"
    " while (b && back[3] < 255); if (back[3] < 255) back = [255, 255, 255]; const x = "
    "light(rgb(getComputedStyle(e).color)), y = light(back);"
    " const ratio = (Math.max(x, y) + .05) / (Math.min(x, y) + .05);"
    " if (ratio < 4.5) bad.push(t.data.trim().slice(0, 20) + ' ' + ratio.toFixed(2)); }"
    " return bad.slice(0, 3).join('; '); })()";

static void study_page_stands(void **state)
{
    (void)state;
    if (!chromium.pid) {
        print_message("chromium is not installed: skipped\n");
        skip();
    }
    char path[160];
    nw_error err;
    study_case *c = study_case_new(128, 40, 1);
    snprintf(path, sizeof path, "%s/report.html", folder);
    nw_page_fact files[] = {{"map.nii.gz", "map.nii.gz"},
                            {"a rather long name of a file.csv", "lesions.csv"}};
    nw_page_options options = {
        .name = "a-name-without-any-place-to-break-it-that-is-longer-than-a-phone-is-wide_0001",
        .files = files,
        .file_count = 2};
    if (nw_study_page_write(&c->study, &options, path, &err) != NW_OK) fail_msg("%s", err.message);
    static const int widths[] = {1280, 390};
    static const char *const schemes[] = {"light", "dark"};
    for (int i = 0; i < 4; i++) {
        char what[64];
        snprintf(what, sizeof what, "study page, %s, %d pixels wide", schemes[i / 2], widths[i % 2]);
        if (!browser_load(&chromium, path, widths[i % 2], schemes[i / 2]))
            fail_msg("%s: does not load", what);
        expect(no_overrun, "true");
        expect(pictures_there, "0");
        expect(no_overrun, "true");
        expect("document.images.length > 20", "true");
        expect(readable, "");
        /* Pictures keep their shape: the frame is as wide over high as the millimetres. */
        expect("Array.from(document.querySelectorAll('.frame')).filter(f => { const r = "
               "f.getBoundingClientRect(), v = "
               "f.querySelector('svg').viewBox.baseVal; return Math.abs(r.width / r.height / (v.width / "
               "v.height) - 1) "
               "> .02; }).length",
               "0");
        /* Layers can be switched off. */
        expect("(document.getElementById('show-map').click(), "
               "getComputedStyle(document.querySelector('.frame .map')).display)",
               "none");
        expect("(document.getElementById('show-map').click(), "
               "getComputedStyle(document.querySelector('.frame .map')).display)",
               "block");
        /* A slice opens large, the next one comes by key, and it closes. */
        expect("(document.querySelector('.slice .frame').click(), document.querySelector('dialog').open && "
               "document.querySelector('dialog .ct').getBoundingClientRect().width > 200)",
               "true");
        expect("(() => { const d = document.querySelector('dialog'), a = "
               "d.querySelector('figcaption').textContent; "
               "d.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'})); return a !== "
               "d.querySelector('figcaption').textContent; })()",
               "true");
        expect("(document.querySelector('dialog button').click(), document.querySelector('dialog').open)",
               "false");
        quiet(what);
    }
    study_case_free(c);
}

static void cohort_page_stands(void **state)
{
    (void)state;
    if (!chromium.pid) {
        print_message("chromium is not installed: skipped\n");
        skip();
    }
    char path[160];
    nw_error err;
    static nw_cohort_study s[12];
    for (int i = 0; i < 12; i++)
        s[i] = (nw_cohort_study){.name = i % 2 ? "second" : "first",
                                 .link = "x/report.html",
                                 .grade = i % 5,
                                 .share = (i * 5 % 12) / 12.0,
                                 .share_low = NAN,
                                 .share_high = NAN,
                                 .max_probability = 0.5};
    s[3].error = "a/path/that/is/long/and/has/no/place/to/break/at/all/until/the/end/of/it.nii.gz: cut off";
    snprintf(path, sizeof path, "%s/index.html", folder);
    if (nw_cohort_page_write(s, 12, NULL, path, &err) != NW_OK) fail_msg("%s", err.message);
    static const int widths[] = {1280, 390};
    for (int i = 0; i < 4; i++) {
        assert_true(browser_load(&chromium, path, widths[i % 2], i / 2 ? "dark" : "light"));
        expect(no_overrun, "true");
        expect(readable, "");
        /* Sorted by share, the largest first. */
        expect("(document.querySelectorAll('#cohort-table th button')[2].click(), "
               "Array.from(document.querySelectorAll('#cohort-table tbody tr')).map(r => "
               "+r.cells[2].querySelector("
               "'data').value).every((v, i, a) => !i || v <= a[i - 1]))",
               "true");
        quiet("cohort page");
    }
}

static void training_page_stands(void **state)
{
    (void)state;
    if (!chromium.pid) {
        print_message("chromium is not installed: skipped\n");
        skip();
    }
    char path[160];
    nw_error err;
    training_case *c = training_case_new();
    c->page.name = "a-name-without-any-place-to-break-it-that-is-longer-than-a-phone-is-wide_0001";
    snprintf(path, sizeof path, "%s/training.html", folder);
    if (nw_training_page_write(&c->page, path, &err) != NW_OK) fail_msg("%s", err.message);
    static const int widths[] = {1280, 390};
    for (int i = 0; i < 4; i++) {
        assert_true(browser_load(&chromium, path, widths[i % 2], i / 2 ? "dark" : "light"));
        expect(no_overrun, "true");
        expect(readable, "");
        expect("document.querySelectorAll('.plot svg').length", "5");
        /* Square ones are square and there; labels of an axis do not lie on one another. */
        expect("Array.from(document.querySelectorAll('.plot.square svg')).filter(s => { const r = "
               "s.getBoundingClientRect(); return r.width < 200 || Math.abs(r.width / r.height - 1) > .02; "
               "}).length",
               "0");
        expect(
            "Array.from(document.querySelectorAll('.plot')).filter(p => { const x = "
            "Array.from(p.querySelectorAll('.x')).map(e => e.getBoundingClientRect()); return x.some((r, i) "
            "=> i && r.left < x[i - 1].right + 2); }).length",
            "0");
        quiet("training page");
    }
    free(c);
}

/* What is looked for is found where it is. */
static void faults_are_seen(void **state)
{
    (void)state;
    if (!chromium.pid) {
        print_message("chromium is not installed: skipped\n");
        skip();
    }
    static const char bad[] =
        "<!DOCTYPE html><body style='color:#aaa'>pale<img src='http://127.0.0.1:9/x.png' "
        "style='width:3000px;height:9px'><script>console.error('no')</script>";
    const char *path = temp_write(folder, "bad.html", bad, strlen(bad));
    assert_true(browser_load(&chromium, path, 390, "light"));
    assert_true(chromium.complaints > 0 && chromium.fetched > 0);
    assert_non_null(strstr(chromium.fetch, "127.0.0.1"));
    expect(pictures_there, "1");
    char *pale = browser_evaluate(&chromium, readable);
    assert_non_null(strstr(pale, "pale"));
    free(pale);
}

static int begin(void **state)
{
    (void)state;
    temp_folder(folder);
    const char *program = browser_program();
    if (program && !browser_start(&chromium, program)) {
        print_message("%s does not start\n", program);
        return -1;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    browser_stop(&chromium);
    temp_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_seen),
        cmocka_unit_test(study_page_stands),
        cmocka_unit_test(cohort_page_stands),
        cmocka_unit_test(training_page_stands),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
