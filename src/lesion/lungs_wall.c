/* Dense parts that touch the chest wall (consolidations, effusions, large nodules).
 *
 * They are as dense as the wall, so only shape can tell: seen from the middle of the chest, the lung's outer
 * surface is a height r(angle, z) that changes slowly, and a dense part is a dip in it. Dips narrower than
 * `gap` around or along the body are found by a closing of r with a line, their surface is replaced by a thin
 * plate through what surrounds them, and what lies between the lung and that surface becomes lung. Nothing is
 * filled towards the heart, the diaphragm or beyond the lung's ends, where the same shape is anatomy.
 */
#include "lesion/wall.h"

#include "base/memory.h"
#include "lesion/surface.h"

#include <math.h>
#include <string.h>

static const double tolerance_mm = 4; /* deeper dips count */
static const double rim_mm = 6;       /* around a dip that the new surface replaces too */
static const double typical_mm = 110; /* radius by which mm around the body become angles */
static const double step_mm = 2.5;    /* slices nearer to each other share a row */
static const double around_mm = 35;   /* of a dip that the surface follows */
static const double length_mm = 10;   /* bumps of the surface that are shorter are ribs and noise */

/* Where the surface found is far below the wall it is another part of the lung that is seen, as of lung that
 * wraps round the liver's dome: nothing is known there. */
static void forget_deep(nw_wall *w)
{
    for (int64_t i = 0; i < w->rows * NW_WALL_ANGLES; i++)
        if (w->surface[i] - w->outer[i] > (float)NW_WALL_BEHIND_MM) w->outer[i] = w->inner[i] = 0;
}

/* Closing of `count` values, `stride` apart, by a line of 2 reach + 1: the largest, then the smallest. Beyond
 * the lung's end are zeros; beyond the scan's its last value goes on. work: 2 count + 6 reach. */
static void close_line(const float *src, float *dst, float *work, int64_t count, int64_t stride,
                       int64_t reach, nw_line_end low, nw_line_end high)
{
    float *wide = work + 2 * reach;
    for (int64_t i = -2 * reach; i < count + 2 * reach; i++) {
        int64_t k = low == END_RING ? (i + 2 * count) % count : i < 0 ? 0 : i >= count ? count - 1 : i;
        bool none = (i < 0 && low == END_LUNG) || (i >= count && high == END_LUNG);
        wide[i] = none ? 0 : src[k * stride];
    }
    float *largest = work + count + 4 * reach + reach;
    for (int64_t i = -reach; i < count + reach; i++) {
        largest[i] = wide[i - reach];
        for (int64_t j = i - reach + 1; j <= i + reach; j++) largest[i] = fmaxf(largest[i], wide[j]);
    }
    for (int64_t i = 0; i < count; i++) {
        float best = largest[i - reach];
        for (int64_t j = i - reach + 1; j <= i + reach; j++) best = fminf(best, largest[j]);
        dst[i * stride] = best;
    }
}

/* surface = the larger closing, around and along the body. */
static nw_status close_surface(nw_wall *w, double gap_mm, nw_error *err)
{
    int64_t around = (int64_t)(gap_mm / 2 / typical_mm / (2 * M_PI) * NW_WALL_ANGLES),
            along = (int64_t)(gap_mm / 2 / w->h);
    if (around > NW_WALL_ANGLES / 4) around = NW_WALL_ANGLES / 4;
    if (along > w->rows) along = w->rows;
    size_t count = (size_t)(w->rows * NW_WALL_ANGLES),
           longest = (size_t)(2 * w->rows + 6 * along) + 4 * NW_WALL_ANGLES;
    float *work = nw_calloc(longest, sizeof *work), *other = nw_calloc(count, sizeof *other);
    if (!work || !other) {
        nw_free(work);
        nw_free(other);
        return nw_no_memory(err, count * sizeof *other, "the chest wall");
    }
    for (int64_t z = 0; z < w->rows; z++)
        close_line(w->outer + z * NW_WALL_ANGLES, w->surface + z * NW_WALL_ANGLES, work, NW_WALL_ANGLES, 1,
                   around, END_RING, END_RING);
    for (int64_t a = 0; a < NW_WALL_ANGLES; a++)
        close_line(w->outer + a, other + a, work, w->rows, NW_WALL_ANGLES, along, w->low, w->high);
    /* A ray without lung is a gap only where there is lung above and below it: low in the chest the lung is a
     * sickle, or two, with the diaphragm between its tips. */
    for (size_t i = 0; i < count; i++)
        if (other[i] > w->surface[i] || w->outer[i] <= 0) w->surface[i] = other[i];
    nw_free(work);
    nw_free(other);
    return NW_OK;
}

