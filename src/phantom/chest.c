#include "phantom/chest.h"

#include "base/memory.h"

nw_field nw_field_draw(nw_draw *d, float cell)
{
    nw_field f = {.cell = cell};
    for (int a = 0; a < 3; a++) f.shift[a] = nw_draw_range(d, 0, (float)NW_LATTICE * cell);
    return f;
}

/* In the order of what stands on what. Each part draws from its own numbers. */
static nw_status grow(nw_chest *chest, const nw_phantom_options *options, nw_error *err)
{
    nw_trunk_draw(chest);
    nw_bones_draw(chest);
    NW_TRY(nw_heart_draw(chest, err));
    nw_lungs_draw(chest);
    NW_TRY(nw_lungs_grow(chest, err));
    NW_TRY(nw_airways_draw(chest, err));
    NW_TRY(nw_vessels_draw(chest, err));
    NW_TRY(nw_lesions_draw(chest, err));
    NW_TRY(nw_distractors_draw(chest, err));
    nw_scan_draw(chest, options);
    return NW_OK;
}

nw_status nw_chest_make(nw_chest *chest, const nw_phantom_options *options, uint64_t study, nw_error *err)
{
    nw_deal deal = nw_deal_of(options, study);
    *chest =
        (nw_chest){.seed = options->seed, .study = study, .positive = deal.positive, .target = deal.target};
    chest->lattice = nw_alloc_aligned(1, sizeof *chest->lattice);
    if (!chest->lattice) return nw_no_memory(err, sizeof *chest->lattice, "a chest");
    nw_lattice_fill(chest->lattice, options->seed, study);
    nw_status status = grow(chest, options, err);
    if (status != NW_OK) nw_chest_free(chest);
    return status;
}

void nw_chest_free(nw_chest *chest)
{
    nw_free(chest->lattice);
    nw_free(chest->lungs.grid.v);
    nw_tube_list *lists[] = {&chest->heart.vessels,    &chest->heart.gullet,     &chest->airways.outer,
                             &chest->airways.inner,    &chest->vessels,          &chest->distractors.wires,
                             &chest->distractors.tube, &chest->distractors.lumen};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) nw_free(lists[i]->v);
    *chest = (nw_chest){0};
}
