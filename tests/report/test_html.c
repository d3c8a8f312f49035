/* The pages of a study and of a cohort: whole, escaped, complete in themselves, and true to the numbers. */
#include "base/file.h"
#include "cli/support.h"
#include "report/canvas.h"
#include "report/html_plane.h"
#include "report/page.h"
#include "report/study_case.h"
#include "support/temp_folder.h"

#include <locale.h>
#include <spng.h>

static char folder[64], path[128];

/* Writes the page and reads it back; nw_free. */
static char *written(const nw_study *study, const nw_page_options *options)
{
    nw_error err;
    nw_bytes bytes;
    if (nw_study_page_write(study, options, path, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_file_read(path, 64 << 20, &bytes, &err), NW_OK);
    return (char *)bytes.data;
}

static void close_to(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-8 * fmax(1, fabs(want))))
        fail_msg("%s is %.12g, not %.12g", what, got, want);
}

/* Shown text of a <data>: the number to its decimals, with a true minus sign. */
static void shown_as_valued(const char *html)
{
    size_t count = 0;
    for (const char *p = html; (p = strstr(p, "<data value=\"")); count++) {
        p += strlen("<data value=\"");
        char *end;
        double value = strtod(p, &end);
        assert_true(end > p && strncmp(end, "\">", 2) == 0);
        const char *text = end + 2, *close = strstr(text, "</data>");
        char shown[64] = "";
        size_t n = 0;
        for (const char *q = text; q < close && n + 1 < sizeof shown; q++) {
            if (strncmp(q, "\xe2\x88\x92", 3) == 0) {
                shown[n++] = '-';
                q += 2;
            } else {
                shown[n++] = *q;
            }
        }
        const char *point = strchr(shown, '.');
        int decimals = point ? (int)strlen(point + 1) : 0;
        double half = 0.5000001 * pow(10, -decimals), number = strtod(shown, NULL);
        bool percent = strncmp(close, "</data>\xc2\xa0<small>%", 16) == 0 ||
                       strncmp(close, "</data> to ", 11) == 0 || strncmp(close, "</data> <small>to", 17) == 0;
        bool fits = fabs(number - value) <= half, fits_percent = fabs(number - 100 * value) <= half;
        if (!fits && !(percent && fits_percent)) fail_msg("%s stands for %.9g", shown, value);
    }
    assert_true(count > 100);
}

static void page_is_whole_and_alone(void **state)
{
    (void)state;
    study_case *c = study_case_new(96, 32, 1);
    char *html = written(&c->study, NULL), why[200] = "";
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_null(strstr(html, "http:"));
    assert_null(strstr(html, "https:"));
    assert_null(strstr(html, "//www"));
    char *text = page_text(html);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf%"));
    free(text);
    assert_null(strstr(html, "@import"));
    assert_null(strstr(html, "url("));
    assert_non_null(strstr(html, "not a medical device"));
    assert_non_null(strstr(html, "name=\"viewport\""));
    assert_non_null(strstr(html, "lang=\"en\""));
    /* Every picture has its text and its pixels. */
    assert_true(page_count(html, "<img ") >= 16);
    assert_int_equal(page_count(html, "<img "), page_count(html, "src=\"data:image/png;base64,"));
    assert_int_equal(page_count(html, "<img "), page_count(html, " alt=\""));
    assert_int_equal(page_count(html, "class=\"ct\""),
                     page_count(html, "alt=\"C") + page_count(html, "alt=\"S"));
    assert_int_equal(page_count(html, "<figure"), page_count(html, "<svg class=\"marks\""));
    /* Columns and rows of tables are named. */
    assert_int_equal(page_count(html, "<th>"), 0);
    shown_as_valued(html);
    nw_free(html);
    study_case_free(c);
}

/* The checker itself must be able to fail. */
static void checker_sees_faults(void **state)
{
    (void)state;
    char why[200];
    assert_true(page_balanced("<!DOCTYPE html><html><p a=\"&lt;\">x</p><br></html>", why, sizeof why));
    assert_false(page_balanced("<!DOCTYPE html><html><p>x</html>", why, sizeof why));
    assert_false(page_balanced("<!DOCTYPE html><p>a < b</p>", why, sizeof why));
    assert_false(page_balanced("<!DOCTYPE html><p>a & b</p>", why, sizeof why));
    assert_false(page_balanced("<!DOCTYPE html><p a=\"x>y</p>", why, sizeof why));
    assert_false(page_balanced("<!DOCTYPE html><p>x</p><div>", why, sizeof why));
}

