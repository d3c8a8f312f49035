/* From the bytes of an ONNX file to a graph, and back.
 *
 * The way of a file: wire check (onnx_wire.c) -> protobuf-c -> tensors, attributes, graph (onnx_tensor.c,
 * onnx_external.c, onnx_attr.c, onnx_build.c) -> operators and the sidecar (onnx_load.c). Nothing in a file
 * is believed: every count and size is checked against the bytes that are there before memory is taken for
 * it.
 *
 * The way back: graph -> messages that point into it (onnx_pack.c, onnx_pack_attr.c) -> protobuf-c -> file or
 * digest (onnx_save.c).
 */
#ifndef NW_ONNX_ONNX_H
#define NW_ONNX_ONNX_H

#include "graph/model.h"
#include "onnx/digest.h"

typedef struct nw_onnx_options {
    const char *name;  /* of the file, for messages */
    const char *path;  /* of the file: external data lies beside it; NULL: external data is refused */
    size_t max_bytes;  /* of external data; 0: none */
    nw_digest *digest; /* external data is added to it; may be NULL */
    bool any_float;    /* let NaN and infinities be: for data that are no weights */
} nw_onnx_options;

/* Fills the graph and the metadata of a new model (nw_model_new). The operators of the nodes are not looked
 * up. On failure the model is to be released all the same. */
nw_status nw_onnx_parse(const unsigned char *bytes, size_t size, const nw_onnx_options *options,
                        nw_model *model, nw_error *err);

/* A TensorProto of its own, as the cases of ONNX's conformance tests hold their inputs and outputs
 * (input_0.pb). Types are as in a model: floating-point ones arrive as F32. tensor_name (nw_free) may be
 * NULL. */
nw_status nw_onnx_parse_tensor(const unsigned char *bytes, size_t size, const nw_onnx_options *options,
                               nw_tensor **out, char **tensor_name, nw_error *err);

/* Looks up the operator of every node: NW_UNSUPPORTED names the first that Narrows lacks and counts the
 * others. */
nw_status nw_onnx_resolve(nw_graph *graph, nw_error *err);

/* The facts of a JSON object as metadata: each KEY becomes `narrows.KEY` with the compact JSON text of its
 * value. */
nw_status nw_onnx_sidecar(const char *path, nw_model *model, nw_error *err);

/* Sets the digest to that of the file that nw_model_save would write: for models made in memory. */
nw_status nw_onnx_digest(nw_model *model, nw_error *err);

#endif
