/* Between the files that make lungs. */
#ifndef NW_LESION_LUNGS_H
#define NW_LESION_LUNGS_H

#include "lesion/chest.h"

/* Lungs without a labelled voxel. */
nw_status nw_lungs_new(const nw_grid *grid, const char *method, nw_lungs **out, nw_error *err);
/* Volumes, heights, mean HU and warnings from the labels; hu may be NULL. */
void nw_lungs_measure(nw_lungs *lungs, const float *hu);

/* The mask's value in each voxel of the grid, nearest neighbour in the world, 0 outside. The grids were
 * checked, the values are 0 .. 255. NW_BAD_INPUT, which names `what`, where they hardly overlap. */
nw_status nw_mask_sample(const nw_grid *grid, const nw_grid *from, const float *mask, const char *what,
                         uint8_t *dst, nw_error *err);

/* A chest whose voxels are all TISSUE; c->code is the caller's to free. */
nw_status nw_chest_new(const nw_grid *grid, const float *hu, nw_chest *out, nw_error *err);
/* Labels of RIGHT and LEFT in the order of the file. */
void nw_chest_sides(const nw_chest *c, nw_lungs *lungs);

#endif
