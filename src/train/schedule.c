#include "train/schedule.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* From a to b by half a cosine, at 0 <= p <= 1. */
static double between(double a, double b, double p)
{
    return b + (a - b) * (1 + cos(pi * p)) / 2;
}

static double constant(const nw_schedule *s, int64_t t, int64_t total)
{
    (void)t;
    (void)total;
    return s->rate;
}

static double cosine(const nw_schedule *s, int64_t t, int64_t total)
{
    return between(s->rate, s->rate * s->least, (double)t / (double)total);
}

static double step(const nw_schedule *s, int64_t t, int64_t total)
{
    (void)total;
    return s->rate * pow(s->factor, (double)(t / s->every));
}

static double one_cycle(const nw_schedule *s, int64_t t, int64_t total)
{
    const double first = s->rate / 25, last = first / 1e4;
    double rise = s->rise > 0 ? s->rise : 0.3;
    double top = fmax(rise * (double)total - 1, 0), end = (double)total - 1;
    if ((double)t < top) return between(first, s->rate, (double)t / top);
    return end > top ? between(s->rate, last, ((double)t - top) / (end - top)) : s->rate;
}

static const struct rule {
    const char *name;
    double (*rate)(const nw_schedule *s, int64_t t, int64_t total);
} rules[] = {{"constant", constant}, {"cosine", cosine}, {"one-cycle", one_cycle}, {"step", step}};
enum { RULES = sizeof rules / sizeof rules[0] };

static const struct rule *find(const nw_schedule *s)
{
    const char *name = s->name ? s->name : "constant";
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].name, name) == 0) return &rules[i];
    return NULL;
}

const char *nw_schedule_name(size_t i)
{
    return i < RULES ? rules[i].name : NULL;
}

nw_status nw_schedule_check(const nw_schedule *s, nw_error *err)
{
    const struct rule *rule = find(s);
    if (!rule)
        return nw_fail(err, NW_USAGE,
                       "there is no learning-rate schedule '%s': constant, cosine, one-cycle, step", s->name);
    if (!(s->rate > 0) || !isfinite(s->rate))
        return nw_fail(err, NW_USAGE, "a learning rate of %g: it has to be above 0", s->rate);
    if (s->steps < 1 || s->warmup < 0 || s->warmup >= s->steps)
        return nw_fail(err, NW_USAGE, "a warm-up of %lld steps does not fit into a training of %lld",
                       (long long)s->warmup, (long long)s->steps);
    if (rule->rate == cosine && !(s->least >= 0 && s->least <= 1))
        return nw_fail(err, NW_USAGE, "a cosine cannot end at %g of the learning rate: 0 to 1", s->least);
    if (rule->rate == step && (s->every < 1 || !(s->factor > 0 && s->factor <= 1)))
        return nw_fail(
            err, NW_USAGE,
            "a step schedule with factor %g every %lld steps: it wants 0 < factor <= 1, every >= 1",
            s->factor, (long long)s->every);
    if (rule->rate == one_cycle && s->warmup)
        return nw_fail(err, NW_USAGE, "one-cycle warms up by itself: leave the warm-up away");
    if (rule->rate == one_cycle && !(s->rise >= 0 && s->rise < 1))
        return nw_fail(err, NW_USAGE, "one-cycle cannot rise over the share %g of the steps: 0 to 1",
                       s->rise);
    return NW_OK;
}

double nw_schedule_rate(const nw_schedule *s, int64_t at)
{
    const struct rule *rule = find(s);
    if (at < 0) at = 0;
    if (at >= s->steps) at = s->steps - 1;
    if (at < s->warmup) return s->rate * (double)(at + 1) / (double)s->warmup;
    return rule ? rule->rate(s, at - s->warmup, s->steps - s->warmup) : s->rate;
}
