#include "explain/passes.h"

#include "base/simd.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 8 }; /* partial sums, however wide the vectors are */

/* The sum of v[0..n) in an order that does not depend on the width of vectors. */
static inline double sum_of(const double *v, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += v[i + (size_t)l];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    for (; i < n; i++) sum += v[i];
    return sum;
}

/* exp(x) for -708 < x <= 0: 2^k times the series of exp(r) to r^11 with |r| <= ln 2 / 2. Relative error below
 * 1e-13. */
static inline double exp_of(double x)
{
    const double magic = 0x1.8p52; /* adding it leaves the nearest integer in the last bits */
    double shifted = x * 0x1.71547652b82fep0 + magic, k = shifted - magic;
    double r = (x - k * 0x1.62e42fefa0000p-1) - k * 0x1.cf79abc9e3b3ap-40;
    double p = 1. / 39916800;
    p = p * r + 1. / 3628800;
    p = p * r + 1. / 362880;
    p = p * r + 1. / 40320;
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

/* ln(x) of a positive normal x: exponent and 2 atanh((m - 1) / (m + 1)) for m in [sqrt(1/2), sqrt(2)), to the
 * 17th power. Relative error below 1e-13 but next to 1, absolute error 1e-16 there. */
static inline double log_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t half_root = 0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    uint64_t above = bits - half_root + (1023ull << 52);
    /* The exponent as a double, by way of the bits of 2^52 + it: no instruction set but the last converts 64
     * bits. */
    uint64_t exponent_bits = (above >> 52) | 0x4330000000000000u;
    double exponent, m;
    memcpy(&exponent, &exponent_bits, sizeof exponent);
    exponent -= 0x1p52 + 1023;
    bits -= (above & 0xfff0000000000000u) - (1023ull << 52);
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1) / (m + 1), z = s * s;
    double p = 1. / 17;
    p = p * z + 1. / 15;
    p = p * z + 1. / 13;
    p = p * z + 1. / 11;
    p = p * z + 1. / 9;
    p = p * z + 1. / 7;
    p = p * z + 1. / 5;
    p = p * z + 1. / 3;
    p = p * z + 1;
    return exponent * 0x1.62e42fefa39efp-1 + 2 * s * p;
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

/* -1/2 - ln q + q^2 / 2 + (lambda r)^2 / 2 for q = 1 - lambda. Below 1/2, 1 - lambda is exact in double and q
 * is not; the first three terms cancel to lambda^2 + lambda^3 / 3 + ... near lambda = 0, where they are taken
 * as that. */
NW_SIMD double nw_passes_capacity(const nw_passes_neurons *neurons, float *restrict capacity, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict base = neurons->base,
                          *restrict scale = neurons->scale;
    const float *restrict lambda = neurons->lambda, *restrict q = neurons->q;
    float *restrict centre = neurons->centre, *restrict width = neurons->width;
    double value[NW_PASSES_MOST];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double l = (double)lambda[i], r = (double)shift[i] / (double)scale[i], square = l * l;
        double rest = l < 0.5 ? 1 - l : (double)q[i];
        double whole = -0.5 - log_of(rest) + 0.5 * rest * rest;
        double series = square * (1 + l * (1. / 3 + l * (1. / 4 + l / 5)));
        double first = l < 1e-3 ? series : rest > 0 ? whole : rest == 0 ? (double)INFINITY : rest;
        double nats = first + 0.5 * square * r * r;
        value[i] = scale[i] > 0 ? nats : 0;
        capacity[i] = (float)value[i];
        centre[i] = lambda[i] * shift[i] + base[i];
        width[i] = q[i] * scale[i];
    }
    return sum_of(value, n);
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
                              const float *restrict diff, int relu, double *restrict sum, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
    if (relu) {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            sum[i] += (double)(passes(neurons, eps, 1, i) * (shift[i] - scale[i] * eps[i]) * diff[i]);
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) sum[i] += (double)((shift[i] - scale[i] * eps[i]) * diff[i]);
    }
}

NW_SIMD void nw_passes_gather_lone(const nw_passes_neurons *neurons, const float *restrict eps,
                                   const float *restrict diff, const float *restrict control, float share,
                                   int relu, double *restrict sum, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = passes(neurons, eps, relu, i) * diff[i], rest = control ? g - share * control[i] : 0;
        sum[i] += (double)(shift[i] * g - scale[i] * eps[i] * rest);
    }
}

NW_SIMD void nw_passes_remember(const nw_passes_neurons *neurons, const float *restrict eps,
                                const float *restrict diff, int relu, float *restrict sum, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) sum[i] += passes(neurons, eps, relu, i) * diff[i];
}

/* d capacity / d lambda = 1/q - q + lambda r^2, and 1/q - q = lambda (1 + q) / q without the cancellation. */
NW_SIMD void nw_passes_slopes(const nw_passes_neurons *neurons, const double *restrict gathered,
                              double weight, float *restrict slope, size_t n)
{
    const float *restrict shift = neurons->shift, *restrict scale = neurons->scale;
    const float *restrict lambda = neurons->lambda, *restrict q = neurons->q;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double l = (double)lambda[i], shut = (double)q[i], r = (double)shift[i] / (double)scale[i];
        double more = weight * l * ((1 + shut) / shut + r * r);
        slope[i] = (float)(gathered[i] + (scale[i] > 0 ? more : 0));
    }
}

NW_SIMD double nw_passes_chain(const float *restrict spread, const float *restrict open,
                               const float *restrict shut, float *restrict diff, size_t n)
{
    double size[NW_PASSES_MOST];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double value = (double)spread[i] * ((double)open[i] * (double)shut[i]);
        diff[i] = (float)value;
        size[i] = fabs(value);
    }
    return sum_of(size, n);
}

NW_SIMD void nw_passes_adam(const float *restrict diff, double step, double correction, float *restrict first,
                            float *restrict second, float *restrict alpha, size_t n)
{
    const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double g = (double)diff[i];
        double m = beta1 * (double)first[i] + (1 - beta1) * g;
        double v = beta2 * (double)second[i] + (1 - beta2) * g * g;
        first[i] = (float)m;
        second[i] = (float)v;
        alpha[i] = (float)((double)alpha[i] - step * m / (sqrt(v) * correction + epsilon));
    }
}
