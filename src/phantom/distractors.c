#include "base/memory.h"
#include "phantom/chest.h"

enum { TRIES = 3000 };

static void add_spot(nw_distractors *all, nw_ellipsoid shape, float hu)
{
    if (all->spot_count < NW_MOST_SPOTS) all->spots[all->spot_count++] = (nw_spot){shape, hu};
}

static void draw_spots(nw_chest *chest, nw_draw *d, const nw_lung_point *points, size_t count)
{
    nw_distractors *all = &chest->distractors;
    if (nw_draw_chance(d, 0.45F)) {
        all->kinds |= NW_DISTRACTOR_NODULES;
        for (int i = 1 + nw_draw_below(d, 4); i > 0; i--) {
            const nw_lung_point *s = &points[nw_draw_below(d, (int)count)];
            float r = nw_draw_range(d, 2, 5), hu = nw_draw_chance(d, 0.2F) ? 420.F : nw_draw_range(d, 0, 60);
            add_spot(
                all,
                nw_ellipsoid_make(s->p, r, r * nw_draw_range(d, 0.8F, 1.2F), r, nw_draw_range(d, 0, 180)),
                hu);
        }
    }
    if (nw_draw_chance(d, 0.45F)) {
        all->kinds |= NW_DISTRACTOR_SCARS;
        for (int i = 1 + nw_draw_below(d, 4); i > 0; i--) {
            const nw_lung_point *s = &points[nw_draw_below(d, (int)count)];
            for (int k = 0; k < 8 && s->depth > 15; k++) s = &points[nw_draw_below(d, (int)count)];
            float length = nw_draw_range(d, 8, 26), thick = nw_draw_range(d, 0.9F, 2.2F);
            add_spot(
                all,
                nw_ellipsoid_make(s->p, length, thick, nw_draw_range(d, 4, 13), nw_draw_range(d, 0, 180)),
                nw_draw_range(d, -120, 30));
        }
    }
    if (nw_draw_chance(d, 0.18F)) {
        all->kinds |= NW_DISTRACTOR_BULLAE;
        for (int i = 6 + nw_draw_below(d, 14); i > 0; i--) {
            const nw_lung_point *s = &points[nw_draw_below(d, (int)count)];
            for (int k = 0; k < 8 && nw_trunk_level(&chest->trunk, s->p.z) < 0.55F; k++)
                s = &points[nw_draw_below(d, (int)count)];
            float r = nw_draw_range(d, 3, 9);
            add_spot(all,
                     nw_ellipsoid_make(s->p, r, r * nw_draw_range(d, 0.7F, 1), r, nw_draw_range(d, 0, 180)),
                     -965);
        }
    }
}

static void draw_fluid(nw_chest *chest, nw_draw *d)
{
    nw_lungs *l = &chest->lungs;
    int side = nw_draw_below(d, 2), both = nw_draw_chance(d, 0.4F);
    chest->distractors.kinds |= NW_DISTRACTOR_EFFUSION;
    for (int s = 0; s < 2; s++) {
        if (s != side && !both) continue;
        l->fluid[s] = nw_draw_range(d, 6, 24);
        l->fluid_level[s] = nw_draw_range(d, 0.05F, 0.4F) * chest->trunk.half_depth;
        l->fluid_top[s] = nw_draw_range(d, -0.05F, 0.3F) * (chest->trunk.top - chest->trunk.bottom);
    }
}

