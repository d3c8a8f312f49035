#include "tensor/tensor.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
#define ROW(NAME, name, size) [NW_##NAME] = {name, size},
    NW_DTYPE_LIST(ROW)
#undef ROW
};

static bool known(nw_dtype dtype)
{
    return (unsigned)dtype < sizeof dtypes / sizeof dtypes[0];
}

const char *nw_dtype_name(nw_dtype dtype)
{
    return known(dtype) ? dtypes[dtype].name : "unknown type";
}

size_t nw_dtype_size(nw_dtype dtype)
{
    return known(dtype) ? dtypes[dtype].size : 0;
}

bool nw_shape_count(const nw_shape *shape, int64_t *count)
{
    int64_t n = 1;
    bool empty = false;
    /* A zero must not hide an overflow of the other dimensions: strides are computed from them. */
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0) return false;
        if (shape->dims[i] == 0)
            empty = true;
        else if (!nw_mul_i64(n, shape->dims[i], &n))
            return false;
    }
    *count = empty ? 0 : n;
    return true;
}

bool nw_shape_equal(const nw_shape *a, const nw_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

char *nw_shape_text(const nw_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < shape->rank && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "[", (long long)shape->dims[i]);
    if (used < size) snprintf(text + used, size - used, shape->rank ? "]" : "[]");
    return text;
}

nw_status nw_tensor_new_uninitialised(nw_dtype dtype, const nw_shape *shape, nw_tensor **out, nw_error *err)
{
    if (shape->rank < 0 || shape->rank > NW_MAX_RANK)
        return nw_fail(err, NW_BAD_INPUT, "a tensor of rank %d: at most %d dimensions are supported",
                       shape->rank, NW_MAX_RANK);
    int64_t count;
    size_t bytes;
    if (!known(dtype) || !nw_shape_count(shape, &count) ||
        !nw_mul_size((size_t)count, nw_dtype_size(dtype), &bytes) || bytes > PTRDIFF_MAX) {
        char text[NW_SHAPE_TEXT];
        return nw_fail(err, NW_BAD_INPUT, "a %s tensor of shape %s: the size overflows or is negative",
                       nw_dtype_name(dtype), nw_shape_text(shape, text, sizeof text));
    }
    nw_tensor *tensor = nw_calloc(1, sizeof *tensor);
    void *data = nw_alloc_aligned(bytes, 1);
    if (!tensor || !data) {
        nw_free(tensor);
        nw_free(data);
        return nw_no_memory(err, bytes, "a tensor");
    }
    atomic_init(&tensor->references, 1);
    tensor->dtype = dtype;
    tensor->shape = *shape;
    tensor->count = count;
    tensor->data = data;
    *out = tensor;
    return NW_OK;
}

nw_status nw_tensor_new(nw_dtype dtype, int rank, const int64_t *dims, nw_tensor **out, nw_error *err)
{
    nw_shape shape = {.rank = rank};
    if (rank > 0 && rank <= NW_MAX_RANK) memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    nw_tensor *tensor;
    NW_TRY(nw_tensor_new_uninitialised(dtype, &shape, &tensor, err));
    memset(tensor->data, 0, (size_t)tensor->count * nw_dtype_size(dtype));
    *out = tensor;
    return NW_OK;
}

nw_tensor *nw_tensor_ref(nw_tensor *tensor)
{
    if (tensor) atomic_fetch_add(&tensor->references, 1);
    return tensor;
}

void nw_tensor_unref(nw_tensor *tensor)
{
    if (!tensor || atomic_fetch_sub(&tensor->references, 1) > 1) return;
    nw_free(tensor->data);
    nw_free(tensor);
}

nw_dtype nw_tensor_dtype(const nw_tensor *tensor)
{
    return tensor->dtype;
}
int nw_tensor_rank(const nw_tensor *tensor)
{
    return tensor->shape.rank;
}
const int64_t *nw_tensor_dims(const nw_tensor *tensor)
{
    return tensor->shape.dims;
}
int64_t nw_tensor_count(const nw_tensor *tensor)
{
    return tensor->count;
}
void *nw_tensor_data(nw_tensor *tensor)
{
    return tensor->data;
}
const void *nw_tensor_data_const(const nw_tensor *tensor)
{
    return tensor->data;
}