/* Dips and their rims. */
static nw_status find_dips(nw_wall *w, bool *any, nw_error *err)
{
    size_t count = (size_t)(w->rows * NW_WALL_ANGLES);
    uint8_t *deep = nw_calloc(count, 1);
    if (!deep) return nw_no_memory(err, count, "the chest wall");
    *any = false;
    for (size_t i = 0; i < count; i++)
        deep[i] = w->surface[i] > 0 && w->surface[i] - w->outer[i] > (float)tolerance_mm;
    int64_t reach_a = (int64_t)(rim_mm / typical_mm / (2 * M_PI) * NW_WALL_ANGLES),
            reach_z = (int64_t)(rim_mm / w->h);
    for (int64_t z = 0; z < w->rows; z++)
        for (int64_t a = 0; a < NW_WALL_ANGLES; a++) {
            const uint8_t *row = deep + z * NW_WALL_ANGLES;
            /* A needle at one angle is no part of the lung. */
            if (!row[a] ||
                (!row[(a + 1) % NW_WALL_ANGLES] && !row[(a + NW_WALL_ANGLES - 1) % NW_WALL_ANGLES]))
                continue;
            *any = true;
            for (int64_t q = z - reach_z; q <= z + reach_z; q++)
                for (int64_t b = a - reach_a; b <= a + reach_a; b++) {
                    if (q < 0 || q >= w->rows) continue;
                    size_t at = (size_t)(q * NW_WALL_ANGLES + (b + NW_WALL_ANGLES) % NW_WALL_ANGLES);
                    w->dip[at] = w->surface[at] > 0;
                }
        }
    nw_free(deep);
    return NW_OK;
}

/* Cells within some mm of a dip: ASKED where dips, else KNOWN; NONE where there is no lung or dip. */
static void kinds(const nw_wall *w, const float *height, uint8_t *kind)
{
    int64_t reach_a = (int64_t)(around_mm / typical_mm / (2 * M_PI) * NW_WALL_ANGLES),
            reach_r = (int64_t)(around_mm / w->h);
    if (reach_r < 3) reach_r = 3;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t a = 0; a < NW_WALL_ANGLES; a++) {
            if (!w->dip[r * NW_WALL_ANGLES + a]) continue;
            for (int64_t q = r - reach_r; q <= r + reach_r; q++)
                for (int64_t b = a - reach_a; b <= a + reach_a; b++) {
                    if (q < 0 || q >= w->rows) continue;
                    int64_t at = q * NW_WALL_ANGLES + (b + NW_WALL_ANGLES) % NW_WALL_ANGLES;
                    if (w->dip[at])
                        kind[at] = NW_SURFACE_ASKED;
                    else if (height[at] > 0)
                        kind[at] = NW_SURFACE_KNOWN;
                }
        }
}

/* The inner side over a dip is not nearer to the middle than it is to all sides of the dip: there the plate
 * only guesses. */
static void bound_inner(const nw_wall *w, const uint8_t *kind, float *plate)
{
    const int64_t na = NW_WALL_ANGLES;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t a = 0; a < na; a++) {
            if (kind[r * na + a] != NW_SURFACE_ASKED) continue;
            float least = INFINITY;
            for (int64_t way = -1; way <= 1; way += 2) {
                int64_t q = r, b = a, left = na;
                while (q >= 0 && q < w->rows && kind[q * na + a] == NW_SURFACE_ASKED) q += way;
                while (left-- && kind[r * na + b] == NW_SURFACE_ASKED) b = (b + way + na) % na;
                if (q >= 0 && q < w->rows && kind[q * na + a] == NW_SURFACE_KNOWN)
                    least = fminf(least, w->inner[q * na + a]);
                if (kind[r * na + b] == NW_SURFACE_KNOWN) least = fminf(least, w->inner[r * na + b]);
            }
            if (isfinite(least)) plate[r * na + a] = fmaxf(plate[r * na + a], least);
        }
}

/* surface becomes the wall over the dips, and inner what the far side of the lung would be where a ray meets
 * none. */
