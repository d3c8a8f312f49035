/* The mean of the logits. */
#include "train/pooling.h"

static double forward(const nw_pooling_bag *bag)
{
    double sum = 0;
    for (int64_t i = 0; i < bag->m; i++) sum += nw_pooling_at(bag, i);
    return sum / (double)bag->m;
}

static void backward(const nw_pooling_bag *bag, double upstream, float *diff)
{
    for (int64_t i = 0; i < bag->m; i++) diff[i * bag->stride] = (float)(upstream / (double)bag->m);
}

const nw_pooling nw_pooling_mean = {
    .name = "mean", .summary = "the mean of all logits", .forward = forward, .backward = backward};
