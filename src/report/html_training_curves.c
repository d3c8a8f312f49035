/* What changed from epoch to epoch: losses, the metric with its interval, the learning rate. */
#include "base/memory.h"
#include "report/html_plot.h"
#include "report/html_training.h"
#include "report/ticks.h"

#include <math.h>
#include <stdio.h>

enum { MOST_DOTS = 80, TEXT = 200 };

typedef struct curves {
    nw_html *html;
    const nw_training_page *training;
    size_t count;
    double *epoch, *train, *validation, *metric, *low, *high, *rate; /* [count]; NaN: none */
} curves;

static nw_axis epochs_of(const curves *c)
{
    /* One epoch stands in the middle. */
    return c->count > 1 ? (nw_axis){1, (double)c->count, false} : (nw_axis){0, 2, false};
}

static void label_epochs(const nw_plot *plot)
{
    nw_ticks ticks;
    nw_ticks_between(plot->x.low, plot->x.high, 8, &ticks);
    for (int i = 0; i < ticks.count; i++)
        if (ticks.value[i] >= 1 && floor(ticks.value[i]) >= ticks.value[i])
            nw_plot_label_x(plot, ticks.value[i], ticks.text[i]);
}

/* The epoch whose weights were kept, as a line from bottom to top. */
static void best_line(const curves *c, const nw_plot *plot)
{
    const double best = (double)c->training->best_epoch;
    if (best > 0)
        nw_plot_line(plot, "used", (const double[]){best, best}, (const double[]){plot->y.low, plot->y.high},
                     1, 2);
}

static void best_note(const curves *c, const nw_plot *plot)
{
    char text[TEXT];
    if (c->training->best_epoch <= 0) return;
    snprintf(text, sizeof text, "kept: epoch %lld", (long long)c->training->best_epoch);
    nw_plot_note(plot, (double)c->training->best_epoch, plot->y.low + 0.86 * (plot->y.high - plot->y.low),
                 text);
}

static void rules(const nw_plot *plot, const nw_ticks *ticks)
{
    for (int i = 0; i < ticks->count; i++)
        if (ticks->value[i] > plot->y.low)
            nw_plot_rect(plot, "rule", plot->x.low, plot->x.high, ticks->value[i], ticks->value[i], NULL);
}

static void label_y(const nw_plot *plot, const nw_ticks *ticks)
{
    for (int i = 0; i < ticks->count; i++) nw_plot_label_y(plot, ticks->value[i], ticks->text[i]);
}

static void loss(const curves *c)
{
    double most = 0;
    char text[TEXT];
    bool validated = false;
    for (size_t i = 0; i < c->count; i++) {
        most = fmax(most, fmax(c->train[i], isnan(c->validation[i]) ? 0 : c->validation[i]));
        validated = validated || !isnan(c->validation[i]);
    }
    if (!(most > 0)) most = 1;
    nw_plot plot = {c->html, epochs_of(c), {0, 1.05 * most, false}};
    nw_ticks ticks;
    nw_ticks_make(most, NULL, 4, &ticks);
    nw_html_raw(c->html, "<h3>Loss</h3>\n<p class=\"legend\">");
    if (validated) nw_html_raw(c->html, "<span>validation</span>");
    nw_html_raw(c->html, "<span class=\"right\">training</span></p>\n");
    snprintf(text, sizeof text, "Loss by epoch: training from %.3g to %.3g", c->train[0],
             c->train[c->count - 1]);
    nw_plot_begin(&plot, "tall", text);
    rules(&plot, &ticks);
    best_line(c, &plot);
    nw_plot_line(&plot, "trace right", c->epoch, c->train, 1, c->count);
    nw_plot_line(&plot, "trace", c->epoch, c->validation, 1, c->count);
    for (size_t i = 0; i < c->count && c->count <= MOST_DOTS; i++) {
        bool both = !isnan(c->validation[i]);
        snprintf(text, sizeof text,
                 both ? "epoch %zu: training %.4g, validation %.4g" : "epoch %zu: training %.4g", i + 1,
                 c->train[i], c->validation[i]);
        nw_plot_dot(&plot, both ? "on" : "off", c->epoch[i], both ? c->validation[i] : c->train[i], text);
    }
    nw_plot_labels(&plot);
    label_y(&plot, &ticks);
    label_epochs(&plot);
    best_note(c, &plot);
    snprintf(text, sizeof text, "loss%s%s by epoch", ticks.unit[0] ? " " : "", ticks.unit);
    nw_plot_end(&plot, text);
}

