/* Between the files that make lesions. */
#ifndef NW_LESION_LESIONS_H
#define NW_LESION_LESIONS_H

#include "lesion/grid.h"

/* NW_NOT_FINITE, NW_BAD_INPUT where a density is negative. */
nw_status nw_density_check(const nw_grid *grid, const float *density, nw_error *err);

/* mask[] = 1 where the density is above 0 and at least the threshold, within the lungs and the options' range
 * of HU; 0 elsewhere. */
void nw_lesion_mark(const nw_lungs *lungs, const float *density, const float *hu,
                    const nw_lesion_options *options, double threshold, uint8_t *mask);

/* NW_USAGE for numbers out of their range. */
nw_status nw_lesion_options_check(const nw_lesion_options *options, nw_error *err);

#endif
