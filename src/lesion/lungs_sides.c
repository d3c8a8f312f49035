/* Which air is lung, and which lung it is. */
#include "lesion/chest.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <math.h>
#include <string.h>

/* What is known of a component of air. */
typedef struct part {
    double ml, right_ml; /* all, and right of the middle */
    double center[3];    /* voxels */
    int64_t low[3], high[3];
    double dark; /* share of voxels below -950 HU, where plain gas is */
} part;

/* Below this size a region is not worth a look; a lung is at least so large, and at least this share of the
 * largest; parts within the lung's box count from `least_piece_ml`. */
static const double least_ml = 0.05, least_lung_ml = 15, least_share = 0.04, gas_share = 0.65,
                    most_gas_ml = 1500;

static void measure(const nw_chest *c, const nw_components *parts, part *out)
{
    const nw_view *v = &c->view;
    for (int32_t i = 0; i < parts->count; i++)
        for (int a = 0; a < 3; a++) out[i].low[a] = v->n[a];
    int64_t row = 0;
    for (int64_t r = 0; r < parts->run_count; r++) {
        const nw_run *run = &parts->runs[r];
        row = nw_components_row(parts, r, row);
        int64_t y = row % v->n[1], z = row / v->n[1];
        part *p = &out[run->component];
        double length = (double)(run->end - run->begin);
        double right = (double)run->end - 0.5 - fmax((double)run->begin - 0.5, c->middle);
        p->ml += length;
        p->right_ml += fmin(fmax(right, 0), length);
        p->center[0] += length * (double)(run->begin + run->end - 1) / 2;
        p->center[1] += length * (double)y;
        p->center[2] += length * (double)z;
        const int64_t from[3] = {run->begin, y, z}, to[3] = {run->end, y + 1, z + 1};
        for (int a = 0; a < 3; a++) {
            if (from[a] < p->low[a]) p->low[a] = from[a];
            if (to[a] > p->high[a]) p->high[a] = to[a];
        }
        if (c->hu)
            for (int64_t x = run->begin; x < run->end; x++) p->dark += nw_chest_hu(c, x, y, z) < -950;
    }
    for (int32_t i = 0; i < parts->count; i++) {
        for (int a = 0; a < 3; a++) out[i].center[a] /= out[i].ml;
        out[i].dark /= out[i].ml;
        out[i].ml *= v->voxel_ml;
        out[i].right_ml *= v->voxel_ml;
    }
}

/* Gas in bowel or stomach, and what is on the table: nearly all as dark as gas, or flat. Masks have no HU. */
static bool is_gas(const nw_chest *c, const part *p)
{
    double width = (double)(p->high[0] - p->low[0]) * c->view.h[0],
           depth = (double)(p->high[1] - p->low[1]) * c->view.h[1];
    if (!c->hu) return false;
    return (p->dark > gas_share && p->ml < most_gas_ml) || (depth < 45 && width > 3 * depth && p->ml > 20);
}

static bool within(const part *p, const part *lung, const double margin[3])
{
    for (int a = 0; a < 3; a++)
        if (p->center[a] < (double)lung->low[a] - margin[a] ||
            p->center[a] > (double)lung->high[a] + margin[a])
            return false;
    return true;
}

/* The largest component for which `side` holds most of the volume (0: any) and which is not gas, or -1. */
static int32_t largest(const nw_chest *c, const part *parts, int32_t count, int side, int32_t except)
{
    int32_t best = -1;
    for (int32_t i = 0; i < count; i++) {
        bool right = parts[i].right_ml > parts[i].ml / 2;
        if (i == except || (side && right != (side == NW_CODE_RIGHT)) || is_gas(c, &parts[i])) continue;
        if (best < 0 || parts[i].ml > parts[best].ml) best = i;
    }
    return best;
}

