/* The involved share at other thresholds. */
#include "report/html_page.h"
#include "report/html_plot.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

static void table(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    nw_html_raw(h,
                "<details class=\"more\"><summary>Numbers of the sweep</summary>\n<div class=\"wide\"><table "
                "id=\"sweep-table\"><thead><tr><th scope=\"col\">Threshold <small>bit/mL</small></th><th "
                "scope=\"col\">Share</th><th scope=\"col\">Right</th><th scope=\"col\">Left</th><th "
                "scope=\"col\">Involved <small>mL</small></th><th scope=\"col\">Lesions</th><th "
                "scope=\"col\">Grade</th><th scope=\"col\">Zones</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < s->sweep_count; i++) {
        const nw_sweep_point *p = &s->sweep[i];
        nw_html_raw(h, "<tr><th scope=\"row\">");
        nw_html_value(h, p->threshold, 3, NULL);
        nw_html_raw(h, "</th>");
        for (int side = 0; side < NW_SIDES; side++) {
            nw_html_raw(h, "<td>");
            nw_html_share(h, p->share[side]);
            nw_html_raw(h, "</td>");
        }
        nw_html_raw(h, "<td>");
        nw_html_value(h, p->involved_ml, 1, NULL);
        nw_html_raw(h, "</td><td>");
        nw_html_integer(h, (int64_t)p->lesions);
        nw_html_raw(h, "</td><td>CT-");
        nw_html_integer(h, p->grade);
        nw_html_raw(h, "</td><td>");
        nw_html_integer(h, p->zone_score);
        nw_html_raw(h, "</td></tr>\n");
    }
    nw_html_raw(h, "</tbody></table></div></details>\n");
}

static double top_of(const nw_study *s)
{
    double most = 0.1;
    for (size_t i = 0; i < s->sweep_count; i++)
        for (int side = 0; side < NW_SIDES; side++) most = fmax(most, s->sweep[i].share[side]);
    return most <= 0.25 ? 0.25 : most <= 0.5 ? 0.5 : most <= 0.75 ? 0.75 : 1;
}

static void label_thresholds(const nw_plot *plot)
{
    static const double digits[] = {1, 2, 5};
    char text[32];
    for (int power = (int)floor(log10(plot->x.low)); pow(10, power) <= plot->x.high; power++)
        for (int i = 0; i < 3; i++) {
            double value = digits[i] * pow(10, power);
            if (value < plot->x.low || value > plot->x.high) continue;
            snprintf(text, sizeof text, "%g", value);
            nw_plot_label_x(plot, value, text);
        }
}

static void draw(nw_page *page)
{
    const nw_study *s = page->study;
    const nw_sweep_point *p = s->sweep;
    const size_t stride = sizeof *p / sizeof(double);
    nw_plot plot = {
        &page->html, {p[0].threshold, p[s->sweep_count - 1].threshold, true}, {0, top_of(s), false}};
    char text[200];
    snprintf(text, sizeof text, "Involved share against the threshold, falling from %.1f %% to %.1f %%",
             100 * p[0].share[0], 100 * p[s->sweep_count - 1].share[0]);
    nw_plot_begin(&plot, "tall", text);
    for (double edge = 0.25; edge < plot.y.high; edge += 0.25)
        nw_plot_rect(&plot, "rule", plot.x.low, plot.x.high, edge, edge, NULL);
    static const char *const names[] = {"trace", "trace right", "trace left"};
    for (int side = NW_SIDES - 1; side >= 0; side--)
        nw_plot_line(&plot, names[side], &p->threshold, &p->share[side], stride, s->sweep_count);
    const double used[2] = {s->lesions->threshold, s->lesions->threshold}, height[2] = {0, plot.y.high};
    bool within = used[0] >= plot.x.low && used[0] <= plot.x.high;
    if (within) nw_plot_line(&plot, "used", used, height, 1, 2);
    for (size_t i = 0; i < s->sweep_count; i++) {
        snprintf(text, sizeof text, "%.3g bit/mL: %.1f %% involved, CT-%d, %zu lesions", p[i].threshold,
                 100 * p[i].share[0], p[i].grade, p[i].lesions);
        nw_plot_dot(&plot, "on", p[i].threshold, p[i].share[0], text);
    }
    if (within) nw_plot_dot(&plot, "here", used[0], s->severity.sides[0].share, NULL);
    nw_plot_labels(&plot);
    for (int i = 0; i <= 5; i++) {
        double value = plot.y.high * i / 5;
        snprintf(text, sizeof text, "%.0f", 100 * value);
        nw_plot_label_y(&plot, value, text);
    }
    if (within) {
        snprintf(text, sizeof text, "used: %.3g bit/mL", used[0]);
        nw_plot_note(&plot, used[0], plot.y.high * 0.9, text);
    }
    label_thresholds(&plot);
    nw_plot_end(&plot, "involved share in % by threshold in bit/mL");
}

void nw_page_sweep(nw_page *page)
{
    const nw_study *s = page->study;
    nw_html *h = &page->html;
    if (s->sweep_count < 2) return;
    h->where = "sweep";
    nw_page_section(h, "sweep", "If the threshold were another",
                    "A finding that hangs on one threshold shows here.");
    nw_html_raw(
        h,
        "<p class=\"legend\"><span class=\"both\">both lungs</span><span class=\"right\">right</span><span "
        "class=\"left\">left</span></p>\n");
    draw(page);
    table(page);
    nw_page_section_end(h);
}
