/* Dense parts that bulge into the lungs.
 *
 * Heart, great vessels, diaphragm and chest wall are large and smooth: a large ball fits into them nearly
 * everywhere. A consolidation that lies on one of them is as dense, but it is a bulge into which the ball
 * does not fit. So all that is not lung is opened by balls, of a radius that grows from the middle of the
 * body, where vessels and spine are slender, to the sides. What the opening leaves out, is soft and reaches
 * deep enough into the lung, becomes lung.
 *
 * None of this needs fine voxels, and it is done in cells of about 3 mm.
 */
#include "lesion/chest.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "lesion/components.h"
#include "lesion/distance.h"

#include <math.h>

enum { LEAST_HU = -100, MOST_HU = 130 }; /* of soft tissue, mean of a cell */
static const double cell_mm = 3;
static const double least_radius_mm = 8, most_radius_mm = 36, radius_growth = 1.2, middle_mm = 25;
static const double most_ball_mm = 45; /* larger ones are cut to this */
static const double least_deep_mm = 5, least_ml = 1;

enum { LEAST_NEAR = 6 }; /* lung cells of 3 x 3 x 3 around one that is lung */
enum { CELL_RIGHT = 1, CELL_LEFT = 2, CELL_SOFT = 3, CELL_OTHER = 4, CELL_OWN = 5 };

/* Cells of factor[a] voxels along each axis; cell 0 begins at voxel `origin`, which may be off the scan. */
typedef struct cells {
    int64_t origin[3], factor[3], n[3], count;
    double h[3];
    uint8_t *kind, *mask;
    float *field;
} cells;

/* Around the lungs' box: a large ball fits in. */
static int64_t margin_cells(const cells *g, int axis)
{
    return (int64_t)(most_radius_mm / g->h[axis]) + 2;
}

static bool lay_out(const nw_chest *c, cells *g)
{
    nw_box box[2];
    bool right = nw_chest_box(c, NW_CODE_RIGHT, &box[0]), left = nw_chest_box(c, NW_CODE_LEFT, &box[1]);
    if (!right && !left) return false;
    g->count = 1;
    for (int a = 0; a < 3; a++) {
        int64_t low = right ? box[0].low[a] : box[1].low[a], high = right ? box[0].high[a] : box[1].high[a];
        if (left && box[1].low[a] < low) low = box[1].low[a];
        if (left && box[1].high[a] > high) high = box[1].high[a];
        g->factor[a] = (int64_t)(cell_mm / c->view.h[a] + 0.5);
        if (g->factor[a] < 1) g->factor[a] = 1;
        g->h[a] = c->view.h[a] * (double)g->factor[a];
        int64_t margin = margin_cells(g, a);
        g->origin[a] = low - margin * g->factor[a];
        g->n[a] = (high - low + g->factor[a] - 1) / g->factor[a] + 2 * margin;
        g->count *= g->n[a];
    }
    return true;
}

/* Voxels [*from, *to) of the scan that are in cell `at`. */
static void span(const nw_chest *c, const cells *g, int axis, int64_t at, int64_t *from, int64_t *to)
{
    *from = g->origin[axis] + at * g->factor[axis];
    *to = *from + g->factor[axis];
    if (*from < 0) *from = 0;
    if (*to > c->view.n[axis]) *to = c->view.n[axis];
}

/* Lung where half of a cell is. Beyond the scan's ends nothing is known, and nothing is lung. */
static uint8_t look(const nw_chest *c, const int64_t from[3], const int64_t to[3])
{
    int64_t all = 0, side[2] = {0};
    double sum = 0;
    for (int64_t z = from[2]; z < to[2]; z++)
        for (int64_t y = from[1]; y < to[1]; y++)
            for (int64_t x = from[0]; x < to[0]; x++) {
                uint8_t code = c->code[nw_chest_at(c, x, y, z)];
                side[0] += code == NW_CODE_RIGHT;
                side[1] += code == NW_CODE_LEFT;
                sum += (double)nw_chest_hu(c, x, y, z);
                all++;
            }
    if (2 * (side[0] + side[1]) > all) return side[0] >= side[1] ? CELL_RIGHT : CELL_LEFT;
    return all && sum > LEAST_HU * (double)all && sum < MOST_HU * (double)all ? CELL_SOFT : CELL_OTHER;
}

