#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>

/* Between which two positions of the source, and how far towards the second. */
typedef struct between {
    int64_t low, high;
    double share;
} between;

/* Beyond the border: the edge again, or (mirror) what lies as far inside, the edge not repeated. */
static int64_t inside(int64_t k, int64_t n, bool mirror)
{
    if (k >= 0 && k < n) return k;
    int64_t edge = k < 0 ? 0 : n - 1, step = k < 0 ? 1 : -1;
    return mirror && n > 1 ? edge + step : edge;
}

static void places(between *dst, int64_t from, int64_t to, bool mirror)
{
    for (int64_t i = 0; i < to; i++) {
        double at = ((double)i + 0.5) * (double)from / (double)to - 0.5, low = floor(at);
        int64_t k = (int64_t)low;
        dst[i].low = inside(k, from, mirror);
        dst[i].high = inside(k + 1, from, mirror);
        dst[i].share = at - low;
    }
}

static double row_value(const float *row, const between *x)
{
    return (1 - x->share) * (double)row[x->low] + x->share * (double)row[x->high];
}

static double plane_value(const float *plane, int64_t width, const between *y, const between *x)
{
    return (1 - y->share) * row_value(plane + y->low * width, x) +
           y->share * row_value(plane + y->high * width, x);
}

nw_status nw_upsample(const float *src, const int64_t *src_dims, int axes, bool mirror, float *dst,
                      const int64_t *dst_dims, nw_error *err)
{
    int64_t from[3] = {1, 1, 1}, to[3] = {1, 1, 1};
    for (int i = 0; i < axes; i++) {
        from[3 - axes + i] = src_dims[i];
        to[3 - axes + i] = dst_dims[i];
    }
    between *all = nw_calloc((size_t)(to[0] + to[1] + to[2]), sizeof *all);
    if (!all) return nw_no_memory(err, 0, "resizing a map");
    between *z = all, *y = z + to[0], *x = y + to[1];
    places(z, from[0], to[0], mirror);
    places(y, from[1], to[1], mirror);
    places(x, from[2], to[2], mirror);
    int64_t plane = from[1] * from[2];
    for (int64_t k = 0; k < to[0]; k++)
        for (int64_t j = 0; j < to[1]; j++)
            for (int64_t i = 0; i < to[2]; i++) {
                double low = plane_value(src + z[k].low * plane, from[2], &y[j], &x[i]);
                double high = from[0] > 1 ? plane_value(src + z[k].high * plane, from[2], &y[j], &x[i]) : low;
                *dst++ = (float)(low + z[k].share * (high - low));
            }
    nw_free(all);
    return NW_OK;
}
