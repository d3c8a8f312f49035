/* Coronal and sagittal views through the whole lungs: the mean of the CT along each line of sight, the
 * largest value of the map on it. */
#include "base/memory.h"
#include "report/html_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIXELS = 560, MOST_LESIONS = 24 };

typedef struct projection {
    nw_plane plane;
    nw_crop crop;
    int64_t first, last; /* along the line of sight */
    float *grey, *map;
    unsigned char *lung;
} projection;

static void collect(const nw_page *page, projection *p)
{
    const nw_study *study = page->study;
    const nw_plane *plane = &p->plane;
    int64_t depth = p->last - p->first + 1;
    for (int64_t y = 0; y < p->crop.rows; y++)
        for (int64_t z = p->first; z <= p->last; z++) {
            int64_t at = plane->origin + (p->crop.y + y) * plane->row_step + p->crop.x * plane->column_step +
                         z * plane->depth_step;
            size_t to = (size_t)(y * p->crop.columns);
            for (int64_t x = 0; x < p->crop.columns; x++, at += plane->column_step, to++) {
                p->grey[to] += fmaxf((float)page->low_hu, study->hu[at]) / (float)depth;
                p->map[to] = fmaxf(p->map[to], (float)((double)study->map[at] * study->density_factor));
                p->lung[to] |= study->lungs->labels[at] != 0;
            }
        }
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Black and white where few pixels are beyond. */
static bool limits(const projection *p, double *low, double *high)
{
    size_t count = (size_t)(p->crop.columns * p->crop.rows);
    float *sorted = nw_calloc(count, sizeof *sorted);
    if (!sorted) return false;
    memcpy(sorted, p->grey, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    *low = (double)sorted[(size_t)(0.005 * (double)(count - 1))];
    *high = (double)sorted[(size_t)(0.995 * (double)(count - 1))];
    nw_free(sorted);
    return true;
}

static void draw(nw_page *page, projection *p, const char *name, const char *alt)
{
    nw_html *h = &page->html;
    const nw_lesions *lesions = page->study->lesions;
    double low = 0, high = 1;
    if (!limits(p, &low, &high)) {
        nw_html_fail(h, NW_NO_MEMORY, "no memory for a projection");
        return;
    }
    nw_html_raw(h, "<figure class=\"view\" style=\"flex-grow:");
    nw_html_decimal(h, p->crop.width_mm / p->crop.height_mm, 4);
    nw_html_raw(h, "\">");
    page->label_mm = p->crop.height_mm / 36;
    nw_page_picture_open(page, &p->plane, &p->crop, MOST_PIXELS, p->grey, low, high, p->map, alt);
    nw_page_outline(page, &p->plane, &p->crop, p->lung, "lung");
    for (size_t i = 0; i < lesions->count && i < MOST_LESIONS; i++) {
        int64_t box[2][3];
        nw_plane_box(&page->study->grid, &p->plane, lesions->items[i].box_voxel, box);
        int64_t flat[2][2] = {{box[0][0], box[0][1]}, {box[1][0], box[1][1]}};
        nw_page_box(page, &p->plane, &p->crop, flat, (int)lesions->items[i].label);
    }
    nw_page_picture_close(page, &p->plane, &p->crop);
    nw_html_format(h, "<figcaption><b>%s</b></figcaption></figure>\n", name);
}

static void project(nw_page *page, int axis, const char *name, const char *alt)
{
    projection p = {0};
    int64_t box[2][3];
    int64_t(*lungs)[3] = page->has_lungs ? page->lungs_box : NULL;
    nw_plane_across(&page->view, axis, &p.plane);
    nw_crop_lungs(&page->study->grid, &p.plane, lungs, &p.crop);
    p.last = p.plane.depth - 1;
    if (lungs) {
        nw_plane_box(&page->study->grid, &p.plane, lungs, box);
        p.first = box[0][2];
        p.last = box[1][2];
    }
    size_t count = (size_t)(p.crop.columns * p.crop.rows);
    p.grey = nw_calloc(count, sizeof *p.grey);
    p.map = nw_calloc(count, sizeof *p.map);
    p.lung = nw_calloc(count, 1);
    if (!p.grey || !p.map || !p.lung) {
        nw_html_fail(&page->html, NW_NO_MEMORY, "no memory for a projection");
    } else {
        collect(page, &p);
        draw(page, &p, name, alt);
    }
    nw_free(p.grey);
    nw_free(p.map);
    nw_free(p.lung);
}

void nw_page_projections(nw_page *page)
{
    nw_html *h = &page->html;
    h->where = "projections";
    nw_page_section(
        h, "views", "From the front and from the side",
        "The whole lungs at once: the mean of the CT along each line of sight, and the largest value "
        "of the map on it.");
    nw_html_raw(h, "<div class=\"views\">\n");
    project(page, 1, "Coronal",
            "Coronal projection of the lungs with the map in bits over it and lesions boxed.");
    project(page, 0, "Sagittal",
            "Sagittal projection of the lungs with the map in bits over it and lesions boxed.");
    nw_html_raw(h, "</div>\n<div class=\"sheet-head\">");
    nw_page_bar(page);
    nw_html_raw(h, "</div>\n");
    nw_page_section_end(h);
}
