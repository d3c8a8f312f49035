#include "phantom/shape.h"

nw_ellipsoid nw_ellipsoid_make(nw_point centre, float rx, float ry, float rz, float degrees)
{
    float angle = degrees * 0.017453293F;
    return (nw_ellipsoid){.c = centre, .r = {rx, ry, rz}, .cosine = cosf(angle), .sine = sinf(angle)};
}

void nw_canvas_range(const nw_canvas *c, float origin, float low, float high, int *begin, int *end)
{
    float n = (float)c->n;
    *begin = (int)nw_clamp(floorf((low - origin) / c->pixel), 0, n);
    *end = (int)nw_clamp(ceilf((high - origin) / c->pixel) + 1, 0, n);
}

/* Where on the segment (0..1) is nearest. */
static inline float nearest(const nw_tube *t, float x, float y, float z)
{
    float dx = t->b.x - t->a.x, dy = t->b.y - t->a.y, dz = t->b.z - t->a.z;
    float square = dx * dx + dy * dy + dz * dz;
    if (square <= 0) return 0;
    return nw_clamp(((x - t->a.x) * dx + (y - t->a.y) * dy + (z - t->a.z) * dz) / square, 0, 1);
}

static inline float axis_distance(const nw_tube *t, float at, float x, float y, float z)
{
    float dx = x - nw_mix(t->a.x, t->b.x, at), dy = y - nw_mix(t->a.y, t->b.y, at);
    float dz = z - nw_mix(t->a.z, t->b.z, at);
    return sqrtf(dx * dx + dy * dy + dz * dz);
}

float nw_tube_distance(const nw_tube *t, float x, float y, float z)
{
    float at = nearest(t, x, y, z);
    return axis_distance(t, at, x, y, z) - nw_mix(t->r0, t->r1, at);
}

static void paint_box(const nw_canvas *c, const nw_tube *t, float r, int box[4])
{
    float left = fminf(t->a.x, t->b.x), right = fmaxf(t->a.x, t->b.x);
    float front = fminf(t->a.y, t->b.y), back = fmaxf(t->a.y, t->b.y);
    nw_canvas_range(c, c->x0, left - r, right + r, &box[0], &box[1]);
    nw_canvas_range(c, c->y0, front - r, back + r, &box[2], &box[3]);
}

static void paint_thick(const nw_canvas *c, const nw_tube *t, float value)
{
    float r = fmaxf(t->r0, t->r1), h = c->pixel / 2;
    int box[4];
    paint_box(c, t, r + h, box);
    for (int j = box[2]; j < box[3]; j++) {
        float y = c->y0 + (float)j * c->pixel, *row = c->hu + (size_t)j * (size_t)c->n;
        for (int i = box[0]; i < box[1]; i++) {
            float x = c->x0 + (float)i * c->pixel, at = nearest(t, x, y, c->z);
            float cover = nw_overlap(axis_distance(t, at, x, y, c->z), nw_mix(t->r0, t->r1, at), h);
            if (cover > 0) row[i] = nw_mix(row[i], value, cover);
        }
    }
}

/* Sum over the plane of nw_overlap(distance to a point, r, h), in mm^2. */
static float cap_area(float r, float h)
{
    const float pi = 3.14159265F;
    return r > h ? pi * (r * r + h * h / 3) : pi * (r * h + r * r * r / (3 * h));
}

/* A tube that is thinner than the slab: its part within the slab is seen from above, and its volume, pi r^2
 * times the length of that part, is spread over the area that it covers. */
static void paint_thin(const nw_canvas *c, const nw_tube *t, float value)
{
    float low = c->z - c->half, high = c->z + c->half, from = 0, to = 1;
    float dz = t->b.z - t->a.z;
    if (fabsf(dz) > 1e-4F) {
        float p = (low - t->a.z) / dz, q = (high - t->a.z) / dz;
        from = nw_clamp(fminf(p, q), 0, 1);
        to = nw_clamp(fmaxf(p, q), 0, 1);
        if (to <= from) return;
    } else if (t->a.z < low || t->a.z >= high) {
        return;
    }
    nw_tube part = {.r0 = nw_mix(t->r0, t->r1, from), .r1 = nw_mix(t->r0, t->r1, to)};
    part.a = (nw_point){nw_mix(t->a.x, t->b.x, from), nw_mix(t->a.y, t->b.y, from), 0};
    part.b = (nw_point){nw_mix(t->a.x, t->b.x, to), nw_mix(t->a.y, t->b.y, to), 0};
    float across = hypotf(part.b.x - part.a.x, part.b.y - part.a.y), along = (to - from) * dz;
    float length = sqrtf(across * across + along * along), r = 0.5F * (part.r0 + part.r1);
    float h = c->pixel / 2;
    float weight = 3.14159265F * r * r * length / ((2 * r * across + cap_area(r, h)) * 2 * c->half);
    if (weight > 1) weight = 1;
    int box[4];
    paint_box(c, &part, r + h, box);
    for (int j = box[2]; j < box[3]; j++) {
        float y = c->y0 + (float)j * c->pixel, *row = c->hu + (size_t)j * (size_t)c->n;
        for (int i = box[0]; i < box[1]; i++) {
            float x = c->x0 + (float)i * c->pixel, at = nearest(&part, x, y, 0);
            float cover = weight * nw_overlap(axis_distance(&part, at, x, y, 0), r, h);
            if (cover > 0) row[i] = nw_mix(row[i], value, cover);
        }
    }
}

void nw_paint_tube(const nw_canvas *c, const nw_tube *t, float value)
{
    float r = fmaxf(t->r0, t->r1);
    if (fmaxf(t->a.z, t->b.z) + fmaxf(r, c->half) < c->z || fminf(t->a.z, t->b.z) - fmaxf(r, c->half) > c->z)
        return;
    if (r < c->half)
        paint_thin(c, t, value);
    else
        paint_thick(c, t, value);
}

void nw_paint_ellipsoid(const nw_canvas *c, const nw_ellipsoid *e, float value)
{
    float dz = (c->z - e->c.z) / e->r[2];
    if (fabsf(dz) >= 1) return;
    float reach = fmaxf(e->r[0], e->r[1]) * sqrtf(1 - dz * dz);
    int box[4];
    nw_canvas_range(c, c->x0, e->c.x - reach, e->c.x + reach, &box[0], &box[1]);
    nw_canvas_range(c, c->y0, e->c.y - reach, e->c.y + reach, &box[2], &box[3]);
    for (int j = box[2]; j < box[3]; j++) {
        float y = c->y0 + (float)j * c->pixel, *row = c->hu + (size_t)j * (size_t)c->n;
        for (int i = box[0]; i < box[1]; i++) {
            float d = nw_ellipsoid_distance(e, c->x0 + (float)i * c->pixel, y, c->z);
            if (d < c->pixel) row[i] = nw_mix(row[i], value, nw_coverage(d, c->pixel));
        }
    }
}
