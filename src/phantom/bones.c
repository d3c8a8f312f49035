#include "phantom/chest.h"

void nw_bones_draw(nw_chest *chest)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_BONES);
    nw_bones *b = &chest->bones;
    b->rib_spacing = nw_draw_normal(&d, 25, 1.2F);
    b->rib_phase = nw_draw_uniform(&d);
    b->rib_drop = nw_draw_normal(&d, 78, 8);
    b->disc_spacing = b->rib_spacing;
    b->disc_phase = nw_draw_uniform(&d);
    b->marrow_hu = nw_draw_normal(&d, 170, 35);
    b->cortex_hu = nw_draw_normal(&d, 820, 90);
    b->texture = nw_field_draw(&d, 2.2F);
}

/* HU of bone at a depth (negative within) under its surface. */
static float bone_hu(const nw_bones *b, float distance, float shell, float texture)
{
    return nw_mix(b->cortex_hu, b->marrow_hu + 35 * texture,
                  nw_smoothstep(-0.5F * shell, -1.5F * shell, distance));
}

static void dab(const nw_canvas *c, float *pixel, float distance, float hu)
{
    if (distance < c->pixel) *pixel = nw_mix(*pixel, hu, nw_coverage(distance, c->pixel));
}

/* Ribs are hoops within the wall that fall from the back to the front; a slice cuts each obliquely. */
static void paint_ribs(const nw_chest *chest, const nw_canvas *c, const nw_outline *o, const float *angle,
                       const float *radius)
{
    const nw_bones *b = &chest->bones;
    const nw_trunk *t = &chest->trunk;
    float texture[1024];
    size_t n = (size_t)c->n;
    /* Height of the hoop below its start at the spine, by angle; beyond 150 degrees it is cartilage. */
    float fall[NW_ANGLES / 2 + 2];
    for (int i = 0; i < NW_ANGLES / 2 + 2; i++) {
        float s = sinf((float)i * (3.14159265F / NW_ANGLES));
        fall[i] = b->rib_drop * s * s;
    }
    for (int j = 0; j < c->n; j++) {
        float y = c->y0 + (float)j * c->pixel;
        if (fabsf(y) > o->most_skin) continue;
        const float *a = angle + (size_t)j * n, *r = radius + (size_t)j * n;
        float *row = c->hu + (size_t)j * n;
        nw_field_row(chest->lattice, &b->texture, c->x0, c->pixel, y, c->z, n, texture);
        for (int i = 0; i < c->n; i++) {
            if (r[i] < o->least_cavity) continue;
            int at = (int)a[i];
            float rest = a[i] - (float)at;
            float out = (r[i] - o->cavity[at] - rest * (o->cavity[at + 1] - o->cavity[at])) * o->upright[at];
            if (out < 0 || out > 13) continue;
            float turn = a[i] <= NW_ANGLES / 2 ? a[i] : NW_ANGLES - a[i]; /* 0 back .. NW_ANGLES/2 front */
            if (turn < 0.03F * NW_ANGLES || turn > 0.475F * NW_ANGLES) continue;
            int step = (int)turn;
            float height = c->z + fall[step] + (turn - (float)step) * (fall[step + 1] - fall[step]);
            float k = height / b->rib_spacing + b->rib_phase;
            if (height > t->top + 12 || height < t->bottom - 20) continue;
            float up = (k - floorf(k) - 0.5F) * b->rib_spacing / 6.2F, across = (out - 5.5F) / 3.9F;
            float reach = sqrtf(up * up + across * across);
            float distance = (reach - 1) * 4.3F;
            float gristle = nw_smoothstep(0.39F * NW_ANGLES, 0.41F * NW_ANGLES, turn);
            dab(c, &row[i], distance, nw_mix(bone_hu(b, distance, 1.1F, texture[i]), 95, gristle));
        }
    }
}

