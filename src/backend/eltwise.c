#include "backend/internal.h"

static const dnnl_alg_kind_t algorithms[] = {
    [NW_ELTWISE_LOGISTIC] = dnnl_eltwise_logistic,
    [NW_ELTWISE_TANH] = dnnl_eltwise_tanh,
    [NW_ELTWISE_EXP] = dnnl_eltwise_exp,
    [NW_ELTWISE_ELU] = dnnl_eltwise_elu,
    [NW_ELTWISE_SOFTPLUS] = dnnl_eltwise_soft_relu,
    [NW_ELTWISE_GELU_ERF] = dnnl_eltwise_gelu_erf,
    [NW_ELTWISE_MISH] = dnnl_eltwise_mish,
};

nw_status nw_eltwise_kernel(nw_backend *backend, nw_eltwise_kind kind, float alpha, const nw_layout *layout,
                            bool backward, nw_kernel **out, nw_error *err)
{
    nw_md md = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t forward = NULL, pd = NULL;
#if DNNL_VERSION_MAJOR >= 3
    if (kind == NW_ELTWISE_SOFTPLUS) alpha = 1; /* version 2 has no such parameter */
#endif
    NW_TRY(nw_md_of_memory(layout, &md, err));
    nw_status status = nw_attributes(NULL, NULL, &attr, err);
    if (status == NW_OK) {
        dnnl_status_t s =
            nw_pd_eltwise_forward(&forward, backend->engine, algorithms[kind], &md, alpha, attr);
        if (s == dnnl_success && backward)
            s = nw_pd_eltwise_backward(&pd, backend->engine, algorithms[kind], &md, alpha, forward, attr);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "elementwise function");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    nw_md_clear(&md);
    if (forward && (backward || status != NW_OK)) dnnl_primitive_desc_destroy(forward);
    if (status != NW_OK) return status;
    static const nw_slot_query slots[2][3] = {
        {{NW_SLOT_SRC, dnnl_query_src_md}, {NW_SLOT_DST, dnnl_query_dst_md}},
        {{NW_SLOT_SRC, dnnl_query_src_md},
         {NW_SLOT_DIFF_SRC, dnnl_query_diff_src_md},
         {NW_SLOT_DIFF_DST, dnnl_query_diff_dst_md}}};
    return nw_kernel_make(backend, backward ? pd : forward, slots[backward], backward ? 3 : 2, out, err);
}
