/* Tensors made from others, remembered by what they were made from. */
#include "backend/internal.h"
#include "base/memory.h"

#include <string.h>

static void drop(nw_folded *f)
{
    for (int i = 0; i < NW_FOLD_FROM; i++) nw_tensor_unref(f->from[i]);
    for (int i = 0; i < NW_FOLD_MADE; i++) nw_tensor_unref(f->made[i]);
}

void nw_weights_forget_folded(nw_weights_cache *cache, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->folded_count; i++) {
        nw_folded *f = &cache->folded[i];
        if (all || atomic_load(&f->from[0]->references) == 1)
            drop(f);
        else
            cache->folded[kept++] = *f;
    }
    cache->folded_count = kept;
}

bool nw_weights_folded(nw_weights_cache *cache, nw_tensor *const *from, float parameter, nw_tensor **made)
{
    bool found = false;
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->folded_count && !found; i++) {
        nw_folded *f = &cache->folded[i];
        if (f->parameter != parameter || memcmp(f->from, from, sizeof f->from) != 0) continue;
        for (int k = 0; k < NW_FOLD_MADE; k++) made[k] = nw_tensor_ref(f->made[k]);
        found = true;
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void nw_weights_remember(nw_weights_cache *cache, nw_tensor *const *from, float parameter,
                         nw_tensor *const *made)
{
    pthread_mutex_lock(&cache->lock);
    if (NW_GROW(cache->folded, cache->folded_capacity, cache->folded_count)) {
        nw_folded *f = &cache->folded[cache->folded_count++];
        f->parameter = parameter;
        for (int i = 0; i < NW_FOLD_FROM; i++) f->from[i] = nw_tensor_ref(from[i]);
        for (int i = 0; i < NW_FOLD_MADE; i++) f->made[i] = nw_tensor_ref(made[i]);
    }
    pthread_mutex_unlock(&cache->lock);
}
