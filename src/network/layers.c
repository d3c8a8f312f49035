/* The layers that networks are made of, with their parameters. */
#include "base/memory.h"
#include "network/builder.h"
#include "network/init.h"

#include <math.h>

typedef enum start { ZERO, ONE, NORMAL, UNIFORM } start;

/* The initializer NAME.PART; scale: deviation or bound of random ones. */
static nw_feature parameter(nw_builder *b, const char *name, const char *part, const nw_shape *shape,
                            start how, double scale)
{
    const char *full = nw_build_name(b, "%s.%s", name, part);
    int value = -1;
    nw_tensor *data;
    if (b->status != NW_OK) return (nw_feature){-1, 0};
    b->status = nw_graph_value(b->graph, full, &value, b->err);
    if (b->status == NW_OK && b->graph->values[value].data)
        b->status = nw_fail(b->err, NW_FAILED, "there are two parameters '%s'", full);
    if (b->status == NW_OK) b->status = nw_tensor_new_uninitialised(NW_F32, shape, &data, b->err);
    if (b->status != NW_OK) return (nw_feature){-1, 0};
    switch (how) {
    case ZERO: nw_init_constant(data, 0); break;
    case ONE: nw_init_constant(data, 1); break;
    case NORMAL: nw_init_normal(data, b->options->seed, full, scale); break;
    case UNIFORM: nw_init_uniform(data, b->options->seed, full, scale); break;
    }
    nw_graph_set_constant(b->graph, value, data);
    nw_tensor_unref(data);
    return (nw_feature){value, 0};
}

/* Attributes of a window, in ONNX's order: begins of the padding, then ends. */
static void add_window(nw_builder *b, nw_node *node, const nw_window *w)
{
    size_t axes = (size_t)b->axes;
    int64_t pads[6];
    for (size_t i = 0; i < axes; i++) pads[i] = pads[axes + i] = w->pad[i];
    nw_build_ints(b, node, "kernel_shape", axes, w->kernel);
    nw_build_ints(b, node, "strides", axes, w->stride);
    nw_build_ints(b, node, "pads", 2 * axes, pads);
}

nw_feature nw_build_conv(nw_builder *b, const char *name, nw_feature x, const nw_conv *conv)
{
    int64_t groups = conv->groups ? conv->groups : 1;
    nw_shape shape = {.rank = 2 + b->axes, .dims = {conv->channels, x.channels / groups}};
    double fan_out = (double)conv->channels; /* as PyTorch counts it: whatever the groups */
    for (int i = 0; i < b->axes; i++) {
        shape.dims[2 + i] = conv->window.kernel[i];
        fan_out *= (double)conv->window.kernel[i];
    }
    nw_feature inputs[3] = {x};
    inputs[1] = parameter(b, name, "weight", &shape, NORMAL, sqrt(2 / fan_out));
    if (conv->bias) inputs[2] = parameter(b, name, "bias", &(nw_shape){1, {conv->channels}}, ZERO, 0);
    nw_node *node;
    nw_feature y = nw_build_node(b, "Conv", name, conv->bias ? 3 : 2, inputs, conv->channels, &node);
    add_window(b, node, &conv->window);
    if (groups > 1) nw_build_int(b, node, "group", groups);
    return y;
}

nw_feature nw_build_norm(nw_builder *b, const char *name, nw_feature x, float scale)
{
    nw_shape shape = {1, {x.channels}};
    nw_feature inputs[5] = {x};
    inputs[1] = parameter(b, name, "weight", &shape, scale != 0 ? ONE : ZERO, 0);
    inputs[2] = parameter(b, name, "bias", &shape, ZERO, 0);
    inputs[3] = parameter(b, name, "running_mean", &shape, ZERO, 0);
    inputs[4] = parameter(b, name, "running_var", &shape, ONE, 0);
    /* epsilon 1e-5 and momentum 0.9 are ONNX's defaults, and PyTorch's (which writes 0.1 for the latter). */
    return nw_build_node(b, "BatchNormalization", name, 5, inputs, x.channels, NULL);
}

