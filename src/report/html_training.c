/* The page of a training: results, curves, data, settings. */
#include "report/html_training.h"

#include "report/html_page.h"

static const char *const dash = "\xe2\x80\x93";

static void head(nw_html *h, const nw_training_page *t, const char *title)
{
    nw_html_raw(h, "<header>\n<p class=\"eyebrow\">Narrows report of a training</p>\n<h1>");
    nw_html_text(h, title);
    nw_html_raw(h, "</h1>\n<p class=\"facts\">");
    for (size_t i = 0; i < t->fact_count; i++) {
        nw_html_raw(h, i ? " <span>" : "<span>");
        nw_html_text(h, t->facts[i].name);
        nw_html_raw(h, " ");
        nw_html_text(h, t->facts[i].value);
        nw_html_raw(h, "</span>");
    }
    nw_html_raw(h, "</p>\n</header>\n");
}

static void value(nw_html *h, double number)
{
    nw_html_value(h, number, nw_training_decimals(number), NULL);
}

static void range(nw_html *h, const nw_estimate *e)
{
    value(h, e->low);
    nw_html_raw(h, " <small>to</small> ");
    value(h, e->high);
}

static void duration(nw_html *h, double seconds)
{
    if (seconds < 120)
        nw_html_value(h, seconds, 0, "s");
    else if (seconds < 7200)
        nw_html_value(h, seconds / 60, 1, "min");
    else
        nw_html_value(h, seconds / 3600, 1, "h");
}

static void keys(nw_html *h, const nw_training_page *t)
{
    double seconds = 0;
    const nw_epoch *last = &t->epochs[t->epoch_count - 1];
    for (size_t i = 0; i < t->epoch_count; i++) seconds += t->epochs[i].seconds;
    h->where = "head";
    nw_html_raw(h, "<dl class=\"keys\">\n");
    if (t->result_count && !t->results[0].estimate.score.undefined) {
        nw_html_raw(h, "<div><dt>");
        nw_html_text(h, t->results[0].name);
        nw_html_raw(h, "</dt><dd>");
        value(h, t->results[0].estimate.score.value);
        nw_html_raw(h, "</dd><dd><small>");
        range(h, &t->results[0].estimate);
        nw_html_raw(h, "</small></dd></div>\n");
    }
    nw_html_raw(h, "<div><dt>Epochs</dt><dd>");
    nw_html_integer(h, (int64_t)t->epoch_count);
    nw_html_raw(h, "</dd></div>\n");
    if (t->best_epoch > 0) {
        nw_html_raw(h, "<div><dt>Kept epoch</dt><dd>");
        nw_html_integer(h, t->best_epoch);
        nw_html_raw(h, "</dd></div>\n");
    }
    nw_html_raw(h, "<div><dt>Steps</dt><dd>");
    nw_html_integer(h, last->step);
    nw_html_raw(h, "</dd></div>\n<div><dt>Time</dt><dd>");
    duration(h, seconds);
    nw_html_raw(h, "</dd></div>\n<div><dt>Speed</dt><dd>");
    nw_html_value(h, last->images_per_second, last->images_per_second < 10 ? 1 : 0, "images/s");
    nw_html_raw(h, "</dd></div>\n</dl>\n");
}

static void warnings(nw_html *h, const nw_training_page *t)
{
    if (!t->warning_count) return;
    nw_html_raw(h, "<div class=\"warnings\"><h2>To be aware of</h2><ul>\n");
    for (size_t i = 0; i < t->warning_count; i++) {
        nw_html_raw(h, "<li>");
        nw_html_text(h, t->warnings[i]);
        nw_html_raw(h, "</li>\n");
    }
    nw_html_raw(h, "</ul></div>\n");
}

static void result_row(nw_html *h, const nw_training_result *r)
{
    const nw_estimate *e = &r->estimate;
    nw_html_raw(h, "<tr><th scope=\"row\" class=\"word\">");
    nw_html_text(h, r->name);
    nw_html_raw(h, "</th><td>");
    if (e->score.undefined)
        nw_html_raw(h, dash);
    else
        value(h, e->score.value);
    nw_html_raw(h, "</td><td class=\"range\">");
    if (e->score.undefined)
        nw_html_raw(h, dash);
    else
        range(h, e);
    nw_html_raw(h, "</td><td>");
    nw_html_integer(h, (int64_t)e->count);
    nw_html_raw(h, "</td><td class=\"word\">");
    if (e->score.undefined) nw_html_text(h, e->score.undefined);
    if (!e->score.undefined && e->undefined_draws)
        nw_html_format(h, "%d resamples had no value", e->undefined_draws);
    nw_html_raw(h, "</td></tr>\n");
}

