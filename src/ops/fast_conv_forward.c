/* Convolution, by the first of these that has it: 8-bit integers where the program may, 1x1 kernels of our
 * own, small maps of programs that do not run often, kernels of our own for strides, minimal filtering, and
 * oneDNN with layouts of its choice, weights packed once (at every run where they may change). Bias, sum and
 * activation come in the same pass. */
#include "base/parallel.h"
#include "ops/fast_conv_flat.h"
#include "ops/fast_conv_int8.h"
#include "ops/fast_conv_int8_winograd.h"
#include "ops/fast_conv_internal.h"
#include "ops/fast_conv_plain.h"
#include "ops/fast_conv_rows.h"
#include "ops/fast_conv_tiles.h"
#include "ops/fast_kernel.h"

static nw_status fail(nw_kernel *kernel, nw_status status)
{
    nw_kernel_free(kernel);
    return status;
}

/* What a convolution reads and writes beside its weights. */
typedef struct operands {
    nw_buffer *src, *bias, *add, *dst;
} operands;

/* Source and result in blocks, as kernels of our own have them. */
static nw_status operands_of(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, operands *o,
                             nw_error *err)
{
    nw_layout from = nw_layout_blocked(NW_F32, &conv->src, 1, nw_backend_block()),
              to = nw_layout_blocked(NW_F32, &conv->dst, 1, nw_backend_block());
    *o = (operands){NULL, NULL, NULL, NULL};
    NW_TRY(nw_plan_src(plan, node->inputs[0], &from, &o->src, err));
    if (conv->bias) NW_TRY(nw_plan_src(plan, node->inputs[2], NULL, &o->bias, err));
    if (conv->add) NW_TRY(nw_plan_src(plan, node->inputs[node->input_count - 1], &to, &o->add, err));
    return nw_plan_dst(plan, node->outputs[0], &to, &o->dst, err);
}

static nw_status forward_tiles(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv,
                               nw_tile_conv *fast, nw_error *err)
{
    operands o;
    nw_buffer *weights = NULL;
    nw_status status = nw_fast_conv_plain(plan, node, &weights, err);
    if (status == NW_OK) status = operands_of(plan, node, conv, &o, err);
    if (status == NW_OK) return nw_tile_conv_step(plan, fast, o.src, weights, o.bias, o.add, o.dst, err);
    nw_tile_conv_free(fast);
    return status;
}

static nw_status forward_int8(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    nw_int8_conv *fast;
    operands o;
    NW_TRY(operands_of(plan, node, conv, &o, err));
    if (nw_int8_winograd_fits(conv))
        return nw_int8_winograd_step(plan, conv, nw_fast_constant(plan, node, 1), false, o.src, NULL, o.bias,
                                     o.add, o.dst, err);
    NW_TRY(nw_int8_conv_make(plan, conv, nw_fast_constant(plan, node, 1), false, &fast, err));
    return nw_int8_conv_step(plan, fast, o.src, NULL, o.bias, o.add, o.dst, err);
}

static nw_status forward_flat(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    operands o;
    NW_TRY(operands_of(plan, node, conv, &o, err));
    return nw_flat_conv_step(plan, conv, nw_fast_constant(plan, node, 1), false, o.src, o.bias, o.add, o.dst,
                             err);
}

/* With strides, by kernels of our own. */
static nw_status forward_rows(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    operands o;
    NW_TRY(operands_of(plan, node, conv, &o, err));
    return nw_rows_conv_step(plan, conv, nw_fast_constant(plan, node, 1), o.src, o.bias, o.add, o.dst, err);
}

/* Of a small map, with the weights as they are. */
static nw_status forward_plain(nw_plan *plan, const nw_node *node, const nw_conv_desc *conv, nw_error *err)
{
    operands o;
    NW_TRY(operands_of(plan, node, conv, &o, err));
    return nw_plain_conv_step(plan, conv, nw_fast_constant(plan, node, 1), o.src, o.bias, o.add, o.dst, err);
}

nw_status nw_fast_conv_forward(nw_plan *plan, const nw_node *node, nw_conv_desc *conv, bool *declined,
                               nw_error *err)
{
    nw_layout src = {.dtype = conv->bf16 ? NW_BF16 : NW_F32, .block = 0};
    nw_layout dst = {.dtype = conv->bf16 && node->narrow ? NW_BF16 : NW_F32, .block = 0};
    nw_tile_conv *fast;
    if (nw_fast_conv_in_int8(plan, node, conv, false)) return forward_int8(plan, node, conv, err);
    if (nw_fast_conv_is_flat(plan, node, conv)) return forward_flat(plan, node, conv, err);
    if (nw_plan_few_runs(plan) && nw_fast_constant(plan, node, 1) && nw_plain_conv_fits(conv))
        return forward_plain(plan, node, conv, err);
    if (nw_fast_constant(plan, node, 1) && nw_rows_conv_fits(conv))
        return forward_rows(plan, node, conv, err);
    NW_TRY(nw_tile_conv_make(plan, conv, nw_fast_constant(plan, node, 1), false, &fast, err));
    if (fast) return forward_tiles(plan, node, conv, fast, err);
    nw_kernel_step k = {
        .kind = "conv", .flops = nw_fast_conv_flops(conv), .alone = nw_fast_conv_is_alone(conv)};
    int threads = nw_threads_set(k.alone);
    nw_status status = nw_conv_forward(nw_plan_backend(plan), conv, &src, &dst, &k.kernel, err);
    nw_threads_set(threads);
    if (status == NW_UNSUPPORTED && conv->bf16) {
        conv->bf16 = false;
        return nw_fast_conv_forward(plan, node, conv, declined, err);
    }
    if (status == NW_UNSUPPORTED) {
        *declined = true;
        return NW_OK;
    }
    NW_TRY(status);
    nw_buffer *add = NULL;
    status = nw_plan_src(plan, node->inputs[0], &src, &k.slots[NW_SLOT_SRC], err);
    if (status == NW_OK) status = nw_fast_conv_pack(plan, node, k.kernel, &k.slots[NW_SLOT_WEIGHTS], err);
    if (status == NW_OK && conv->bias)
        status = nw_plan_src(plan, node->inputs[2], NULL, &k.slots[NW_SLOT_BIAS], err);
    if (status == NW_OK && conv->add)
        status = nw_plan_src(plan, node->inputs[node->input_count - 1], &dst, &add, err);
    if (status == NW_OK) status = nw_plan_dst(plan, node->outputs[0], &dst, &k.slots[NW_SLOT_DST], err);
    if (status != NW_OK) return fail(k.kernel, status);
    k.slots[NW_SLOT_ADD] = add;
    return nw_fast_kernel_step(plan, &k, err);
}
