/* True lesions beside those that were found. */
#include "study/study_internal.h"

#include "base/memory.h"
#include "lesion/lungs.h"

#include <math.h>

/* The truth on the scan's grid, as 0 and 1. */
static nw_status sample(const nw_study *s, const nw_volume *mask, uint8_t *truth, nw_error *err)
{
    nw_grid own;
    const float *values;
    if (nw_volume_get_info(mask)->kind != NW_KIND_SCAN)
        return nw_fail(err, NW_BAD_INPUT, "a mask of true lesions needs a geometry in mm (NIfTI)");
    NW_TRY(nw_grid_of_volume(mask, &own, &values, err));
    int64_t count = nw_grid_count(&own);
    float *binary = nw_alloc_aligned((size_t)count, sizeof *binary);
    if (!binary) return nw_no_memory(err, (size_t)count * sizeof *binary, "a mask of true lesions");
    nw_status status = NW_OK;
    for (int64_t i = 0; i < count && status == NW_OK; i++) {
        if (!isfinite(values[i]))
            status = nw_fail(err, NW_BAD_INPUT, "the mask of true lesions holds values that are not finite");
        binary[i] = values[i] != 0;
    }
    if (status == NW_OK) status = nw_mask_sample(&s->grid, &own, binary, "mask of true lesions", truth, err);
    nw_free(binary);
    return status;
}

static void measure_slices(nw_study *s)
{
    double ml = nw_grid_voxel_ml(&s->grid);
    for (size_t z = 0; z < s->slice_count; z++) {
        nw_slice_plane p = nw_slice_plane_of(&s->grid, (int64_t)z);
        int64_t found = 0, there = 0, both = 0;
        for (int64_t v = 0; v < p.n[1]; v++)
            for (int64_t u = 0; u < p.n[0]; u++) {
                int64_t at = p.origin + u * p.step[0] + v * p.step[1];
                found += s->lesions->labels[at] != 0;
                there += s->truth[at] != 0;
                both += s->lesions->labels[at] != 0 && s->truth[at] != 0;
            }
        s->slices[z].found_ml = (double)found * ml;
        s->slices[z].truth_ml = (double)there * ml;
        s->slices[z].both_ml = (double)both * ml;
    }
}

nw_status nw_study_set_truth(nw_study *s, const nw_volume *mask, nw_error *err)
{
    size_t count = (size_t)nw_grid_count(&s->grid);
    uint8_t *truth = nw_alloc_aligned(count, 1);
    if (!truth) return nw_no_memory(err, count, "true lesions");
    nw_agreement agreement;
    nw_status status = sample(s, mask, truth, err);
    if (status == NW_OK)
        status =
            nw_agreement_measure(s->lungs, s->lesions->labels, truth, s->lesions->min_ml, &agreement, err);
    if (status != NW_OK) {
        nw_free(truth);
        return nw_fail_within(err, status, "%s", nw_volume_path(mask));
    }
    nw_free(s->truth);
    s->truth = truth;
    s->agreement = agreement;
    measure_slices(s);
    return NW_OK;
}
