#include "explain/passes.h"

#include "base/simd.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 8 }; /* partial sums, however wide the vectors are */

/* The sum of v[0..n) in double, in an order that does not depend on the width of vectors. */
static inline double sum_of(const float *v, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (double)v[i + (size_t)l];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    for (; i < n; i++) sum += (double)v[i];
    return sum;
}

/* exp(x) for -708 < x <= 0: 2^k times the series of exp(r) to r^8 with |r| <= ln 2 / 2. Relative error below
 * 3e-10. */
static inline double exp_of(double x)
{
    const double magic = 0x1.8p52; /* adding it leaves the nearest integer in the last bits */
    double shifted = x * 0x1.71547652b82fep0 + magic, k = shifted - magic;
    double r = x - k * 0x1.62e42fefa39efp-1;
    double p = 1. / 40320;
    p = p * r + 1. / 5040;
    p = p * r + 1. / 720;
    p = p * r + 1. / 120;
    p = p * r + 1. / 24;
    p = p * r + 1. / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000u; /* 2^k */
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

NW_SIMD void nw_passes_gates(const float *restrict alpha, double least, float *restrict open,
                             float *restrict shut, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double a = (double)alpha[i], size = fabs(a), e = exp_of(size < 700 ? -size : -700.);
        e = e < least ? least : e;
        double large = 1 / (1 + e), small = e * large;
        open[i] = (float)(a >= 0 ? large : a < 0 ? small : a);
        shut[i] = (float)(a >= 0 ? small : a < 0 ? large : a);
    }
}

NW_SIMD void nw_passes_begin(const float *restrict x, const float *restrict base, const float *restrict scale,
                             float *restrict shift, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) shift[i] = (scale[i] > 0 ? 1.F : 0.F) * (x[i] - base[i]);
}

/* -1/2 - ln q + q^2 / 2 for q = 1 - lambda, with ln x = 2 atanh((x - 1) / (x + 1)).
 *
 * Below lambda = 1/2 the terms cancel to lambda^2 + lambda^3 / 3 + ..., so they are put together before: with
 * s = lambda / (2 - lambda) they are lambda s + lambda^2 / 2 + 2 (s^3 / 3 + s^5 / 5 + ...), all positive.
 * From there on q is what counts, which 1 - lambda is not (it is small where lambda rounds to 1): q = 2^k m
 * with m in [sqrt(1/2), sqrt(2)), ln q = k ln 2 - 2 (s + s^3 / 3 + ...) with s = (1 - m) / (1 + m). In both
 * s^2 is below 1/9. Relative error below 4e-7. q is 0 or no less than FLT_MIN. */
static inline float kl_of_gate(float lambda, float q)
{
    uint32_t bits;
    memcpy(&bits, &q, sizeof bits);
    uint32_t above = bits - 0x3f3504f3u + (127u << 23); /* of q / sqrt(1/2): its exponent is k */
    float exponent = (float)(int32_t)(above >> 23) - 127, m;
    bits -= (above & 0xff800000u) - (127u << 23);
    memcpy(&m, &bits, sizeof m);
    bool few = lambda < 0.5F;
    float s = (few ? lambda : 1 - m) / (few ? 2 - lambda : 1 + m), z = s * s;
    float p = 1.F / 13;
    p = p * z + 1.F / 11;
    p = p * z + 1.F / 9;
    p = p * z + 1.F / 7;
    p = p * z + 1.F / 5;
    p = p * z + 1.F / 3;
    float rest = 2 * s * z * p;
    float small = lambda * s + 0.5F * lambda * lambda + rest;
    float large = (2 * s + rest) - exponent * 0x1.62e430p-1F - 0.5F + 0.5F * q * q;
    return few ? small : q > 0 ? large : q == 0 ? INFINITY : q;
}

