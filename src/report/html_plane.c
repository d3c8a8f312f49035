#include "report/html_plane.h"

#include "base/memory.h"
#include "report/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the axis of the array that a step goes along; axes of one voxel may stand for one another. */
static int array_axis(const nw_grid *grid, int64_t step, int64_t n)
{
    const int64_t strides[3] = {1, grid->dims[0], grid->dims[0] * grid->dims[1]};
    int found = 0;
    for (int a = 0; a < 3; a++)
        if (strides[a] == llabs(step) && (grid->dims[a] == n || found == 0)) found = a;
    for (int a = 0; a < 3; a++)
        if (strides[a] == llabs(step) && grid->dims[a] == n) return a;
    return found;
}

void nw_plane_across(const nw_view *view, int axis, nw_plane *plane)
{
    int c = axis == 0 ? 1 : 0, r = axis == 2 ? 1 : 2;
    *plane = (nw_plane){.columns = view->n[c],
                        .rows = view->n[r],
                        .depth = view->n[axis],
                        .column_mm = view->h[c],
                        .row_mm = view->h[r],
                        .depth_mm = view->h[axis],
                        .column_axis = c,
                        .row_axis = r,
                        .depth_axis = axis};
    /* The view counts to the right, to the front and up; a picture goes the other way. */
    plane->column_step = -view->stride[c];
    plane->row_step = -view->stride[r];
    plane->depth_step = view->stride[axis];
    plane->origin = view->origin + (view->n[c] - 1) * view->stride[c] + (view->n[r] - 1) * view->stride[r];
}

void nw_plane_of_slices(const nw_grid *grid, const nw_view *view, nw_plane *plane)
{
    int axis = 2;
    for (int p = 0; p < 3; p++)
        if (array_axis(grid, view->stride[p], view->n[p]) == grid->slice_axis) axis = p;
    nw_plane_across(view, axis, plane);
    /* Slices are counted along the array, or against it. */
    bool against_view = (plane->depth_step < 0) != (grid->slices_reversed != 0);
    if (!against_view) return;
    plane->origin += (plane->depth - 1) * plane->depth_step;
    plane->depth_step = -plane->depth_step;
}

void nw_plane_box(const nw_grid *grid, const nw_plane *plane, int64_t voxel[2][3], int64_t out[2][3])
{
    const int64_t n[3] = {plane->columns, plane->rows, plane->depth};
    const int64_t step[3] = {plane->column_step, plane->row_step, plane->depth_step};
    for (int p = 0; p < 3; p++) {
        int a = array_axis(grid, step[p], n[p]);
        bool back = step[p] < 0;
        out[0][p] = back ? n[p] - 1 - voxel[1][a] : voxel[0][a];
        out[1][p] = back ? n[p] - 1 - voxel[0][a] : voxel[1][a];
    }
}

bool nw_lungs_box(const nw_grid *grid, const unsigned char *labels, int64_t box[2][3])
{
    const int64_t *n = grid->dims;
    bool any = false;
    for (int64_t k = 0; k < n[2]; k++)
        for (int64_t j = 0; j < n[1]; j++) {
            const unsigned char *row = labels + (k * n[1] + j) * n[0];
            int64_t first = 0, last = n[0] - 1;
            while (first <= last && !row[first]) first++;
            while (last >= first && !row[last]) last--;
            if (first > last) continue;
            const int64_t low[3] = {first, j, k}, high[3] = {last, j, k};
            for (int a = 0; a < 3; a++) {
                box[0][a] = any && box[0][a] < low[a] ? box[0][a] : low[a];
                box[1][a] = any && box[1][a] > high[a] ? box[1][a] : high[a];
            }
            any = true;
        }
    return any;
}

void nw_crop_lungs(const nw_grid *grid, const nw_plane *plane, int64_t lungs[2][3], nw_crop *crop)
{
    const double margin_mm = 12;
    int64_t box[2][3] = {{0, 0, 0}, {plane->columns - 1, plane->rows - 1, 0}};
    if (lungs) nw_plane_box(grid, plane, lungs, box);
    int64_t dx = lungs ? (int64_t)ceil(margin_mm / plane->column_mm) : 0,
            dy = lungs ? (int64_t)ceil(margin_mm / plane->row_mm) : 0;
    int64_t x1 = box[1][0] + dx, y1 = box[1][1] + dy;
    crop->x = box[0][0] > dx ? box[0][0] - dx : 0;
    crop->y = box[0][1] > dy ? box[0][1] - dy : 0;
    crop->columns = (x1 < plane->columns ? x1 + 1 : plane->columns) - crop->x;
    crop->rows = (y1 < plane->rows ? y1 + 1 : plane->rows) - crop->y;
    crop->width_mm = (double)crop->columns * plane->column_mm;
    crop->height_mm = (double)crop->rows * plane->row_mm;
}

void nw_crop_size(const nw_crop *crop, const nw_plane *plane, int most, int *width, int *height)
{
    double per_mm = 1 / fmin(plane->column_mm, plane->row_mm);
    per_mm = fmin(per_mm, most / fmax(crop->width_mm, crop->height_mm));
    *width = (int)fmax(1, rint(crop->width_mm * per_mm));
    *height = (int)fmax(1, rint(crop->height_mm * per_mm));
}

nw_status nw_plane_shades(const float *src, const nw_crop *crop, double low, double high, int levels,
                          int width, int height, nw_raster *out, nw_error *err)
{
    size_t count = (size_t)width * (size_t)height;
    float *resized = NULL;
    const float *from = src;
    if (width != crop->columns || height != crop->rows) {
        resized = nw_calloc(count, sizeof *resized);
        if (!resized) return nw_no_memory(err, count * sizeof *resized, "a picture");
        nw_status status = nw_display_resize(src, crop->rows, crop->columns, resized, height, width, err);
        if (status != NW_OK) {
            nw_free(resized);
            return status;
        }
        from = resized;
    }
    *out = (nw_raster){.width = width, .height = height, .pixels = nw_calloc(count, 1)};
    if (!out->pixels) {
        nw_free(resized);
        return nw_no_memory(err, count, "a picture");
    }
    for (size_t i = 0; i < count; i++) {
        double t = high > low ? ((double)from[i] - low) / (high - low) : 0;
        out->pixels[i] = (unsigned char)lrint(fmin(1, fmax(0, t)) * (levels - 1));
    }
    nw_free(resized);
    return NW_OK;
}
