/* The gradient of a convolution's weights and bias. */
#include "backend/internal.h"

nw_status nw_conv_backward_weights(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *src,
                                   const nw_layout *diff_dst, nw_kernel **out, nw_error *err)
{
    nw_md src_md = {0}, weights_md = {0}, bias_md = {0}, dst_md = {0};
    dnnl_primitive_desc_t hint = NULL, pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    nw_dnnl_window w = {0};
    dnnl_dims_t dims;
    nw_conv_window(conv, &w);
    int rank = nw_conv_weight_dims(conv, dims);
    nw_conv_desc bare = *conv;
    bare.add = false;
    bare.act.kind = NW_ACT_NONE;
    nw_shape bias_shape = {.rank = 1, .dims = {conv->weights.dims[0]}};
    nw_layout bias_layout = nw_layout_plain(NW_F32, &bias_shape);

    nw_status status = nw_conv_forward_pd(backend, &bare, src, diff_dst, &hint, err);
    if (status == NW_OK) status = nw_md_of_layout(src, &src_md, err);
    if (status == NW_OK) status = nw_md_of_layout(diff_dst, &dst_md, err);
    if (status == NW_OK && conv->bias) status = nw_md_of_layout(&bias_layout, &bias_md, err);
    if (status == NW_OK) status = nw_attributes(NULL, NULL, &attr, err);
    if (status == NW_OK) {
        dnnl_status_t s = nw_md_tag(&weights_md, rank, dims, dnnl_f32, dnnl_format_tag_any);
        if (s == dnnl_success)
            s = nw_pd_conv_backward_weights(&pd, backend->engine, &src_md, &weights_md,
                                            conv->bias ? &bias_md : NULL, &dst_md, &w, hint, attr);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "the gradient of a convolution's weights");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    if (hint) dnnl_primitive_desc_destroy(hint);
    nw_md_clear(&src_md);
    nw_md_clear(&weights_md);
    nw_md_clear(&bias_md);
    nw_md_clear(&dst_md);
    if (status != NW_OK) return status;

    static const nw_slot_query slots[] = {{NW_SLOT_SRC, dnnl_query_src_md},
                                          {NW_SLOT_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
                                          {NW_SLOT_DIFF_DST, dnnl_query_diff_dst_md},
                                          {NW_SLOT_DIFF_BIAS, dnnl_query_diff_weights_md}};
    nw_kernel *kernel;
    NW_TRY(nw_kernel_make(backend, pd, slots, conv->bias ? 4 : 3, &kernel, err));
    NW_TRY(nw_conv_note_weights(kernel, conv, err));
    *out = kernel;
    return NW_OK;
}
