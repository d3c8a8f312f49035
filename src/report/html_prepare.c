#include "base/memory.h"
#include "report/html_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double window_hu[2] = {-1350, 150};

/* Counts lung and involved voxels of each slice. */
static void count_slices(nw_page *page)
{
    const nw_study *study = page->study;
    const nw_plane *p = &page->plane;
    const int32_t *lesions = study->lesions->labels;
    for (int64_t s = 0; s < p->depth; s++) {
        int64_t lung = 0, involved = 0;
        for (int64_t y = 0; y < p->rows; y++) {
            int64_t at = p->origin + s * p->depth_step + y * p->row_step;
            for (int64_t x = 0; x < p->columns; x++, at += p->column_step) {
                lung += study->lungs->labels[at] != 0;
                involved += lesions && lesions[at] != 0;
            }
        }
        page->lung_voxels[s] = lung;
        page->involved_ml[s] = (double)involved * page->view.voxel_ml;
    }
}

/* The top of the colour bar: what 99.8 % of the lung's voxels with bits do not exceed. */
static nw_status choose_bar(nw_page *page, nw_error *err)
{
    enum { BINS = 8192 };
    const nw_study *study = page->study;
    int64_t count = nw_grid_count(&study->grid), with = 0;
    float most = 0;
    for (int64_t i = 0; i < count; i++) most = fmaxf(most, study->map[i]);
    if (!(most > 0)) return NW_OK;
    int64_t *bins = nw_calloc(BINS, sizeof *bins);
    if (!bins) return nw_no_memory(err, BINS * sizeof *bins, "a colour bar");
    for (int64_t i = 0; i < count; i++) {
        if (!(study->map[i] > 0) || !study->lungs->labels[i]) continue;
        bins[(int)fminf(BINS - 1, study->map[i] / most * BINS)]++;
        with++;
    }
    int64_t left = (int64_t)(0.002 * (double)with);
    int top = BINS - 1;
    while (with && top > 0 && left >= bins[top]) left -= bins[top--];
    nw_free(bins);
    double share = with ? (double)(top + 1) / BINS : 1;
    page->bar_high = share * (double)most * study->density_factor;
    page->beyond = share < 1;
    nw_ticks_make(page->bar_high, "bit/mL", 4, &page->ticks);
    return NW_OK;
}

nw_status nw_page_prepare(nw_page *page, nw_error *err)
{
    const nw_study *study = page->study;
    nw_view_make(&study->grid, &page->view);
    nw_plane_of_slices(&study->grid, &page->view, &page->plane);
    page->has_lungs = nw_lungs_box(&study->grid, study->lungs->labels, page->lungs_box);
    nw_crop_lungs(&study->grid, &page->plane, page->has_lungs ? page->lungs_box : NULL, &page->crop);
    page->low_hu = window_hu[0];
    page->high_hu = window_hu[1];
    if (study->lungs->warnings & NW_LUNG_NOT_HU) {
        page->low_hu = page->high_hu = (double)study->hu[0];
        for (int64_t i = 0; i < nw_grid_count(&study->grid); i++) {
            page->low_hu = fmin(page->low_hu, (double)study->hu[i]);
            page->high_hu = fmax(page->high_hu, (double)study->hu[i]);
        }
    }
    NW_TRY(choose_bar(page, err));
    for (int i = 0; i < NW_MAP_LEVELS; i++) {
        double share = (double)i / (NW_MAP_LEVELS - 1);
        NW_TRY(nw_colormap_rgb(NULL, share, page->colours[i], err));
        /* Weak evidence leaves the anatomy visible, as in the overlay of a single picture. */
        page->colours[i][3] = (unsigned char)lrint(255 * 0.85 * pow(share, 0.7));
    }
    size_t n = (size_t)page->plane.depth;
    page->involved_ml = nw_calloc(n, sizeof *page->involved_ml);
    page->lung_voxels = nw_calloc(n, sizeof *page->lung_voxels);
    if (!page->involved_ml || !page->lung_voxels) return nw_no_memory(err, n * 16, "a page");
    count_slices(page);
    return NW_OK;
}