nw_feature nw_build_relu(nw_builder *b, const char *name, nw_feature x)
{
    return nw_build_node(b, "Relu", name, 1, &x, x.channels, NULL);
}

nw_feature nw_build_add(nw_builder *b, const char *name, nw_feature x, nw_feature y)
{
    return nw_build_node(b, "Add", name, 2, (nw_feature[]){x, y}, x.channels, NULL);
}

nw_feature nw_build_mul(nw_builder *b, const char *name, nw_feature x, nw_feature y)
{
    return nw_build_node(b, "Mul", name, 2, (nw_feature[]){x, y}, x.channels, NULL);
}

nw_feature nw_build_max_pool(nw_builder *b, const char *name, nw_feature x, nw_window window)
{
    nw_node *node;
    nw_feature y = nw_build_node(b, "MaxPool", name, 1, &x, x.channels, &node);
    add_window(b, node, &window);
    return y;
}

nw_feature nw_build_average_pool(nw_builder *b, const char *name, nw_feature x, nw_window window, bool ceil,
                                 bool include_pad)
{
    nw_node *node;
    nw_feature y = nw_build_node(b, "AveragePool", name, 1, &x, x.channels, &node);
    add_window(b, node, &window);
    if (ceil) nw_build_int(b, node, "ceil_mode", 1);
    if (include_pad) nw_build_int(b, node, "count_include_pad", 1);
    return y;
}

nw_feature nw_build_reshape(nw_builder *b, const char *name, nw_feature x, int rank, const int64_t *dims,
                            int64_t channels)
{
    nw_feature shape = nw_build_shape(b, nw_build_name(b, "%s.shape", name), rank, dims);
    return nw_build_node(b, "Reshape", name, 2, (nw_feature[]){x, shape}, channels, NULL);
}

void nw_build_split(nw_builder *b, const char *name, nw_feature x, int parts, nw_feature *out)
{
    enum { MOST = 8 };
    const char *names[MOST] = {0};
    int values[MOST];
    nw_node *node;
    for (int i = 0; i < parts; i++) names[i] = nw_build_name(b, "%s.%d", name, i);
    nw_build_nodes(b, "Split", name, 1, &x, parts, names, values, &node);
    nw_build_int(b, node, "axis", 1);
    for (int i = 0; i < parts; i++) out[i] = (nw_feature){values[i], x.channels / parts};
}

nw_feature nw_build_global_pool(nw_builder *b, const char *name, nw_feature x)
{
    return nw_build_node(b, "GlobalAveragePool", name, 1, &x, x.channels, NULL);
}

void nw_build_logits(nw_builder *b, const char *name, nw_feature x)
{
    int64_t outputs = b->options->outputs;
    nw_node *node;
    x = nw_build_global_pool(b, "avgpool", x);
    x = nw_build_node(b, "Flatten", "flatten", 1, &x, x.channels, NULL);
    double bound = 1 / sqrt((double)x.channels);
    nw_feature inputs[3] = {x};
    inputs[1] = parameter(b, name, "weight", &(nw_shape){2, {outputs, x.channels}}, UNIFORM, bound);
    inputs[2] = parameter(b, name, "bias", &(nw_shape){1, {outputs}}, UNIFORM, bound);
    nw_feature y = nw_build_node(b, "Gemm", "logits", 3, inputs, outputs, &node);
    nw_build_int(b, node, "transB", 1);
    if (b->status != NW_OK) return;
    /* The tensor is "logits", the node what the parameters are called after. */
    char *copy = nw_strdup(name), *symbol = nw_strdup("N");
    if (!copy || !symbol) {
        nw_free(copy);
        nw_free(symbol);
        b->status = nw_no_memory(b->err, sizeof *node, "the name of a node");
        return;
    }
    nw_free(node->name);
    node->name = copy;
    nw_value *logits = &b->graph->values[y.value];
    logits->has_shape = true;
    logits->shape = (nw_shape){2, {NW_DIM_DYNAMIC, outputs}};
    logits->symbols[0] = symbol;
    b->status = nw_graph_add_output(b->graph, y.value, b->err);
}