/* The rest of the capacity is (lambda r)^2 / 2. */
NW_SIMD double nw_passes_capacity(const nw_passes_neurons *neurons, float *restrict capacity, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict base = neurons->base,
                          *restrict scale = neurons->scale;
    const float *restrict lambda = neurons->lambda, *restrict q = neurons->q;
    float *restrict centre = neurons->centre, *restrict width = neurons->width;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float signal = lambda[i] * (shift[i] / scale[i]);
        float nats = kl_of_gate(lambda[i], q[i]) + 0.5F * signal * signal;
        capacity[i] = scale[i] > 0 ? nats : 0;
        centre[i] = lambda[i] * shift[i] + base[i];
        width[i] = q[i] * scale[i];
    }
    return sum_of(capacity, n);
}

NW_SIMD void nw_passes_sample(const nw_passes_neurons *neurons, const float *restrict eps, float *restrict z,
                              size_t n)
{
    const float *restrict centre = neurons->centre, *restrict width = neurons->width;
#pragma omp simd
    for (size_t i = 0; i < n; i++) z[i] = centre[i] + width[i] * eps[i];
}

/* 1 where a clipped z lets its gradient through, else 0. */
static inline float passes(const nw_passes_neurons *p, const float *eps, int relu, size_t i)
{
    bool through = !relu || p->centre[i] + p->width[i] * eps[i] > 0;
    return through && p->scale[i] > 0 ? 1.F : 0.F;
}

NW_SIMD void nw_passes_gather(const nw_passes_neurons *neurons, const float *restrict eps,
                              const float *restrict diff, int relu, float *restrict sum, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
    if (relu) {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            sum[i] += passes(neurons, eps, 1, i) * (shift[i] - scale[i] * eps[i]) * diff[i];
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) sum[i] += (shift[i] - scale[i] * eps[i]) * diff[i];
    }
}

NW_SIMD void nw_passes_gather_lone(const nw_passes_neurons *neurons, const float *restrict eps,
                                   const float *restrict diff, const float *restrict control, float share,
                                   int relu, float *restrict sum, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = passes(neurons, eps, relu, i) * diff[i], rest = control ? g - share * control[i] : 0;
        sum[i] += shift[i] * g - scale[i] * eps[i] * rest;
    }
}

NW_SIMD void nw_passes_remember(const nw_passes_neurons *neurons, const float *restrict eps,
                                const float *restrict diff, int relu, float *restrict sum, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) sum[i] += passes(neurons, eps, relu, i) * diff[i];
}

/* d capacity / d lambda = 1/q - q + lambda r^2, and 1/q - q = lambda (1 + q) / q without the cancellation. */
NW_SIMD void nw_passes_slopes(const nw_passes_neurons *neurons, const float *restrict gathered, double weight,
                              float *restrict slope, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
    const float *restrict lambda = neurons->lambda, *restrict q = neurons->q;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double l = (double)lambda[i], shut = (double)q[i], r = (double)(shift[i] / scale[i]);
        double more = weight * l * ((1 + shut) / shut + r * r);
        slope[i] = (float)((double)gathered[i] + (scale[i] > 0 ? more : 0));
    }
}

NW_SIMD double nw_passes_chain(const float *restrict spread, const float *restrict open,
                               const float *restrict shut, float *restrict diff, size_t n)
{
    float size[NW_PASSES_MOST];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        diff[i] = (float)((double)spread[i] * ((double)open[i] * (double)shut[i]));
        size[i] = fabsf(diff[i]);
    }
    return sum_of(size, n);
}

NW_SIMD void nw_passes_adam(const float *restrict diff, float step, float correction, float *restrict first,
                            float *restrict second, float *restrict alpha, size_t n)
{
    const float beta1 = 0.9F, beta2 = 0.999F, rest1 = 0.1F, rest2 = 0.001F, epsilon = 1e-8F;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = diff[i], m = beta1 * first[i] + rest1 * g, v = beta2 * second[i] + rest2 * g * g;
        first[i] = m;
        second[i] = v;
        alpha[i] -= step * m / (sqrtf(v) * correction + epsilon);
    }
}
