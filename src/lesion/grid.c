#include "lesion/grid.h"

#include "base/memory.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

nw_status nw_grid_of_volume(const nw_volume *volume, nw_grid *grid, const float **values, nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(volume);
    if (info->kind != NW_KIND_SCAN)
        return nw_fail(err, NW_USAGE,
                       "%s: %s has no millimetres; lungs and volumes need a scan (NIfTI, DICOM)",
                       nw_volume_path(volume), info->format);
    nw_grid made = {.slice_axis = info->slice_axis};
    memcpy(made.dims, info->dims, sizeof made.dims);
    memcpy(made.affine, info->affine, sizeof made.affine);
    made.slices_reversed = volume->slice_step < 0;
    NW_TRY(nw_grid_check(&made, err));
    *grid = made;
    if (values) *values = volume->voxels;
    return NW_OK;
}

static double determinant(const nw_grid *g)
{
    const double(*a)[4] = g->affine;
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
           a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
           a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

nw_status nw_grid_check(const nw_grid *grid, nw_error *err)
{
    int64_t count;
    const int64_t *n = grid->dims;
    if (n[0] < 1 || n[1] < 1 || n[2] < 1 || n[0] > INT32_MAX || n[1] > INT32_MAX || n[2] > INT32_MAX ||
        !nw_mul_i64(n[0], n[1], &count) || !nw_mul_i64(count, n[2], &count) || count > INT64_MAX / 16)
        return nw_fail(err, NW_BAD_INPUT, "a grid of %lld x %lld x %lld voxels cannot be", (long long)n[0],
                       (long long)n[1], (long long)n[2]);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++)
            if (!isfinite(grid->affine[r][c]))
                return nw_fail(err, NW_BAD_INPUT, "the affine of the grid is not finite (row %d, column %d)",
                               r, c);
    double spacing[3];
    nw_grid_spacing(grid, spacing);
    double most = spacing[0] * spacing[1] * spacing[2];
    if (!(most > 0) || !(fabs(determinant(grid)) > 1e-4 * most))
        return nw_fail(err, NW_BAD_INPUT,
                       "the affine of the grid is singular: voxels have no volume, so there are no mL");
    if (grid->slice_axis < 0 || grid->slice_axis > 2)
        return nw_fail(err, NW_USAGE, "slice axis %d of the grid: 0, 1 or 2", grid->slice_axis);
    return NW_OK;
}

void nw_grid_spacing(const nw_grid *grid, double spacing[3])
{
    for (int c = 0; c < 3; c++)
        spacing[c] = hypot(hypot(grid->affine[0][c], grid->affine[1][c]), grid->affine[2][c]);
}

double nw_grid_voxel_ml(const nw_grid *grid)
{
    return fabs(determinant(grid)) / 1000;
}

void nw_grid_world(const nw_grid *grid, const double voxel[3], double mm[3])
{
    double out[3];
    for (int r = 0; r < 3; r++) {
        const double *a = grid->affine[r];
        out[r] = a[0] * voxel[0] + a[1] * voxel[1] + a[2] * voxel[2] + a[3];
    }
    memcpy(mm, out, sizeof out);
}

void nw_view_make(const nw_grid *grid, nw_view *view)
{
    static const int ways[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double spacing[3], best = -1;
    int axis[3] = {0, 1, 2}; /* of the array, for x, y, z */
    nw_grid_spacing(grid, spacing);
    for (int w = 0; w < 6; w++) {
        double sum = 0;
        for (int p = 0; p < 3; p++) sum += fabs(grid->affine[p][ways[w][p]]) / spacing[ways[w][p]];
        if (sum > best + 1e-9) {
            best = sum;
            memcpy(axis, ways[w], sizeof axis);
        }
    }
    const int64_t stride[3] = {1, grid->dims[0], grid->dims[0] * grid->dims[1]};
    view->origin = 0;
    view->voxel_ml = nw_grid_voxel_ml(grid);
    for (int p = 0; p < 3; p++) {
        int a = axis[p];
        view->n[p] = grid->dims[a];
        view->h[p] = spacing[a];
        view->stride[p] = stride[a];
        if (grid->affine[p][a] < 0) {
            view->origin += stride[a] * (grid->dims[a] - 1);
            view->stride[p] = -stride[a];
        }
    }
}
