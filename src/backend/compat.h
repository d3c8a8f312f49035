/* The differences between versions 2 and 3 of oneDNN's C API, and nothing else. Included by src/backend
 * alone. */
#ifndef NW_BACKEND_COMPAT_H
#define NW_BACKEND_COMPAT_H

#include <dnnl.h>
#include <string.h>

/* A memory descriptor: a struct in version 2, a handle in version 3. NW_MD is what functions take. */
typedef struct nw_md {
    dnnl_memory_desc_t md;
    int used; /* version 3: to be destroyed */
} nw_md;

#if DNNL_VERSION_MAJOR >= 3
#define NW_MD(m) ((m)->md)
typedef const_dnnl_memory_desc_t nw_md_pointer;
#else
#define NW_MD(m) (&(m)->md)
typedef const dnnl_memory_desc_t *nw_md_pointer;
#endif

static inline void nw_md_clear(nw_md *m)
{
#if DNNL_VERSION_MAJOR >= 3
    if (m->used) dnnl_memory_desc_destroy(m->md);
#endif
    memset(m, 0, sizeof *m);
}

static inline dnnl_status_t nw_md_tag(nw_md *m, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                                      dnnl_format_tag_t tag)
{
    m->used = 1;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_tag(&m->md, rank, dims, type, tag);
#else
    return dnnl_memory_desc_init_by_tag(&m->md, rank, dims, type, tag);
#endif
}

static inline dnnl_status_t nw_md_strided(nw_md *m, int rank, const dnnl_dims_t dims,
                                          const dnnl_dims_t strides)
{
    m->used = 1;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_strides(&m->md, rank, dims, dnnl_f32, strides);
#else
    return dnnl_memory_desc_init_by_strides(&m->md, rank, dims, dnnl_f32, strides);
#endif
}

static inline dnnl_status_t nw_md_copy(nw_md *m, nw_md_pointer from)
{
    m->used = 1;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_clone(&m->md, from);
#else
    m->md = *from;
    return dnnl_success;
#endif
}

static inline dnnl_status_t nw_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha,
                                              float beta)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_post_ops_append_eltwise(ops, alg, alpha, beta);
#else
    return dnnl_post_ops_append_eltwise(ops, 1.0F, alg, alpha, beta);
#endif
}

/* Geometry of convolutions and pooling windows, as oneDNN has it (dilation 0: dense). */
typedef struct nw_dnnl_window {
    dnnl_dims_t kernel, strides, dilates, pads_l, pads_r;
} nw_dnnl_window;

static inline dnnl_status_t nw_pd_conv_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                               const nw_md *src, const nw_md *weights, const nw_md *bias,
                                               const nw_md *dst, const nw_dnnl_window *w,
                                               dnnl_primitive_attr_t attr)
{
    nw_md_pointer b = bias ? NW_MD(bias) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, dnnl_forward_inference, dnnl_convolution_direct, NW_MD(src), NW_MD(weights), b,
        NW_MD(dst), w->strides, w->dilates, w->pads_l, w->pads_r, attr);
#else
    dnnl_convolution_desc_t d;
    dnnl_status_t s = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_inference, dnnl_convolution_direct, NW_MD(src), NW_MD(weights), b, NW_MD(dst),
        w->strides, w->dilates, w->pads_l, w->pads_r);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : s;
#endif
}

static inline dnnl_status_t nw_pd_conv_backward_data(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                     const nw_md *diff_src, const nw_md *weights,
                                                     const nw_md *diff_dst, const nw_dnnl_window *w,
                                                     dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_backward_data_primitive_desc_create(
        pd, engine, dnnl_convolution_direct, NW_MD(diff_src), NW_MD(weights), NW_MD(diff_dst), w->strides,
        w->dilates, w->pads_l, w->pads_r, hint, attr);
#else
    dnnl_convolution_desc_t d;
    dnnl_status_t s = dnnl_dilated_convolution_backward_data_desc_init(
        &d, dnnl_convolution_direct, NW_MD(diff_src), NW_MD(weights), NW_MD(diff_dst), w->strides, w->dilates,
        w->pads_l, w->pads_r);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : s;
#endif
}

