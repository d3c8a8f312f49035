/* Cross-entropy of the softmax with soft targets: l = sum_j t_j (log sum_c exp z_c - z_j). */
#include "train/loss.h"

#include <math.h>

static nw_status run(const float *logits, const float *targets, const float *weights, int64_t n, int64_t k,
                     double parameter, float *diff, double *loss, nw_error *err)
{
    (void)parameter;
    double total, sum = 0;
    NW_TRY(nw_train_loss_check(logits, targets, weights, n, k, &total, err));
    for (int64_t i = 0; i < n; i++) {
        const float *z = logits + i * k, *t = targets + i * k;
        double share = total > 0 ? (weights ? (double)weights[i] : 1) / total : 0;
        double high = (double)z[0], mass = 0, target = 0, l = 0;
        for (int64_t j = 1; j < k; j++) high = fmax(high, (double)z[j]);
        for (int64_t j = 0; j < k; j++) mass += exp((double)z[j] - high);
        double rest = log(mass); /* of the log-sum-exp beyond the largest logit */
        for (int64_t j = 0; j < k; j++) {
            l += (double)t[j] * (high - (double)z[j] + rest);
            target += (double)t[j];
        }
        sum += share * l;
        for (int64_t j = 0; diff && j < k; j++)
            diff[i * k + j] = (float)(share * (target * exp((double)z[j] - high) / mass - (double)t[j]));
    }
    *loss = sum;
    return NW_OK;
}

const nw_train_loss nw_train_loss_softmax = {
    "softmax", "cross-entropy of one class among several, targets a distribution over the classes", run};
