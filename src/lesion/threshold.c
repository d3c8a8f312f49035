/* How many bits per mL make a lesion. */
#include "lesion/lesions.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
#define NAME(NAME, name, text) name,
    NW_THRESHOLD_LIST(NAME)
#undef NAME
};
enum { RULES = sizeof names / sizeof *names };

const char *nw_threshold_rule_name(nw_threshold_rule rule)
{
    return (unsigned)rule < RULES ? names[rule] : "unknown";
}

nw_status nw_threshold_rule_parse(const char *name, nw_threshold_rule *rule, nw_error *err)
{
    for (unsigned i = 0; i < RULES; i++)
        if (strcmp(name, names[i]) == 0) {
            *rule = (nw_threshold_rule)i;
            return NW_OK;
        }
    return nw_fail(err, NW_USAGE, "threshold rule '%s': healthy, fixed, otsu or share", name);
}

void nw_lesion_options_init(nw_lesion_options *options, const nw_healthy *healthy)
{
    *options = (nw_lesion_options){.gate = 0.5,
                                   .rule = healthy ? NW_THRESHOLD_HEALTHY : NW_THRESHOLD_OTSU,
                                   .healthy = healthy,
                                   .quantile = 0.99,
                                   .share = 0.5,
                                   .min_ml = 0.1};
}

nw_status nw_lesion_options_check(const nw_lesion_options *o, nw_error *err)
{
    if ((unsigned)o->rule >= RULES)
        return nw_fail(err, NW_USAGE, "threshold rule %d is unknown", (int)o->rule);
    if (o->rule == NW_THRESHOLD_FIXED && !(o->threshold >= 0 && o->threshold <= 1e30))
        return nw_fail(err, NW_USAGE, "a threshold of %g bits per mL: not negative, and finite",
                       o->threshold);
    if (o->rule == NW_THRESHOLD_HEALTHY && !o->healthy)
        return nw_fail(
            err, NW_USAGE,
            "the threshold comes from negative scans, but their numbers were not given; give them, or "
            "choose fixed, otsu or share");
    if (o->rule == NW_THRESHOLD_SHARE && !(o->share > 0 && o->share <= 1))
        return nw_fail(err, NW_USAGE, "a share of %g of the largest density: above 0, up to 1", o->share);
    if (!(o->low_hu <= o->high_hu) || !isfinite(o->low_hu) || !isfinite(o->high_hu))
        return nw_fail(err, NW_USAGE, "a gate from %g to %g HU: the lower first", o->low_hu, o->high_hu);
    if (!(o->min_ml >= 0 && isfinite(o->min_ml)))
        return nw_fail(err, NW_USAGE, "a smallest lesion of %g mL: not negative", o->min_ml);
    return NW_OK;
}

/* Otsu, IEEE TSMC 9(1), 1979: the threshold that makes the variance between the two classes largest, over
 * 1024 equal bins from 0 to the largest density. */
static double otsu(const nw_lungs *lungs, const float *density, double most)
{
    enum { BINS = 1024 };
    double bins[BINS] = {0}, total = 0, sum = 0;
    int64_t count = nw_grid_count(&lungs->grid);
    for (int64_t i = 0; i < count; i++) {
        if (!lungs->labels[i]) continue;
        int b = (int)((double)density[i] / most * BINS);
        bins[b < BINS ? b : BINS - 1]++;
    }
    for (int b = 0; b < BINS; b++) total += bins[b], sum += b * bins[b];
    double below = 0, below_sum = 0, best = -1;
    int first = 1, last = 1;
    for (int b = 1; b < BINS; b++) {
        below += bins[b - 1];
        below_sum += (b - 1) * bins[b - 1];
        double above = total - below;
        if (below <= 0 || above <= 0) continue;
        double d = below_sum / below - (sum - below_sum) / above, between = below * above * d * d;
        if (between > best * (1 + 1e-12)) best = between, first = b;
        if (between >= best * (1 - 1e-12)) last = b;
    }
    /* The middle of a stretch of empty bins, which all do equally well. */
    return ((double)first + (double)last) / 2 / BINS * most;
}

nw_status nw_lesion_threshold(const nw_lungs *lungs, const float *density, const nw_lesion_options *o,
                              double *bits_per_ml, nw_error *err)
{
    NW_TRY(nw_lesion_options_check(o, err));
    if (o->rule == NW_THRESHOLD_HEALTHY)
        return nw_healthy_quantile(o->healthy, o->quantile, bits_per_ml, err);
    if (o->rule == NW_THRESHOLD_FIXED) {
        *bits_per_ml = o->threshold;
        return NW_OK;
    }
    NW_TRY(nw_density_check(&lungs->grid, density, err));
    float most = 0;
    int64_t count = nw_grid_count(&lungs->grid);
    for (int64_t i = 0; i < count; i++)
        if (lungs->labels[i] && density[i] > most) most = density[i];
    if (most <= 0)
        *bits_per_ml = 0;
    else
        *bits_per_ml =
            o->rule == NW_THRESHOLD_SHARE ? o->share * (double)most : otsu(lungs, density, (double)most);
    return NW_OK;
}
