/* Huber's loss (Ann Math Stat 35:73, 1964), the mean over the outputs: d^2 / 2 where |d| <= delta, and
 * delta (|d| - delta / 2) beyond. The parameter is delta, in the unit of the targets; 0: 1. */
#include "train/loss.h"

#include <math.h>

static nw_status run(const float *logits, const float *targets, const float *weights, int64_t n, int64_t k,
                     double parameter, float *diff, double *loss, nw_error *err)
{
    double total, sum = 0, delta = fpclassify(parameter) == FP_ZERO ? 1 : parameter;
    if (!(delta > 0) || !isfinite(delta))
        return nw_fail(err, NW_BAD_INPUT, "a Huber loss with delta %g: it has to be above 0", delta);
    NW_TRY(nw_train_loss_check(logits, targets, weights, n, k, &total, err));
    for (int64_t i = 0; i < n; i++) {
        double share = total > 0 ? (weights ? (double)weights[i] : 1) / total / (double)k : 0;
        for (int64_t j = i * k; j < (i + 1) * k; j++) {
            double d = (double)logits[j] - (double)targets[j], size = fabs(d);
            sum += share * (size <= delta ? d * d / 2 : delta * (size - delta / 2));
            if (diff) diff[j] = (float)(share * (size <= delta ? d : copysign(delta, d)));
        }
    }
    *loss = sum;
    return NW_OK;
}

const nw_train_loss nw_train_loss_huber = {
    "huber", "squared error near the target, absolute error beyond delta (the parameter; 1)", run};