/* Truncates towards zero and saturates, where a plain cast would be undefined. */
static int64_t to_integer(double value, int64_t low, int64_t high)
{
    if (value != value) return 0;
    if (value <= (double)low) return low;
    if (value >= (double)high) return high;
    return (int64_t)value;
}

double nw_tensor_get(const nw_tensor *tensor, int64_t i)
{
    switch (tensor->dtype) {
    case NW_F32: return (double)((const float *)tensor->data)[i];
    case NW_F64: return ((const double *)tensor->data)[i];
    case NW_BF16: return (double)nw_bf16_to_f32(((const uint16_t *)tensor->data)[i]);
    default: return (double)nw_tensor_get_i64(tensor, i);
    }
}

int64_t nw_tensor_get_i64(const nw_tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->dtype) {
    case NW_I64: return ((const int64_t *)data)[i];
    case NW_I32: return ((const int32_t *)data)[i];
    case NW_I16: return ((const int16_t *)data)[i];
    case NW_I8: return ((const int8_t *)data)[i];
    case NW_U16: return ((const uint16_t *)data)[i];
    case NW_U8: return ((const uint8_t *)data)[i];
    case NW_BOOL: return ((const uint8_t *)data)[i] != 0;
    case NW_BF16:
    case NW_F32:
    case NW_F64: return to_integer(nw_tensor_get(tensor, i), INT64_MIN, INT64_MAX);
    }
    return 0;
}

void nw_tensor_set(nw_tensor *tensor, int64_t i, double value)
{
    void *data = tensor->data;
    switch (tensor->dtype) {
    case NW_F32: ((float *)data)[i] = (float)value; break;
    case NW_F64: ((double *)data)[i] = value; break;
    case NW_BF16: ((uint16_t *)data)[i] = nw_bf16_from_f32((float)value); break;
    case NW_I64: ((int64_t *)data)[i] = to_integer(value, INT64_MIN, INT64_MAX); break;
    case NW_I32: ((int32_t *)data)[i] = (int32_t)to_integer(value, INT32_MIN, INT32_MAX); break;
    case NW_I16: ((int16_t *)data)[i] = (int16_t)to_integer(value, INT16_MIN, INT16_MAX); break;
    case NW_I8: ((int8_t *)data)[i] = (int8_t)to_integer(value, INT8_MIN, INT8_MAX); break;
    case NW_U16: ((uint16_t *)data)[i] = (uint16_t)to_integer(value, 0, UINT16_MAX); break;
    case NW_U8: ((uint8_t *)data)[i] = (uint8_t)to_integer(value, 0, UINT8_MAX); break;
    case NW_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    }
}

nw_status nw_tensor_convert(nw_tensor *tensor, nw_dtype dtype, nw_tensor **out, nw_error *err)
{
    if (tensor->dtype == dtype) {
        *out = nw_tensor_ref(tensor);
        return NW_OK;
    }
    nw_tensor *result;
    NW_TRY(nw_tensor_new_uninitialised(dtype, &tensor->shape, &result, err));
    bool integers = tensor->dtype != NW_F32 && tensor->dtype != NW_F64 && dtype == NW_I64;
    for (int64_t i = 0; i < tensor->count; i++)
        if (integers)
            ((int64_t *)result->data)[i] = nw_tensor_get_i64(tensor, i);
        else
            nw_tensor_set(result, i, nw_tensor_get(tensor, i));
    *out = result;
    return NW_OK;
}

nw_status nw_tensor_reshape(nw_tensor *tensor, const nw_shape *shape, nw_tensor **out, nw_error *err)
{
    int64_t count;
    if (!nw_shape_count(shape, &count) || count != tensor->count)
        return nw_fail(err, NW_BAD_INPUT, "a tensor cannot be reshaped to another number of elements");
    nw_tensor *result;
    NW_TRY(nw_tensor_new_uninitialised(tensor->dtype, shape, &result, err));
    memcpy(result->data, tensor->data, (size_t)count * nw_dtype_size(tensor->dtype));
    *out = result;
    return NW_OK;
}
