/* Lays down the nodes of a network and makes its parameters.
 *
 * Every call takes the name of the node, which is also the name of the tensor that it makes; parameters are
 * called NAME.weight, NAME.bias, NAME.running_mean and NAME.running_var, so a builder that follows the
 * modules of a network in PyTorch gets its state_dict. The first failure sticks, later calls do nothing: a
 * family need not look at each.
 */
#ifndef NW_NETWORK_BUILDER_H
#define NW_NETWORK_BUILDER_H

#include "graph/model.h"

#include <narrows/network.h>

enum {
    NW_BUILD_OPSET = 17, /* of ONNX's operators */
    NW_BUILD_NAME = 96,  /* bytes of a name */
    NW_BUILD_NAMES = 128 /* that are valid together */
};

typedef struct nw_builder {
    nw_graph *graph;
    const nw_network_options *options;
    int axes; /* 2 or 3 */
    char names[NW_BUILD_NAMES][NW_BUILD_NAME];
    int turn;
    nw_status status;
    nw_error *err;
} nw_builder;

/* A tensor [N, channels, ...] on the way. */
typedef struct nw_feature {
    int value; /* of the graph */
    int64_t channels;
} nw_feature;

/* Sizes along (D,) H, W: the first two or all three count. */
typedef struct nw_window {
    int64_t kernel[3], stride[3], pad[3];
} nw_window;

/* The same along each axis. */
nw_window nw_build_cube(int64_t kernel, int64_t stride, int64_t pad);
/* printf into a name, valid until NW_BUILD_NAMES more are made. */
const char *nw_build_name(nw_builder *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Block i of `count` in a stage (from 0): "layer2.0", and the name of what comes out of it, which is the
 * stage's own, "layer2", after the last block. */
void nw_build_block(int stage, int i, int count, char block[NW_BUILD_NAME], char out[NW_BUILD_NAME]);
/* Channels times options.width, rounded to a multiple of 8, at least 8; as they are where the width is 1. */
int64_t nw_build_width(const nw_builder *b, int64_t channels);
/* The nearest multiple of 8 that is at least 8. */
int64_t nw_build_eighths(int64_t channels);

/* Any node with one output; attributes are added to *node (NULL after a failure). */
nw_feature nw_build_node(nw_builder *b, const char *op, const char *name, int count, const nw_feature *inputs,
                         int64_t channels, nw_node **node);
/* Any node whose outputs are the values of these names. */
void nw_build_nodes(nw_builder *b, const char *op, const char *name, int count, const nw_feature *inputs,
                    int outputs, const char *const *names, int *values, nw_node **node);
void nw_build_ints(nw_builder *b, nw_node *node, const char *name, size_t count, const int64_t *values);
void nw_build_int(nw_builder *b, nw_node *node, const char *name, int64_t value);
/* An int64 constant: a shape. */
nw_feature nw_build_shape(nw_builder *b, const char *name, int rank, const int64_t *dims);

/* -- layers -- */

typedef struct nw_conv {
    int64_t channels; /* out */
    nw_window window;
    int64_t groups; /* 0: 1 */
    bool bias;      /* starts at zero */
} nw_conv;

nw_feature nw_build_conv(nw_builder *b, const char *name, nw_feature x, const nw_conv *conv);
/* scale: what the weight starts with, 1 or 0. */
nw_feature nw_build_norm(nw_builder *b, const char *name, nw_feature x, float scale);
nw_feature nw_build_relu(nw_builder *b, const char *name, nw_feature x);
nw_feature nw_build_add(nw_builder *b, const char *name, nw_feature x, nw_feature y);
/* Broadcasts y [N, C, 1, ...]. */
nw_feature nw_build_mul(nw_builder *b, const char *name, nw_feature x, nw_feature y);
nw_feature nw_build_max_pool(nw_builder *b, const char *name, nw_feature x, nw_window window);
/* ceil: a window may begin inside and end outside; include_pad: zeros around count. */
nw_feature nw_build_average_pool(nw_builder *b, const char *name, nw_feature x, nw_window window, bool ceil,
                                 bool include_pad);
nw_feature nw_build_reshape(nw_builder *b, const char *name, nw_feature x, int rank, const int64_t *dims,
                            int64_t channels);
/* Equal parts of the channels: NAME.0, NAME.1, ... */
void nw_build_split(nw_builder *b, const char *name, nw_feature x, int parts, nw_feature *out);
nw_feature nw_build_global_pool(nw_builder *b, const char *name, nw_feature x);
/* Mean over all positions, flattened, and the last layer `name`; its result is the graph's output "logits".
 */
void nw_build_logits(nw_builder *b, const char *name, nw_feature x);

/* What the last batch-norm of a residual branch starts with. */
static inline float nw_build_residual_scale(const nw_builder *b)
{
    return b->options->zero_residual ? 0.F : 1.F;
}

#endif