/* Numbers of a section in the order of the page against those of the struct. */
static void numbers_are_the_studys(void **state)
{
    (void)state;
    enum { MOST = 4096 };
    static double got[MOST];
    study_case *c = study_case_new(96, 32, 1);
    const nw_study *s = &c->study;
    char *html = written(s, NULL);
    assert_true(s->lesions->count >= 3);

    char *part = page_between(html, "class=\"grade\"", "class=\"zones\"");
    assert_int_equal(page_numbers(part, got, MOST), 5);
    close_to(got[0], s->severity.grade, "grade");
    close_to(got[1], s->severity.sides[0].share, "share");
    close_to(got[2], s->interval.share[0].low, "low end");
    close_to(got[3], s->interval.share[0].high, "high end");
    close_to(got[4], s->lesions->threshold, "threshold");
    free(part);

    part = page_between(html, "id=\"zones\"", "</table>");
    assert_int_equal(page_numbers(part, got, MOST), 13);
    close_to(got[0], s->severity.zone_score, "zone score");
    for (int zone = 0; zone < 3; zone++)
        for (int side = 1; side <= 2; side++) {
            const double *at = got + 1 + 2 * (2 * zone + side - 1);
            close_to(at[0], s->severity.zones[side][zone].score, "score of a zone");
            close_to(at[1], s->severity.zones[side][zone].share, "share of a zone");
        }
    free(part);

    part = page_between(html, "<dl class=\"keys\">", "</dl>");
    assert_int_equal(page_numbers(part, got, MOST), 6);
    const double keys[] = {s->severity.sides[0].volume_ml / 1000,
                           s->severity.sides[0].involved_ml,
                           (double)s->lesions->count,
                           s->severity.sides[0].bits,
                           s->severity.bits_per_litre,
                           s->max_probability};
    for (int i = 0; i < 6; i++) close_to(got[i], keys[i], "key figure");
    free(part);

    part = page_between(html, "<table class=\"lesions\">", "</table>");
    assert_int_equal(page_numbers(part, got, MOST), 11 * s->lesions->count);
    for (size_t i = 0; i < s->lesions->count; i++) {
        const nw_lesion *l = &s->lesions->items[i];
        const double want[] = {l->label,        l->volume_ml,    l->bits,         l->mean_density,
                               l->mean_hu,      l->box_mm[0][0], l->box_mm[1][0], l->box_mm[0][1],
                               l->box_mm[1][1], l->box_mm[0][2], l->box_mm[1][2]};
        for (int k = 0; k < 11; k++) close_to(got[11 * i + (size_t)k], want[k], "number of a lesion");
        char words[64];
        snprintf(words, sizeof words, ">%s</td><td class=\"word\">%s<", nw_side_name(l->side),
                 nw_zone_name(l->zone));
        assert_non_null(strstr(part, words));
    }
    free(part);

    part = page_between(html, "id=\"sweep-table\"", "</table>");
    assert_int_equal(page_numbers(part, got, MOST), 8 * s->sweep_count);
    for (size_t i = 0; i < s->sweep_count; i++) {
        const nw_sweep_point *p = &s->sweep[i];
        const double want[] = {p->threshold,   p->share[0],        p->share[1], p->share[2],
                               p->involved_ml, (double)p->lesions, p->grade,    p->zone_score};
        for (int k = 0; k < 8; k++) close_to(got[8 * i + (size_t)k], want[k], "number of the sweep");
    }
    free(part);

    part = page_between(html, "id=\"measure-table\"", "</table>");
    const nw_severity_interval *v = &s->interval;
    const struct {
        double value;
        const nw_interval *interval;
    } rows[] = {{s->severity.grade, &v->grade},
                {s->severity.sides[0].share, &v->share[0]},
                {s->severity.sides[1].share, &v->share[1]},
                {s->severity.sides[2].share, &v->share[2]},
                {s->severity.sides[0].involved_ml, &v->involved_ml},
                {s->severity.zone_score, &v->zone_score},
                {s->severity.sides[0].bits, &v->bits},
                {s->severity.bits_per_litre, &v->bits_per_litre}};
    assert_int_equal(page_numbers(part, got, MOST), 5 * 8);
    for (int i = 0; i < 8; i++) {
        const double want[] = {rows[i].value, rows[i].interval->low, rows[i].interval->high,
                               rows[i].interval->mean, rows[i].interval->deviation};
        for (int k = 0; k < 5; k++) close_to(got[5 * i + k], want[k], "measure");
    }
    free(part);

    part = page_between(html, "id=\"part-table\"", "</table>");
    assert_int_equal(page_numbers(part, got, MOST), 3 * 4 + 6 * 5);
    for (int i = 0; i < 9; i++) {
        const nw_part *p = i < 3 ? &s->severity.sides[i] : &s->severity.zones[1 + (i - 3) / 3][(i - 3) % 3];
        const double *at = got + (i < 3 ? 4 * i : 12 + 5 * (i - 3));
        close_to(at[0], p->volume_ml, "volume of a part");
        close_to(at[1], p->involved_ml, "involved volume of a part");
        close_to(at[2], p->share, "share of a part");
        close_to(at[3], p->bits, "bits of a part");
        if (i >= 3) close_to(at[4], p->score, "score of a part");
    }
    free(part);

    part = page_between(html, "id=\"slice-table\"", "</table>");
    size_t at = 0, count = page_numbers(part, got, MOST);
    int64_t in = s->grid.dims[0] * s->grid.dims[1];
    for (size_t i = 0; i < s->slice_count; i++) {
        const nw_study_slice *slice = &s->slices[i];
        int64_t involved = 0;
        for (int64_t k = 0; k < in; k++) involved += s->lesions->labels[(int64_t)i * in + k] != 0;
        close_to(got[at++], (double)i, "slice");
        close_to(got[at++], slice->position_mm, "position");
        if (!isnan(slice->probability)) close_to(got[at++], slice->probability, "probability");
        if (!isnan(slice->score)) close_to(got[at++], slice->score, "score");
        close_to(got[at++], slice->lung_ml, "lung of a slice");
        close_to(got[at++], (double)involved * nw_grid_voxel_ml(&s->grid), "involved volume of a slice");
        close_to(got[at++], slice->lung_bits, "bits of a slice");
    }
    assert_int_equal(at, count);
    free(part);
    nw_free(html);
    study_case_free(c);
}

