#include "evaluate/evaluate.h"

#include "base/memory.h"

#include <math.h>

enum { FARTHEST = 4096 }; /* pixels */

static bool near_mask(const uint8_t *mask, int64_t rows, int64_t columns, int64_t at, double tolerance)
{
    int64_t r = at / columns, c = at % columns, reach = (int64_t)tolerance;
    for (int64_t y = r < reach ? 0 : r - reach; y < rows && y <= r + reach; y++)
        for (int64_t x = c < reach ? 0 : c - reach; x < columns && x <= c + reach; x++) {
            double dy = (double)(y - r), dx = (double)(x - c);
            if (mask[y * columns + x] && dy * dy + dx * dx <= tolerance * tolerance) return true;
        }
    return false;
}

nw_status nw_pointing_game(const float *map, const uint8_t *mask, int64_t rows, int64_t columns,
                           double tolerance, nw_score *out, nw_error *err)
{
    if (!(tolerance >= 0 && tolerance <= (double)FARTHEST))
        return nw_fail(err, NW_USAGE, "a tolerance of %g pixels is not within 0 and %d", tolerance, FARTHEST);
    int64_t pixels, area = 0;
    if (rows < 1 || columns < 1 || !nw_mul_i64(rows, columns, &pixels))
        return nw_fail(err, NW_USAGE, "a map of %lld x %lld pixels cannot be measured", (long long)rows,
                       (long long)columns);
    NW_TRY(nw_check_map(map, mask, pixels, &area, err));
    const char *why = nw_mask_undefined(area, pixels);
    if (why) {
        *out = nw_score_undefined(why);
        return NW_OK;
    }
    float highest = map[0];
    for (int64_t i = 1; i < pixels; i++) highest = fmaxf(highest, map[i]);
    int64_t maxima = 0, hits = 0;
    for (int64_t i = 0; i < pixels; i++) maxima += map[i] >= highest;
    for (int64_t i = 0; i < pixels; i++)
        hits += map[i] >= highest && near_mask(mask, rows, columns, i, tolerance);
    *out = nw_score_of((double)hits / (double)maxima);
    return NW_OK;
}
