/* The prediction of each slice along the study. */
#include "base/memory.h"
#include "report/html_page.h"
#include "report/html_plot.h"

#include <math.h>
#include <stdio.h>

enum { LABELS = 8 };
static const char *const states[] = {
#define ROW(NAME, key, text) [NW_SLICE_##NAME] = text,
    NW_SLICE_LIST(ROW)
#undef ROW
};

static const char *state_text(nw_slice_state state)
{
    return (unsigned)state < sizeof states / sizeof states[0] ? states[state] : "";
}

/* About `wanted` whole numbers in even steps of 1, 2 or 5. */
static int64_t whole_step(int64_t n, int wanted)
{
    int64_t power = 1;
    for (;;) {
        static const int digits[] = {1, 2, 5};
        for (int i = 0; i < 3; i++)
            if (n / (digits[i] * power) <= wanted) return digits[i] * power;
        power *= 10;
    }
}

static void label_slices(const nw_plot *plot, int64_t n)
{
    char text[32];
    for (int64_t s = 0, step = whole_step(n, LABELS); s < n; s += step) {
        snprintf(text, sizeof text, "%lld", (long long)s);
        nw_plot_label_x(plot, (double)s, text);
    }
}

static double predicted(const nw_study_slice *slice, bool regression)
{
    return regression ? slice->score : slice->probability;
}

static void draw_line(nw_page *page, double *x, double *y)
{
    const nw_study *study = page->study;
    nw_html *h = &page->html;
    size_t n = study->slice_count;
    bool regression = study->head == NW_HEAD_REGRESSION;
    nw_plot plot = {h, {-0.5, (double)n - 0.5, false}, {0, 1, false}};
    char text[160];
    for (size_t s = 0; s < n; s++) {
        x[s] = (double)s;
        y[s] = predicted(&study->slices[s], regression);
        if (regression && !isnan(y[s])) {
            plot.y.low = fmin(plot.y.low, y[s]);
            plot.y.high = fmax(plot.y.high, y[s]);
        }
    }
    nw_plot_begin(&plot, "tall",
                  regression ? "The predicted quantity of each slice, from the first to the last"
                             : "Probability of each slice, from the first to the last");
    if (!isnan(study->gate))
        nw_plot_rect(&plot, "shade", -0.5, (double)n - 0.5, plot.y.low, study->gate, NULL);
    nw_plot_line(&plot, "trace", x, y, 1, n);
    for (size_t s = 0; s < n; s++) {
        if (isnan(y[s])) continue;
        snprintf(text, sizeof text, "Slice %zu: %.3f, %s", s, y[s],
                 study->slices[s].gated ? "below the gate" : state_text(study->slices[s].state));
        nw_plot_dot(&plot, study->slices[s].gated ? "off" : "on", x[s], y[s], text);
        if (study->slices[s].gated) nw_plot_dot(&plot, "hole", x[s], y[s], NULL);
    }
    nw_plot_labels(&plot);
    for (int i = 0; i <= 4; i++) {
        double value = plot.y.low + i * (plot.y.high - plot.y.low) / 4;
        snprintf(text, sizeof text, "%.2f", value);
        nw_plot_label_y(&plot, value, text);
    }
    if (!isnan(study->gate)) {
        snprintf(text, sizeof text, "gate %.2f", study->gate);
        nw_plot_note(&plot, (double)n - 0.5, study->gate, text);
    }
    label_slices(&plot, (int64_t)n);
    nw_plot_end(&plot, regression ? "predicted quantity by slice" : "probability by slice");
}

static void draw_bars(nw_page *page)
{
    const nw_study *study = page->study;
    size_t n = study->slice_count;
    double most = 0;
    char text[96];
    for (size_t s = 0; s < n; s++) most = fmax(most, page->involved_ml[s]);
    if (!(most > 0)) return;
    nw_ticks ticks;
    nw_ticks_make(most, NULL, 2, &ticks);
    nw_plot plot = {&page->html, {-0.5, (double)n - 0.5, false}, {0, most * 1.04, false}};
    nw_plot_begin(&plot, "short", "Involved volume of each slice in millilitres");
    for (size_t s = 0; s < n; s++) {
        if (!(page->involved_ml[s] > 0)) continue;
        snprintf(text, sizeof text, "Slice %zu: %.1f mL involved", s, page->involved_ml[s]);
        nw_plot_rect(&plot, "column", (double)s - 0.38, (double)s + 0.38, 0, page->involved_ml[s], text);
    }
    nw_plot_labels(&plot);
    for (int i = 0; i < ticks.count; i++) nw_plot_label_y(&plot, ticks.value[i], ticks.text[i]);
    label_slices(&plot, (int64_t)n);
    nw_plot_end(&plot, "involved mL by slice");
}

