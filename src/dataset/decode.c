/* From a file to preprocessed slices. */
#include "dataset/dataset.h"
#include "image/volume.h"

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
    int64_t depth = data->pre.depth ? data->pre.depth : 1;
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

nw_status nw_source_decode(const nw_dataset *data, const nw_source *source, nw_block *block, nw_error *err)
{
    nw_volume *volume, *seen = NULL;
    NW_TRY(nw_volume_read(source->path, NULL, &volume, err));
    const nw_volume_info *info = nw_volume_get_info(volume);
    nw_preprocess pre = pre_of(data, source, block->kind);
    block->as_is = info->kind == NW_KIND_TENSOR && !pre.tensors_as_images;
    nw_status status = NW_OK;
    if (info->slices != source->slices)
        status = nw_fail(err, NW_BAD_INPUT, "%s: has %lld slices, it had %lld when the dataset was opened",
                         source->path, (long long)info->slices, (long long)source->slices);
    if (status == NW_OK && nw_dataset_lungs(data))
        status = nw_lung_view_make(&data->lungs, volume, &pre, &seen, err);
    const nw_volume *shown = seen ? seen : volume;
    if (status == NW_OK)
        status = pre.depth ? nw_preprocess_volume(&pre, shown, block->values, err)
                           : decode_slices(data, source, &pre, shown, block->values, err);
    nw_volume_free(seen);
    nw_volume_free(volume);
    return status;
}
