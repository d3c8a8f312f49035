/* TensorProto to tensor: sizes checked, floating-point types as float32, every value finite. */
#include "base/memory.h"
#include "onnx/onnx_internal.h"

#include <inttypes.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw_data is little-endian and used as it is"
#endif

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

nw_status nw_onnx_dtype(int data_type, nw_dtype *out, nw_error *err)
{
    switch (data_type) {
    case TYPE(FLOAT):
    case TYPE(FLOAT16):
    case TYPE(BFLOAT16):
    case TYPE(DOUBLE): *out = NW_F32; return NW_OK;
    case TYPE(UINT8): *out = NW_U8; return NW_OK;
    case TYPE(INT8): *out = NW_I8; return NW_OK;
    case TYPE(UINT16): *out = NW_U16; return NW_OK;
    case TYPE(INT16): *out = NW_I16; return NW_OK;
    case TYPE(INT32): *out = NW_I32; return NW_OK;
    case TYPE(INT64):
    case TYPE(UINT32):
    case TYPE(UINT64): *out = NW_I64; return NW_OK;
    case TYPE(BOOL): *out = NW_BOOL; return NW_OK;
    case TYPE(STRING): return nw_fail(err, NW_UNSUPPORTED, "tensors of strings are not supported");
    case TYPE(COMPLEX64):
    case TYPE(COMPLEX128): return nw_fail(err, NW_UNSUPPORTED, "complex tensors are not supported");
    case TYPE(UNDEFINED): return nw_fail(err, NW_BAD_MODEL, "has no element type");
    default: return nw_fail(err, NW_UNSUPPORTED, "element type %d is not supported", data_type);
    }
}

/* Bytes an element in raw_data and external files. */
static size_t raw_size(int data_type)
{
    switch (data_type) {
    case TYPE(UINT8):
    case TYPE(INT8):
    case TYPE(BOOL): return 1;
    case TYPE(UINT16):
    case TYPE(INT16):
    case TYPE(FLOAT16):
    case TYPE(BFLOAT16): return 2;
    case TYPE(INT64):
    case TYPE(UINT64):
    case TYPE(DOUBLE): return 8;
    default: return 4;
    }
}

static bool same_in_memory(int data_type, nw_dtype dtype)
{
    return raw_size(data_type) == nw_dtype_size(dtype) && data_type != TYPE(UINT64);
}

static uint32_t half_bits(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
    if (exponent == 31) return sign | 0x7f800000 | mantissa << 13;
    if (exponent) return sign | (exponent + 112) << 23 | mantissa << 13;
    if (!mantissa) return sign;
    int shift = __builtin_clz(mantissa) - 21; /* brings the first one to bit 10 */
    return sign | (uint32_t)(113 - shift) << 23 | (mantissa << shift & 0x3ff) << 13;
}

/* From elements of raw_data to the tensor's; memcpy since raw bytes need not be aligned. */
static nw_status convert_raw(int data_type, const unsigned char *raw, nw_tensor *tensor, nw_error *err)
{
    uint32_t *bits = tensor->data;
    float *floats = tensor->data;
    int64_t *ints = tensor->data;
    for (int64_t i = 0; i < tensor->count; i++) {
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        double f64;
        switch (data_type) {
        case TYPE(FLOAT16):
            memcpy(&u16, raw + 2 * i, 2);
            bits[i] = half_bits(u16);
            break;
        case TYPE(BFLOAT16):
            memcpy(&u16, raw + 2 * i, 2);
            bits[i] = (uint32_t)u16 << 16;
            break;
        case TYPE(DOUBLE):
            memcpy(&f64, raw + 8 * i, 8);
            floats[i] = (float)f64;
            break;
        case TYPE(UINT32):
            memcpy(&u32, raw + 4 * i, 4);
            ints[i] = u32;
            break;
        default: /* UINT64 */
            memcpy(&u64, raw + 8 * i, 8);
            if (u64 > INT64_MAX)
                return nw_fail(err, NW_UNSUPPORTED,
                               "element %" PRId64 " is %" PRIu64 ", above the largest int64", i, u64);
            ints[i] = (int64_t)u64;
        }
    }
    return NW_OK;
}

/* -- the typed fields -- */

static size_t typed_count(const Onnx__TensorProto *s)
{
    switch (s->data_type) {
    case TYPE(FLOAT): return s->n_float_data;
    case TYPE(DOUBLE): return s->n_double_data;
    case TYPE(INT64): return s->n_int64_data;
    case TYPE(UINT32):
    case TYPE(UINT64): return s->n_uint64_data;
    default: return s->n_int32_data;
    }
}

