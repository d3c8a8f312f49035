#include "backend/internal.h"
#include "base/parallel.h"

int nw_conv_weight_dims(const nw_conv_desc *conv, dnnl_dims_t dims)
{
    int rank = 0;
    if (conv->groups > 1) {
        dims[rank++] = conv->groups;
        dims[rank++] = conv->weights.dims[0] / conv->groups;
    } else {
        dims[rank++] = conv->weights.dims[0];
    }
    for (int i = 1; i < conv->weights.rank; i++) dims[rank++] = conv->weights.dims[i];
    return rank;
}

void nw_conv_window(const nw_conv_desc *conv, nw_dnnl_window *w)
{
    for (int i = 0; i < conv->src.rank - 2; i++) {
        w->strides[i] = conv->strides[i];
        w->dilates[i] = conv->dilations[i] - 1;
        w->pads_l[i] = conv->pads_begin[i];
        w->pads_r[i] = conv->pads_end[i];
    }
}

nw_status nw_conv_note_weights(nw_kernel *kernel, const nw_conv_desc *conv, nw_error *err)
{
    dnnl_dims_t dims;
    int rank = nw_conv_weight_dims(conv, dims);
    dnnl_status_t s = nw_md_tag(&kernel->plain_weights, rank, dims, dnnl_f32, nw_plain_tag(rank));
    if (s == dnnl_success) return NW_OK;
    nw_kernel_free(kernel);
    return nw_backend_fail(err, s, "convolution weights");
}

static nw_status md_wanted(const nw_layout *layout, const nw_shape *shape, nw_md *out, nw_error *err)
{
    return layout->block ? nw_md_of_layout(layout, out, err) : nw_md_any(layout->dtype, shape, out, err);
}

/* With more than eight threads oneDNN's 1x1 kernels sum in another order than with fewer (seen with
 * version 2.6: one image, up to 14x14 positions), so they are made for eight at most: the number of threads
 * must change nothing. Gives the number of before. */
static int limit_threads(const nw_conv_desc *conv)
{
    enum { MOST = 8 };
    bool pointwise = true;
    for (int i = 2; i < conv->weights.rank; i++) pointwise &= conv->weights.dims[i] == 1;
    return nw_threads_set(pointwise && nw_threads() > MOST ? MOST : 0);
}

nw_status nw_conv_forward_pd(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *src,
                             const nw_layout *dst, dnnl_primitive_desc_t *pd, nw_error *err)
{
    nw_md src_md = {0}, weights_md = {0}, bias_md = {0}, dst_md = {0};
    dnnl_primitive_attr_t attr = NULL;
    nw_dnnl_window w = {0};
    dnnl_dims_t dims;
    nw_conv_window(conv, &w);
    int rank = nw_conv_weight_dims(conv, dims);
    nw_shape bias_shape = {.rank = 1, .dims = {conv->weights.dims[0]}};
    nw_layout bias_layout = nw_layout_plain(NW_F32, &bias_shape);

    nw_status status = md_wanted(src, &conv->src, &src_md, err);
    if (status == NW_OK) status = md_wanted(dst, &conv->dst, &dst_md, err);
    if (status == NW_OK && conv->bias) status = nw_md_of_layout(&bias_layout, &bias_md, err);
    if (status == NW_OK && nw_md_tag(&weights_md, rank, dims, conv->bf16 ? dnnl_bf16 : dnnl_f32,
                                     dnnl_format_tag_any) != dnnl_success)
        status = nw_fail(err, NW_FAILED, "oneDNN refuses the shape of the weights");
    if (status == NW_OK) status = nw_attributes(conv->add ? &dst_md : NULL, &conv->act, &attr, err);
    if (status == NW_OK) {
        int before = limit_threads(conv);
        dnnl_status_t s = nw_pd_conv_forward(pd, backend->engine, &src_md, &weights_md,
                                             conv->bias ? &bias_md : NULL, &dst_md, &w, attr);
        nw_threads_set(before);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "convolution");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    nw_md_clear(&src_md);
    nw_md_clear(&weights_md);
    nw_md_clear(&bias_md);
    nw_md_clear(&dst_md);
    return status;
}

/* Lets oneDNN choose the layouts that are open. Where it wants one that we do not have, ours are taken. */
static nw_status choose(nw_backend *backend, const nw_conv_desc *conv, nw_layout *src, nw_layout *dst,
                        nw_error *err)
{
    if (src->block && dst->block) return NW_OK;
    nw_conv_desc bare = *conv;
    bare.add = false; /* it must be laid out as dst, which is being chosen */
    dnnl_primitive_desc_t pd;
    NW_TRY(nw_conv_forward_pd(backend, &bare, src, dst, &pd, err));
    nw_layout src_chosen, dst_chosen;
    bool known = nw_layout_of_md(dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), src->dtype,
                                 &conv->src, &src_chosen) &&
                 nw_layout_of_md(dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), dst->dtype,
                                 &conv->dst, &dst_chosen);
    dnnl_primitive_desc_destroy(pd);
    if (!known) {
        int block = nw_backend_block();
        src_chosen = nw_layout_blocked(src->dtype, &conv->src, 1, conv->src.dims[1] < block ? 1 : block);
        dst_chosen = nw_layout_blocked(dst->dtype, &conv->dst, 1, block);
    }
    if (!src->block) *src = src_chosen;
    if (!dst->block) *dst = dst_chosen;
    return NW_OK;
}

