/* What a reader wants first: the grade, the involved share with its interval, and where. */
#include "report/html_page.h"

#include <math.h>

static void facts(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    const nw_grid *g = &s->grid;
    nw_html_raw(h, "<p class=\"facts\">");
    nw_html_format(h, "<span>%zu slices</span> <span>%lld \xc3\x97 %lld \xc3\x97 %lld voxels</span> <span>",
                   s->slice_count, (long long)g->dims[0], (long long)g->dims[1], (long long)g->dims[2]);
    double spacing[3];
    nw_grid_spacing(g, spacing);
    for (int i = 0; i < 3; i++) {
        if (i) nw_html_raw(h, " \xc3\x97 ");
        nw_html_decimal(h, spacing[i], 2);
    }
    nw_html_raw(h, " mm</span>");
    if (s->scan) {
        nw_html_raw(h, " <span>");
        nw_html_text(h, nw_volume_get_info(s->scan)->format);
        nw_html_raw(h, "</span>");
    }
    nw_html_raw(h, " <span>model ");
    nw_html_text(h, s->model_name);
    nw_html_raw(h, "</span>");
    for (size_t i = 0; i < page->options->fact_count; i++) {
        nw_html_raw(h, " <span>");
        nw_html_text(h, page->options->facts[i].name);
        nw_html_raw(h, " ");
        nw_html_text(h, page->options->facts[i].value);
        nw_html_raw(h, "</span>");
    }
    nw_html_raw(h, "</p>\n");
}

/* From 0 to 100 % with the bands of the grades, the share, and its interval. */
static void bands(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    double share = s->severity.sides[0].share;
    nw_html_raw(
        h,
        "<div class=\"bands\" role=\"img\" aria-label=\"The involved share on a scale from 0 to 100 % with "
        "the bands CT-1 to CT-4\"><div class=\"track\"><i class=\"fill\" style=\"width:");
    nw_html_coordinate(h, 100 * share);
    nw_html_raw(h, "%\"></i>");
    if (s->run_count > 1) {
        const nw_interval *i = &s->interval.share[0];
        nw_html_raw(h, "<i class=\"range\" style=\"left:");
        nw_html_coordinate(h, 100 * i->low);
        nw_html_raw(h, "%;width:");
        nw_html_coordinate(h, 100 * (i->high - i->low));
        nw_html_raw(h, "%\"></i>");
    }
    nw_html_raw(
        h, "</div><div class=\"names\"><span>CT-1</span><span>CT-2</span><span>CT-3</span><span>CT-4</span>"
           "</div></div>\n");
}

static void share_text(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    nw_html_raw(h, "<p class=\"share\"><b>");
    nw_html_share(h, s->severity.sides[0].share);
    nw_html_raw(h, "</b> <span>of the lungs");
    if (s->run_count > 1) {
        nw_html_raw(h, ", ");
        nw_html_percent(h, s->interval.share[0].low);
        nw_html_raw(h, " to ");
        nw_html_share(h, s->interval.share[0].high);
        nw_html_format(h, " in %zu runs with other noise", s->run_count);
    } else {
        nw_html_raw(h, "; one run, so there is no interval");
    }
    nw_html_raw(h, "</span></p>\n");
}

/* The six zones as a reader sees the lungs: the patient's right at the left. */
static void zones(nw_page *page)
{
    const nw_severity *s = &page->study->severity;
    nw_html *h = &page->html;
    nw_html_raw(h, "<table class=\"zones\" id=\"zones\"><caption>Six zones, <b>");
    nw_html_integer(h, s->zone_score);
    nw_html_raw(h, "</b> of 24</caption><thead><tr><td></td><th scope=\"col\">Right</th><th "
                   "scope=\"col\">Left</th></tr></thead><tbody>\n");
    for (int zone = 0; zone < NW_ZONES; zone++) {
        nw_html_format(h, "<tr><th scope=\"row\">%s</th>", nw_zone_name((nw_zone)zone));
        for (int side = NW_SIDE_RIGHT; side <= NW_SIDE_LEFT; side++) {
            const nw_part *part = &s->zones[side][zone];
            nw_html_format(h, "<td class=\"s%d\"><b>",
                           part->score >= 0 && part->score <= 4 ? part->score : 0);
            nw_html_integer(h, part->score);
            nw_html_raw(h, "</b> ");
            nw_html_share(h, part->share);
            nw_html_raw(h, "</td>");
        }
        nw_html_raw(h, "</tr>\n");
    }
    nw_html_raw(h, "</tbody></table>\n");
}

