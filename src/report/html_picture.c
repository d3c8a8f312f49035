#include "base/memory.h"
#include "report/html_page.h"
#include "report/resample.h"

#include <math.h>

static void image(nw_page *page, nw_raster *raster, const char *class, const char *alt)
{
    nw_html *h = &page->html;
    nw_html_format(h, "<img class=\"%s\" width=\"%d\" height=\"%d\" alt=\"", class, raster->width,
                   raster->height);
    nw_html_text(h, alt);
    nw_html_raw(h, "\" src=\"");
    nw_html_png(h, raster);
    nw_html_raw(h, "\">");
    nw_free(raster->pixels);
}

static bool shades(nw_page *page, const float *src, const nw_crop *crop, double low, double high, int levels,
                   int width, int height, nw_raster *out)
{
    nw_html *h = &page->html;
    if (h->status != NW_OK) return false;
    h->status = nw_plane_shades(src, crop, low, high, levels, width, height, out, &h->error);
    return h->status == NW_OK;
}

static void size_mm(nw_html *h, const nw_crop *crop, const char *between)
{
    nw_html_coordinate(h, crop->width_mm);
    nw_html_raw(h, between);
    nw_html_coordinate(h, crop->height_mm);
}

void nw_page_picture_open(nw_page *page, const nw_plane *plane, const nw_crop *crop, int most,
                          const float *grey, double low, double high, const float *map, const char *alt)
{
    nw_html *h = &page->html;
    nw_raster raster;
    int width, height;
    nw_crop_size(crop, plane, most, &width, &height);
    nw_html_raw(h, "<div class=\"frame\" style=\"aspect-ratio:");
    size_mm(h, crop, "/");
    nw_html_raw(h, "\">");
    if (shades(page, grey, crop, low, high, NW_GREY_LEVELS, width, height, &raster)) {
        /* Few shades, spread over the whole range: noise below what an eye sees costs most of the bytes. */
        for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
            raster.pixels[i] = (unsigned char)(raster.pixels[i] * 255 / (NW_GREY_LEVELS - 1));
        image(page, &raster, "ct", alt);
    }
    bool any = false;
    for (int64_t i = 0; map && !any && i < crop->columns * crop->rows; i++) any = map[i] > 0;
    /* The map is smooth: half as many pixels hold it. */
    if (any && shades(page, map, crop, 0, page->bar_high, NW_MAP_LEVELS, (width + 1) / 2, (height + 1) / 2,
                      &raster)) {
        raster.colours = NW_MAP_LEVELS;
        raster.rgba = (const unsigned char(*)[4])page->colours;
        image(page, &raster, "map", "");
    }
    nw_html_raw(h, "<svg class=\"marks\" aria-hidden=\"true\" preserveAspectRatio=\"none\" viewBox=\"0 0 ");
    size_mm(h, crop, " ");
    nw_html_raw(h, "\">");
}

static void attribute(nw_html *h, const char *name, double value)
{
    nw_html_format(h, " %s=\"", name);
    nw_html_coordinate(h, value);
    nw_html_raw(h, "\"");
}

void nw_page_box(nw_page *page, const nw_plane *plane, const nw_crop *crop, int64_t box[2][2], int label)
{
    nw_html *h = &page->html;
    const double pad_mm = 2;
    double x = fmax(0.5, (double)(box[0][0] - crop->x) * plane->column_mm - pad_mm),
           y = fmax(0.5, (double)(box[0][1] - crop->y) * plane->row_mm - pad_mm),
           right = fmin(crop->width_mm - 0.5, (double)(box[1][0] + 1 - crop->x) * plane->column_mm + pad_mm),
           bottom = fmin(crop->height_mm - 0.5, (double)(box[1][1] + 1 - crop->y) * plane->row_mm + pad_mm);
    if (right <= x || bottom <= y) return;
    double size = page->label_mm;
    /* Twice: light dashes on a dark line are seen on any ground. */
    static const char *const layers[] = {"<g class=\"box\"><rect class=\"under\"", "<rect"};
    for (int layer = 0; layer < 2; layer++) {
        nw_html_raw(h, layers[layer]);
        attribute(h, "x", x);
        attribute(h, "y", y);
        attribute(h, "width", right - x);
        attribute(h, "height", bottom - y);
        nw_html_raw(h, "/>");
    }
    nw_html_raw(h, "<text");
    attribute(h, "x", x + 1);
    attribute(h, "y", y > size + 1 ? y - 1.5 : fmin(crop->height_mm - 1, bottom + size));
    attribute(h, "font-size", size);
    nw_html_format(h, ">%d</text></g>", label);
}

/* A mask of thick slices, finer along them. It goes through pixels as large as a slice is thick, which takes
 * its steps away. */
