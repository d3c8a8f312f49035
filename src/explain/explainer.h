/* The inside of an explainer, and what a method is: one file of this folder, one line of methods.def.
 * TEMPLATE.c is where to start. */
#ifndef NW_EXPLAIN_EXPLAINER_H
#define NW_EXPLAIN_EXPLAINER_H

#include "explain/anatomy.h"
#include "explain/bottleneck.h"

#include <jansson.h>
#include <narrows/explain.h>

typedef struct nw_method {
    nw_method_info info;
    /* The layer must be a cut of the graph, and is the recommended one by default; otherwise any feature map
     * will do, and the last one is the default. */
    bool at_cut;
    /* nw_explainer.before ends at the layer; otherwise it gives the logits too. */
    bool features_only;
    /* nw_explainer.before gives d logits / d layer. */
    bool gradient;
    /* Makes e->state (and e->after); NULL where there is nothing to do. */
    nw_status (*prepare)(nw_explainer *e, nw_error *err);
    /* The clean image has been through e->before; the map holds everything about that. Fills layer_map and
     * what else the method has; the values follow from layer_map. */
    nw_status (*run)(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map,
                     nw_error *err);
    /* Adds the method's parameters to the provenance; NULL: none. Non-zero: out of memory. */
    int (*describe)(const nw_explainer *e, json_t *parameters);
    void (*destroy)(void *state);
    /* The bottleneck whose passes a profile shows; NULL: the method has none. */
    const nw_bottleneck *(*bottleneck)(const void *state);
    /* The map's values are shares of the layer's: their sum is kept when it is brought to the input's size.
     */
    bool density;
} nw_method;

struct nw_explainer {
    nw_model *model;
    const nw_method *method;
    nw_explain_options options; /* strings owned, `stats` borrowed */
    nw_head head;
    char *layer, *input;
    nw_shape input_shape;     /* [1, C, ...] */
    nw_shape layer_shape;     /* [C, ...] */
    nw_dimension *dimensions; /* that make the model's input that shape */
    size_t dimension_count;
    nw_program *before, *after;
    nw_program *few;      /* as `after`, for few samples at once; NULL: `after` does it */
    int batch, few_batch; /* of `after` and `few` */
    bool answered;        /* nw_explainer_predict has left its image in `before` */
    void *state;
    /* For tests: replaces the random numbers. */
    void (*inject)(void *user, uint32_t step, uint32_t sample, uint64_t first, float *dst, size_t n);
    void *inject_user;
};

const nw_method *nw_method_by_name(const char *name);

/* nw_explainer_new for a method that need not be in the table. */
nw_status nw_explainer_make(nw_model *model, const nw_method *method, const nw_explain_options *options,
                            const nw_shape *input_shape, nw_explainer **out, nw_error *err);
/* The image through e->before. */
nw_status nw_explainer_features(nw_explainer *e, const float *input, nw_error *err);

/* After that, with a method that asks for the gradient: d logit of the target / d layer, in
 * nw_program_diff(e->before, e->layer). Of a one-logit head, class 0's logit is minus the logit. */
nw_status nw_explainer_backward(nw_explainer *e, int64_t target, nw_error *err);

/* A program of this explainer's model: from `input` (NULL: the image) to `outputs`, with gradients at `diff`
 * (may be NULL). */
nw_status nw_explainer_compile(nw_explainer *e, const char *input, const char *const *outputs,
                               size_t output_count, const char *diff, int batch, nw_program **out,
                               nw_error *err);

/* options.c */
nw_status nw_explain_options_check(const nw_explain_options *options, nw_error *err);
/* What AUTO stands for, and whether the head allows the loss. */
nw_status nw_loss_resolve(const nw_explain_options *options, const nw_head *head, nw_loss *out,
                          nw_error *err);

/* loss.c. The loss of one sample and its derivatives, both times `scale`. clean: f on the clean image. */
typedef struct nw_loss_spec {
    nw_loss kind;
    nw_head_kind head;
    int64_t target;
    double value; /* KEEP: f on the clean image; VALUE: the value */
} nw_loss_spec;
double nw_loss_eval(const nw_loss_spec *spec, const double *logits, int64_t count, double scale,
                    double *diff);
/* softmax, or sigmoid of each; false for a regression. */
bool nw_probabilities(nw_head_kind head, const float *logits, int64_t count, float *dst);
/* The class, label or quantity that a model answers with. */
int64_t nw_predicted(nw_head_kind head, const float *logits, int64_t count);

/* upsample.c. Linear interpolation of src[dims] at the centres of dst's positions. Beyond the border stands
 * the edge (torch's interpolate), or with `mirror` the value as far inside, the edge not repeated (skimage's
 * resize with order 1, which the reference of iba uses). axes is 2 or 3. */
nw_status nw_upsample(const float *src, const int64_t *src_dims, int axes, bool mirror, float *dst,
                      const int64_t *dst_dims, nw_error *err);

/* provenance.c: the JSON of a map. */
nw_status nw_provenance(const nw_explainer *e, uint64_t image, nw_map *map, nw_error *err);
/* {"value": ..., "meaning": ...}; takes over `value`. */
int nw_describe(json_t *parameters, const char *name, json_t *value, const char *meaning);

#endif
