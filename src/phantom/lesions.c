#include "base/memory.h"
#include "phantom/chest.h"

enum { TRIES = 16000 };

/* Beyond its ellipsoid a lesion reaches so far at most: its raggedness, and the seam of a consolidation. */
static float reach_of(const nw_lesion *l)
{
    return 2.2F * l->ragged + l->soft + (l->kind == NW_LESION_CONSOLIDATION ? l->rim : 0);
}

static inline float raggedness(const nw_lesion *l, float coarse, float fine)
{
    return l->ragged * nw_clamp(coarse + 0.5F * fine, -2.2F, 2.2F);
}

float nw_lesion_distance(const nw_lattice *lattice, const nw_lesion *l, float x, float y, float z)
{
    float coarse = nw_field_at(lattice, &l->coarse, x, y, z), fine = nw_field_at(lattice, &l->fine, x, y, z);
    return nw_ellipsoid_distance(&l->shape, x, y, z) + raggedness(l, coarse, fine);
}

static void shape_lesion(nw_lesion *l, nw_draw *d, float radius)
{
    float long_axis = radius * nw_draw_range(d, 0.95F, 1.5F),
          short_axis = radius * nw_draw_range(d, 0.65F, 1);
    float high = radius * nw_draw_range(d, 0.75F, 1.25F);
    l->shape = nw_ellipsoid_make(l->shape.c, long_axis, short_axis, high, nw_draw_range(d, 0, 180));
    l->ragged = nw_clamp(0.28F * radius, 1, 8);
    l->coarse = nw_field_draw(d, nw_clamp(0.8F * radius, 6, 30));
    l->fine = nw_field_draw(d, nw_clamp(0.3F * radius, 3.5F, 9));
}

static void draw_lesion(nw_lesion *l, nw_draw *d, nw_point centre, float radius, float severity)
{
    float k = nw_draw_uniform(d), solid = 0.15F + 0.08F * severity;
    l->kind = k < solid           ? NW_LESION_CONSOLIDATION
              : k < solid + 0.07F ? NW_LESION_REVERSED_HALO
              : k < solid + 0.29F ? NW_LESION_CRAZY_PAVING
                                  : NW_LESION_GROUND_GLASS;
    bool dense = l->kind == NW_LESION_CONSOLIDATION;
    if (dense) radius = fminf(0.6F * radius, 26);
    if (l->kind == NW_LESION_REVERSED_HALO) radius = fminf(radius, 22);
    l->shape.c = centre;
    shape_lesion(l, d, radius);
    l->rim = nw_clamp(radius * nw_draw_range(d, 0.15F, 0.35F), 2.5F, dense ? 10 : 6);
    l->soft = dense ? nw_draw_range(d, 0.6F, 1.5F) : nw_draw_range(d, 1.2F, 4);
    l->hu = nw_draw_range(d, -640, -430);
    l->texture = nw_field_draw(d, nw_draw_range(d, 3, 4.5F));
}

/* Lesions like the back, the base and the pleura. */
static const nw_lung_point *choose(const nw_chest *chest, nw_draw *d, const nw_lung_point *points,
                                   size_t count, int only)
{
    const nw_lung_point *best = points;
    float most = -1;
    for (int i = 0; i < 12; i++) {
        const nw_lung_point *s = &points[(size_t)nw_draw_below(d, (int)count)];
        if (only >= 0 && s->side != only) continue;
        float edge = expf(-s->depth / 14), low = 1 - nw_trunk_level(&chest->trunk, s->p.z);
        float back = 0.5F + 0.5F * s->p.y / chest->trunk.half_depth;
        float weight = (0.2F + edge) * (0.25F + low) * (0.3F + back) * nw_draw_uniform(d);
        if (weight > most) most = weight, best = s;
    }
    return best;
}

typedef struct tally {
    const nw_lung_point *points;
    size_t count;
    unsigned char *taken;
} tally;

static bool within(const nw_chest *chest, const nw_lesion *l, const nw_lung_point *s)
{
    float reach = reach_of(l), seam = l->kind == NW_LESION_CONSOLIDATION ? l->rim : 0;
    float most = fmaxf(l->shape.r[0], l->shape.r[1]) + reach;
    if (fabsf(s->p.x - l->shape.c.x) > most || fabsf(s->p.y - l->shape.c.y) > most ||
        fabsf(s->p.z - l->shape.c.z) > l->shape.r[2] + reach)
        return false;
    return nw_lesion_distance(chest->lattice, l, s->p.x, s->p.y, s->p.z) < seam;
}

/* Points that this lesion would add; and takes them. */
static size_t added(const nw_chest *chest, const tally *t, const nw_lesion *l, bool take)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->taken[i] || !within(chest, l, &t->points[i])) continue;
        n++;
        if (take) t->taken[i] = 1;
    }
    return n;
}

