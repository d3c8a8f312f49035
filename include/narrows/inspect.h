/* What is in a model: inputs, outputs, head, layers, cost, and which inner tensors can hold a bottleneck. */
#ifndef NARROWS_INSPECT_H
#define NARROWS_INSPECT_H

#include <narrows/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, name): what the numbers at the end mean. */
#define NW_HEAD_LIST(X)                                                                                      \
    X(SOFTMAX, "softmax")       /* one class of several */                                                   \
    X(SIGMOID, "sigmoid")       /* one logit: class 1 against class 0 */                                     \
    X(MULTILABEL, "multilabel") /* several logits, each a question of its own */                             \
    X(REGRESSION, "regression") /* the outputs are quantities */

typedef enum nw_head_kind {
#define NW_HEAD_ENUM(NAME, name) NW_HEAD_##NAME,
    NW_HEAD_LIST(NW_HEAD_ENUM)
#undef NW_HEAD_ENUM
} nw_head_kind;

NW_API const char *nw_head_name(nw_head_kind kind);

/* Strings belong to the model. */
typedef struct nw_head {
    nw_head_kind kind;
    const char *output; /* the graph's output */
    const char
        *logits;   /* the tensor to explain: the output, or the input of the Softmax or Sigmoid at its end */
    int activated; /* non-zero: the output holds probabilities, and `logits` is cut before them */
    int64_t count; /* numbers an image: classes, labels, quantities; -1 where the file leaves it open */
    char reason[192]; /* why this kind, one sentence */
} nw_head;

/* By the metadata `narrows.head`, else the last node, else the number of outputs. output NULL: the graph's
 * first. NW_BAD_INPUT for an output that does not exist (near names are given) or metadata that name no head.
 */
NW_API nw_status nw_head_detect(nw_model *model, const char *output, nw_head *out, nw_error *err);

typedef struct nw_value_info {
    const char *name; /* of the tensor */
    nw_shape shape;   /* for a batch of one; rank -1 unknown */
} nw_value_info;

/* One node with its first output. */
typedef struct nw_layer_info {
    const char *node, *op; /* name, ONNX type */
    const char *tensor;    /* first output */
    nw_shape shape;
    int64_t parameters;    /* of constant float inputs that no earlier layer has counted */
    int64_t multiply_adds; /* of Conv, ConvTranspose, Gemm, MatMul; 0 elsewhere */
} nw_layer_info;

/* A tensor that can hold a bottleneck: a feature map [1, C, H, W] (or [1, C, D, H, W]) through which every
 * path from the input to the output passes, so that no information gets around the noise. */
typedef struct nw_bottleneck_info {
    const char *name;
    nw_shape shape;
    double resolution; /* length along an axis over the input's (geometric mean of the axes) */
    int recommended;   /* one of them at most */
    char reason[192];
} nw_bottleneck_info;

/* Everything belongs to the inspection, strings of the graph to the model it holds. */
typedef struct nw_inspection {
    size_t input_count, output_count, layer_count, bottleneck_count;
    nw_value_info *inputs, *outputs;
    nw_layer_info *layers;
    nw_bottleneck_info *bottlenecks; /* in the order of the graph */
    nw_head head;
    int64_t parameters, multiply_adds; /* for one image */
    void *graph;                       /* for the library */
    nw_model *model;
} nw_inspection;

/* dimensions: values for dynamic dimensions other than the batch, as in nw_program_options; may be NULL. */
NW_API nw_status nw_inspect(nw_model *model, const nw_dimension *dimensions, size_t dimension_count,
                            nw_inspection **out, nw_error *err);
NW_API void nw_inspection_free(nw_inspection *inspection);

#ifdef __cplusplus
}
#endif
#endif
