#include "base/memory.h"
#include "base/parallel.h"
#include "phantom/chest.h"

void nw_lungs_draw(nw_chest *chest)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_LUNGS);
    nw_lungs *l = &chest->lungs;
    const nw_trunk *t = &chest->trunk;
    l->drop = nw_draw_range(&d, 62, 84);
    l->dome[0] = t->bottom + l->drop + nw_draw_range(&d, 2, 16);
    l->dome[1] = l->dome[0] - nw_draw_range(&d, 4, 15);
    for (int s = 0; s < 2; s++) {
        l->dome_x[s] = (s ? 1.F : -1.F) * 0.5F * t->half_width;
        l->dome_y[s] = nw_draw_range(&d, -14, 2);
    }
    l->junction = nw_draw_range(&d, 1.6F, 3.5F);
    l->base_hu = nw_draw_normal(&d, -852, 14);
    l->gradient = nw_draw_range(&d, 0.25F, 0.65F);
    l->shape = nw_field_draw(&d, 52);
    l->texture = nw_field_draw(&d, 13);
    l->fine = nw_field_draw(&d, 2.6F);
}

static float diaphragm(const nw_lungs *l, int s, float x, float y, float *steep)
{
    const float rx = 78, ry = 92, tilt = 0.22F;
    float u = (x - l->dome_x[s]) / rx, v = (y - l->dome_y[s]) / ry;
    float gx = 2 * l->drop * u / rx, gy = 2 * l->drop * v / ry + tilt;
    *steep = sqrtf(1 + gx * gx + gy * gy);
    return l->dome[s] - l->drop * (u * u + v * v) - tilt * y;
}

float nw_lungs_diaphragm(const nw_lungs *l, float x, float y)
{
    float steep, right = diaphragm(l, 0, x, y, &steep), left = diaphragm(l, 1, x, y, &steep);
    return fmaxf(right, left);
}

/* What lies between the lungs: negative within. */
static float between(const nw_chest *chest, const nw_tube *const *tubes, size_t count, float x, float y,
                     float z)
{
    const nw_heart *h = &chest->heart;
    const nw_trunk *t = &chest->trunk;
    float above = z - t->carina, wide = t->half_width / 128;
    float d = nw_ellipsoid_distance(&h->pericardium, x, y, z) - 1 + nw_heart_wobble(chest, x, y, z);
    d = nw_smooth_min(d, nw_ellipsoid_distance(&h->atrium, x, y, z) - 2, 8);
    for (size_t i = 0; i < count; i++) d = nw_smooth_min(d, nw_tube_distance(tubes[i], x, y, z) - 1.5F, 6);
    float spine = nw_trunk_spine_y(t, z);
    float bone = hypotf(x, y - spine) - 22;
    d = nw_smooth_min(d, bone, 7);
    float arch = hypotf(x * 0.72F, y - spine - 32) - 21; /* and the processes behind the body */
    d = nw_smooth_min(d, arch, 6);
    /* A column of fat and nodes from the spine to the vessels; narrow below, where the right lung comes
     * close. */
    float half = wide * (9 + 13 * nw_smoothstep(-70, 0, above) + 4 * nw_smoothstep(30, 70, above));
    float front = -18 * nw_smoothstep(-80, 20, above) * wide, back = spine - 8;
    float u = (x - 2) / half, v = (y - (front + back) / 2) / ((back - front) / 2 + 12);
    float k = sqrtf(u * u + v * v);
    d = nw_smooth_min(d, (k - 1) * half, 7);
    /* The wedge behind the breast bone. */
    float width, depth;
    nw_trunk_cavity(t, z, &width, &depth);
    float wedge = fabsf(x - 1) - 3 - 0.55F * nw_clamp(-y - depth + 34, 0, 60);
    d = nw_smooth_min(d, fmaxf(wedge, y + 12), 8);
    return d;
}

static float surface(const nw_chest *chest, const nw_outline *o, const nw_tube *const *tubes, size_t count,
                     float x, float y, float z)
{
    const nw_lungs *l = &chest->lungs;
    const nw_trunk *t = &chest->trunk;
    int s = x > 0;
    float r = hypotf(x, y), angle = atan2f(x, y);
    if (angle < 0) angle += 6.2831853F;
    float at = nw_clamp(angle * (NW_ANGLES / 6.2831853F), 0, NW_ANGLES - 0.001F);
    int i = (int)at;
    float cavity = o->cavity[i] + (at - (float)i) * (o->cavity[i + 1] - o->cavity[i]);
    float d = (r - cavity) * o->upright[i] + 1.2F;
    float outside = d;
    float steep, below = diaphragm(l, s, x, y, &steep) - z;
    d = nw_smooth_max(d, below / steep, 3);
    if (d > 12) return d;
    float wide = t->half_width / 128, deep = t->half_depth / 95, high = t->top - 76;
    float grow = 1 + fmaxf(0, high - z) / 120;
    nw_ellipsoid apex = nw_ellipsoid_make((nw_point){(s ? 50.F : -50.F) * wide, 10 * deep, fminf(z, high)},
                                          68 * wide * grow, 86 * deep * grow, 76, 0);
    if (z > high) apex.c.z = high;
    d = nw_smooth_max(d, nw_ellipsoid_distance(&apex, x, y, z), 6);
    d = nw_smooth_max(d, -between(chest, tubes, count, x, y, z), 4);
    /* Lungs differ a little in shape everywhere, but keep within the ribs. */
    return fmaxf(d + 2.2F * nw_field_at(chest->lattice, &l->shape, x, y, z), outside);
}

