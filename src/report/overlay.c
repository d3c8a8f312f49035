/* The picture to look at: the image, the image under the map, a colour bar, a line above and one below. */
#include "base/memory.h"
#include "base/parallel.h"
#include "image/sort.h"
#include "report/canvas.h"
#include "report/resample.h"
#include "report/ticks.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 18,
    GAP = 12,
    BAR = 16,
    BAR_GAP = 18,
    TITLE = 40,
    FOOT = 38,
    LEAST_PANEL = 448,
    MOST_PANEL = 768,
    COVERS = 4096, /* steps too small to be seen */
};
static const nw_rgb paper = {0x14, 0x16, 0x1b}, ink = {0xea, 0xec, 0xf0}, faint = {0x9a, 0xa0, 0xac},
                    edge = {0x3a, 0x3e, 0x47}, outline = {0x54, 0xd6, 0xff};
static const double title_unit = 1.15, caption_unit = 1.0, tick_unit = 0.95;

/* What is drawn, in display pixels. */
typedef struct canvas {
    const nw_overlay *spec;
    nw_picture picture;
    int width, height; /* of a panel */
    float *image;      /* [height][width], 0..1 */
    float *map;        /* share of the colour bar, 0..1, or NULL */
    float *mask;       /* or NULL */
    float *found;      /* or NULL */
    double high;       /* value at the top of the colour bar */
    bool beyond;       /* the map has larger ones */
    unsigned char colours[256][3];
    double covers[COVERS]; /* cover() at evenly spaced shares */
} canvas;

/* How much of a colour covers the image: weak evidence leaves the anatomy visible. */
static double cover(double share)
{
    return 0.85 * pow(share, 0.7);
}

static nw_rgb mixed(double grey, const unsigned char colour[3], double share)
{
    double v = 255 * grey;
    return (nw_rgb){(unsigned char)lrint(v + share * (colour[0] - v)),
                    (unsigned char)lrint(v + share * (colour[1] - v)),
                    (unsigned char)lrint(v + share * (colour[2] - v))};
}

static nw_status check(const nw_overlay *spec, nw_error *err)
{
    if (!spec->image || spec->rows < 1 || spec->columns < 1 || spec->rows > 65536 || spec->columns > 65536)
        return nw_fail(err, NW_BAD_INPUT, "an overlay needs an image of 1 to 65536 rows and columns");
    for (int64_t i = 0; i < spec->rows * spec->columns; i++) {
        if (!isfinite(spec->image[i]))
            return nw_fail(err, NW_NOT_FINITE, "the image under a map is not finite");
        if (spec->map && !isfinite(spec->map[i])) return nw_fail(err, NW_NOT_FINITE, "a map is not finite");
        if ((spec->mask && !isfinite(spec->mask[i])) || (spec->found && !isfinite(spec->found[i])))
            return nw_fail(err, NW_NOT_FINITE, "a mask is not finite");
    }
    return NW_OK;
}

static void panel_size(const nw_overlay *spec, int *width, int *height)
{
    double aspect = spec->aspect > 0 && isfinite(spec->aspect) ? spec->aspect : 1;
    double rows = (double)spec->rows * (aspect > 1 ? aspect : 1);
    double h = spec->panel > 0 ? spec->panel : fmin(MOST_PANEL, fmax(LEAST_PANEL, rows));
    double w = h * (double)spec->columns / ((double)spec->rows * aspect);
    double widest = 1.6 * h;
    if (w > widest) {
        h *= widest / w;
        w = widest;
    }
    *width = (int)fmax(16, rint(w));
    *height = (int)fmax(16, rint(h));
}

static nw_status resized(const canvas *c, const float *src, float **dst, nw_error *err)
{
    size_t count = (size_t)c->width * (size_t)c->height;
    *dst = nw_calloc(count, sizeof **dst);
    if (!*dst) return nw_no_memory(err, count * sizeof **dst, "a picture");
    return nw_display_resize(src, c->spec->rows, c->spec->columns, *dst, c->height, c->width, err);
}

static float limited(float v, float low, float high)
{
    return v > low ? v < high ? v : high : low;
}

/* The top of the colour bar: as asked for, or a value that few pixels exceed, so that a lonely peak does not
 * leave everything else dark. */
static nw_status choose_high(canvas *c, nw_error *err)
{
    const double share = 0.998;
    size_t count = (size_t)c->spec->rows * (size_t)c->spec->columns;
    float *sorted = nw_calloc(2 * count, sizeof *sorted);
    if (!sorted) return nw_no_memory(err, 2 * count * sizeof *sorted, "a picture");
    memcpy(sorted, c->spec->map, count * sizeof *sorted);
    nw_sort_floats(sorted, sorted + count, (int64_t)count);
    double most = (double)sorted[count - 1], usual = (double)sorted[(size_t)(share * (double)(count - 1))];
    c->high = c->spec->high > 0 ? c->spec->high : usual > 0 ? usual : most;
    c->beyond = most > c->high * (1 + 1e-6);
    nw_free(sorted);
    return NW_OK;
}

