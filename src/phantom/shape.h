/* Shapes in mm, and painting them on a grid with partial volumes.
 *
 * Coordinates are the patient's, as DICOM has them: x to the left, y to the back, z to the head.
 */
#ifndef NW_PHANTOM_SHAPE_H
#define NW_PHANTOM_SHAPE_H

#include <math.h>
#include <stddef.h>

typedef struct nw_point {
    float x, y, z;
} nw_point;

/* One thin slab of the scan, n x n pixels: pixel (column i, row j) has its centre at (x0 + i pixel, y0 + j
 * pixel, z). */
typedef struct nw_canvas {
    int n;
    float x0, y0, pixel; /* mm */
    float z, half;       /* middle and half the thickness of the slab, mm */
    float *hu;           /* [n][n] */
} nw_canvas;

/* A tube with round ends; the radius goes from r0 to r1. */
typedef struct nw_tube {
    nw_point a, b;
    float r0, r1;
} nw_tube;

/* Half axes r; the first is turned from the x axis towards the y axis. */
typedef struct nw_ellipsoid {
    nw_point c;
    float r[3];
    float cosine, sine;
} nw_ellipsoid;

static inline float nw_clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

static inline float nw_mix(float a, float b, float weight)
{
    return a + (b - a) * weight;
}

/* 0 below `low`, 1 above `high`, smooth between them. */
static inline float nw_smoothstep(float low, float high, float v)
{
    float t = nw_clamp((v - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}

/* Minimum of two distances, rounded where they differ by less than k. */
static inline float nw_smooth_min(float a, float b, float k)
{
    float h = nw_clamp(0.5F + 0.5F * (b - a) / k, 0, 1);
    return nw_mix(b, a, h) - k * h * (1 - h);
}

static inline float nw_smooth_max(float a, float b, float k)
{
    return -nw_smooth_min(-a, -b, k);
}

/* Share of a pixel that is inside, of its signed distance (negative inside); width: the pixel's. */
static inline float nw_coverage(float distance, float width)
{
    return nw_clamp(0.5F - distance / width, 0, 1);
}

/* Share of [d - h, d + h] within [-r, r]. */
static inline float nw_overlap(float d, float r, float h)
{
    float high = d + h < r ? d + h : r, low = d - h > -r ? d - h : -r;
    return high > low ? (high - low) / (2 * h) : 0;
}

/* Signed distance to the surface to first order: exact on it. */
static inline float nw_ellipsoid_distance(const nw_ellipsoid *e, float x, float y, float z)
{
    float dx = x - e->c.x, dy = y - e->c.y, dz = z - e->c.z;
    float u = (e->cosine * dx + e->sine * dy) / e->r[0], v = (e->cosine * dy - e->sine * dx) / e->r[1];
    float w = dz / e->r[2];
    float k = sqrtf(u * u + v * v + w * w);
    float u1 = u / e->r[0], v1 = v / e->r[1], w1 = w / e->r[2];
    float g = sqrtf(u1 * u1 + v1 * v1 + w1 * w1);
    float least = e->r[0] < e->r[1] ? e->r[0] : e->r[1];
    if (e->r[2] < least) least = e->r[2];
    return g > 1e-6F ? k * (k - 1) / g : -least;
}

nw_ellipsoid nw_ellipsoid_make(nw_point centre, float rx, float ry, float rz, float degrees);
float nw_tube_distance(const nw_tube *t, float x, float y, float z);

/* hu += (value - hu) * coverage over what the shape covers. Tubes that are thinner than the slab are taken
 * through its whole thickness, so that their volume is right whatever the grid. */
void nw_paint_tube(const nw_canvas *c, const nw_tube *t, float value);
void nw_paint_ellipsoid(const nw_canvas *c, const nw_ellipsoid *e, float value);

/* Columns (or rows) [*begin, *end) whose centres are within [low, high] mm, widened by a pixel. */
void nw_canvas_range(const nw_canvas *c, float origin, float low, float high, int *begin, int *end);

#endif