typedef struct job {
    const nw_chest *chest;
    cells *g;
} job;

/* Far from the lungs' box all cells are OTHER. */
static void fill_planes(void *context, size_t begin, size_t end)
{
    const job *j = context;
    cells *g = j->g;
    int64_t from[3], to[3], rim[3];
    for (int a = 0; a < 3; a++) rim[a] = margin_cells(g, a) - 2;
    for (int64_t z = (int64_t)begin; z < (int64_t)end; z++)
        for (int64_t y = 0; y < g->n[1]; y++) {
            uint8_t *kind = g->kind + g->n[0] * (y + g->n[1] * z);
            for (int64_t x = 0; x < g->n[0]; x++) {
                const int64_t at[3] = {x, y, z};
                bool far = false;
                for (int a = 0; a < 3; a++) {
                    far |= at[a] < rim[a] || at[a] >= g->n[a] - rim[a];
                    span(j->chest, g, a, at[a], &from[a], &to[a]);
                }
                kind[x] = far ? CELL_OTHER : look(j->chest, from, to);
            }
        }
}

/* Lung cells but for those that hardly touch others: a single one would keep all balls away. */
static void mark_lung(const cells *g, uint8_t *lung)
{
    const int64_t nx = g->n[0], ny = g->n[1], nz = g->n[2];
    for (int64_t z = 0; z < nz; z++)
        for (int64_t y = 0; y < ny; y++)
            for (int64_t x = 0; x < nx; x++) {
                const uint8_t *kind = g->kind + x + nx * (y + ny * z);
                int near = 0;
                *lung = 0;
                if (*kind > CELL_LEFT || x == 0 || y == 0 || z == 0 || x == nx - 1 || y == ny - 1 ||
                    z == nz - 1) {
                    lung++;
                    continue;
                }
                for (int64_t c = -1; c <= 1; c++)
                    for (int64_t b = -1; b <= 1; b++)
                        for (int64_t a = -1; a <= 1; a++) near += kind[a + nx * (b + ny * c)] <= CELL_LEFT;
                *lung++ = near > LEAST_NEAR;
            }
}

/* mask = 1 where no ball of what is not lung reaches. */
static nw_status open_balls(const nw_chest *c, cells *g, nw_error *err)
{
    const float none = (float)(4 * most_ball_mm * most_ball_mm);
    mark_lung(g, g->mask);
    NW_TRY(nw_distance_squared(g->mask, g->n, g->h, 1, 1, most_ball_mm, g->field, err));
    const float most = (float)(most_ball_mm * most_ball_mm);
    float *field = g->field;
    for (int64_t row = 0; row < g->n[1] * g->n[2]; row++)
        for (int64_t x = 0; x < g->n[0]; x++, field++) {
            double right =
                ((double)g->origin[0] + ((double)x + 0.5) * (double)g->factor[0] - 0.5 - c->middle) *
                c->view.h[0];
            double radius = least_radius_mm + radius_growth * (fabs(right) - middle_mm);
            radius = fmin(fmax(radius, least_radius_mm), most_radius_mm);
            *field = *field < (float)(radius * radius) ? none : -fminf(*field, most);
        }
    NW_TRY(nw_balls(g->field, g->n, g->h, most_ball_mm, err));
    for (int64_t i = 0; i < g->count; i++) g->mask[i] = g->field[i] > 0;
    return NW_OK;
}

/* Cells of the mask that are soft, in parts that are deep and large enough, become OWN plus the lung they are
 * next to. */
