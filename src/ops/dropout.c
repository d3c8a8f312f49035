/* Dropout in inference, or of nothing (ratio 0): the identity, and a mask that keeps everything. */
#include "ops/fast.h"

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, cx->node->opset < 12 ? 1 : 3, 1, 2));
    const nw_value *x = nw_infer_in(cx, 0), *training = nw_infer_in(cx, 2);
    if (training) {
        int64_t mode = 0;
        int count;
        NW_TRY(nw_infer_ints(cx, 2, &mode, 1, &count));
        const nw_value *ratio = nw_infer_in(cx, 1);
        bool drops = !ratio || !ratio->data || ratio->data->count != 1 || nw_tensor_get(ratio->data, 0) != 0;
        if (mode && drops)
            return nw_infer_fail(
                cx, NW_UNSUPPORTED,
                "is in training mode (training_mode=1); export the model for inference (model.eval())");
    }
    NW_TRY(nw_infer_out(cx, 0, x->dtype, &x->shape));
    /* The mask is boolean since opset 10. */
    return nw_infer_out(cx, 1, cx->node->opset < 10 ? x->dtype : NW_BOOL, &x->shape);
}

static void forward(const nw_ref *call)
{
    int64_t n = nw_count(nw_in_shape(call->graph, call->node, 0));
    bool mask = call->node->output_count > 1 && call->node->outputs[1] >= 0;
    for (int64_t i = 0; i < n; i++) {
        call->dst[0][i] = call->src[0][i];
        if (mask) call->dst[1][i] = 1;
    }
}

static void backward(const nw_ref *call)
{
    int64_t n = nw_count(nw_in_shape(call->graph, call->node, 0));
    if (!call->diff_dst[0] || !call->diff_src[0]) return;
    for (int64_t i = 0; i < n; i++) call->diff_src[0][i] += call->diff_dst[0][i];
}

const nw_op nw_op_Dropout = {
    .type = "Dropout",
    .since = 7,
    .limits = "inference only (training_mode=0)",
    .constant_inputs = 1u << 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_view,
};
