/* Expected calibration error, with bins of equal width or of equal numbers of samples. */
#include "base/memory.h"
#include "evaluate/resample.h"

#include <math.h>

typedef struct calibration {
    const nw_ranked *order; /* by probability, the lowest first */
    const uint8_t *events;
    size_t count;
    int bins;
    bool adaptive;
} calibration;

typedef struct sums {
    double n, probability, events;
} sums;

static int equal_width(double p, int bins)
{
    /* The bin whose upper end is the first that p does not exceed; the ends are b / bins as printed. */
    int b = (int)ceil(p * bins) - 1;
    b = b < 0 ? 0 : b >= bins ? bins - 1 : b;
    while (b > 0 && p <= (double)b / bins) b--;
    while (b + 1 < bins && p > (double)(b + 1) / bins) b++;
    return b;
}

/* Samples of one probability are in one bin in either way. into[bins] may be NULL. */
static double error_of(const calibration *c, const uint32_t *times, sums *bin, nw_calibration_bin *into)
{
    double all = 0, below = 0, error = 0;
    for (int b = 0; b < c->bins; b++) bin[b] = (sums){0};
    for (size_t i = 0; i < c->count; i++) all += times ? (double)times[i] : 1;
    for (size_t i = 0, j; i < c->count; i = j) {
        double p = c->order[i].value, n = 0, events = 0;
        for (j = i; j < c->count && c->order[j].value <= p; j++) {
            double t = times ? (double)times[c->order[j].at] : 1;
            n += t;
            if (c->events[c->order[j].at]) events += t;
        }
        if (!(n > 0)) continue;
        int b = c->adaptive ? (int)((below + n / 2) / all * c->bins) : equal_width(p, c->bins);
        b = b < c->bins ? b : c->bins - 1;
        if (into && c->adaptive && !(bin[b].n > 0)) into[b].low = p;
        if (into && c->adaptive) into[b].high = p;
        bin[b].n += n;
        bin[b].probability += n * p;
        bin[b].events += events;
        below += n;
    }
    for (int b = 0; b < c->bins; b++) error += fabs(bin[b].probability - bin[b].events) / all;
    return error;
}

static nw_score statistic(const void *context, const uint32_t *times, double *scratch)
{
    return nw_score_of(error_of(context, times, (sums *)(void *)scratch, NULL));
}

static void fill(const calibration *c, sums *bin, nw_calibration_bin *into)
{
    for (int b = 0; b < c->bins; b++) {
        into[b] = (nw_calibration_bin){0};
        if (!c->adaptive) into[b].low = (double)b / c->bins;
        if (!c->adaptive) into[b].high = (double)(b + 1) / c->bins;
    }
    error_of(c, NULL, bin, into);
    for (int b = 0; b < c->bins; b++) {
        if (!(bin[b].n > 0)) continue;
        into[b].count = (size_t)bin[b].n;
        into[b].probability = bin[b].probability / bin[b].n;
        into[b].share = bin[b].events / bin[b].n;
    }
}

nw_status nw_metric_calibration(const double *probabilities, const uint8_t *events, size_t count, int bins,
                                int adaptive, const nw_metric_options *options, nw_estimate *out,
                                nw_calibration_bin *into, nw_error *err)
{
    if (bins == 0) bins = NW_CALIBRATION_BINS;
    if (bins < 1 || bins > NW_CALIBRATION_MOST_BINS)
        return nw_fail(err, NW_USAGE, "%d bins are not within 1 and %d", bins, NW_CALIBRATION_MOST_BINS);
    NW_TRY(nw_metric_check(probabilities, count, 1, "probability", err));
    for (size_t i = 0; i < count; i++)
        if (probabilities[i] < 0 || probabilities[i] > 1)
            return nw_fail(err, NW_BAD_INPUT, "the probability of sample %zu is %g", i, probabilities[i]);
    nw_ranked *order = nw_rank_order(probabilities, count);
    sums *bin = nw_calloc((size_t)bins, sizeof *bin);
    const calibration c = {order, events, count, bins, adaptive};
    nw_status status = NW_OK;
    if (!order || !bin) status = nw_no_memory(err, count * sizeof *order, "a calibration error");
    if (status == NW_OK)
        status = nw_bootstrap(statistic, &c, count, (size_t)bins * sizeof(sums) / sizeof(double), options,
                              true, out, err);
    if (status == NW_OK && into) fill(&c, bin, into);
    nw_free(order);
    nw_free(bin);
    return status;
}
