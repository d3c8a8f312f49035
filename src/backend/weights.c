/* Reorders, and weights packed once for all programs of a model. */
#include "backend/internal.h"
#include "base/memory.h"

static nw_status make_reorder(nw_backend *backend, const nw_md *src, const nw_md *dst, nw_kernel **out,
                              nw_error *err)
{
    dnnl_primitive_attr_t attr;
    NW_TRY(nw_attributes(NULL, NULL, &attr, err));
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(&pd, NW_MD(src), backend->engine, NW_MD(dst),
                                                         backend->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (s != dnnl_success) return nw_backend_fail(err, s, "reorder");
    static const nw_slot_query slots[] = {{NW_SLOT_SRC, dnnl_query_src_md}, {NW_SLOT_DST, dnnl_query_dst_md}};
    return nw_kernel_make(backend, pd, slots, 2, out, err);
}

nw_status nw_weights_reorder(nw_backend *backend, const nw_kernel *kernel, nw_slot slot, nw_kernel **out,
                             nw_error *err)
{
    const nw_md *plain = &kernel->plain_weights, *own = &kernel->md[slot];
    *out = NULL;
    if (dnnl_memory_desc_equal(NW_MD(own), NW_MD(plain))) return NW_OK;
    return slot == NW_SLOT_WEIGHTS ? make_reorder(backend, plain, own, out, err)
                                   : make_reorder(backend, own, plain, out, err);
}

/* Layouts along other axes than 1 become three dimensions, in which both sides must then be seen. */
static nw_layout as_three(const nw_layout *layout, int axis)
{
    nw_loops loops = nw_layout_loops(layout, axis);
    nw_shape shape = {.rank = 3, .dims = {loops.outer, loops.extent, loops.inner}};
    return nw_layout_blocked(layout->dtype, &shape, 1, layout->block);
}

nw_status nw_reorder_kernel(nw_backend *backend, const nw_layout *src, const nw_layout *dst, nw_kernel **out,
                            nw_error *err)
{
    if (src->block > 1 && dst->block > 1 && src->axis != dst->axis)
        return nw_fail(err, NW_UNSUPPORTED, "a reorder between blocks along two dimensions");
    int axis = src->block > 1 ? src->axis : dst->axis;
    nw_layout src3 = as_three(src, axis), dst3 = as_three(dst, axis);
    nw_md src_md = {0}, dst_md = {0};
    nw_status status = nw_md_of_layout(&src3, &src_md, err);
    if (status == NW_OK) status = nw_md_of_layout(&dst3, &dst_md, err);
    if (status == NW_OK) status = make_reorder(backend, &src_md, &dst_md, out, err);
    nw_md_clear(&src_md);
    nw_md_clear(&dst_md);
    return status;
}

nw_weights_cache *nw_weights_cache_new(void)
{
    nw_weights_cache *cache = nw_calloc(1, sizeof *cache);
    if (cache && pthread_mutex_init(&cache->lock, NULL) != 0) {
        nw_free(cache);
        return NULL;
    }
    return cache;
}

static void drop(nw_packed *entry)
{
    nw_tensor_unref(entry->plain);
    nw_tensor_unref(entry->packed);
    nw_md_clear(&entry->md);
}

void nw_weights_cache_free(nw_weights_cache *cache)
{
    if (!cache) return;
    for (size_t i = 0; i < cache->count; i++) drop(&cache->entries[i]);
    nw_free(cache->entries);
    nw_weights_forget_folded(cache, true);
    nw_free(cache->folded);
    pthread_mutex_destroy(&cache->lock);
    nw_free(cache);
}

size_t nw_weights_cache_bytes(nw_weights_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    size_t bytes = 0;
    for (size_t i = 0; i < cache->count; i++)
        bytes += (size_t)cache->entries[i].packed->count * sizeof(float);
    for (size_t i = 0; i < cache->folded_count; i++)
        for (int k = 0; k < NW_FOLD_MADE; k++) {
            const nw_tensor *made = cache->folded[i].made[k];
            if (k && made == cache->folded[i].made[k - 1]) continue;
            bytes += (size_t)made->count * nw_dtype_size(made->dtype);
        }
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}

/* Weights that only the cache knows any more (made by folding, for a program that is gone) are let go. */
static void sweep(nw_weights_cache *cache)
{
    nw_weights_forget_folded(cache, false);
    size_t kept = 0;
    for (size_t i = 0; i < cache->count; i++) {
        nw_packed *e = &cache->entries[i];
        if (atomic_load(&e->plain->references) == 1 && atomic_load(&e->packed->references) == 1)
            drop(e);
        else
            cache->entries[kept++] = *e;
    }
    cache->count = kept;
}

static nw_status pack(nw_backend *backend, const nw_kernel *kernel, nw_tensor *plain, nw_tensor **out,
                      nw_error *err)
{
    int64_t count = (int64_t)((kernel->bytes[NW_SLOT_WEIGHTS] + sizeof(float) - 1) / sizeof(float));
    nw_shape shape = {.rank = 1, .dims = {count}};
    nw_tensor *packed;
    /* The reorder fills it, padding included. */
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &shape, &packed, err));
    nw_kernel *reorder = NULL;
    nw_status status =
        make_reorder(backend, &kernel->plain_weights, &kernel->md[NW_SLOT_WEIGHTS], &reorder, err);
    void *scratch = NULL;
    if (status == NW_OK && reorder->bytes[NW_SLOT_SCRATCH]) {
        scratch = nw_alloc_aligned(reorder->bytes[NW_SLOT_SCRATCH], 1);
        if (!scratch) status = nw_no_memory(err, reorder->bytes[NW_SLOT_SCRATCH], "packing weights");
    }
    if (status == NW_OK) {
        nw_kernel_set(reorder, NW_SLOT_SRC, plain->data);
        nw_kernel_set(reorder, NW_SLOT_DST, packed->data);
        nw_kernel_set(reorder, NW_SLOT_SCRATCH, scratch);
        status = nw_kernel_run(reorder, err);
    }
    nw_free(scratch);
    nw_kernel_free(reorder);
    if (status == NW_OK)
        *out = packed;
    else
        nw_tensor_unref(packed);
    return status;
}