enum { MOST_TUBES = 64 };

static void grow_planes(void *context, size_t begin, size_t end)
{
    const nw_chest *chest = context;
    const nw_lung_grid *g = &chest->lungs.grid;
    const nw_tube_list *all = &chest->heart.vessels;
    nw_outline outline;
    for (size_t k = begin; k < end; k++) {
        float z = g->origin.z + (float)k * g->step;
        nw_outline_at(&chest->trunk, z, &outline);
        const nw_tube *near[MOST_TUBES];
        size_t count = 0;
        for (size_t i = 0; i < all->count && count < MOST_TUBES; i++) {
            const nw_tube *t = &all->v[i];
            if (fminf(t->a.z, t->b.z) - 30 < z && fmaxf(t->a.z, t->b.z) + 30 > z) near[count++] = t;
        }
        float *dst = g->v + k * (size_t)g->nx * (size_t)g->ny;
        for (int j = 0; j < g->ny; j++)
            for (int i = 0; i < g->nx; i++)
                *dst++ = surface(chest, &outline, near, count, g->origin.x + (float)i * g->step,
                                 g->origin.y + (float)j * g->step, z);
    }
}

nw_status nw_lungs_grow(nw_chest *chest, nw_error *err)
{
    const nw_trunk *t = &chest->trunk;
    nw_lung_grid *g = &chest->lungs.grid;
    const float margin = 9;
    g->step = 3;
    /* A lattice point at x = 0 keeps the sides apart. */
    int half = (int)ceilf((t->half_width + margin) / g->step);
    g->origin = (nw_point){-(float)half * g->step, -t->half_depth - margin, t->bottom - margin};
    g->nx = 2 * half + 1;
    g->ny = (int)ceilf(2 * (t->half_depth + margin) / g->step) + 1;
    g->nz = (int)ceilf((t->top - t->bottom + 2 * margin) / g->step) + 1;
    size_t count = (size_t)g->nx * (size_t)g->ny * (size_t)g->nz;
    g->v = nw_alloc_aligned(count, sizeof *g->v);
    if (!g->v) return nw_no_memory(err, count * sizeof *g->v, "the lungs' shape");
    nw_parallel((size_t)g->nz, 1, grow_planes, chest);
    return NW_OK;
}

void nw_lungs_row(const nw_lungs *l, float x, float dx, float y, float z, size_t n, float *dst)
{
    const nw_lung_grid *g = &l->grid;
    float fy = (y - g->origin.y) / g->step, fz = (z - g->origin.z) / g->step;
    if (fy < 0 || fz < 0 || fy >= (float)(g->ny - 1) || fz >= (float)(g->nz - 1)) {
        for (size_t i = 0; i < n; i++) dst[i] = 100;
        return;
    }
    int iy = (int)fy, iz = (int)fz;
    float wy = fy - (float)iy, wz = fz - (float)iz;
    size_t pitch = (size_t)g->nx, plane = pitch * (size_t)g->ny;
    const float *a = g->v + (size_t)iz * plane + (size_t)iy * pitch;
    const float w[4] = {(1 - wz) * (1 - wy), (1 - wz) * wy, wz * (1 - wy), wz * wy};
    float line[256];
    int nx = g->nx < 256 ? g->nx : 256;
    for (int i = 0; i < nx; i++)
        line[i] = w[0] * a[i] + w[1] * a[pitch + (size_t)i] + w[2] * a[plane + (size_t)i] +
                  w[3] * a[plane + pitch + (size_t)i];
    for (size_t i = 0; i < n; i++) {
        float mm = x + (float)i * dx, f = (mm - g->origin.x) / g->step;
        if (f < 0 || f >= (float)(nx - 1)) {
            dst[i] = 100;
            continue;
        }
        int at = (int)f;
        float v = nw_mix(line[at], line[at + 1], f - (float)at);
        dst[i] = fmaxf(v, l->junction - fabsf(mm));
    }
}

float nw_lungs_at(const nw_lungs *l, float x, float y, float z)
{
    float value;
    nw_lungs_row(l, x, 0, y, z, 1, &value);
    return value;
}

float nw_lungs_fluid(const nw_lungs *l, int side, float y, float z)
{
    if (l->fluid[side] <= 0) return 0;
    float back = nw_smoothstep(l->fluid_level[side], l->fluid_level[side] + 40, y);
    return l->fluid[side] * back * nw_smoothstep(l->fluid_top[side], l->fluid_top[side] - 60, z);
}

nw_status nw_lungs_sample(const nw_chest *chest, nw_draw *d, size_t tries, nw_lung_point **out, size_t *count,
                          nw_error *err)
{
    const nw_trunk *t = &chest->trunk;
    nw_lung_point *v = nw_calloc(tries, sizeof *v);
    if (!v) return nw_no_memory(err, tries * sizeof *v, "points in the lungs");
    size_t n = 0;
    for (size_t i = 0; i < tries; i++) {
        nw_point p;
        p.x = nw_draw_range(d, -t->half_width, t->half_width);
        p.y = nw_draw_range(d, -t->half_depth, t->half_depth);
        p.z = nw_draw_range(d, t->bottom, t->top);
        float depth = -nw_lungs_at(&chest->lungs, p.x, p.y, p.z);
        if (depth > 0) v[n++] = (nw_lung_point){p, depth, p.x > 0};
    }
    if (!n) {
        nw_free(v);
        return nw_fail(err, NW_FAILED, "study %llu has no lungs", (unsigned long long)chest->study);
    }
    *out = v;
    *count = n;
    return NW_OK;
}
