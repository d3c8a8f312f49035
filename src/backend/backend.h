/* oneDNN behind plain C: kernels that are prepared once and run often. The only room that includes dnnl.h. */
#ifndef NW_BACKEND_BACKEND_H
#define NW_BACKEND_BACKEND_H

#include "base/error.h"
#include "graph/act.h"
#include "tensor/layout.h"

/* An engine and a stream; belongs to one program. */
typedef struct nw_backend nw_backend;
nw_status nw_backend_new(nw_backend **out, nw_error *err);
void nw_backend_free(nw_backend *backend);
int nw_backend_block(void);       /* floats of a vector: 16, 8; 1 without blocked kernels */
const char *nw_backend_isa(void); /* "avx512_core_bf16", ... */

/* A prepared primitive. Its arguments are set once, by slot, when the buffers have their addresses. */
typedef struct nw_kernel nw_kernel;
typedef enum nw_slot {
    NW_SLOT_SRC,
    NW_SLOT_WEIGHTS,
    NW_SLOT_BIAS,
    NW_SLOT_DST,
    NW_SLOT_ADD, /* what a fused sum adds; laid out as dst */
    NW_SLOT_DIFF_SRC,
    NW_SLOT_DIFF_WEIGHTS,
    NW_SLOT_DIFF_BIAS,
    NW_SLOT_DIFF_DST,
    NW_SLOT_WORKSPACE,
    NW_SLOT_SCRATCH,
    NW_SLOT_COUNT
} nw_slot;

void nw_kernel_free(nw_kernel *kernel);
size_t nw_kernel_bytes(const nw_kernel *kernel, nw_slot slot); /* 0: not used */
void nw_kernel_set(nw_kernel *kernel, nw_slot slot, void *data);
nw_status nw_kernel_run(nw_kernel *kernel, nw_error *err);
/* Whether the weights of a 1x1 convolution are [outputs / 8][inputs / 8][8 inputs][8 outputs]. */
bool nw_kernel_weights_in_eights(const nw_kernel *kernel, int64_t outputs, int64_t inputs);
const char *nw_kernel_impl(const nw_kernel *kernel); /* "onednn " and its name of the implementation */

/* Convolution over 1 to 3 spatial dimensions (ONNX Conv). src [N, C, ...], weights [O, C/groups, ...], dst
 * [N, O, ...]. dilations as in ONNX: 1 is dense. */
typedef struct nw_conv_desc {
    nw_shape src, weights, dst;
    int64_t groups;
    int64_t strides[3], dilations[3], pads_begin[3], pads_end[3];
    bool bias, add;
    nw_act act;
    bool bf16; /* source (backward: diff_dst) and weights in bfloat16, sums in float32 */
} nw_conv_desc;

/* Layouts: oneDNN chooses where block is 0 on entry; the choice stands there on return. dtype is the
 * caller's: NW_BF16 for src where desc.bf16; dst may be either then. NW_UNSUPPORTED where the processor has
 * no bfloat16. */
nw_status nw_conv_forward(nw_backend *backend, const nw_conv_desc *conv, nw_layout *src, nw_layout *dst,
                          nw_kernel **out, nw_error *err);
/* diff_src and diff_dst in the given layouts. NW_UNSUPPORTED where oneDNN has no kernel for them. */
nw_status nw_conv_backward(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *diff_src,
                           const nw_layout *diff_dst, nw_kernel **out, nw_error *err);
/* The gradients of the weights and, with conv.bias, of the bias, from src and diff_dst in the given layouts.
 * Made for one thread: see ops/fast_conv_weights.c. NW_UNSUPPORTED as above. */
nw_status nw_conv_backward_weights(nw_backend *backend, const nw_conv_desc *conv, const nw_layout *src,
                                   const nw_layout *diff_dst, nw_kernel **out, nw_error *err);

