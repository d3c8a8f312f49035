/* What was found beside what is there: overlap in mL, and which true lesions were touched at all. */
#include "lesion/grid.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <math.h>

static void count_touched(const nw_components *c, const int32_t *labels, double least_voxels,
                          uint8_t *touched, nw_agreement *out)
{
    int64_t row = 0;
    for (int64_t r = 0; labels && r < c->run_count; r++) {
        row = nw_components_row(c, r, row);
        for (int32_t i = c->runs[r].begin; i < c->runs[r].end; i++)
            if (labels[row * c->n[0] + i]) touched[c->runs[r].component] = 1;
    }
    for (int32_t k = 0; k < c->count; k++) {
        if ((double)c->voxels[k] < least_voxels) continue;
        out->lesions++;
        out->touched += touched[k];
    }
}

/* The components of the truth; mask: the truth as 0 and 1. */
static nw_status measure_lesions(const nw_grid *grid, const uint8_t *mask, const int32_t *labels,
                                 double min_ml, nw_agreement *out, nw_error *err)
{
    nw_components c = {0};
    nw_status status = nw_components_find(mask, grid->dims, 1, NW_TOUCH_26, &c, err);
    uint8_t *touched = NULL;
    if (status == NW_OK && c.count) {
        touched = nw_calloc((size_t)c.count, 1);
        if (!touched) status = nw_no_memory(err, (size_t)c.count, "true lesions");
    }
    /* As in nw_lesions_find, up to the rounding of a volume. */
    if (touched) count_touched(&c, labels, min_ml / nw_grid_voxel_ml(grid) * (1 - 1e-9), touched, out);
    nw_free(touched);
    nw_components_free(&c);
    return status;
}

nw_status nw_agreement_measure(const nw_lungs *lungs, const int32_t *labels, const uint8_t *truth,
                               double min_ml, nw_agreement *out, nw_error *err)
{
    const nw_grid *grid = &lungs->grid;
    int64_t count = nw_grid_count(grid), found = 0, there = 0, both = 0, outside = 0, lung = 0;
    uint8_t *mask = nw_alloc_aligned((size_t)count, 1);
    if (!mask) return nw_no_memory(err, (size_t)count, "true lesions");
    for (int64_t i = 0; i < count; i++) {
        int is_found = labels && labels[i] != 0, is_there = truth[i] != 0, is_lung = lungs->labels[i] != 0;
        mask[i] = (uint8_t)is_there;
        found += is_found;
        there += is_there;
        both += is_found && is_there;
        outside += is_there && !is_lung;
        lung += is_lung;
    }
    double ml = nw_grid_voxel_ml(grid);
    *out = (nw_agreement){.truth_ml = (double)there * ml,
                          .found_ml = (double)found * ml,
                          .both_ml = (double)both * ml,
                          .outside_ml = (double)outside * ml,
                          .dice = found + there ? 2 * (double)both / (double)(found + there) : NAN,
                          .truth_share = there ? (double)there / (double)(lung + outside) : 0};
    out->truth_grade = nw_severity_grade(out->truth_share);
    nw_status status = measure_lesions(grid, mask, labels, min_ml, out, err);
    nw_free(mask);
    return status;
}