static unsigned char *finer(nw_page *page, const nw_crop *crop, const unsigned char *mask, double thick_mm,
                            int width, int height)
{
    int columns = (int)fmax(1, rint(crop->width_mm / thick_mm)),
        rows = (int)fmax(1, rint(crop->height_mm / thick_mm));
    size_t from = (size_t)(crop->columns * crop->rows), to = (size_t)width * (size_t)height;
    float *src = nw_calloc(from, sizeof *src), *dst = nw_calloc(to, sizeof *dst);
    float *coarse = nw_calloc((size_t)columns * (size_t)rows, sizeof *coarse);
    unsigned char *fine = nw_calloc(to, 1);
    nw_html *h = &page->html;
    if (!src || !dst || !coarse || !fine) nw_html_fail(h, NW_NO_MEMORY, "no memory for an outline");
    for (size_t i = 0; src && i < from; i++) src[i] = mask[i] != 0;
    if (h->status == NW_OK)
        h->status = nw_display_resize(src, crop->rows, crop->columns, coarse, rows, columns, &h->error);
    if (h->status == NW_OK)
        h->status = nw_display_resize(coarse, rows, columns, dst, height, width, &h->error);
    for (size_t i = 0; h->status == NW_OK && i < to; i++) fine[i] = dst[i] > 0.5f;
    nw_free(src);
    nw_free(dst);
    nw_free(coarse);
    return fine;
}

void nw_page_outline(nw_page *page, const nw_plane *plane, const nw_crop *crop, const unsigned char *mask,
                     const char *class)
{
    int width = (int)crop->columns, height = (int)crop->rows;
    unsigned char *fine = NULL;
    if (plane->row_mm > 1.5 * plane->column_mm || plane->column_mm > 1.5 * plane->row_mm) {
        double per_mm = 1 / fmin(plane->row_mm, plane->column_mm);
        width = (int)fmax(1, rint(crop->width_mm * per_mm));
        height = (int)fmax(1, rint(crop->height_mm * per_mm));
        fine = finer(page, crop, mask, fmax(plane->row_mm, plane->column_mm), width, height);
    }
    const double scale[2] = {crop->width_mm / width, crop->height_mm / height};
    nw_html_format(&page->html, "<path class=\"%s\" d=\"", class);
    if (page->html.status == NW_OK) nw_outline_path(&page->html, fine ? fine : mask, width, height, scale);
    nw_html_raw(&page->html, "\"/>");
    nw_free(fine);
}

void nw_page_picture_close(nw_page *page, const nw_plane *plane, const nw_crop *crop)
{
    nw_html *h = &page->html;
    double size = page->label_mm;
    /* Columns run from the patient's right to the left, or from the front to the back. */
    static const char *const sides[2][2] = {{"R", "L"}, {"A", "P"}};
    for (int side = 0; side < 2; side++) {
        nw_html_raw(h, "<text class=\"side\"");
        attribute(h, "font-size", size);
        attribute(h, "x", side ? crop->width_mm - 0.5 * size : 0.5 * size);
        attribute(h, "y", 1.2 * size);
        nw_html_format(h, " text-anchor=\"%s\">%s</text>", side ? "end" : "start",
                       sides[plane->column_axis == 1][side]);
    }
    nw_html_raw(h, "</svg></div>");
}

void nw_page_bar(nw_page *page)
{
    nw_html *h = &page->html;
    if (!(page->bar_high > 0)) return;
    nw_html_raw(h, "<div class=\"bar\" role=\"img\" aria-label=\"Colour bar: from 0 to ");
    nw_html_decimal(h, page->bar_high, page->bar_high < 10 ? 2 : 0);
    nw_html_raw(h, " bits per millilitre, from dark to bright\"><span class=\"unit\">");
    nw_html_text(h, page->ticks.unit);
    nw_html_raw(h,
                "</span><span class=\"scale\"><span class=\"ramp\" style=\"background:linear-gradient(90deg");
    for (int i = 0; i < NW_MAP_LEVELS; i += 7) {
        const unsigned char *c = page->colours[i];
        nw_html_format(h, ",rgb(%d %d %d)", 89 + c[3] * (c[0] - 89) / 255, 89 + c[3] * (c[1] - 89) / 255,
                       89 + c[3] * (c[2] - 89) / 255); /* over a middle grey, as over lung */
    }
    nw_html_raw(h, ")\"></span>");
    for (int i = 0; i < page->ticks.count; i++) {
        nw_html_raw(h, "<span class=\"tick\" style=\"left:");
        nw_html_coordinate(h, 100 * page->ticks.value[i] / page->bar_high);
        nw_html_raw(h, "%\">");
        nw_html_text(h, page->ticks.text[i]);
        nw_html_raw(h, "</span>");
    }
    nw_html_raw(h, "</span></div>");
}
