/* The report of a study while it is written. */
#ifndef NW_REPORT_HTML_PAGE_H
#define NW_REPORT_HTML_PAGE_H

#include "report/html_plane.h"
#include "report/ticks.h"

#include <narrows/report.h>
#include <narrows/study.h>

enum { NW_MAP_LEVELS = 64, NW_GREY_LEVELS = 64, NW_SHEET_MOST = 12, NW_SLICES_MOST = 60 };

typedef struct nw_page {
    nw_html html;
    const nw_study *study;
    const nw_page_options *options;
    nw_view view;
    nw_plane plane; /* of the slices */
    nw_crop crop;
    bool has_lungs;
    int64_t lungs_box[2][3]; /* voxels */
    double low_hu, high_hu;  /* black and white of the slices */
    double bar_high;         /* bits per mL at the top of the colour bar; 0: there are no bits */
    bool beyond;             /* the map has larger ones */
    nw_ticks ticks;          /* of the bar */
    unsigned char colours[NW_MAP_LEVELS][4];
    double label_mm;      /* height of the letters in a picture */
    double *involved_ml;  /* [slice_count] */
    int64_t *lung_voxels; /* [slice_count] */
} nw_page;

/* html_check.c: NW_NOT_FINITE for any number that is shown, NW_BAD_INPUT for parts that do not fit. */
nw_status nw_page_check(const nw_study *study, nw_error *err);

/* html_prepare.c */
nw_status nw_page_prepare(nw_page *page, nw_error *err);
void nw_page_release(nw_page *page);
/* Slices for the sheet: those that matter (chosen[s] = 2), others that are shown below (1). */
nw_status nw_page_choose(const nw_page *page, unsigned char *chosen, nw_error *err);

/* The sections, each with its heading. */
void nw_page_headline(nw_page *page);    /* html_headline.c */
void nw_page_predictions(nw_page *page); /* html_predictions.c */
void nw_page_slices(nw_page *page);      /* html_slices.c */
void nw_page_projections(nw_page *page); /* html_projections.c */
void nw_page_lesions(nw_page *page);     /* html_lesions.c */
void nw_page_severity(nw_page *page);    /* html_severity.c */
void nw_page_sweep(nw_page *page);       /* html_sweep.c */
void nw_page_method(nw_page *page);      /* html_method.c */

/* html_picture.c: a layered picture: CT, map over it, and an SVG in mm that stays open until
 * nw_picture_close. grey and map are [rows][columns] of the crop; map is in bits per mL, NULL for none. */
void nw_page_picture_open(nw_page *page, const nw_plane *plane, const nw_crop *crop, int most,
                          const float *grey, double low, double high, const float *map, const char *alt);
/* A lesion's box; first and last pixel of the crop. */
void nw_page_box(nw_page *page, const nw_plane *plane, const nw_crop *crop, int64_t box[2][2], int label);
void nw_page_outline(nw_page *page, const nw_plane *plane, const nw_crop *crop, const unsigned char *mask,
                     const char *class);
void nw_page_picture_close(nw_page *page, const nw_plane *plane, const nw_crop *crop);
void nw_page_bar(nw_page *page);

/* html_words.c: the grade and numbers in words. */
const char *nw_grade_text(int grade);
void nw_page_section(nw_html *html, const char *id, const char *title, const char *lead);
void nw_page_section_end(nw_html *html);

#endif
