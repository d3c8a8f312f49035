/* Severity at many thresholds, since no single one is right. What is above the lowest is looked for once, as
 * runs of voxels; above the others there are parts of those runs, and nothing else is looked at. */
#include "base/memory.h"
#include "lesion/components.h"
#include "lesion/lesions.h"
#include "lesion/severity.h"

#include <math.h>

void nw_sweep_thresholds(double low, double high, nw_sweep_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double part = count > 1 ? (double)i / (double)(count - 1) : 0;
        points[i] = (nw_sweep_point){.threshold = exp(log(low) + part * (log(high) - log(low)))};
    }
}

typedef struct sweep {
    const nw_lungs *lungs;
    const float *density;
    double min_ml;
    nw_components low; /* above the lowest threshold */
    nw_tallies none;   /* with nothing involved */
} sweep;

static nw_status begin(sweep *s, const float *hu, const nw_lesion_options *options,
                       const nw_sweep_point *points, size_t count, nw_error *err)
{
    nw_lesion_options o = *options;
    o.rule = NW_THRESHOLD_FIXED;
    double lowest = points[0].threshold;
    for (size_t i = 0; i < count; i++) {
        o.threshold = points[i].threshold;
        NW_TRY(nw_lesion_options_check(&o, err));
        lowest = fmin(lowest, o.threshold);
    }
    if (!hu && (o.low_hu != 0 || o.high_hu != 0))
        return nw_fail(err, NW_USAGE, "a gate in HU needs the scan's values");
    NW_TRY(nw_density_check(&s->lungs->grid, s->density, err));
    size_t voxels = (size_t)nw_grid_count(&s->lungs->grid);
    uint8_t *mask = nw_alloc_aligned(voxels, 1);
    if (!mask) return nw_no_memory(err, voxels, "a sweep over thresholds");
    nw_lesion_mark(s->lungs, s->density, hu, &o, lowest, mask);
    nw_status status = nw_components_find(mask, s->lungs->grid.dims, 1, NW_TOUCH_26, &s->low, err);
    nw_free(mask);
    NW_TRY(status);
    return nw_tallies_count(s->lungs, s->density, NULL, &s->none, err);
}

static void involve(const sweep *s, const nw_run *run, int64_t row, nw_tallies *all)
{
    const nw_grid *g = &s->lungs->grid;
    const double *up = g->affine[2];
    double base = up[1] * (double)(row % g->dims[1]) + up[2] * (double)(row / g->dims[1]) + up[3];
    for (int64_t i = run->begin; i < run->end; i++) {
        int64_t at = row * g->dims[0] + i;
        nw_side side = (nw_side)s->lungs->labels[at];
        all->zones[side][nw_lungs_zone(s->lungs, side, base + up[0] * (double)i)].involved++;
        if (s->lungs->lobes) all->lobes[s->lungs->lobes[at]].involved++;
    }
}

static nw_status one(const sweep *s, nw_sweep_point *p, nw_error *err)
{
    nw_components c = {0};
    nw_severity severity;
    nw_tallies all = s->none;
    const double voxel_ml = nw_grid_voxel_ml(&s->lungs->grid);
    nw_status status = nw_components_within(&s->low, s->density, p->threshold, NW_TOUCH_26, &c, err);
    p->lesions = 0;
    for (int32_t i = 0; status == NW_OK && i < c.count; i++)
        p->lesions += (double)c.voxels[i] * voxel_ml >= s->min_ml;
    int64_t row = 0;
    for (int64_t r = 0; status == NW_OK && r < c.run_count; r++) {
        row = nw_components_row(&c, r, row);
        if ((double)c.voxels[c.runs[r].component] * voxel_ml >= s->min_ml) involve(s, &c.runs[r], row, &all);
    }
    nw_components_free(&c);
    if (status == NW_OK) status = nw_severity_of(s->lungs, &all, &severity, err);
    NW_TRY(status);
    for (int side = 0; side < NW_SIDES; side++) p->share[side] = severity.sides[side].share;
    p->involved_ml = severity.sides[0].involved_ml;
    p->grade = severity.grade;
    p->zone_score = severity.zone_score;
    p->lobe_score = severity.lobe_score;
    return NW_OK;
}

nw_status nw_severity_sweep(const nw_lungs *lungs, const float *density, const float *hu,
                            const nw_lesion_options *options, nw_sweep_point *points, size_t count,
                            const nw_progress *progress, nw_error *err)
{
    if (!count) return NW_OK;
    sweep s = {.lungs = lungs, .density = density, .min_ml = options->min_ml};
    nw_status status = begin(&s, hu, options, points, count, err);
    for (size_t i = 0; status == NW_OK && i < count; i++) {
        if (progress && progress->call &&
            progress->call(progress->user, "thresholds", (double)i, (double)count))
            status = nw_fail(err, NW_CANCELLED, "interrupted while sweeping over thresholds");
        else
            status = one(&s, &points[i], err);
    }
    nw_components_free(&s.low);
    return status;
}
