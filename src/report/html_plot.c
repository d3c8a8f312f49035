#include "report/html_plot.h"

#include <math.h>

enum { WIDE = 1000, HIGH = 400 }; /* of the SVG's own coordinates */

static double at(const nw_axis *axis, double value)
{
    double low = axis->low, high = axis->high;
    if (axis->log) {
        low = log(low);
        high = log(high);
        value = log(value);
    }
    return high > low ? (value - low) / (high - low) : 0.5;
}

static double px(const nw_plot *plot, double x)
{
    return WIDE * at(&plot->x, x);
}

static double py(const nw_plot *plot, double y)
{
    return HIGH * (1 - at(&plot->y, y));
}

void nw_plot_begin(const nw_plot *plot, const char *class, const char *label)
{
    nw_html *h = plot->html;
    nw_html_format(
        h,
        "<div class=\"plot %s\"><div class=\"area\"><svg role=\"img\" preserveAspectRatio=\"none\" "
        "viewBox=\"0 0 %d %d\" aria-label=\"",
        class, WIDE, HIGH);
    nw_html_text(h, label);
    nw_html_raw(h, "\">");
}

static void point(const nw_plot *plot, double x, double y)
{
    nw_html_coordinate(plot->html, px(plot, x));
    nw_html_raw(plot->html, " ");
    nw_html_coordinate(plot->html, py(plot, y));
}

void nw_plot_line(const nw_plot *plot, const char *class, const double *x, const double *y, size_t stride,
                  size_t count)
{
    nw_html *h = plot->html;
    bool on = false; /* NaN is a gap */
    nw_html_format(h, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count; i++) {
        double vx = x[i * stride], vy = y[i * stride];
        if (isnan(vy)) {
            on = false;
            continue;
        }
        nw_html_raw(h, on ? "L" : "M");
        point(plot, vx, vy);
        on = true;
    }
    nw_html_raw(h, "\"/>");
}

void nw_plot_band(const nw_plot *plot, const char *class, const double *x, const double *low,
                  const double *high, size_t count)
{
    nw_html *h = plot->html;
    nw_html_format(h, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0, j; i < count; i = j + 1) {
        for (j = i; j < count && !isnan(low[j]) && !isnan(high[j]); j++) {
            nw_html_raw(h, j > i ? "L" : "M");
            point(plot, x[j], high[j]);
        }
        for (size_t k = j; k > i; k--) {
            nw_html_raw(h, "L");
            point(plot, x[k - 1], low[k - 1]);
        }
        if (j > i) nw_html_raw(h, "Z");
    }
    nw_html_raw(h, "\"/>");
}

static void titled(nw_html *h, const char *element, const char *title)
{
    if (title) {
        nw_html_raw(h, "><title>");
        nw_html_text(h, title);
        nw_html_format(h, "</title></%s>", element);
    } else {
        nw_html_raw(h, "/>");
    }
}

void nw_plot_rect(const nw_plot *plot, const char *class, double x0, double x1, double y0, double y1,
                  const char *title)
{
    nw_html *h = plot->html;
    double left = px(plot, x0), right = px(plot, x1), top = py(plot, y1), bottom = py(plot, y0);
    nw_html_format(h, "<rect class=\"%s\" x=\"", class);
    nw_html_coordinate(h, left);
    nw_html_raw(h, "\" y=\"");
    nw_html_coordinate(h, top);
    nw_html_raw(h, "\" width=\"");
    nw_html_coordinate(h, fmax(0, right - left));
    nw_html_raw(h, "\" height=\"");
    nw_html_coordinate(h, fmax(0, bottom - top));
    nw_html_raw(h, "\"");
    titled(h, "rect", title);
}

void nw_plot_dot(const nw_plot *plot, const char *class, double x, double y, const char *title)
{
    nw_html *h = plot->html;
    /* A line of no length with round ends stays round however the picture is stretched. */
    nw_html_format(h, "<path class=\"dot %s\" d=\"M", class);
    point(plot, x, y);
    nw_html_raw(h, "h0\"");
    titled(h, "path", title);
}

void nw_plot_labels(const nw_plot *plot)
{
    nw_html_raw(plot->html, "</svg>");
}

static void label(nw_html *h, const char *class, const char *side, double place, const char *text)
{
    nw_html_format(h, "<span class=\"%s\" style=\"%s:", class, side);
    nw_html_coordinate(h, 100 * place);
    nw_html_raw(h, "%\">");
    nw_html_text(h, text);
    nw_html_raw(h, "</span>");
}

void nw_plot_label_x(const nw_plot *plot, double x, const char *text)
{
    label(plot->html, "x", "left", at(&plot->x, x), text);
}

void nw_plot_label_y(const nw_plot *plot, double y, const char *text)
{
    label(plot->html, "y", "bottom", at(&plot->y, y), text);
}

void nw_plot_note(const nw_plot *plot, double x, double y, const char *text)
{
    nw_html *h = plot->html;
    double place = at(&plot->x, x);
    bool right = place > 0.6;
    nw_html_format(h, "<span class=\"note\" style=\"%s:", right ? "right" : "left");
    nw_html_coordinate(h, 100 * (right ? 1 - place : place));
    nw_html_raw(h, "%;bottom:");
    nw_html_coordinate(h, 100 * at(&plot->y, y));
    nw_html_raw(h, "%\">");
    nw_html_text(h, text);
    nw_html_raw(h, "</span>");
}

void nw_plot_end(const nw_plot *plot, const char *x_title)
{
    nw_html_raw(plot->html, "</div><p class=\"axis\">");
    nw_html_text(plot->html, x_title);
    nw_html_raw(plot->html, "</p></div>\n");
}
