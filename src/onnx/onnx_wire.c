/* The encoding of a protobuf message, checked against its schema. */
#include "onnx/onnx_internal.h"

enum {
    MOST_NESTED = 100, /* messages; as deep as other readers of protobuf go */
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_LENGTH = 2,
    WIRE_32 = 5
};

typedef struct scan {
    const unsigned char *start;
    const char *name;
    nw_error *err;
} scan;

static nw_status damaged(const scan *s, const unsigned char *at, const ProtobufCMessageDescriptor *schema,
                         const char *what)
{
    return nw_fail(
        s->err, NW_BAD_MODEL,
        "%s: byte %td (in %s): %s; the file is cut off, damaged or not an ONNX model: copy or export it "
        "again",
        s->name, at - s->start, schema->short_name, what);
}

/* Advances *p behind a number of at most `most` bytes. */
static bool read_varint(const unsigned char **p, const unsigned char *end, int most, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < most && *p < end; i++) {
        unsigned char byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* The index of a field number, or -1. Fields are sorted by it. */
static int find_field(const ProtobufCMessageDescriptor *schema, uint64_t number)
{
    unsigned low = 0, high = schema->n_fields;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (schema->fields[middle].id < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < schema->n_fields && schema->fields[low].id == number ? (int)low : -1;
}

static bool wire_fits(const ProtobufCFieldDescriptor *field, unsigned wire)
{
    unsigned wanted;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return wire == WIRE_LENGTH;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32: wanted = WIRE_32; break;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: wanted = WIRE_64; break;
    default: wanted = WIRE_VARINT; break;
    }
    /* A repeated number may come one by one or packed, whatever the schema says. */
    return wire == wanted || (wire == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED);
}

static nw_status scan_message(const scan *s, const unsigned char *p, const unsigned char *end,
                              const ProtobufCMessageDescriptor *schema, int depth)
{
    uint64_t seen = 0; /* messages that may be there once */
    while (p < end) {
        const unsigned char *at = p;
        uint64_t tag, value;
        if (!read_varint(&p, end, 5, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
            return damaged(s, at, schema, "a field with an impossible number");
        unsigned wire = (unsigned)(tag & 7);
        int index = find_field(schema, tag >> 3);
        const ProtobufCFieldDescriptor *field = index < 0 ? NULL : &schema->fields[index];
        if (field && !wire_fits(field, wire))
            return damaged(s, at, schema, "a field of another type than it has");
        size_t length = 0;
        switch (wire) {
        case WIRE_VARINT:
            if (!read_varint(&p, end, 10, &value)) return damaged(s, at, schema, "a number without an end");
            break;
        case WIRE_64: length = 8; break;
        case WIRE_32: length = 4; break;
        case WIRE_LENGTH:
            if (!read_varint(&p, end, 5, &value)) return damaged(s, at, schema, "a length without an end");
            if (value > (uint64_t)(end - p))
                return damaged(s, at, schema, "a field that is longer than the bytes that are left");
            length = (size_t)value;
            break;
        default: return damaged(s, at, schema, "a field of a kind that ONNX does not use");
        }
        if (length > (size_t)(end - p))
            return damaged(s, at, schema, "a field that is longer than the bytes that are left");
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
            uint64_t bit = UINT64_C(1) << (index & 63);
            if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit))
                return damaged(s, at, schema, "a part that is given twice");
            seen |= bit;
            if (depth + 1 >= MOST_NESTED)
                return nw_fail(
                    s->err, NW_BAD_MODEL,
                    "%s: byte %td (in %s): more than %d parts lie inside one another, which no model needs",
                    s->name, at - s->start, schema->short_name, MOST_NESTED);
            NW_TRY(scan_message(s, p, p + length, field->descriptor, depth + 1));
        }
        p += length;
    }
    return NW_OK;
}

nw_status nw_onnx_wire_check(const unsigned char *bytes, size_t size,
                             const ProtobufCMessageDescriptor *schema, const char *name, nw_error *err)
{
    const scan s = {.start = bytes, .name = name, .err = err};
    return scan_message(&s, bytes, bytes + size, schema, 0);
}
