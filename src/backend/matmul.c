#include "backend/internal.h"

/* One operand; a matrix that serves the whole batch (stride 0) is one of batch 1, which oneDNN broadcasts. */
static nw_status operand(nw_md *md, int64_t batch, int64_t rows, int64_t columns, const int64_t strides[3],
                         nw_error *err)
{
    dnnl_dims_t dims = {strides[0] ? batch : 1, rows, columns};
    dnnl_dims_t s = {strides[0] ? strides[0] : rows * columns, strides[1], strides[2]};
    dnnl_status_t status = nw_md_strided(md, 3, dims, s);
    return status == dnnl_success ? NW_OK : nw_backend_fail(err, status, "matrix");
}

nw_status nw_matmul_kernel(nw_backend *backend, const nw_matmul_desc *mm, nw_kernel **out, nw_error *err)
{
    nw_md src = {0}, weights = {0}, dst = {0}, bias = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    nw_status status = operand(&src, mm->batch, mm->m, mm->k, mm->src_strides, err);
    if (status == NW_OK) status = operand(&weights, mm->batch, mm->k, mm->n, mm->weights_strides, err);
    if (status == NW_OK) status = operand(&dst, mm->batch, mm->m, mm->n, mm->dst_strides, err);
    if (status == NW_OK && mm->bias)
        status = operand(&bias, 1, 1, mm->n, (const int64_t[3]){mm->n, mm->n, 1}, err);
    if (status == NW_OK) status = nw_attributes(NULL, NULL, &attr, err);
    if (status == NW_OK) {
        dnnl_status_t s =
            nw_pd_matmul(&pd, backend->engine, &src, &weights, mm->bias ? &bias : NULL, &dst, attr);
        if (s != dnnl_success) status = nw_backend_fail(err, s, "matmul");
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    nw_md_clear(&src);
    nw_md_clear(&weights);
    nw_md_clear(&dst);
    nw_md_clear(&bias);
    if (status != NW_OK) return status;
    static const nw_slot_query slots[] = {{NW_SLOT_SRC, dnnl_query_src_md},
                                          {NW_SLOT_WEIGHTS, dnnl_query_weights_md},
                                          {NW_SLOT_DST, dnnl_query_dst_md},
                                          {NW_SLOT_BIAS, dnnl_query_weights_md}};
    return nw_kernel_make(backend, pd, slots, mm->bias ? 4 : 3, out, err);
}
