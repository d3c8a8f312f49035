/* Components of a map above its threshold, and what each measures. */
#include "lesion/lesions.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "lesion/components.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void nw_lesions_free(nw_lesions *lesions)
{
    if (!lesions) return;
    nw_free(lesions->items);
    nw_free(lesions->labels);
    nw_free(lesions);
}

enum { CHUNK = 1 << 18 }; /* voxels for one thread at a time */

typedef struct marking {
    const unsigned char *lungs;
    const float *density, *hu; /* hu NULL: no gate */
    double threshold, low, high;
    uint8_t *mask;
} marking;

static void mark(void *context, size_t begin, size_t end)
{
    const marking *m = context;
    for (size_t i = begin; i < end; i++)
        m->mask[i] = (m->lungs[i] != 0) & (m->density[i] > 0) & ((double)m->density[i] >= m->threshold);
    for (size_t i = begin; m->hu && i < end; i++)
        m->mask[i] &= ((double)m->hu[i] >= m->low) & ((double)m->hu[i] <= m->high);
}

void nw_lesion_mark(const nw_lungs *lungs, const float *density, const float *hu, const nw_lesion_options *o,
                    double threshold, uint8_t *mask)
{
    const bool gated = o->low_hu != 0 || o->high_hu != 0;
    marking m = {lungs->labels, density, gated ? hu : NULL, threshold, o->low_hu, o->high_hu, mask};
    nw_parallel((size_t)nw_grid_count(&lungs->grid), CHUNK, mark, &m);
}

/* Sums over a component. */
typedef struct sums {
    int32_t component;
    int64_t voxels, low[3], high[3];
    int64_t place[NW_SIDES][NW_ZONES], lobe[NW_LOBES + 1];
    double center[3], density, most, hu, low_mm[3], high_mm[3];
} sums;

static void add_run(const nw_lungs *lungs, const float *density, const float *hu, const nw_run *run,
                    int64_t j, int64_t k, sums *s)
{
    const nw_grid *g = &lungs->grid;
    const int64_t row = g->dims[0] * (j + g->dims[1] * k), from[3] = {run->begin, j, k},
                  to[3] = {run->end - 1, j, k};
    const double length = (double)(run->end - run->begin);
    s->voxels += run->end - run->begin;
    s->center[0] += length * (double)(from[0] + to[0]) / 2;
    s->center[1] += length * (double)j;
    s->center[2] += length * (double)k;
    for (int a = 0; a < 3; a++) {
        if (from[a] < s->low[a]) s->low[a] = from[a];
        if (to[a] > s->high[a]) s->high[a] = to[a];
    }
    for (int r = 0; r < 3; r++) {
        const double *a = g->affine[r];
        double half = (fabs(a[0]) + fabs(a[1]) + fabs(a[2])) / 2,
               base = a[1] * (double)j + a[2] * (double)k + a[3];
        double p = base + a[0] * (double)from[0], q = base + a[0] * (double)to[0];
        s->low_mm[r] = fmin(s->low_mm[r], fmin(p, q) - half);
        s->high_mm[r] = fmax(s->high_mm[r], fmax(p, q) + half);
    }
    const double *up = g->affine[2], base = up[1] * (double)j + up[2] * (double)k + up[3];
    for (int64_t i = run->begin; i < run->end; i++) {
        double d = (double)density[row + i];
        nw_side side = (nw_side)lungs->labels[row + i];
        s->density += d;
        if (d > s->most) s->most = d;
        if (hu) s->hu += (double)hu[row + i];
        s->place[side][nw_lungs_zone(lungs, side, base + up[0] * (double)i)]++;
        if (lungs->lobes) s->lobe[lungs->lobes[row + i]]++;
    }
}

static void finish(const nw_lungs *lungs, const sums *s, int has_hu, nw_lesion *out)
{
    const double voxel_ml = nw_grid_voxel_ml(&lungs->grid), n = (double)s->voxels;
    *out = (nw_lesion){.voxels = s->voxels,
                       .volume_ml = n * voxel_ml,
                       .bits = s->density * voxel_ml,
                       .max_density = s->most,
                       .mean_density = s->density / n,
                       .mean_hu = has_hu ? s->hu / n : 0};
    for (int a = 0; a < 3; a++) {
        out->box_voxel[0][a] = s->low[a];
        out->box_voxel[1][a] = s->high[a];
        out->box_mm[0][a] = s->low_mm[a];
        out->box_mm[1][a] = s->high_mm[a];
        out->centroid_voxel[a] = s->center[a] / n;
    }
    nw_grid_world(&lungs->grid, out->centroid_voxel, out->centroid_mm);
    int64_t best = -1;
    for (int side = 1; side < NW_SIDES; side++) {
        int64_t all = s->place[side][0] + s->place[side][1] + s->place[side][2];
        if (all > best) best = all, out->side = (nw_side)side;
    }
    best = -1;
    for (int zone = 0; zone < NW_ZONES; zone++) {
        int64_t all = s->place[1][zone] + s->place[2][zone];
        if (all > best) best = all, out->zone = (nw_zone)zone;
    }
    best = 0;
    for (int lobe = 1; lobe <= NW_LOBES; lobe++)
        if (s->lobe[lobe] > best) best = s->lobe[lobe], out->lobe = (nw_lobe)lobe;
}

