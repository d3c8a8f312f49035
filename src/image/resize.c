#include "image/resize.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* For every output along one axis: `taps` inputs from `first`, with weights [taps] that sum to 1. */
typedef struct axis {
    int64_t taps;
    int64_t *first;
    double *weights;
} axis;

static void axis_clear(axis *a)
{
    nw_free(a->first);
    nw_free(a->weights);
    *a = (axis){0};
}

static bool axis_new(axis *a, int64_t src, int64_t dst, bool antialias)
{
    /* The step in single precision, as PyTorch has it: classifiers were trained behind that rounding, and at
     * pixel 200 it moves the taps by 1e-5. */
    double step = (double)((float)src / (float)dst), width = antialias && step > 1 ? step : 1;
    a->taps = width > 1 ? 2 * (int64_t)ceil(width) + 1 : 2;
    if (a->taps > src) a->taps = src;
    a->first = nw_alloc_aligned((size_t)dst, sizeof *a->first);
    a->weights = nw_calloc((size_t)dst * (size_t)a->taps, sizeof *a->weights);
    if (!a->first || !a->weights) {
        axis_clear(a);
        return false;
    }
    for (int64_t i = 0; i < dst; i++) {
        double centre = ((double)i + 0.5) * step - 0.5, *w = a->weights + i * a->taps, sum = 0;
        if (width == 1) centre = fmin(fmax(centre, 0), (double)(src - 1)); /* repeats the edge */
        int64_t first = width == 1 ? (int64_t)floor(centre) : (int64_t)ceil(centre - width);
        if (first > src - a->taps) first = src - a->taps;
        if (first < 0) first = 0;
        a->first[i] = first;
        for (int64_t t = 0; t < a->taps; t++) {
            w[t] = fmax(0, 1 - fabs((double)(first + t) - centre) / width);
            sum += w[t];
        }
        for (int64_t t = 0; t < a->taps; t++) w[t] /= sum;
    }
    return true;
}

static void resize(const float *src, int64_t src_columns, float *dst, int64_t dst_rows, int64_t dst_columns,
                   const axis *y, const axis *x, double *line)
{
    for (int64_t r = 0; r < dst_rows; r++) {
        memset(line, 0, (size_t)src_columns * sizeof *line);
        for (int64_t t = 0; t < y->taps; t++) {
            double w = y->weights[r * y->taps + t];
            if (w == 0) continue;
            const float *from = src + (y->first[r] + t) * src_columns;
            for (int64_t c = 0; c < src_columns; c++) line[c] += w * (double)from[c];
        }
        for (int64_t c = 0; c < dst_columns; c++) {
            double sum = 0;
            for (int64_t t = 0; t < x->taps; t++) sum += x->weights[c * x->taps + t] * line[x->first[c] + t];
            dst[r * dst_columns + c] = (float)sum;
        }
    }
}

nw_status nw_resize_bilinear(const float *src, int64_t src_rows, int64_t src_columns, float *dst,
                             int64_t dst_rows, int64_t dst_columns, bool antialias, nw_error *err)
{
    axis y = {0}, x = {0};
    double *line = nw_alloc_aligned((size_t)src_columns, sizeof *line);
    bool ok = line && axis_new(&y, src_rows, dst_rows, antialias);
    if (ok && axis_new(&x, src_columns, dst_columns, antialias)) {
        resize(src, src_columns, dst, dst_rows, dst_columns, &y, &x, line);
        axis_clear(&x);
    } else {
        ok = false;
    }
    axis_clear(&y);
    nw_free(line);
    return ok ? NW_OK : nw_no_memory(err, (size_t)(dst_rows + dst_columns) * sizeof(double), "resizing");
}

static double total(const float *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)values[i];
    return sum;
}

/* At sizes that are no multiples the taps do not weigh every source value alike; one factor for the whole map
 * then restores the total (it is 1 to rounding for whole multiples). */
void nw_resize_keep_total(const float *src, int64_t src_count, float *dst, int64_t dst_count)
{
    double factor = (double)src_count / (double)dst_count, before = total(src, src_count),
           after = factor * total(dst, dst_count);
    if (before > 0 && after > 0) factor *= before / after;
    for (int64_t i = 0; i < dst_count; i++) dst[i] = (float)(factor * (double)dst[i]);
}
