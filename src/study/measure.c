/* From the map to lesions, severity, the sweep and the interval. */
#include "study/study_internal.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static size_t voxels_of(const nw_study *s)
{
    return (size_t)(s->grid.dims[0] * s->grid.dims[1] * s->grid.dims[2]);
}

/* The map (may be the same array) as a density that is ready for the threshold. */
static nw_status density_of(const nw_study *s, const float *map, const nw_lesion_options *o, float *dst,
                            nw_error *err)
{
    NW_TRY(nw_density_from_bits(&s->grid, NW_BITS_PER_SLICE, map, dst, err));
    return nw_density_prepare(&s->grid, dst, o, err);
}

static nw_status sweep(nw_study_maker *m, const float *density, const nw_lesion_options *o, nw_error *err)
{
    nw_study *s = m->study;
    double middle = s->lesions->threshold, reach = pow(2, m->options->sweep_octaves);
    if (m->options->sweep == 0 || !(middle > 0)) return NW_OK;
    s->sweep = nw_calloc((size_t)m->options->sweep, sizeof *s->sweep);
    if (!s->sweep) return nw_no_memory(err, (size_t)m->options->sweep * sizeof *s->sweep, "a sweep");
    s->sweep_count = (size_t)m->options->sweep;
    if (s->sweep_count == 1)
        s->sweep[0].threshold = middle;
    else
        nw_sweep_thresholds(middle / reach, middle * reach, s->sweep, s->sweep_count);
    return nw_severity_sweep(s->lungs, density, s->hu, o, s->sweep, s->sweep_count, NULL, err);
}

static nw_status first_run(nw_study_maker *m, float *density, const nw_lesion_options *o, nw_error *err)
{
    nw_study *s = m->study;
    double start = nw_study_clock();
    NW_TRY(density_of(s, s->map, o, density, err));
    NW_TRY(nw_lesions_find(s->lungs, density, s->hu, o, &s->lesions, err));
    NW_TRY(nw_severity_measure(s->lungs, density, s->lesions->labels, &s->severity, err));
    s->runs[0] = s->severity;
    s->run_thresholds[0] = s->lesions->threshold;
    NW_TRY(sweep(m, density, o, err));
    s->seconds.lesions = nw_study_clock() - start;
    return NW_OK;
}

static nw_status later_run(nw_study_maker *m, int repeat, float *density, const nw_lesion_options *o,
                           nw_error *err)
{
    nw_study *s = m->study;
    nw_lesions *lesions;
    NW_TRY(nw_study_repeat(m, repeat, density, err));
    NW_TRY(density_of(s, density, o, density, err));
    NW_TRY(nw_lesions_find(s->lungs, density, s->hu, o, &lesions, err));
    s->run_thresholds[repeat] = lesions->threshold;
    nw_status status = nw_severity_measure(s->lungs, density, lesions->labels, &s->runs[repeat], err);
    nw_lesions_free(lesions);
    return status;
}

static nw_status measure(nw_study_maker *m, float *density, const nw_lesion_options *o, nw_error *err)
{
    nw_study *s = m->study;
    NW_TRY(first_run(m, density, o, err));
    double start = nw_study_clock();
    for (int r = 1; r < m->options->repeats; r++) NW_TRY(later_run(m, r, density, o, err));
    if (s->run_count > 1) s->seconds.repeats = nw_study_clock() - start;
    return nw_severity_interval_of(s->runs, s->run_count, &s->interval, err);
}

nw_status nw_study_measure(nw_study_maker *m, nw_error *err)
{
    nw_study *s = m->study;
    nw_lesion_options o = m->options->lesion;
    double *gate = nw_study_gate(s);
    float *density = nw_alloc_aligned(voxels_of(s), sizeof *density);
    nw_status status = NW_OK;
    if (!gate || !density) status = nw_no_memory(err, voxels_of(s) * sizeof *density, "a density");
    o.probability = m->gated ? gate : NULL;
    if (status == NW_OK) status = measure(m, density, &o, err);
    nw_free(density);
    nw_free(gate);
    NW_TRY(status);
    if (o.rule == NW_THRESHOLD_HEALTHY && o.healthy) {
        s->healthy_scans = nw_healthy_scans(o.healthy);
        s->healthy_litres = nw_healthy_ml(o.healthy) / 1000;
    }
    o.probability = NULL;
    o.healthy = NULL;
    s->lesion_options = o;
    return NW_OK;
}

nw_status nw_study_add_healthy(const nw_study *s, nw_healthy *healthy, nw_error *err)
{
    nw_lesion_options o = s->lesion_options;
    size_t n = voxels_of(s);
    if (!isnan(s->gate))
        return nw_fail(err, NW_USAGE,
                       "what healthy lungs need is counted without a gate: run the study ungated");
    uint8_t *mask = nw_calloc(n, 1);
    float *density = nw_alloc_aligned(n, sizeof *density);
    nw_status status = NW_OK;
    if (!mask || !density) status = nw_no_memory(err, n * sizeof *density, "a density");
    if (status == NW_OK) status = density_of(s, s->map, &o, density, err);
    for (size_t i = 0; status == NW_OK && i < s->slice_count; i++) {
        if (s->slices[i].state != NW_SLICE_EXPLAINED && s->slices[i].state != NW_SLICE_BETWEEN) continue;
        nw_slice_plane p = nw_slice_plane_of(&s->grid, (int64_t)i);
        for (int64_t v = 0; v < p.n[1]; v++)
            for (int64_t u = 0; u < p.n[0]; u++) {
                int64_t at = p.origin + u * p.step[0] + v * p.step[1];
                mask[at] = s->lungs->labels[at] != NW_SIDE_NONE;
            }
    }
    if (status == NW_OK)
        status = nw_healthy_add_values(healthy, density, mask, n, nw_grid_voxel_ml(&s->grid), err);
    nw_free(mask);
    nw_free(density);
    return status;
}
