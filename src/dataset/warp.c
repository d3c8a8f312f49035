/* Flips, turn, scale and shift as one map from the new image's places to the old one's, so that pixels are
 * interpolated once. */
#include "dataset/change.h"

#include <math.h>

/* Old place = start + column * across + row * down, each (x, y) in pixels from the first pixel's centre. */
typedef struct map {
    double start[2], across[2], down[2];
} map;

/* Exact at quarter turns, where the map is then one of indices. */
static void cos_sin(double degrees, double *c, double *s)
{
    double quarters = nearbyint(degrees / 90),
           rest = (degrees - 90 * quarters) * (3.14159265358979323846 / 180);
    double rc = cos(rest), rs = sin(rest);
    switch (((int)quarters % 4 + 4) % 4) {
    case 0: *c = rc, *s = rs; break;
    case 1: *c = -rs, *s = rc; break;
    case 2: *c = -rc, *s = -rs; break;
    default: *c = rs, *s = -rc; break;
    }
}

static map map_of(const nw_change *change, const nw_planes *shape)
{
    double c, s, flip_x = change->flip_h ? -1 : 1, flip_y = change->flip_v ? -1 : 1;
    double x0 = (double)(shape->columns - 1) / 2, y0 = (double)(shape->rows - 1) / 2;
    cos_sin(change->degrees, &c, &s);
    c /= change->scale;
    s /= change->scale;
    /* Counter-clockwise as seen, rows run down: the new (x, y) comes from (x cos - y sin, x sin + y cos). */
    map m = {.across = {flip_x * c, flip_y * s}, .down = {-flip_x * s, flip_y * c}};
    double x = -x0 - change->right, y = -y0 - change->down;
    m.start[0] = x0 + x * m.across[0] + y * m.down[0];
    m.start[1] = y0 + x * m.across[1] + y * m.down[1];
    return m;
}

static inline float clamped(double v, float most)
{
    float f = (float)v;
    f = f < 0 ? 0 : f;
    return f > most ? most : f;
}

static void row_of(const map *m, int64_t r, const nw_planes *shape, const float *src, float *dst)
{
    int64_t columns = shape->columns;
    double x = m->start[0] + (double)r * m->down[0], y = m->start[1] + (double)r * m->down[1];
    float x_most = (float)(columns - 1), y_most = (float)(shape->rows - 1);
    for (int64_t c = 0; c < columns; c++) {
        float fx = clamped(x + (double)c * m->across[0], x_most),
              fy = clamped(y + (double)c * m->across[1], y_most);
        int32_t ix = (int32_t)fx, iy = (int32_t)fy;
        float wx = fx - (float)ix, wy = fy - (float)iy;
        int32_t right = ix < (int32_t)columns - 1,
                below = iy < (int32_t)shape->rows - 1 ? (int32_t)columns : 0;
        const float *p = src + (int64_t)iy * columns + ix;
        float above = p[0] + wx * (p[right] - p[0]);
        float under = p[below] + wx * (p[below + right] - p[below]);
        dst[c] = above + wy * (under - above);
    }
}

bool nw_change_warp(const nw_change *change, const nw_planes *shape, const float *src, float *dst)
{
    if (!change->flip_h && !change->flip_v && change->degrees == 0 && change->scale == 1 &&
        change->right == 0 && change->down == 0)
        return false;
    map m = map_of(change, shape);
    int64_t area = shape->rows * shape->columns;
    for (int64_t plane = 0; plane < shape->channels * shape->depth; plane++, src += area, dst += area)
        for (int64_t r = 0; r < shape->rows; r++) row_of(&m, r, shape, src, dst + r * shape->columns);
    return true;
}
