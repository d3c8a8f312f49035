/* How much severity moves from one run to the next. */
#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <narrows/lesion.h>
#include <string.h>

/* The k-th smallest, by counting: runs are few, and nothing needs to be copied or sorted. */
static double smallest(const double *values, size_t count, size_t k)
{
    for (size_t i = 0; i < count; i++) {
        size_t below = 0, equal = 0;
        for (size_t j = 0; j < count; j++) {
            below += values[j] < values[i];
            equal += values[j] == values[i];
        }
        if (below <= k && k < below + equal) return values[i];
    }
    return NAN;
}

/* The value below which a share q of the values lies, linear between them (Hyndman and Fan's type 7). */
static double quantile(const double *values, size_t count, double q)
{
    double at = q * (double)(count - 1), whole = floor(at);
    size_t i = (size_t)whole;
    double low = smallest(values, count, i), high = i + 1 < count ? smallest(values, count, i + 1) : low;
    return low + (at - whole) * (high - low);
}

nw_interval nw_interval_of(const double *values, size_t count)
{
    nw_interval out = {.runs = count};
    if (!count) return out;
    double sum = 0, square = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    out.mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) square += (values[i] - out.mean) * (values[i] - out.mean);
    out.deviation = count > 1 ? sqrt(square / (double)(count - 1)) : 0;
    out.low = quantile(values, count, 0.025);
    out.high = quantile(values, count, 0.975);
    return out;
}

nw_status nw_severity_interval_of(const nw_severity *runs, size_t count, nw_severity_interval *out,
                                  nw_error *err)
{
    if (!count) return nw_fail(err, NW_USAGE, "an interval needs at least one run");
    double *v = nw_calloc(count, sizeof *v);
    if (!v) return nw_no_memory(err, count * sizeof *v, "an interval");
    nw_severity_interval made;
    memset(&made, 0, sizeof made);
#define INTERVAL(field, value)                                                                               \
    do {                                                                                                     \
        for (size_t i = 0; i < count; i++) v[i] = (double)(runs[i].value);                                   \
        made.field = nw_interval_of(v, count);                                                               \
    } while (0)
    for (int side = 0; side < NW_SIDES; side++) INTERVAL(share[side], sides[side].share);
    INTERVAL(involved_ml, sides[0].involved_ml);
    INTERVAL(bits, sides[0].bits);
    INTERVAL(bits_per_litre, bits_per_litre);
    INTERVAL(grade, grade);
    INTERVAL(zone_score, zone_score);
    INTERVAL(lobe_score, lobe_score);
#undef INTERVAL
    for (size_t i = 0; i < count; i++)
        if (runs[i].grade >= 0 && runs[i].grade < 5) made.grade_votes[runs[i].grade]++;
    nw_free(v);
    *out = made;
    return NW_OK;
}
