#include "explain/explainer.h"

#include <math.h>
#include <string.h>

/* ln(1 + e^x) without overflow. */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double cross_entropy(const double *logits, int64_t count, int64_t target, double scale, double *diff)
{
    double top = logits[0], sum = 0;
    for (int64_t i = 1; i < count; i++) top = fmax(top, logits[i]);
    for (int64_t i = 0; i < count; i++) sum += diff[i] = exp(logits[i] - top);
    for (int64_t i = 0; i < count; i++) diff[i] = scale * (diff[i] / sum - (i == target));
    return scale * (log(sum) + top - logits[target]);
}

double nw_loss_eval(const nw_loss_spec *spec, const double *logits, int64_t count, double scale, double *diff)
{
    bool one_logit = spec->head == NW_HEAD_SIGMOID;
    int64_t at = one_logit ? 0 : spec->target;
    double f = logits[at], distance = f - spec->value;
    if (spec->kind == NW_LOSS_CROSS_ENTROPY) return cross_entropy(logits, count, at, scale, diff);
    memset(diff, 0, (size_t)count * sizeof *diff);
    switch (spec->kind) {
    case NW_LOSS_BINARY: {
        double label = one_logit && spec->target == 0 ? 0 : 1;
        diff[at] = scale * (sigmoid(f) - label);
        return scale * softplus(label > 0 ? -f : f);
    }
    case NW_LOSS_LOWER: diff[at] = scale; return scale * f;
    case NW_LOSS_KEEP:
    case NW_LOSS_VALUE: diff[at] = scale * 2 * distance; return scale * distance * distance;
    default: diff[at] = -scale; return -scale * f;
    }
}

bool nw_probabilities(nw_head_kind head, const float *logits, int64_t count, float *dst)
{
    if (head == NW_HEAD_REGRESSION) return false;
    if (head != NW_HEAD_SOFTMAX) {
        for (int64_t i = 0; i < count; i++) dst[i] = (float)sigmoid((double)logits[i]);
        return true;
    }
    double top = (double)logits[0], sum = 0;
    for (int64_t i = 1; i < count; i++) top = fmax(top, (double)logits[i]);
    for (int64_t i = 0; i < count; i++) sum += exp((double)logits[i] - top);
    for (int64_t i = 0; i < count; i++) dst[i] = (float)(exp((double)logits[i] - top) / sum);
    return true;
}

int64_t nw_predicted(nw_head_kind head, const float *logits, int64_t count)
{
    if (head == NW_HEAD_REGRESSION) return 0;
    if (head == NW_HEAD_SIGMOID) return logits[0] > 0;
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}
