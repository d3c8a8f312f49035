#include "lesion/healthy.h"

#include "base/memory.h"
#include "lesion/lesions.h"

#include <math.h>
#include <string.h>

nw_status nw_healthy_new(nw_healthy **out, nw_error *err)
{
    nw_healthy *h = nw_calloc(1, sizeof *h);
    if (!h) return nw_no_memory(err, sizeof *h, "numbers of healthy lungs");
    *out = h;
    return NW_OK;
}

void nw_healthy_free(nw_healthy *healthy)
{
    if (!healthy) return;
    nw_free(healthy->model_digest);
    nw_free(healthy->settings);
    nw_free(healthy);
}

static int bin_of(double density)
{
    if (!(density >= pow(10, NW_HEALTHY_LOWEST))) return 0;
    double b = (log10(density) - NW_HEALTHY_LOWEST) * NW_HEALTHY_PER_DECADE;
    return b >= NW_HEALTHY_BINS - 2 ? NW_HEALTHY_BINS - 1 : 1 + (int)b;
}

nw_status nw_healthy_add_values(nw_healthy *healthy, const float *density, const uint8_t *mask, size_t count,
                                double voxel_ml, nw_error *err)
{
    if (!(voxel_ml > 0 && isfinite(voxel_ml)))
        return nw_fail(err, NW_USAGE, "voxels of %g mL: positive and finite", voxel_ml);
    int64_t voxels = 0;
    for (size_t i = 0; i < count; i++) {
        if (mask && !mask[i]) continue;
        voxels++;
        if (!(density[i] >= 0 && density[i] <= 1e30f))
            return nw_fail(err, density[i] < 0 ? NW_BAD_INPUT : NW_NOT_FINITE,
                           "voxel %zu of the map has %g bits per mL: bits are finite and not negative", i,
                           (double)density[i]);
    }
    if (!voxels) return nw_fail(err, NW_BAD_INPUT, "the scan has no lung to learn from");
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (mask && !mask[i]) continue;
        double d = (double)density[i];
        healthy->ml[bin_of(d)] += voxel_ml;
        if (d > healthy->largest) healthy->largest = d;
        sum += d;
    }
    healthy->bits += sum * voxel_ml;
    healthy->total_ml += (double)voxels * voxel_ml;
    healthy->scans++;
    return NW_OK;
}

nw_status nw_healthy_add(nw_healthy *healthy, const nw_lungs *lungs, const float *density, nw_error *err)
{
    return nw_healthy_add_values(healthy, density, lungs->labels, (size_t)nw_grid_count(&lungs->grid),
                                 nw_grid_voxel_ml(&lungs->grid), err);
}

static int differ(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

nw_status nw_healthy_merge(nw_healthy *healthy, const nw_healthy *other, nw_error *err)
{
    if (differ(healthy->model_digest, other->model_digest))
        return nw_fail(err, NW_BAD_INPUT,
                       "numbers of healthy lungs of different models cannot be put together");
    if (differ(healthy->settings, other->settings))
        return nw_fail(
            err, NW_BAD_INPUT,
            "numbers of healthy lungs that were made with different settings cannot be put together");
    for (int i = 0; i < NW_HEALTHY_BINS; i++) healthy->ml[i] += other->ml[i];
    healthy->total_ml += other->total_ml;
    healthy->bits += other->bits;
    healthy->scans += other->scans;
    if (other->largest > healthy->largest) healthy->largest = other->largest;
    return NW_OK;
}

int64_t nw_healthy_scans(const nw_healthy *healthy)
{
    return healthy->scans;
}

double nw_healthy_ml(const nw_healthy *healthy)
{
    return healthy->total_ml;
}

double nw_healthy_bits_per_litre(const nw_healthy *healthy)
{
    return healthy->total_ml > 0 ? 1000 * healthy->bits / healthy->total_ml : 0;
}

double nw_healthy_largest(const nw_healthy *healthy)
{
    return healthy->largest;
}

nw_status nw_healthy_quantile(const nw_healthy *healthy, double q, double *bits_per_ml, nw_error *err)
{
    if (!(q >= 0 && q <= 1)) return nw_fail(err, NW_USAGE, "a quantile of %g: 0 to 1", q);
    if (!healthy->scans) return nw_fail(err, NW_BAD_INPUT, "the numbers of healthy lungs hold no scan");
    double total = 0, below = 0;
    for (int i = 0; i < NW_HEALTHY_BINS; i++) total += healthy->ml[i];
    for (int i = 0; i < NW_HEALTHY_BINS; i++) {
        if (below + healthy->ml[i] < q * total || healthy->ml[i] <= 0) {
            below += healthy->ml[i];
            continue;
        }
        if (i == 0) {
            *bits_per_ml = 0;
            return NW_OK;
        }
        double part = (q * total - below) / healthy->ml[i];
        double value = pow(10, NW_HEALTHY_LOWEST + (i - 1 + part) / NW_HEALTHY_PER_DECADE);
        *bits_per_ml = i == NW_HEALTHY_BINS - 1 ? healthy->largest : fmin(value, healthy->largest);
        return NW_OK;
    }
    *bits_per_ml = healthy->largest;
    return NW_OK;
}

nw_status nw_healthy_set_facts(nw_healthy *healthy, const char *model_digest, const char *settings,
                               nw_error *err)
{
    char *digest = model_digest ? nw_strdup(model_digest) : NULL,
         *text = settings ? nw_strdup(settings) : NULL;
    if ((model_digest && !digest) || (settings && !text)) {
        nw_free(digest);
        nw_free(text);
        return nw_no_memory(err, 1, "facts");
    }
    nw_free(healthy->model_digest);
    nw_free(healthy->settings);
    healthy->model_digest = digest;
    healthy->settings = text;
    return NW_OK;
}

const char *nw_healthy_model_digest(const nw_healthy *healthy)
{
    return healthy->model_digest;
}

const char *nw_healthy_settings(const nw_healthy *healthy)
{
    return healthy->settings;
}
