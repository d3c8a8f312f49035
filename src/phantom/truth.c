#include "phantom/study.h"

static int grade_of(double share)
{
    return share <= 0 ? 0 : share < 0.25 ? 1 : share <= 0.5 ? 2 : share <= 0.75 ? 3 : 4;
}

void nw_phantom_count(nw_phantom *p, const nw_chest *chest)
{
    nw_phantom_info *info = &p->info;
    size_t count = (size_t)(info->dims[0] * info->dims[1] * info->dims[2]);
    const uint8_t *lungs = p->masks[NW_PHANTOM_LUNGS], *lesions = p->masks[NW_PHANTOM_LESIONS];
    int64_t lung[2] = {0}, sick[2] = {0}, by_lesion[NW_MOST_LESIONS][2] = {{0}};
    for (size_t i = 0; i < count; i++) {
        if (!lungs[i]) continue;
        lung[lungs[i] - 1]++;
        if (!lesions[i]) continue;
        sick[lungs[i] - 1]++;
        by_lesion[p->owner[i]][lesions[i] - 1]++;
    }
    double ml = info->spacing[0] * info->spacing[1] * info->spacing[2] / 1000;
    for (int s = 0; s < 2; s++) {
        info->lung_ml[s] = (double)lung[s] * ml;
        info->share[s] = lung[s] ? (double)sick[s] / (double)lung[s] : 0;
    }
    int64_t all = lung[0] + lung[1];
    info->share_both = all ? (double)(sick[0] + sick[1]) / (double)all : 0;
    info->grade = grade_of(info->share_both);
    info->grade_worse = grade_of(fmax(info->share[0], info->share[1]));
    info->ground_glass_ml = info->consolidation_ml = 0;
    info->lesion_count = 0;
    for (int k = 0; k < chest->lesions.count; k++) {
        const nw_lesion *l = &chest->lesions.v[k];
        const int64_t *voxels = by_lesion[k];
        if (!voxels[0] && !voxels[1]) continue;
        nw_phantom_lesion *out = &p->lesions[info->lesion_count++];
        *out = (nw_phantom_lesion){
            .kind = l->kind,
            .ml = (double)(voxels[0] + voxels[1]) * ml,
            .ground_glass_ml = (double)voxels[0] * ml,
            .consolidation_ml = (double)voxels[1] * ml,
            .centre = {-(double)l->shape.c.x, -(double)l->shape.c.y, (double)l->shape.c.z}};
        info->ground_glass_ml += out->ground_glass_ml;
        info->consolidation_ml += out->consolidation_ml;
    }
    info->lesions = p->lesions;
}
