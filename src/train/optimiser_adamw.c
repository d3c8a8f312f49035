/* Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), as torch.optim.AdamW:
 *
 *     p <- p (1 - lr decay);  m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
 *     p <- p - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 */
#include "train/optimiser.h"

#include <math.h>

static bool needs_states(const nw_optimiser_options *options)
{
    (void)options;
    return true;
}

static nw_status check(const nw_optimiser_options *o, nw_error *err)
{
    if (!(o->beta1 >= 0 && o->beta1 < 1) || !(o->beta2 >= 0 && o->beta2 < 1))
        return nw_fail(err, NW_USAGE, "betas of %g and %g are not within 0 and 1", o->beta1, o->beta2);
    /* Below the smallest normal float the quotient of two zeros would be none. */
    if (!(o->epsilon >= 1e-30) || !isfinite(o->epsilon))
        return nw_fail(err, NW_USAGE, "an epsilon of %g: it has to be at least 1e-30", o->epsilon);
    return NW_OK;
}

static void update(const nw_optimiser_update *u, size_t begin, size_t end)
{
    const nw_optimiser_options *o = u->options;
    float *restrict p = u->param, *restrict m = u->state[0], *restrict v = u->state[1];
    const float *restrict g = u->grad;
    const float keep = (float)(1 - u->lr * u->decay);
    const float beta1 = (float)o->beta1, rest1 = (float)(1 - o->beta1);
    const float beta2 = (float)o->beta2, rest2 = (float)(1 - o->beta2);
    const float size = (float)(u->lr / (1 - pow(o->beta1, (double)u->step)));
    const float root = (float)(1 / sqrt(1 - pow(o->beta2, (double)u->step)));
    const float epsilon = (float)o->epsilon;
    for (size_t i = begin; i < end; i++) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
        p[i] = p[i] * keep - size * (m[i] / (sqrtf(v[i]) * root + epsilon));
    }
}

const nw_optimiser_kind nw_optimiser_adamw = {
    .name = "adamw",
    .defaults = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01},
    .states = {"first", "second"},
    .squares = true,
    .needs_states = needs_states,
    .check = check,
    .update = update,
};