/* Adds lesions until the target's share of the points is taken; the last one is shrunk to fit. */
static void fill(nw_chest *chest, nw_draw *d, const tally *t, float millilitres)
{
    float target = chest->target;
    size_t wanted = (size_t)(target * (float)t->count), taken = 0;
    int planned = 3 + nw_draw_below(d, 5) + (int)(10 * target), only = -1;
    if (target < 0.18F && nw_draw_chance(d, 0.3F)) only = nw_draw_below(d, 2);
    float typical = cbrtf(1000 * millilitres * target / (float)planned * 0.2387F) * 1.35F;
    nw_lesions *all = &chest->lesions;
    while (taken < wanted && all->count < NW_MOST_LESIONS) {
        nw_lesion *l = &all->v[all->count];
        /* Where much is taken already, a new lesion had better begin at a point that is not. */
        const nw_lung_point *s = choose(chest, d, t->points, t->count, only);
        for (int i = 0; i < 4 && t->taken[s - t->points]; i++)
            s = choose(chest, d, t->points, t->count, only);
        draw_lesion(l, d, s->p, typical * nw_draw_range(d, 0.5F, 1.3F), target);
        size_t more = added(chest, t, l, false), room = wanted - taken;
        if (!more) continue;
        for (int i = 0; i < 24 && more > room + wanted / 50 && l->shape.r[0] > 4; i++) {
            for (int axis = 0; axis < 3; axis++) l->shape.r[axis] *= 0.94F;
            more = added(chest, t, l, false);
        }
        taken += added(chest, t, l, true);
        all->count++;
    }
}

nw_status nw_lesions_draw(nw_chest *chest, nw_error *err)
{
    if (!chest->positive) return NW_OK;
    nw_draw points = nw_draw_start(chest->seed, chest->study, NW_PART_POINTS);
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_LESIONS);
    nw_lung_point *samples;
    size_t count;
    NW_TRY(nw_lungs_sample(chest, &points, TRIES, &samples, &count, err));
    tally t = {samples, count, nw_calloc(count, 1)};
    nw_status status = t.taken ? NW_OK : nw_no_memory(err, count, "lesions");
    const nw_trunk *trunk = &chest->trunk;
    float box = 4 * trunk->half_width * trunk->half_depth * (trunk->top - trunk->bottom) / 1000;
    if (status == NW_OK) fill(chest, &d, &t, box * (float)count / TRIES);
    nw_free(t.taken);
    nw_free(samples);
    return status;
}

static inline void denser(float *hu, float value, float weight)
{
    if (value > *hu) *hu = nw_mix(*hu, value, weight);
}

static void paint_pixel(const nw_lesion *l, nw_lung_row *row, size_t i, float d, float coarse, float texture,
                        float pixel)
{
    bool dense = l->kind == NW_LESION_CONSOLIDATION;
    float *hu = &row->hu[i], outer = dense ? d - l->rim : d;
    float glass = l->hu + 55 * texture + 45 * coarse;
    float weight = nw_smoothstep(l->soft, -l->soft, outer);
    if (l->kind == NW_LESION_CRAZY_PAVING) {
        /* Septa: a net where a field passes zero. */
        float net = 1 - nw_clamp(fabsf(texture) / 0.22F, 0, 1);
        glass += 230 * net * net;
    }
    denser(hu, nw_clamp(glass, -740, -160), weight);
    float inside = nw_coverage(outer, pixel), solid = 0;
    if (dense) {
        /* Denser towards the middle; here and there some air is left. */
        float fill = 26 + 9 * texture - 150 * nw_smoothstep(1, 2.1F, coarse) - 40 * nw_smoothstep(-6, 0, d);
        denser(hu, fill, nw_smoothstep(l->soft, -l->soft, d));
        solid = nw_coverage(d, pixel);
    } else if (l->kind == NW_LESION_REVERSED_HALO) {
        float ring = fabsf(d + 0.5F * l->rim) - 0.5F * l->rim;
        denser(hu, 5 + 14 * texture, nw_smoothstep(1, -1, ring));
        solid = nw_coverage(ring, pixel);
    }
    if (solid > row->solid[i]) row->solid[i] = solid;
    if (inside > row->glass[i]) row->glass[i] = inside;
}

void nw_lesions_row(const nw_chest *chest, nw_lung_row *row)
{
    for (int k = 0; k < chest->lesions.count; k++) {
        const nw_lesion *l = &chest->lesions.v[k];
        float reach = reach_of(l), most = fmaxf(l->shape.r[0], l->shape.r[1]) + reach;
        if (fabsf(row->z - l->shape.c.z) > l->shape.r[2] + reach || fabsf(row->y - l->shape.c.y) > most)
            continue;
        float low = (l->shape.c.x - most - row->x) / row->dx, high = (l->shape.c.x + most - row->x) / row->dx;
        size_t begin = low > 0 ? (size_t)low : 0, end = high < 0 ? 0 : (size_t)high + 1;
        if (end > row->n) end = row->n;
        if (begin >= end) continue;
        float x = row->x + (float)begin * row->dx, *coarse = row->scratch[0], *fine = row->scratch[1];
        float *texture = row->scratch[2];
        size_t n = end - begin;
        nw_field_row(chest->lattice, &l->coarse, x, row->dx, row->y, row->z, n, coarse);
        nw_field_row(chest->lattice, &l->fine, x, row->dx, row->y, row->z, n, fine);
        nw_field_row(chest->lattice, &l->texture, x, row->dx, row->y, row->z, n, texture);
        for (size_t i = 0; i < n; i++) {
            if (row->surface[begin + i] > row->dx) continue;
            float d = nw_ellipsoid_distance(&l->shape, x + (float)i * row->dx, row->y, row->z) +
                      raggedness(l, coarse[i], fine[i]);
            float outer = l->kind == NW_LESION_CONSOLIDATION ? d - l->rim : d;
            if (outer > l->soft + row->dx) continue;
            if (outer < row->nearest[begin + i]) {
                row->nearest[begin + i] = outer;
                row->lesion[begin + i] = (int16_t)k;
            }
            paint_pixel(l, row, begin + i, d, coarse[i], texture[i], row->dx);
        }
    }
}
