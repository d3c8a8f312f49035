#include "ops/op.h"

#include "base/memory.h"

#include <string.h>

#define NW_OP(name) extern const nw_op nw_op_##name;
#include "ops/ops.def"
#undef NW_OP

const nw_op *const nw_op_table[] = {
#define NW_OP(name) &nw_op_##name,
#include "ops/ops.def"
#undef NW_OP
    NULL};

const nw_op *nw_op_find(const char *type, const char *domain)
{
    if (*domain && strcmp(domain, "ai.onnx") != 0) return NULL;
    for (const nw_op *const *op = nw_op_table; *op; op++)
        if (strcmp((*op)->type, type) == 0) return *op;
    return NULL;
}

nw_status nw_infer_fail(nw_infer *cx, nw_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nw_vfail(cx->err, status, format, args);
    va_end(args);
    return status;
}

const nw_value *nw_infer_in(const nw_infer *cx, int i)
{
    return nw_has_in(cx->node, i) ? &cx->graph->values[cx->node->inputs[i]] : NULL;
}

nw_status nw_infer_arity(nw_infer *cx, int least_in, int most_in, int least_out, int most_out)
{
    const nw_node *node = cx->node;
    if (node->input_count < least_in || node->input_count > most_in)
        return nw_infer_fail(cx, NW_BAD_MODEL, "has %d inputs; the operator takes %d to %d",
                             node->input_count, least_in, most_in);
    if (node->output_count < least_out || node->output_count > most_out)
        return nw_infer_fail(cx, NW_BAD_MODEL, "has %d outputs; the operator gives %d to %d",
                             node->output_count, least_out, most_out);
    for (int i = 0; i < least_in; i++)
        if (node->inputs[i] < 0) return nw_infer_fail(cx, NW_BAD_MODEL, "input %d must not be omitted", i);
    return NW_OK;
}

nw_status nw_infer_out(nw_infer *cx, int i, nw_dtype dtype, const nw_shape *shape)
{
    int64_t count, bytes;
    char text[NW_SHAPE_TEXT];
    if (shape->rank < 0 || shape->rank > NW_MAX_RANK)
        return nw_infer_fail(cx, NW_UNSUPPORTED,
                             "output %d would have %d dimensions; at most %d are supported", i, shape->rank,
                             NW_MAX_RANK);
    /* Sixteen: whatever its type, it and its gradient fit in memory's numbers as doubles. */
    if (!nw_shape_count(shape, &count) || !nw_mul_i64(count, 16, &bytes))
        return nw_infer_fail(cx, NW_BAD_MODEL, "output %d would have the impossible shape %s", i,
                             nw_shape_text(shape, text, sizeof text));
    if (i >= cx->node->output_count || cx->node->outputs[i] < 0) return NW_OK;
    nw_value *value = &cx->graph->values[cx->node->outputs[i]];
    value->dtype = dtype;
    value->shape = *shape;
    value->has_shape = true;
    return NW_OK;
}

nw_status nw_infer_constant(nw_infer *cx, int i, nw_tensor *data)
{
    nw_status status = nw_infer_out(cx, i, data->dtype, &data->shape);
    if (status != NW_OK || i >= cx->node->output_count || cx->node->outputs[i] < 0) {
        nw_tensor_unref(data);
        return status;
    }
    nw_value *value = &cx->graph->values[cx->node->outputs[i]];
    nw_tensor_unref(value->data);
    value->data = data;
    return NW_OK;
}

nw_status nw_infer_ints(nw_infer *cx, int i, int64_t *values, int limit, int *count)
{
    const nw_value *value = nw_infer_in(cx, i);
    if (!value) {
        *count = -1;
        return NW_OK;
    }
    if (!value->data)
        return nw_infer_fail(
            cx, NW_UNSUPPORTED,
            "input %d '%s' depends on the data; its value must be known when the program is compiled", i,
            value->name);
    if (value->data->count > limit)
        return nw_infer_fail(cx, NW_BAD_MODEL, "input %d '%s' has %lld elements where at most %d make sense",
                             i, value->name, (long long)value->data->count, limit);
    for (int64_t k = 0; k < value->data->count; k++) values[k] = nw_tensor_get_i64(value->data, k);
    *count = (int)value->data->count;
    return NW_OK;
}

nw_status nw_infer_float(nw_infer *cx, int i)
{
    const nw_value *value = nw_infer_in(cx, i);
    if (!value) return nw_infer_fail(cx, NW_BAD_MODEL, "input %d must not be omitted", i);
    if (value->dtype == NW_F32 || value->dtype == NW_F64) return NW_OK;
    return nw_infer_fail(cx, NW_UNSUPPORTED, "input %d '%s' is %s; only floating point is supported here", i,
                         value->name, nw_dtype_name(value->dtype));
}

nw_status nw_infer_axis(nw_infer *cx, int64_t axis, int rank, bool inclusive, int *out)
{
    int64_t last = inclusive ? rank : rank - 1;
    if (axis < -rank || axis > last)
        return nw_infer_fail(cx, NW_BAD_MODEL, "axis %lld of an input of %d dimensions: expected %d to %lld",
                             (long long)axis, rank, -rank, (long long)last);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return NW_OK;
}

bool nw_broadcast(const nw_shape *a, const nw_shape *b, nw_shape *out)
{
    nw_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= result.rank; i++) {
        int64_t m = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t n = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (m != n && m != 1 && n != 1) return false;
        result.dims[result.rank - i] = m == 1 ? n : m;
    }
    *out = result;
    return true;
}

void nw_strides(const nw_shape *shape, int64_t strides[NW_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}
