/* The information bottleneck at one feature map, without the network around it.
 *
 * Schulz et al., ICLR 2020 (arXiv 2001.00396). With s = sigmoid and B the blur, per neuron:
 *     lambda = B s(alpha), q = B s(-alpha) = 1 - lambda        q is never a difference, so it cannot saturate
 * to 0 z = active (lambda x + q (mean + std eps)), eps ~ N(0, 1)                                        eq. 3
 *     capacity = KL(N(lambda r, q^2) || N(0, 1)) = -1/2 - ln q + (lambda r)^2 / 2 + q^2 / 2 nats,  r = (x -
 * mean) / std objective = model loss(z) + weight * sum of capacity over active neurons eq. 4, 6 and Adam
 * moves alpha. One step of the optimisation is nw_bottleneck_forward; nw_bottleneck_sample, the model,
 * nw_bottleneck_gather (in pieces, as many samples at once as the model takes); nw_bottleneck_update. None of
 * them allocates, and the results do not depend on the number of threads or on the pieces.
 */
#ifndef NW_EXPLAIN_BOTTLENECK_H
#define NW_EXPLAIN_BOTTLENECK_H

#include "base/record.h"
#include "tensor/tensor.h"

typedef struct nw_bottleneck_config {
    nw_shape shape;          /* [C, H, W] or [C, D, H, W] */
    const float *mean, *std; /* per neuron; copied */
    const float
        *active_share;       /* share of images where the neuron is not zero; NULL: all are active; copied */
    double active_threshold; /* active: share > threshold */
    double min_std, initial_alpha, sigma;
    double weight; /* of the summed capacity in nats: beta / neurons, or beta */
    double rate;   /* of Adam (beta1 0.9, beta2 0.999, epsilon 1e-8) */
    bool relu;     /* z = max(z, 0) */
    bool control;  /* of a mirrored noise's lone samples: see nw_noise.samples */
    uint32_t keep; /* draws that are kept from one call of nw_bottleneck_sample or _gather to the next, which
                      may need the same: as many as a call makes, or 0 */
    bool profile;  /* the time of each pass is recorded */
} nw_bottleneck_config;

typedef struct nw_bottleneck nw_bottleneck;

/* Where the noise comes from: the address of nw_rng_normals, or a function of the tests. */
typedef struct nw_noise {
    uint64_t seed, image;
    uint32_t step;
    uint32_t samples; /* of this step; 0: not told, and no sample is taken for lone */
    bool antithetic;  /* samples 2k and 2k + 1 are one draw and its mirror image */
    bool forget;      /* the step after this one has no lone sample, so that g need not be kept for it */
    void (*inject)(void *user, uint32_t step, uint32_t sample, uint64_t first, float *dst, size_t n);
    void *user;
} nw_noise;

nw_status nw_bottleneck_new(const nw_bottleneck_config *config, nw_bottleneck **out, nw_error *err);
void nw_bottleneck_free(nw_bottleneck *bottleneck);

int64_t nw_bottleneck_neurons(const nw_bottleneck *bottleneck);
int64_t nw_bottleneck_active(const nw_bottleneck *bottleneck);

/* A new image: x[neurons] is copied, alpha and Adam start again. */
void nw_bottleneck_begin(nw_bottleneck *bottleneck, const float *x);

/* lambda, q and the capacity from alpha; the sum of the capacity in nats. Forgets gathered gradients. */
double nw_bottleneck_forward(nw_bottleneck *bottleneck);

/* z of samples first .. first + count - 1 into dst[count, neurons]. */
void nw_bottleneck_sample(nw_bottleneck *bottleneck, const nw_noise *noise, uint32_t first, uint32_t count,
                          float *dst);

/* Adds to the gradient what the samples' d model loss / d z say.
 *
 * With g = d model loss / d z, that is the sum of (x - mean) g - std eps g. eps g is nearly all noise where g
 * hardly depends on eps, as while lambda is near 1: a pair of mirrored samples cancels it, a sample without a
 * partner does not. With config.control the last of an odd number of antithetic samples has eps (g - c),
 * where c is the mean of g over the samples of the step before: eps c is 0 in the mean, for c knows nothing
 * of this eps. Before there is a c, in the first step, the term is left out, whose mean is q std E d g / d z:
 * nothing in a network that is linear there, and little while q is. Needs noise.samples. */
void nw_bottleneck_gather(nw_bottleneck *bottleneck, const nw_noise *noise, uint32_t first, uint32_t count,
                          const float *diff_z);

/* d objective / d alpha, one value a neuron, from what was gathered; its sum of absolute values (not finite
 * where any value is not). */
double nw_bottleneck_gradient(nw_bottleneck *bottleneck);
/* One step of Adam along that gradient. */
void nw_bottleneck_update(nw_bottleneck *bottleneck);

/* One value a neuron, valid as long as the bottleneck. */
const float *
nw_bottleneck_capacity(const nw_bottleneck *bottleneck); /* nats, of the last forward; 0 where inactive */
const float *nw_bottleneck_lambda(const nw_bottleneck *bottleneck);
const float *nw_bottleneck_diff(const nw_bottleneck *bottleneck); /* of the last nw_bottleneck_gradient */
float *nw_bottleneck_alpha(nw_bottleneck *bottleneck);

/* Passes over the neurons, as rows of a recorder (NULL without config.profile). */
#define NW_BOTTLENECK_PASSES(X)                                                                              \
    X(GATES, "gates")                                                                                        \
    X(BLUR, "blur")                                                                                          \
    X(CAPACITY, "capacity")                                                                                  \
    X(NOISE, "noise")                                                                                        \
    X(GATHER, "gather")                                                                                      \
    X(SLOPES, "slopes")                                                                                      \
    X(UNBLUR, "blur backward")                                                                               \
    X(CHAIN, "chain")                                                                                        \
    X(ADAM, "adam")
typedef enum nw_bottleneck_pass {
#define NW_BOTTLENECK_PASS(NAME, name) NW_PASS_##NAME,
    NW_BOTTLENECK_PASSES(NW_BOTTLENECK_PASS)
#undef NW_BOTTLENECK_PASS
        NW_PASS_COUNT
} nw_bottleneck_pass;
const nw_recorder *nw_bottleneck_recorder(const nw_bottleneck *bottleneck);

#endif
