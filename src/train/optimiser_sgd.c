/* Stochastic gradient descent with momentum, as torch.optim.SGD without dampening:
 *
 *     g <- g + decay p;  b <- momentum b + g;  p <- p - lr b   (Nesterov: p - lr (g + momentum b))
 */
#include "train/optimiser.h"

static bool needs_states(const nw_optimiser_options *options)
{
    return options->momentum > 0;
}

static nw_status check(const nw_optimiser_options *o, nw_error *err)
{
    if (!(o->momentum >= 0 && o->momentum < 1))
        return nw_fail(err, NW_USAGE, "a momentum of %g is not within 0 and 1", o->momentum);
    if (o->nesterov && !(o->momentum > 0))
        return nw_fail(err, NW_USAGE, "Nesterov's step needs a momentum above 0");
    return NW_OK;
}

static void update(const nw_optimiser_update *u, size_t begin, size_t end)
{
    float *restrict p = u->param, *restrict b = u->state[0];
    const float *restrict grad = u->grad;
    const float lr = (float)u->lr, decay = (float)u->decay, momentum = (float)u->options->momentum;
    if (!b) {
        for (size_t i = begin; i < end; i++) p[i] -= lr * (grad[i] + decay * p[i]);
    } else if (u->options->nesterov) {
        for (size_t i = begin; i < end; i++) {
            float g = grad[i] + decay * p[i];
            b[i] = momentum * b[i] + g;
            p[i] -= lr * (g + momentum * b[i]);
        }
    } else {
        for (size_t i = begin; i < end; i++) {
            b[i] = momentum * b[i] + (grad[i] + decay * p[i]);
            p[i] -= lr * b[i];
        }
    }
}

const nw_optimiser_kind nw_optimiser_sgd = {
    .name = "sgd",
    .defaults = {.name = "sgd", .momentum = 0.9},
    .states = {"momentum"},
    .needs_states = needs_states,
    .check = check,
    .update = update,
};
