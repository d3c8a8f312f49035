#include "backend/internal.h"

static void window(const nw_pool_desc *pool, nw_dnnl_window *w)
{
    for (int i = 0; i < pool->src.rank - 2; i++) {
        w->kernel[i] = pool->kernel[i];
        w->strides[i] = pool->strides[i];
        w->dilates[i] = pool->dilations[i] - 1;
        w->pads_l[i] = pool->pads_begin[i];
        w->pads_r[i] = pool->pads_end[i];
    }
}

static dnnl_alg_kind_t algorithm(nw_pool_kind kind)
{
    switch (kind) {
    case NW_POOL_MAX: return dnnl_pooling_max;
    case NW_POOL_AVERAGE_INCLUDE_PAD: return dnnl_pooling_avg_include_padding;
    case NW_POOL_AVERAGE_EXCLUDE_PAD: break;
    }
    return dnnl_pooling_avg_exclude_padding;
}

static nw_status make(nw_backend *backend, const nw_pool_desc *pool, const nw_layout *src,
                      const nw_layout *dst, bool backward, nw_kernel **out, nw_error *err)
{
    nw_md src_md = {0}, dst_md = {0};
    dnnl_primitive_desc_t forward = NULL, pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    nw_dnnl_window w = {0};
    window(pool, &w);
    nw_status status = nw_md_of_layout(src, &src_md, err);
    if (status == NW_OK) status = nw_md_of_layout(dst, &dst_md, err);
    if (status == NW_OK) status = nw_attributes(NULL, NULL, &attr, err);
    if (status == NW_OK) {
        dnnl_status_t s =
            nw_pd_pool_forward(&forward, backend->engine, algorithm(pool->kind), &src_md, &dst_md, &w, attr);
        if (s == dnnl_success && backward)
            s = nw_pd_pool_backward(&pd, backend->engine, algorithm(pool->kind), &src_md, &dst_md, &w,
                                    forward, attr);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "pooling");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    nw_md_clear(&src_md);
    nw_md_clear(&dst_md);
    if (forward && (backward || status != NW_OK)) dnnl_primitive_desc_destroy(forward);
    if (status != NW_OK) return status;

    static const nw_slot_query slots[2][2] = {
        {{NW_SLOT_SRC, dnnl_query_src_md}, {NW_SLOT_DST, dnnl_query_dst_md}},
        {{NW_SLOT_DIFF_SRC, dnnl_query_diff_src_md}, {NW_SLOT_DIFF_DST, dnnl_query_diff_dst_md}}};
    return nw_kernel_make(backend, backward ? pd : forward, slots[backward], 2, out, err);
}

nw_status nw_pool_forward(nw_backend *backend, const nw_pool_desc *pool, const nw_layout *src,
                          const nw_layout *dst, nw_kernel **out, nw_error *err)
{
    return make(backend, pool, src, dst, false, out, err);
}

nw_status nw_pool_backward(nw_backend *backend, const nw_pool_desc *pool, const nw_layout *diff_src,
                           const nw_layout *diff_dst, nw_kernel **out, nw_error *err)
{
    return make(backend, pool, diff_src, diff_dst, true, out, err);
}
