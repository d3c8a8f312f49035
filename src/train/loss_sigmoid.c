/* Binary cross-entropy of the sigmoid, the mean over the outputs: l = (1/k) sum_j log(1 + exp z_j) - t_j z_j.
 */
#include "train/loss.h"

#include <math.h>

static nw_status run(const float *logits, const float *targets, const float *weights, int64_t n, int64_t k,
                     double parameter, float *diff, double *loss, nw_error *err)
{
    (void)parameter;
    double total, sum = 0;
    NW_TRY(nw_train_loss_check(logits, targets, weights, n, k, &total, err));
    for (int64_t i = 0; i < n; i++) {
        double share = total > 0 ? (weights ? (double)weights[i] : 1) / total / (double)k : 0;
        for (int64_t j = i * k; j < (i + 1) * k; j++) {
            double z = (double)logits[j], t = (double)targets[j];
            double small = exp(-fabs(z)); /* never overflows */
            sum += share * (fmax(z, 0) - t * z + log1p(small));
            double p = z >= 0 ? 1 / (1 + small) : small / (1 + small);
            if (diff) diff[j] = (float)(share * (p - t));
        }
    }
    *loss = sum;
    return NW_OK;
}

const nw_train_loss nw_train_loss_sigmoid = {
    "sigmoid", "binary cross-entropy of each output by itself (one logit, or several findings)", run};
