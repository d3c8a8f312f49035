/* Bits per mL, gated and smoothed. */
#include "lesion/lesions.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 1 << 18 }; /* voxels for one thread at a time */

typedef struct converting {
    const float *src;
    float *dst; /* may be src */
    double unit;
    int64_t *bad; /* a chunk: the first voxel that will not do, or -1 */
} converting;

/* The first voxel for which `check` says that it is bad; -1: none. */
static nw_status first_bad(int64_t count, nw_chunk_fn check, converting *c, int64_t *bad, nw_error *err)
{
    size_t n = ((size_t)count + CHUNK - 1) / CHUNK;
    *bad = -1;
    c->bad = nw_calloc(n, sizeof *c->bad);
    if (!c->bad) return nw_no_memory(err, n * sizeof *c->bad, "a density");
    nw_parallel((size_t)count, CHUNK, check, c);
    for (size_t i = 0; i < n && *bad < 0; i++) *bad = c->bad[i];
    nw_free(c->bad);
    return NW_OK;
}

static void convertible(void *context, size_t begin, size_t end)
{
    const converting *c = context;
    int all = 1; /* without a branch a voxel, so that it runs in vectors */
    for (size_t i = begin; i < end; i++) all &= fabs((double)c->src[i] / c->unit) <= 1e30;
    c->bad[begin / CHUNK] = -1;
    for (size_t i = begin; i < end && !all; i++)
        if (!(fabs((double)c->src[i] / c->unit) <= 1e30)) {
            c->bad[begin / CHUNK] = (int64_t)i;
            return;
        }
}

static void convert(void *context, size_t begin, size_t end)
{
    const converting *c = context;
    for (size_t i = begin; i < end; i++) c->dst[i] = (float)((double)c->src[i] / c->unit);
}

static void usable(void *context, size_t begin, size_t end)
{
    const converting *c = context;
    int all = 1;
    for (size_t i = begin; i < end; i++) all &= (c->src[i] >= 0) & (c->src[i] <= 1e30f);
    c->bad[begin / CHUNK] = -1;
    for (size_t i = begin; i < end && !all; i++)
        if (!(c->src[i] >= 0 && c->src[i] <= 1e30f)) {
            c->bad[begin / CHUNK] = (int64_t)i;
            return;
        }
}

nw_status nw_density_from_bits(const nw_grid *grid, nw_bits_source source, const float *src, float *dst,
                               nw_error *err)
{
    NW_TRY(nw_grid_check(grid, err));
    double spacing[3], unit; /* mL, or cm^2 times 1 cm */
    nw_grid_spacing(grid, spacing);
    unit = nw_grid_voxel_ml(grid);
    if (source == NW_BITS_PER_SLICE) {
        int p = (grid->slice_axis + 1) % 3, q = (grid->slice_axis + 2) % 3;
        double dot = 0;
        for (int r = 0; r < 3; r++) dot += grid->affine[r][p] * grid->affine[r][q];
        double cosine = dot / (spacing[p] * spacing[q]);
        unit = spacing[p] * spacing[q] * sqrt(fmax(1 - cosine * cosine, 0)) / 100;
    }
    converting c = {src, dst, unit, NULL};
    int64_t bad = -1;
    NW_TRY(first_bad(nw_grid_count(grid), convertible, &c, &bad, err));
    if (bad >= 0)
        return nw_fail(err, NW_NOT_FINITE, "voxel %lld of the map: %g bits", (long long)bad,
                       (double)src[bad]);
    nw_parallel((size_t)nw_grid_count(grid), CHUNK, convert, &c);
    return NW_OK;
}

static nw_status check_options(const nw_grid *grid, const nw_lesion_options *o, nw_error *err)
{
    if (!(o->smooth_mm >= 0 && o->smooth_mm <= 1000))
        return nw_fail(err, NW_USAGE, "smoothing across slices by %g mm: 0 to 1000", o->smooth_mm);
    if (!o->probability) return NW_OK;
    for (int64_t s = 0; s < grid->dims[grid->slice_axis]; s++)
        if (!(o->probability[s] >= 0 && o->probability[s] <= 1))
            return nw_fail(err, NW_BAD_INPUT, "the probability of slice %lld is %g: 0 to 1", (long long)s,
                           o->probability[s]);
    return NW_OK;
}

