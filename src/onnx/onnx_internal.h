/* What the files of the ONNX reader share. */
#ifndef NW_ONNX_INTERNAL_H
#define NW_ONNX_INTERNAL_H

#include "onnx/onnx.h"

#include <onnx/onnx.pb-c.h>

/* Where a file's external data is, and how much of it may still be read. */
typedef struct nw_onnx_external {
    const nw_onnx_options *options;
    size_t left;    /* bytes */
    char *location; /* of the open file, as the model writes it */
    int file;       /* -1: none is open */
    uint64_t size;  /* of the open file */
} nw_onnx_external;

/* Checks the encoding of a message before protobuf-c unpacks it: lengths within their surroundings, wire
 * types as the schema wants them, no message inside more than a hundred others (unpacking recurses), none
 * that should be there once given twice (merging those takes quadratic time). */
nw_status nw_onnx_wire_check(const unsigned char *bytes, size_t size,
                             const ProtobufCMessageDescriptor *schema, const char *name, nw_error *err);

/* The element type in which Narrows keeps an ONNX type: floating-point ones as F32, uint32 and uint64 as I64.
 * NW_UNSUPPORTED for others. */
nw_status nw_onnx_dtype(int data_type, nw_dtype *out, nw_error *err);

/* A tensor with all its data, finite. May take the bytes out of `source`. Messages carry no place. */
nw_status nw_onnx_tensor(nw_onnx_external *external, Onnx__TensorProto *source, nw_tensor **out,
                         nw_error *err);

/* A range of a file beside the model that holds exactly `size` bytes of a tensor: checks it and leaves the
 * file open for nw_onnx_external_read, so that memory is taken only for what is there. */
nw_status nw_onnx_external_find(nw_onnx_external *external, const Onnx__TensorProto *source, size_t size,
                                uint64_t *offset, nw_error *err);
nw_status nw_onnx_external_read(nw_onnx_external *external, uint64_t offset, void *data, size_t size,
                                nw_error *err);
void nw_onnx_external_close(nw_onnx_external *external);

/* Adds an attribute to a node. Messages carry no place. */
nw_status nw_onnx_attr(nw_onnx_external *external, nw_node *node, Onnx__AttributeProto *source,
                       nw_error *err);

nw_status nw_onnx_build(Onnx__ModelProto *source, nw_onnx_external *external, nw_model *model, nw_error *err);

#endif
