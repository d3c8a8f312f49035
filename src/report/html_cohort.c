/* The page of many studies. */
#include "report/html_page.h"
#include "report/html_plot.h"

#include <math.h>
#include <stdio.h>

enum { MOST_BINS = 20, GRADES = 5 };

static nw_status check(const nw_cohort_study *studies, size_t count, const char *path, nw_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const nw_cohort_study *s = &studies[i];
        if (s->error) continue;
        bool fine = isfinite(s->share) && isfinite(s->lung_ml) && isfinite(s->involved_ml) &&
                    isfinite(s->bits_per_litre) && !isinf(s->max_probability) && !isinf(s->share_low) &&
                    !isinf(s->share_high);
        if (!fine)
            return nw_fail(err, NW_NOT_FINITE, "%s: a number of study %zu ('%s') is not finite", path, i + 1,
                           s->name ? s->name : "");
        if (s->share < 0 || s->share > 1 || s->grade < 0 || s->grade >= GRADES)
            return nw_fail(err, NW_BAD_INPUT, "%s: study %zu ('%s') has a share of %g and grade %d", path,
                           i + 1, s->name ? s->name : "", s->share, s->grade);
    }
    return NW_OK;
}

static void histogram(nw_html *h, const nw_cohort_study *studies, size_t count)
{
    size_t bins[MOST_BINS] = {0}, most = 0, with = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        if (!studies[i].error) largest = fmax(largest, studies[i].share);
    /* Bars of 5 %, or of 1 % where no study has more than 20 %. */
    double wide = largest <= 0.2 ? 0.01 : 0.05;
    for (size_t i = 0; i < count; i++) {
        if (studies[i].error) continue;
        int bin = (int)(studies[i].share / wide + 1e-9);
        bin = bin < MOST_BINS ? bin : MOST_BINS - 1;
        bins[bin]++;
        with++;
        most = bins[bin] > most ? bins[bin] : most;
    }
    if (!with) return;
    char text[96];
    double high = MOST_BINS * wide;
    nw_plot plot = {h, {0, high, false}, {0, (double)most * 1.08, false}};
    nw_html_raw(h, "<section id=\"shares\" aria-labelledby=\"shares-title\"><h2 id=\"shares-title\">Involved "
                   "share</h2>\n");
    snprintf(text, sizeof text, "How many of %zu studies have which involved share", with);
    nw_plot_begin(&plot, "tall", text);
    for (int b = 0; b < MOST_BINS; b++) {
        if (!bins[b]) continue;
        snprintf(text, sizeof text, "%.0f to %.0f %%: %zu %s", 100 * b * wide, 100 * (b + 1) * wide, bins[b],
                 bins[b] == 1 ? "study" : "studies");
        nw_plot_rect(&plot, "column", (b + 0.06) * wide, (b + 0.94) * wide, 0, (double)bins[b], text);
    }
    nw_plot_labels(&plot);
    nw_ticks ticks;
    nw_ticks_make((double)most, NULL, 4, &ticks);
    for (int i = 0; i < ticks.count; i++)
        if (ticks.value[i] == floor(ticks.value[i])) nw_plot_label_y(&plot, ticks.value[i], ticks.text[i]);
    for (int i = 0; i <= 4; i++) {
        snprintf(text, sizeof text, "%.0f", 25 * i * high);
        nw_plot_label_x(&plot, high * i / 4, text);
    }
    nw_plot_end(&plot, "studies by involved share in %");
    nw_html_raw(h, "</section>\n");
}

static void cell(nw_html *h, double value, int decimals)
{
    nw_html_raw(h, "<td>");
    nw_html_value(h, value, decimals, NULL);
    nw_html_raw(h, "</td>");
}

static void name_cell(nw_html *h, const nw_cohort_study *s)
{
    const char *name = s->name && s->name[0] ? s->name : "(without a name)";
    nw_html_raw(h, "<th scope=\"row\" class=\"word\">");
    if (s->link) {
        nw_html_raw(h, "<a href=\"");
        nw_html_link(h, s->link);
        nw_html_raw(h, "\">");
    }
    nw_html_text(h, name);
    nw_html_raw(h, s->link ? "</a></th>" : "</th>");
}

