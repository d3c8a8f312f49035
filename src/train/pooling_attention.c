/* Attention by the logits themselves: sum_i a_i z_i with a = softmax over the instances of t z_i. t = 0 would
 * be the mean, t = infinity the highest; the derivative is a_i (1 + t (z_i - bag)). */
#include "train/pooling.h"

#include <math.h>

static double forward(const nw_pooling_bag *bag)
{
    double t = bag->parameter, total = nw_pooling_log_sum(bag, t), sum = 0;
    for (int64_t i = 0; i < bag->m; i++) {
        double z = nw_pooling_at(bag, i);
        sum += exp(t * z - total) * z;
    }
    return sum;
}

static void backward(const nw_pooling_bag *bag, double upstream, float *diff)
{
    double t = bag->parameter, total = nw_pooling_log_sum(bag, t), value = forward(bag);
    for (int64_t i = 0; i < bag->m; i++) {
        double z = nw_pooling_at(bag, i);
        diff[i * bag->stride] = (float)(upstream * exp(t * z - total) * (1 + t * (z - value)));
    }
}

static nw_status check(double parameter, nw_error *err)
{
    if (parameter > 0 && parameter <= 1e6) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "attention with %g times the logit: above 0, at most 1e6", parameter);
}

const nw_pooling nw_pooling_attention = {
    .name = "attention",
    .summary = "mean of the logits with weights softmax(t logit), t the parameter (1)",
    .parameter = 1,
    .check = check,
    .forward = forward,
    .backward = backward,
};