/* Whether a small piece is near a lung: air in the gullet is not, though it lies within the lung's box. */
static bool near(const nw_chest *c, const nw_components *found, const part *p, int32_t lung)
{
    const double reach_mm = 10, sure_ml = 3;
    if (p->ml >= sure_ml) return true;
    int64_t from[3], to[3];
    for (int a = 0; a < 3; a++) {
        int64_t reach = (int64_t)(reach_mm / c->view.h[a]);
        from[a] = p->low[a] > reach ? p->low[a] - reach : 0;
        to[a] = p->high[a] + reach < c->view.n[a] ? p->high[a] + reach : c->view.n[a];
    }
    for (int64_t z = from[2]; z < to[2]; z++)
        for (int64_t y = from[1]; y < to[1]; y++)
            for (int64_t r = found->first[y + c->view.n[1] * z]; r < found->first[y + c->view.n[1] * z + 1];
                 r++) {
                const nw_run *run = &found->runs[r];
                if (run->component == lung && run->begin < to[0] && run->end > from[0]) return true;
            }
    return false;
}

/* What the parts of a mask are painted, before a lung that spans both sides is parted (WORK). */
static void decide(const nw_chest *c, const nw_components *found, const part *parts, uint8_t *paint)
{
    const int32_t count = found->count;
    /* Specks are noise or lie within something dense, and are closed in with it. */
    for (int32_t i = 0; i < count; i++) paint[i] = parts[i].ml < least_ml ? NW_CODE_TISSUE : NW_CODE_GAS;
    int32_t first = largest(c, parts, count, 0, -1);
    if (first < 0 || parts[first].ml < least_lung_ml) return;
    double share = parts[first].right_ml / parts[first].ml;
    uint8_t side = share > 0.5 ? NW_CODE_RIGHT : NW_CODE_LEFT;
    int32_t second = largest(c, parts, count, side == NW_CODE_RIGHT ? NW_CODE_LEFT : NW_CODE_RIGHT, first);
    if (second >= 0 && (parts[second].ml < least_lung_ml || parts[second].ml < least_share * parts[first].ml))
        second = -1;
    bool both = share > 0.15 && share < 0.85 && (second < 0 || parts[second].ml < 0.25 * parts[first].ml);
    const double margin[3] = {10 / c->view.h[0], 10 / c->view.h[1], 10 / c->view.h[2]};
    for (int32_t i = 0; i < count; i++) {
        const part *p = &parts[i];
        uint8_t own = p->right_ml > p->ml / 2 ? NW_CODE_RIGHT : NW_CODE_LEFT;
        if (p->ml < least_ml || is_gas(c, p)) continue;
        if (!near(c, found, p, both || own == side ? first : second)) continue;
        if (both && within(p, &parts[first], margin))
            paint[i] = i == first ? NW_CODE_WORK : own;
        else if (!both && own == side && within(p, &parts[first], margin))
            paint[i] = side;
        else if (!both && own != side && second >= 0 && within(p, &parts[second], margin))
            paint[i] = own;
    }
}

nw_status nw_chest_lungs(nw_chest *c, nw_error *err)
{
    nw_components found;
    nw_status status = nw_components_find(c->code, c->view.n, NW_CODE_AIR, NW_TOUCH_6, &found, err);
    part *parts = status == NW_OK ? nw_calloc((size_t)found.count + 1, sizeof *parts) : NULL;
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)found.count + 1, 1) : NULL;
    if (status == NW_OK && (!parts || !paint))
        status = nw_no_memory(err, (size_t)found.count * sizeof *parts, "the lungs");
    if (status == NW_OK) measure(c, &found, parts);
    bool both = false;
    if (status == NW_OK) {
        decide(c, &found, parts, paint);
        for (int32_t i = 0; i < found.count; i++) both |= paint[i] == NW_CODE_WORK;
        nw_components_paint(&found, paint, NW_CODE_AIR, c->code);
    }
    nw_components_free(&found);
    nw_free(parts);
    nw_free(paint);
    if (status != NW_OK || !both) return status;
    c->warnings |= NW_LUNG_JOINED;
    return nw_chest_part(c, NW_CODE_WORK, err);
}
