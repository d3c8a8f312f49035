/* Slices and projections of a scan as pictures, seen as radiologists see them: the patient's right at the
 * left, anterior (of axial slices) or the head on top. */
#ifndef NW_REPORT_HTML_PLANE_H
#define NW_REPORT_HTML_PLANE_H

#include "lesion/grid.h"
#include "report/html.h"

/* Pixel (column, row) of picture `depth` is voxel origin + column * column_step + row * row_step + depth *
 * depth_step. Axes: 0 right-left, 1 anterior-posterior, 2 superior-inferior, of the patient. */
typedef struct nw_plane {
    int64_t columns, rows, depth;
    int64_t origin, column_step, row_step, depth_step;
    double column_mm, row_mm, depth_mm;
    int column_axis, row_axis, depth_axis;
} nw_plane;

/* The plane across one of the patient's axes. */
void nw_plane_across(const nw_view *view, int axis, nw_plane *plane);
/* The plane of the study's slices, `depth` counting as the study does. */
void nw_plane_of_slices(const nw_grid *grid, const nw_view *view, nw_plane *plane);
/* First and last pixel along columns, rows and depth of a box in voxels. */
void nw_plane_box(const nw_grid *grid, const nw_plane *plane, int64_t voxel[2][3], int64_t out[2][3]);

/* A piece of a plane that is shown. */
typedef struct nw_crop {
    int64_t x, y, columns, rows;
    double width_mm, height_mm;
} nw_crop;

/* The lungs with a margin, or everything where there are none. */
void nw_crop_lungs(const nw_grid *grid, const nw_plane *plane, int64_t lungs[2][3], nw_crop *crop);

/* Pixels of a picture of the crop: as many as there are, square, at most `most` a side. */
void nw_crop_size(const nw_crop *crop, const nw_plane *plane, int most, int *width, int *height);

/* Values of the crop, row-major [rows][columns], to pixels of `levels` shades between low and high. */
nw_status nw_plane_shades(const float *src, const nw_crop *crop, double low, double high, int levels,
                          int width, int height, nw_raster *out, nw_error *err);

/* The edge of what is not zero in src[rows][columns] as an SVG path in pixels of the crop times scale;
 * nothing where it is all zero. */
void nw_outline_path(nw_html *html, const unsigned char *src, int64_t columns, int64_t rows,
                     const double scale[2]);

/* What a study's lungs span, first and last voxel along i, j, k; false where there are none. */
bool nw_lungs_box(const nw_grid *grid, const unsigned char *labels, int64_t box[2][3]);

#endif
