#include "phantom/chest.h"

typedef struct path {
    nw_point p[8];
    float r[8];
    int count;
} path;

static bool add_path(nw_tube_list *list, const path *way, float scale, float z, float grow)
{
    for (int i = 0; i + 1 < way->count; i++) {
        nw_tube t = {.a = way->p[i], .b = way->p[i + 1], .r0 = way->r[i] * grow, .r1 = way->r[i + 1] * grow};
        t.a = (nw_point){t.a.x * scale, t.a.y * scale, t.a.z + z};
        t.b = (nw_point){t.b.x * scale, t.b.y * scale, t.b.z + z};
        if (!nw_tube_add(list, t)) return false;
    }
    return true;
}

/* Heights count from the division of the trachea. */
static nw_status lay_vessels(nw_chest *chest, nw_draw *d, nw_error *err)
{
    const nw_trunk *t = &chest->trunk;
    nw_heart *h = &chest->heart;
    float scale = t->half_width / 128, z = t->carina, low = t->bottom - z - 40,
          grow = nw_draw_range(d, 0.9F, 1.15F);
    float arch = nw_draw_range(d, 20, 30), back = nw_trunk_spine_y(t, z) / scale;
    float deep = nw_trunk_spine_y(t, t->bottom) / scale;
    const path ways[] = {
        {{{-2, -22, -48},
          {-12, -33, -22},
          {-13, -33, 0},
          {-5, -22, arch},
          {12, 2, arch + 2},
          {25, back - 14, arch - 12},
          {27, back - 10, -14},
          {22, back - 10, -70}},
         {15, 15.5F, 15, 14, 13, 12, 12, 11.5F},
         8},
        {{{22, back - 10, -70}, {10, deep - 18, low}}, {11.5F, 10.5F}, 2}, /* aorta, below */
        {{{14, -42, -52}, {17, -34, -28}, {20, -14, -12}, {36, 6, -6}},
         {14, 14, 12, 9},
         4},                                                                         /* left pulmonary */
        {{{17, -30, -24}, {-4, -12, -16}, {-32, -4, -20}}, {12.5F, 10.5F, 9}, 3},    /* right pulmonary */
        {{{-26, -17, 46}, {-27, -18, -30}, {-22, -10, -60}}, {8.5F, 9.5F, 9.5F}, 3}, /* upper hollow vein */
        {{{16, -32, 58}, {-10, -30, 48}, {-26, -18, 40}}, {6, 6.5F, 7.5F}, 3},       /* from the left arm */
        {{{-8, -20, arch + 6}, {-15, -14, 70}, {-18, -6, 110}},
         {6.5F, 6, 4.5F},
         3},                                                                   /* to the right arm and head */
        {{{6, -10, arch + 8}, {9, -4, 70}, {15, 4, 110}}, {4.2F, 4, 3.5F}, 3}, /* left carotid */
        {{{16, 8, arch + 6}, {24, 12, 62}, {33, 14, 95}}, {5.2F, 5, 4.5F}, 3}, /* to the left arm */
        {{{-20, 8, -78}, {-24, 10, low}}, {12, 12.5F}, 2},                     /* lower hollow vein */
        {{{-7, back - 17, 8}, {-8, back - 15, low}}, {4, 3}, 2},               /* azygos */
        {{{-7, back - 17, 8}, {-20, 8, 12}, {-25, -14, 6}}, {4, 4.5F, 5}, 3},
        {{{-18, 6, -42}, {-42, 10, -52}}, {9, 6}, 2}, /* pulmonary veins */
        {{{20, 8, -38}, {42, 12, -48}}, {9, 6}, 2},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!add_path(&h->vessels, &ways[i], scale, z, grow)) return nw_no_memory(err, 4096, "vessels");
    const path gullet = {
        {{2, 16, 110}, {3, back - 26, 20}, {5, back - 22, -40}, {12, deep - 30, low}}, {7, 7, 7.5F, 8}, 4};
    if (!add_path(&h->gullet, &gullet, scale, z, 1)) return nw_no_memory(err, 4096, "vessels");
    return NW_OK;
}

