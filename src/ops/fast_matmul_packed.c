/* oneDNN's matrix product packs both sides at every run, which for the last layer of a classifier and a few
 * images is nearly all it does: 4.5 ms for 2048 to 1000 and one image, where reading the weights takes 0.5. A
 * 1x1 convolution over images of one pixel is the same product, with weights that are packed once. */
#include "ops/fast_matmul_packed.h"

#include "ops/fast_kernel.h"

enum { LEAST_WEIGHTS = 1 << 14 };

static bool fits(const nw_plan *plan, const nw_matmul_desc *mm, const nw_tensor *weights)
{
    int64_t block = nw_plan_block(plan);
    bool rows = mm->src_strides[1] == mm->k && mm->src_strides[2] == 1 && mm->weights_strides[1] == 1 &&
                mm->weights_strides[2] == mm->k;
    return weights && weights->dtype == NW_F32 && rows && mm->batch == 1 && block > 1 && mm->k % block == 0 &&
           mm->k * mm->n >= LEAST_WEIGHTS;
}

/* The result as images of one pixel; blocks of channels of a single pixel lie as the channels themselves, if
 * they are full. */
static nw_layout result_layout(const nw_plan *plan, const nw_matmul_desc *mm)
{
    nw_shape shape = {.rank = 4, .dims = {mm->m, mm->n, 1, 1}};
    return nw_layout_blocked(NW_F32, &shape, 1, nw_plan_block(plan));
}

nw_status nw_packed_matmul_kernel(nw_plan *plan, const nw_matmul_desc *mm, const nw_tensor *weights,
                                  nw_kernel **out, nw_error *err)
{
    *out = NULL;
    if (!fits(plan, mm, weights)) return NW_OK;
    nw_conv_desc conv = {.src = {.rank = 4, .dims = {mm->m, mm->k, 1, 1}},
                         .weights = {.rank = 4, .dims = {mm->n, mm->k, 1, 1}},
                         .dst = {.rank = 4, .dims = {mm->m, mm->n, 1, 1}},
                         .groups = 1,
                         .strides = {1, 1},
                         .dilations = {1, 1},
                         .bias = mm->bias};
    nw_layout src = nw_layout_blocked(NW_F32, &conv.src, 1, nw_plan_block(plan)),
              dst = result_layout(plan, mm);
    nw_status status = nw_conv_forward(nw_plan_backend(plan), &conv, &src, &dst, out, err);
    return status == NW_UNSUPPORTED ? NW_OK : status;
}

/* Where the last block is not full (1000 classes in blocks of 16), the product goes to a buffer of whole
 * blocks, and from there to where it belongs. */
static nw_status unpad(nw_plan *plan, const nw_layout *padded, nw_buffer *from, nw_buffer *dst, nw_error *err)
{
    nw_kernel_step k = {.kind = "reorder"};
    nw_layout plain = nw_layout_plain(NW_F32, &padded->shape);
    NW_TRY(nw_reorder_kernel(nw_plan_backend(plan), padded, &plain, &k.kernel, err));
    k.slots[NW_SLOT_SRC] = from;
    k.slots[NW_SLOT_DST] = dst;
    return nw_fast_kernel_step(plan, &k, err);
}

nw_status nw_packed_matmul_step(nw_plan *plan, const nw_matmul_desc *mm, nw_kernel *kernel,
                                nw_tensor *weights, nw_buffer *src, nw_buffer *bias, nw_buffer *dst,
                                nw_error *err)
{
    nw_kernel_step k = {
        .kind = "matmul", .flops = 2.0 * (double)mm->m * (double)mm->n * (double)mm->k, .kernel = kernel};
    nw_tensor *packed;
    nw_status status =
        nw_weights_pack(nw_plan_weights(plan), nw_plan_backend(plan), kernel, weights, &packed, err);
    if (status == NW_OK) {
        nw_layout layout = nw_layout_plain(NW_F32, &packed->shape);
        status = nw_plan_constant(plan, &layout, packed->data, packed, &k.slots[NW_SLOT_WEIGHTS], err);
    }
    nw_layout padded = result_layout(plan, mm);
    bool full = mm->n % padded.block == 0;
    k.slots[NW_SLOT_DST] = dst;
    if (status == NW_OK && !full) status = nw_plan_buffer(plan, &padded, &k.slots[NW_SLOT_DST], err);
    if (status != NW_OK) {
        nw_kernel_free(kernel);
        return status;
    }
    k.slots[NW_SLOT_SRC] = src;
    k.slots[NW_SLOT_BIAS] = bias;
    NW_TRY(nw_fast_kernel_step(plan, &k, err));
    return full ? NW_OK : unpad(plan, &padded, k.slots[NW_SLOT_DST], dst, err);
}