/* The array as [outer][slices][inner] with slices along the slice axis. */
typedef struct slabs {
    int64_t inner, slices, outer;
} slabs;

static slabs slabs_of(const nw_grid *g)
{
    slabs s = {1, g->dims[g->slice_axis], 1};
    for (int a = 0; a < g->slice_axis; a++) s.inner *= g->dims[a];
    for (int a = g->slice_axis + 1; a < 3; a++) s.outer *= g->dims[a];
    return s;
}

static void gate(const nw_grid *g, float *density, const nw_lesion_options *o)
{
    slabs s = slabs_of(g);
    for (int64_t i = 0; i < s.slices && o->probability; i++) {
        if (o->probability[g->slices_reversed ? s.slices - 1 - i : i] >= o->gate) continue;
        for (int64_t k = 0; k < s.outer; k++)
            memset(density + (k * s.slices + i) * s.inner, 0, (size_t)s.inner * sizeof *density);
    }
}

/* Gaussian along the slices, cut at 3 deviations. Slices run through a window of copies, one block of the
 * inner axis at a time, so that memory stays small. */
static nw_status smooth(const nw_grid *g, float *density, double sigma_mm, nw_error *err)
{
    enum { BLOCK = 64 };
    double spacing[3];
    nw_grid_spacing(g, spacing);
    slabs s = slabs_of(g);
    double h = spacing[g->slice_axis];
    int64_t reach = (int64_t)(3 * sigma_mm / h);
    if (reach >= s.slices) reach = s.slices - 1;
    if (reach < 1) return NW_OK;
    float *copy = nw_alloc_aligned((size_t)(s.slices * BLOCK), sizeof *copy);
    double *weight = nw_calloc((size_t)reach + 1, sizeof *weight);
    if (!copy || !weight) {
        nw_free(copy);
        nw_free(weight);
        return nw_no_memory(err, (size_t)(s.slices * BLOCK) * sizeof *copy, "smoothing");
    }
    for (int64_t i = 0; i <= reach; i++)
        weight[i] = exp(-0.5 * ((double)i * h / sigma_mm) * ((double)i * h / sigma_mm));
    for (int64_t k = 0; k < s.outer; k++)
        for (int64_t from = 0; from < s.inner; from += BLOCK) {
            int64_t width = s.inner - from < BLOCK ? s.inner - from : BLOCK;
            float *at = density + k * s.slices * s.inner + from;
            for (int64_t i = 0; i < s.slices; i++)
                memcpy(copy + i * width, at + i * s.inner, (size_t)width * sizeof *copy);
            for (int64_t i = 0; i < s.slices; i++) {
                double sum[BLOCK] = {0}, total = 0;
                for (int64_t j = i - reach; j <= i + reach; j++) {
                    if (j < 0 || j >= s.slices) continue;
                    double w = weight[j < i ? i - j : j - i];
                    total += w;
                    for (int64_t x = 0; x < width; x++) sum[x] += w * (double)copy[j * width + x];
                }
                for (int64_t x = 0; x < width; x++) at[i * s.inner + x] = (float)(sum[x] / total);
            }
        }
    nw_free(copy);
    nw_free(weight);
    return NW_OK;
}

nw_status nw_density_prepare(const nw_grid *grid, float *density, const nw_lesion_options *options,
                             nw_error *err)
{
    NW_TRY(nw_grid_check(grid, err));
    NW_TRY(check_options(grid, options, err));
    NW_TRY(nw_density_check(grid, density, err));
    gate(grid, density, options);
    if (options->smooth_mm > 0) {
        NW_TRY(smooth(grid, density, options->smooth_mm, err));
        gate(grid, density, options);
    }
    return NW_OK;
}

nw_status nw_density_check(const nw_grid *grid, const float *density, nw_error *err)
{
    converting c = {.src = density};
    int64_t bad = -1;
    NW_TRY(first_bad(nw_grid_count(grid), usable, &c, &bad, err));
    if (bad < 0) return NW_OK;
    return nw_fail(err, density[bad] < 0 ? NW_BAD_INPUT : NW_NOT_FINITE,
                   "voxel %lld of the map has %g bits per mL: bits are finite and not negative",
                   (long long)bad, (double)density[bad]);
}