static void results(nw_html *h, const nw_training_page *t)
{
    if (!t->result_count && !t->roc_count && !t->bin_count) return;
    h->where = "results";
    nw_page_section(h, "results", "Results", NULL);
    if (t->results_of) {
        nw_html_raw(h, "<p class=\"lead\">Measured on the ");
        nw_html_text(h, t->results_of);
        nw_html_raw(h, ".</p>\n");
    }
    if (t->result_count) {
        nw_html_raw(h, "<div class=\"wide\"><table id=\"result-table\"><thead><tr><th scope=\"col\" "
                       "class=\"word\">Metric</th><th scope=\"col\">Value</th><th scope=\"col\">95 % "
                       "interval</th><th scope=\"col\">Samples</th><th scope=\"col\" class=\"word\"><span "
                       "class=\"quiet\">Notes</span></th></tr></thead><tbody>\n");
        for (size_t i = 0; i < t->result_count; i++) result_row(h, &t->results[i]);
        nw_html_raw(h, "</tbody></table></div>\n");
    }
    nw_training_plots(h, t);
    nw_page_section_end(h);
}

static void data_row(nw_html *h, const nw_training_page *t, const nw_training_split *s)
{
    int64_t all = 0;
    nw_html_raw(h, "<tr><th scope=\"row\" class=\"word\">");
    nw_html_text(h, s->name);
    nw_html_raw(h, "</th>");
    for (size_t c = 0; c < t->class_count; c++) {
        nw_html_raw(h, "<td>");
        nw_html_integer(h, s->counts[c]);
        nw_html_raw(h, "</td>");
        all += s->counts[c];
    }
    nw_html_raw(h, "<td>");
    nw_html_integer(h, all);
    nw_html_raw(h, "</td><td>");
    if (s->groups > 0)
        nw_html_integer(h, s->groups);
    else
        nw_html_raw(h, dash);
    nw_html_raw(h, "</td></tr>\n");
}

static void data(nw_html *h, const nw_training_page *t)
{
    if (!t->split_count) return;
    h->where = "data";
    nw_page_section(h, "data", "Data", "Samples by split and class.");
    nw_html_raw(h, "<div class=\"wide\"><table id=\"data-table\"><thead><tr><th scope=\"col\" "
                   "class=\"word\">Split</th>");
    for (size_t c = 0; c < t->class_count; c++) {
        nw_html_raw(h, "<th scope=\"col\">");
        nw_html_text(h, t->classes[c]);
        nw_html_raw(h, "</th>");
    }
    nw_html_raw(h, "<th scope=\"col\">All</th><th scope=\"col\">Groups</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < t->split_count; i++) data_row(h, t, &t->splits[i]);
    nw_html_raw(h, "</tbody></table></div>\n");
    nw_page_section_end(h);
}

static void settings(nw_html *h, const nw_training_page *t)
{
    if (!t->setting_count && !t->file_count) return;
    h->where = "settings";
    nw_page_section(h, "settings", "How it was trained", NULL);
    if (t->setting_count) {
        nw_html_raw(h, "<div class=\"wide\"><table id=\"settings-table\" class=\"settings\"><tbody>\n");
        for (size_t i = 0; i < t->setting_count; i++) {
            nw_html_raw(h, "<tr><th scope=\"row\">");
            nw_html_text(h, t->settings[i].name);
            nw_html_raw(h, "</th><td>");
            nw_html_text(h, t->settings[i].value);
            nw_html_raw(h, "</td></tr>\n");
        }
        nw_html_raw(h, "</tbody></table></div>\n");
    }
    if (t->file_count) {
        nw_html_raw(h, "<p class=\"files\">Files:");
        for (size_t i = 0; i < t->file_count; i++) {
            nw_html_raw(h, " <a href=\"");
            nw_html_link(h, t->files[i].value);
            nw_html_raw(h, "\">");
            nw_html_text(h, t->files[i].name);
            nw_html_raw(h, "</a>");
        }
        nw_html_raw(h, "</p>\n");
    }
    nw_page_section_end(h);
}

nw_status nw_training_page_write(const nw_training_page *t, const char *path, nw_error *err)
{
    nw_status status = nw_training_check(t, err);
    if (status != NW_OK) return nw_fail_within(err, status, "%s", path);
    nw_html h = {.where = "training"};
    const char *title = t->name ? t->name : "Training";
    nw_html_begin(&h, title);
    head(&h, t, title);
    keys(&h, t);
    warnings(&h, t);
    results(&h, t);
    nw_training_curves(&h, t);
    data(&h, t);
    settings(&h, t);
    nw_html_end_about(&h,
                      "This page shows how a classifier was trained and how it did on the data named here. "
                      "It does not show that it holds for other data or is fit for diagnosis.");
    status = nw_html_write(&h, path, err);
    nw_html_free(&h);
    return status;
}
