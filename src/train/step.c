/* One step: forward, loss, backward, update. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* The loss of studies, through the pooling of their slices. */
static nw_status bag_loss(nw_trainer *t, double *loss, nw_error *err)
{
    int64_t k = t->outputs, m = t->per_row;
    double parameter = t->s.o.pooling_parameter;
    for (int64_t b = 0; b < t->rows; b++)
        NW_TRY(
            nw_pooling_forward(t->s.pooling, t->logits + b * m * k, m, k, parameter, t->pooled + b * k, err));
    NW_TRY(t->s.loss->run(t->pooled, t->targets, t->weights, t->rows, k, t->s.o.loss_parameter,
                          t->pooled_diff, loss, err));
    for (int64_t b = 0; b < t->rows; b++)
        NW_TRY(nw_pooling_backward(t->s.pooling, t->logits + b * m * k, m, k, parameter,
                                   t->pooled_diff + b * k, t->diff + b * m * k, err));
    return NW_OK;
}

nw_status nw_train_failed(const nw_trainer *t, nw_status status, int64_t step, nw_error *err)
{
    if (status != NW_NOT_FINITE || !err) return status;
    nw_error why = *err;
    return nw_fail(
        err, NW_NOT_FINITE,
        "step %lld (epoch %lld), learning rate %.3g: %s; the last good checkpoint is %s; a lower rate, a "
        "longer warm-up or a limit of the gradient's norm may help",
        (long long)step + 1, (long long)t->epoch + 1, nw_schedule_rate(&t->schedule, step), why.message,
        t->checkpoint ? t->checkpoint : "none");
}

static nw_status update(nw_trainer *t, double *norm, nw_error *err)
{
    NW_TRY(nw_gradient_clip(t->grads, t->learned, t->sizes, t->s.o.clip, norm, err));
    NW_TRY(nw_optimiser_step(t->optimiser, t->values, (const float *const *)t->grads,
                             nw_schedule_rate(&t->schedule, t->step), err));
    for (size_t i = t->learned; i < t->count; i++) {
        if (!nw_array_finite(t->updated[i - t->learned], t->sizes[i]))
            return nw_fail(err, NW_NOT_FINITE, "the running statistic '%s' is not finite", t->names[i]);
        memcpy(t->values[i], t->updated[i - t->learned], (size_t)t->sizes[i] * sizeof(float));
    }
    if (!t->average.count) return NW_OK;
    return nw_average_step(t->average.arrays, (const float *const *)t->values, t->count, t->sizes,
                           t->s.o.average, t->step, err);
}

nw_status nw_train_step(nw_trainer *t, int64_t at, double *loss, double *norm, nw_error *err)
{
    nw_error own;
    if (!err) err = &own;
    NW_TRY(nw_train_batch(t, at, err));
    NW_TRY(nw_program_run(t->program, err));
    nw_status status = t->s.pooling ? bag_loss(t, loss, err)
                                    : t->s.loss->run(t->logits, t->targets, t->weights, t->rows, t->outputs,
                                                     t->s.o.loss_parameter, t->diff, loss, err);
    if (status == NW_OK && !isfinite(*loss)) status = nw_fail(err, NW_NOT_FINITE, "the loss is %g", *loss);
    if (status == NW_OK) status = nw_program_backward(t->program, err);
    if (status == NW_OK) status = update(t, norm, err);
    if (status != NW_OK) return nw_train_failed(t, status, t->step, err);
    t->step++;
    return NW_OK;
}