nw_status nw_conv_forward(nw_backend *backend, const nw_conv_desc *conv, nw_layout *src, nw_layout *dst,
                          nw_kernel **out, nw_error *err)
{
    nw_slot_query slots[5] = {{NW_SLOT_SRC, dnnl_query_src_md},
                              {NW_SLOT_WEIGHTS, dnnl_query_weights_md},
                              {NW_SLOT_DST, dnnl_query_dst_md}};
    int count = 3;
    if (conv->bias) slots[count++] = (nw_slot_query){NW_SLOT_BIAS, dnnl_query_weights_md};
    if (conv->add) slots[count++] = (nw_slot_query){NW_SLOT_ADD, dnnl_query_dst_md};
    nw_layout src_layout = *src, dst_layout = *dst;
    NW_TRY(choose(backend, conv, &src_layout, &dst_layout, err));
    dnnl_primitive_desc_t pd;
    NW_TRY(nw_conv_forward_pd(backend, conv, &src_layout, &dst_layout, &pd, err));
    nw_kernel *kernel;
    NW_TRY(nw_kernel_make(backend, pd, slots, count, &kernel, err));
    NW_TRY(nw_conv_note_weights(kernel, conv, err));
    *src = src_layout;
    *dst = dst_layout;
    *out = kernel;
    return NW_OK;
}

nw_status nw_conv_backward(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *diff_src,
                           const nw_layout *diff_dst, nw_kernel **out, nw_error *err)
{
    nw_md src_md = {0}, weights_md = {0}, dst_md = {0};
    dnnl_primitive_desc_t hint = NULL, pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    nw_dnnl_window w = {0};
    dnnl_dims_t dims;
    nw_conv_window(conv, &w);
    int rank = nw_conv_weight_dims(conv, dims);
    nw_conv_desc bare = *conv;
    bare.bias = bare.add = false;
    bare.act.kind = NW_ACT_NONE;

    /* The hint is a convolution forward of the same layouts; in bfloat16 it reads that as well. */
    nw_layout hint_src = *diff_src, hint_dst = *diff_dst;
    if (conv->bf16) hint_src.dtype = hint_dst.dtype = NW_BF16;
    nw_status status = nw_conv_forward_pd(backend, &bare, &hint_src, &hint_dst, &hint, err);
    if (status == NW_OK) status = nw_md_of_layout(diff_src, &src_md, err);
    if (status == NW_OK) status = nw_md_of_layout(diff_dst, &dst_md, err);
    if (status == NW_OK) status = nw_attributes(NULL, NULL, &attr, err);
    if (status == NW_OK) {
        dnnl_status_t s =
            nw_md_tag(&weights_md, rank, dims, conv->bf16 ? dnnl_bf16 : dnnl_f32, dnnl_format_tag_any);
        int before = limit_threads(conv);
        if (s == dnnl_success)
            s = nw_pd_conv_backward_data(&pd, backend->engine, &src_md, &weights_md, &dst_md, &w, hint, attr);
        nw_threads_set(before);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "convolution backward");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    if (hint) dnnl_primitive_desc_destroy(hint);
    nw_md_clear(&src_md);
    nw_md_clear(&weights_md);
    nw_md_clear(&dst_md);
    if (status != NW_OK) return status;

    static const nw_slot_query slots[] = {{NW_SLOT_DIFF_SRC, dnnl_query_diff_src_md},
                                          {NW_SLOT_WEIGHTS, dnnl_query_weights_md},
                                          {NW_SLOT_DIFF_DST, dnnl_query_diff_dst_md}};
    nw_kernel *kernel;
    NW_TRY(nw_kernel_make(backend, pd, slots, 3, &kernel, err));
    NW_TRY(nw_conv_note_weights(kernel, conv, err));
    *out = kernel;
    return NW_OK;
}

bool nw_kernel_weights_in_eights(const nw_kernel *kernel, int64_t outputs, int64_t inputs)
{
    const dnnl_dims_t dims = {outputs, inputs, 1, 1};
    nw_md eights = {0};
    bool same = nw_md_tag(&eights, 4, dims, dnnl_f32, dnnl_ABcd8b8a) == dnnl_success &&
                dnnl_memory_desc_equal(NW_MD(&kernel->md[NW_SLOT_WEIGHTS]), NW_MD(&eights));
    nw_md_clear(&eights);
    return same;
}