static void key_open(nw_html *h, const char *name)
{
    nw_html_format(h, "<div><dt>%s</dt><dd>", name);
}

static void key_close(nw_html *h)
{
    nw_html_raw(h, "</dd></div>\n");
}

static void key(nw_html *h, const char *name, double value, int decimals, const char *unit)
{
    key_open(h, name);
    nw_html_value(h, value, decimals, unit);
    key_close(h);
}

static void keys(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    const nw_part *both = &s->severity.sides[0];
    nw_html_raw(h, "<dl class=\"keys\">\n");
    key(h, "Lungs", both->volume_ml / 1000, 2, "L");
    key(h, "Involved", both->involved_ml, both->involved_ml < 100 ? 1 : 0, "mL");
    key_open(h, "Lesions");
    nw_html_integer(h, (int64_t)s->lesions->count);
    key_close(h);
    key(h, "Bits in the lungs", both->bits, both->bits < 100 ? 1 : 0, "bit");
    key(h, "Bits per litre", s->severity.bits_per_litre, s->severity.bits_per_litre < 100 ? 1 : 0, "bit/L");
    if (isfinite(s->max_probability)) key(h, "Highest probability", s->max_probability, 2, NULL);
    nw_html_raw(h, "</dl>\n");
}

/* What is there, where it is known. */
static void truth(nw_page *page)
{
    const nw_study *s = page->study;
    const nw_agreement *a = &s->agreement;
    nw_html *h = &page->html;
    if (!s->truth) return;
    nw_html_raw(h, "<h3>Against the truth</h3>\n<dl class=\"keys\" id=\"truth\">\n");
    key(h, "True lesions", a->truth_ml, a->truth_ml < 100 ? 1 : 0, "mL");
    key(h, "Found of them", a->both_ml, a->both_ml < 100 ? 1 : 0, "mL");
    key_open(h, "True share of the lungs");
    nw_html_share(h, a->truth_share);
    nw_html_format(h, " <small>CT-%d</small>", a->truth_grade);
    key_close(h);
    key_open(h, "True lesions touched");
    nw_html_format(h, "%zu of %zu", a->touched, a->lesions);
    key_close(h);
    if (isfinite(a->dice)) key(h, "Dice", a->dice, 2, NULL);
    nw_html_raw(h, "</dl>\n");
}

static void warnings(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    if (!s->warning_count) return;
    nw_html_raw(h, "<aside class=\"warnings\" aria-label=\"Warnings\"><h2>Please note</h2><ul>\n");
    for (size_t i = 0; i < s->warning_count; i++) {
        nw_html_raw(h, "<li>");
        nw_html_text(h, s->warnings[i]);
        nw_html_raw(h, "</li>\n");
    }
    nw_html_raw(h, "</ul></aside>\n");
}

void nw_page_headline(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    h->where = "headline";
    nw_html_raw(h, "<header>\n<p class=\"eyebrow\">");
    if (page->options->cohort_link) {
        nw_html_raw(h, "<a href=\"");
        nw_html_link(h, page->options->cohort_link);
        nw_html_raw(h, "\">All studies</a> \xc2\xb7 ");
    }
    nw_html_raw(h, "Narrows report of a chest CT</p>\n<h1>");
    nw_html_text(h, page->options->name ? page->options->name : "Study");
    nw_html_raw(h, "</h1>\n");
    facts(page);
    nw_html_raw(
        h, "</header>\n<section class=\"headline\" aria-label=\"Severity\">\n<div class=\"verdict\">\n<p "
           "class=\"grade\"><abbr title=\"CT grade\">CT-");
    nw_html_integer(h, s->severity.grade);
    nw_html_raw(h, "</abbr></p>\n<p class=\"plain\">");
    nw_html_raw(h, nw_grade_text(s->severity.grade));
    nw_html_raw(h, "</p>\n");
    share_text(page);
    bands(page);
    nw_html_raw(h, "<p class=\"note\">Involved is lung where the prediction");
    if (s->target_name) {
        nw_html_raw(h, " of \xe2\x80\x9c");
        nw_html_text(h, s->target_name);
        nw_html_raw(h, "\xe2\x80\x9d");
    }
    nw_html_raw(h, " needs at least ");
    nw_html_value(h, s->lesions->threshold, 2, "bit/mL");
    nw_html_raw(h, ".</p>\n</div>\n");
    zones(page);
    nw_html_raw(h, "</section>\n");
    keys(page);
    truth(page);
    warnings(page);
}
