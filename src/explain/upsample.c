#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>

/* Between which two positions of the source, and how far towards the second. */
typedef struct between {
    int64_t low, high;
    double share;
} between;

static void places(between *dst, int64_t from, int64_t to)
{
    for (int64_t i = 0; i < to; i++) {
        double at = ((double)i + 0.5) * (double)from / (double)to - 0.5, low = floor(at);
        int64_t k = (int64_t)low;
        /* Mirrored with the edge repeated: -1 is 0, n is n - 1. */
        dst[i].low = k < 0 ? 0 : k;
        dst[i].high = k + 1 >= from ? from - 1 : k + 1;
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

nw_status nw_upsample(const float *src, const int64_t *src_dims, int axes, double scale, float *dst,
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
    places(z, from[0], to[0]);
    places(y, from[1], to[1]);
    places(x, from[2], to[2]);
    int64_t plane = from[1] * from[2];
    for (int64_t k = 0; k < to[0]; k++)
        for (int64_t j = 0; j < to[1]; j++)
            for (int64_t i = 0; i < to[2]; i++) {
                double low = plane_value(src + z[k].low * plane, from[2], &y[j], &x[i]);
                double high = from[0] > 1 ? plane_value(src + z[k].high * plane, from[2], &y[j], &x[i]) : low;
                *dst++ = (float)(scale * (low + z[k].share * (high - low)));
            }
    nw_free(all);
    return NW_OK;
}
