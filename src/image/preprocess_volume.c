/* Whole volumes for a model that takes them, and back: the slices as for a model of slices, and the stack as
 * another axis, which makes a matrix of slices x pixels of it. */
#include "base/memory.h"
#include "image/resize.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

static nw_status check(const nw_preprocess *pre, const nw_volume *volume, nw_error *err)
{
    if (pre->depth < 1 || pre->depth > NW_MAX_DEPTH || pre->channels < 1 || pre->height < 1 || pre->width < 1)
        return nw_fail(err, NW_BAD_INPUT,
                       "the model's input of %d channels, %lld x %lld x %lld is no volume's, or too large",
                       pre->channels, (long long)pre->depth, (long long)pre->height, (long long)pre->width);
    if (volume->info.slices < 2)
        return nw_fail(err, NW_BAD_INPUT, "%s: is a single slice, the model takes whole scans",
                       nw_volume_path(volume));
    return NW_OK;
}

/* All slices before mean and deviation: stack[channels][slices][height][width]. */
static nw_status stack_up(const nw_preprocess *pre, const nw_volume *volume, float *slice, float *stack,
                          nw_error *err)
{
    nw_preprocess plain = *pre;
    int64_t area = pre->height * pre->width, slices = volume->info.slices;
    plain.mean_count = plain.std_count = 0;
    for (int64_t z = 0; z < slices; z++) {
        NW_TRY(nw_preprocess_apply(&plain, volume, z, slice, err));
        for (int c = 0; c < pre->channels; c++)
            memcpy(stack + (c * slices + z) * area, slice + c * area, (size_t)area * sizeof *slice);
    }
    return NW_OK;
}

nw_status nw_preprocess_volume(const nw_preprocess *pre, const nw_volume *volume, float *dst, nw_error *err)
{
    NW_TRY(check(pre, volume, err));
    int64_t area = pre->height * pre->width, slices = volume->info.slices, block = pre->depth * area;
    size_t plane = (size_t)pre->channels * (size_t)area, count;
    bool untouched = volume->info.kind == NW_KIND_TENSOR && !pre->tensors_as_images;
    if (!nw_mul_size(plane, (size_t)slices, &count)) count = SIZE_MAX / sizeof(float);
    float *slice = nw_alloc_aligned(plane, sizeof *slice), *stack = nw_alloc_aligned(count, sizeof *stack);
    nw_status status =
        slice && stack ? NW_OK : nw_no_memory(err, count * sizeof *stack, nw_volume_path(volume));
    if (status == NW_OK) status = stack_up(pre, volume, slice, stack, err);
    for (int c = 0; status == NW_OK && c < pre->channels; c++) {
        status = nw_resize_bilinear(stack + c * slices * area, slices, area, dst + c * block, pre->depth,
                                    area, pre->antialias != 0, err);
        if (status == NW_OK && !untouched) nw_preprocess_normalise(pre, c, dst + c * block, block);
    }
    nw_free(slice);
    nw_free(stack);
    return status;
}

static nw_status spread(const nw_preprocess *pre, const nw_volume *volume, nw_map_unit unit, const float *src,
                        float *stack, float *dst, nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    int64_t area = pre->height * pre->width;
    bool shrinks_evenly = unit == NW_MAP_DENSITY || pre->antialias;
    NW_TRY(nw_resize_bilinear(src, pre->depth, area, stack, info->slices, area, shrinks_evenly, err));
    if (unit == NW_MAP_DENSITY) nw_resize_keep_total(src, pre->depth * area, stack, info->slices * area);
    for (int64_t z = 0; z < info->slices; z++)
        NW_TRY(nw_preprocess_map_back(pre, volume, z, unit, stack + z * area,
                                      dst + z * info->rows * info->columns, err));
    return NW_OK;
}

nw_status nw_preprocess_volume_back(const nw_preprocess *pre, const nw_volume *volume, nw_map_unit unit,
                                    const float *src, float *dst, nw_error *err)
{
    NW_TRY(check(pre, volume, err));
    int64_t area = pre->height * pre->width;
    for (int64_t i = 0; i < pre->depth * area; i++)
        if (!isfinite(src[i]))
            return nw_fail(err, NW_NOT_FINITE, "%s: the map is %g in slice %lld of the model's input",
                           nw_volume_path(volume), (double)src[i], (long long)(i / area));
    size_t count;
    if (!nw_mul_size((size_t)area, (size_t)volume->info.slices, &count)) count = SIZE_MAX / sizeof(float);
    float *stack = nw_alloc_aligned(count, sizeof *stack);
    if (!stack) return nw_no_memory(err, count * sizeof *stack, nw_volume_path(volume));
    nw_status status = spread(pre, volume, unit, src, stack, dst, err);
    nw_free(stack);
    return status;
}