nw_status nw_heart_draw(nw_chest *chest, nw_error *err)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_HEART);
    const nw_trunk *t = &chest->trunk;
    nw_heart *h = &chest->heart;
    float scale = t->half_width / 128 * nw_draw_range(&d, 0.92F, 1.1F), deep = t->half_depth / 95;
    float z = t->carina - 74 * nw_draw_range(&d, 0.95F, 1.1F), turn = nw_draw_range(&d, -46, -32);
    nw_point centre = {16 * scale, -24 * deep, z};
    h->pericardium = nw_ellipsoid_make(centre, 66 * scale, 47 * scale, 54 * scale, turn);
    float rim = nw_draw_range(&d, 3, 7);
    h->muscle = nw_ellipsoid_make((nw_point){centre.x - 2, centre.y + 2, z}, 66 * scale - rim,
                                  47 * scale - rim, 54 * scale - rim, turn);
    h->atrium =
        nw_ellipsoid_make((nw_point){2, 8 * deep, t->carina - 44}, 36 * scale, 22 * scale, 28 * scale, 0);
    h->blood_hu = nw_draw_normal(&d, 44, 3);
    h->fat = nw_field_draw(&d, 17);
    h->wobble = nw_field_draw(&d, 38);
    return lay_vessels(chest, &d, err);
}

float nw_heart_wobble(const nw_chest *chest, float x, float y, float z)
{
    return 4.5F * nw_field_at(chest->lattice, &chest->heart.wobble, x, y, z);
}

void nw_heart_paint(const nw_chest *chest, const nw_canvas *c)
{
    const nw_heart *h = &chest->heart;
    float noise[1024], wobble[1024];
    const nw_ellipsoid *e = &h->pericardium;
    float dz = (c->z - e->c.z) / e->r[2];
    if (fabsf(dz) < 1.15F) {
        int box[4];
        nw_canvas_range(c, c->x0, e->c.x - e->r[0] - 12, e->c.x + e->r[0] + 12, &box[0], &box[1]);
        nw_canvas_range(c, c->y0, e->c.y - e->r[0] - 12, e->c.y + e->r[0] + 12, &box[2], &box[3]);
        for (int j = box[2]; j < box[3]; j++) {
            float y = c->y0 + (float)j * c->pixel, *row = c->hu + (size_t)j * (size_t)c->n;
            nw_field_row(chest->lattice, &h->wobble, c->x0, c->pixel, y, c->z, (size_t)c->n, wobble);
            nw_field_row(chest->lattice, &h->fat, c->x0, c->pixel, y, c->z, (size_t)c->n, noise);
            for (int i = box[0]; i < box[1]; i++) {
                float x = c->x0 + (float)i * c->pixel;
                /* The diaphragm with the liver under it ends the heart below. */
                float bend = 4.5F * wobble[i], outer = nw_ellipsoid_distance(e, x, y, c->z) + bend;
                if (outer > c->pixel) continue;
                float inner = nw_ellipsoid_distance(&h->muscle, x, y, c->z) + bend + 2.5F * noise[i];
                float sac = nw_overlap(outer + 1, 0.9F, c->pixel / 2);
                float fat = nw_mix(chest->trunk.fat_hu + 8, 30, sac);
                /* Blood is a little less dense than the muscle around it, and fat lies in the grooves. */
                float groove = nw_smoothstep(1.0F, 1.35F, noise[i]) * nw_smoothstep(-16, -6, inner);
                float flesh = nw_mix(h->blood_hu + 7, h->blood_hu, nw_smoothstep(-7, -11, inner));
                flesh = nw_mix(flesh, chest->trunk.fat_hu + 15, groove);
                float hu = nw_mix(fat, flesh, nw_coverage(inner, c->pixel));
                row[i] = nw_mix(row[i], hu, nw_coverage(outer, c->pixel));
            }
        }
    }
    nw_paint_ellipsoid(c, &h->atrium, h->blood_hu);
    for (size_t i = 0; i < h->vessels.count; i++) nw_paint_tube(c, &h->vessels.v[i], h->blood_hu);
    nw_tubes_paint(c, &h->gullet, 36);
}