typedef enum nw_pool_kind {
    NW_POOL_MAX,
    NW_POOL_AVERAGE_INCLUDE_PAD,
    NW_POOL_AVERAGE_EXCLUDE_PAD
} nw_pool_kind;
typedef struct nw_pool_desc {
    nw_pool_kind kind;
    nw_shape src, dst;
    int64_t kernel[3], strides[3], dilations[3], pads_begin[3], pads_end[3];
} nw_pool_desc;
/* src and dst share a layout (axis, block). Max keeps its choices in the workspace for the backward kernel.
 */
nw_status nw_pool_forward(nw_backend *backend, const nw_pool_desc *pool, const nw_layout *src,
                          const nw_layout *dst, nw_kernel **out, nw_error *err);
nw_status nw_pool_backward(nw_backend *backend, const nw_pool_desc *pool, const nw_layout *diff_src,
                           const nw_layout *diff_dst, nw_kernel **out, nw_error *err);

/* dst[batch][m][n] = src[batch][m][k] weights[batch][k][n] (+ bias[n]), with strides of each operand in
 * elements (a stride of 0 in the batch: the same matrix every time). Backward is two of these, transposed. */
typedef struct nw_matmul_desc {
    int64_t batch, m, n, k;
    int64_t src_strides[3], weights_strides[3], dst_strides[3];
    bool bias;
} nw_matmul_desc;
nw_status nw_matmul_kernel(nw_backend *backend, const nw_matmul_desc *matmul, nw_kernel **out, nw_error *err);

/* Elementwise functions that take more than a comparison. Backward reads src and diff_dst. */
typedef enum nw_eltwise_kind {
    NW_ELTWISE_LOGISTIC,
    NW_ELTWISE_TANH,
    NW_ELTWISE_EXP,
    NW_ELTWISE_ELU, /* alpha */
    NW_ELTWISE_SOFTPLUS,
    NW_ELTWISE_GELU_ERF,
    NW_ELTWISE_MISH
} nw_eltwise_kind;
nw_status nw_eltwise_kernel(nw_backend *backend, nw_eltwise_kind kind, float alpha, const nw_layout *layout,
                            bool backward, nw_kernel **out, nw_error *err);

/* From one layout of a shape to another (also where one of them sees the shape with other dimensions, as long
 * as the elements before, along and after the blocked one are the same). */
nw_status nw_reorder_kernel(nw_backend *backend, const nw_layout *src, const nw_layout *dst, nw_kernel **out,
                            nw_error *err);

/* Weights as the kernel wants them: packed from the plain tensor, or the tensor itself where that is the
 * same. Kept in the cache, so that the programs of a model share them. *out is one reference. */
typedef struct nw_weights_cache nw_weights_cache;
nw_weights_cache *nw_weights_cache_new(void);
void nw_weights_cache_free(nw_weights_cache *cache);
nw_status nw_weights_pack(nw_weights_cache *cache, nw_backend *backend, const nw_kernel *kernel,
                          nw_tensor *plain, nw_tensor **out, nw_error *err);
size_t nw_weights_cache_bytes(nw_weights_cache *cache);

/* For weights that change from run to run: a kernel that reorders the caller's plain ones into the kernel's
 * NW_SLOT_WEIGHTS, or the kernel's NW_SLOT_DIFF_WEIGHTS into plain ones. *out is NULL where both are the
 * same. */
nw_status nw_weights_reorder(nw_backend *backend, const nw_kernel *kernel, nw_slot slot, nw_kernel **out,
                             nw_error *err);

/* Tensors made from others (filters with their batch-norm folded in): remembered by what they were made from,
 * so that every program of the model gets, and packs, the same ones. from[NW_FOLD_FROM] may hold NULLs. */
enum { NW_FOLD_FROM = 6, NW_FOLD_MADE = 2 };
/* One reference each in made[], or false. */
bool nw_weights_folded(nw_weights_cache *cache, nw_tensor *const *from, float parameter, nw_tensor **made);
/* Remembers; where memory is out it does not, which costs nothing but the sharing. */
void nw_weights_remember(nw_weights_cache *cache, nw_tensor *const *from, float parameter,
                         nw_tensor *const *made);

#endif