/* An axis around all values, as far as numbers between 0 and 1 need it. */
static nw_axis metric_axis(const curves *c)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        if (isnan(c->metric[i])) continue;
        low = fmin(low, fmin(c->low[i], c->metric[i]));
        high = fmax(high, fmax(c->high[i], c->metric[i]));
    }
    if (low >= 0 && high <= 1)
        return (nw_axis){floor(low * 10) / 10 < 1 ? floor(low * 10) / 10 : 0.9, 1, false};
    double room = high > low ? 0.05 * (high - low) : fabs(high) / 10 + 0.1;
    return (nw_axis){low - room, high + room, false};
}

static void metric(const curves *c)
{
    size_t last = c->count;
    char text[TEXT];
    for (size_t i = 0; i < c->count; i++)
        if (!isnan(c->metric[i])) last = i;
    if (last == c->count) return;
    nw_plot plot = {c->html, epochs_of(c), metric_axis(c)};
    nw_ticks ticks;
    nw_ticks_between(plot.y.low, plot.y.high, 5, &ticks);
    nw_html_raw(c->html, "<h3>");
    nw_html_text(c->html, c->training->metric);
    nw_html_raw(c->html, " on the validation split</h3>\n");
    snprintf(text, sizeof text, "%.80s by epoch with its 95 %% interval, at last %.3g (%.3g to %.3g)",
             c->training->metric, c->metric[last], c->low[last], c->high[last]);
    nw_plot_begin(&plot, "tall", text);
    nw_plot_band(&plot, "band", c->epoch, c->low, c->high, c->count);
    rules(&plot, &ticks);
    best_line(c, &plot);
    nw_plot_line(&plot, "trace", c->epoch, c->metric, 1, c->count);
    for (size_t i = 0; i < c->count && c->count <= MOST_DOTS; i++) {
        if (isnan(c->metric[i])) continue;
        snprintf(text, sizeof text, "epoch %zu: %.4g (%.4g to %.4g)", i + 1, c->metric[i], c->low[i],
                 c->high[i]);
        nw_plot_dot(&plot, "on", c->epoch[i], c->metric[i], text);
    }
    nw_plot_labels(&plot);
    label_y(&plot, &ticks);
    label_epochs(&plot);
    nw_plot_end(&plot, "by epoch, with the 95 % interval");
}

static void rate(const curves *c)
{
    double most = 0;
    char text[TEXT];
    for (size_t i = 0; i < c->count; i++) most = fmax(most, c->rate[i]);
    if (!(most > 0)) return;
    nw_plot plot = {c->html, epochs_of(c), {0, 1.05 * most, false}};
    nw_ticks ticks;
    nw_ticks_make(most, NULL, 2, &ticks);
    nw_html_raw(c->html, "<h3>Learning rate</h3>\n");
    snprintf(text, sizeof text, "Learning rate by epoch, at most %.3g, at last %.3g", most,
             c->rate[c->count - 1]);
    nw_plot_begin(&plot, "short", text);
    nw_plot_line(&plot, "trace", c->epoch, c->rate, 1, c->count);
    if (c->count == 1) nw_plot_dot(&plot, "on", c->epoch[0], c->rate[0], NULL);
    nw_plot_labels(&plot);
    label_y(&plot, &ticks);
    label_epochs(&plot);
    snprintf(text, sizeof text, "learning rate%s%s by epoch", ticks.unit[0] ? " " : "", ticks.unit);
    nw_plot_end(&plot, text);
}

void nw_training_curves(nw_html *html, const nw_training_page *t)
{
    size_t n = t->epoch_count;
    double *values = nw_calloc(n, 7 * sizeof *values);
    if (!values) {
        nw_html_fail(html, NW_NO_MEMORY, "no memory for the curves of %zu epochs", n);
        return;
    }
    curves c = {.html = html, .training = t, .count = n};
    double **lists[] = {&c.epoch, &c.train, &c.validation, &c.metric, &c.low, &c.high, &c.rate};
    for (size_t i = 0; i < 7; i++) *lists[i] = values + i * n;
    for (size_t i = 0; i < n; i++) {
        const nw_epoch *e = &t->epochs[i];
        bool has = nw_training_has(t, e);
        const nw_estimate *m = has ? &e->metrics[t->metric_index] : NULL;
        c.epoch[i] = (double)e->epoch;
        c.train[i] = e->train_loss;
        c.validation[i] = e->validation_loss;
        c.metric[i] = has ? m->score.value : NAN;
        c.low[i] = has ? m->low : NAN;
        c.high[i] = has ? m->high : NAN;
        c.rate[i] = e->rate;
    }
    html->where = "curves";
    nw_html_raw(html, "<section id=\"curves\" aria-labelledby=\"curves-title\">\n"
                      "<h2 id=\"curves-title\">Epoch by epoch</h2>\n");
    loss(&c);
    metric(&c);
    rate(&c);
    nw_html_raw(html, "</section>\n");
    nw_free(values);
}
