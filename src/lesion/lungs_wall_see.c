/* The lung's surface as it is seen from the middle of the chest. */
#include "lesion/wall.h"

/* Heights of the lung's surface seen from the middle. */
static void see(const nw_chest *c, uint8_t side, const nw_box *box, nw_wall *w)
{
    const nw_view *v = &c->view;
    for (int64_t z = box->low[2]; z < box->high[2]; z++) {
        int64_t row_at = (z - w->z0) / w->per_row * NW_WALL_ANGLES;
        float *outer = w->outer + row_at;
        for (int64_t y = box->low[1]; y < box->high[1]; y++) {
            const uint8_t *row = c->code + nw_chest_at(c, 0, y, z);
            const uint8_t *up = y + 1 < v->n[1] ? row + v->n[0] : NULL, *down = y ? row - v->n[0] : NULL;
            for (int64_t x = box->low[0]; x < box->high[0]; x++) {
                if (row[x] != side) continue;
                if (x > 0 && x + 1 < v->n[0] && row[x - 1] == side && row[x + 1] == side && up && down &&
                    up[x] == side && down[x] == side)
                    continue;
                double dx = ((double)x - w->cx) * v->h[0], dy = ((double)y - w->cy) * v->h[1];
                float r = (float)hypot(dx, dy);
                int64_t a = nw_wall_angle(dx, dy);
                if (r > outer[a]) outer[a] = r;
            }
        }
    }
}

/* The near side of what is seen of the lung: along each ray from its surface inwards, over gaps that are no
 * more than a vessel or a lesion. Beyond them is another part of the lung, behind heart or liver. */
static void see_inner(const nw_chest *c, uint8_t side, nw_wall *w)
{
    const nw_view *v = &c->view;
    const double step = fmax(v->h[0], v->h[1]);
    for (int64_t row = 0; row < w->rows; row++) {
        int64_t z = w->z0 + row * w->per_row + w->per_row / 2;
        if (z >= v->n[2]) z = v->n[2] - 1;
        for (int64_t a = 0; a < NW_WALL_ANGLES; a++) {
            const float outer = w->outer[row * NW_WALL_ANGLES + a];
            const double turn = ((double)a + 0.5) * 2 * M_PI / NW_WALL_ANGLES, dx = cos(turn) / v->h[0],
                         dy = sin(turn) / v->h[1];
            double inner = (double)outer;
            for (double r = inner - step; r > 0 && inner - r < NW_WALL_BEHIND_MM; r -= step) {
                int64_t x = (int64_t)(w->cx + r * dx + 0.5), y = (int64_t)(w->cy + r * dy + 0.5);
                if (x >= 0 && y >= 0 && x < v->n[0] && y < v->n[1] &&
                    c->code[nw_chest_at(c, x, y, z)] == side)
                    inner = r;
            }
            w->inner[row * NW_WALL_ANGLES + a] = (float)inner;
        }
    }
}

/* Close to the middle neighbouring voxels are angles apart: single angles without lung between two with it
 * get their neighbours' mean. */
static void mend(nw_wall *w)
{
    for (int64_t z = 0; z < w->rows; z++) {
        float *o = w->outer + z * NW_WALL_ANGLES, *i = w->inner + z * NW_WALL_ANGLES;
        for (int64_t a = 0; a < NW_WALL_ANGLES; a++) {
            int64_t p = (a + NW_WALL_ANGLES - 1) % NW_WALL_ANGLES, q = (a + 1) % NW_WALL_ANGLES;
            if (o[a] > 0 || o[p] <= 0 || o[q] <= 0) continue;
            o[a] = (o[p] + o[q]) / 2;
            i[a] = (i[p] + i[q]) / 2;
        }
    }
}

void nw_wall_see(const nw_chest *c, uint8_t side, const nw_box *box, nw_wall *w)
{
    see(c, side, box, w);
    see_inner(c, side, w);
    mend(w);
}
