/* Explanations: which parts of an image a prediction needs. One table of methods (nw_method_list); an
 * explainer is a method made ready for one model and one input size, and explains any number of images.
 *
 *     nw_explain_options options;
 *     nw_explain_options_init(&options);
 *     options.stats = stats;
 *     nw_explainer_new(model, "iba", &options, NULL, &explainer, &err);
 *     nw_explainer_run(explainer, pixels, NULL, &map, &err);
 */
#ifndef NARROWS_EXPLAIN_H
#define NARROWS_EXPLAIN_H

#include <narrows/inspect.h>
#include <narrows/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, name, text). f is the logit (or quantity) of the target, of a one-logit head that logit whatever
 * the target. All are means over the samples, and are multiplied by options.loss_weight. */
#define NW_LOSS_LIST(X)                                                                                      \
    X(AUTO, "auto", "by the head: cross-entropy, binary, or raise for a regression")                         \
    X(CROSS_ENTROPY, "cross-entropy", "-log softmax(logits)[target]")                                        \
    X(BINARY, "binary", "binary cross-entropy of f: towards the target of a one-logit head, towards 1 else") \
    X(RAISE, "raise", "-f")                                                                                  \
    X(LOWER, "lower", "f")                                                                                   \
    X(KEEP, "keep", "(f - f on the clean image)^2")                                                          \
    X(VALUE, "value", "(f - loss_value)^2")

typedef enum nw_loss {
#define NW_LOSS_ENUM(NAME, name, text) NW_LOSS_##NAME,
    NW_LOSS_LIST(NW_LOSS_ENUM)
#undef NW_LOSS_ENUM
} nw_loss;

NW_API const char *nw_loss_name(nw_loss loss);
/* Reads "auto", ..., or a number, which gives NW_LOSS_VALUE and *value. NW_USAGE otherwise. */
NW_API nw_status nw_loss_parse(const char *text, nw_loss *loss, double *value, nw_error *err);

typedef enum nw_beta_over {
    NW_BETA_OVER_MEAN, /* beta times the mean of the capacity over all neurons (nats): Schulz et al.'s code */
    NW_BETA_OVER_SUM   /* beta times the sum: their paper's notation */
} nw_beta_over;

typedef enum nw_readout {
    NW_READOUT_LAST_FORWARD, /* capacity in the last forward pass, that is after steps - 1 updates: the
                                reference */
    NW_READOUT_AFTER         /* after all updates */
} nw_readout;

typedef enum nw_noise_kind {
    NW_NOISE_INDEPENDENT, /* every sample its own draw: the reference */
    NW_NOISE_ANTITHETIC   /* samples in pairs, a draw and its mirror image: less variance for the same work.
                             One that is left over is corrected by the gradient of the step before, which costs
                             no run and leaves the mean as it is (but for the very first step) */
} nw_noise_kind;

typedef enum nw_schedule {
    NW_SCHEDULE_EVEN, /* `samples` in every step, but for early_samples: the reference */
    NW_SCHEDULE_SLOPE /* `samples` where alpha, falling by `rate` a step, passes 0; elsewhere in proportion to
                         the slope of lambda, by which a step's gradient counts: an even number or one. Four
                         tenths once that is over, in runs of many steps; one in a last forward pass that no
                         update follows */
} nw_schedule;

typedef struct nw_explain_options {
    const char *layer;  /* tensor by name; NULL: the metadata `narrows.bottleneck`, else the recommended one
                           (iba; see nw_inspect), or the last feature map (gradcam) */
    const char *output; /* of the graph; NULL: the first */
    int64_t target;  /* class, label or quantity; 0 or 1 for a one-logit head; -1: what the model predicts */
    nw_stats *stats; /* of the layer, for methods that need them; must outlive the explainer */

    /* The bottleneck. */
    double beta;             /* weight of the information; >= 0. 10 */
    nw_beta_over beta_over;  /* mean */
    double sigma;            /* of the blur of lambda, in positions of the layer; 0: none. 1 */
    int steps;               /* of Adam; 10 */
    double rate;             /* Adam's learning rate; 1 */
    int samples;             /* noise draws a step, at most; 8 (the reference: 10) */
    int early_samples;       /* of an even schedule: noise draws in the first early_steps steps, where lambda
                                is near 1 and the prediction's gradient small beside the capacity's, and in a
                                last forward pass that no update follows; 0: `samples` there too. 0 */
    int early_steps;         /* 5 */
    nw_schedule schedule;    /* slope */
    nw_noise_kind noise;     /* antithetic */
    uint64_t seed;           /* 0 */
    double min_std;          /* least deviation of a neuron; 0.01 */
    double initial_alpha;    /* lambda = sigmoid(alpha) at first; 5 */
    double active_threshold; /* neurons that are non-zero in no more than this share of images are cut out;
                                0.01 */
    int relu;                /* non-zero: z = max(z, 0); 0 */
    nw_readout readout;      /* last-forward */
    nw_loss loss;            /* auto */
    double loss_weight;      /* 1 */
    double loss_value;       /* of NW_LOSS_VALUE */

    /* How it is computed. */
    int batch; /* samples in one run of the model; 0: all up to 20, fewer of a large layer, or one where the
                  graph allows no other */
    nw_precision precision; /* auto. BF16 and INT8 concern the bottleneck's loop after the layer alone; all
                               else, and all other methods, are in F32 then */
    int threads;            /* 0: as the environment has it */
    int profile;            /* non-zero: the programs measure the time of each step */
} nw_explain_options;

/* The defaults, which are those of Schulz et al.'s reference implementation. */
NW_API void nw_explain_options_init(nw_explain_options *options);

