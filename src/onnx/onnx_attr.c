/* AttributeProto to attribute. */
#include "base/memory.h"
#include "onnx/onnx_internal.h"

#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

enum { MOST_ATTRIBUTES = 256 }; /* a node; looking one up is linear */

/* Files from before the type was written: by the field that is there. */
static int guess_type(const Onnx__AttributeProto *s)
{
    if (s->has_f) return TYPE(FLOAT);
    if (s->has_i) return TYPE(INT);
    if (s->has_s) return TYPE(STRING);
    if (s->t) return TYPE(TENSOR);
    if (s->n_floats) return TYPE(FLOATS);
    if (s->n_ints) return TYPE(INTS);
    if (s->n_strings) return TYPE(STRINGS);
    return TYPE(UNDEFINED);
}

static nw_attr_kind kind_of(int type)
{
    switch (type) {
    case TYPE(FLOAT): return NW_ATTR_FLOAT;
    case TYPE(INT): return NW_ATTR_INT;
    case TYPE(STRING): return NW_ATTR_STRING;
    case TYPE(TENSOR): return NW_ATTR_TENSOR;
    case TYPE(FLOATS): return NW_ATTR_FLOATS;
    case TYPE(INTS): return NW_ATTR_INTS;
    case TYPE(STRINGS): return NW_ATTR_STRINGS;
    default: return NW_ATTR_OTHER;
    }
}

static char *copy_text(const ProtobufCBinaryData *s)
{
    return nw_strndup(s->data ? (const char *)s->data : "", s->data ? s->len : 0);
}

/* An array of protobuf-c's, as the attribute's own. */
static bool copy_array(const void *source, size_t count, size_t size, void **out)
{
    *out = nw_calloc(count, size);
    if (*out && count) memcpy(*out, source, count * size);
    return *out != NULL;
}

static bool fill(nw_attr *attr, const Onnx__AttributeProto *s)
{
    switch (attr->kind) {
    case NW_ATTR_FLOAT: attr->f = s->has_f ? s->f : 0; return true;
    case NW_ATTR_INT: attr->i = s->has_i ? s->i : 0; return true;
    case NW_ATTR_STRING: return (attr->s = copy_text(&s->s)) != NULL;
    case NW_ATTR_FLOATS:
        attr->count = s->n_floats;
        return copy_array(s->floats, s->n_floats, sizeof(float), (void **)&attr->floats);
    case NW_ATTR_INTS:
        attr->count = s->n_ints;
        return copy_array(s->ints, s->n_ints, sizeof(int64_t), (void **)&attr->ints);
    case NW_ATTR_STRINGS:
        attr->strings = nw_calloc(s->n_strings, sizeof(char *));
        if (!attr->strings) return false;
        attr->count = s->n_strings;
        for (size_t i = 0; i < s->n_strings; i++)
            if (!(attr->strings[i] = copy_text(&s->strings[i]))) return false;
        return true;
    case NW_ATTR_TENSOR:
    case NW_ATTR_OTHER: break;
    }
    return true;
}

nw_status nw_onnx_attr(nw_onnx_external *external, nw_node *node, Onnx__AttributeProto *source, nw_error *err)
{
    if (!source->name || !source->name[0]) return nw_fail(err, NW_BAD_MODEL, "an attribute has no name");
    if (node->attr_count >= MOST_ATTRIBUTES)
        return nw_fail(err, NW_BAD_MODEL, "has more than %d attributes", MOST_ATTRIBUTES);
    int type = source->has_type && source->type != TYPE(UNDEFINED) ? (int)source->type : guess_type(source);
    if (source->ref_attr_name && source->ref_attr_name[0]) type = TYPE(UNDEFINED);
    nw_attr *attr;
    NW_TRY(nw_node_add_attr(node, source->name, kind_of(type), &attr, err));
    if (!fill(attr, source)) return nw_no_memory(err, sizeof *attr, "an attribute");
    if (attr->kind != NW_ATTR_TENSOR) return NW_OK;
    nw_status status = source->t ? nw_onnx_tensor(external, source->t, &attr->t, err)
                                 : nw_fail(err, NW_BAD_MODEL, "holds no tensor");
    return status == NW_OK ? NW_OK : nw_fail_within(err, status, "attribute '%.80s'", source->name);
}
