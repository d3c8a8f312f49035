#include "lesion/wall.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <string.h>

enum { BONE_HU = 160, LEAST_FAT_HU = -160, MOST_FAT_HU = -50 };
static const double bone_share = 0.04;
static const double front_mm = 25; /* from the middle: there heart and fat touch the breast bone */

/* Heights between rows and angles. */
static double between(const nw_wall *w, const float *height, double row, double angle)
{
    double r = row < 0                       ? 0
               : row > (double)(w->rows - 1) ? (double)(w->rows - 1)
                                             : row,
           fr = r - floor(r), fa = angle - floor(angle);
    int64_t r0 = (int64_t)r, r1 = r0 + 1 < w->rows ? r0 + 1 : r0,
            a0 = ((int64_t)floor(angle) + NW_WALL_ANGLES) % NW_WALL_ANGLES, a1 = (a0 + 1) % NW_WALL_ANGLES;
    const float v[4] = {height[r0 * NW_WALL_ANGLES + a0], height[r0 * NW_WALL_ANGLES + a1],
                        height[r1 * NW_WALL_ANGLES + a0], height[r1 * NW_WALL_ANGLES + a1]};
    const double weight[4] = {(1 - fr) * (1 - fa), (1 - fr) * fa, fr * (1 - fa), fr * fa};
    double sum = 0, total = 0;
    for (int i = 0; i < 4; i++)
        if (v[i] > 0) sum += weight[i] * (double)v[i], total += weight[i];
    return total > 0 ? sum / total : 0;
}

/* Mean of 3 x 3 voxels. */
static double mean_hu(const nw_chest *c, int64_t x, int64_t y, int64_t z)
{
    double sum = 0, count = 0;
    for (int64_t q = y - 1; q <= y + 1; q++)
        for (int64_t p = x - 1; p <= x + 1; p++) {
            if (p < 0 || q < 0 || p >= c->view.n[0] || q >= c->view.n[1]) continue;
            sum += (double)nw_chest_hu(c, p, q, z);
            count++;
        }
    return sum / count;
}

/* Of one dip, or several that touch. */
typedef struct gap {
    int64_t bone, all;
} gap;

/* Marks WORK what is to be filled, and counts. number: of the gap of each cell. */
static void mark(nw_chest *c, const nw_box *box, const nw_wall *w, const int32_t *number, gap *gaps)
{
    const nw_view *v = &c->view;
    double most = 0;
    for (int64_t i = 0; i < w->rows * NW_WALL_ANGLES; i++)
        most = fmax(most, w->dip[i] ? (double)w->surface[i] : 0);
    int64_t rx = (int64_t)(most / v->h[0]) + 1, ry = (int64_t)(most / v->h[1]) + 1;
    for (int64_t z = box->low[2]; z < box->high[2]; z++) {
        int64_t row_at = (z - w->z0) / w->per_row * NW_WALL_ANGLES;
        const float *inner = w->inner + row_at, *outer = w->outer + row_at;
        const uint8_t *dip = w->dip + row_at;
        if (!memchr(dip, 1, NW_WALL_ANGLES)) continue;
        double row = ((double)(z - w->z0) + 0.5) / (double)w->per_row - 0.5;
        for (int64_t y = (int64_t)w->cy - ry; y <= (int64_t)w->cy + ry; y++)
            for (int64_t x = (int64_t)w->cx - rx; x <= (int64_t)w->cx + rx; x++) {
                if (x < 0 || y < 0 || x >= v->n[0] || y >= v->n[1]) continue;
                uint8_t *code = &c->code[nw_chest_at(c, x, y, z)];
                if (*code != NW_CODE_TISSUE) continue;
                double dx = ((double)x - w->cx) * v->h[0], dy = ((double)y - w->cy) * v->h[1];
                double turn = atan2(dy, dx) / (2 * M_PI) * NW_WALL_ANGLES;
                int64_t a = nw_wall_angle(dx, dy);
                if (!dip[a] || (dy > 0 && fabs(((double)x - c->middle) * v->h[0]) < front_mm)) continue;
                double r = hypot(dx, dy), from = outer[a] > 0 ? (double)outer[a] - v->h[0] : (double)inner[a];
                if (r < from || from <= 0 || r > between(w, w->surface, row, turn - 0.5)) continue;
                double hu = c->hu ? mean_hu(c, x, y, z) : 0;
                gap *g = &gaps[number[row_at + a]];
                g->all++;
                g->bone += hu > BONE_HU;
                if (hu <= BONE_HU && (hu < LEAST_FAT_HU || hu > MOST_FAT_HU)) *code = NW_CODE_WORK;
            }
    }
}

nw_status nw_wall_fill(nw_chest *c, uint8_t side, const nw_box *box, const nw_wall *w, nw_error *err)
{
    const int64_t n[3] = {NW_WALL_ANGLES, w->rows, 1}, cells = NW_WALL_ANGLES * w->rows;
    nw_components dips;
    nw_status status = nw_components_find(w->dip, n, 1, NW_TOUCH_4, &dips, err);
    gap *gaps = status == NW_OK ? nw_calloc((size_t)dips.count + 1, sizeof *gaps) : NULL;
    int32_t *number = status == NW_OK ? nw_calloc((size_t)cells, sizeof *number) : NULL;
    if (status == NW_OK && (!gaps || !number))
        status = nw_no_memory(err, (size_t)cells * sizeof *number, "the chest wall");
    if (status == NW_OK) {
        int64_t row = 0;
        for (int64_t r = 0; r < dips.run_count; r++) {
            row = nw_components_row(&dips, r, row);
            for (int64_t a = dips.runs[r].begin; a < dips.runs[r].end; a++)
                number[row * NW_WALL_ANGLES + a] = dips.runs[r].component;
        }
        mark(c, box, w, number, gaps);
        const nw_view *v = &c->view;
        for (int64_t z = box->low[2]; z < box->high[2]; z++)
            for (int64_t y = 0; y < v->n[1]; y++) {
                uint8_t *code = c->code + nw_chest_at(c, 0, y, z);
                for (int64_t x = 0; x < v->n[0]; x++) {
                    if (code[x] != NW_CODE_WORK) continue;
                    int64_t a = nw_wall_angle(((double)x - w->cx) * v->h[0], ((double)y - w->cy) * v->h[1]);
                    const gap *g = &gaps[number[(z - w->z0) / w->per_row * NW_WALL_ANGLES + a]];
                    code[x] = (double)g->bone > bone_share * (double)g->all ? NW_CODE_TISSUE : side;
                }
            }
    }
    nw_components_free(&dips);
    nw_free(gaps);
    nw_free(number);
    return status;
}
