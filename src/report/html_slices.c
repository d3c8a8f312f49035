/* The contact sheet. */
#include "base/memory.h"
#include "base/parallel.h"
#include "report/html_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PIXELS = 448, MOST_LABEL = 99 };

typedef struct sheet {
    nw_page *page;
    float *grey, *map;
    unsigned char *lung, *lesion, *truth;
    int32_t *labels;
} sheet;

static void read_slice(sheet *s, int64_t slice)
{
    const nw_page *page = s->page;
    const nw_study *study = page->study;
    const nw_plane *p = &page->plane;
    const nw_crop *c = &page->crop;
    const int32_t *labels = study->lesions->labels;
    size_t to = 0;
    for (int64_t y = 0; y < c->rows; y++) {
        int64_t at = p->origin + slice * p->depth_step + (c->y + y) * p->row_step + c->x * p->column_step;
        for (int64_t x = 0; x < c->columns; x++, at += p->column_step, to++) {
            s->grey[to] = study->hu[at];
            s->map[to] = (float)((double)study->map[at] * study->density_factor);
            s->lung[to] = study->lungs->labels[at] != 0;
            s->labels[to] = labels ? labels[at] : 0;
            s->lesion[to] = s->labels[to] != 0;
            if (s->truth) s->truth[to] = study->truth[at];
        }
    }
}

static void draw_boxes(sheet *s)
{
    const nw_page *page = s->page;
    const nw_crop *c = &page->crop;
    int64_t boxes[MOST_LABEL + 1][2][2];
    bool there[MOST_LABEL + 1] = {false};
    for (int64_t y = 0; y < c->rows; y++)
        for (int64_t x = 0; x < c->columns; x++) {
            int32_t label = s->labels[y * c->columns + x];
            if (label < 1 || label > MOST_LABEL) continue;
            int64_t(*b)[2] = boxes[label];
            int64_t px = x + c->x, py = y + c->y;
            if (!there[label]) {
                b[0][0] = b[1][0] = px;
                b[0][1] = b[1][1] = py;
            }
            there[label] = true;
            if (px < b[0][0]) b[0][0] = px;
            if (px > b[1][0]) b[1][0] = px;
            if (py > b[1][1]) b[1][1] = py;
        }
    for (int label = 1; label <= MOST_LABEL; label++)
        if (there[label]) nw_page_box(s->page, &page->plane, c, boxes[label], label);
}

static void caption(sheet *s, int64_t slice)
{
    nw_html *h = &s->page->html;
    const nw_study_slice *info = &s->page->study->slices[slice];
    nw_html_format(h, "<figcaption><b>Slice %lld</b>", (long long)slice);
    if (!isnan(info->probability)) {
        nw_html_raw(h, "<span>p ");
        nw_html_value(h, info->probability, 2, NULL);
        nw_html_raw(h, "</span>");
    }
    if (s->page->involved_ml[slice] > 0) {
        nw_html_raw(h, "<span>");
        nw_html_value(h, s->page->involved_ml[slice], 1, "mL");
        nw_html_raw(h, "</span>");
    }
    if (s->truth) {
        nw_html_raw(h, "<span class=\"true\">true ");
        nw_html_value(h, info->truth_ml, 1, "mL");
        nw_html_raw(h, "</span>");
    }
    if (info->gated)
        nw_html_raw(h, "<span class=\"off\">below the gate</span>");
    else if (info->state == NW_SLICE_BETWEEN)
        nw_html_raw(h, "<span class=\"off\">interpolated</span>");
    nw_html_raw(h, "</figcaption>");
}

static void draw_slice(sheet *s, int64_t slice)
{
    nw_page *page = s->page;
    nw_html *h = &page->html;
    char alt[160];
    read_slice(s, slice);
    snprintf(alt, sizeof alt, "CT slice %lld with the lungs outlined%s%s.", (long long)slice,
             page->study->slices[slice].total_bits > 0 ? ", the map in bits over it" : "",
             page->involved_ml[slice] > 0 ? " and lesions boxed" : "");
    nw_html_format(h, "<figure class=\"slice\" data-slice=\"%lld\">", (long long)slice);
    nw_page_picture_open(page, &page->plane, &page->crop, MOST_PIXELS, s->grey, page->low_hu, page->high_hu,
                         s->map, alt);
    nw_page_outline(page, &page->plane, &page->crop, s->lung, "lung");
    nw_page_outline(page, &page->plane, &page->crop, s->lesion, "lesion");
    if (s->truth) nw_page_outline(page, &page->plane, &page->crop, s->truth, "truth");
    draw_boxes(s);
    nw_page_picture_close(page, &page->plane, &page->crop);
    caption(s, slice);
    nw_html_raw(h, "</figure>\n");
}

/* Slices that are drawn side by side, each into a page of its own. */
typedef struct drawing {
    const nw_page *page;
    const int64_t *slices;
    nw_html *html;
} drawing;