static inline dnnl_status_t nw_pd_conv_backward_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                        const nw_md *src, const nw_md *diff_weights,
                                                        const nw_md *diff_bias, const nw_md *diff_dst,
                                                        const nw_dnnl_window *w, dnnl_primitive_desc_t hint,
                                                        dnnl_primitive_attr_t attr)
{
    nw_md_pointer b = diff_bias ? NW_MD(diff_bias) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_backward_weights_primitive_desc_create(
        pd, engine, dnnl_convolution_direct, NW_MD(src), NW_MD(diff_weights), b, NW_MD(diff_dst), w->strides,
        w->dilates, w->pads_l, w->pads_r, hint, attr);
#else
    dnnl_convolution_desc_t d;
    dnnl_status_t s = dnnl_dilated_convolution_backward_weights_desc_init(
        &d, dnnl_convolution_direct, NW_MD(src), NW_MD(diff_weights), b, NW_MD(diff_dst), w->strides,
        w->dilates, w->pads_l, w->pads_r);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : s;
#endif
}

static inline dnnl_status_t nw_pd_pool_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                               dnnl_alg_kind_t alg, const nw_md *src, const nw_md *dst,
                                               const nw_dnnl_window *w, dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_training, alg, NW_MD(src),
                                                      NW_MD(dst), w->strides, w->kernel, w->dilates,
                                                      w->pads_l, w->pads_r, attr);
#else
    dnnl_pooling_v2_desc_t d;
    dnnl_status_t s =
        dnnl_pooling_v2_forward_desc_init(&d, dnnl_forward_training, alg, NW_MD(src), NW_MD(dst), w->strides,
                                          w->kernel, w->dilates, w->pads_l, w->pads_r);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : s;
#endif
}

static inline dnnl_status_t nw_pd_pool_backward(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                dnnl_alg_kind_t alg, const nw_md *diff_src,
                                                const nw_md *diff_dst, const nw_dnnl_window *w,
                                                dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_pooling_backward_primitive_desc_create(pd, engine, alg, NW_MD(diff_src), NW_MD(diff_dst),
                                                       w->strides, w->kernel, w->dilates, w->pads_l,
                                                       w->pads_r, hint, attr);
#else
    dnnl_pooling_v2_desc_t d;
    dnnl_status_t s = dnnl_pooling_v2_backward_desc_init(
        &d, alg, NW_MD(diff_src), NW_MD(diff_dst), w->strides, w->kernel, w->dilates, w->pads_l, w->pads_r);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : s;
#endif
}

static inline dnnl_status_t nw_pd_eltwise_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                  dnnl_alg_kind_t alg, const nw_md *md, float alpha,
                                                  dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_eltwise_forward_primitive_desc_create(pd, engine, dnnl_forward_training, alg, NW_MD(md),
                                                      NW_MD(md), alpha, 0, attr);
#else
    dnnl_eltwise_desc_t d;
    dnnl_status_t s = dnnl_eltwise_forward_desc_init(&d, dnnl_forward_training, alg, NW_MD(md), alpha, 0);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : s;
#endif
}

static inline dnnl_status_t nw_pd_eltwise_backward(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                   dnnl_alg_kind_t alg, const nw_md *md, float alpha,
                                                   dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_eltwise_backward_primitive_desc_create(pd, engine, alg, NW_MD(md), NW_MD(md), NW_MD(md),
                                                       alpha, 0, hint, attr);
#else
    dnnl_eltwise_desc_t d;
    dnnl_status_t s = dnnl_eltwise_backward_desc_init(&d, alg, NW_MD(md), NW_MD(md), alpha, 0);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : s;
#endif
}

static inline dnnl_status_t nw_pd_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const nw_md *src,
                                         const nw_md *weights, const nw_md *bias, const nw_md *dst,
                                         dnnl_primitive_attr_t attr)
{
    nw_md_pointer b = bias ? NW_MD(bias) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(pd, engine, NW_MD(src), NW_MD(weights), b, NW_MD(dst), attr);
#else
    dnnl_matmul_desc_t d;
    dnnl_status_t s = dnnl_matmul_desc_init(&d, NW_MD(src), NW_MD(weights), b, NW_MD(dst));
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : s;
#endif
}

#endif
