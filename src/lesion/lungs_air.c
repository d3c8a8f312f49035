/* Air within the body and air around it. */
#include "lesion/chest.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "lesion/components.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOISY_HU = 50, OUTSIDE_HU = -920 }; /* deviation; mean of air that is outside */

void nw_chest_slice(const nw_chest *c, int64_t z, float *dst, float *work)
{
    const nw_view *v = &c->view;
    const int64_t nx = v->n[0], ny = v->n[1];
    float *raw = c->smooth ? work : dst;
    for (int64_t y = 0; y < ny; y++) {
        const float *src = c->hu + nw_view_index(v, 0, y, z);
        for (int64_t x = 0; x < nx; x++) raw[y * nx + x] = src[x * v->stride[0]];
    }
    if (c->smooth) nw_chest_soften(raw, dst, nx, ny);
}

void nw_chest_soften(const float *src, float *dst, int64_t nx, int64_t ny)
{
    for (int64_t y = 0; y < ny; y++) {
        const float *row = src + y * nx, *up = y ? row - nx : row, *down = y + 1 < ny ? row + nx : row;
        float *out = dst + y * nx;
        for (int64_t x = 1; x + 1 < nx; x++)
            out[x] = (up[x - 1] + 2 * up[x] + up[x + 1] + 2 * (row[x - 1] + 2 * row[x] + row[x + 1]) +
                      down[x - 1] + 2 * down[x] + down[x + 1]) /
                     16;
        for (int64_t x = 0; x<nx; x += nx> 1 ? nx - 1 : 1) {
            int64_t l = x ? x - 1 : x, r = x + 1 < nx ? x + 1 : x;
            out[x] = (up[l] + 2 * up[x] + up[r] + 2 * (row[l] + 2 * row[x] + row[r]) + down[l] + 2 * down[x] +
                      down[r]) /
                     16;
        }
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Deviation of the noise in dark voxels, from the median difference of neighbours. */
static double noise(const nw_chest *c, nw_error *err, nw_status *status)
{
    enum { SAMPLES = 20000 };
    const nw_view *v = &c->view;
    float *d = nw_calloc(SAMPLES, sizeof *d);
    if (!d) {
        *status = nw_no_memory(err, SAMPLES * sizeof *d, "noise");
        return 0;
    }
    int64_t pairs = (v->n[0] - 1) * v->n[1] * v->n[2], step = pairs / (8 * SAMPLES) + 1;
    if (step % 2 == 0) step++; /* not along columns */
    size_t count = 0;
    for (int64_t i = 0; i < pairs && count < SAMPLES; i += step) {
        int64_t x = i % (v->n[0] - 1), row = i / (v->n[0] - 1);
        float a = nw_chest_hu(c, x, row % v->n[1], row / v->n[1]);
        float b = nw_chest_hu(c, x + 1, row % v->n[1], row / v->n[1]);
        if (a < -500 && b < -500 && a > -960 && b > -960) d[count++] = fabsf(a - b);
    }
    double sigma = 0;
    if (count > 100) {
        qsort(d, count, sizeof *d, by_value);
        sigma = (double)d[count / 2] / 0.6745 / sqrt(2);
    }
    nw_free(d);
    return sigma;
}

typedef struct slices {
    nw_chest *chest;
    nw_status *status;   /* one a slice */
    int64_t *low, *high; /* x of the body's edges, one pair a slice; high < low where there is no body */
} slices;

static nw_status one_slice(slices *s, int64_t z)
{
    nw_chest *chest = s->chest;
    const int64_t nx = chest->view.n[0], ny = chest->view.n[1], plane = nx * ny;
    float *hu = nw_alloc_aligned((size_t)(2 * plane), sizeof *hu);
    if (!hu) return NW_NO_MEMORY;
    nw_chest_slice(chest, z, hu, hu + plane);
    uint8_t *code = chest->code + z * plane;
    int64_t low = nx, high = -1;
    for (int64_t i = 0; i < plane; i++) {
        bool tissue = (double)hu[i] >= chest->threshold;
        code[i] = tissue ? NW_CODE_TISSUE : NW_CODE_AIR;
    }
    nw_components c;
    const int64_t n[3] = {nx, ny, 1};
    nw_status status = nw_components_find(code, n, NW_CODE_AIR, NW_TOUCH_4, &c, NULL);
    double *sum = status == NW_OK ? nw_calloc((size_t)c.count + 1, sizeof *sum) : NULL;
    int64_t *count = status == NW_OK ? nw_calloc((size_t)c.count + 1, sizeof *count) : NULL;
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)c.count + 1, 1) : NULL;
    if (status == NW_OK && (!sum || !count || !paint)) status = NW_NO_MEMORY;
    for (int64_t y = 0; y < ny && status == NW_OK; y++)
        for (int64_t r = c.first[y]; r < c.first[y + 1]; r++)
            for (int64_t x = c.runs[r].begin; x < c.runs[r].end; x++) {
                if (y > 0 && y + 1 < ny && x > 0 && x + 1 < nx) {
                    if (x == c.runs[r].begin && c.runs[r].end > x + 2) x = c.runs[r].end - 2;
                    continue;
                }
                sum[c.runs[r].component] += (double)hu[y * nx + x];
                count[c.runs[r].component]++;
            }
    if (status == NW_OK) {
        for (int32_t i = 0; i < c.count; i++)
            paint[i] = count[i] && sum[i] < OUTSIDE_HU * (double)count[i] ? NW_CODE_OUTSIDE : NW_CODE_AIR;
        nw_components_paint(&c, paint, NW_CODE_AIR, code);
        /* Edges of the body: tissue in runs of at least 3 cm, so that the table's rails and clothes do not
         * count. */
        int64_t least = (int64_t)(30 / chest->view.h[0]) + 1;
        for (int64_t y = 0; y < ny; y++)
            for (int64_t x = 0, run = 0; x < nx; x++) {
                run = code[y * nx + x] == NW_CODE_TISSUE ? run + 1 : 0;
                if (run < least) continue;
                if (x - run + 1 < low) low = x - run + 1;
                if (x > high) high = x;
            }
    }
    s->low[z] = low;
    s->high[z] = high;
    nw_free(sum);
    nw_free(count);
    nw_free(paint);
    nw_components_free(&c);
    nw_free(hu);
    return status;
}

