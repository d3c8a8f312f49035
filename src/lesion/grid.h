/* Voxels seen along the patient's axes, whatever their order in memory. */
#ifndef NW_LESION_GRID_H
#define NW_LESION_GRID_H

#include "base/error.h"

#include <narrows/lesion.h>

/* NW_BAD_INPUT for dimensions that are not positive or overflow, and affines that are not finite or singular.
 */
nw_status nw_grid_check(const nw_grid *grid, nw_error *err);
static inline int64_t nw_grid_count(const nw_grid *grid)
{
    return grid->dims[0] * grid->dims[1] * grid->dims[2];
}
/* Distance in mm between neighbours along i, j, k. */
void nw_grid_spacing(const nw_grid *grid, double spacing[3]);

/* The same voxels counted along x to the patient's right, y to the front, z up: of the three axes of the
 * array each goes with the nearest of the patient's. On oblique grids x, y, z are therefore only near to
 * them. */
typedef struct nw_view {
    int64_t n[3];              /* voxels along x, y, z */
    double h[3];               /* mm between neighbours */
    int64_t origin, stride[3]; /* index in the array = origin + x stride[0] + y stride[1] + z stride[2] */
    double voxel_ml;
} nw_view;

void nw_view_make(const nw_grid *grid, nw_view *view);

static inline int64_t nw_view_index(const nw_view *v, int64_t x, int64_t y, int64_t z)
{
    return v->origin + x * v->stride[0] + y * v->stride[1] + z * v->stride[2];
}

#endif
