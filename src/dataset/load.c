/* One image as the model wants it. */
#include "dataset/change.h"
#include "dataset/dataset.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

static nw_status scratch_get(nw_dataset *data, nw_scratch **out, nw_error *err)
{
    pthread_mutex_lock(&data->lock);
    nw_scratch *s = data->scratch;
    if (s) data->scratch = s->next;
    pthread_mutex_unlock(&data->lock);
    if (!s) {
        size_t count = nw_dataset_size(data) + (size_t)(data->pre.height * data->pre.width) +
                       (size_t)(data->pre.height + data->pre.width) + NW_BLUR_LINE;
        s = nw_calloc(1, sizeof *s);
        if (s) s->planes = nw_alloc_aligned(count, sizeof *s->planes);
        if (!s || !s->planes) {
            nw_free(s);
            return nw_no_memory(err, count * sizeof(float), "augmentation");
        }
    }
    *out = s;
    return NW_OK;
}

static void scratch_put(nw_dataset *data, nw_scratch *s)
{
    pthread_mutex_lock(&data->lock);
    s->next = data->scratch;
    data->scratch = s;
    pthread_mutex_unlock(&data->lock);
}

/* Values of the wide window in the model's window, whose ends are moved. */
static void rewindow(const nw_preprocess *pre, const nw_change *change, const float *src, float *dst,
                     size_t count)
{
    double low = pre->low + change->low_hu, high = pre->high + change->high_hu;
    float gain = (float)((pre->high - pre->low + 2 * NW_WIDE_HU) / (high - low)),
          offset = (float)((pre->low - NW_WIDE_HU - low) / (high - low));
    for (size_t i = 0; i < count; i++) {
        float v = src[i] * gain + offset;
        dst[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
}

static nw_status augment(nw_dataset *data, const nw_augment *policy, uint64_t seed, uint64_t epoch,
                         uint64_t key, bool wide, const float *src, float *dst, nw_error *err)
{
    nw_scratch *scratch = NULL;
    NW_TRY(scratch_get(data, &scratch, err));
    nw_planes shape = {data->pre.channels, data->pre.depth ? data->pre.depth : 1, data->pre.height,
                       data->pre.width};
    nw_change change = nw_change_draw(policy, seed, epoch, key, shape.rows, shape.columns);
    float *work = scratch->planes + nw_dataset_size(data);
    if (wide) {
        rewindow(&data->pre, &change, src, scratch->planes, nw_dataset_size(data));
        src = scratch->planes;
    }
    nw_change_apply(&change, &shape, src, dst, work);
    scratch_put(data, scratch);
    return NW_OK;
}

nw_status nw_dataset_load(nw_dataset *data, nw_split split, size_t i, const nw_augment *policy, uint64_t seed,
                          uint64_t epoch, float *dst, nw_error *err)
{
    if ((unsigned)split >= NW_SPLITS || i >= data->split_count[split])
        return nw_fail(err, NW_USAGE, "there is no image %zu in the %s split, it has %zu", i,
                       nw_split_name(split), nw_dataset_count(data, split));
    size_t item = data->split_items[split][i], size = nw_dataset_size(data);
    nw_source *source = &data->sources[data->item_source[item]];
    bool wide = policy && policy->window_hu > 0 && data->pre.scale == NW_SCALE_WINDOW && !source->picture;
    if (policy) NW_TRY(nw_augment_check(policy, err));
    if (wide && policy->window_hu > 0.4 * (data->pre.high - data->pre.low))
        return nw_fail(err, NW_USAGE,
                       "a window of %g HU cannot have both ends moved by %g; at most by 0.4 of it",
                       data->pre.high - data->pre.low, policy->window_hu);
    nw_block *block;
    NW_TRY(nw_block_get(data, source, wide ? NW_BLOCK_WIDE : NW_BLOCK_EXACT, &block, err));
    const float *src = block->values + (item - source->first) * size;
    nw_status status = NW_OK;
    if (policy)
        status = augment(data, policy, seed, epoch, data->item_key[item], wide, src, dst, err);
    else
        memcpy(dst, src, size * sizeof *dst);
    bool as_is = block->as_is;
    nw_block_release(data, block);
    int64_t block_size = (int64_t)size / data->pre.channels;
    for (int c = 0; status == NW_OK && !as_is && c < data->pre.channels; c++)
        nw_preprocess_normalise(&data->pre, c, dst + c * block_size, block_size);
    for (size_t k = 0; status == NW_OK && k < size; k++)
        if (!isfinite(dst[k]))
            status = data->pre.depth
                         ? nw_fail(err, NW_NOT_FINITE,
                                   "%s: is not finite after preprocessing; check mean and std", source->path)
                         : nw_fail(err, NW_NOT_FINITE,
                                   "%s: slice %lld is not finite after preprocessing; check mean and std",
                                   source->path, (long long)data->items[item].slice);
    return status;
}
