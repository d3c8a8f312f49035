/* A study: the chest, sampled, with its truth. */
#ifndef NW_PHANTOM_STUDY_H
#define NW_PHANTOM_STUDY_H

#include "phantom/chest.h"

struct nw_phantom {
    nw_phantom_info info;
    nw_phantom_lesion lesions[NW_MOST_LESIONS];
    int16_t *hu;                      /* [slices][rows][columns] */
    uint8_t *masks[NW_PHANTOM_PARTS]; /* the same; NULL for CT */
    int8_t *owner;                    /* lesion nearest to a voxel of the lesion mask, else -1 */
};

/* render.c: samples the chest on the grid of info. The voxels are allocated. */
nw_status nw_phantom_render(nw_phantom *p, nw_chest *chest, nw_error *err);
/* truth.c: counts the masks. */
void nw_phantom_count(nw_phantom *p, const nw_chest *chest);
/* options.c: refuses what is out of range. */
nw_status nw_phantom_check(const nw_phantom_options *options, nw_error *err);
/* options.c: the grid, from the options and the chest. */
nw_status nw_phantom_grid(const nw_phantom_options *options, const nw_chest *chest, nw_phantom_info *info,
                          nw_error *err);

#endif
