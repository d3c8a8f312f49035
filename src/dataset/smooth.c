/* A Gaussian in two passes. */
#include "dataset/change.h"

#include <math.h>
#include <string.h>

enum { MOST_RADIUS = 32 };

static int kernel(double sigma, float taps[2 * MOST_RADIUS + 1])
{
    int radius = (int)ceil(3 * sigma);
    if (radius > MOST_RADIUS) radius = MOST_RADIUS;
    double sum = 0;
    for (int i = -radius; i <= radius; i++) sum += exp(-0.5 * i * i / (sigma * sigma));
    for (int i = -radius; i <= radius; i++)
        taps[i + radius] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
    return radius;
}

static void columns_of(const float *taps, int radius, int64_t rows, int64_t columns, const float *src,
                       float *dst)
{
    for (int64_t r = 0; r < rows; r++) {
        float *to = dst + r * columns;
        memset(to, 0, (size_t)columns * sizeof *to);
        for (int i = -radius; i <= radius; i++) {
            int64_t at = r + i < 0 ? 0 : r + i >= rows ? rows - 1 : r + i;
            const float *from = src + at * columns;
            float w = taps[i + radius];
            for (int64_t c = 0; c < columns; c++) to[c] += w * from[c];
        }
    }
}

static void rows_of(const float *taps, int radius, int64_t rows, int64_t columns, const float *src,
                    float *dst, float *line)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * columns;
        float *to = dst + r * columns;
        for (int i = 0; i < radius; i++) {
            line[i] = from[0];
            line[radius + columns + i] = from[columns - 1];
        }
        memcpy(line + radius, from, (size_t)columns * sizeof *line);
        memset(to, 0, (size_t)columns * sizeof *to);
        for (int i = 0; i <= 2 * radius; i++) {
            float w = taps[i];
            for (int64_t c = 0; c < columns; c++) to[c] += w * line[c + i];
        }
    }
}

void nw_change_blur(double sigma, const nw_planes *shape, float *values, float *work)
{
    float taps[2 * MOST_RADIUS + 1], *line = work + shape->rows * shape->columns;
    int radius = kernel(sigma, taps);
    int64_t area = shape->rows * shape->columns;
    if (radius == 0) return;
    for (int64_t plane = 0; plane < shape->channels * shape->depth; plane++, values += area) {
        columns_of(taps, radius, shape->rows, shape->columns, values, work);
        rows_of(taps, radius, shape->rows, shape->columns, work, values, line);
    }
}
