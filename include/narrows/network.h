/* Networks to be trained: architectures by name as ONNX graphs, and a new last layer for a network that there
 * is.
 */
#ifndef NARROWS_NETWORK_H
#define NARROWS_NETWORK_H

#include <narrows/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_network_info {
    const char *name;       /* "resnet18" */
    int dims;               /* axes of the input: 2 (H, W) or 3 (D, H, W) */
    const char *text;       /* one sentence, with its source */
    const char *bottleneck; /* the tensor at an eighth of the input's resolution: where a bottleneck goes */
} nw_network_info;

NW_API size_t nw_network_count(void);
/* NULL from nw_network_count on. */
NW_API const nw_network_info *nw_network_at(size_t i);

/* Zero-initialise, then fill in what has no default. */
typedef struct nw_network_options {
    const char *arch;  /* a name of the table */
    double width;      /* factor of every channel count inside, up to 16; 0: 1. The products are rounded to
                          multiples of 8, and are at least 8 */
    int64_t channels;  /* of the input */
    int64_t size[3];   /* H, W or D, H, W */
    int64_t outputs;   /* numbers an image, without a final activation */
    uint64_t seed;     /* of the weights */
    int zero_residual; /* non-zero: the last batch-norm of each residual branch starts with a scale of zero,
                          so that each block starts as the identity (Goyal et al. 2017, section 5.1) */
} nw_network_options;

/* A network with fresh weights: input "input" [N, channels, (D,) H, W], output "logits" [N, outputs], both
 * float32 with an open batch N. Batch-norms are nodes of their own. Convolutions start as He et al. (2015)
 * propose, over fan_out; the last layer uniform within 1 / sqrt(fan_in). Each parameter depends on the seed
 * and its own name alone. The metadata `narrows.bottleneck` names the tensor of the table; what the outputs
 * mean (`narrows.head`, `narrows.classes`) the caller adds with nw_model_annotate. NW_BAD_INPUT for options
 * out of range, or an input too small for the architecture. */
NW_API nw_status nw_network_build(const nw_network_options *options, nw_model **out, nw_error *err);

/* The network `from`, weights and all, with a new last layer: `outputs` numbers an image without a final
 * activation, as the only output "logits" [N, outputs]; weights and bias uniform within 1 / sqrt(inputs of
 * the layer), as in a new network. Found by its structure: the Gemm, MatMul (with an Add) or 1x1 Conv (before
 * or behind the mean over all positions) that ends the way to the first output; what comes after it, and
 * other outputs, are left out. The parameters keep their names. Metadata about the old outputs
 * (`narrows.head`, `narrows.classes`) are left out, the others kept. NW_UNSUPPORTED where the graph ends in
 * something else, which the error names. */
NW_API nw_status nw_network_new_head(nw_model *from, int64_t outputs, uint64_t seed, nw_model **out,
                                     nw_error *err);

/* The network `from`, weights and all, for images of another size: `size` is H, W or D, H, W, as the input
 * has axes; layers and metadata stay as they are. NW_BAD_INPUT for sizes out of range; NW_UNSUPPORTED where
 * the layers are tied to the old size (a matrix over all positions, a fixed Reshape), which the error
 * explains. Outputs after the first no longer declare a shape. *out is one reference. */
NW_API nw_status nw_network_resize(nw_model *from, const int64_t *size, nw_model **out, nw_error *err);

/* Several networks as one, which gives the mean of what they give: of their logits, that is the geometric mean
 * of their probabilities. Each keeps its layers and weights; what they see of the image at one depth, `layer`
 * (a tensor [N, C, ...] that each of them has; NULL: the one that its metadata `narrows.bottleneck` names),
 * is one tensor "joined" [N, C1 + C2 + ..., ...] of the result, so that a bottleneck there limits what all of
 * them together know. So is their last map with positions, "joined.last", for Grad-CAM. They must agree in
 * their input, its preprocessing, their classes, what the outputs mean, and the opset. Metadata are those of
 * the first, without `narrows.training`, and `narrows.members` with the digest and the training of each.
 * count: 2 to 64. NW_BAD_INPUT names who differs, and in what. *out is one reference. */
NW_API nw_status nw_network_join(nw_model *const *members, size_t count, const char *layer, nw_model **out,
                                 nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
