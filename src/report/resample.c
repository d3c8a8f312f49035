#include "report/resample.h"

#include "base/memory.h"

#include <math.h>

static double catmull_rom(double x) {
    x = fabs(x);
    if (x < 1) return 1 + x * x * (1.5 * x - 2.5);
    return x < 2 ? 2 + x * (-4 + x * (2.5 - 0.5 * x)) : 0;
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* One line of `n` source samples, `stride` apart, to `m` samples, `step` apart. */
static void resize_line(const float *src, int64_t n, int64_t stride, float *dst, int64_t m, int64_t step) {
    double ratio = (double)n / (double)m, width = ratio > 1 ? ratio : 1;
    double reach = ratio > 1 ? width : 2;
    for (int64_t i = 0; i < m; i++) {
        double centre = ((double)i + 0.5) * ratio - 0.5, sum = 0, weights = 0;
        for (int64_t j = (int64_t)ceil(centre - reach); (double)j <= centre + reach; j++) {
            double x = ((double)j - centre) / width, w = ratio > 1 ? triangle(x) : catmull_rom(x);
            int64_t k = j < 0 ? 0 : j >= n ? n - 1 : j;
            sum += w * (double)src[k * stride];
            weights += w;
        }
        dst[i * step] = (float)(sum / weights);
    }
}

nw_status nw_display_resize(const float *src, int64_t rows, int64_t columns, float *dst, int height,
                            int width, nw_error *err) {
    size_t count = (size_t)rows * (size_t)width;
    float *across = nw_calloc(count, sizeof *across);
    if (!across) return nw_no_memory(err, count * sizeof *across, "resizing a picture");
    for (int64_t r = 0; r < rows; r++)
        resize_line(src + r * columns, columns, 1, across + r * width, width, 1);
    for (int c = 0; c < width; c++) resize_line(across + c, rows, width, dst + c, height, width);
    nw_free(across);
    float low = src[0], high = src[0];
    for (int64_t i = 1; i < rows * columns; i++) {
        low = fminf(low, src[i]);
        high = fmaxf(high, src[i]);
    }
    for (int64_t i = 0; i < (int64_t)height * width; i++) dst[i] = fminf(high, fmaxf(low, dst[i]));
    return NW_OK;
}
