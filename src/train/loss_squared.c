/* Squared error, the mean over the outputs: l = (1/k) sum_j (z_j - t_j)^2. */
#include "train/loss.h"

static nw_status run(const float *logits, const float *targets, const float *weights, int64_t n, int64_t k,
                     double parameter, float *diff, double *loss, nw_error *err)
{
    (void)parameter;
    double total, sum = 0;
    NW_TRY(nw_train_loss_check(logits, targets, weights, n, k, &total, err));
    for (int64_t i = 0; i < n; i++) {
        double share = total > 0 ? (weights ? (double)weights[i] : 1) / total / (double)k : 0;
        for (int64_t j = i * k; j < (i + 1) * k; j++) {
            double d = (double)logits[j] - (double)targets[j];
            sum += share * d * d;
            if (diff) diff[j] = (float)(share * 2 * d);
        }
    }
    *loss = sum;
    return NW_OK;
}

const nw_train_loss nw_train_loss_squared = {"squared", "squared error, for regression", run};
