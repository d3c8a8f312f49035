#include "base/memory.h"
#include "phantom/chest.h"

enum { LEAVES = 70, TRIES = 2500 };

/* Trachea, main bronchi, and a tree in either lung. */
nw_status nw_airways_draw(nw_chest *chest, nw_error *err)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_AIRWAYS);
    const nw_trunk *t = &chest->trunk;
    nw_airways *a = &chest->airways;
    float scale = t->half_width / 128, z = t->carina, bore = nw_draw_range(&d, 7.5F, 10.5F);
    float high = nw_trunk_spine_y(t, t->top) - 26;
    nw_point split = {-2 * scale, 3, z}, top = {0, high, t->top + 40};
    nw_point hilum[2] = {{-29 * scale, 7, z - 24}, {40 * scale, 12, z - 30}};
    const nw_tube first[] = {
        {top, split, bore, bore},
        {split, hilum[0], 0.78F * bore, 0.62F * bore},
        {split, hilum[1], 0.7F * bore, 0.52F * bore},
    };
    nw_tube_list lumen = {0};
    nw_lung_point *samples = NULL;
    size_t count = 0;
    nw_status status = NW_OK;
    for (size_t i = 0; status == NW_OK && i < 3; i++)
        if (!nw_tube_add(&lumen, first[i])) status = nw_no_memory(err, sizeof *first, "airways");
    if (status == NW_OK) status = nw_lungs_sample(chest, &d, TRIES, &samples, &count, err);
    for (int side = 0; status == NW_OK && side < 2; side++) {
        nw_point points[LEAVES];
        size_t leaves = 0;
        for (size_t i = 0; i < count && leaves < LEAVES; i++)
            if (samples[i].side == side && samples[i].depth > 18) points[leaves++] = samples[i].p;
        const nw_tree tree = {.root = hilum[side], .leaf = 0.6F, .power = 2.3F, .wander = 0.07F};
        status = nw_tree_grow(&tree, &d, points, leaves, &lumen, err);
    }
    for (size_t i = 0; status == NW_OK && i < lumen.count; i++) {
        nw_tube wall = lumen.v[i];
        wall.r0 += 0.3F + 0.15F * wall.r0;
        wall.r1 += 0.3F + 0.15F * wall.r1;
        if (!nw_tube_add(&a->outer, wall)) status = nw_no_memory(err, sizeof wall, "airways");
    }
    nw_free(samples);
    a->inner = lumen;
    return status;
}