typedef struct nw_method_info {
    const char *name;        /* "iba" */
    const char *description; /* one line */
    const char *unit;        /* of the map's values: "bits per pixel" */
    int needs_stats;
    int at_input; /* explains at the model's input: there is no layer to choose */
} nw_method_info;

NW_API size_t nw_method_count(void);
NW_API const nw_method_info *nw_method_list(size_t i);         /* NULL beyond the count */
NW_API const nw_method_info *nw_method_find(const char *name); /* NULL where there is none */

/* An explanation. Made by the library, read by the caller, released by nw_map_free. */
typedef struct nw_map {
    const char *method, *unit;
    nw_shape shape; /* [H, W] or [D, H, W] of the model's input */
    /* In `unit`, never scaled to a range: the layer's map, interpolated to the size of the input. "bits per
     * pixel" are shares of the layer's bits, and sum up to total_bits. */
    float *values;

    /* At the layer. */
    const char *layer;
    nw_shape layer_shape; /* [C, h, w] or [C, d, h, w] */
    float *layer_map;     /* [h, w] or [d, h, w]: bits per position, or the method's unit */
    float *capacity;      /* [C, h, w]: bits per neuron; NULL for other methods than the bottleneck */
    double total_bits;    /* sum of the capacity; 0 for other methods */

    /* The model on the clean image. */
    size_t output_count;
    float *logits;        /* [output_count]; quantities of a regression */
    float *probabilities; /* [output_count], of a one-logit head that of class 1; NULL for a regression */
    nw_head_kind head;
    int64_t target; /* that was explained */
    nw_loss loss;   /* that was used */

    /* The optimisation, one value a step; NULL and 0 for other methods. */
    int steps;
    double *model_loss;       /* weighted mean over the samples */
    double *information_loss; /* beta times mean (or sum) of the capacity in nats */
    double *bits;             /* total bits in the forward pass of that step */
    double last_change;       /* |change of total bits in the last step| / total bits */
    int still_falling;        /* non-zero: the total moved by more than 1 % in the last step */

    double prefix_seconds, loop_seconds, map_seconds;
    char *provenance; /* JSON object: every parameter as it was used, with its meaning */
} nw_map;

NW_API void nw_map_free(nw_map *map);

typedef struct nw_explainer nw_explainer;

/* input_shape: [1, C, H, W] (or [1, C, D, H, W]), NULL: the model's own. options NULL: defaults. NW_USAGE for
 * a parameter out of its range, NW_BAD_INPUT for a layer or target that does not exist (near names are given)
 * or statistics of another shape, NW_UNSUPPORTED for a model that the method cannot explain. The explainer
 * holds a reference to the model. */
NW_API nw_status nw_explainer_new(nw_model *model, const char *method, const nw_explain_options *options,
                                  const nw_shape *input_shape, nw_explainer **out, nw_error *err);
NW_API void nw_explainer_free(nw_explainer *explainer);

/* Explains one preprocessed image, row-major in the shape of the input; NULL: the one that
 * nw_explainer_predict has just answered for, which is not run through the model again. `image` is its key
 * for the random numbers (its index, say): the same key, seed and image give the same bits, on any number of
 * threads. progress may be NULL. NW_NOT_FINITE where NaN or infinity turned up, with the step and a way out.
 */
NW_API nw_status nw_explainer_run(nw_explainer *explainer, const float *input, uint64_t image,
                                  const nw_progress *progress, nw_map **out, nw_error *err);

/* The model's answer alone, without an explanation: logits[count of the head] and, unless NULL, probabilities
 * (of a one-logit head that of class 1; untouched for a regression). NW_NOT_FINITE. */
NW_API nw_status nw_explainer_predict(nw_explainer *explainer, const float *input, float *logits,
                                      float *probabilities, nw_error *err);

/* As resolved; valid as long as the explainer. */
NW_API const char *nw_explainer_layer(const nw_explainer *explainer);
NW_API const nw_shape *nw_explainer_layer_shape(const nw_explainer *explainer); /* [C, h, w] */
NW_API const nw_shape *nw_explainer_input_shape(const nw_explainer *explainer); /* [1, C, H, W] */
NW_API const char *nw_explainer_input_name(const nw_explainer *explainer);
NW_API const nw_head *nw_explainer_head(const nw_explainer *explainer);
NW_API int64_t nw_explainer_target(const nw_explainer *explainer);  /* -1: what the model predicts */
NW_API nw_model *nw_explainer_model(const nw_explainer *explainer); /* without a new reference */
NW_API const char *nw_explainer_isa(const nw_explainer *explainer); /* instruction set of the kernels */
NW_API int nw_explainer_batch(const nw_explainer *explainer);       /* samples in one run of the model */
typedef enum nw_explainer_part {
    NW_PART_BEFORE,   /* up to the layer */
    NW_PART_AFTER,    /* from there to the loss: nw_explainer_batch samples at once */
    NW_PART_AFTER_FEW /* the same for steps that have fewer samples */
} nw_explainer_part;
/* The programs of these parts, for profiles; NULL where a method has none. */
NW_API nw_program *nw_explainer_program(nw_explainer *explainer, nw_explainer_part part);
/* The passes of a method's own loop around the program after the layer, as steps of kind "noise", "blur", ...
 * and their runs, with options.profile; 0 where a method has none. See nw_program_step and nw_program_event.
 */
NW_API size_t nw_explainer_pass_count(const nw_explainer *explainer);
NW_API nw_step_info nw_explainer_pass(const nw_explainer *explainer, size_t i);
NW_API size_t nw_explainer_pass_event_count(const nw_explainer *explainer);
NW_API nw_step_event nw_explainer_pass_event(const nw_explainer *explainer, size_t i);

#ifdef __cplusplus
}
#endif
#endif
