/* Preprocessed images in memory. A file is read once for all its slices. What fits below the limit is kept
 * until the end, since epochs come to every image again and throwing out would only trade one for another;
 * what does not fit is kept for a while, so that the slices of a volume one after another are one reading. */
#include "dataset/dataset.h"

#include <string.h>

static void block_free(nw_block *block)
{
    if (!block) return;
    nw_free(block->values);
    nw_free(block);
}

/* Under the lock: the block that is there, now used by one more. */
static nw_block *found(nw_dataset *data, nw_source *source, nw_block_kind kind)
{
    (void)data;
    nw_block *block = source->blocks[kind];
    if (block) block->users++;
    return block;
}

/* Under the lock: the block can be found no longer, and goes with its last user. */
static void forget(nw_block *block)
{
    if (block->owner) block->owner->blocks[block->kind] = NULL;
    block->owner = NULL;
    if (block->users == 0) block_free(block);
}

/* Under the lock. */
static void keep(nw_dataset *data, nw_source *source, nw_block *block)
{
    source->blocks[block->kind] = block;
    block->owner = source;
    if (data->cached <= data->limit && block->bytes <= data->limit - data->cached) {
        data->cached += block->bytes;
        return;
    }
    nw_block **slot = &data->recent[data->next_recent++ % NW_RECENT];
    if (*slot) forget(*slot);
    *slot = block;
}

static nw_status read_block(nw_dataset *data, nw_source *source, nw_block_kind kind, nw_block **out,
                            nw_error *err)
{
    size_t size = nw_dataset_size(data), bytes;
    nw_block *block = nw_calloc(1, sizeof *block);
    if (!nw_mul_size(size, source->count * sizeof(float), &bytes)) bytes = SIZE_MAX;
    if (block && bytes < SIZE_MAX) block->values = nw_alloc_aligned(size * source->count, sizeof(float));
    if (!block || !block->values) {
        block_free(block);
        return nw_no_memory(err, bytes, source->path);
    }
    block->bytes = bytes;
    block->kind = kind;
    block->users = 1;
    nw_status status = nw_source_decode(data, source, block, err);
    if (status == NW_OK)
        *out = block;
    else
        block_free(block);
    return status;
}

nw_status nw_block_get(nw_dataset *data, nw_source *source, nw_block_kind kind, nw_block **out, nw_error *err)
{
    pthread_mutex_lock(&data->lock);
    *out = found(data, source, kind);
    pthread_mutex_unlock(&data->lock);
    if (*out) return NW_OK;
    /* One thread reads a file, others that want it too wait for it. */
    pthread_mutex_t *stripe = &data->stripes[(size_t)(source - data->sources) % NW_STRIPES];
    pthread_mutex_lock(stripe);
    pthread_mutex_lock(&data->lock);
    *out = found(data, source, kind);
    pthread_mutex_unlock(&data->lock);
    nw_status status = NW_OK;
    if (!*out) {
        status = read_block(data, source, kind, out, err);
        pthread_mutex_lock(&data->lock);
        data->reads++;
        if (status == NW_OK) keep(data, source, *out);
        pthread_mutex_unlock(&data->lock);
    }
    pthread_mutex_unlock(stripe);
    return status;
}

void nw_block_release(nw_dataset *data, nw_block *block)
{
    pthread_mutex_lock(&data->lock);
    if (--block->users == 0 && !block->owner) block_free(block);
    pthread_mutex_unlock(&data->lock);
}

void nw_cache_clear(nw_dataset *data)
{
    for (size_t s = 0; s < data->source_count; s++)
        for (int k = 0; k < NW_BLOCK_KINDS; k++) block_free(data->sources[s].blocks[k]);
    for (nw_scratch *s = data->scratch, *next; s; s = next) {
        next = s->next;
        nw_free(s->planes);
        nw_free(s);
    }
}

size_t nw_dataset_cached(const nw_dataset *data)
{
    nw_dataset *d = (nw_dataset *)(uintptr_t)data; /* the lock is not part of what is looked at */
    pthread_mutex_lock(&d->lock);
    size_t cached = d->cached;
    pthread_mutex_unlock(&d->lock);
    return cached;
}

uint64_t nw_dataset_reads(const nw_dataset *data)
{
    nw_dataset *d = (nw_dataset *)(uintptr_t)data;
    pthread_mutex_lock(&d->lock);
    uint64_t reads = d->reads;
    pthread_mutex_unlock(&d->lock);
    return reads;
}
