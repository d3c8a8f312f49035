#include "base/memory.h"
#include "phantom/chest.h"

#include <string.h>

/* Grows towards the centroid of its points, splits them by a plane, and goes on with either half: the way in
 * which Tawhai et al. (Ann. Biomed. Eng. 28, 2000) fill lungs with airways. */

typedef struct branch {
    nw_point from;
    size_t begin, end; /* of the points */
} branch;

static nw_point minus(nw_point a, nw_point b)
{
    return (nw_point){a.x - b.x, a.y - b.y, a.z - b.z};
}

static float dot(nw_point a, nw_point b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static nw_point unit(nw_point v)
{
    float l = sqrtf(dot(v, v));
    return l > 1e-6F ? (nw_point){v.x / l, v.y / l, v.z / l} : (nw_point){1, 0, 0};
}

static nw_point along(nw_point a, nw_point b, float t)
{
    return (nw_point){nw_mix(a.x, b.x, t), nw_mix(a.y, b.y, t), nw_mix(a.z, b.z, t)};
}

static nw_point centroid(const nw_point *p, size_t n)
{
    nw_point c = {0, 0, 0};
    for (size_t i = 0; i < n; i++) c.x += p[i].x, c.y += p[i].y, c.z += p[i].z;
    float k = 1 / (float)n;
    return (nw_point){c.x * k, c.y * k, c.z * k};
}

/* The direction across `way` in which the points spread most, by power iteration. */
static nw_point spread(const nw_point *p, size_t n, nw_point centre, nw_point way)
{
    nw_point axis = unit((nw_point){0.3F - way.x, 0.7F - way.y, 0.6F + way.z});
    size_t stride = n > 64 ? n / 64 : 1;
    for (int round = 0; round < 6; round++) {
        nw_point next = {0, 0, 0};
        for (size_t i = 0; i < n; i += stride) {
            nw_point v = minus(p[i], centre);
            float lost = dot(v, way);
            v = (nw_point){v.x - lost * way.x, v.y - lost * way.y, v.z - lost * way.z};
            float w = dot(v, axis);
            next.x += w * v.x, next.y += w * v.y, next.z += w * v.z;
        }
        axis = unit(next);
    }
    return axis;
}

static void swap(nw_point *a, nw_point *b)
{
    nw_point t = *a;
    *a = *b;
    *b = t;
}

/* Puts those below the plane first; returns how many. */
static size_t divide(nw_point *p, size_t n, nw_point centre, nw_point axis)
{
    size_t low = 0;
    for (size_t i = 0; i < n; i++)
        if (dot(minus(p[i], centre), axis) < 0) swap(&p[i], &p[low++]);
    return low == 0 || low == n ? n / 2 : low;
}

static bool lay(nw_tube_list *out, nw_point a, nw_point b, float r0, float r1, float wander, nw_draw *d)
{
    float length = sqrtf(dot(minus(b, a), minus(b, a))), bend = wander * length;
    nw_point middle = along(a, b, 0.5F);
    middle.x += nw_draw_range(d, -bend, bend);
    middle.y += nw_draw_range(d, -bend, bend);
    middle.z += nw_draw_range(d, -bend, bend);
    float r = 0.5F * (r0 + r1);
    return nw_tube_add(out, (nw_tube){a, middle, r0, r}) && nw_tube_add(out, (nw_tube){middle, b, r, r1});
}

nw_status nw_tree_grow(const nw_tree *tree, nw_draw *d, nw_point *points, size_t count, nw_tube_list *out,
                       nw_error *err)
{
    if (!count) return NW_OK;
    /* Halves of halves: never more waiting than there are points. */
    branch *stack = nw_calloc(count + 1, sizeof *stack);
    if (!stack) return nw_no_memory(err, (count + 1) * sizeof *stack, "a tree");
    size_t depth = 0;
    stack[depth++] = (branch){tree->root, 0, count};
    bool fits = true;
    while (depth && fits) {
        branch b = stack[--depth];
        size_t n = b.end - b.begin;
        nw_point *p = points + b.begin, centre = centroid(p, n);
        float r = tree->leaf * powf((float)n, 1 / tree->power);
        if (n == 1) {
            fits = lay(out, b.from, along(b.from, centre, 0.92F), r, 0.7F * r, tree->wander, d);
            continue;
        }
        nw_point end = along(b.from, centre, 0.42F), way = unit(minus(centre, b.from));
        size_t low = divide(p, n, centre, spread(p, n, centre, way));
        float after = tree->leaf * powf((float)(low > n - low ? low : n - low), 1 / tree->power);
        fits = lay(out, b.from, end, r, 0.5F * (r + after), tree->wander, d);
        stack[depth++] = (branch){end, b.begin + low, b.end};
        stack[depth++] = (branch){end, b.begin, b.begin + low};
    }
    nw_free(stack);
    return fits ? NW_OK : nw_no_memory(err, out->count * sizeof *out->v, "a tree");
}
