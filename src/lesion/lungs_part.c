/* Parting lungs that touch. In each slice the line between them is the path from front to back that costs
 * least: tissue is free, air costs the more the darker it is, since what keeps the lungs apart is a thin
 * sheet of pleura, blurred but still brighter than lung (after Hu et al., IEEE TMI 20(6), 2001). A path stays
 * near the body's middle and near the path of the slice before. */
#include "lesion/chest.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <math.h>
#include <string.h>

static const double band_mm = 60;      /* of either side of the middle */
static const double stray_cost = 0.01; /* a mm away from the path before */
enum { SIDESTEP = 2 };                 /* voxels a row */

typedef struct paths {
    int64_t low, width; /* the band is x in [low, low + width) */
    float *cost;        /* [n[1]][width], least cost of a path from the front down to here */
    int8_t *step;       /* [n[1]][width], to the place in the row before */
    int32_t *before;    /* [n[1]], x of the path of the slice before */
} paths;

static double voxel_cost(const nw_chest *c, uint8_t code, int64_t x, int64_t y, int64_t z)
{
    if (c->code[nw_chest_at(c, x, y, z)] != code) return 0;
    if (!c->hu) return 1;
    double dark = (c->threshold - (double)nw_chest_hu(c, x, y, z)) / 150;
    return 1 + fmin(fmax(dark, 0), 4);
}

/* From the front (high y) to the back. */
static void find_path(const nw_chest *c, uint8_t code, int64_t z, paths *p)
{
    const int64_t ny = c->view.n[1], w = p->width;
    for (int64_t y = ny - 1; y >= 0; y--) {
        float *row = p->cost + y * w, *last = row + w;
        for (int64_t i = 0; i < w; i++) {
            double stray = fabs((double)(p->low + i - p->before[y])) * c->view.h[0];
            double here = voxel_cost(c, code, p->low + i, y, z) * c->view.h[1] + stray_cost * stray;
            float best = 0;
            int8_t step = 0;
            if (y + 1 < ny) {
                best = last[i];
                for (int64_t s = -SIDESTEP; s <= SIDESTEP; s++) {
                    if (i + s < 0 || i + s >= w) continue;
                    float cost = last[i + s] + 0.001f * (float)(s * s);
                    if (cost < best) best = cost, step = (int8_t)s;
                }
            }
            row[i] = best + (float)here;
            p->step[y * w + i] = step;
        }
    }
    int64_t at = 0;
    for (int64_t i = 1; i < w; i++)
        if (p->cost[i] < p->cost[at]) at = i;
    for (int64_t y = 0; y < ny; y++) {
        p->before[y] = (int32_t)(p->low + at);
        at += p->step[y * w + at];
    }
}

static void apply_path(nw_chest *c, uint8_t code, int64_t z, const int32_t *path)
{
    for (int64_t y = 0; y < c->view.n[1]; y++) {
        uint8_t *row = c->code + nw_chest_at(c, 0, y, z);
        for (int64_t x = 0; x < c->view.n[0]; x++)
            if (row[x] == code) row[x] = x > path[y] ? NW_CODE_RIGHT : NW_CODE_LEFT;
    }
}

/* Pieces that the paths cut off the far lung: all but the largest component of a side go to the other side
 * where they touch it. */
static nw_status give_back(nw_chest *c, uint8_t side, uint8_t other, nw_error *err)
{
    nw_components parts;
    nw_status status = nw_components_find(c->code, c->view.n, side, NW_TOUCH_6, &parts, err);
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)parts.count + 1, 1) : NULL;
    if (status == NW_OK && !paint) status = nw_no_memory(err, (size_t)parts.count, "the lungs");
    if (status == NW_OK) {
        int32_t most = 0;
        for (int32_t i = 0; i < parts.count; i++) {
            paint[i] = side;
            if (parts.voxels[i] > parts.voxels[most]) most = i;
        }
        const int64_t *n = c->view.n;
        int64_t row = 0;
        for (int64_t r = 0; r < parts.run_count; r++) {
            const nw_run *run = &parts.runs[r];
            row = nw_components_row(&parts, r, row);
            if (run->component == most || paint[run->component] == other) continue;
            const uint8_t *p = c->code + row * n[0];
            if ((run->begin > 0 && p[run->begin - 1] == other) || (run->end < n[0] && p[run->end] == other))
                paint[run->component] = other;
        }
        nw_components_paint(&parts, paint, side, c->code);
    }
    nw_components_free(&parts);
    nw_free(paint);
    return status;
}

nw_status nw_chest_part(nw_chest *c, uint8_t code, nw_error *err)
{
    const int64_t nx = c->view.n[0], ny = c->view.n[1];
    int64_t reach = (int64_t)(band_mm / c->view.h[0]), middle = (int64_t)(c->middle + 0.5);
    paths p = {.low = middle - reach < 0 ? 0 : middle - reach};
    int64_t high = middle + reach >= nx ? nx - 1 : middle + reach;
    p.width = high - p.low + 1;
    p.cost = nw_alloc_aligned((size_t)(ny * p.width), sizeof *p.cost);
    p.step = nw_calloc((size_t)(ny * p.width), 1);
    p.before = nw_calloc((size_t)ny, sizeof *p.before);
    nw_status status = NW_OK;
    if (!p.cost || !p.step || !p.before)
        status = nw_no_memory(err, (size_t)(ny * p.width) * 5, "parting the lungs");
    for (int64_t y = 0; y < ny && status == NW_OK; y++) p.before[y] = (int32_t)middle;
    for (int64_t z = c->view.n[2] - 1; z >= 0 && status == NW_OK; z--) {
        if (!memchr(c->code + nw_chest_at(c, 0, 0, z), code, (size_t)(nx * ny))) continue;
        find_path(c, code, z, &p);
        apply_path(c, code, z, p.before);
    }
    nw_free(p.cost);
    nw_free(p.step);
    nw_free(p.before);
    if (status == NW_OK) status = give_back(c, NW_CODE_RIGHT, NW_CODE_LEFT, err);
    if (status == NW_OK) status = give_back(c, NW_CODE_LEFT, NW_CODE_RIGHT, err);
    return status;
}
