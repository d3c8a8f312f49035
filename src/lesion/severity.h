/* What severity is made from. */
#ifndef NW_LESION_SEVERITY_H
#define NW_LESION_SEVERITY_H

#include "lesion/grid.h"

typedef struct nw_tally {
    int64_t voxels, involved;
    double density; /* sum over the voxels, bits per mL */
} nw_tally;

/* Of a part of the array, or of all of it. */
typedef struct nw_tallies {
    nw_tally zones[NW_SIDES][NW_ZONES], lobes[NW_LOBES + 1];
} nw_tallies;

/* Over all lungs; density NULL: no bits; labels NULL: nothing is involved. NW_NO_MEMORY. */
nw_status nw_tallies_count(const nw_lungs *lungs, const float *density, const int32_t *labels,
                           nw_tallies *out, nw_error *err);
/* NW_NOT_FINITE where the bits are. */
nw_status nw_severity_of(const nw_lungs *lungs, const nw_tallies *tallies, nw_severity *out, nw_error *err);

#endif