void nw_page_release(nw_page *page)
{
    nw_free(page->involved_ml);
    nw_free(page->lung_voxels);
    nw_html_free(&page->html);
}

/* ---- Which slices are shown ---- */

static bool near_chosen(const unsigned char *chosen, int64_t n, int64_t s, int64_t gap)
{
    for (int64_t i = s - gap; i <= s + gap; i++)
        if (i >= 0 && i < n && chosen[i] == 2) return true;
    return false;
}

/* The slice where each of the largest lesions is largest. */
static nw_status choose_lesions(const nw_page *page, unsigned char *chosen, int *count, nw_error *err)
{
    enum { LESIONS = 8 };
    const nw_plane *p = &page->plane;
    const int32_t *labels = page->study->lesions->labels;
    if (!labels || !page->study->lesions->count) return NW_OK;
    int64_t *area = nw_calloc((size_t)p->depth, LESIONS * sizeof *area);
    if (!area) return nw_no_memory(err, (size_t)p->depth * LESIONS * sizeof *area, "a page");
    for (int64_t s = 0; s < p->depth; s++)
        for (int64_t y = 0; y < p->rows; y++) {
            int64_t at = p->origin + s * p->depth_step + y * p->row_step;
            for (int64_t x = 0; x < p->columns; x++, at += p->column_step)
                if (labels[at] >= 1 && labels[at] <= LESIONS) area[s * LESIONS + labels[at] - 1]++;
        }
    for (int lesion = 0; lesion < LESIONS; lesion++) {
        int64_t best = 0;
        for (int64_t s = 1; s < p->depth; s++)
            if (area[s * LESIONS + lesion] > area[best * LESIONS + lesion]) best = s;
        if (area[best * LESIONS + lesion] && !near_chosen(chosen, p->depth, best, 0)) {
            chosen[best] = 2;
            ++*count;
        }
    }
    nw_free(area);
    return NW_OK;
}

/* By falling value, at least a gap apart, until there are `most`. */
static void choose_by(const double *value, int64_t n, int64_t gap, int most, unsigned char *chosen,
                      int *count)
{
    while (*count < most) {
        int64_t best = -1;
        for (int64_t s = 0; s < n; s++)
            if (value[s] > 0 && (best < 0 || value[s] > value[best]) && !near_chosen(chosen, n, s, gap))
                best = s;
        if (best < 0) return;
        chosen[best] = 2;
        ++*count;
    }
}

nw_status nw_page_choose(const nw_page *page, unsigned char *chosen, nw_error *err)
{
    const nw_study *study = page->study;
    int64_t n = page->plane.depth, lungs = 0;
    int count = 0;
    double *value = nw_calloc((size_t)n, sizeof *value);
    if (!value) return nw_no_memory(err, (size_t)n * sizeof *value, "a page");
    nw_status status = choose_lesions(page, chosen, &count, err);
    for (int64_t s = 0; s < n; s++) lungs += page->lung_voxels[s] > 0;
    int64_t gap = lungs / 24;
    choose_by(page->involved_ml, n, gap, NW_SHEET_MOST, chosen, &count);
    if (!count) { /* nothing involved: where the prediction is strongest, else where there is most lung */
        for (int64_t s = 0; s < n; s++) {
            double p = study->slices[s].probability;
            value[s] = isnan(p) ? 0 : p;
        }
        choose_by(value, n, gap ? gap : 1, 6, chosen, &count);
        for (int64_t s = 0; s < n; s++) value[s] = page->has_lungs ? (double)page->lung_voxels[s] : 1;
        choose_by(value, n, gap ? gap : 1, 6, chosen, &count);
    }
    /* Of the others as many as there is room for, evenly. */
    int64_t others = 0, room = NW_SLICES_MOST - count, seen = 0;
    for (int64_t s = 0; s < n; s++) others += !chosen[s] && page->lung_voxels[s];
    for (int64_t s = 0; s < n; s++) {
        if (chosen[s] || !page->lung_voxels[s]) continue;
        bool take = others <= room || seen * room / others != (seen + 1) * room / others;
        seen++;
        if (take) chosen[s] = 1;
    }
    nw_free(value);
    return status;
}
