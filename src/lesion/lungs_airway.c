/* Trachea and main bronchi.
 *
 * The trachea is looked for from the top: a round dark spot near the body's middle that goes on from slice to
 * slice. From there a region grows through voxels darker than a limit. The limit rises in steps for as long
 * as the region grows gently; where its volume leaps, it has broken through a bronchus' wall into the lung,
 * and the step before counts (explosion control, as in Mori et al., IEEE TMI 15(6), 1996).
 */
#include "lesion/chest.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <math.h>
#include <stdlib.h>

static const double least_mm2 = 30, most_mm2 = 900, off_middle_mm = 45, least_length_mm = 25;
static const double most_ml = 150, wall_mm = 2;
static const double limits_hu[] = {-960, -940, -920, -900, -880, -860, -840, -820, -800};

/* A round spot in a slice. */
typedef struct spot {
    double x, y;
    int32_t component;
    int32_t above; /* index of the spot of the slice above that it goes on from, or -1 */
    double length; /* mm of the chain that ends here */
    int slices;
} spot;

enum { MOST_SPOTS = 32 };

typedef struct level {
    nw_components c; /* of AIR in the slice */
    spot spots[MOST_SPOTS];
    int count;
} level;

static bool measure(const nw_chest *c, const nw_components *parts, const float *hu, int32_t id, spot *out)
{
    const nw_view *v = &c->view;
    double area = (double)parts->voxels[id] * v->h[0] * v->h[1];
    if (area < least_mm2 || area > most_mm2) return false;
    double sx = 0, sy = 0, sum = 0, least = 0;
    int64_t x0 = v->n[0], x1 = 0, y0 = v->n[1], y1 = 0;
    for (int64_t y = 0; y < v->n[1]; y++)
        for (int64_t r = parts->first[y]; r < parts->first[y + 1]; r++) {
            const nw_run *run = &parts->runs[r];
            if (run->component != id) continue;
            for (int64_t x = run->begin; x < run->end; x++) {
                double value = (double)hu[y * v->n[0] + x];
                sx += (double)x, sy += (double)y, sum += value;
                if (value < least) least = value;
            }
            if (run->begin < x0) x0 = run->begin;
            if (run->end > x1) x1 = run->end;
            if (y < y0) y0 = y;
            if (y + 1 > y1) y1 = y + 1;
        }
    double count = (double)parts->voxels[id], width = (double)(x1 - x0) * v->h[0],
           height = (double)(y1 - y0) * v->h[1];
    out->x = sx / count;
    out->y = sy / count;
    out->component = id;
    return x0 > 0 && x1 < v->n[0] && y0 > 0 && y1 < v->n[1] && area > 0.5 * width * height &&
           width < 2.5 * height && height < 2.5 * width && sum / count < -700 && least < -900 &&
           fabs(out->x - c->middle) * v->h[0] < off_middle_mm;
}

static nw_status find_spots(const nw_chest *c, int64_t z, const level *above, float *hu, float *work,
                            level *out, nw_error *err)
{
    const nw_view *v = &c->view;
    const int64_t n[3] = {v->n[0], v->n[1], 1};
    out->count = 0;
    NW_TRY(nw_components_find(c->code + nw_chest_at(c, 0, 0, z), n, NW_CODE_AIR, NW_TOUCH_4, &out->c, err));
    nw_chest_slice(c, z, hu, work);
    for (int32_t id = 0; id < out->c.count && out->count < MOST_SPOTS; id++) {
        spot *s = &out->spots[out->count];
        if (!measure(c, &out->c, hu, id, s)) continue;
        s->above = -1;
        s->length = v->h[2];
        s->slices = 1;
        double nearest = 8 + v->h[2]; /* mm that the trachea may shift from slice to slice */
        for (int i = 0; i < above->count; i++) {
            double d = hypot((above->spots[i].x - s->x) * v->h[0], (above->spots[i].y - s->y) * v->h[1]);
            if (d >= nearest) continue;
            nearest = d;
            s->above = i;
            s->length = above->spots[i].length + v->h[2];
            s->slices = above->spots[i].slices + 1;
        }
        out->count++;
    }
    return NW_OK;
}

