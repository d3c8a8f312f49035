/* A smooth maximum, (1 / t) log((1 / m) sum_i exp(t z_i)) (Pinheiro and Collobert, CVPR 2015, equation 4):
 * between the mean (small t) and the highest (large t). Its derivative is softmax(t z)_i. */
#include "train/pooling.h"

#include <math.h>

static double forward(const nw_pooling_bag *bag)
{
    double t = bag->parameter;
    return (nw_pooling_log_sum(bag, t) - log((double)bag->m)) / t;
}

static void backward(const nw_pooling_bag *bag, double upstream, float *diff)
{
    double t = bag->parameter, total = nw_pooling_log_sum(bag, t);
    for (int64_t i = 0; i < bag->m; i++)
        diff[i * bag->stride] = (float)(upstream * exp(t * nw_pooling_at(bag, i) - total));
}

static nw_status check(double parameter, nw_error *err)
{
    /* Far below, the logarithm's last digits would be all that is left. */
    if (parameter >= 1e-6 && parameter <= 1e6) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "a log-sum-exp of %g times the logit: 1e-6 to 1e6", parameter);
}

const nw_pooling nw_pooling_log_sum_exp = {
    .name = "log-sum-exp",
    .summary = "smooth maximum of the logits, (1/t) log mean exp(t logit), t the parameter (1)",
    .parameter = 1,
    .check = check,
    .forward = forward,
    .backward = backward,
};
