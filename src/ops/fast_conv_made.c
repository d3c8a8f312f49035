/* What the kernels of convolutions share. */
#include "base/parallel.h"
#include "ops/fast_act.h"
#include "ops/fast_conv.h"

enum { CHUNK = 16384 };

nw_status nw_fast_conv_made(nw_plan *plan, nw_tensor *tensor, nw_buffer **out, nw_error *err)
{
    nw_layout layout = nw_layout_plain(tensor->dtype, &tensor->shape);
    return nw_plan_constant(plan, &layout, tensor->data, nw_tensor_ref(tensor), out, err);
}

typedef struct rest {
    const nw_act *act;
    float *data;
} rest;

static void activate(void *context, size_t begin, size_t end)
{
    const rest *r = context;
    nw_act_row(r->act, r->data + begin, (int64_t)(end - begin));
}

void nw_fast_conv_activate(const nw_act *act, const nw_buffer *dst)
{
    if (act->kind == NW_ACT_RELU || act->kind == NW_ACT_NONE) return;
    rest r = {act, dst->data};
    nw_parallel(dst->bytes / sizeof(float), CHUNK, activate, &r);
}