/* A list of voxels, for growing. */
typedef struct list {
    int64_t *at;
    size_t count, capacity;
} list;

static bool push(list *l, int64_t at)
{
    if (!NW_GROW(l->at, l->capacity, l->count)) return false;
    l->at[l->count++] = at;
    return true;
}

static nw_status collect(const nw_chest *c, const nw_components *parts, int32_t id, int64_t z, list *out,
                         nw_error *err)
{
    for (int64_t y = 0; y < c->view.n[1]; y++)
        for (int64_t r = parts->first[y]; r < parts->first[y + 1]; r++) {
            if (parts->runs[r].component != id) continue;
            for (int64_t x = parts->runs[r].begin; x < parts->runs[r].end; x++)
                if (!push(out, nw_chest_at(c, x, y, z)))
                    return nw_no_memory(err, out->count * 8, "the airway");
        }
    return NW_OK;
}

/* The voxels of the trachea, from the first chain from the top that is long enough; none where there is none.
 */
static nw_status find_trachea(const nw_chest *c, list *seeds, nw_error *err)
{
    const nw_view *v = &c->view;
    const int64_t plane = v->n[0] * v->n[1];
    level *levels = nw_calloc((size_t)v->n[2], sizeof *levels);
    float *hu = nw_alloc_aligned((size_t)(2 * plane), sizeof *hu);
    level none = {.count = 0};
    nw_status status = NW_OK;
    if (!levels || !hu) status = nw_no_memory(err, (size_t)v->n[2] * sizeof *levels, "the airway");
    int64_t z = v->n[2] - 1;
    const spot *found = NULL;
    for (; z >= 0 && status == NW_OK && !found; z--) {
        const level *above = z + 1 < v->n[2] ? &levels[z + 1] : &none;
        status = find_spots(c, z, above, hu, hu + plane, &levels[z], err);
        for (int i = 0; i < levels[z].count && status == NW_OK; i++) {
            const spot *s = &levels[z].spots[i];
            if (s->slices < 3 || s->length < least_length_mm) continue;
            if (!found || fabs(s->x - c->middle) < fabs(found->x - c->middle)) found = s;
        }
    }
    for (z++; found && status == NW_OK; z++) {
        status = collect(c, &levels[z].c, found->component, z, seeds, err);
        found = found->above >= 0 ? &levels[z + 1].spots[found->above] : NULL;
    }
    for (int64_t i = 0; levels && i < v->n[2]; i++) nw_components_free(&levels[i].c);
    nw_free(levels);
    nw_free(hu);
    return status;
}

/* Mean of 3 x 3 voxels within the slice: noise must not lead through the lung. */
static double mean_hu(const nw_chest *c, int64_t x, int64_t y, int64_t z)
{
    double sum = 0;
    int count = 0;
    for (int64_t dy = -1; dy <= 1; dy++)
        for (int64_t dx = -1; dx <= 1; dx++) {
            if (x + dx < 0 || x + dx >= c->view.n[0] || y + dy < 0 || y + dy >= c->view.n[1]) continue;
            sum += (double)nw_chest_hu(c, x + dx, y + dy, z);
            count++;
        }
    return sum / count;
}

