#include "train/pooling.h"

#include <math.h>
#include <string.h>

#define NW_POOLING(name) extern const nw_pooling nw_pooling_##name;
#include "train/poolings.def"
#undef NW_POOLING

static const nw_pooling *const poolings[] = {
#define NW_POOLING(name) &nw_pooling_##name,
#include "train/poolings.def"
#undef NW_POOLING
};
enum { POOLINGS = sizeof poolings / sizeof poolings[0] };

const nw_pooling *nw_pooling_list(size_t i)
{
    return i < POOLINGS ? poolings[i] : NULL;
}

const nw_pooling *nw_pooling_find(const char *name)
{
    for (size_t i = 0; i < POOLINGS; i++)
        if (strcmp(poolings[i]->name, name) == 0) return poolings[i];
    return NULL;
}

double nw_pooling_log_sum(const nw_pooling_bag *bag, double scale)
{
    double high = -INFINITY, sum = 0;
    for (int64_t i = 0; i < bag->m; i++) high = fmax(high, scale * nw_pooling_at(bag, i));
    for (int64_t i = 0; i < bag->m; i++) sum += exp(scale * nw_pooling_at(bag, i) - high);
    return high + log(sum);
}

static nw_status check(const nw_pooling *pooling, const float *logits, int64_t m, int64_t k,
                       double *parameter, nw_error *err)
{
    if (m < 1 || k < 1 || m > INT64_MAX / k)
        return nw_fail(err, NW_BAD_INPUT, "a bag of %lld instances with %lld logits each", (long long)m,
                       (long long)k);
    if (fpclassify(*parameter) == FP_ZERO) *parameter = pooling->parameter;
    if (!isfinite(*parameter))
        return nw_fail(err, NW_BAD_INPUT, "pooling '%s': %g", pooling->name, *parameter);
    if (pooling->check) NW_TRY(pooling->check(*parameter, err));
    for (int64_t i = 0; i < m * k; i++)
        if (!isfinite(logits[i]))
            return nw_fail(err, NW_NOT_FINITE, "logit %lld of instance %lld in the bag is %g",
                           (long long)(i % k), (long long)(i / k), (double)logits[i]);
    return NW_OK;
}

nw_status nw_pooling_forward(const nw_pooling *pooling, const float *logits, int64_t m, int64_t k,
                             double parameter, float *bag, nw_error *err)
{
    NW_TRY(check(pooling, logits, m, k, &parameter, err));
    for (int64_t j = 0; j < k; j++) {
        const nw_pooling_bag of = {logits + j, m, k, parameter};
        bag[j] = (float)pooling->forward(&of);
    }
    return NW_OK;
}

nw_status nw_pooling_backward(const nw_pooling *pooling, const float *logits, int64_t m, int64_t k,
                              double parameter, const float *diff_bag, float *diff_logits, nw_error *err)
{
    NW_TRY(check(pooling, logits, m, k, &parameter, err));
    for (int64_t j = 0; j < k; j++)
        if (!isfinite(diff_bag[j]))
            return nw_fail(err, NW_NOT_FINITE, "the gradient of the bag's logit %lld is %g", (long long)j,
                           (double)diff_bag[j]);
    for (int64_t j = 0; j < k; j++) {
        const nw_pooling_bag of = {logits + j, m, k, parameter};
        pooling->backward(&of, (double)diff_bag[j], diff_logits + j);
    }
    return NW_OK;
}
