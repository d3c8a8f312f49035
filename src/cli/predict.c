#include "predict.h"

#include <math.h>

bool cli_probabilities(nw_head_kind head, const float *logits, size_t count, float *probabilities)
{
    if (head == NW_HEAD_REGRESSION) return false;
    double most = (double)logits[0], sum = 0;
    for (size_t i = 1; i < count; i++) most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < count; i++) sum += exp((double)logits[i] - most);
    for (size_t i = 0; i < count; i++)
        probabilities[i] = (float)(head == NW_HEAD_SOFTMAX ? exp((double)logits[i] - most) / sum
                                                           : 1 / (1 + exp(-(double)logits[i])));
    return true;
}

int64_t cli_predicted(nw_head_kind head, const float *logits, size_t count)
{
    if (head == NW_HEAD_REGRESSION) return 0;
    if (count == 1) return logits[0] > 0;
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > logits[best]) best = i;
    return (int64_t)best;
}

double cli_probability_of(nw_head_kind head, const float *probabilities, size_t count, int64_t target)
{
    if (head == NW_HEAD_REGRESSION || !probabilities) return NAN;
    if (count == 1) return target ? (double)probabilities[0] : 1 - (double)probabilities[0];
    return target >= 0 && (size_t)target < count ? (double)probabilities[target] : NAN;
}
