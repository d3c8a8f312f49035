/* What the bottleneck does with a neuron, as loops over arrays that the compiler turns into vectors: in
 * double where single precision would lose a digit of its results (gates, slopes), else in single precision,
 * in forms without cancellation. Sums over neurons are in double. Functions are polynomials and quotients, so
 * that every instruction set gives the same bits. n is at most NW_PASSES_MOST. */
#ifndef NW_EXPLAIN_PASSES_H
#define NW_EXPLAIN_PASSES_H

#include <stddef.h>

enum { NW_PASSES_MOST = 2048 };

/* open = sigmoid(alpha), shut = sigmoid(-alpha), neither below `least`; NaN stays NaN. */
void nw_passes_gates(const float *alpha, double least, float *open, float *shut, size_t n);

/* What is known of neurons. One that is not active has a scale of 0, and nothing of it counts. */
typedef struct nw_passes_neurons {
    const float *shift; /* active (x - mean) */
    const float *base;  /* active mean */
    const float *scale; /* active std */
    const float *lambda, *q;
    /* z = centre + width eps: active (lambda x + q mean), which is lambda shift + base, and active q std */
    float *centre, *width;
} nw_passes_neurons;

/* shift, from x and the mean */
void nw_passes_begin(const float *x, const float *base, const float *scale, float *shift, size_t n);
/* centre and width; capacity = KL in nats, 0 where not active; its sum. */
double nw_passes_capacity(const nw_passes_neurons *neurons, float *capacity, size_t n);

void nw_passes_sample(const nw_passes_neurons *neurons, const float *eps, float *z, size_t n);
/* sum += d z / d lambda * diff = active (x - (mean + std eps)) diff; where `relu`, only where z > 0 */
void nw_passes_gather(const nw_passes_neurons *neurons, const float *eps, const float *diff, int relu,
                      float *sum, size_t n);
/* The same without eps diff but eps (diff - share control); control NULL: without either. */
void nw_passes_gather_lone(const nw_passes_neurons *neurons, const float *eps, const float *diff,
                           const float *control, float share, int relu, float *sum, size_t n);
/* sum += active diff; where `relu`, only where z > 0 */
void nw_passes_remember(const nw_passes_neurons *neurons, const float *eps, const float *diff, int relu,
                        float *sum, size_t n);
/* slope = gathered + weight * d capacity / d lambda */
void nw_passes_slopes(const nw_passes_neurons *neurons, const float *gathered, double weight, float *slope,
                      size_t n);
/* diff = spread * open * shut; the sum of its absolute values */
double nw_passes_chain(const float *spread, const float *open, const float *shut, float *diff, size_t n);
/* Adam (Kingma & Ba 2015, algorithm 1): step = rate / (1 - beta1^t), correction = 1 / sqrt(1 - beta2^t). */
void nw_passes_adam(const float *diff, float step, float correction, float *first, float *second,
                    float *alpha, size_t n);

#endif
