/* A chest as a function of the place in mm (RAS, the middle of the chest at 0): lungs with heart, diaphragm,
 * airways, vessels, ribs, stomach gas and a table, and dense spheres as lesions. Sampled on any grid, with
 * the truth beside it. */
#ifndef NW_TEST_CHEST_H
#define NW_TEST_CHEST_H

#include <math.h>
#include <narrows/lesion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct chest_lesion {
    double at[3], radius, hu;
} chest_lesion;

typedef struct chest_plan {
    chest_lesion lesions[16];
    int count;
    double noise_hu;
    bool joined;    /* the lungs touch in front, but for a thin sheet */
    bool no_airway; /* */
    bool no_right;  /* the right lung is tissue */
} chest_plan;

static inline bool chest_ellipsoid(const double p[3], double x, double y, double z, double a, double b,
                                   double c)
{
    double u = (p[0] - x) / a, v = (p[1] - y) / b, w = (p[2] - z) / c;
    return u * u + v * v + w * w < 1;
}

/* 1 lumen, 2 wall, 0 none: of a tube between two places. */
static inline int chest_tube(const double p[3], const double a[3], const double b[3], double radius,
                             double wall)
{
    double d[3], q[3], dd = 0, dq = 0, r2 = 0;
    for (int i = 0; i < 3; i++) {
        d[i] = b[i] - a[i];
        q[i] = p[i] - a[i];
        dd += d[i] * d[i];
        dq += d[i] * q[i];
    }
    double t = dq / dd;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    for (int i = 0; i < 3; i++) r2 += (q[i] - t * d[i]) * (q[i] - t * d[i]);
    return r2 < radius * radius ? 1 : r2 < (radius + wall) * (radius + wall) ? 2 : 0;
}

static inline int chest_airway(const double p[3])
{
    static const double top[3] = {0, -10, 400}, carina[3] = {0, -10, 20}, right[3] = {42, -8, -8},
                        left[3] = {-42, -8, -8};
    int a = chest_tube(p, top, carina, 9, 2), b = chest_tube(p, carina, right, 6.5, 2),
        c = chest_tube(p, carina, left, 6, 2);
    if (a == 1 || b == 1 || c == 1) return 1;
    return a || b || c ? 2 : 0;
}

/* nw_side of a place. */
static inline int chest_side(const chest_plan *plan, const double p[3])
{
    if (plan->joined && fabs(p[0]) < 20 && p[1] > 25 && p[1] < 62 && p[2] > 20 && p[2] < 80)
        return p[0] > 0 ? 1 : 2;
    if (fabs(p[0]) < 14 || chest_ellipsoid(p, -20, 25, -55, 55, 48, 60)) return 0;
    if (p[0] > 0)
        return chest_ellipsoid(p, 70, 0, 0, 66, 92, 130) && !chest_ellipsoid(p, 75, 5, -150, 95, 100, 90) ? 1
                                                                                                          : 0;
    return chest_ellipsoid(p, -70, 0, 0, 66, 92, 130) && !chest_ellipsoid(p, -75, 5, -160, 95, 100, 85) ? 2
                                                                                                        : 0;
}

static inline int chest_lesion_at(const chest_plan *plan, const double p[3])
{
    for (int i = 0; i < plan->count; i++) {
        const chest_lesion *l = &plan->lesions[i];
        if (chest_ellipsoid(p, l->at[0], l->at[1], l->at[2], l->radius, l->radius, l->radius)) return i + 1;
    }
    return 0;
}

static inline double chest_tissue(const double p[3])
{
    if (p[1] < -125 && p[1] > -128 && fabs(p[0]) < 200) return 100; /* table */
    if (p[1] < -150 && p[1] > -153 && fabs(p[0]) < 200) return 100;
    if (fabs(p[0]) > 180 && fabs(p[0]) < 183 && p[1] < -125 && p[1] > -153) return 100;
    if (!chest_ellipsoid(p, 0, 0, 0, 172, 120, 1e6)) return -1000;
    if (chest_ellipsoid(p, -60, 15, -112, 27, 27, 22)) return -1000; /* stomach */
    if (chest_ellipsoid(p, 0, -75, 0, 20, 18, 1e6)) return 350;      /* spine */
    for (int side = -1; side <= 1; side += 2)
        if (sin(p[2] / 4) > 0.2 && !chest_ellipsoid(p, side * 70, 0, 0, 69, 95, 135) &&
            chest_ellipsoid(p, side * 70, 0, 0, 76, 102, 145) && side * p[0] > 40)
            return 450; /* ribs */
    return 40;
}