static void row(nw_html *h, const nw_cohort_study *s)
{
    nw_html_raw(h, "<tr>");
    name_cell(h, s);
    nw_html_raw(h, "<td>CT-");
    nw_html_integer(h, s->grade);
    nw_html_raw(h, "</td><td>");
    nw_html_share(h, s->share);
    nw_html_raw(h, "</td><td class=\"range\">");
    if (isnan(s->share_low) || isnan(s->share_high)) {
        nw_html_raw(h, "\xe2\x80\x93");
    } else {
        nw_html_percent(h, s->share_low);
        nw_html_raw(h, " <small>to</small> ");
        nw_html_share(h, s->share_high);
    }
    nw_html_raw(h, "</td><td class=\"meter\"><i style=\"width:");
    nw_html_coordinate(h, 100 * s->share);
    nw_html_raw(h, "%\"></i></td><td>");
    nw_html_integer(h, s->zone_score);
    nw_html_raw(h, "</td>");
    cell(h, s->lung_ml / 1000, 2);
    cell(h, s->involved_ml, 1);
    nw_html_raw(h, "<td>");
    nw_html_integer(h, (int64_t)s->lesions);
    nw_html_raw(h, "</td>");
    cell(h, s->bits_per_litre, 1);
    nw_html_raw(h, "<td>");
    if (isnan(s->max_probability))
        nw_html_raw(h, "\xe2\x80\x93");
    else
        nw_html_value(h, s->max_probability, 2, NULL);
    nw_html_raw(h, "</td><td>");
    nw_html_integer(h, (int64_t)s->warnings);
    nw_html_raw(h, "</td></tr>\n");
}

static void table(nw_html *h, const nw_cohort_study *studies, size_t count)
{
    nw_html_raw(
        h, "<section id=\"studies\" aria-labelledby=\"studies-title\"><h2 id=\"studies-title\">Studies</h2>\n"
           "<div class=\"wide\"><table id=\"cohort-table\" class=\"sortable\"><thead><tr><th scope=\"col\" "
           "class=\"word\">Study</th><th scope=\"col\">Grade</th><th scope=\"col\">Involved</th><th "
           "scope=\"col\" class=\"fixed\">Interval</th><th scope=\"col\" class=\"fixed\"><span "
           "class=\"quiet\">as a bar</span></th><th scope=\"col\">Zones <small>of 24</small></th><th "
           "scope=\"col\">Lungs <small>L</small></th><th scope=\"col\">Involved <small>mL</small></th><th "
           "scope=\"col\">Lesions</th><th scope=\"col\">bit/L</th><th scope=\"col\">Highest "
           "<small>p</small></th><th scope=\"col\">Notes</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++)
        if (!studies[i].error) row(h, &studies[i]);
    nw_html_raw(h, "</tbody></table></div></section>\n");
}

static void failures(nw_html *h, const nw_cohort_study *studies, size_t count)
{
    nw_html_raw(
        h, "<section id=\"failed\" aria-labelledby=\"failed-title\"><h2 id=\"failed-title\">Failed</h2>\n"
           "<div class=\"wide\"><table id=\"failed-table\"><thead><tr><th scope=\"col\" "
           "class=\"word\">Study</th><th scope=\"col\" class=\"word\">Why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        if (!studies[i].error) continue;
        nw_html_raw(h, "<tr>");
        name_cell(h, &studies[i]);
        nw_html_raw(h, "<td class=\"word\">");
        nw_html_text(h, studies[i].error);
        nw_html_raw(h, "</td></tr>\n");
    }
    nw_html_raw(h, "</tbody></table></div></section>\n");
}

static void grades(nw_html *h, const nw_cohort_study *studies, size_t count, size_t failed)
{
    size_t with[GRADES] = {0};
    for (size_t i = 0; i < count; i++)
        if (!studies[i].error) with[studies[i].grade]++;
    nw_html_raw(h, "<dl class=\"keys\">\n<div><dt>Studies</dt><dd>");
    nw_html_integer(h, (int64_t)count);
    nw_html_raw(h, "</dd></div>\n");
    for (int grade = 0; grade < GRADES; grade++) {
        nw_html_format(h, "<div><dt>CT-%d</dt><dd>", grade);
        nw_html_integer(h, (int64_t)with[grade]);
        nw_html_raw(h, "</dd></div>\n");
    }
    if (failed) {
        nw_html_raw(h, "<div class=\"bad\"><dt><a href=\"#failed\">Failed</a></dt><dd>");
        nw_html_integer(h, (int64_t)failed);
        nw_html_raw(h, "</dd></div>\n");
    }
    nw_html_raw(h, "</dl>\n");
}

nw_status nw_cohort_page_write(const nw_cohort_study *studies, size_t count, const char *title,
                               const char *path, nw_error *err)
{
    NW_TRY(check(studies, count, path, err));
    nw_html h = {.where = "cohort"};
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) failed += studies[i].error != NULL;
    title = title ? title : "Studies";
    nw_html_begin(&h, title);
    nw_html_raw(&h, "<header>\n<p class=\"eyebrow\">Narrows report of a cohort</p>\n<h1>");
    nw_html_text(&h, title);
    nw_html_raw(&h, "</h1>\n</header>\n");
    grades(&h, studies, count, failed);
    histogram(&h, studies, count);
    if (failed < count) table(&h, studies, count);
    if (failed) failures(&h, studies, count);
    nw_html_end(&h);
    nw_status status = nw_html_write(&h, path, err);
    nw_html_free(&h);
    return status;
}
