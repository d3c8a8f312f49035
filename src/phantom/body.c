#include "phantom/chest.h"

/* Layers of the trunk from the inside out: cavity, rib cage, muscles, fat, skin. Each is a radius by angle
 * around the patient, so that none can cross another. */

enum { WALL_MM = 10 }; /* ribs and what is between them */

void nw_trunk_draw(nw_chest *chest)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_BODY);
    nw_trunk *t = &chest->trunk;
    bool woman = nw_draw_chance(&d, 0.45F);
    float height = nw_draw_normal(&d, woman ? 215 : 240, 13);
    t->bottom = -height / 2;
    t->top = height / 2;
    t->carina = t->bottom + height * nw_draw_range(&d, 0.62F, 0.68F);
    t->half_width = nw_draw_normal(&d, woman ? 121 : 133, 6);
    t->half_depth = t->half_width * nw_draw_range(&d, 0.68F, 0.80F);
    t->power = nw_draw_range(&d, 2.15F, 2.6F);
    t->fat = nw_draw_range(&d, 6, 21);
    t->muscle = nw_draw_range(&d, woman ? 0.75F : 0.9F, woman ? 1.05F : 1.3F);
    t->breast = woman ? nw_draw_range(&d, 8, 32) : nw_draw_range(&d, 0, 5);
    t->fat_hu = nw_draw_normal(&d, -103, 4);
    t->muscle_hu = nw_draw_normal(&d, 52, 4);
    t->streaks = nw_field_draw(&d, 9);
    t->tissue = nw_field_draw(&d, 4);
    t->table = nw_draw_range(&d, 4, 16);
}

void nw_trunk_cavity(const nw_trunk *t, float z, float *half_width, float *half_depth)
{
    float level = nw_trunk_level(t, z);
    float narrow = powf(nw_clamp((level - 0.42F) / 0.62F, 0, 1.2F), 2.1F);
    float below = nw_clamp(0.1F - level, 0, 1);
    *half_width = t->half_width * (1 - 0.46F * narrow - 0.1F * below);
    *half_depth = t->half_depth * (1 - 0.40F * narrow - 0.05F * below);
}

float nw_trunk_spine_y(const nw_trunk *t, float z)
{
    float width, depth;
    nw_trunk_cavity(t, z, &width, &depth);
    return depth - 0.43F * t->half_depth;
}

static float bump(float v, float centre, float width)
{
    float u = (v - centre) / width;
    return expf(-u * u);
}

/* Where the muscles end: nearly the same outline at all heights, so that they fill what the cavity leaves
 * free above. degrees from the back, 0..180. */
static float flesh_radius(const nw_trunk *t, float angle, float degrees, float level)
{
    float high = nw_smoothstep(0.35F, 0.9F, level);
    float width = t->half_width + 13 + 12 * t->muscle + 6 * high;
    float depth = (t->half_depth + 12 + 11 * t->muscle) * (1 - 0.17F * high);
    float u = fabsf(sinf(angle)) / width, v = fabsf(cosf(angle)) / depth, power = 2.35F;
    float r = powf(powf(u, power) + powf(v, power), -1 / power);
    r += (8 - 3 * high) * cosf(angle);
    return r - 7 * t->muscle * bump(degrees, 0, 7) + 4 * t->muscle * bump(degrees, 20, 12);
}

static float fat_thickness(const nw_trunk *t, float degrees, float level)
{
    float breast = t->breast * bump(degrees, 143, 19) * bump(level, 0.36F, 0.24F);
    float belly = 0.35F * bump(degrees, 180, 60) * nw_smoothstep(0.4F, 0, level);
    return t->fat * (0.75F + 0.5F * bump(degrees, 80, 45) + belly) + breast;
}

void nw_outline_at(const nw_trunk *t, float z, nw_outline *out)
{
    float width, depth, level = nw_trunk_level(t, z);
    nw_trunk_cavity(t, z, &width, &depth);
    out->least_cavity = 1e9F;
    out->most_skin = 0;
    for (int i = 0; i <= NW_ANGLES; i++) {
        float angle = (float)(i % NW_ANGLES) * (6.2831853F / NW_ANGLES);
        float u = fabsf(sinf(angle)) / width, v = fabsf(cosf(angle)) / depth;
        float cavity = powf(powf(u, t->power) + powf(v, t->power), -1 / t->power);
        /* The breast bone flattens the front. */
        float degrees = (float)(i <= NW_ANGLES / 2 ? i : NW_ANGLES - i) * (360.F / NW_ANGLES);
        cavity *= 1 - 0.05F * bump(degrees, 180, 18);
        out->cavity[i] = cavity;
        out->muscle[i] = fmaxf(cavity + WALL_MM + 3 * t->muscle, flesh_radius(t, angle, degrees, level));
        out->skin[i] = out->muscle[i] + fat_thickness(t, degrees, level);
        if (cavity < out->least_cavity) out->least_cavity = cavity;
        if (out->skin[i] > out->most_skin) out->most_skin = out->skin[i];
    }
    for (int i = 0; i <= NW_ANGLES; i++) {
        float before = out->cavity[(i + NW_ANGLES - 1) % NW_ANGLES], after = out->cavity[(i + 1) % NW_ANGLES];
        float slope = (after - before) / (2 * 6.2831853F / NW_ANGLES) / out->cavity[i];
        out->upright[i] = 1 / sqrtf(1 + slope * slope);
    }
}

