/* Shared by the files of this room. */
#ifndef NW_BACKEND_INTERNAL_H
#define NW_BACKEND_INTERNAL_H

#include "backend/backend.h"
#include "backend/compat.h"

#include <pthread.h>

struct nw_backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct nw_kernel {
    nw_backend *backend;
    dnnl_primitive_t primitive;
    char impl[48];
    nw_md md[NW_SLOT_COUNT];
    size_t bytes[NW_SLOT_COUNT];
    dnnl_memory_t memory[NW_SLOT_COUNT];
    nw_md plain_weights; /* as the caller has them */
    dnnl_exec_arg_t args[NW_SLOT_COUNT];
    int arg_count;
};

nw_status nw_backend_fail(nw_error *err, dnnl_status_t status, const char *what);

/* Memory descriptor of a layout: rank 1 to 6 plain, 3 to 5 blocked along axis 1. NW_UNSUPPORTED for others.
 */
nw_status nw_md_of_layout(const nw_layout *layout, nw_md *out, nw_error *err);
/* Of any layout, as three dimensions: for kernels to which dimensions mean nothing. */
nw_status nw_md_of_memory(const nw_layout *layout, nw_md *out, nw_error *err);
/* The same with the format left to oneDNN. */
nw_status nw_md_any(nw_dtype dtype, const nw_shape *shape, nw_md *out, nw_error *err);
/* Which layout a descriptor is; false where it is none of ours. */
bool nw_layout_of_md(nw_md_pointer md, nw_dtype dtype, const nw_shape *shape, nw_layout *out);
/* NW_BF16 or NW_F32 (everything else) as oneDNN calls it. */
dnnl_data_type_t nw_dnnl_type(nw_dtype dtype);
dnnl_format_tag_t nw_plain_tag(int rank);

/* Attributes with the scratchpad in the caller's hands, and the post-operations of add and act (NULL: none).
 */
nw_status nw_attributes(const nw_md *add, const nw_act *act, dnnl_primitive_attr_t *out, nw_error *err);

/* Makes the kernel from a primitive descriptor (destroyed here, also on failure); `slots` names the slots
 * that it has besides workspace and scratch, with the query that gives each one's descriptor. */
typedef struct nw_slot_query {
    nw_slot slot;
    dnnl_query_t what;
} nw_slot_query;
nw_status nw_kernel_make(nw_backend *backend, dnnl_primitive_desc_t pd, const nw_slot_query *slots, int count,
                         nw_kernel **out, nw_error *err);

/* Parts of a convolution that its gradients share (conv.c). Weights [O, I, ...] as oneDNN sees them:
 * [G, O/G, I, ...] where there are groups; returns the rank. */
int nw_conv_weight_dims(const nw_conv_desc *conv, dnnl_dims_t dims);
void nw_conv_window(const nw_conv_desc *conv, nw_dnnl_window *w);
nw_status nw_conv_forward_pd(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *src,
                             const nw_layout *dst, dnnl_primitive_desc_t *pd, nw_error *err);
/* Remembers how the caller's weights lie, for nw_weights_pack. Frees the kernel on failure. */
nw_status nw_conv_note_weights(nw_kernel *kernel, const nw_conv_desc *conv, nw_error *err);

typedef struct nw_packed {
    nw_tensor *plain, *packed;
    nw_md md;
} nw_packed;

typedef struct nw_folded {
    nw_tensor *from[NW_FOLD_FROM], *made[NW_FOLD_MADE];
    float parameter;
} nw_folded;

struct nw_weights_cache {
    pthread_mutex_t lock;
    size_t count, capacity;
    nw_packed *entries;
    size_t folded_count, folded_capacity;
    nw_folded *folded;
};

/* Drops all entries, or those whose sources nobody else knows any more. The lock is held. */
void nw_weights_forget_folded(nw_weights_cache *cache, bool all);

#endif
