/* The page of a training while it is written. */
#ifndef NW_REPORT_HTML_TRAINING_H
#define NW_REPORT_HTML_TRAINING_H

#include "report/html.h"

#include <narrows/report.h>

/* html_training_curves.c: NW_NO_MEMORY is kept in html. */
void nw_training_curves(nw_html *html, const nw_training_page *training);
/* html_training_plots.c: the ROC curve and the reliability diagram, side by side. */
void nw_training_plots(nw_html *html, const nw_training_page *training);
/* html_training_check.c */
nw_status nw_training_check(const nw_training_page *training, nw_error *err);

/* Decimals with which a number of that size is shown. */
int nw_training_decimals(double value);
/* Whether the metrics of an epoch were measured, and that one is defined. */
bool nw_training_has(const nw_training_page *training, const nw_epoch *epoch);

#endif
