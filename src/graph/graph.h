/* A network as a graph: values (tensors by name) and nodes (operators) in topological order.
 *
 * nw_graph_new, then add values and nodes; nw_graph_finish sorts and checks. After that a graph of a model is
 * immutable; passes work on a clone (constants are shared).
 */
#ifndef NW_GRAPH_GRAPH_H
#define NW_GRAPH_GRAPH_H

#include "base/strmap.h"
#include "graph/act.h"
#include "tensor/tensor.h"

struct nw_op;

/* A value. `dims` of graph inputs may hold NW_DIM_DYNAMIC where the file gives a name or nothing. */
enum { NW_DIM_DYNAMIC = -1 };

typedef struct nw_value {
    char *name;
    nw_dtype dtype;
    bool has_shape;
    nw_shape shape;             /* as far as the file or the inference gives it */
    char *symbols[NW_MAX_RANK]; /* of an input or output: the name of a dynamic dimension, or NULL */
    nw_tensor *data;            /* a constant, or NULL */
    int producer;               /* node, or -1 */
} nw_value;

typedef enum nw_attr_kind {
    NW_ATTR_FLOAT,
    NW_ATTR_INT,
    NW_ATTR_STRING,
    NW_ATTR_TENSOR,
    NW_ATTR_FLOATS,
    NW_ATTR_INTS,
    NW_ATTR_STRINGS,
    NW_ATTR_OTHER
} nw_attr_kind;

typedef struct nw_attr {
    char *name;
    nw_attr_kind kind;
    float f;
    int64_t i;
    char *s; /* zero-terminated copy */
    nw_tensor *t;
    size_t count; /* of floats, ints or strings */
    float *floats;
    int64_t *ints;
    char **strings;
} nw_attr;

typedef struct nw_node {
    char *name;             /* the file's, or made from the type and the first output; never empty */
    char *op_type;          /* "Conv" */
    char *domain;           /* "" is the ONNX one */
    int opset;              /* version of that domain in the model; 0 where the model imports none */
    const struct nw_op *op; /* NULL: unknown to Narrows */
    int input_count, output_count;
    int *inputs, *outputs; /* value indices; -1 stands for an omitted optional one */
    size_t attr_count;
    nw_attr *attrs;
    /* Set by fusion (engine/fuse.c), for the fast path alone: the last input is added to the result, then the
     * activation is applied. */
    bool fused_add;
    nw_act act;
    bool narrow; /* only convolutions read the result: it may be kept in bfloat16 */
} nw_node;

typedef struct nw_graph {
    char *name; /* of the file, for messages */
    size_t value_count, value_capacity;
    nw_value *values;
    size_t node_count, node_capacity;
    nw_node *nodes; /* topological after nw_graph_finish */
    size_t input_count, input_capacity;
    int *inputs; /* true inputs: no constants */
    size_t output_count, output_capacity;
    int *outputs;
    nw_strmap by_name; /* value names */
} nw_graph;

nw_status nw_graph_new(const char *name, nw_graph **out, nw_error *err);
void nw_graph_free(nw_graph *graph);
nw_status nw_graph_clone(const nw_graph *graph, nw_graph **out, nw_error *err);

/* The value of that name, made where there is none (dtype F32, no shape). "" gives -1: an omitted input. */
nw_status nw_graph_value(nw_graph *graph, const char *name, int *out, nw_error *err);
/* The value of that name or -1. */
int nw_graph_find(const nw_graph *graph, const char *name);
nw_status nw_graph_add_input(nw_graph *graph, int value, nw_error *err);
nw_status nw_graph_add_output(nw_graph *graph, int value, nw_error *err);
/* Makes a value a constant; takes a reference. */
void nw_graph_set_constant(nw_graph *graph, int value, nw_tensor *data);
/* Adds a node with its input and output values. The node's op is looked up in the table of operators by the
 * caller (nw_op_find). The returned pointer is valid until the next node is added. */
nw_status nw_graph_add_node(nw_graph *graph, const char *op_type, const char *domain, int opset,
                            const char *name, int input_count, const int *inputs, int output_count,
                            const int *outputs, nw_node **out, nw_error *err);
/* The same node, of this graph or another, attributes and all, under another name and between other values.
 */
nw_status nw_graph_add_copy(nw_graph *graph, const nw_node *source, const char *name, const int *inputs,
                            const int *outputs, nw_error *err);
/* Adds an empty attribute to fill in; what it points to then belongs to the node (nw_free, nw_tensor_unref).
 * NW_BAD_MODEL where the node has one of that name. The pointer is valid until the next one is added. */
nw_status nw_node_add_attr(nw_node *node, const char *name, nw_attr_kind kind, nw_attr **out, nw_error *err);

/* Sorts the nodes topologically (those already in order keep it) and checks: one producer a value, no cycle,
 * every input and every output of the graph produced, constant or a graph input. NW_BAD_MODEL otherwise,
 * naming the node. */
nw_status nw_graph_finish(nw_graph *graph, nw_error *err);

/* Removes the nodes that no output of the graph depends on (the producer of a constant is not needed for it)
 * and the values that nothing refers to any more, then finishes the graph. Inputs of the graph stay. Indices
 * of values change. */
nw_status nw_graph_prune(nw_graph *graph, nw_error *err);
/* Leaves the node without attributes. */
void nw_node_clear_attrs(nw_node *node);
/* Release what they hold; for the files of this folder. */
void nw_value_clear(nw_value *value);
void nw_node_clear(nw_node *node);

const nw_attr *nw_node_attr(const nw_node *node, const char *name);
int64_t nw_node_int(const nw_node *node, const char *name, int64_t otherwise);
float nw_node_float(const nw_node *node, const char *name, float otherwise);
const char *nw_node_string(const nw_node *node, const char *name, const char *otherwise);
/* NULL and *count = 0 where the attribute is missing. */
const int64_t *nw_node_ints(const nw_node *node, const char *name, size_t *count);

/* For messages about a name that is not in the graph: up to three names of inner tensors that may have been
 * meant, nearest first, as "'a', 'b' or 'c'"; "" where nothing is near. A node's name counts as its first
 * output's. Returns text. */
enum { NW_SUGGEST_TEXT = 512 };
char *nw_graph_suggest(const nw_graph *graph, const char *name, char *text, size_t size);

/* "node 37 'layer4.1.conv2' (Conv)" */
enum { NW_NODE_TEXT = 256 };
char *nw_node_text(const nw_graph *graph, const nw_node *node, char text[NW_NODE_TEXT]);
/* Fails with the graph's name and that in front: "model.onnx: node 37 'layer4.1.conv2' (Conv): ...". */
nw_status nw_node_fail(nw_error *err, nw_status status, const nw_graph *graph, const nw_node *node,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