static nw_status keep(const nw_chest *c, cells *g, nw_error *err)
{
    NW_TRY(nw_distance_squared(g->mask, g->n, g->h, 0, 1, least_deep_mm, g->field, err));
    for (int64_t i = 0; i < g->count; i++) g->mask[i] = g->mask[i] && g->kind[i] == CELL_SOFT;
    nw_components parts;
    nw_status status = nw_components_find(g->mask, g->n, 1, NW_TOUCH_6, &parts, err);
    uint8_t *deep = status == NW_OK ? nw_calloc((size_t)parts.count + 1, 1) : NULL;
    int64_t *touch = status == NW_OK ? nw_calloc((size_t)parts.count + 1, 2 * sizeof *touch) : NULL;
    if (status == NW_OK && (!deep || !touch))
        status = nw_no_memory(err, (size_t)parts.count * 17, "dense parts");
    if (status == NW_OK) {
        const int64_t nx = g->n[0], steps[6] = {-1, 1, -nx, nx, -nx * g->n[1], nx * g->n[1]};
        int64_t row = 0;
        for (int64_t r = 0; r < parts.run_count; r++) {
            const nw_run *run = &parts.runs[r];
            row = nw_components_row(&parts, r, row);
            for (int64_t at = row * nx + run->begin; at < row * nx + run->end; at++) {
                deep[run->component] |= g->field[at] > (float)(least_deep_mm * least_deep_mm);
                for (int s = 0; s < 6; s++) {
                    int64_t to = at + steps[s];
                    uint8_t kind = to >= 0 && to < g->count ? g->kind[to] : CELL_OTHER;
                    if (kind <= CELL_LEFT) touch[2 * run->component + kind - CELL_RIGHT]++;
                }
            }
        }
        const double ml = c->view.voxel_ml * (double)(g->factor[0] * g->factor[1] * g->factor[2]);
        for (int32_t i = 0; i < parts.count; i++) {
            const int64_t *t = &touch[2 * i];
            bool own = deep[i] && (double)parts.voxels[i] * ml >= least_ml && t[0] + t[1] > 0;
            deep[i] = !own ? 0 : (uint8_t)(CELL_OWN + (t[0] >= t[1] ? NW_CODE_RIGHT : NW_CODE_LEFT));
        }
        nw_components_paint(&parts, deep, 1, g->mask);
    }
    nw_components_free(&parts);
    nw_free(deep);
    nw_free(touch);
    return status;
}

static void paste(nw_chest *c, const cells *g)
{
    const uint8_t *mask = g->mask;
    int64_t from[3], to[3];
    for (int64_t k = 0; k < g->n[2]; k++)
        for (int64_t j = 0; j < g->n[1]; j++)
            for (int64_t i = 0; i < g->n[0]; i++, mask++) {
                if (*mask < CELL_OWN) continue;
                const int64_t at[3] = {i, j, k};
                for (int a = 0; a < 3; a++) span(c, g, a, at[a], &from[a], &to[a]);
                for (int64_t z = from[2]; z < to[2]; z++)
                    for (int64_t y = from[1]; y < to[1]; y++)
                        for (int64_t x = from[0]; x < to[0]; x++) {
                            uint8_t *code = &c->code[nw_chest_at(c, x, y, z)];
                            if (*code == NW_CODE_TISSUE) *code = (uint8_t)(*mask - CELL_OWN);
                        }
            }
}

nw_status nw_chest_bulges(nw_chest *c, nw_error *err)
{
    cells g = {.kind = NULL};
    if (!c->hu || !lay_out(c, &g)) return NW_OK;
    g.kind = nw_alloc_aligned((size_t)g.count, 1);
    g.mask = nw_alloc_aligned((size_t)g.count, 1);
    g.field = nw_alloc_aligned((size_t)g.count, sizeof *g.field);
    nw_status status =
        g.kind && g.mask && g.field ? NW_OK : nw_no_memory(err, (size_t)g.count * 6, "dense parts");
    if (status == NW_OK) {
        nw_parallel((size_t)g.n[2], 1, fill_planes, &(job){c, &g});
        status = open_balls(c, &g, err);
    }
    if (status == NW_OK) status = keep(c, &g, err);
    if (status == NW_OK) paste(c, &g);
    nw_free(g.kind);
    nw_free(g.mask);
    nw_free(g.field);
    return status;
}