/* The definitions come from the lesion room, whole. */
static void definitions_are_repeated(void **state)
{
    (void)state;
    study_case *c = study_case_new(64, 24, 1);
    char *html = written(&c->study, NULL);
    char *part = page_between(html, "<dl class=\"definitions\">", "</dl>"), *text = page_text(part);
    for (size_t i = 0; i < nw_definition_count(); i++)
        if (!strstr(text, nw_definition_list(i)->text))
            fail_msg("'%s' is missing", nw_definition_list(i)->title);
    free(text);
    free(part);
    nw_free(html);
    study_case_free(c);
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    study_case *c = study_case_new(64, 24, 1);
    nw_study *s = &c->study;
    const char *hostile =
        "\"><script>alert(1)</script><img src=x onerror='a'>&amp; \xff\xfe\x01 \xe2\x80\xae";
    nw_page_fact facts[] = {{hostile, hostile}},
                 files[] = {{hostile, "javascript:alert(1)"}, {"b", "//evil/\" x"}};
    nw_page_options options = {.name = hostile,
                               .facts = facts,
                               .fact_count = 1,
                               .files = files,
                               .file_count = 2,
                               .cohort_link = "../a b\"<c>.html"};
    s->model_name = s->layer = s->method = s->target_name = hostile;
    c->warnings[0] = (char *)(uintptr_t)hostile;
    s->settings =
        "{\"<script>alert(2)</script>\": \"<b>\\\" onload=\\\"x\", \"v\": {\"value\": \"</table>\", "
        "\"meaning\": \"<i>\"}}";
    char *html = written(s, &options), why[200] = "";
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(page_count(html, "<script"), 1);
    assert_int_equal(page_count(html, "onerror='"), 0);
    assert_int_equal(page_count(html, "src=x"), page_count(html, "&lt;img src=x"));
    assert_int_equal(page_count(html, "href=\"javascript"), 0);
    assert_int_equal(page_count(html, "href=\"//"), 0);
    assert_non_null(strstr(html, "href=\"./../a%20b%22%3Cc%3E.html\""));
    assert_non_null(strstr(html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_null(strstr(html, "\xff"));
    assert_null(strstr(html, "\x01"));
    assert_null(strstr(html, "\xe2\x80\xae"));
    assert_true(page_count(html, "\xef\xbf\xbd") > 4);
    nw_free(html);
    study_case_free(c);
}

/* Of the scan's file nothing is shown but its geometry. */
static void patient_stays_out(void **state)
{
    (void)state;
    char scan_path[160];
    study_case *c = study_case_new(64, 24, 1);
    nw_error err;
    snprintf(scan_path, sizeof scan_path, "%s/Mustermann_Erika_19640812.npy", folder);
    const int64_t dims[] = {24, 64, 64};
    assert_int_equal(nw_npy_write(scan_path, 3, dims, c->hu, &err), NW_OK);
    nw_volume *scan;
    if (nw_volume_read(scan_path, NULL, &scan, &err) != NW_OK) fail_msg("%s", err.message);
    c->study.scan = scan;
    char *html = written(&c->study, NULL);
    assert_null(strstr(html, "Mustermann"));
    assert_null(strstr(html, "19640812"));
    assert_null(strstr(html, folder));
    nw_free(html);
    /* Asked for, it is there. */
    nw_page_fact facts[] = {{"Patient", "Mustermann^Erika"}};
    nw_page_options options = {.facts = facts, .fact_count = 1};
    html = written(&c->study, &options);
    assert_non_null(strstr(html, "Mustermann^Erika"));
    nw_free(html);
    nw_volume_free(scan);
    study_case_free(c);
}

static void refused(const nw_study *study, nw_status want, const char *word)
{
    nw_error err;
    unlink(path);
    nw_status status = nw_study_page_write(study, NULL, path, &err);
    if (status != want || !strstr(err.message, word)) fail_msg("status %d: %s", status, err.message);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* No NaN is hidden, and then no file is left. */
static void not_finite_is_refused(void **state)
{
    (void)state;
    study_case *c = study_case_new(64, 24, 1);
    nw_study *s = &c->study;
    double *const numbers[] = {&s->severity.sides[0].share,
                               &s->severity.zones[1][2].bits,
                               &s->severity.bits_per_litre,
                               &s->interval.share[0].high,
                               &s->interval.bits.deviation,
                               &s->lesions->items[1].volume_ml,
                               &s->lesions->items[0].box_mm[1][2],
                               &s->lesions->threshold,
                               &s->sweep[3].share[2],
                               &s->slices[4].lung_bits,
                               &s->slices[4].position_mm,
                               &s->density_factor,
                               &s->seconds.bottleneck,
                               &s->lesions->dropped_ml};
    s->lesions->dropped = 2;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double kept = *numbers[i];
        const double bad[] = {NAN, INFINITY};
        for (int k = 0; k < 2; k++) {
            *numbers[i] = bad[k];
            refused(s, NW_NOT_FINITE, "not finite");
        }
        *numbers[i] = kept;
    }
    float kept = s->map[777];
    s->map[777] = NAN;
    refused(s, NW_NOT_FINITE, "map");
    s->map[777] = kept;
    c->hu[5] = INFINITY;
    refused(s, NW_NOT_FINITE, "scan");
    c->hu[5] = 0;
    s->slice_count--;
    refused(s, NW_BAD_INPUT, "slices");
    s->slice_count++;
    s->sweep[2].threshold = s->sweep[1].threshold;
    refused(s, NW_BAD_INPUT, "sweep");
    s->sweep_count = 0;
    s->provenance = "[1";
    refused(s, NW_BAD_INPUT, "JSON");
    s->provenance = NULL;
    char *html = written(s, NULL);
    assert_null(strstr(html, "id=\"sweep\""));
    nw_free(html);
    study_case_free(c);
}

static void unwritable_leaves_nothing(void **state)
{
    (void)state;
    study_case *c = study_case_new(32, 16, 0);
    nw_error err;
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/none/report.html", folder);
    assert_int_equal(nw_study_page_write(&c->study, NULL, nowhere, &err), NW_IO);
    assert_int_equal(nw_study_page_write(&c->study, NULL, "/dev/full", &err), NW_IO);
    study_case_free(c);
}

/* No lesions, no lungs, no gate, one run, a regression, one slice: still a page. */
static void odd_studies_have_pages(void **state)
{
    (void)state;
    char why[200] = "";
    for (int kind = 0; kind < 6; kind++) {
        study_case *c = study_case_new(48, kind == 5 ? 1 : 20, kind != 0);
        nw_study *s = &c->study;
        if (kind == 1) memset(s->lungs->labels, 0, (size_t)nw_grid_count(&s->grid));
        if (kind == 2) s->gate = NAN;
        if (kind == 3) s->run_count = 1;
        if (kind == 4) {
            s->head = NW_HEAD_REGRESSION;
            s->gate = s->max_probability = s->mean_probability = NAN;
            for (size_t i = 0; i < s->slice_count; i++) s->slices[i].probability = NAN;
        }
        char *html = written(s, NULL);
        if (!page_balanced(html, why, sizeof why)) fail_msg("kind %d: %s", kind, why);
        assert_true(page_count(html, "<figure") >= 3);
        assert_int_equal(page_count(html, "class=\"range\" style"), kind == 3 ? 0 : 1);
        nw_free(html);
        study_case_free(c);
    }
}

static void size_is_kept(void **state)
{
    (void)state;
    study_case *c = study_case_new(512, 40, 1);
    char *html = written(&c->study, NULL);
    size_t size = strlen(html);
    if (size > 5000000) fail_msg("40 slices of 512 x 512 make %zu bytes", size);
    nw_free(html);
    study_case_free(c);
}

/* ---- Pictures ---- */

/* The raster of the first <img> of that class after `mark`, decoded to RGBA; nw_free. */
static unsigned char *decode(const char *html, const char *mark, const char *class, int *width, int *height)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = strstr(html, mark);
    assert_non_null(p);
    p = strstr(p, class);
    assert_non_null(p);
    p = strstr(p, "base64,") + 7;
    size_t length = strcspn(p, "\""), size = 0;
    unsigned char *png = nw_calloc(length, 1);
    unsigned bits = 0;
    for (size_t i = 0; i < length && p[i] != '='; i++) {
        bits = bits << 6 | (unsigned)(strchr(digits, p[i]) - digits);
        if (i % 4) png[size++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    spng_ctx *context = spng_ctx_new(0);
    struct spng_ihdr header;
    size_t bytes;
    assert_int_equal(spng_set_png_buffer(context, png, size), 0);
    assert_int_equal(spng_get_ihdr(context, &header), 0);
    assert_int_equal(spng_decoded_image_size(context, SPNG_FMT_RGBA8, &bytes), 0);
    unsigned char *rgba = nw_calloc(bytes, 1);
    assert_int_equal(spng_decode_image(context, rgba, bytes, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS), 0);
    spng_ctx_free(context);
    nw_free(png);
    *width = (int)header.width;
    *height = (int)header.height;
    return rgba;
}

/* The largest lesion is in the right lung, low and towards the back: on the left of a slice's picture, low in
 * it; at the left and low in the coronal view; low and at the right in the sagittal one. */
static void pictures_stand_as_readers_expect(void **state)
{
    (void)state;
    static const char *const marks[] = {"<figure class=\"slice\"", "<b>Coronal</b>", "<b>Sagittal</b>"};
    for (int flip = 0; flip < 2; flip++) {
        study_case *c = study_case_new(96, 40, 1);
        nw_study *s = &c->study;
        if (flip) { /* the same chest, its first axis stored the other way */
            const int64_t *n = s->grid.dims;
            for (int64_t row = 0; row < n[1] * n[2]; row++)
                for (int64_t i = 0, j = n[0] - 1; i < j; i++, j--) {
#define SWAP(array)                                                                                          \
    do {                                                                                                     \
        __typeof__(*(array)) swap = (array)[row * n[0] + i];                                                 \
        (array)[row * n[0] + i] = (array)[row * n[0] + j];                                                   \
        (array)[row * n[0] + j] = swap;                                                                      \
    } while (0)
                    SWAP(c->hu);
                    SWAP(s->map);
                    SWAP(s->lungs->labels);
                    SWAP(s->lesions->labels);
                }
            s->grid.affine[0][3] += s->grid.affine[0][0] * (double)(n[0] - 1);
            s->grid.affine[0][0] *= -1;
            for (size_t l = 0; l < s->lesions->count; l++) {
                int64_t(*box)[3] = s->lesions->items[l].box_voxel, first = box[0][0];
                box[0][0] = n[0] - 1 - box[1][0];
                box[1][0] = n[0] - 1 - first;
            }
        }
        char *html = written(s, NULL);
        for (int view = 0; view < 3; view++) {
            /* Captions follow pictures: the map of a view is the last one before its name. */
            char *piece = view ? page_between(html, "<div class=\"views\">", marks[2])
                               : page_between(html, marks[0], "</figure>");
            const char *from = view == 2 ? strstr(piece, "<b>Coronal</b>") : piece;
            int width, height;
            unsigned char *rgba = decode(from, "<img", "class=\"map\"", &width, &height);
            double sum = 0, x = 0, y = 0;
            for (int j = 0; j < height; j++)
                for (int i = 0; i < width; i++) {
                    double a = pow(rgba[4 * (j * width + i) + 3], 3); /* the strongest alone */
                    sum += a;
                    x += a * (i + 0.5) / width;
                    y += a * (j + 0.5) / height;
                }
            x /= sum;
            y /= sum;
            bool right_place = view == 0   ? x < 0.4 && y > 0.5
                               : view == 1 ? x < 0.45 && y > 0.55
                                           : x > 0.55 && y > 0.55;
            if (!right_place) fail_msg("flip %d, view %d: the map is at %.2f, %.2f", flip, view, x, y);
            nw_free(rgba);
            free(piece);
        }
        /* The box of lesion 1 in the coronal view is where its map is: compared in mm with its world box. */
        char *piece = page_between(html, "<div class=\"views\">", marks[1]);
        const char *rect = strstr(piece, "class=\"box\"><rect");
        double bx = 0, bw = 0, frame = 0;
        assert_int_equal(sscanf(strstr(rect, " x=\""), " x=\"%lf", &bx), 1);
        assert_int_equal(sscanf(strstr(rect, " width=\""), " width=\"%lf", &bw), 1);
        assert_int_equal(sscanf(strstr(piece, "viewBox=\"0 0 "), "viewBox=\"0 0 %lf", &frame), 1);
        const nw_lesion *l = &s->lesions->items[0];
        double wide = l->box_mm[1][0] - l->box_mm[0][0];
        if (fabs(bw - wide - 4) > 0.02) fail_msg("flip %d: a box of %g mm is drawn %g wide", flip, wide, bw);
        assert_true(bx + bw < 0.55 * frame);
        free(piece);
        nw_free(html);
        study_case_free(c);
    }
}

/* Length of an outline: a disc's is its circle. */
static void outline_follows_the_edge(void **state)
{
    (void)state;
    enum { N = 200 };
    static unsigned char mask[N * N];
    const double radius = 70, scale[2] = {1, 1};
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++) mask[y * N + x] = hypot(x + 0.5 - 100, y + 0.5 - 90) < radius;
    nw_html h = {0};
    nw_outline_path(&h, mask, N, N, scale);
    nw_html_raw(&h, "");
    char *text = nw_strndup(h.data, h.size);
    assert_int_equal(page_count(text, "M"), 1);
    assert_int_equal(page_count(text, "Z"), 1);
    double fx = 0, fy = 0, px = 0, py = 0, length = 0;
    size_t points = 0;
    for (char *p = text; *p && *p != 'Z'; points++) {
        double x = strtod(p + 1, &p), y = strtod(p, &p), off = fabs(hypot(x - 100, y - 90) - radius);
        if (off > 0.8) fail_msg("%g, %g is %g off the circle", x, y, off);
        if (points)
            length += hypot(x - px, y - py);
        else
            fx = x, fy = y;
        px = x;
        py = y;
    }
    length += hypot(fx - px, fy - py);
    assert_true(fabs(length - 2 * 3.14159265 * radius) < 0.015 * 2 * 3.14159265 * radius);
    assert_true(points < 90);
    nw_free(text);
    nw_html_free(&h);

    /* Two blocks that touch at a corner and one that touches the edge: closed curves all the same. */
    memset(mask, 0, sizeof mask);
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 20; x++)
            mask[(y + 40) * N + x + 40] = mask[(y + 60) * N + x + 60] = mask[y * N + x] = 1;
    nw_outline_path(&h, mask, N, N, scale);
    nw_html_raw(&h, "");
    text = nw_strndup(h.data, h.size);
    assert_true(page_count(text, "M") >= 2 && page_count(text, "M") <= 3);
    assert_int_equal(page_count(text, "M"), page_count(text, "Z"));
    nw_free(text);
    nw_html_free(&h);
}

/* The picture of slices with their truth: tinted where the truth is, in the middle panel of three. */
static void truth_is_drawn_and_told(void **state)
{
    (void)state;
    nw_error err;
    study_case *c = study_case_new(96, 24, 1);
    nw_study *s = &c->study;
    assert_int_equal(nw_study_truth_write(s, "a", 0, path, &err), NW_USAGE);
    char *html = written(s, NULL);
    assert_null(strstr(html, "class=\"truth\""));
    assert_null(strstr(html, "show-truth\""));
    nw_free(html);

    /* All that is lung right of the middle. */
    size_t count = (size_t)nw_grid_count(&s->grid);
    s->truth = nw_calloc(count, 1);
    for (size_t i = 0; i < count; i++) s->truth[i] = s->lungs->labels[i] == NW_SIDE_RIGHT;
    assert_int_equal(nw_agreement_measure(s->lungs, s->lesions->labels, s->truth, 0.1, &s->agreement, &err),
                     NW_OK);
    html = written(s, NULL);
    assert_non_null(strstr(html, "class=\"truth\""));
    assert_non_null(strstr(html, "id=\"show-truth\""));
    assert_non_null(strstr(html, "id=\"truth\""));
    shown_as_valued(html);
    nw_free(html);

    char png[160];
    snprintf(png, sizeof png, "%s/truth.png", folder);
    assert_int_equal(nw_study_truth_write(s, "a", -1, png, &err), NW_USAGE);
    assert_int_equal(nw_study_truth_write(s, "a", 1, png, &err), NW_OK);
    nw_bytes bytes;
    assert_int_equal(nw_file_read(png, 64 << 20, &bytes, &err), NW_OK);
    spng_ctx *spng = spng_ctx_new(0);
    struct spng_ihdr head;
    size_t size;
    assert_int_equal(spng_set_png_buffer(spng, bytes.data, bytes.size), 0);
    assert_int_equal(spng_get_ihdr(spng, &head), 0);
    assert_int_equal(spng_decoded_image_size(spng, SPNG_FMT_RGB8, &size), 0);
    unsigned char *rgb = malloc(size);
    assert_int_equal(spng_decode_image(spng, rgb, size, SPNG_FMT_RGB8, 0), 0);
    /* The patient's right is at the left: there are bluish pixels in the left half of the middle panel, and
     * in no other place below the title. */
    const nw_rgb cyan = {0x54, 0xd6, 0xff};
    long left = 0, elsewhere = 0;
    int panel = (int)(head.width - 2 * 18) / 3; /* about: a colour bar is at the right */
    for (uint32_t y = 80; y < head.height - 40; y++)
        for (uint32_t x = 0; x < head.width; x++) {
            const unsigned char *p = rgb + 3 * ((size_t)y * head.width + x);
            if (p[0] != cyan.r || p[1] != cyan.g || p[2] != cyan.b) continue;
            int at = (int)x;
            if (at > panel - 40 && at < panel + panel / 2)
                left++;
            else
                elsewhere++;
        }
    if (left < 200 || elsewhere)
        fail_msg("%ld pixels of the truth's outline, %ld elsewhere", left, elsewhere);
    free(rgb);
    spng_ctx_free(spng);
    nw_free(bytes.data);
    nw_free(s->truth);
    study_case_free(c);
}

static void numbers_keep_their_point(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    bool set = false;
    for (int i = 0; i < 3 && !set; i++) set = setlocale(LC_ALL, names[i]) != NULL;
    nw_html h = {0};
    nw_html_value(&h, -1234.5678, 2, "mL");
    nw_html_decimal(&h, -0.001, 1);
    nw_html_raw(&h, "");
    char *text = nw_strndup(h.data, h.size);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "<data value=\"-1234.5678\">\xe2\x88\x92"
                              "1234.57</data>\xc2\xa0<small>mL</small>0.0");
    nw_free(text);
    nw_html_free(&h);
}