nw_status nw_weights_pack(nw_weights_cache *cache, nw_backend *backend, const nw_kernel *kernel,
                          nw_tensor *plain, nw_tensor **out, nw_error *err)
{
    const nw_md *md = &kernel->md[NW_SLOT_WEIGHTS];
    if (dnnl_memory_desc_equal(NW_MD(md), NW_MD(&kernel->plain_weights))) {
        *out = nw_tensor_ref(plain);
        return NW_OK;
    }
    pthread_mutex_lock(&cache->lock);
    nw_status status = NW_OK;
    nw_tensor *packed = NULL;
    for (size_t i = 0; i < cache->count && !packed; i++)
        if (cache->entries[i].plain == plain &&
            dnnl_memory_desc_equal(NW_MD(&cache->entries[i].md), NW_MD(md)))
            packed = cache->entries[i].packed;
    if (!packed) {
        sweep(cache);
        nw_packed entry = {.plain = nw_tensor_ref(plain)};
        status = pack(backend, kernel, plain, &entry.packed, err);
        if (status == NW_OK && (nw_md_copy(&entry.md, NW_MD(md)) != dnnl_success ||
                                !NW_GROW(cache->entries, cache->capacity, cache->count)))
            status = nw_no_memory(err, sizeof entry, "the weights cache");
        if (status == NW_OK) {
            cache->entries[cache->count++] = entry;
            packed = entry.packed;
        } else {
            drop(&entry);
        }
    }
    *out = nw_tensor_ref(packed);
    pthread_mutex_unlock(&cache->lock);
    return status;
}
