#include "phantom/study.h"

#include "base/memory.h"
#include "base/parallel.h"

static nw_status make(const nw_phantom_options *options, uint64_t study, nw_phantom *p, nw_error *err)
{
    nw_chest chest;
    NW_TRY(nw_chest_make(&chest, options, study, err));
    nw_phantom_info *info = &p->info;
    info->seed = options->seed;
    info->study = study;
    info->label = chest.positive;
    info->split = nw_deal_of(options, study).split;
    info->kernel = chest.scan.kernel;
    info->distractors = chest.distractors.kinds;
    nw_status status = nw_phantom_grid(options, &chest, info, err);
    if (status == NW_OK) {
        info->noise_hu = nw_scan_noise_hu(&chest.scan, info->spacing[2]);
        size_t voxels = (size_t)(info->dims[0] * info->dims[1] * info->dims[2]);
        bool fits = (p->hu = nw_alloc_aligned(voxels, sizeof *p->hu)) != NULL;
        for (int k = NW_PHANTOM_LUNGS; fits && k < NW_PHANTOM_PARTS; k++)
            fits = (p->masks[k] = nw_alloc_aligned(voxels, 1)) != NULL;
        fits = fits && (p->owner = nw_alloc_aligned(voxels, 1)) != NULL;
        if (!fits) status = nw_no_memory(err, 6 * voxels, "a phantom");
    }
    if (status == NW_OK) status = nw_phantom_render(p, &chest, err);
    if (status == NW_OK) nw_phantom_count(p, &chest);
    nw_chest_free(&chest);
    return status;
}

nw_status nw_phantom_new(const nw_phantom_options *options, uint64_t study, nw_phantom **out, nw_error *err)
{
    const nw_phantom_options defaults = {0};
    if (!options) options = &defaults;
    NW_TRY(nw_phantom_check(options, err));
    nw_phantom *p = nw_calloc(1, sizeof *p);
    if (!p) return nw_no_memory(err, sizeof *p, "a phantom");
    int threads = nw_threads_set(options->threads);
    nw_status status = make(options, study, p, err);
    nw_threads_set(threads);
    if (status != NW_OK) {
        nw_phantom_free(p);
        return status;
    }
    *out = p;
    return NW_OK;
}

void nw_phantom_free(nw_phantom *p)
{
    if (!p) return;
    nw_free(p->hu);
    nw_free(p->owner);
    for (int k = 0; k < NW_PHANTOM_PARTS; k++) nw_free(p->masks[k]);
    nw_free(p);
}

const nw_phantom_info *nw_phantom_get_info(const nw_phantom *p)
{
    return &p->info;
}

const int16_t *nw_phantom_hu(const nw_phantom *p)
{
    return p->hu;
}

const uint8_t *nw_phantom_mask(const nw_phantom *p, nw_phantom_part part)
{
    return (unsigned)part < NW_PHANTOM_PARTS ? p->masks[part] : NULL;
}
