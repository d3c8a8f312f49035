#include "base/memory.h"
#include "phantom/chest.h"

/* Arteries and veins of either lung, each a tree of its own over points of its own. */

enum { LEAVES = 1100, TRIES = 16000 };

static nw_status grow(nw_chest *chest, int side, int vein, nw_error *err)
{
    uint32_t part = NW_PART_VESSELS + (uint32_t)(2 * side + vein);
    nw_draw d = nw_draw_start(chest->seed, chest->study, part);
    nw_lung_point *samples;
    size_t count, leaves = 0;
    NW_TRY(nw_lungs_sample(chest, &d, TRIES, &samples, &count, err));
    nw_point *points = nw_calloc(LEAVES, sizeof *points);
    nw_status status = points ? NW_OK : nw_no_memory(err, LEAVES * sizeof *points, "vessels");
    for (size_t i = 0; status == NW_OK && i < count && leaves < LEAVES; i++)
        if (samples[i].side == side && samples[i].depth > 5) points[leaves++] = samples[i].p;
    float scale = chest->trunk.half_width / 128;
    nw_point artery = side ? (nw_point){37 * scale, 6 * scale, chest->trunk.carina - 8}
                           : (nw_point){-33 * scale, -4 * scale, chest->trunk.carina - 21};
    nw_point root = artery;
    if (vein) root = (nw_point){(side ? 40 : -40) * scale, 11 * scale, chest->trunk.carina - 48};
    const nw_tree tree = {.root = root, .leaf = 0.67F, .power = 2.8F, .wander = 0.09F};
    if (status == NW_OK) status = nw_tree_grow(&tree, &d, points, leaves, &chest->vessels, err);
    nw_free(points);
    nw_free(samples);
    return status;
}

nw_status nw_vessels_draw(nw_chest *chest, nw_error *err)
{
    for (int side = 0; side < 2; side++)
        for (int vein = 0; vein < 2; vein++) NW_TRY(grow(chest, side, vein, err));
    return NW_OK;
}