static nw_status convert_typed(const Onnx__TensorProto *s, nw_tensor *tensor, nw_error *err)
{
    for (int64_t i = 0; i < tensor->count; i++) {
        int64_t low = 0, high = 0, value = s->n_int32_data ? s->int32_data[i] : 0;
        switch (s->data_type) {
        case TYPE(FLOAT): ((float *)tensor->data)[i] = s->float_data[i]; continue;
        case TYPE(DOUBLE): ((float *)tensor->data)[i] = (float)s->double_data[i]; continue;
        case TYPE(FLOAT16): ((uint32_t *)tensor->data)[i] = half_bits((uint16_t)value); continue;
        case TYPE(BFLOAT16): ((uint32_t *)tensor->data)[i] = (uint32_t)(uint16_t)value << 16; continue;
        case TYPE(INT64): ((int64_t *)tensor->data)[i] = s->int64_data[i]; continue;
        case TYPE(UINT32):
        case TYPE(UINT64):
            if (s->uint64_data[i] > (s->data_type == TYPE(UINT32) ? UINT32_MAX : (uint64_t)INT64_MAX))
                return nw_fail(err, NW_UNSUPPORTED,
                               "element %" PRId64 " is %" PRIu64 ", too large for its type", i,
                               s->uint64_data[i]);
            ((int64_t *)tensor->data)[i] = (int64_t)s->uint64_data[i];
            continue;
        case TYPE(INT32): low = INT32_MIN, high = INT32_MAX; break;
        case TYPE(INT16): low = INT16_MIN, high = INT16_MAX; break;
        case TYPE(INT8): low = INT8_MIN, high = INT8_MAX; break;
        case TYPE(UINT16): high = UINT16_MAX; break;
        case TYPE(UINT8): high = UINT8_MAX; break;
        default: high = 1; break; /* BOOL */
        }
        if (value < low || value > high)
            return nw_fail(err, NW_BAD_MODEL, "element %" PRId64 " is %" PRId64 ", out of range for %s", i,
                           value, nw_dtype_name(tensor->dtype));
        nw_tensor_set(tensor, i, (double)value);
    }
    return NW_OK;
}

/* -- checks -- */

/* Blocks of a fixed size: the inner loop becomes plain vector code. */
static nw_status check_finite(const nw_tensor *tensor, nw_error *err)
{
    enum { BLOCK = 4096 };
    const uint32_t infinity = 0x7f800000, *bits = tensor->data;
    int64_t i = 0, count = tensor->count;
    for (; count - i >= BLOCK; i += BLOCK) {
        uint32_t bad = 0;
        for (int k = 0; k < BLOCK; k++) bad |= (bits[i + k] & infinity) == infinity;
        if (bad) break;
    }
    for (; i < count; i++)
        if ((bits[i] & infinity) == infinity)
            return nw_fail(err, NW_BAD_MODEL,
                           "element %" PRId64
                           " is %s; a model with such a weight has no finite result, train or "
                           "export it again",
                           i, bits[i] & 0x7fffff ? "not a number (NaN)" : "infinite");
    return NW_OK;
}

static nw_status read_shape(const Onnx__TensorProto *s, nw_shape *shape, int64_t *count, size_t *bytes,
                            nw_error *err)
{
    if (s->n_dims > NW_MAX_RANK)
        return nw_fail(err, NW_UNSUPPORTED, "has %zu dimensions; at most %d are supported", s->n_dims,
                       NW_MAX_RANK);
    *shape = (nw_shape){.rank = (int)s->n_dims};
    for (size_t i = 0; i < s->n_dims; i++) shape->dims[i] = s->dims[i];
    if (!nw_shape_count(shape, count) || !nw_mul_size((size_t)*count, raw_size(s->data_type), bytes)) {
        char text[NW_SHAPE_TEXT];
        return nw_fail(err, NW_BAD_MODEL, "its shape %s is negative or overflows",
                       nw_shape_text(shape, text, sizeof text));
    }
    return NW_OK;
}

/* -- where the data comes from; each checks how much there is before it takes memory -- */

/* A tensor of a block that protobuf-c allocated through us: no copy where the alignment is right. */
static bool adopt(void **block, nw_dtype dtype, const nw_shape *shape, int64_t count, nw_tensor **out)
{
    if (!*block || (uintptr_t)*block % NW_ALIGNMENT) return false;
    nw_tensor *tensor = nw_calloc(1, sizeof *tensor);
    if (!tensor) return false;
    atomic_init(&tensor->references, 1);
    tensor->dtype = dtype;
    tensor->shape = *shape;
    tensor->count = count;
    tensor->data = *block;
    *block = NULL;
    *out = tensor;
    return true;
}