/* A stomach tube down the gullet, and wires on the skin. */
static bool draw_tubes(nw_chest *chest, nw_draw *d)
{
    nw_distractors *all = &chest->distractors;
    const nw_tube_list *gullet = &chest->heart.gullet;
    all->kinds |= NW_DISTRACTOR_TUBES;
    bool fits = true;
    int which = nw_draw_below(d, 3); /* tube, wires, both */
    for (size_t i = 0; fits && which != 1 && i < gullet->count; i++) {
        nw_tube t = gullet->v[i];
        t.r0 = t.r1 = 2.3F;
        fits = nw_tube_add(&all->tube, t);
        t.r0 = t.r1 = 1.4F;
        fits = fits && nw_tube_add(&all->lumen, t);
    }
    for (int i = 0; fits && which != 0 && i < 3; i++) {
        nw_outline o;
        float degrees = nw_draw_range(d, 130, 230), height = chest->trunk.top - chest->trunk.bottom;
        float z = chest->trunk.bottom + height * nw_draw_range(d, 0.2F, 0.6F);
        nw_tube t = {.r0 = 1, .r1 = 1};
        for (int k = 0; fits && k < 14; k++) {
            nw_outline_at(&chest->trunk, z, &o);
            float angle = degrees * 0.017453293F, r = o.skin[(int)(degrees / 360 * NW_ANGLES)] + 1.5F;
            t.b = (nw_point){r * sinf(angle), r * cosf(angle), z};
            if (k) fits = nw_tube_add(&all->wires, t);
            t.a = t.b;
            z += height * 0.045F;
            degrees += nw_draw_range(d, -3, 3);
        }
    }
    return fits;
}

nw_status nw_distractors_draw(nw_chest *chest, nw_error *err)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_DISTRACTORS);
    nw_distractors *all = &chest->distractors;
    if (nw_draw_chance(&d, 0.4F)) {
        all->kinds |= NW_DISTRACTOR_DEPENDENT;
        all->dependent = nw_draw_range(&d, 60, 220);
    }
    if (nw_draw_chance(&d, 0.12F)) draw_fluid(chest, &d);
    if (nw_draw_chance(&d, 0.2F)) {
        all->kinds |= NW_DISTRACTOR_MOTION;
        all->breath = nw_draw_range(&d, 3, 9);
    }
    if (nw_draw_chance(&d, 0.25F) && !draw_tubes(chest, &d)) return nw_no_memory(err, 4096, "tubes");
    nw_lung_point *points;
    size_t count;
    NW_TRY(nw_lungs_sample(chest, &d, TRIES, &points, &count, err));
    draw_spots(chest, &d, points, count);
    nw_free(points);
    return NW_OK;
}

void nw_distractors_row(const nw_chest *chest, nw_lung_row *row)
{
    const nw_distractors *all = &chest->distractors;
    float back = nw_smoothstep(0, 0.7F * chest->trunk.half_depth, row->y) * all->dependent;
    if (back > 0)
        for (size_t i = 0; i < row->n; i++)
            if (row->surface[i] < 0) row->hu[i] += back * expf(row->surface[i] / 6);
    for (int k = 0; k < all->spot_count; k++) {
        const nw_ellipsoid *e = &all->spots[k].shape;
        float most = fmaxf(e->r[0], e->r[1]) + row->dx;
        if (fabsf(row->z - e->c.z) > e->r[2] + row->dx || fabsf(row->y - e->c.y) > most) continue;
        float low = (e->c.x - most - row->x) / row->dx, high = (e->c.x + most - row->x) / row->dx;
        size_t begin = low > 0 ? (size_t)low : 0, end = high < 0 ? 0 : (size_t)high + 1;
        if (end > row->n) end = row->n;
        for (size_t i = begin; i < end; i++) {
            float d = nw_ellipsoid_distance(e, row->x + (float)i * row->dx, row->y, row->z);
            if (d < row->dx)
                row->hu[i] = nw_mix(row->hu[i], all->spots[k].hu, nw_coverage(d, 1.5F * row->dx));
        }
    }
}

void nw_distractors_paint(const nw_chest *chest, const nw_canvas *c)
{
    nw_tubes_paint(c, &chest->distractors.tube, 350);
    nw_tubes_paint(c, &chest->distractors.lumen, -900);
    nw_tubes_paint(c, &chest->distractors.wires, 1800);
}
