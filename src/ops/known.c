#include "ops/known.h"

void nw_known_forward(const nw_ref *call)
{
    for (int k = 0; k < call->node->output_count; k++) {
        if (call->node->outputs[k] < 0 || !call->dst[k]) continue;
        const nw_tensor *data = call->graph->values[call->node->outputs[k]].data;
        for (int64_t i = 0; data && i < data->count; i++) call->dst[k][i] = nw_tensor_get(data, i);
    }
}

enum { KNOWN_LIMIT = 1 << 28 }; /* elements: a small file must not ask for all the memory there is */

nw_status nw_known_new(nw_infer *cx, nw_dtype dtype, const nw_shape *shape, nw_tensor **out)
{
    int64_t count;
    char text[NW_SHAPE_TEXT];
    if (!nw_shape_count(shape, &count) || count > KNOWN_LIMIT)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "a constant of shape %s is too large",
                             nw_shape_text(shape, text, sizeof text));
    return nw_tensor_new(dtype, shape->rank, shape->dims, out, cx->err);
}
