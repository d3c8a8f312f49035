/* nw_model_save, and the digest of a model that was made in memory: both are the bytes of the same file. */
#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx.h"
#include "onnx/onnx_pack.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef void (*take_bytes)(void *user, const void *data, size_t size);

/* protobuf-c hands the bytes out in pieces, so the weights are never in memory twice. */
typedef struct sink {
    ProtobufCBuffer base;
    take_bytes take;
    void *user;
} sink;

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    sink *s = (sink *)buffer;
    s->take(s->user, data, size);
}

static nw_status too_large(size_t size, nw_error *err)
{
    return nw_fail(err, NW_UNSUPPORTED, "would be %zu bytes; ONNX files end at 2 GiB", size);
}

static nw_status hand_out(const Onnx__ModelProto *message, take_bytes take, void *user, nw_error *err)
{
    size_t size = onnx__model_proto__get_packed_size(message);
    if (size > INT_MAX) return too_large(size, err);
    sink s = {.base = {.append = append}, .take = take, .user = user};
    onnx__model_proto__pack_to_buffer(message, &s.base);
    return NW_OK;
}

static void to_file(void *user, const void *data, size_t size)
{
    nw_output_write(user, data, size);
}

nw_status nw_model_save(const nw_model *model, const char *path, nw_error *err)
{
    nw_error own; /* messages are put together from others */
    if (!err) err = &own;
    nw_pack pack = {0};
    Onnx__ModelProto message;
    nw_output out = {0};
    nw_status status = nw_pack_model(&pack, model, &message, err);
    if (status != NW_OK) nw_fail_within(err, status, "%s", path);
    if (status == NW_OK) status = nw_output_open(path, &out, err);
    if (status == NW_OK) {
        status = hand_out(&message, to_file, &out, err);
        if (status == NW_OK) {
            status = nw_output_commit(&out, err);
        } else {
            nw_fail_within(err, status, "%s", path);
            nw_output_discard(&out);
        }
    }
    nw_pack_clear(&pack);
    return status;
}

static void to_digest(void *user, const void *data, size_t size)
{
    nw_digest_add(user, data, size);
}

nw_status nw_onnx_digest(nw_model *model, nw_error *err)
{
    nw_error own;
    if (!err) err = &own;
    nw_pack pack = {0};
    Onnx__ModelProto message;
    nw_digest digest;
    char text[sizeof model->digest];
    nw_digest_start(&digest, NULL, 0);
    nw_status status = nw_pack_model(&pack, model, &message, err);
    if (status == NW_OK) status = hand_out(&message, to_digest, &digest, err);
    nw_digest_finish(&digest, text);
    if (status == NW_OK)
        memcpy(model->digest, text, sizeof text);
    else
        nw_fail_within(err, status, "%s", model->path);
    nw_pack_clear(&pack);
    return status;
}

nw_status nw_model_annotate(nw_model *model, const char *key, const char *value, nw_error *err)
{
    if (!key[0]) return nw_fail(err, NW_BAD_INPUT, "%s: metadata need a key", model->path);
    NW_TRY(nw_model_set_metadata(model, key, value, err));
    return nw_onnx_digest(model, err);
}
