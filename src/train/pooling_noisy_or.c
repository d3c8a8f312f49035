/* Noisy-or (Pearl, 1988; Zhang, Platt and Viola, NIPS 2005): the bag is positive unless no instance is,
 * 1 - P = prod_i (1 - sigmoid(z_i)). With S = sum_i log(1 + exp z_i) the bag's logit is log(exp(S) - 1), and
 * its derivative sigmoid(z_i) / (1 - exp(-S)). S itself may be too small for a number: its logarithm is not.
 */
#include "train/pooling.h"

#include <math.h>

/* Below, log(1 + exp z) is exp z, and S is what exp(S) - 1 is, to the last digit. */
static const double small = -40;

static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

static double log_softplus(double z)
{
    return z < small ? z : log(softplus(z));
}

static double log_total(const nw_pooling_bag *bag)
{
    double high = -INFINITY, sum = 0;
    for (int64_t i = 0; i < bag->m; i++) high = fmax(high, log_softplus(nw_pooling_at(bag, i)));
    for (int64_t i = 0; i < bag->m; i++) sum += exp(log_softplus(nw_pooling_at(bag, i)) - high);
    return high + log(sum);
}

static double forward(const nw_pooling_bag *bag)
{
    double log_s = log_total(bag), s = exp(log_s);
    if (log_s < small) return log_s;
    return s > 1 ? s + log1p(-exp(-s)) : log(expm1(s));
}

static void backward(const nw_pooling_bag *bag, double upstream, float *diff)
{
    double log_s = log_total(bag), log_p = log_s < small ? log_s : log(-expm1(-exp(log_s)));
    for (int64_t i = 0; i < bag->m; i++)
        diff[i * bag->stride] = (float)(upstream * exp(-softplus(-nw_pooling_at(bag, i)) - log_p));
}

const nw_pooling nw_pooling_noisy_or = {
    .name = "noisy-or",
    .summary = "positive unless no instance is (for sigmoid outputs)",
    .forward = forward,
    .backward = backward,
};