/* The numbers of the plot, for those who do not see it and for copying. */
static void table(nw_page *page)
{
    const nw_study *study = page->study;
    nw_html *h = &page->html;
    nw_html_raw(
        h, "<details class=\"more\"><summary>Numbers of every slice</summary>\n<div class=\"wide\"><table "
           "id=\"slice-table\"><thead><tr><th scope=\"col\">Slice</th><th scope=\"col\">Position "
           "<small>mm</small></th><th scope=\"col\">Probability</th><th scope=\"col\">Score</th><th "
           "scope=\"col\">Lung <small>mL</small></th><th scope=\"col\">Involved <small>mL</small></th><th "
           "scope=\"col\">Bits in lung</th><th scope=\"col\" class=\"word\">What was "
           "done</th></tr></thead><tbody>\n");
    for (size_t s = 0; s < study->slice_count; s++) {
        const nw_study_slice *slice = &study->slices[s];
        nw_html_raw(h, slice->gated ? "<tr class=\"off\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
        nw_html_integer(h, slice->index);
        nw_html_raw(h, "</th><td>");
        nw_html_value(h, slice->position_mm, 1, NULL);
        nw_html_raw(h, "</td><td>");
        if (isnan(slice->probability))
            nw_html_raw(h, "\xe2\x80\x93");
        else
            nw_html_value(h, slice->probability, 3, NULL);
        nw_html_raw(h, "</td><td>");
        if (isnan(slice->score))
            nw_html_raw(h, "\xe2\x80\x93");
        else
            nw_html_value(h, slice->score, 2, NULL);
        nw_html_raw(h, "</td><td>");
        nw_html_value(h, slice->lung_ml, 1, NULL);
        nw_html_raw(h, "</td><td>");
        nw_html_value(h, page->involved_ml[s], 1, NULL);
        nw_html_raw(h, "</td><td>");
        nw_html_value(h, slice->lung_bits, 1, NULL);
        nw_html_format(h, "</td><td class=\"word\">%s%s</td></tr>\n", state_text(slice->state),
                       slice->still_falling ? "; its bits were still falling" : "");
    }
    nw_html_raw(h, "</tbody></table></div></details>\n");
}

void nw_page_predictions(nw_page *page)
{
    const nw_study *study = page->study;
    nw_html *h = &page->html;
    size_t n = study->slice_count, below = 0;
    h->where = "predictions";
    double *values = nw_calloc(n, 2 * sizeof *values);
    if (!values) {
        nw_html_fail(h, NW_NO_MEMORY, "no memory for %zu slices", n);
        return;
    }
    for (size_t s = 0; s < n; s++) below += study->slices[s].gated != 0;
    nw_page_section(h, "prediction", "Prediction along the study", NULL);
    nw_html_raw(h, "<p class=\"lead\">");
    if (study->max_slice >= 0 && isfinite(study->max_probability)) {
        nw_html_raw(h, "Highest in slice ");
        nw_html_integer(h, study->max_slice);
        nw_html_raw(h, " (");
        nw_html_value(h, study->max_probability, 2, NULL);
        nw_html_raw(h, "). ");
    }
    if (isnan(study->gate)) {
        nw_html_raw(h, "Every slice counts: there is no gate.");
    } else if (!below) {
        nw_html_raw(h, "No slice is below the gate of ");
        nw_html_value(h, study->gate, 2, NULL);
        nw_html_raw(h, ".");
    } else {
        nw_html_format(h, "%zu slice%s below the gate of ", below, below == 1 ? " is" : "s are");
        nw_html_value(h, study->gate, 2, NULL);
        nw_html_raw(h, " (hollow): nothing in them counts as a lesion.");
    }
    nw_html_raw(h, "</p>\n");
    draw_line(page, values, values + n);
    draw_bars(page);
    table(page);
    nw_page_section_end(h);
    nw_free(values);
}