static void some_slices(void *context, size_t begin, size_t end)
{
    slices *s = context;
    for (size_t z = begin; z < end; z++) s->status[z] = one_slice(s, (int64_t)z);
}

static int by_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

nw_status nw_chest_air(nw_chest *c, nw_error *err)
{
    const size_t nz = (size_t)c->view.n[2];
    nw_status status = NW_OK;
    if (c->view.n[0] > 1) c->smooth = noise(c, err, &status) > NOISY_HU;
    if (status != NW_OK) return status;
    slices s = {.chest = c,
                .status = nw_calloc(nz, sizeof *s.status),
                .low = nw_calloc(nz, sizeof *s.low),
                .high = nw_calloc(nz, sizeof *s.high)};
    if (!s.status || !s.low || !s.high)
        status = nw_no_memory(err, nz * sizeof *s.low, "slices");
    else
        nw_parallel(nz, 1, some_slices, &s);
    for (size_t z = 0; z < nz && status == NW_OK; z++)
        if (s.status[z] != NW_OK)
            status = nw_no_memory(err, (size_t)(c->view.n[0] * c->view.n[1]) * 8, "a slice");
    if (status == NW_OK) {
        size_t count = 0;
        for (size_t z = 0; z < nz; z++)
            if (s.high[z] >= s.low[z]) s.low[count++] = s.low[z] + s.high[z];
        qsort(s.low, count, sizeof *s.low, by_int64);
        c->middle = count ? (double)s.low[count / 2] / 2 : (double)(c->view.n[0] - 1) / 2;
    }
    nw_free(s.status);
    nw_free(s.low);
    nw_free(s.high);
    return status;
}

bool nw_chest_box(const nw_chest *c, uint8_t code, nw_box *box)
{
    const int64_t *n = c->view.n;
    for (int a = 0; a < 3; a++) box->low[a] = n[a], box->high[a] = 0;
    for (int64_t z = 0; z < n[2]; z++)
        for (int64_t y = 0; y < n[1]; y++) {
            const uint8_t *row = c->code + nw_chest_at(c, 0, y, z), *first = memchr(row, code, (size_t)n[0]);
            if (!first) continue;
            int64_t x = first - row, last = n[0] - 1;
            while (row[last] != code) last--;
            if (x < box->low[0]) box->low[0] = x;
            if (last >= box->high[0]) box->high[0] = last + 1;
            if (y < box->low[1]) box->low[1] = y;
            if (y >= box->high[1]) box->high[1] = y + 1;
            if (z < box->low[2]) box->low[2] = z;
            box->high[2] = z + 1;
        }
    return box->high[2] > 0;
}