static bool open_sheet(nw_page *page, sheet *s)
{
    size_t pixels = (size_t)(page->crop.columns * page->crop.rows);
    *s = (sheet){page,
                 nw_calloc(pixels, sizeof *s->grey),
                 nw_calloc(pixels, sizeof *s->map),
                 nw_calloc(pixels, 1),
                 nw_calloc(pixels, 1),
                 page->study->truth ? nw_calloc(pixels, 1) : NULL,
                 nw_calloc(pixels, sizeof *s->labels)};
    return s->grey && s->map && s->lung && s->lesion && s->labels && (s->truth || !page->study->truth);
}

static void draw_some(void *context, size_t begin, size_t end)
{
    const drawing *d = context;
    nw_page page = *d->page;
    sheet s;
    bool good = open_sheet(&page, &s);
    for (size_t i = begin; i < end; i++) {
        page.html = (nw_html){.where = d->page->html.where};
        if (good)
            draw_slice(&s, d->slices[i]);
        else
            nw_html_fail(&page.html, NW_NO_MEMORY, "no memory for the pixels of a slice");
        d->html[i] = page.html;
    }
    nw_free(s.grey);
    nw_free(s.map);
    nw_free(s.lung);
    nw_free(s.lesion);
    nw_free(s.truth);
    nw_free(s.labels);
}

/* The slices that were chosen so, in their order. */
static void draw_slices(nw_page *page, const unsigned char *chosen, unsigned char how)
{
    size_t depth = (size_t)page->plane.depth, n = 0;
    int64_t *slices = nw_calloc(depth, sizeof *slices);
    nw_html *html = nw_calloc(depth, sizeof *html);
    if (!slices || !html) nw_html_fail(&page->html, NW_NO_MEMORY, "no memory for %zu slices", depth);
    for (size_t i = 0; page->html.status == NW_OK && i < depth; i++)
        if (chosen[i] == how) slices[n++] = (int64_t)i;
    drawing d = {page, slices, html};
    if (page->html.status == NW_OK) nw_parallel(n, 1, draw_some, &d);
    for (size_t i = 0; html && i < n; i++) nw_html_append(&page->html, &html[i]);
    nw_free(slices);
    nw_free(html);
}

static void switches(nw_html *h, bool truth)
{
    static const char *const layers[][2] = {{"map", "Map"},
                                            {"lung", "Lung outline"},
                                            {"lesion", "Lesion outline"},
                                            {"box", "Boxes"},
                                            {"truth", "True lesions"}};
    nw_html_raw(h, "<fieldset class=\"layers\"><legend>Show</legend>");
    for (size_t i = 0; i < sizeof layers / sizeof layers[0] - !truth; i++)
        nw_html_format(h, "<label><input type=\"checkbox\" id=\"show-%s\" checked> %s</label>", layers[i][0],
                       layers[i][1]);
    nw_html_raw(h, "</fieldset>");
}

static void draw_sheet(nw_page *page, const unsigned char *chosen)
{
    nw_html *h = &page->html;
    int64_t n = page->plane.depth;
    long matter = 0, others = 0, lungs = 0;
    for (int64_t i = 0; i < n; i++) {
        matter += chosen[i] == 2;
        others += chosen[i] == 1;
        lungs += page->lung_voxels[i] > 0;
    }
    nw_html_raw(h, "<div class=\"sheet-head\">");
    nw_page_bar(page);
    switches(h, page->study->truth != NULL);
    nw_html_raw(h, "</div>\n<div class=\"sheet\">\n");
    draw_slices(page, chosen, 2);
    nw_html_raw(h, "</div>\n<p class=\"note\">CT from ");
    nw_html_decimal(h, page->low_hu, 0);
    nw_html_raw(h, " to ");
    nw_html_decimal(h, page->high_hu, 0);
    nw_html_raw(h,
                " HU, cut to the lungs. Boxes and numbers: lesions of the table below, as far as they reach "
                "in the slice.");
    if (page->beyond) nw_html_raw(h, " Values above the colour bar have its last colour.");
    if (page->study->lesion_options.smooth_mm > 0)
        nw_html_raw(h, " The map is shown before it is smoothed across slices.");
    nw_html_raw(h, "</p>\n");
    if (!others) return;
    nw_html_format(
        h, "<details class=\"more\"><summary>%s of the lungs (%ld)</summary>\n<div class=\"sheet small\">\n",
        matter + others < lungs ? "More slices" : "All other slices", others);
    draw_slices(page, chosen, 1);
    nw_html_raw(h, "</div></details>\n");
}

void nw_page_slices(nw_page *page)
{
    nw_html *h = &page->html;
    h->where = "slices";
    page->label_mm = page->crop.width_mm / 19;
    nw_page_section(h, "slices", "Slices that matter",
                    page->study->lesions->count
                        ? "Where the lesions are largest, from the first slice to the last."
                        : "No lesions: where the prediction is strongest.");
    unsigned char *chosen = nw_calloc((size_t)page->plane.depth, 1);
    nw_error err;
    if (!chosen)
        nw_html_fail(h, NW_NO_MEMORY, "no memory for the slices");
    else if (nw_page_choose(page, chosen, &err) != NW_OK)
        nw_html_fail(h, NW_NO_MEMORY, "%s", err.message);
    else
        draw_sheet(page, chosen);
    nw_free(chosen);
    nw_page_section_end(h);
}
