/* Writing of HTML: a growing text whose first error is kept, so that a page reads as straight-line code. */
#ifndef NW_REPORT_HTML_H
#define NW_REPORT_HTML_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct nw_html {
    char *data;
    size_t size, capacity;
    const char *where; /* what is being written, for the message about a number that is not finite */
    nw_status status;  /* of the first failure; later writes do nothing */
    nw_error error;
} nw_html;

void nw_html_free(nw_html *html);
void nw_html_fail(nw_html *html, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the page whole or not at all, or gives the error that was kept. */
nw_status nw_html_write(nw_html *html, const char *path, nw_error *err);

/* Adds what another page holds, and its failure; the other is freed. */
void nw_html_append(nw_html *html, nw_html *other);

/* Markup as it is. Only for text of our own. */
void nw_html_raw(nw_html *html, const char *markup);
/* The same by printf: whole numbers and texts of our own. */
void nw_html_format(nw_html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Any text, for content and attribute values: escaped, broken UTF-8 and control characters replaced. */
void nw_html_text(nw_html *html, const char *text);

/* A relative path for href="": escaped by the rules of URIs, so that it stays a path and cannot be a scheme.
 */
void nw_html_link(nw_html *html, const char *path);

/* Numbers: NaN and infinity fail the page. A decimal point whatever the locale. */
void nw_html_decimal(nw_html *html, double value, int decimals);
/* A coordinate in a picture, two decimals at most. */
void nw_html_coordinate(nw_html *html, double value);
/* <data value="..."> holds the number to nine digits, its content what a reader needs; the unit follows. */
void nw_html_value(nw_html *html, double value, int decimals, const char *unit);
void nw_html_integer(nw_html *html, int64_t value);
/* 0 .. 1 as per cent with one decimal, with the sign and without. */
void nw_html_share(nw_html *html, double share);
void nw_html_percent(nw_html *html, double share);

/* Pixels of one byte each: grey, or with `colours` > 0 an index into RGBA. */
typedef struct nw_raster {
    int width, height;
    unsigned char *pixels;
    int colours;
    const unsigned char (*rgba)[4];
} nw_raster;

/* A data URI of a PNG, to be put into quotes. */
void nw_html_png(nw_html *html, const nw_raster *raster);
/* The PNG alone; free() it. */
nw_status nw_raster_png(const nw_raster *raster, unsigned char **png, size_t *size, nw_error *err);

/* Head of a page up to <main>, and its end, with style and script inside. */
void nw_html_begin(nw_html *html, const char *title);
void nw_html_end(nw_html *html);
/* The same, with another sentence of our own about what the page shows. */
void nw_html_end_about(nw_html *html, const char *about);

/* Made from page.css and page.js: pieces, NULL at the end. */
extern const char *const nw_page_css[];
extern const char *const nw_page_js[];

#endif
