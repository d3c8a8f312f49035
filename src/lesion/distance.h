/* Distances in mm within binary volumes, and closing by them. */
#ifndef NW_LESION_DISTANCE_H
#define NW_LESION_DISTANCE_H

#include "base/error.h"

#include <stdint.h>

/* dst = squared distance in mm^2 between the centre of each voxel and the nearest centre of a voxel of src
 * that equals `value` (`equal` non-zero) or does not; exact up to `limit` mm, some number above limit^2
 * beyond. Cost grows with limit / spacing. */
nw_status nw_distance_squared(const uint8_t *src, const int64_t n[3], const double h[3], uint8_t value,
                              int equal, double limit, float *dst, nw_error *err);

/* The union of balls: field holds, on entry, minus the squared radius in mm^2 of the ball around each voxel,
 * or a number above zero and 3 most^2 where there is none; on return at most zero within a ball. No ball is
 * larger than `most`. Cost grows with most / spacing. */
nw_status nw_balls(float *field, const int64_t n[3], const double h[3], double most, nw_error *err);

/* Closing of the voxels that are 1 by a ball of that radius in mm, in place: voxels it adds become 2. What
 * lies beyond the ends of the volume is not counted as background. work: as many floats as voxels. */
nw_status nw_close_ball(uint8_t *mask, const int64_t n[3], const double h[3], double radius, float *work,
                        nw_error *err);

#endif
