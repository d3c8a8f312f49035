#include "phantom/study.h"

nw_status nw_phantom_check(const nw_phantom_options *o, nw_error *err)
{
    if (o->size && (o->size < 64 || o->size > 1024))
        return nw_fail(err, NW_USAGE, "a phantom of %lld x %lld pixels: 64 to 1024 are possible",
                       (long long)o->size, (long long)o->size);
    if (o->slices && (o->slices < 1 || o->slices > 2000))
        return nw_fail(err, NW_USAGE, "a phantom of %lld slices: 1 to 2000 are possible",
                       (long long)o->slices);
    if (o->slice_mm != 0 && !(o->slice_mm >= 0.5 && o->slice_mm <= 30))
        return nw_fail(err, NW_USAGE, "slices of %g mm: 0.5 to 30 are possible", o->slice_mm);
    if (o->field_mm != 0 && !(o->field_mm >= 200 && o->field_mm <= 600))
        return nw_fail(err, NW_USAGE, "a field of view of %g mm: 200 to 600 are possible", o->field_mm);
    if (!(o->positives >= 0 && o->positives <= 1))
        return nw_fail(err, NW_USAGE, "a share of positives of %g: 0 to 1 is possible", o->positives);
    if ((unsigned)o->shortcut > NW_SHORTCUT_WINDOW)
        return nw_fail(err, NW_USAGE, "there is no shortcut number %d", (int)o->shortcut);
    return NW_OK;
}

nw_status nw_phantom_grid(const nw_phantom_options *o, const nw_chest *chest, nw_phantom_info *info,
                          nw_error *err)
{
    const nw_trunk *t = &chest->trunk;
    const double margin = 12; /* mm of scan above and below the lungs */
    double length = (double)(t->top - t->bottom) + 2 * margin;
    int64_t size = o->size ? o->size : 512, slices = o->slices;
    double slice_mm = o->slice_mm;
    if (!slices && slice_mm == 0) slices = 40;
    if (!slices) slices = (int64_t)ceil(length / slice_mm);
    if (slice_mm == 0) slice_mm = ceil(length / (double)slices * 20) / 20;
    double field = o->field_mm;
    if (field == 0) {
        nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_FIELD);
        nw_outline outline;
        nw_outline_at(t, t->bottom + 0.5F * (t->top - t->bottom), &outline);
        float width = 2 * fmaxf(outline.skin[NW_ANGLES / 4], outline.skin[3 * NW_ANGLES / 8]);
        field = (double)roundf(nw_clamp(width * nw_draw_range(&d, 0.96F, 1.1F), 300, 400));
    }
    int64_t voxels = size * size * slices; /* at most 2^31 */
    if (voxels > (int64_t)1 << 30)
        return nw_fail(err, NW_USAGE, "%lld slices of %lld x %lld pixels are too many voxels; take fewer",
                       (long long)slices, (long long)size, (long long)size);
    info->dims[0] = info->dims[1] = size;
    info->dims[2] = slices;
    info->spacing[0] = info->spacing[1] = field / (double)size;
    info->spacing[2] = slice_mm;
    /* Columns run to the left and rows to the back, NIfTI counts to the right and to the front. */
    double half = (double)(size - 1) / 2 * info->spacing[0];
    const double affine[4][4] = {{-info->spacing[0], 0, 0, half},
                                 {0, -info->spacing[1], 0, half - 8},
                                 {0, 0, slice_mm, -slice_mm * (double)(slices - 1) / 2},
                                 {0, 0, 0, 1}};
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 4; c++) info->affine[r][c] = affine[r][c];
    return NW_OK;
}