/* Grows from the seeds through AIR darker than `limit`, marking WORK; stops above `most` voxels. */
static nw_status grow(nw_chest *c, const list *seeds, double limit, size_t most, list *region, nw_error *err)
{
    static const int step[6][3] = {{-1, 0, 0}, {1, 0, 0}, {0, -1, 0}, {0, 1, 0}, {0, 0, -1}, {0, 0, 1}};
    const int64_t *n = c->view.n;
    region->count = 0;
    for (size_t i = 0; i < seeds->count; i++) {
        if (!push(region, seeds->at[i])) return nw_no_memory(err, region->count * 8, "the airway");
        c->code[seeds->at[i]] = NW_CODE_WORK;
    }
    for (size_t i = 0; i < region->count && region->count <= most; i++) {
        int64_t at = region->at[i], x = at % n[0], y = at / n[0] % n[1], z = at / n[0] / n[1];
        for (int s = 0; s < 6; s++) {
            int64_t p = x + step[s][0], q = y + step[s][1], r = z + step[s][2];
            if (p < 0 || p >= n[0] || q < 0 || q >= n[1] || r < 0 || r >= n[2]) continue;
            int64_t to = nw_chest_at(c, p, q, r);
            if (c->code[to] != NW_CODE_AIR || mean_hu(c, p, q, r) >= limit) continue;
            if (!push(region, to)) return nw_no_memory(err, region->count * 8, "the airway");
            c->code[to] = NW_CODE_WORK;
        }
    }
    return NW_OK;
}

static void mark(nw_chest *c, const list *region, size_t count, uint8_t code)
{
    for (size_t i = 0; i < count; i++) c->code[region->at[i]] = code;
}

/* AIR within wall_mm of the airway belongs to it: the blurred edge of its lumen. */
static void take_edge(nw_chest *c, const list *region, size_t count)
{
    const nw_view *v = &c->view;
    int64_t reach[3];
    for (int a = 0; a < 3; a++) reach[a] = (int64_t)(wall_mm / v->h[a]);
    for (size_t i = 0; i < count; i++) {
        int64_t at = region->at[i], x = at % v->n[0], y = at / v->n[0] % v->n[1], z = at / v->n[0] / v->n[1];
        for (int64_t r = z - reach[2]; r <= z + reach[2]; r++)
            for (int64_t q = y - reach[1]; q <= y + reach[1]; q++)
                for (int64_t p = x - reach[0]; p <= x + reach[0]; p++) {
                    if (p < 0 || p >= v->n[0] || q < 0 || q >= v->n[1] || r < 0 || r >= v->n[2]) continue;
                    double a = (double)(p - x) * v->h[0], b = (double)(q - y) * v->h[1],
                           d = (double)(r - z) * v->h[2];
                    uint8_t *code = &c->code[nw_chest_at(c, p, q, r)];
                    if (*code == NW_CODE_AIR && a * a + b * b + d * d <= wall_mm * wall_mm)
                        *code = NW_CODE_AIRWAY;
                }
    }
}

nw_status nw_chest_airways(nw_chest *c, nw_error *err)
{
    list seeds = {0}, region = {0}, best = {0};
    const size_t most = (size_t)(most_ml / c->view.voxel_ml);
    const double gentle = 8 / c->view.voxel_ml; /* mL that a step may add beyond its share */
    nw_status status = find_trachea(c, &seeds, err);
    c->has_airway = status == NW_OK && seeds.count > 0;
    double last = (double)seeds.count;
    for (size_t i = 0; c->has_airway && i < sizeof limits_hu / sizeof *limits_hu && status == NW_OK; i++) {
        status = grow(c, &seeds, limits_hu[i], most, &region, err);
        mark(c, &region, region.count, NW_CODE_AIR);
        /* The first step goes from the chain alone to the whole tree, and may be larger. */
        double allowed = i ? 1.6 * last + gentle : (double)most;
        if (status != NW_OK || region.count > most || (double)region.count > allowed) break;
        list swap = best;
        best = region;
        region = swap;
        last = (double)best.count;
    }
    if (status == NW_OK && c->has_airway) {
        list *use = best.count ? &best : &seeds;
        mark(c, use, use->count, NW_CODE_AIRWAY);
        take_edge(c, use, use->count);
    }
    nw_free(seeds.at);
    nw_free(region.at);
    nw_free(best.at);
    return status;
}