/* The largest first; equal ones by their place in the patient, so that the order of voxels does not matter.
 */
static int by_size(const void *a, const void *b)
{
    const nw_lesion *x = a, *y = b;
    if (x->voxels != y->voxels) return x->voxels < y->voxels ? 1 : -1;
    for (int r = 2; r >= 0; r--)
        if (fabs(x->centroid_mm[r] - y->centroid_mm[r]) > 1e-6)
            return x->centroid_mm[r] < y->centroid_mm[r] ? 1 : -1;
    return 0;
}

/* Items with label = component for now, then sorted and numbered; number[component] is the label, 0 for
 * dropped ones. */
static nw_status measure(const nw_lungs *lungs, const float *density, const float *hu, const nw_components *c,
                         nw_lesions *out, int32_t *number, nw_error *err)
{
    const double voxel_ml = nw_grid_voxel_ml(&lungs->grid);
    for (int32_t i = 0; i < c->count; i++) {
        double ml = (double)c->voxels[i] * voxel_ml;
        if (ml >= out->min_ml) {
            number[i] = (int32_t)++out->count;
        } else {
            out->dropped++;
            out->dropped_ml += ml;
        }
    }
    sums *all = nw_calloc(out->count + 1, sizeof *all);
    out->items = nw_calloc(out->count + 1, sizeof *out->items);
    if (!all || !out->items) {
        nw_free(all);
        return nw_no_memory(err, out->count * sizeof *all, "lesions");
    }
    for (size_t i = 0; i < out->count; i++)
        for (int a = 0; a < 3; a++) {
            all[i].low[a] = INT64_MAX;
            all[i].low_mm[a] = INFINITY;
            all[i].high_mm[a] = -INFINITY;
        }
    int64_t row = 0;
    for (int64_t r = 0; r < c->run_count; r++) {
        row = nw_components_row(c, r, row);
        int32_t n = number[c->runs[r].component];
        if (n) add_run(lungs, density, hu, &c->runs[r], row % c->n[1], row / c->n[1], &all[n - 1]);
    }
    for (size_t i = 0; i < out->count; i++) {
        finish(lungs, &all[i], hu != NULL, &out->items[i]);
        out->items[i].label = (int32_t)i;
        out->volume_ml += out->items[i].volume_ml;
    }
    nw_free(all);
    qsort(out->items, out->count, sizeof *out->items, by_size);
    int32_t *rank = nw_calloc(out->count + 1, sizeof *rank);
    if (!rank) return nw_no_memory(err, out->count * sizeof *rank, "lesions");
    for (size_t i = 0; i < out->count; i++) {
        rank[out->items[i].label] = (int32_t)i + 1;
        out->items[i].label = (int32_t)i + 1;
    }
    for (int32_t i = 0; i < c->count; i++)
        if (number[i]) number[i] = rank[number[i] - 1];
    nw_free(rank);
    return NW_OK;
}

static void paint(const nw_components *c, const int32_t *number, int32_t *labels)
{
    int64_t row = 0;
    for (int64_t r = 0; r < c->run_count; r++) {
        row = nw_components_row(c, r, row);
        for (int64_t x = c->runs[r].begin; x < c->runs[r].end; x++)
            labels[row * c->n[0] + x] = number[c->runs[r].component];
    }
}

nw_status nw_lesions_find(const nw_lungs *lungs, const float *density, const float *hu,
                          const nw_lesion_options *options, nw_lesions **out, nw_error *err)
{
    const size_t count = (size_t)nw_grid_count(&lungs->grid);
    double threshold;
    NW_TRY(nw_density_check(&lungs->grid, density, err));
    NW_TRY(nw_lesion_threshold(lungs, density, options, &threshold, err));
    if (!hu && (options->low_hu != 0 || options->high_hu != 0))
        return nw_fail(err, NW_USAGE, "a gate in HU needs the scan's values");
    nw_components c = {0};
    int32_t *number = NULL;
    nw_lesions *lesions = nw_calloc(1, sizeof *lesions);
    uint8_t *mask = nw_alloc_aligned(count, 1);
    nw_status status = lesions && mask ? NW_OK : nw_no_memory(err, count, "lesions");
    if (status == NW_OK) {
        lesions->rule = options->rule;
        lesions->threshold = threshold;
        lesions->min_ml = options->min_ml;
        nw_lesion_mark(lungs, density, hu, options, threshold, mask);
        status = nw_components_find(mask, lungs->grid.dims, 1, NW_TOUCH_26, &c, err);
    }
    nw_free(mask);
    if (status == NW_OK) {
        number = nw_calloc((size_t)c.count + 1, sizeof *number);
        lesions->labels = nw_calloc(count, sizeof *lesions->labels);
        if (!number || !lesions->labels)
            status = nw_no_memory(err, count * sizeof *lesions->labels, "lesions");
    }
    if (status == NW_OK) status = measure(lungs, density, hu, &c, lesions, number, err);
    if (status == NW_OK) paint(&c, number, lesions->labels);
    nw_free(number);
    nw_components_free(&c);
    if (status != NW_OK) {
        nw_lesions_free(lesions);
        return status;
    }
    *out = lesions;
    return NW_OK;
}
