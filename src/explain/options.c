#include "explain/explainer.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY_STEPS = 5 };

void nw_explain_options_init(nw_explain_options *options)
{
    *options = (nw_explain_options){.target = -1,
                                    .beta = 10,
                                    .sigma = 1,
                                    .steps = 10,
                                    .rate = 1,
                                    .samples = 8,
                                    .early_steps = EARLY_STEPS,
                                    .schedule = NW_SCHEDULE_SLOPE,
                                    .noise = NW_NOISE_ANTITHETIC,
                                    .min_std = 0.01,
                                    .initial_alpha = 5,
                                    .active_threshold = 0.01,
                                    .loss_weight = 1,
                                    .precision = NW_PRECISION_AUTO};
}

static const char *const loss_names[] = {
#define ROW(NAME, name, text) [NW_LOSS_##NAME] = name,
    NW_LOSS_LIST(ROW)
#undef ROW
};
enum { LOSSES = sizeof loss_names / sizeof loss_names[0] };

const char *nw_loss_name(nw_loss loss)
{
    return (unsigned)loss < LOSSES ? loss_names[loss] : "unknown";
}

nw_status nw_loss_parse(const char *text, nw_loss *loss, double *value, nw_error *err)
{
    for (unsigned i = 0; i < LOSSES; i++)
        if (i != NW_LOSS_VALUE && strcmp(text, loss_names[i]) == 0) {
            *loss = (nw_loss)i;
            return NW_OK;
        }
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number))
        return nw_fail(err, NW_USAGE,
                       "loss '%.60s': it is auto, cross-entropy, binary, raise, lower, keep, or a number to "
                       "come near to",
                       text);
    *loss = NW_LOSS_VALUE;
    *value = number;
    return NW_OK;
}

nw_status nw_explain_options_check(const nw_explain_options *o, nw_error *err)
{
    if (!(o->beta >= 0 && isfinite(o->beta)))
        return nw_fail(err, NW_USAGE, "beta is %g: it must be 0 or a positive number", o->beta);
    if (!(o->rate > 0 && isfinite(o->rate)))
        return nw_fail(err, NW_USAGE, "the rate is %g: it must be a positive number", o->rate);
    if (!(o->min_std > 0 && isfinite(o->min_std)))
        return nw_fail(err, NW_USAGE, "the least deviation is %g: it must be a positive number", o->min_std);
    if (!(fabs(o->initial_alpha) <= 60))
        return nw_fail(err, NW_USAGE, "the initial alpha is %g: it must lie between -60 and 60",
                       o->initial_alpha);
    if (!(o->active_threshold >= 0 && o->active_threshold < 1))
        return nw_fail(err, NW_USAGE, "the threshold of active neurons is %g: it must be in [0, 1)",
                       o->active_threshold);
    if (!isfinite(o->loss_weight) || !isfinite(o->loss_value))
        return nw_fail(err, NW_USAGE, "the weight and the value of the loss must be finite");
    if (o->steps < 1 || o->steps >= NW_RNG_MOST_STEPS)
        return nw_fail(err, NW_USAGE, "steps is %d: it must be 1 .. %d", o->steps, NW_RNG_MOST_STEPS - 1);
    if (o->samples < 1 || o->samples >= NW_RNG_MOST_SAMPLES)
        return nw_fail(err, NW_USAGE, "samples is %d: it must be 1 .. %d", o->samples,
                       NW_RNG_MOST_SAMPLES - 1);
    if (o->early_samples < 0 || o->early_samples >= NW_RNG_MOST_SAMPLES || o->early_steps < 0)
        return nw_fail(err, NW_USAGE, "early samples and steps are %d and %d: they must be 0 or more",
                       o->early_samples, o->early_steps);
    if (o->early_samples > 0 && o->schedule != NW_SCHEDULE_EVEN)
        return nw_fail(
            err, NW_USAGE,
            "early samples are %d: they are for the even schedule; the one by the slope has its own",
            o->early_samples);
    if (o->early_samples == 0 && o->early_steps != EARLY_STEPS)
        return nw_fail(err, NW_USAGE,
                       "early steps are %d: they say how many steps have the early samples, of which there are none",
                       o->early_steps);
    if (o->batch < 0) return nw_fail(err, NW_USAGE, "batch is %d: it must be 0 (choose) or more", o->batch);
    if (o->target < -1)
        return nw_fail(err, NW_USAGE,
                       "target is %lld: it must be 0 or more, or -1 for what the model predicts",
                       (long long)o->target);
    if ((unsigned)o->loss >= LOSSES || (unsigned)o->beta_over > NW_BETA_OVER_SUM ||
        (unsigned)o->readout > NW_READOUT_AFTER || (unsigned)o->noise > NW_NOISE_ANTITHETIC ||
        (unsigned)o->schedule > NW_SCHEDULE_SLOPE || (unsigned)o->precision > NW_PRECISION_AUTO)
        return nw_fail(err, NW_USAGE, "an option has a value outside its list");
    return NW_OK;
}

nw_status nw_loss_resolve(const nw_explain_options *options, const nw_head *head, nw_loss *out, nw_error *err)
{
    nw_loss loss = options->loss;
    if (loss == NW_LOSS_AUTO)
        loss = head->kind == NW_HEAD_SOFTMAX      ? NW_LOSS_CROSS_ENTROPY
               : head->kind == NW_HEAD_REGRESSION ? NW_LOSS_RAISE
                                                  : NW_LOSS_BINARY;
    if (loss == NW_LOSS_CROSS_ENTROPY && head->count < 2)
        return nw_fail(
            err, NW_USAGE,
            "loss cross-entropy needs several classes, the model has one output: use binary, raise, lower or "
            "keep");
    if (loss == NW_LOSS_BINARY && head->kind == NW_HEAD_REGRESSION)
        return nw_fail(err, NW_USAGE,
                       "loss binary needs a class, the model gives a quantity (%s): use raise, lower, "
                       "keep or a value",
                       head->reason);
    *out = loss;
    return NW_OK;
}
