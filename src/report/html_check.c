/* A report has no room for a number that is none: everything that is shown is looked at first. */
#include "report/html_page.h"

#include <math.h>

static bool finite_part(const nw_part *p)
{
    return isfinite(p->volume_ml) && isfinite(p->involved_ml) && isfinite(p->share) && isfinite(p->bits);
}

static nw_status check_severity(const nw_severity *s, nw_error *err)
{
    bool fine = isfinite(s->bits_per_litre);
    for (int side = 0; side < NW_SIDES; side++) {
        fine = fine && finite_part(&s->sides[side]);
        for (int zone = 0; side > 0 && zone < NW_ZONES; zone++)
            fine = fine && finite_part(&s->zones[side][zone]);
    }
    for (int lobe = 1; s->lobe_score >= 0 && lobe <= NW_LOBES; lobe++)
        fine = fine && finite_part(&s->lobes[lobe]);
    return fine ? NW_OK : nw_fail(err, NW_NOT_FINITE, "a number of the severity is not finite");
}

static nw_status check_voxels(const nw_study *study, nw_error *err)
{
    for (int64_t i = 0; i < nw_grid_count(&study->grid); i++) {
        if (!isfinite(study->hu[i])) return nw_fail(err, NW_NOT_FINITE, "the scan is not finite");
        if (!isfinite(study->map[i])) return nw_fail(err, NW_NOT_FINITE, "the map is not finite");
    }
    return NW_OK;
}

nw_status nw_page_check(const nw_study *study, nw_error *err)
{
    if (!study || !study->hu || !study->map || !study->lungs || !study->lesions || !study->slices)
        return nw_fail(err, NW_USAGE, "a report needs a study with scan, map, lungs, lesions and slices");
    NW_TRY(nw_grid_check(&study->grid, err));
    if (study->slice_count != (size_t)study->grid.dims[study->grid.slice_axis])
        return nw_fail(err, NW_BAD_INPUT, "the study has %zu slices, its scan %lld", study->slice_count,
                       (long long)study->grid.dims[study->grid.slice_axis]);
    if (!isfinite(study->density_factor) || !isfinite(study->lesions->threshold))
        return nw_fail(err, NW_NOT_FINITE, "the density of the map or its threshold is not finite");
    for (size_t i = 0; i < study->sweep_count; i++)
        if (!(study->sweep[i].threshold > 0) ||
            (i && !(study->sweep[i].threshold > study->sweep[i - 1].threshold)))
            return nw_fail(err, NW_BAD_INPUT, "the thresholds of the sweep do not rise from above 0");
    NW_TRY(check_severity(&study->severity, err));
    return check_voxels(study, err);
}
