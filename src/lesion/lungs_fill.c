/* Closing lungs: vessels and small gaps, dense parts at the chest wall, holes. */
#include "lesion/chest.h"

#include "base/memory.h"
#include "lesion/components.h"
#include "lesion/distance.h"

#include <string.h>

static const double most_hole_mm2 = 400; /* of holes in one slice alone */
enum { BONE_HU = 300 };

static bool may_close(const nw_chest *c, uint8_t side, int64_t x, int64_t y, int64_t z)
{
    uint8_t code = c->code[nw_chest_at(c, x, y, z)];
    return code == side || (code == NW_CODE_TISSUE && (!c->hu || nw_chest_hu(c, x, y, z) < BONE_HU));
}

/* A piece of the chest copied out: 1 where the code is `side`. It may reach beyond the scan, whose last
 * voxels go on there: closing must neither take the scan's end for the lung's nor for more lung. */
typedef struct crop {
    nw_box box;
    int64_t n[3];
    uint8_t *mask;
} crop;

static int64_t within(int64_t at, int64_t count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

static nw_status cut(const nw_chest *c, uint8_t side, double margin_mm, crop *out, nw_error *err)
{
    const int64_t *n = c->view.n;
    for (int a = 0; a < 3; a++) {
        int64_t margin = (int64_t)(margin_mm / c->view.h[a]) + 2;
        out->box.low[a] -= margin;
        out->box.high[a] += margin;
        out->n[a] = out->box.high[a] - out->box.low[a];
    }
    size_t count = (size_t)(out->n[0] * out->n[1] * out->n[2]);
    out->mask = nw_alloc_aligned(count, 1);
    if (!out->mask) return nw_no_memory(err, count, "a lung");
    uint8_t *to = out->mask;
    for (int64_t z = out->box.low[2]; z < out->box.high[2]; z++)
        for (int64_t y = out->box.low[1]; y < out->box.high[1]; y++) {
            const uint8_t *from = c->code + nw_chest_at(c, 0, within(y, n[1]), within(z, n[2]));
            for (int64_t x = out->box.low[0]; x < out->box.high[0]; x++)
                *to++ = from[within(x, n[0])] == side;
        }
    return NW_OK;
}

static bool inside(const nw_chest *c, int64_t x, int64_t y, int64_t z)
{
    const int64_t *n = c->view.n;
    return x >= 0 && y >= 0 && z >= 0 && x < n[0] && y < n[1] && z < n[2];
}

/* What is 2 in the crop and may be closed becomes the side's; the crop then holds 1 for it, else 0. */
static void paste_closed(nw_chest *c, uint8_t side, crop *p)
{
    const int64_t *n = c->view.n;
    uint8_t *from = p->mask;
    for (int64_t z = p->box.low[2]; z < p->box.high[2]; z++)
        for (int64_t y = p->box.low[1]; y < p->box.high[1]; y++)
            for (int64_t x = p->box.low[0]; x < p->box.high[0]; x++, from++) {
                if (*from != 2) continue;
                *from = may_close(c, side, within(x, n[0]), within(y, n[1]), within(z, n[2]));
                if (*from && inside(c, x, y, z)) c->code[nw_chest_at(c, x, y, z)] = side;
            }
}

/* Components of 0 that do not reach the edge become 1: those of the whole crop, or of single slices where
 * they are small. */
static nw_status fill_holes(const nw_chest *c, crop *p, bool by_slice, nw_error *err)
{
    nw_components holes;
    nw_status status = nw_components_find(p->mask, p->n, 0, by_slice ? NW_TOUCH_4 : NW_TOUCH_6, &holes, err);
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)holes.count + 1, 1) : NULL;
    if (status == NW_OK && !paint) status = nw_no_memory(err, (size_t)holes.count, "holes");
    if (status == NW_OK) {
        const double pixel = c->view.h[0] * c->view.h[1];
        for (int32_t i = 0; i < holes.count; i++)
            paint[i] = !by_slice || (double)holes.voxels[i] * pixel <= most_hole_mm2;
        int64_t row = 0;
        for (int64_t r = 0; r < holes.run_count; r++) {
            const nw_run *run = &holes.runs[r];
            row = nw_components_row(&holes, r, row);
            int64_t y = row % p->n[1], z = row / p->n[1];
            if (run->begin == 0 || run->end == p->n[0] || y == 0 || y == p->n[1] - 1 ||
                (!by_slice && (z == 0 || z == p->n[2] - 1)))
                paint[run->component] = 0;
        }
        nw_components_paint(&holes, paint, 0, p->mask);
    }
    nw_components_free(&holes);
    nw_free(paint);
    return status;
}

static nw_status fill_side(nw_chest *c, uint8_t side, double closing_mm, nw_error *err)
{
    crop p = {.mask = NULL};
    if (!nw_chest_box(c, side, &p.box)) return NW_OK;
    nw_status status = cut(c, side, closing_mm > 0 ? closing_mm : 0, &p, err);
    if (status == NW_OK && closing_mm > 0) {
        size_t count = (size_t)(p.n[0] * p.n[1] * p.n[2]);
        float *work = nw_alloc_aligned(count, sizeof *work);
        status = work ? nw_close_ball(p.mask, p.n, c->view.h, closing_mm, work, err)
                      : nw_no_memory(err, count * sizeof *work, "closing a lung");
        nw_free(work);
        if (status == NW_OK) paste_closed(c, side, &p);
    }
    if (status == NW_OK) status = fill_holes(c, &p, false, err);
    if (status == NW_OK) status = fill_holes(c, &p, true, err);
    const uint8_t *from = p.mask;
    const uint8_t other = side == NW_CODE_RIGHT ? NW_CODE_LEFT : NW_CODE_RIGHT;
    for (int64_t z = p.box.low[2]; z < p.box.high[2] && status == NW_OK; z++)
        for (int64_t y = p.box.low[1]; y < p.box.high[1]; y++)
            for (int64_t x = p.box.low[0]; x < p.box.high[0]; x++, from++) {
                if (!*from || !inside(c, x, y, z)) continue;
                uint8_t *to = &c->code[nw_chest_at(c, x, y, z)];
                if (*to != other && *to != NW_CODE_OUTSIDE) *to = side;
            }
    nw_free(p.mask);
    return status;
}

nw_status nw_chest_fill(nw_chest *c, double closing_mm, double gap_mm, nw_error *err)
{
    static const uint8_t sides[2] = {NW_CODE_RIGHT, NW_CODE_LEFT};
    for (int i = 0; i < 2 && gap_mm > 0; i++) {
        NW_TRY(nw_chest_wall(c, sides[i], gap_mm, err));
        NW_TRY(nw_chest_dense(c, sides[i], err));
    }
    if (gap_mm > 0) NW_TRY(nw_chest_bulges(c, err));
    for (int i = 0; i < 2; i++) NW_TRY(fill_side(c, sides[i], closing_mm, err));
    return NW_OK;
}
