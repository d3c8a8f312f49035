/* Attributes and tensors as messages. */
#include "onnx/onnx_pack.h"

#include "base/error.h"

#include <string.h>

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

int nw_pack_dtype(nw_dtype dtype)
{
    switch (dtype) {
    case NW_F32: return TYPE(FLOAT);
    case NW_F64: return TYPE(DOUBLE);
    case NW_I64: return TYPE(INT64);
    case NW_I32: return TYPE(INT32);
    case NW_I16: return TYPE(INT16);
    case NW_I8: return TYPE(INT8);
    case NW_U16: return TYPE(UINT16);
    case NW_U8: return TYPE(UINT8);
    case NW_BOOL: return TYPE(BOOL);
    case NW_BF16: return TYPE(BFLOAT16);
    }
    return TYPE(UNDEFINED);
}

/* The reader has made float32 of all real numbers and int64 of the wider unsigned ones, weights and inputs
 * alike; a cast that still named the old type would no longer fit them. */
static int64_t kept_type(int64_t type)
{
    switch (type) {
    case TYPE(FLOAT16):
    case TYPE(BFLOAT16):
    case TYPE(DOUBLE): return TYPE(FLOAT);
    case TYPE(UINT32):
    case TYPE(UINT64): return TYPE(INT64);
    default: return type;
    }
}

/* raw_data points at the tensor's own bytes. */
Onnx__TensorProto *nw_pack_tensor(nw_pack *pack, const nw_tensor *tensor, const char *name)
{
    Onnx__TensorProto *out = nw_pack_take(pack, 1, sizeof *out);
    if (!out) return NULL;
    onnx__tensor_proto__init(out);
    out->name = (char *)(uintptr_t)name; /* protobuf-c has no const; packing writes nothing */
    out->n_dims = (size_t)tensor->shape.rank;
    out->dims = (int64_t *)(uintptr_t)tensor->shape.dims;
    out->has_data_type = 1;
    out->data_type = nw_pack_dtype(tensor->dtype);
    out->has_raw_data = 1;
    out->raw_data.len = (size_t)tensor->count * nw_dtype_size(tensor->dtype);
    out->raw_data.data = tensor->data;
    return out;
}

static ProtobufCBinaryData text(const char *s)
{
    return (ProtobufCBinaryData){.len = strlen(s), .data = (uint8_t *)(uintptr_t)s};
}

static nw_status no_memory(nw_error *err)
{
    return nw_no_memory(err, sizeof(Onnx__AttributeProto), "the attributes of a node");
}

nw_status nw_pack_attr(nw_pack *pack, const nw_node *node, const nw_attr *attr, Onnx__AttributeProto *out,
                       nw_error *err)
{
    onnx__attribute_proto__init(out);
    out->name = attr->name;
    out->has_type = 1;
    switch (attr->kind) {
    case NW_ATTR_FLOAT:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        out->has_f = 1;
        out->f = attr->f;
        return NW_OK;
    case NW_ATTR_INT:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        out->has_i = 1;
        out->i = strcmp(node->op_type, "Cast") == 0 && strcmp(attr->name, "to") == 0 ? kept_type(attr->i)
                                                                                     : attr->i;
        return NW_OK;
    case NW_ATTR_STRING:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        out->has_s = 1;
        out->s = text(attr->s);
        return NW_OK;
    case NW_ATTR_TENSOR:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        out->t = nw_pack_tensor(pack, attr->t, NULL);
        return out->t ? NW_OK : no_memory(err);
    case NW_ATTR_FLOATS:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        out->n_floats = attr->count;
        out->floats = attr->floats;
        return NW_OK;
    case NW_ATTR_INTS:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        out->n_ints = attr->count;
        out->ints = attr->ints;
        return NW_OK;
    case NW_ATTR_STRINGS:
        out->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
        out->n_strings = attr->count;
        out->strings = nw_pack_take(pack, attr->count, sizeof *out->strings);
        if (!out->strings) return no_memory(err);
        for (size_t i = 0; i < attr->count; i++) out->strings[i] = text(attr->strings[i]);
        return NW_OK;
    case NW_ATTR_OTHER: break;
    }
    return nw_fail(err, NW_UNSUPPORTED,
                   "attribute '%.80s' is a graph or another thing that was not kept when the model was read; "
                   "the model cannot be written",
                   attr->name);
}
