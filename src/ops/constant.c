/* Constant, ConstantOfShape and Range. */
#include "ops/known.h"

#include <math.h>
#include <string.h>

/* The attribute of Constant that holds its value, of those that Narrows reads. */
static nw_status constant_infer(nw_infer *cx)
{
    static const char *const forms[] = {"value", "value_float", "value_floats", "value_int", "value_ints"};
    NW_TRY(nw_infer_arity(cx, 0, 0, 1, 1));
    const nw_attr *attr = NULL;
    for (size_t i = 0; !attr && i < sizeof forms / sizeof *forms; i++)
        attr = nw_node_attr(cx->node, forms[i]);
    if (!attr)
        return nw_infer_fail(cx, NW_UNSUPPORTED,
                             "has no value of a form that is read: value, value_float(s), value_int(s)");
    if (attr->kind == NW_ATTR_TENSOR && attr->t) return nw_infer_constant(cx, 0, nw_tensor_ref(attr->t));
    nw_tensor *data;
    nw_shape shape = {0};
    if (attr->kind == NW_ATTR_FLOATS || attr->kind == NW_ATTR_INTS)
        shape = (nw_shape){.rank = 1, .dims = {(int64_t)attr->count}};
    bool integers = attr->kind == NW_ATTR_INT || attr->kind == NW_ATTR_INTS;
    const void *from = attr->kind == NW_ATTR_FLOATS ? (const void *)attr->floats
                       : attr->kind == NW_ATTR_INTS ? (const void *)attr->ints
                       : attr->kind == NW_ATTR_INT  ? (const void *)&attr->i
                                                    : (const void *)&attr->f;
    if (!integers && attr->kind != NW_ATTR_FLOAT && attr->kind != NW_ATTR_FLOATS)
        return nw_infer_fail(cx, NW_BAD_MODEL, "attribute %s is of another kind", attr->name);
    nw_dtype dtype = integers ? NW_I64 : NW_F32;
    NW_TRY(nw_known_new(cx, dtype, &shape, &data));
    if (data->count) memcpy(nw_tensor_data(data), from, (size_t)data->count * nw_dtype_size(dtype));
    return nw_infer_constant(cx, 0, data);
}

static nw_status constant_of_shape_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    const nw_attr *attr = nw_node_attr(cx->node, "value");
    nw_tensor *value = attr && attr->kind == NW_ATTR_TENSOR ? attr->t : NULL, *data;
    nw_shape shape = {0};
    if (value && value->count != 1)
        return nw_infer_fail(cx, NW_BAD_MODEL, "value has %lld elements, not one", (long long)value->count);
    NW_TRY(nw_infer_ints(cx, 0, shape.dims, NW_MAX_RANK, &shape.rank));
    nw_dtype dtype = value ? value->dtype : NW_F32;
    NW_TRY(nw_known_new(cx, dtype, &shape, &data));
    size_t size = nw_dtype_size(dtype);
    for (int64_t i = 0; value && i < data->count; i++)
        memcpy((char *)nw_tensor_data(data) + (size_t)i * size, nw_tensor_data_const(value), size);
    return nw_infer_constant(cx, 0, data);
}

/* Numbers from start towards limit, which is not among them. */
static nw_status integer_range(nw_infer *cx, nw_dtype dtype, const int64_t *p, nw_tensor **out)
{
    /* Unsigned differences do not overflow. */
    uint64_t from = (uint64_t)p[0], to = (uint64_t)p[1], step = (uint64_t)p[2], count = 0;
    if (p[2] > 0 && p[1] > p[0]) count = (to - from - 1) / step + 1;
    if (p[2] < 0 && p[1] < p[0]) count = (from - to - 1) / (0 - step) + 1;
    const nw_shape shape = {.rank = 1, .dims = {count > INT64_MAX ? INT64_MAX : (int64_t)count}};
    nw_tensor *exact;
    NW_TRY(nw_known_new(cx, NW_I64, &shape, &exact));
    for (uint64_t i = 0; i < count; i++) ((int64_t *)nw_tensor_data(exact))[i] = (int64_t)(from + i * step);
    nw_status status = nw_tensor_convert(exact, dtype, out, cx->err);
    nw_tensor_unref(exact);
    return status;
}

static nw_status real_range(nw_infer *cx, nw_dtype dtype, const double *p, nw_tensor **out)
{
    double count = fmax(ceil((p[1] - p[0]) / p[2]), 0);
    if (!(count < 0x1p62)) return nw_infer_fail(cx, NW_BAD_MODEL, "the range has no end");
    const nw_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    NW_TRY(nw_known_new(cx, dtype, &shape, out));
    for (int64_t i = 0; i < shape.dims[0]; i++) nw_tensor_set(*out, i, p[0] + (double)i * p[2]);
    return NW_OK;
}

static nw_status range_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 3, 3, 1, 1));
    nw_dtype dtype = nw_infer_in(cx, 0)->dtype;
    int64_t integers[3];
    double reals[3];
    for (int i = 0; i < 3; i++) {
        const nw_value *value = nw_infer_in(cx, i);
        if (!value->data)
            return nw_infer_fail(cx, NW_UNSUPPORTED,
                                 "'%s' is not constant: the size of the result is unknown", value->name);
        if (value->data->count != 1 || value->dtype != dtype)
            return nw_infer_fail(cx, NW_BAD_MODEL, "takes three single numbers of one type");
        integers[i] = nw_tensor_get_i64(value->data, 0);
        reals[i] = nw_tensor_get(value->data, 0);
    }
    if (reals[2] == 0) return nw_infer_fail(cx, NW_BAD_MODEL, "the step is 0");
    nw_tensor *data;
    if (dtype == NW_F32 || dtype == NW_F64)
        NW_TRY(real_range(cx, dtype, reals, &data));
    else
        NW_TRY(integer_range(cx, dtype, integers, &data));
    return nw_infer_constant(cx, 0, data);
}

const nw_op nw_op_Constant = {.type = "Constant",
                              .since = 1,
                              .limits = "numbers only",
                              .infer = constant_infer,
                              .forward = nw_known_forward};
const nw_op nw_op_ConstantOfShape = {.type = "ConstantOfShape",
                                     .since = 9,
                                     .limits = "the shape must be constant",
                                     .constant_inputs = 1U,
                                     .infer = constant_of_shape_infer,
                                     .forward = nw_known_forward};
const nw_op nw_op_Range = {.type = "Range",
                           .since = 11,
                           .limits = "the numbers must be constant",
                           .constant_inputs = 7U,
                           .infer = range_infer,
                           .forward = nw_known_forward};
