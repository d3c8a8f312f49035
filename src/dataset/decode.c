/* From a file to preprocessed slices. */
#include "dataset/dataset.h"
#include "image/resize.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

/* Preprocessing of a block: no mean and std, the source's orientation, and a wider window where it is to
 * move. */
static nw_preprocess pre_of(const nw_dataset *data, const nw_source *source, nw_block_kind kind)
{
    nw_preprocess pre = data->pre;
    pre.mean_count = pre.std_count = 0;
    pre.orient = source->orient;
    if (kind == NW_BLOCK_WIDE) {
        pre.low -= NW_WIDE_HU;
        pre.high += NW_WIDE_HU;
    }
    return pre;
}

size_t nw_dataset_size(const nw_dataset *data)
{
    int64_t depth = data->options.depth ? data->options.depth : 1;
    return (size_t)(data->pre.channels * depth * data->pre.height * data->pre.width);
}

static nw_status decode_slices(const nw_dataset *data, const nw_source *source, const nw_preprocess *pre,
                               const nw_volume *volume, float *dst, nw_error *err)
{
    for (size_t i = 0; i < source->count; i++)
        NW_TRY(nw_preprocess_apply(pre, volume, data->items[source->first + i].slice,
                                   dst + i * nw_dataset_size(data), err));
    return NW_OK;
}

/* All slices, each as a model of slices would see it; then along the stack, which is a matrix of slices x
 * pixels. */
static nw_status decode_volume(const nw_dataset *data, const nw_source *source, const nw_preprocess *pre,
                               const nw_volume *volume, float *dst, nw_error *err)
{
    int64_t area = pre->height * pre->width, depth = data->options.depth, slices = source->slices;
    float *slice = nw_alloc_aligned((size_t)(pre->channels * area), sizeof *slice);
    float *stack = nw_alloc_aligned((size_t)(pre->channels * area * slices), sizeof *stack);
    nw_status status =
        slice && stack
            ? NW_OK
            : nw_no_memory(err, (size_t)(pre->channels * area * slices) * sizeof *stack, source->path);
    for (int64_t z = 0; status == NW_OK && z < slices; z++) {
        status = nw_preprocess_apply(pre, volume, z, slice, err);
        for (int c = 0; status == NW_OK && c < pre->channels; c++)
            memcpy(stack + (c * slices + z) * area, slice + c * area, (size_t)area * sizeof *slice);
    }
    for (int c = 0; status == NW_OK && c < pre->channels; c++)
        status = nw_resize_bilinear(stack + c * slices * area, slices, area, dst + c * depth * area, depth,
                                    area, pre->antialias != 0, err);
    nw_free(slice);
    nw_free(stack);
    return status;
}

nw_status nw_source_decode(const nw_dataset *data, const nw_source *source, nw_block_kind kind, float *dst,
                           nw_error *err)
{
    nw_volume *volume, *seen = NULL;
    NW_TRY(nw_volume_read(source->path, NULL, &volume, err));
    const nw_volume_info *info = nw_volume_get_info(volume);
    nw_preprocess pre = pre_of(data, source, kind);
    nw_status status = NW_OK;
    if (info->slices != source->slices)
        status = nw_fail(err, NW_BAD_INPUT, "%s: has %lld slices, it had %lld when the dataset was opened",
                         source->path, (long long)info->slices, (long long)source->slices);
    if (status == NW_OK && nw_dataset_lungs(data))
        status = nw_lung_view_make(&data->lungs, volume, &pre, &seen, err);
    if (status == NW_OK)
        status = (data->options.depth ? decode_volume : decode_slices)(data, source, &pre,
                                                                       seen ? seen : volume, dst, err);
    nw_volume_free(seen);
    nw_volume_free(volume);
    return status;
}