static nw_status wrong_amount(const nw_shape *shape, size_t wanted, size_t there, const char *unit,
                              nw_error *err)
{
    char text[NW_SHAPE_TEXT];
    return nw_fail(err, NW_BAD_MODEL, "its shape %s needs %zu %s, its data has %zu; the file is damaged",
                   nw_shape_text(shape, text, sizeof text), wanted, unit, there);
}

static nw_status from_raw(Onnx__TensorProto *s, nw_dtype dtype, const nw_shape *shape, int64_t count,
                          size_t bytes, nw_tensor **out, nw_error *err)
{
    if (s->raw_data.len != bytes) return wrong_amount(shape, bytes, s->raw_data.len, "bytes", err);
    bool same = same_in_memory(s->data_type, dtype);
    void *block = s->raw_data.data;
    if (same && adopt(&block, dtype, shape, count, out)) {
        s->raw_data.data = NULL;
        s->raw_data.len = 0;
        return NW_OK;
    }
    NW_TRY(nw_tensor_new_uninitialised(dtype, shape, out, err));
    if (!same) return convert_raw(s->data_type, s->raw_data.data, *out, err);
    if (bytes) memcpy((*out)->data, s->raw_data.data, bytes);
    return NW_OK;
}

static nw_status from_typed(Onnx__TensorProto *s, nw_dtype dtype, const nw_shape *shape, int64_t count,
                            nw_tensor **out, nw_error *err)
{
    if (typed_count(s) != (size_t)count)
        return wrong_amount(shape, (size_t)count, typed_count(s), "elements", err);
    void *block = s->float_data;
    if (s->data_type == TYPE(FLOAT) && adopt(&block, dtype, shape, count, out)) {
        s->float_data = NULL;
        s->n_float_data = 0;
        return NW_OK;
    }
    NW_TRY(nw_tensor_new_uninitialised(dtype, shape, out, err));
    return convert_typed(s, *out, err);
}

static nw_status from_file(nw_onnx_external *external, const Onnx__TensorProto *s, nw_dtype dtype,
                           const nw_shape *shape, size_t bytes, nw_tensor **out, nw_error *err)
{
    uint64_t offset;
    NW_TRY(nw_onnx_external_find(external, s, bytes, &offset, err));
    NW_TRY(nw_tensor_new_uninitialised(dtype, shape, out, err));
    if (same_in_memory(s->data_type, dtype))
        return nw_onnx_external_read(external, offset, (*out)->data, bytes, err);
    unsigned char *raw = nw_alloc_aligned(bytes, 1);
    if (!raw) return nw_no_memory(err, bytes, "external data");
    nw_status status = nw_onnx_external_read(external, offset, raw, bytes, err);
    if (status == NW_OK) status = convert_raw(s->data_type, raw, *out, err);
    nw_free(raw);
    return status;
}

nw_status nw_onnx_tensor(nw_onnx_external *external, Onnx__TensorProto *source, nw_tensor **out,
                         nw_error *err)
{
    nw_dtype dtype;
    nw_shape shape;
    int64_t count;
    size_t bytes = 0;
    NW_TRY(nw_onnx_dtype(source->data_type, &dtype, err));
    NW_TRY(read_shape(source, &shape, &count, &bytes, err));
    if (source->segment)
        return nw_fail(err, NW_UNSUPPORTED, "is stored in segments, which are not supported");
    nw_tensor *tensor = NULL;
    nw_status status;
    if (source->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        status = from_file(external, source, dtype, &shape, bytes, &tensor, err);
    else if (source->has_raw_data && (source->raw_data.len || !typed_count(source)))
        status = from_raw(source, dtype, &shape, count, bytes, &tensor, err);
    else
        status = from_typed(source, dtype, &shape, count, &tensor, err);
    if (status == NW_OK && dtype == NW_F32 && !external->options->any_float)
        status = check_finite(tensor, err);
    if (status == NW_OK && dtype == NW_BOOL)
        for (int64_t i = 0; i < count; i++) ((uint8_t *)tensor->data)[i] = ((uint8_t *)tensor->data)[i] != 0;
    if (status != NW_OK) {
        nw_tensor_unref(tensor);
        return status;
    }
    *out = tensor;
    return NW_OK;
}