/* A region in display pixels: inside is above 0.5. */
static nw_status region(const canvas *c, const float *src, float **dst, nw_error *err)
{
    if (!src) return NW_OK;
    NW_TRY(resized(c, src, dst, err));
    float most = 0;
    for (int64_t i = 0; i < c->spec->rows * c->spec->columns; i++) most = fmaxf(most, src[i]);
    for (int64_t i = 0; most > 0 && i < (int64_t)c->width * c->height; i++) (*dst)[i] /= most;
    return NW_OK;
}

static nw_status prepare(canvas *c, nw_error *err)
{
    const nw_overlay *spec = c->spec;
    int64_t count = (int64_t)c->width * c->height;
    for (int i = 0; i < 256; i++) NW_TRY(nw_colormap_rgb(spec->colormap, i / 255.0, c->colours[i], err));
    for (int i = 0; i < COVERS; i++) c->covers[i] = cover(i / (COVERS - 1.0));

    NW_TRY(resized(c, spec->image, &c->image, err));
    float low = spec->image[0], high = low;
    for (int64_t i = 1; i < spec->rows * spec->columns; i++) {
        low = spec->image[i] < low ? spec->image[i] : low;
        high = spec->image[i] > high ? spec->image[i] : high;
    }
    for (int64_t i = 0; i < count; i++)
        c->image[i] = high > low ? limited((c->image[i] - low) / (high - low), 0, 1) : 0.5f;

    if (spec->map) {
        NW_TRY(choose_high(c, err));
        NW_TRY(resized(c, spec->map, &c->map, err));
        for (int64_t i = 0; i < count; i++)
            c->map[i] = c->high > 0 ? limited((float)(c->map[i] / c->high), 0, 1) : 0;
    }
    NW_TRY(region(c, spec->mask, &c->mask, err));
    return region(c, spec->map ? spec->found : NULL, &c->found, err);
}

static bool on_outline(const canvas *c, const float *m, int x, int y)
{
    bool inside = m[y * c->width + x] > 0.5f;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int i = x + dx, j = y + dy;
            if (i < 0 || j < 0 || i >= c->width || j >= c->height) continue;
            if ((m[j * c->width + i] > 0.5f) != inside) return true;
        }
    return false;
}

typedef enum panel { PLAIN, MASK, MAP } panel;

typedef struct placed {
    canvas *c;
    const float *map;
    int left, top;
} placed;

static void draw_rows(void *context, size_t begin, size_t end)
{
    const placed *at = context;
    canvas *c = at->c;
    size_t wide = (size_t)c->width;
    for (size_t y = begin; y < end; y++) {
        const float *image = c->image + y * wide;
        unsigned char *p =
            c->picture.rgb + 3 * (((size_t)at->top + y) * (size_t)c->picture.width + (size_t)at->left);
        for (size_t x = 0; x < wide; x++, p += 3) {
            double share = at->map ? (double)at->map[y * wide + x] : 0;
            nw_rgb seen = mixed((double)image[x], c->colours[(int)lrint(255 * share)],
                                c->covers[(int)lrint((COVERS - 1) * share)]);
            p[0] = seen.r;
            p[1] = seen.g;
            p[2] = seen.b;
        }
    }
}

/* The image, under the map where there is one. */
static void draw_pixels(canvas *c, const float *map, int left, int top)
{
    placed at = {c, map, left, top};
    nw_parallel((size_t)c->height, 16, draw_rows, &at);
}

/* Where a region is, and its outline. */
static void draw_region(canvas *c, const float *m, double inside, nw_rgb colour, double line, int left,
                        int top)
{
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            if (m[(size_t)y * (size_t)c->width + (size_t)x] > 0.5f)
                nw_blend(&c->picture, left + x, top + y, colour, inside);
            if (on_outline(c, m, x, y)) nw_blend(&c->picture, left + x, top + y, colour, line);
        }
}

static void draw_panel(canvas *c, panel kind, int left, int top)
{
    draw_pixels(c, kind == MAP ? c->map : NULL, left, top);
    if (kind == MASK) draw_region(c, c->mask, 0.22, outline, 1, left, top);
    if (kind == MAP && c->found) draw_region(c, c->found, 0, ink, 0.9, left, top);
    nw_frame(&c->picture, left - 1, top - 1, c->width + 2, c->height + 2, edge);
}

static void draw_label(canvas *c, int left, int top, const char *label, nw_rgb colour)
{
    int wide = (int)fmin(c->width, 16 + nw_text_width(label, tick_unit));
    nw_fill(&c->picture, left, top, wide, 28, paper);
    nw_text(&c->picture, left + 8, top + 8, tick_unit, label, c->width - 16, colour);
}