static nw_status fit(nw_wall *w, nw_error *err)
{
    const double ha = 2 * M_PI / NW_WALL_ANGLES * typical_mm;
    size_t count = (size_t)(w->rows * NW_WALL_ANGLES);
    uint8_t *kind = nw_calloc(count, 1);
    float *plate = nw_calloc(count, sizeof *plate);
    nw_status status = kind && plate ? NW_OK : nw_no_memory(err, count * sizeof *plate, "the chest wall");
    if (status == NW_OK) {
        kinds(w, w->outer, kind);
        for (size_t i = 0; i < count; i++)
            plate[i] = kind[i] == NW_SURFACE_KNOWN ? w->outer[i] : w->surface[i];
        status = nw_surface_fit(plate, kind, w->rows, NW_WALL_ANGLES, w->h, ha, length_mm, err);
    }
    if (status == NW_OK) {
        for (size_t i = 0; i < count; i++)
            if (kind[i] == NW_SURFACE_ASKED) w->surface[i] = plate[i];
        /* The inner side is not smooth; a mean of what is around will do. */
        for (size_t i = 0; i < count; i++) {
            if (kind[i] == NW_SURFACE_ASKED) kind[i] = w->inner[i] > 0 ? NW_SURFACE_KNOWN : NW_SURFACE_ASKED;
            plate[i] = w->inner[i] > 0 ? w->inner[i] : w->surface[i] / 2;
        }
        status = nw_surface_fit(plate, kind, w->rows, NW_WALL_ANGLES, w->h, ha, 2 * length_mm, err);
    }
    if (status == NW_OK) bound_inner(w, kind, plate);
    for (size_t i = 0; i < count && status == NW_OK; i++)
        if (kind[i] == NW_SURFACE_ASKED) w->inner[i] = fmaxf(plate[i], 1);
    nw_free(kind);
    nw_free(plate);
    return status;
}

/* The middle of the chest: between left and right at the body's middle, between front and back at the lungs'.
 */
static bool middle(const nw_chest *c, nw_wall *w)
{
    nw_box right, left;
    bool r = nw_chest_box(c, NW_CODE_RIGHT, &right), l = nw_chest_box(c, NW_CODE_LEFT, &left);
    if (!r && !l) return false;
    w->cx = r && l ? (double)(right.low[0] + left.high[0] - 1) / 2 : c->middle;
    double low = (double)(r && (!l || right.low[1] < left.low[1]) ? right.low[1] : left.low[1]),
           high = (double)(r && (!l || right.high[1] > left.high[1]) ? right.high[1] : left.high[1]);
    w->cy = (low + high - 1) / 2;
    return true;
}

nw_status nw_chest_wall(nw_chest *c, uint8_t side, double gap_mm, nw_error *err)
{
    nw_box box;
    nw_wall w = {0};
    if (!nw_chest_box(c, side, &box) || !middle(c, &w)) return NW_OK;
    const double hz = c->view.h[2];
    w.per_row = hz < step_mm ? (int64_t)(step_mm / hz + 0.5) : 1;
    w.h = hz * (double)w.per_row;
    w.rows = (box.high[2] - box.low[2] + w.per_row - 1) / w.per_row;
    w.z0 = box.low[2];
    w.low = box.low[2] == 0 ? END_SCAN : END_LUNG;
    w.high = box.high[2] == c->view.n[2] ? END_SCAN : END_LUNG;
    size_t count = (size_t)(w.rows * NW_WALL_ANGLES);
    w.outer = nw_calloc(count, sizeof *w.outer);
    w.inner = nw_calloc(count, sizeof *w.inner);
    w.surface = nw_calloc(count, sizeof *w.surface);
    w.dip = nw_calloc(count, 1);
    nw_status status = NW_OK;
    bool any = false;
    if (!w.outer || !w.inner || !w.surface || !w.dip) {
        status = nw_no_memory(err, count * sizeof *w.outer, "the chest wall");
    } else {
        nw_wall_see(c, side, &box, &w);
        status = close_surface(&w, gap_mm, err);
        if (status == NW_OK) forget_deep(&w);
        if (status == NW_OK) status = find_dips(&w, &any, err);
    }
    if (status == NW_OK && any) status = fit(&w, err);
    if (status == NW_OK && any) status = nw_wall_fill(c, side, &box, &w, err);
    nw_free(w.outer);
    nw_free(w.inner);
    nw_free(w.surface);
    nw_free(w.dip);
    return status;
}
