#include "report/html_page.h"

static void number(nw_html *h, double value, int decimals)
{
    nw_html_raw(h, "<td>");
    nw_html_value(h, value, decimals, NULL);
    nw_html_raw(h, "</td>");
}

static void part_row(nw_html *h, const char *name, const char *side, const nw_part *part, bool scored)
{
    nw_html_format(h, "<tr><th scope=\"row\">%s%s%s</th>", side, *side ? " " : "", name);
    number(h, part->volume_ml, 0);
    number(h, part->involved_ml, 1);
    nw_html_raw(h, "<td>");
    nw_html_share(h, part->share);
    nw_html_raw(h, "</td>");
    number(h, part->bits, 1);
    nw_html_raw(h, "<td>");
    if (scored)
        nw_html_integer(h, part->score);
    else
        nw_html_raw(h, "\xe2\x80\x93");
    nw_html_raw(h, "</td></tr>\n");
}

static void parts(nw_page *page)
{
    const nw_severity *s = &page->study->severity;
    nw_html *h = &page->html;
    nw_html_raw(
        h,
        "<div class=\"wide\"><table id=\"part-table\"><thead><tr><th scope=\"col\" class=\"word\">Part</th>"
        "<th scope=\"col\">Volume <small>mL</small></th><th scope=\"col\">Involved <small>mL</small></th>"
        "<th scope=\"col\">Share</th><th scope=\"col\">Bits</th><th "
        "scope=\"col\">Score</th></tr></thead><tbody>\n");
    part_row(h, "Both lungs", "", &s->sides[0], false);
    part_row(h, "Right lung", "", &s->sides[NW_SIDE_RIGHT], false);
    part_row(h, "Left lung", "", &s->sides[NW_SIDE_LEFT], false);
    nw_html_raw(h, "</tbody><tbody>\n");
    for (int side = NW_SIDE_RIGHT; side <= NW_SIDE_LEFT; side++)
        for (int zone = 0; zone < NW_ZONES; zone++)
            part_row(h, nw_zone_name((nw_zone)zone), side == NW_SIDE_RIGHT ? "Right" : "Left",
                     &s->zones[side][zone], true);
    if (s->lobe_score >= 0) {
        nw_html_raw(h, "</tbody><tbody>\n");
        for (int lobe = 1; lobe <= NW_LOBES; lobe++)
            part_row(h, nw_lobe_name((nw_lobe)lobe), "Lobe:", &s->lobes[lobe], true);
    }
    nw_html_raw(h, "</tbody></table></div>\n");
}

typedef enum value_form { PLAIN, PER_CENT } value_form;

static void shown(nw_html *h, double value, int decimals, value_form form)
{
    nw_html_raw(h, "<td>");
    if (form == PER_CENT)
        nw_html_share(h, value);
    else
        nw_html_value(h, value, decimals, NULL);
    nw_html_raw(h, "</td>");
}

static void measure(nw_page *page, const char *name, double value, const nw_interval *interval, int decimals,
                    value_form form)
{
    nw_html *h = &page->html;
    bool repeated = page->study->run_count > 1;
    nw_html_format(h, "<tr><th scope=\"row\">%s</th>", name);
    shown(h, value, decimals, form);
    if (repeated) {
        int finer = decimals ? decimals : 1;
        shown(h, interval->low, finer, form);
        shown(h, interval->high, finer, form);
        shown(h, interval->mean, finer, form);
        shown(h, interval->deviation, finer + 1, form);
    }
    nw_html_raw(h, "</tr>\n");
}

static void measures(nw_page *page)
{
    const nw_study *study = page->study;
    const nw_severity *s = &study->severity;
    const nw_severity_interval *i = &study->interval;
    nw_html *h = &page->html;
    nw_html_raw(h, "<div class=\"wide\"><table id=\"measure-table\"><thead><tr><th scope=\"col\" "
                   "class=\"word\">Measure</th><th scope=\"col\">Value</th>");
    if (study->run_count > 1)
        nw_html_raw(h, "<th scope=\"col\">2.5\xc2\xa0%</th><th scope=\"col\">97.5\xc2\xa0%</th><th "
                       "scope=\"col\">Mean</th><th scope=\"col\">Deviation</th>");
    nw_html_raw(h, "</tr></thead><tbody>\n");
    measure(page, "CT grade", s->grade, &i->grade, 0, PLAIN);
    measure(page, "Involved share", s->sides[0].share, &i->share[0], 1, PER_CENT);
    measure(page, "Involved share, right lung", s->sides[1].share, &i->share[1], 1, PER_CENT);
    measure(page, "Involved share, left lung", s->sides[2].share, &i->share[2], 1, PER_CENT);
    measure(page, "Involved volume <small>mL</small>", s->sides[0].involved_ml, &i->involved_ml, 1, PLAIN);
    measure(page, "Zone score <small>of 24</small>", s->zone_score, &i->zone_score, 0, PLAIN);
    if (s->lobe_score >= 0)
        measure(page, "Lobe score <small>of 25</small>", s->lobe_score, &i->lobe_score, 0, PLAIN);
    measure(page, "Bits in the lungs", s->sides[0].bits, &i->bits, 1, PLAIN);
    measure(page, "Bits per litre of lung", s->bits_per_litre, &i->bits_per_litre, 1, PLAIN);
    nw_html_raw(h, "</tbody></table></div>\n<p class=\"note\">CT grade of the more involved lung: CT-");
    nw_html_integer(h, s->worst_grade);
    nw_html_raw(h, ".");
    if (study->run_count > 1) {
        nw_html_raw(h, " Runs by grade:");
        for (int grade = 0; grade <= 4; grade++) {
            if (!i->grade_votes[grade]) continue;
            nw_html_format(h, " CT-%d\xc2\xa0\xc3\x97\xc2\xa0", grade);
            nw_html_integer(h, i->grade_votes[grade]);
        }
        nw_html_raw(h, ".");
    }
    nw_html_raw(h, "</p>\n");
}

static void definitions(nw_html *h)
{
    nw_html_raw(
        h, "<details class=\"more\"><summary>What each number means</summary>\n<dl class=\"definitions\">\n");
    for (size_t i = 0; i < nw_definition_count(); i++) {
        const nw_definition *d = nw_definition_list(i);
        nw_html_raw(h, "<dt>");
        nw_html_text(h, d->title);
        if (d->unit[0]) {
            nw_html_raw(h, " <small>");
            nw_html_text(h, d->unit);
            nw_html_raw(h, "</small>");
        }
        nw_html_raw(h, "</dt><dd>");
        nw_html_text(h, d->text);
        if (d->source[0]) {
            nw_html_raw(h, " <cite>Source: ");
            nw_html_text(h, d->source);
            nw_html_raw(h, ".</cite>");
        }
        nw_html_raw(h, "</dd>\n");
    }
    nw_html_raw(h, "</dl></details>\n");
}

void nw_page_severity(nw_page *page)
{
    nw_html *h = &page->html;
    h->where = "severity";
    nw_page_section(
        h, "severity", "Severity",
        page->study->run_count > 1
            ? "The interval tells how much the noise of the bottleneck moves the numbers, not how right "
              "they are."
            : NULL);
    measures(page);
    parts(page);
    definitions(h);
    nw_page_section_end(h);
}
