/* Names, nodes and attributes; the layers are in layers.c. */
#include "network/builder.h"

#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Remembers the first failure. */
static bool ok(nw_builder *b, nw_status status)
{
    if (b->status == NW_OK) b->status = status;
    return b->status == NW_OK;
}

nw_window nw_build_cube(int64_t kernel, int64_t stride, int64_t pad)
{
    return (nw_window){
        .kernel = {kernel, kernel, kernel}, .stride = {stride, stride, stride}, .pad = {pad, pad, pad}};
}

const char *nw_build_name(nw_builder *b, const char *format, ...)
{
    char *text = b->names[b->turn++ % NW_BUILD_NAMES];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, NW_BUILD_NAME, format, args);
    va_end(args);
    if (length < 0 || length >= NW_BUILD_NAME)
        ok(b, nw_fail(b->err, NW_FAILED, "the name '%s...' is too long", text));
    return text;
}

void nw_build_block(int stage, int i, int count, char block[NW_BUILD_NAME], char out[NW_BUILD_NAME])
{
    snprintf(block, NW_BUILD_NAME, "layer%d.%d", stage + 1, i);
    if (i + 1 == count)
        snprintf(out, NW_BUILD_NAME, "layer%d", stage + 1);
    else
        memcpy(out, block, NW_BUILD_NAME);
}

int64_t nw_build_eighths(int64_t channels)
{
    int64_t eighths = (channels + 4) / 8;
    return eighths < 1 ? 8 : 8 * eighths;
}

int64_t nw_build_width(const nw_builder *b, int64_t channels)
{
    double width = b->options->width;
    if (width == 1) return channels;
    return nw_build_eighths((int64_t)llround((double)channels * width));
}

void nw_build_nodes(nw_builder *b, const char *op, const char *name, int count, const nw_feature *inputs,
                    int outputs, const char *const *names, int *values, nw_node **node)
{
    enum { MOST = 8 };
    int from[MOST];
    nw_node *made = NULL;
    if (count > MOST) ok(b, nw_fail(b->err, NW_FAILED, "a node with more than %d inputs", MOST));
    for (int i = 0; b->status == NW_OK && i < count; i++) from[i] = inputs[i].value;
    for (int i = 0; i < outputs; i++) {
        values[i] = -1;
        if (b->status == NW_OK) ok(b, nw_graph_value(b->graph, names[i], &values[i], b->err));
    }
    if (b->status == NW_OK)
        ok(b, nw_graph_add_node(b->graph, op, "", NW_BUILD_OPSET, name, count, from, outputs, values, &made,
                                b->err));
    if (node) *node = b->status == NW_OK ? made : NULL;
}

nw_feature nw_build_node(nw_builder *b, const char *op, const char *name, int count, const nw_feature *inputs,
                         int64_t channels, nw_node **node)
{
    int value;
    nw_build_nodes(b, op, name, count, inputs, 1, &name, &value, node);
    return (nw_feature){value, channels};
}

void nw_build_int(nw_builder *b, nw_node *node, const char *name, int64_t value)
{
    nw_attr *attr;
    if (b->status == NW_OK && ok(b, nw_node_add_attr(node, name, NW_ATTR_INT, &attr, b->err)))
        attr->i = value;
}

void nw_build_ints(nw_builder *b, nw_node *node, const char *name, size_t count, const int64_t *values)
{
    nw_attr *attr;
    if (b->status != NW_OK || !ok(b, nw_node_add_attr(node, name, NW_ATTR_INTS, &attr, b->err))) return;
    attr->ints = nw_calloc(count, sizeof *attr->ints);
    if (!attr->ints) {
        ok(b, nw_no_memory(b->err, count * sizeof *attr->ints, "an attribute"));
        return;
    }
    memcpy(attr->ints, values, count * sizeof *values);
    attr->count = count;
}

nw_feature nw_build_shape(nw_builder *b, const char *name, int rank, const int64_t *dims)
{
    int value = -1;
    nw_tensor *data;
    if (b->status != NW_OK || !ok(b, nw_graph_value(b->graph, name, &value, b->err)) ||
        !ok(b, nw_tensor_new(NW_I64, 1, (int64_t[]){rank}, &data, b->err)))
        return (nw_feature){-1, 0};
    memcpy(data->data, dims, (size_t)rank * sizeof *dims);
    nw_graph_set_constant(b->graph, value, data);
    nw_tensor_unref(data);
    return (nw_feature){value, 0};
}
