/* How much of the lungs is involved; the scores' bands are defined in docs/severity.md. */
#include "lesion/severity.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

/* The first band is above nothing; a share of exactly 25 or 50 % is in the band above and below it
 * respectively, as the sources have "25-50" and "50-75". */
int nw_severity_grade(double share)
{
    if (!(share > 0)) return 0;
    return share < 0.25 ? 1 : share <= 0.5 ? 2 : share <= 0.75 ? 3 : 4;
}

int nw_severity_zone_score(double share)
{
    return nw_severity_grade(share);
}

int nw_severity_lobe_score(double share)
{
    if (!(share > 0)) return 0;
    return share < 0.05 ? 1 : share <= 0.25 ? 2 : share < 0.5 ? 3 : share <= 0.75 ? 4 : 5;
}

typedef struct counting {
    const nw_lungs *lungs;
    const float *density;
    const int32_t *labels;
    nw_tallies *slabs;
} counting;

static void count_slabs(void *context, size_t begin, size_t end)
{
    const counting *c = context;
    const nw_grid *g = &c->lungs->grid;
    const double *up = g->affine[2];
    for (size_t k = begin; k < end; k++) {
        nw_tallies *s = &c->slabs[k];
        int64_t at = (int64_t)k * g->dims[0] * g->dims[1];
        for (int64_t j = 0; j < g->dims[1]; j++) {
            double base = up[1] * (double)j + up[2] * (double)k + up[3];
            for (int64_t i = 0; i < g->dims[0]; i++, at++) {
                uint8_t side = c->lungs->labels[at];
                if (!side) continue;
                int involved = c->labels && c->labels[at] != 0;
                double d = c->density ? (double)c->density[at] : 0;
                nw_tally *t =
                    &s->zones[side][nw_lungs_zone(c->lungs, (nw_side)side, base + up[0] * (double)i)];
                t->voxels++;
                t->involved += involved;
                t->density += d;
                if (!c->lungs->lobes) continue;
                t = &s->lobes[c->lungs->lobes[at]];
                t->voxels++;
                t->involved += involved;
                t->density += d;
            }
        }
    }
}

static void add(nw_tally *to, const nw_tally *from)
{
    to->voxels += from->voxels;
    to->involved += from->involved;
    to->density += from->density;
}

static nw_part part_of(const nw_tally *t, double voxel_ml, int (*score)(double))
{
    nw_part p = {.volume_ml = (double)t->voxels * voxel_ml,
                 .involved_ml = (double)t->involved * voxel_ml,
                 .share = t->voxels ? (double)t->involved / (double)t->voxels : 0,
                 .bits = t->density * voxel_ml};
    p.score = score ? score(p.share) : 0;
    return p;
}

nw_status nw_tallies_count(const nw_lungs *lungs, const float *density, const int32_t *labels,
                           nw_tallies *out, nw_error *err)
{
    const nw_grid *g = &lungs->grid;
    counting c = {lungs, density, labels, nw_calloc((size_t)g->dims[2], sizeof *c.slabs)};
    if (!c.slabs) return nw_no_memory(err, (size_t)g->dims[2] * sizeof *c.slabs, "severity");
    nw_parallel((size_t)g->dims[2], 4, count_slabs, &c);
    memset(out, 0, sizeof *out);
    for (int64_t k = 0; k < g->dims[2]; k++) {
        for (int side = 1; side < NW_SIDES; side++)
            for (int zone = 0; zone < NW_ZONES; zone++)
                add(&out->zones[side][zone], &c.slabs[k].zones[side][zone]);
        for (int lobe = 1; lobe <= NW_LOBES; lobe++) add(&out->lobes[lobe], &c.slabs[k].lobes[lobe]);
    }
    nw_free(c.slabs);
    return NW_OK;
}

nw_status nw_severity_of(const nw_lungs *lungs, const nw_tallies *all, nw_severity *out, nw_error *err)
{
    nw_tally sides[NW_SIDES] = {{0}};
    const double voxel_ml = nw_grid_voxel_ml(&lungs->grid);
    nw_severity s = {.lobe_score = lungs->lobes ? 0 : -1};
    for (int side = 1; side < NW_SIDES; side++) {
        for (int zone = 0; zone < NW_ZONES; zone++) {
            add(&sides[side], &all->zones[side][zone]);
            s.zones[side][zone] = part_of(&all->zones[side][zone], voxel_ml, nw_severity_zone_score);
            s.zone_score += s.zones[side][zone].score;
        }
        add(&sides[0], &sides[side]);
        s.sides[side] = part_of(&sides[side], voxel_ml, NULL);
    }
    s.sides[0] = part_of(&sides[0], voxel_ml, NULL);
    if (!isfinite(s.sides[0].bits))
        return nw_fail(err, NW_NOT_FINITE, "the bits within the lungs are not finite");
    for (int lobe = 1; lobe <= NW_LOBES && lungs->lobes; lobe++) {
        s.lobes[lobe] = part_of(&all->lobes[lobe], voxel_ml, nw_severity_lobe_score);
        s.lobe_score += s.lobes[lobe].score;
    }
    s.grade = nw_severity_grade(s.sides[0].share);
    s.worst_grade = nw_severity_grade(fmax(s.sides[1].share, s.sides[2].share));
    s.bits_per_litre = s.sides[0].volume_ml > 0 ? 1000 * s.sides[0].bits / s.sides[0].volume_ml : 0;
    *out = s;
    return NW_OK;
}

nw_status nw_severity_measure(const nw_lungs *lungs, const float *density, const int32_t *labels,
                              nw_severity *out, nw_error *err)
{
    nw_tallies all;
    NW_TRY(nw_tallies_count(lungs, density, labels, &all, err));
    return nw_severity_of(lungs, &all, out, err);
}