static inline float lookup(const float *table, int at, float rest)
{
    return table[at] + rest * (table[at + 1] - table[at]);
}

/* What fills the cavity where there is no lung: fat of the mediastinum above the diaphragm, organs below. */
static float filling(const nw_chest *chest, float x, float y, float z, float noise)
{
    float under = nw_lungs_diaphragm(&chest->lungs, x, y) - z;
    if (under < 0) return chest->trunk.fat_hu + 6;
    float wobble = 10 * noise;
    if (x < 8 + wobble) return under < 2 ? 45 : 58;                        /* liver */
    if (x > 38 + wobble && y > 12 + wobble) return under < 4 ? 20 : 50;    /* spleen */
    if (under > 4 && y < 8 + wobble && x > 26) return y < -38 ? -960 : 22; /* stomach, its air in front */
    return chest->trunk.fat_hu + 10;
}

static void paint_table(const nw_canvas *c, float top)
{
    for (int j = 0; j < c->n; j++) {
        float y = c->y0 + (float)j * c->pixel;
        if (y < top - 30 || y > top + 60) continue;
        float *row = c->hu + (size_t)j * (size_t)c->n;
        for (int i = 0; i < c->n; i++) {
            float x = c->x0 + (float)i * c->pixel, bend = top - x * x * 0.0009F;
            if (fabsf(x) > 215) continue;
            float shell = nw_overlap(y - bend, 1.1F, c->pixel / 2);
            float foam = nw_coverage(fabsf(y - bend - 18) - 18, c->pixel);
            row[i] = nw_mix(nw_mix(row[i], -930, foam), -180, shell);
        }
    }
}

void nw_body_paint(const nw_chest *chest, const nw_canvas *c, const nw_outline *o, const float *angle,
                   const float *radius)
{
    const nw_trunk *t = &chest->trunk;
    paint_table(c, o->skin[0] + t->table);
    size_t n = (size_t)c->n;
    float streaks[1024], tissue[1024];
    for (int j = 0; j < c->n; j++) {
        float y = c->y0 + (float)j * c->pixel;
        if (fabsf(y) > o->most_skin + 2) continue;
        const float *a = angle + (size_t)j * n, *r = radius + (size_t)j * n;
        float *row = c->hu + (size_t)j * n;
        nw_field_row(chest->lattice, &t->streaks, c->x0, c->pixel, y, c->z, n, streaks);
        nw_field_row(chest->lattice, &t->tissue, c->x0, c->pixel, y, c->z, n, tissue);
        for (int i = 0; i < c->n; i++) {
            if (r[i] > o->most_skin + 2) continue;
            int at = (int)a[i];
            float rest = a[i] - (float)at, up = lookup(o->upright, at, rest);
            float skin = (r[i] - lookup(o->skin, at, rest)) * up;
            if (skin > c->pixel) continue;
            float inside = (r[i] - lookup(o->cavity, at, rest)) * up;
            float muscle = (r[i] - lookup(o->muscle, at, rest)) * up;
            float hu = nw_mix(20, t->fat_hu + 5 * tissue[i], nw_coverage(skin + 1.8F, c->pixel));
            /* Muscles lie in sheets around the ribs, with fat between them. */
            float thick = inside - WALL_MM - muscle, plane = inside - WALL_MM;
            float split = fabsf(plane - 0.45F * thick - 3 * streaks[i]);
            if (thick > 26) split = fminf(split, fabsf(plane - 0.75F * thick + 4 * streaks[i]));
            split = fminf(split, fabsf(plane) + 0.8F + 1.2F * streaks[i]);
            float flesh =
                nw_mix(t->fat_hu + 15, t->muscle_hu + 5 * tissue[i], nw_smoothstep(0.4F, 1.7F, split));
            if (thick < 12) flesh = t->muscle_hu + 5 * tissue[i];
            if (plane < 0) flesh = t->muscle_hu - 18 + 12 * streaks[i];
            hu = nw_mix(hu, flesh, nw_coverage(muscle, c->pixel));
            if (inside < c->pixel) {
                float x = c->x0 + (float)i * c->pixel;
                hu = nw_mix(hu, filling(chest, x, y, c->z, streaks[i]), nw_coverage(inside, c->pixel));
            }
            row[i] = nw_mix(row[i], hu, nw_coverage(skin, c->pixel));
        }
    }
}
