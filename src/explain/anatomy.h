/* What a model looks like to an explanation: head, and which tensors every path to the output passes through.
 */
#ifndef NW_EXPLAIN_ANATOMY_H
#define NW_EXPLAIN_ANATOMY_H

#include "graph/model.h"

#include <narrows/inspect.h>

typedef struct nw_anatomy {
    nw_graph
        *graph; /* a clone in which all shapes are known, for a batch of one; its output is head.logits */
    bool *live; /* [node_count] */
    nw_head head;
    int image, logits; /* values; image: the first true input */
    size_t bottleneck_count;
    nw_bottleneck_info *bottlenecks; /* names belong to the graph */
} nw_anatomy;

/* output NULL: the first. */
nw_status nw_anatomy_new(nw_model *model, const char *output, const nw_dimension *dimensions,
                         size_t dimension_count, nw_anatomy *out, nw_error *err);
void nw_anatomy_clear(nw_anatomy *anatomy);

/* head.c: as nw_head_detect, with the shapes of `graph` (the model's own or a specialised clone). */
nw_status nw_head_of(nw_model *model, const nw_graph *graph, const char *output, nw_head *out, nw_error *err);
/* The value of a metadata key, without the quotes where it is a JSON string. NULL where there is none;
 * otherwise to be freed. */
nw_status nw_metadata_text(const nw_model *model, const char *key, char **out, nw_error *err);

/* candidates.c. cut[value_count]: every path from the graph's inputs to the value `to` passes through. */
nw_status nw_graph_cuts(const nw_graph *graph, const bool *live, int to, bool *cut, nw_error *err);
/* The feature maps among them, with one recommended: `wanted` (may be NULL) where it is one. */
nw_status nw_candidates(const nw_graph *graph, const bool *live, int image, int to, const char *wanted,
                        nw_bottleneck_info **out, size_t *count, nw_error *err);
/* Whether the value comes out of an activation (or of pooling or concatenation of such). */
bool nw_is_activated(const nw_graph *graph, int value);
/* A feature map [1, C, spatial...] with more than one position along each of two or three axes. */
bool nw_is_feature_map(const nw_value *value);

#endif
