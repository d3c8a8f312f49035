/* From a file to preprocessed slices. */
#include "dataset/dataset.h"
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

nw_status nw_source_decode(const nw_dataset *data, const nw_source *source, nw_block_kind kind, float *dst,
                           nw_error *err)
{
    nw_volume *volume, *lungs = NULL;
    NW_TRY(nw_volume_read(source->path, NULL, &volume, err));
    const nw_volume_info *info = nw_volume_get_info(volume);
    nw_preprocess pre = pre_of(data, source, kind);
    size_t size = (size_t)(pre.channels * pre.height * pre.width);
    nw_status status = NW_OK;
    if (info->slices != source->slices)
        status = nw_fail(err, NW_BAD_INPUT, "%s: has %lld slices, it had %lld when the dataset was opened",
                         source->path, (long long)info->slices, (long long)source->slices);
    if (status == NW_OK && (data->options.lungs_crop || data->options.lungs_fill))
        status = nw_source_lungs(data, volume, &lungs, err);
    for (size_t i = 0; status == NW_OK && i < source->count; i++)
        status = nw_preprocess_apply(&pre, lungs ? lungs : volume, data->items[source->first + i].slice,
                                     dst + i * size, err);
    nw_volume_free(lungs);
    nw_volume_free(volume);
    return status;
}
