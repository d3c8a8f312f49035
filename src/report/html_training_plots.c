/* The ROC curve and the reliability diagram. */
#include "report/html_plot.h"
#include "report/html_training.h"

#include <stdio.h>

enum { TEXT = 200 };

static void frame(const nw_plot *plot)
{
    static const double ends[2] = {0, 1};
    for (int i = 1; i <= 4; i++) nw_plot_rect(plot, "rule", 0, 1, i / 4., i / 4., NULL);
    nw_plot_line(plot, "used", ends, ends, 1, 2);
}

static void labels(const nw_plot *plot)
{
    static const char *const texts[] = {"0", "25", "50", "75", "100"};
    nw_plot_labels(plot);
    for (int i = 0; i <= 4; i++) {
        nw_plot_label_x(plot, i / 4., texts[i]);
        nw_plot_label_y(plot, i / 4., texts[i]);
    }
}

static void roc(nw_html *h, const nw_training_page *t)
{
    const nw_plot plot = {h, {0, 1, false}, {0, 1, false}};
    nw_html_raw(h, "<div id=\"roc\"><h3>ROC curve</h3>\n");
    nw_plot_begin(&plot, "square", "ROC curve: sensitivity against the false positive rate");
    frame(&plot);
    nw_plot_line(&plot, "trace", t->false_positive, t->true_positive, 1, t->roc_count);
    labels(&plot);
    nw_plot_end(&plot, "sensitivity in % by false positives in %; dashed: chance");
    nw_html_raw(h, "</div>\n");
}

static void reliability(nw_html *h, const nw_training_page *t)
{
    const nw_plot plot = {h, {0, 1, false}, {0, 1, false}};
    char text[TEXT];
    nw_html_raw(h, "<div id=\"reliability\"><h3>Reliability</h3>\n");
    nw_plot_begin(&plot, "square", "Reliability diagram: observed share against predicted probability");
    for (size_t i = 0; i < t->bin_count; i++) {
        const nw_calibration_bin *b = &t->bins[i];
        if (b->count) nw_plot_rect(&plot, "column pale", b->low, b->high, 0, b->share, NULL);
    }
    frame(&plot);
    for (size_t i = 0; i < t->bin_count; i++) {
        const nw_calibration_bin *b = &t->bins[i];
        if (!b->count) continue;
        snprintf(text, sizeof text, "%zu %s predicted at %.1f %%: %.1f %% observed", b->count,
                 b->count == 1 ? "sample" : "samples", 100 * b->probability, 100 * b->share);
        nw_plot_dot(&plot, "on", b->probability, b->share, text);
    }
    labels(&plot);
    nw_plot_end(&plot, "observed in % by predicted in %; dashed: as predicted");
    nw_html_raw(h, "</div>\n");
}

void nw_training_plots(nw_html *h, const nw_training_page *t)
{
    if (!t->roc_count && !t->bin_count) return;
    h->where = "plots";
    nw_html_raw(h, "<div class=\"pair\">\n");
    if (t->roc_count) roc(h, t);
    if (t->bin_count) reliability(h, t);
    nw_html_raw(h, "</div>\n");
}
