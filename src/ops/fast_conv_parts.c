/* Whether a convolution by minimal filtering may be computed some outputs at a time.
 *
 * Each output is a sum over the channels of the source. Where these are many, oneDNN cuts the sum, and where
 * it cuts depends on the size of the caches and on the number of outputs. So parts of a convolution can have
 * other bits than the whole, and how many parts there are depends on the number of threads, which must change
 * nothing. What oneDNN does it does not say; here it is tried, once for a shape. */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "ops/fast_conv_winograd.h"

#include <string.h>

typedef struct trial {
    nw_backend *backend;
    nw_kernel *kernel;
    nw_weights_cache *cache;
    nw_tensor *filters, *packed;
    float *src, *dst;
    void *scratch;
} trial;

static void end(trial *t)
{
    nw_kernel_free(t->kernel);
    nw_tensor_unref(t->filters);
    nw_tensor_unref(t->packed);
    nw_weights_cache_free(t->cache);
    nw_backend_free(t->backend);
    nw_free(t->src);
    nw_free(t->dst);
    nw_free(t->scratch);
}

static nw_status run(trial *t, const nw_conv_desc *conv, nw_error *err)
{
    nw_layout src = nw_layout_blocked(NW_F32, &conv->src, 1, 16),
              dst = nw_layout_blocked(NW_F32, &conv->dst, 1, 16);
    NW_TRY(nw_backend_new(&t->backend, err));
    NW_TRY(nw_conv_forward(t->backend, conv, &src, &dst, &t->kernel, err));
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &conv->weights, &t->filters, err));
    size_t n = (size_t)nw_count(&conv->src), scratch = nw_kernel_bytes(t->kernel, NW_SLOT_SCRATCH);
    t->cache = nw_weights_cache_new();
    t->src = nw_alloc_aligned(n, sizeof(float));
    t->dst = nw_alloc_aligned((size_t)nw_count(&conv->dst), sizeof(float));
    t->scratch = scratch ? nw_alloc_aligned(scratch, 1) : NULL;
    if (!t->cache || !t->src || !t->dst || (scratch && !t->scratch))
        return nw_no_memory(err, n * sizeof(float), "trying a convolution");
    nw_rng_normals(1, 0, 0, 0, 0, t->src, n);
    nw_rng_normals(2, 0, 0, 0, 0, t->filters->data, (size_t)nw_count(&conv->weights));
    NW_TRY(nw_weights_pack(t->cache, t->backend, t->kernel, t->filters, &t->packed, err));
    nw_kernel_set(t->kernel, NW_SLOT_SRC, t->src);
    nw_kernel_set(t->kernel, NW_SLOT_WEIGHTS, t->packed->data);
    nw_kernel_set(t->kernel, NW_SLOT_DST, t->dst);
    nw_kernel_set(t->kernel, NW_SLOT_SCRATCH, t->scratch);
    return nw_kernel_run(t->kernel, err);
}

static nw_status try_it(const nw_conv_desc *whole, int64_t parts, bool *same, nw_error *err)
{
    nw_conv_desc conv = *whole;
    conv.bias = false;
    conv.act.kind = NW_ACT_NONE;
    trial all = {.src = NULL}, some = {.src = NULL};
    int before = nw_threads_set(1);
    nw_status status = run(&all, &conv, err);
    conv.weights.dims[0] /= parts;
    conv.dst.dims[1] /= parts;
    if (status == NW_OK) {
        status = run(&some, &conv, err);
        *same =
            status == NW_OK && memcmp(all.dst, some.dst, (size_t)nw_count(&conv.dst) * sizeof(float)) == 0;
        if (status == NW_UNSUPPORTED) status = NW_OK; /* no such kernel for a part */
    }
    nw_threads_set(before);
    end(&all);
    end(&some);
    return status;
}

nw_status nw_winograd_parts_agree(nw_weights_cache *cache, const nw_conv_desc *whole, int64_t parts,
                                  bool *same, nw_error *err)
{
    const int64_t key[NW_NOTE_KEY] = {whole->src.dims[1], whole->dst.dims[1], whole->src.dims[2],
                                      whole->src.dims[3], parts};
    if (nw_weights_noted(cache, key, same)) return NW_OK;
    NW_TRY(try_it(whole, parts, same, err));
    nw_weights_note(cache, key, *same);
    return NW_OK;
}