/* ---- The cohort ---- */

static void cohort_has_every_study(void **state)
{
    (void)state;
    nw_cohort_study s[] = {
        {.name = "a",
         .link = "a/report.html",
         .grade = 2,
         .zone_score = 9,
         .share = 0.314159,
         .share_low = 0.29,
         .share_high = 0.35,
         .lung_ml = 4200,
         .involved_ml = 1319.5,
         .bits_per_litre = 812.25,
         .max_probability = 0.97,
         .lesions = 7,
         .warnings = 1},
        {.name = "<b>&\"",
         .link = "b c/report.html",
         .share_low = NAN,
         .share_high = NAN,
         .lung_ml = 5100,
         .max_probability = NAN},
        {.name = "bad", .error = "bad.nii.gz: cut off <here>", .share = NAN, .max_probability = NAN},
    };
    nw_error err;
    nw_bytes bytes;
    if (nw_cohort_page_write(s, 3, "A \"cohort\"", path, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_file_read(path, 1 << 20, &bytes, &err), NW_OK);
    char *html = (char *)bytes.data, why[200] = "";
    if (!page_balanced(html, why, sizeof why)) fail_msg("%s", why);
    assert_null(strstr(html, "http:"));
    assert_null(strstr(html, "https:"));
    assert_non_null(strstr(html, "href=\"./a/report.html\""));
    assert_non_null(strstr(html, "href=\"./b%20c/report.html\""));
    assert_non_null(strstr(html, "&lt;b&gt;&amp;&quot;"));
    char *table = page_between(html, "id=\"cohort-table\"", "</table>");
    double got[64];
    const double want[] = {2, 0.314159, 0.29, 0.35, 9,   4.2, 1319.5, 7, 812.25, 0.97,
                           1, 0,        0,    0,    5.1, 0,   0,      0, 0};
    assert_int_equal(page_numbers(table, got, 64), sizeof want / sizeof want[0]);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        close_to(got[i], want[i], "number of the cohort");
    free(table);
    table = page_between(html, "id=\"failed-table\"", "</table>");
    assert_non_null(strstr(table, "bad.nii.gz: cut off &lt;here&gt;"));
    free(table);
    /* Bars: one study of two in each of two bins. */
    assert_int_equal(page_count(html, "class=\"column\""), 2);
    assert_non_null(strstr(html, "30 to 35 %: 1 study"));
    nw_free(html);

    s[0].involved_ml = NAN;
    unlink(path);
    assert_int_equal(nw_cohort_page_write(s, 3, NULL, path, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "'a'"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(nw_cohort_page_write(s + 2, 1, NULL, path, &err), NW_OK);
    assert_int_equal(nw_cohort_page_write(s, 0, NULL, path, &err), NW_OK);
}

static int begin(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/report.html", temp_folder(folder));
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
        cmocka_unit_test(checker_sees_faults),
        cmocka_unit_test(page_is_whole_and_alone),
        cmocka_unit_test(numbers_are_the_studys),
        cmocka_unit_test(definitions_are_repeated),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(patient_stays_out),
        cmocka_unit_test(not_finite_is_refused),
        cmocka_unit_test(unwritable_leaves_nothing),
        cmocka_unit_test(odd_studies_have_pages),
        cmocka_unit_test(size_is_kept),
        cmocka_unit_test(pictures_stand_as_readers_expect),
        cmocka_unit_test(outline_follows_the_edge),
        cmocka_unit_test(truth_is_drawn_and_told),
        cmocka_unit_test(numbers_keep_their_point),
        cmocka_unit_test(cohort_has_every_study),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