static inline double chest_hu(const chest_plan *plan, const double p[3])
{
    static const double hilum[2][3] = {{42, -8, -8}, {-42, -8, -8}};
    static const double ends[2][4][3] = {{{110, 40, 30}, {115, -40, 20}, {80, -60, -40}, {70, 20, 80}},
                                         {{-110, 40, 30}, {-115, -40, 20}, {-80, -60, -40}, {-70, 20, 80}}};
    int airway = plan->no_airway ? 0 : chest_airway(p);
    if (airway == 1) return -1000;
    if (airway == 2) return 20;
    int side = chest_side(plan, p);
    if (side == 1 && plan->no_right) return 40;
    if (!side) return chest_tissue(p);
    int lesion = chest_lesion_at(plan, p);
    if (lesion) return plan->lesions[lesion - 1].hu;
    if (plan->joined && fabs(p[0]) < 1.5) return -480;
    for (int i = 0; i < 4; i++)
        if (chest_tube(p, hilum[side - 1], ends[side - 1][i], 2.5, 0)) return 40;
    return -850;
}

typedef struct chest {
    nw_grid grid;
    size_t count;
    float *hu;
    uint8_t *side;   /* nw_side */
    uint8_t *lesion; /* number of the lesion, within the lungs */
} chest;

/* A number from -1 to 1 that depends on the place of a voxel alone. */
static inline double chest_noise(uint64_t i)
{
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        i += 0x9e3779b97f4a7c15u;
        uint64_t z = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        sum += (double)(z >> 11) / 9007199254740992.0 - 0.5;
    }
    return sum * 1.7320508; /* deviation 1 */
}

static inline chest chest_make(const chest_plan *plan, const nw_grid *grid)
{
    chest c = {.grid = *grid, .count = (size_t)(grid->dims[0] * grid->dims[1] * grid->dims[2])};
    c.hu = malloc(c.count * sizeof *c.hu);
    c.side = malloc(c.count);
    c.lesion = malloc(c.count);
    if (!c.hu || !c.side || !c.lesion) abort();
    size_t at = 0;
    for (int64_t k = 0; k < grid->dims[2]; k++)
        for (int64_t j = 0; j < grid->dims[1]; j++)
            for (int64_t i = 0; i < grid->dims[0]; i++, at++) {
                double p[3], v[3] = {(double)i, (double)j, (double)k};
                nw_grid_world(grid, v, p);
                c.hu[at] = (float)(chest_hu(plan, p) + plan->noise_hu * chest_noise(at));
                c.side[at] = (uint8_t)chest_side(plan, p);
                if (c.side[at] == 1 && plan->no_right) c.side[at] = 0;
                c.lesion[at] = c.side[at] ? (uint8_t)chest_lesion_at(plan, p) : 0;
                /* The airway counts outside the lungs only where a tube runs in the mediastinum. */
            }
    return c;
}

static inline void chest_free(chest *c)
{
    free(c->hu);
    free(c->side);
    free(c->lesion);
}

/* A grid of spacing hx, hy, hz mm around the chest: i to the left, j to the back, k up, as most CT in NIfTI.
 */
static inline nw_grid chest_grid(double hx, double hy, double hz, double low_mm, double high_mm)
{
    nw_grid g = {.dims = {(int64_t)(400 / hx), (int64_t)(340 / hy), (int64_t)((high_mm - low_mm) / hz + 0.5)},
                 .slice_axis = 2};
    g.affine[0][0] = -hx;
    g.affine[0][3] = hx * (double)(g.dims[0] - 1) / 2;
    g.affine[1][1] = -hy;
    g.affine[1][3] = hy * (double)(g.dims[1] - 1) / 2;
    g.affine[2][2] = hz;
    g.affine[2][3] = low_mm + hz / 2;
    g.affine[3][3] = 1;
    return g;
}

/* The same voxels, axis a of the new array being axis order[a] of the old one, reversed where flip[a]. */
static inline nw_grid chest_reordered(const nw_grid *g, const int order[3], const int flip[3])
{
    nw_grid out = *g;
    for (int r = 0; r < 3; r++) out.affine[r][3] = g->affine[r][3];
    for (int a = 0; a < 3; a++) {
        out.dims[a] = g->dims[order[a]];
        for (int r = 0; r < 3; r++) {
            out.affine[r][a] = flip[a] ? -g->affine[r][order[a]] : g->affine[r][order[a]];
            if (flip[a]) out.affine[r][3] += g->affine[r][order[a]] * (double)(out.dims[a] - 1);
        }
        if (order[a] == g->slice_axis) out.slice_axis = a, out.slices_reversed = g->slices_reversed ^ flip[a];
    }
    return out;
}

/* Index in the old array of voxel (i, j, k) of the reordered one. */
static inline size_t chest_old_index(const nw_grid *old, const int order[3], const int flip[3], int64_t i,
                                     int64_t j, int64_t k)
{
    const int64_t at[3] = {i, j, k};
    int64_t o[3];
    for (int a = 0; a < 3; a++) o[order[a]] = flip[a] ? old->dims[order[a]] - 1 - at[a] : at[a];
    return (size_t)(o[0] + old->dims[0] * (o[1] + old->dims[1] * o[2]));
}

#endif
