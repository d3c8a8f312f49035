/* Bytes to a model: unpacked by protobuf-c within limits. */
#include "base/memory.h"
#include "onnx/onnx_internal.h"

#include <limits.h>

/* What unpacking may take in all: a message of two bytes becomes a structure of a few hundred, so a small
 * hostile file could ask for much. Real models need little more than their size. */
enum { FREE_BYTES = 64 << 20, BYTES_A_BYTE = 12, SMALL = 1024 };

typedef struct budget {
    size_t left;
    bool exceeded, no_memory;
} budget;

static void *take(void *context, size_t size)
{
    budget *b = context;
    size_t cost = size + 16; /* what the allocator itself adds */
    if (cost < size || cost > b->left) {
        b->exceeded = true;
        return NULL;
    }
    b->left -= cost;
    /* Aligned as tensors are, so that weights can be taken over without a copy. */
    void *block = size < SMALL ? nw_realloc(NULL, size, 1) : nw_alloc_aligned(size, 1);
    if (!block) b->no_memory = true;
    return block;
}

static void give_back(void *context, void *block)
{
    (void)context;
    nw_free(block);
}

/* Checked and unpacked with the caller's allocator, whose budget is set here. */
static nw_status unpack(const unsigned char *bytes, size_t size, const ProtobufCMessageDescriptor *schema,
                        const char *name, ProtobufCAllocator *allocator, ProtobufCMessage **out,
                        nw_error *err)
{
    budget *b = allocator->allocator_data;
    if (!size) return nw_fail(err, NW_BAD_MODEL, "%s: is empty; an ONNX model was expected", name);
    if (size > INT_MAX)
        return nw_fail(
            err, NW_BAD_MODEL,
            "%s: %zu bytes; ONNX files end at 2 GiB, larger models keep their weights as external data", name,
            size);
    NW_TRY(nw_onnx_wire_check(bytes, size, schema, name, err));
    b->left = FREE_BYTES + BYTES_A_BYTE * size;
    *out = protobuf_c_message_unpack(schema, allocator, size, bytes);
    if (*out) return NW_OK;
    if (b->no_memory) return nw_no_memory(err, size, name);
    if (b->exceeded)
        return nw_fail(err, NW_BAD_MODEL,
                       "%s: would unpack to more than %d times its size; the file is damaged or hostile",
                       name, BYTES_A_BYTE);
    return nw_fail(err, NW_BAD_MODEL,
                   "%s: is not a valid ONNX model; the file is damaged: copy or export it again", name);
}

nw_status nw_onnx_parse(const unsigned char *bytes, size_t size, const nw_onnx_options *options,
                        nw_model *model, nw_error *err)
{
    budget b = {0};
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = &b};
    ProtobufCMessage *source;
    NW_TRY(unpack(bytes, size, &onnx__model_proto__descriptor, options->name, &allocator, &source, err));
    nw_onnx_external external = {.options = options, .left = options->max_bytes, .file = -1};
    nw_status status = nw_onnx_build((Onnx__ModelProto *)source, &external, model, err);
    nw_onnx_external_close(&external);
    protobuf_c_message_free_unpacked(source, &allocator);
    return status;
}

nw_status nw_onnx_parse_tensor(const unsigned char *bytes, size_t size, const nw_onnx_options *options,
                               nw_tensor **out, char **tensor_name, nw_error *err)
{
    budget b = {0};
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = &b};
    ProtobufCMessage *message;
    NW_TRY(unpack(bytes, size, &onnx__tensor_proto__descriptor, options->name, &allocator, &message, err));
    Onnx__TensorProto *source = (Onnx__TensorProto *)message;
    nw_onnx_external external = {.options = options, .left = options->max_bytes, .file = -1};
    nw_tensor *tensor = NULL;
    nw_status status = nw_onnx_tensor(&external, source, &tensor, err);
    if (status != NW_OK) nw_fail_within(err, status, "%s", options->name);
    char *name = status == NW_OK && tensor_name ? nw_strdup(source->name ? source->name : "") : NULL;
    if (status == NW_OK && tensor_name && !name) status = nw_no_memory(err, size, "the name of a tensor");
    nw_onnx_external_close(&external);
    protobuf_c_message_free_unpacked(message, &allocator);
    if (status != NW_OK) {
        nw_tensor_unref(tensor);
        return status;
    }
    *out = tensor;
    if (tensor_name) *tensor_name = name;
    return NW_OK;
}
