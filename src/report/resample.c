#include "report/resample.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>

enum { LINES = 16 }; /* that are worth a thread */

static double catmull_rom(double x)
{
    x = fabs(x);
    if (x < 1) return 1 + x * x * (1.5 * x - 2.5);
    return x < 2 ? 2 + x * (-4 + x * (2.5 - 0.5 * x)) : 0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Which samples of a line of n make up each of m, and with which weights: alike for all lines. */
typedef struct taps {
    int64_t n, m, most;
    int64_t *first, *count; /* [m]; first may lie before the line, and the last behind it */
    double *weights, *sum;  /* [m][most], [m] */
} taps;

static void taps_free(taps *t)
{
    nw_free(t->first);
    nw_free(t->count);
    nw_free(t->weights);
    nw_free(t->sum);
}

static nw_status taps_make(int64_t n, int64_t m, taps *out, nw_error *err)
{
    double ratio = (double)n / (double)m, width = ratio > 1 ? ratio : 1;
    double reach = ratio > 1 ? width : 2;
    taps t = {.n = n, .m = m, .most = 2 * (int64_t)ceil(reach) + 1};
    t.first = nw_calloc((size_t)m, sizeof *t.first);
    t.count = nw_calloc((size_t)m, sizeof *t.count);
    t.sum = nw_calloc((size_t)m, sizeof *t.sum);
    t.weights = nw_calloc((size_t)m * (size_t)t.most, sizeof *t.weights);
    if (!t.first || !t.count || !t.sum || !t.weights) {
        taps_free(&t);
        return nw_no_memory(err, (size_t)m * (size_t)t.most * sizeof *t.weights, "resizing a picture");
    }
    for (int64_t i = 0; i < m; i++) {
        double centre = ((double)i + 0.5) * ratio - 0.5;
        t.first[i] = (int64_t)ceil(centre - reach);
        for (int64_t j = t.first[i]; (double)j <= centre + reach; j++) {
            double x = ((double)j - centre) / width, w = ratio > 1 ? triangle(x) : catmull_rom(x);
            t.weights[i * t.most + t.count[i]++] = w;
            t.sum[i] += w;
        }
    }
    *out = t;
    return NW_OK;
}

static int64_t inside(int64_t j, int64_t n)
{
    return j < 0 ? 0 : j >= n ? n - 1 : j;
}

/* First along lines, then across them; each line of either by one thread. */
typedef struct resizing {
    taps x, y;
    const float *src;
    float *lines, *dst; /* [rows][width], [height][width] */
} resizing;

static void along_lines(void *context, size_t begin, size_t end)
{
    const resizing *r = context;
    const taps *t = &r->x;
    for (size_t row = begin; row < end; row++) {
        const float *src = r->src + row * (size_t)t->n;
        float *dst = r->lines + row * (size_t)t->m;
        for (int64_t i = 0; i < t->m; i++) {
            double sum = 0;
            for (int64_t j = 0; j < t->count[i]; j++)
                sum += t->weights[i * t->most + j] * (double)src[inside(t->first[i] + j, t->n)];
            dst[i] = (float)(sum / t->sum[i]);
        }
    }
}

static void across_lines(void *context, size_t begin, size_t end)
{
    enum { AT_ONCE = 256 };
    const resizing *r = context;
    const taps *t = &r->y;
    int64_t width = r->x.m;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        for (int64_t left = 0; left < width; left += AT_ONCE) {
            int64_t n = width - left < AT_ONCE ? width - left : AT_ONCE;
            double sums[AT_ONCE] = {0};
            for (int64_t j = 0; j < t->count[i]; j++) {
                const float *line = r->lines + inside(t->first[i] + j, t->n) * width + left;
                double w = t->weights[i * t->most + j];
                for (int64_t c = 0; c < n; c++) sums[c] += w * (double)line[c];
            }
            for (int64_t c = 0; c < n; c++) r->dst[i * width + left + c] = (float)(sums[c] / t->sum[i]);
        }
}

static void clamp_to_range_of(const float *src, int64_t count, float *dst, int64_t n)
{
    float low = src[0], high = src[0];
    for (int64_t i = 1; i < count; i++) {
        low = src[i] < low ? src[i] : low;
        high = src[i] > high ? src[i] : high;
    }
    for (int64_t i = 0; i < n; i++) {
        float v = dst[i] > low ? dst[i] : low;
        dst[i] = v < high ? v : high;
    }
}

nw_status nw_display_resize(const float *src, int64_t rows, int64_t columns, float *dst, int height,
                            int width, nw_error *err)
{
    size_t count = (size_t)rows * (size_t)width;
    resizing r = {.src = src, .dst = dst};
    r.lines = nw_calloc(count, sizeof *r.lines);
    nw_status status = r.lines ? NW_OK : nw_no_memory(err, count * sizeof *r.lines, "resizing a picture");
    if (status == NW_OK) status = taps_make(columns, width, &r.x, err);
    if (status == NW_OK) status = taps_make(rows, height, &r.y, err);
    if (status == NW_OK) {
        nw_parallel((size_t)rows, LINES, along_lines, &r);
        nw_parallel((size_t)height, LINES, across_lines, &r);
        clamp_to_range_of(src, rows * columns, dst, (int64_t)height * width);
    }
    taps_free(&r.x);
    taps_free(&r.y);
    nw_free(r.lines);
    return status;
}
