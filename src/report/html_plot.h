/* Plots as SVG that stretches with the page, and labels as text beside it, which does not. */
#ifndef NW_REPORT_HTML_PLOT_H
#define NW_REPORT_HTML_PLOT_H

#include "report/html.h"

/* An axis from low to high, or their logarithms. */
typedef struct nw_axis {
    double low, high;
    bool log;
} nw_axis;

typedef struct nw_plot {
    nw_html *html;
    nw_axis x, y;
} nw_plot;

/* class: of the <div>; label: what the picture says, for those who cannot see it. */
void nw_plot_begin(const nw_plot *plot, const char *class, const char *label);
void nw_plot_line(const nw_plot *plot, const char *class, const double *x, const double *y, size_t stride,
                  size_t count);
/* What lies between two lines; NaN in either is a gap. */
void nw_plot_band(const nw_plot *plot, const char *class, const double *x, const double *low,
                  const double *high, size_t count);
/* A filled rectangle, such as a bar or a band. */
void nw_plot_rect(const nw_plot *plot, const char *class, double x0, double x1, double y0, double y1,
                  const char *title);
/* A dot, with a text that shows where the pointer rests (NULL: none). */
void nw_plot_dot(const nw_plot *plot, const char *class, double x, double y, const char *title);
/* Closes the SVG; labels follow, then nw_plot_end. */
void nw_plot_labels(const nw_plot *plot);
void nw_plot_label_x(const nw_plot *plot, double x, const char *text);
void nw_plot_label_y(const nw_plot *plot, double y, const char *text);
/* Inside the plot, above its point; from its left or right end. */
void nw_plot_note(const nw_plot *plot, double x, double y, const char *text);
void nw_plot_end(const nw_plot *plot, const char *x_title);

#endif