static void draw_bar(canvas *c, int left, int top, const nw_ticks *ticks)
{
    int height = c->height - 30; /* room for the unit and the tip above */
    top += 30;
    for (int y = 0; y < height; y++) {
        double share = 1 - (double)y / (height - 1);
        const unsigned char *colour = c->colours[(int)lrint(255 * share)];
        for (int x = 0; x < BAR; x++)
            nw_blend(&c->picture, left + x, top + y, mixed(0.35, colour, cover(share)), 1);
    }
    nw_frame(&c->picture, left - 1, top - 1, BAR + 2, height + 2, edge);
    /* A tip where the map goes beyond the bar. */
    for (int y = 1; c->beyond && y <= BAR / 2; y++)
        for (int x = y; x < BAR - y; x++)
            nw_blend(&c->picture, left + x, top - 1 - y, mixed(0.35, c->colours[255], cover(1)), 1);
    for (int i = 0; i < ticks->count; i++) {
        double share = c->high > 0 ? ticks->value[i] / c->high : 0;
        int y = top + (int)lrint((1 - share) * (height - 1));
        nw_fill(&c->picture, left + BAR + 1, y, 5, 1, faint);
        nw_text(&c->picture, left + BAR + 10, y - 6 * tick_unit + 0.5, tick_unit, ticks->text[i], 0, ink);
    }
    nw_text(&c->picture, left, top - 28, tick_unit, ticks->unit, 0, ink);
}

static nw_status draw(canvas *c, nw_error *err)
{
    const nw_overlay *spec = c->spec;
    int panels = 1 + (spec->mask != NULL) + (spec->map != NULL);
    nw_ticks ticks = {0};
    double bar = 0;
    if (spec->map) {
        if (c->high > 0)
            nw_ticks_make(c->high, spec->unit, 5, &ticks);
        else
            ticks = (nw_ticks){.count = 1, .text = {"0"}};
        if (!(c->high > 0) && spec->unit) snprintf(ticks.unit, sizeof ticks.unit, "%s", spec->unit);
        for (int i = 0; i < ticks.count; i++)
            bar = fmax(bar, nw_text_width(ticks.text[i], tick_unit) + 10 + BAR);
        bar = BAR_GAP + fmax(bar, nw_text_width(ticks.unit, tick_unit));
    }
    int top = spec->title ? TITLE + 6 : MARGIN, bottom = spec->caption ? FOOT + 4 : MARGIN;
    int width = 2 * MARGIN + panels * c->width + (panels - 1) * GAP + (int)ceil(bar);
    int height = top + c->height + bottom;
    NW_TRY(nw_picture_new(width, height, paper, &c->picture, err));

    int left = MARGIN;
    draw_panel(c, PLAIN, left, top);
    if (spec->mask) {
        left += c->width + GAP;
        draw_panel(c, MASK, left, top);
        draw_label(c, left, top, spec->mask_label ? spec->mask_label : "mask", outline);
    }
    if (spec->map) {
        left += c->width + GAP;
        draw_panel(c, MAP, left, top);
        if (spec->found) draw_label(c, left, top, "found", ink);
        draw_bar(c, left + c->width + BAR_GAP, top, &ticks);
    }
    if (spec->title) nw_text(&c->picture, MARGIN, 17, title_unit, spec->title, width - 2 * MARGIN, ink);
    if (spec->caption)
        nw_text(&c->picture, MARGIN, height - 27, caption_unit, spec->caption, width - 2 * MARGIN, faint);
    return NW_OK;
}

nw_status nw_overlay_draw(const nw_overlay *overlay, nw_picture *out, nw_error *err)
{
    NW_TRY(check(overlay, err));
    canvas c = {.spec = overlay};
    panel_size(overlay, &c.width, &c.height);
    nw_status status = prepare(&c, err);
    if (status == NW_OK) status = draw(&c, err);
    nw_free(c.image);
    nw_free(c.map);
    nw_free(c.mask);
    nw_free(c.found);
    if (status == NW_OK)
        *out = c.picture;
    else
        nw_picture_free(&c.picture);
    return status;
}

nw_status nw_picture_sheet(const nw_picture *pictures, size_t count, int columns, nw_picture *out,
                           nw_error *err)
{
    if (count < 1) return nw_fail(err, NW_USAGE, "a sheet needs at least one picture");
    if (columns < 1) columns = (int)ceil(sqrt((double)count));
    int width = 0, height = 0;
    for (size_t i = 0; i < count; i++) {
        width = pictures[i].width > width ? pictures[i].width : width;
        height = pictures[i].height > height ? pictures[i].height : height;
    }
    size_t rows = (count + (size_t)columns - 1) / (size_t)columns;
    if (rows > 65536 / (size_t)height || columns > 65536 / width)
        return nw_fail(err, NW_BAD_INPUT, "a sheet of %zu pictures would be too large", count);
    nw_picture sheet;
    NW_TRY(nw_picture_new(columns * width, (int)rows * height, paper, &sheet, err));
    for (size_t i = 0; i < count; i++) {
        size_t x = i % (size_t)columns * (size_t)width, y = i / (size_t)columns * (size_t)height;
        for (size_t r = 0; r < (size_t)pictures[i].height; r++)
            memcpy(sheet.rgb + 3 * ((y + r) * (size_t)sheet.width + x),
                   pictures[i].rgb + 3 * r * (size_t)pictures[i].width, 3 * (size_t)pictures[i].width);
    }
    *out = sheet;
    return NW_OK;
}