static void paint_spine(const nw_chest *chest, const nw_canvas *c)
{
    const nw_bones *b = &chest->bones;
    const nw_trunk *t = &chest->trunk;
    float y0 = nw_trunk_spine_y(t, c->z), level = nw_clamp(nw_trunk_level(t, c->z), 0, 1);
    float wide = 19 - 4 * level, deep = 16 - 2 * level;
    float k = c->z / b->disc_spacing + b->disc_phase, phase = k - floorf(k); /* 0: middle of a disc */
    bool disc = phase < 0.1F || phase > 0.9F;
    bool plate = !disc && (phase < 0.16F || phase > 0.84F);
    nw_ellipsoid body = nw_ellipsoid_make((nw_point){0, y0, c->z}, wide, deep, 1e4F, 0);
    nw_ellipsoid canal = nw_ellipsoid_make((nw_point){0, y0 + deep + 7, c->z}, 9.5F, 7.5F, 1e4F, 0);
    nw_ellipsoid arch = nw_ellipsoid_make((nw_point){0, y0 + deep + 8, c->z}, 15, 12.5F, 1e4F, 0);
    bool lamina = phase > 0.25F && phase<0.95F, wings = phase> 0.45F && phase < 0.9F;
    nw_tube process = {.a = {0, y0 + deep + 18, c->z}, .b = {0, y0 + deep + 42, c->z}, .r0 = 4, .r1 = 3};
    nw_tube wing[2];
    for (int s = 0; s < 2; s++) {
        float sign = s ? 1.F : -1.F;
        wing[s] = (nw_tube){.a = {sign * 13, y0 + deep + 6, c->z},
                            .b = {sign * 36, y0 + deep + 17, c->z},
                            .r0 = 5.5F,
                            .r1 = 4};
    }
    int box[4];
    nw_canvas_range(c, c->x0, -46, 46, &box[0], &box[1]);
    nw_canvas_range(c, c->y0, y0 - 20, y0 + 70, &box[2], &box[3]);
    float texture[1024];
    for (int j = box[2]; j < box[3]; j++) {
        float y = c->y0 + (float)j * c->pixel, *row = c->hu + (size_t)j * (size_t)c->n;
        nw_field_row(chest->lattice, &b->texture, c->x0, c->pixel, y, c->z, (size_t)c->n, texture);
        for (int i = box[0]; i < box[1]; i++) {
            float x = c->x0 + (float)i * c->pixel;
            float ring = nw_ellipsoid_distance(&arch, x, y, c->z);
            float spike = 1e3F;
            if (lamina) spike = ring;
            if (wings)
                for (int s = 0; s < 2; s++) spike = fminf(spike, nw_tube_distance(&wing[s], x, y, c->z));
            spike = nw_smooth_min(spike, nw_tube_distance(&process, x, y, c->z), 3);
            dab(c, &row[i], spike, bone_hu(b, spike, 1.3F, texture[i]));
            float hole = nw_ellipsoid_distance(&canal, x, y, c->z);
            if (lamina) dab(c, &row[i], hole, 28);
            float d = nw_ellipsoid_distance(&body, x, y, c->z);
            /* Behind, the body is hollowed by the canal. */
            d = nw_smooth_max(d, -hole, 2);
            float hu = disc ? 85 : bone_hu(b, d, 1.1F, texture[i]);
            if (plate) hu = fmaxf(hu, 420);
            dab(c, &row[i], d, hu);
        }
    }
}

static void paint_front(const nw_chest *chest, const nw_canvas *c, const nw_outline *o)
{
    const nw_bones *b = &chest->bones;
    const nw_trunk *t = &chest->trunk;
    float level = nw_trunk_level(t, c->z), front = -o->cavity[NW_ANGLES / 2];
    if (level > 0.22F && level < 0.92F) { /* breast bone, wider above */
        float wide = 15 + 12 * nw_smoothstep(0.66F, 0.85F, level);
        nw_ellipsoid e = nw_ellipsoid_make((nw_point){0, front - 4.5F, c->z}, wide, 5.5F, 1e4F, 0);
        nw_ellipsoid marrow = nw_ellipsoid_make(e.c, wide - 1.6F, 4, 1e4F, 0);
        nw_paint_ellipsoid(c, &e, b->cortex_hu * 0.8F);
        nw_paint_ellipsoid(c, &marrow, b->marrow_hu * 0.6F);
    }
    for (int s = 0; s < 2; s++) { /* collar bones */
        float sign = s ? 1.F : -1.F, high = t->top;
        nw_tube bone = {
            .a = {sign * 22, front - 8, high - 22}, .b = {sign * 118, -18, high + 14}, .r0 = 7, .r1 = 6};
        nw_tube marrow = bone;
        marrow.r0 = 5, marrow.r1 = 4;
        nw_paint_tube(c, &bone, b->cortex_hu);
        nw_paint_tube(c, &marrow, b->marrow_hu);
    }
}

/* Shoulder blades: a thin sheet behind the ribs, with a spine on the outer side above. */
static void paint_blades(const nw_chest *chest, const nw_canvas *c, const nw_outline *o)
{
    const nw_bones *b = &chest->bones;
    float level = nw_trunk_level(&chest->trunk, c->z);
    if (level < 0.45F || level > 1.0F) return;
    float length = nw_smoothstep(0.45F, 0.7F, level);
    for (int s = 0; s < 2; s++) {
        nw_point p[2];
        for (int e = 0; e < 2; e++) {
            float degrees = e ? 38 + 34 * length : 33;
            int at = (int)(degrees / 360 * NW_ANGLES);
            float r = o->cavity[at] + (e ? 22 : 17), angle = degrees * 0.017453293F;
            p[e] = (nw_point){(s ? 1.F : -1.F) * r * sinf(angle), r * cosf(angle), c->z};
        }
        nw_tube sheet = {.a = p[0], .b = p[1], .r0 = 2.6F, .r1 = 3.2F + 3 * length};
        nw_tube inner = {.a = p[0], .b = p[1], .r0 = 1, .r1 = 1.4F + 2.6F * length};
        nw_paint_tube(c, &sheet, b->cortex_hu * 0.85F);
        nw_paint_tube(c, &inner, b->marrow_hu);
        if (level > 0.72F) {
            nw_point root = {0.4F * p[0].x + 0.6F * p[1].x, 0.4F * p[0].y + 0.6F * p[1].y, c->z};
            nw_tube ridge = {.a = root, .b = {root.x * 1.12F, root.y + 20, c->z}, .r0 = 2.4F, .r1 = 3};
            nw_paint_tube(c, &ridge, b->cortex_hu * 0.8F);
        }
    }
}

void nw_bones_paint(const nw_chest *chest, const nw_canvas *c, const nw_outline *o, const float *angle,
                    const float *radius)
{
    paint_blades(chest, c, o);
    paint_ribs(chest, c, o, angle, radius);
    paint_spine(chest, c);
    paint_front(chest, c, o);
}
