#include "train/loss.h"

#include <math.h>
#include <string.h>

#define NW_TRAIN_LOSS(name) extern const nw_train_loss nw_train_loss_##name;
#include "train/losses.def"
#undef NW_TRAIN_LOSS

static const nw_train_loss *const losses[] = {
#define NW_TRAIN_LOSS(name) &nw_train_loss_##name,
#include "train/losses.def"
#undef NW_TRAIN_LOSS
};
enum { LOSSES = sizeof losses / sizeof losses[0] };

const nw_train_loss *nw_train_loss_list(size_t i)
{
    return i < LOSSES ? losses[i] : NULL;
}

const nw_train_loss *nw_train_loss_find(const char *name)
{
    for (size_t i = 0; i < LOSSES; i++)
        if (strcmp(losses[i]->name, name) == 0) return losses[i];
    return NULL;
}

static nw_status check_values(const float *values, const char *what, int64_t n, int64_t k, nw_error *err)
{
    for (int64_t i = 0; i < n * k; i++)
        if (!isfinite(values[i]))
            return nw_fail(err, NW_NOT_FINITE, "%s %lld of sample %lld in the batch is %g", what,
                           (long long)(i % k), (long long)(i / k), (double)values[i]);
    return NW_OK;
}

nw_status nw_train_loss_check(const float *logits, const float *targets, const float *weights, int64_t n,
                              int64_t k, double *total, nw_error *err)
{
    if (n < 1 || k < 1 || n > INT64_MAX / k)
        return nw_fail(err, NW_BAD_INPUT, "a loss of %lld samples with %lld outputs each", (long long)n,
                       (long long)k);
    NW_TRY(check_values(logits, "logit", n, k, err));
    NW_TRY(check_values(targets, "target", n, k, err));
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float weight = weights ? weights[i] : 1;
        if (!isfinite(weight))
            return nw_fail(err, NW_NOT_FINITE, "the weight of sample %lld in the batch is %g", (long long)i,
                           (double)weight);
        if (weight < 0)
            return nw_fail(err, NW_BAD_INPUT, "the weight of sample %lld in the batch is %g, below 0",
                           (long long)i, (double)weight);
        sum += (double)weight;
    }
    *total = sum;
    return NW_OK;
}

nw_status nw_train_soft_targets(const int32_t *labels, int64_t n, int64_t k, double smoothing, float *targets,
                                nw_error *err)
{
    if (!(smoothing >= 0 && smoothing <= 1))
        return nw_fail(err, NW_BAD_INPUT, "a label smoothing of %g is not within 0 and 1", smoothing);
    for (int64_t i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= k)
            return nw_fail(err, NW_BAD_INPUT, "label %d of sample %lld is none of %lld classes", labels[i],
                           (long long)i, (long long)k);
    double rest = smoothing / (double)k;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++)
            targets[i * k + j] = (float)(j == labels[i] ? 1 - smoothing + rest : rest);
    return NW_OK;
}
