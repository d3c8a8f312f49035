/* Dense parts that touch the mediastinum or lie between lobes.
 *
 * Soft tissue that has lung to the side of it and lung below it, and that is thick, is either a consolidation
 * or belongs to heart and great vessels. The latter are one with the middle of the body: what an opening by a
 * ball leaves connected to it stays out. The rest is lung. Thick contact between the two hides a
 * consolidation from this; fat, which mostly parts them, shows it.
 */
#include "lesion/chest.h"

#include "base/memory.h"
#include "lesion/components.h"
#include "lesion/distance.h"

#include <math.h>
#include <string.h>

enum { SOFT_HU = -30, DENSE_HU = 130 };
static const double ball_mm = 8, back_mm = 9.5, right_mm = 15, left_mm = 34, least_ml = 1, least_below = 0.6;

typedef struct block {
    nw_box box;
    int64_t n[3];
    size_t count;
    uint8_t *mask;  /* 1: soft; 2: soft and already lung */
    int32_t *floor; /* [n[1]][n[0]]: lowest slice with lung, of the box */
    float *work;
} block;

static void block_free(block *b)
{
    nw_free(b->mask);
    nw_free(b->floor);
    nw_free(b->work);
}

static nw_status mark_soft(nw_chest *c, uint8_t side, block *b, nw_error *err)
{
    const int64_t nx = c->view.n[0], plane = nx * c->view.n[1];
    float *slice = nw_alloc_aligned((size_t)(2 * plane), sizeof *slice);
    if (!slice) return nw_no_memory(err, (size_t)(2 * plane) * sizeof *slice, "a slice");
    const bool smooth = c->smooth;
    c->smooth = true; /* noise must not make tissue of fat */
    for (int64_t i = 0; i < b->n[0] * b->n[1]; i++) b->floor[i] = INT32_MAX;
    for (int64_t z = 0; z < b->n[2]; z++) {
        nw_chest_slice(c, z + b->box.low[2], slice, slice + plane);
        for (int64_t y = 0; y < b->n[1]; y++) {
            int64_t at = nw_chest_at(c, b->box.low[0], y + b->box.low[1], z + b->box.low[2]);
            const uint8_t *code = c->code + at;
            const float *hu = slice + (at - (z + b->box.low[2]) * plane);
            uint8_t *mask = b->mask + b->n[0] * (y + b->n[1] * z);
            bool beside = false;
            for (int64_t i = 0; i < b->n[0]; i++) {
                int64_t x = side == NW_CODE_RIGHT ? b->n[0] - 1 - i : i; /* from the side to the middle */
                bool lung = code[x] == side, soft = hu[x] >= SOFT_HU && hu[x] <= DENSE_HU;
                beside |= lung;
                mask[x] = !soft ? 0 : lung ? 2 : code[x] == NW_CODE_TISSUE && beside ? 1 : 0;
                int32_t *floor = &b->floor[x + b->n[0] * y];
                if (lung && *floor == INT32_MAX) *floor = (int32_t)z;
            }
        }
    }
    c->smooth = smooth;
    nw_free(slice);
    return NW_OK;
}

/* Leaves 3 in the mask where the opened soft tissue is not the body's. */
static nw_status find_own(const nw_chest *c, block *b, uint8_t *core, nw_error *err)
{
    NW_TRY(nw_distance_squared(b->mask, b->n, c->view.h, 0, 1, ball_mm, b->work, err));
    for (size_t i = 0; i < b->count; i++) core[i] = b->mask[i] && b->work[i] > (float)(ball_mm * ball_mm);
    nw_components parts;
    nw_status status = nw_components_find(core, b->n, 1, NW_TOUCH_6, &parts, err);
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)parts.count + 1, 1) : NULL;
    int64_t *below = status == NW_OK ? nw_calloc((size_t)parts.count + 1, sizeof *below) : NULL;
    if (status == NW_OK && (!paint || !below))
        status = nw_no_memory(err, (size_t)parts.count * 9, "dense parts");
    if (status == NW_OK) {
        memset(paint, 1, (size_t)parts.count);
        int64_t row = 0;
        for (int64_t r = 0; r < parts.run_count; r++) {
            const nw_run *run = &parts.runs[r];
            row = nw_components_row(&parts, r, row);
            int64_t y = row % b->n[1], z = row / b->n[1];
            for (int64_t x = run->begin; x < run->end; x++) {
                below[run->component] += b->floor[x + b->n[0] * y] < z;
                double right = ((double)(x + b->box.low[0]) - c->middle) * c->view.h[0];
                if (right < right_mm && right > -left_mm) paint[run->component] = 0;
            }
        }
        for (int32_t i = 0; i < parts.count; i++)
            if ((double)parts.voxels[i] * c->view.voxel_ml < least_ml ||
                (double)below[i] < least_below * (double)parts.voxels[i])
                paint[i] = 0;
        nw_components_paint(&parts, paint, 1, core);
    }
    nw_components_free(&parts);
    nw_free(paint);
    nw_free(below);
    return status;
}

nw_status nw_chest_dense(nw_chest *c, uint8_t side, nw_error *err)
{
    block b = {.mask = NULL};
    if (!c->hu || !nw_chest_box(c, side, &b.box)) return NW_OK;
    for (int a = 0; a < 3; a++) b.n[a] = b.box.high[a] - b.box.low[a];
    b.count = (size_t)(b.n[0] * b.n[1] * b.n[2]);
    b.mask = nw_alloc_aligned(b.count, 1);
    b.floor = nw_calloc((size_t)(b.n[0] * b.n[1]), sizeof *b.floor);
    b.work = nw_alloc_aligned(b.count, sizeof *b.work);
    uint8_t *core = nw_alloc_aligned(b.count, 1);
    nw_status status =
        b.mask && b.floor && b.work && core ? NW_OK : nw_no_memory(err, b.count * 6, "dense parts");
    if (status == NW_OK) status = mark_soft(c, side, &b, err);
    if (status == NW_OK) status = find_own(c, &b, core, err);
    if (status == NW_OK) status = nw_distance_squared(core, b.n, c->view.h, 1, 1, back_mm, b.work, err);
    size_t i = 0;
    for (int64_t z = b.box.low[2]; z < b.box.high[2] && status == NW_OK; z++)
        for (int64_t y = b.box.low[1]; y < b.box.high[1]; y++) {
            uint8_t *code = c->code + nw_chest_at(c, b.box.low[0], y, z);
            for (int64_t x = 0; x < b.n[0]; x++, i++)
                if (b.mask[i] == 1 && b.work[i] <= (float)(back_mm * back_mm)) code[x] = side;
        }
    nw_free(core);
    block_free(&b);
    return status;
}
