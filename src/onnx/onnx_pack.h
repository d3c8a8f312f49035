/* A model as the message that its file holds. */
#ifndef NW_ONNX_PACK_H
#define NW_ONNX_PACK_H

#include "graph/model.h"

#include <onnx/onnx.pb-c.h>

/* Many small pieces of memory that are released together. */
typedef struct nw_pack {
    void **blocks;
    size_t count, capacity;
    bool no_memory; /* a piece could not be had */
} nw_pack;

/* The message points into the model and into the pack, and is valid as long as both. NW_UNSUPPORTED for what
 * the reader of models did not keep (attributes that are graphs), named with its node. Call nw_pack_clear in
 * every case. */
nw_status nw_pack_model(nw_pack *pack, const nw_model *model, Onnx__ModelProto *out, nw_error *err);
void nw_pack_clear(nw_pack *pack);

/* The parts that the two files share. Zeroed memory; NULL when there is none. */
void *nw_pack_take(nw_pack *pack, size_t count, size_t size);
/* TensorProto.DataType */
int nw_pack_dtype(nw_dtype dtype);
/* name may be NULL; NULL when memory is out. */
Onnx__TensorProto *nw_pack_tensor(nw_pack *pack, const nw_tensor *tensor, const char *name);
nw_status nw_pack_attr(nw_pack *pack, const nw_node *node, const nw_attr *attr, Onnx__AttributeProto *out,
                       nw_error *err);

#endif
