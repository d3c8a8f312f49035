/* Severity at many thresholds, since no single one is right. */
#include "lesion/lesions.h"

#include <math.h>

void nw_sweep_thresholds(double low, double high, nw_sweep_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double part = count > 1 ? (double)i / (double)(count - 1) : 0;
        points[i] = (nw_sweep_point){.threshold = exp(log(low) + part * (log(high) - log(low)))};
    }
}

static nw_status one(const nw_lungs *lungs, const float *density, const float *hu,
                     const nw_lesion_options *options, nw_sweep_point *p, nw_error *err)
{
    nw_lesion_options o = *options;
    o.rule = NW_THRESHOLD_FIXED;
    o.threshold = p->threshold;
    nw_lesions *lesions;
    nw_severity s;
    NW_TRY(nw_lesions_find(lungs, density, hu, &o, &lesions, err));
    nw_status status = nw_severity_measure(lungs, density, lesions->labels, &s, err);
    if (status == NW_OK) {
        for (int side = 0; side < NW_SIDES; side++) p->share[side] = s.sides[side].share;
        p->involved_ml = s.sides[0].involved_ml;
        p->lesions = lesions->count;
        p->grade = s.grade;
        p->zone_score = s.zone_score;
        p->lobe_score = s.lobe_score;
    }
    nw_lesions_free(lesions);
    return status;
}

nw_status nw_severity_sweep(const nw_lungs *lungs, const float *density, const float *hu,
                            const nw_lesion_options *options, nw_sweep_point *points, size_t count,
                            const nw_progress *progress, nw_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (progress && progress->call &&
            progress->call(progress->user, "thresholds", (double)i, (double)count))
            return nw_fail(err, NW_CANCELLED, "interrupted while sweeping over thresholds");
        NW_TRY(one(lungs, density, hu, options, &points[i], err));
    }
    return NW_OK;
}
