/* Drawing on a picture: rectangles, anti-aliased strokes and text. Coordinates in pixels, the centre of the
 * first pixel at 0.5, 0.5. What falls outside is clipped. */
#ifndef NW_REPORT_CANVAS_H
#define NW_REPORT_CANVAS_H

#include "base/error.h"

#include <narrows/report.h>

typedef struct nw_rgb {
    unsigned char r, g, b;
} nw_rgb;

nw_status nw_picture_new(int width, int height, nw_rgb fill, nw_picture *out, nw_error *err);
/* Mixes a colour into a pixel: 0 leaves it, 1 replaces it. */
void nw_blend(nw_picture *picture, int x, int y, nw_rgb colour, double share);
void nw_fill(nw_picture *picture, int x, int y, int width, int height, nw_rgb colour);
void nw_frame(nw_picture *picture, int x, int y, int width, int height, nw_rgb colour);

/* Text whose capitals start at `y`; `unit` is the size of a grid step of the font in pixels. Cut off with an
 * ellipsis where it is wider than `width` (0: no limit). */
void nw_text(nw_picture *picture, double x, double y, double unit, const char *text, double width,
             nw_rgb colour);
double nw_text_width(const char *text, double unit);

#endif
