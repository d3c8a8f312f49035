#include "evaluate/evaluate.h"

#include "base/memory.h"

#include <math.h>

nw_status nw_check_map(const float *map, const uint8_t *mask, int64_t pixels, int64_t *inside, nw_error *err)
{
    if (pixels < 1)
        return nw_fail(err, NW_USAGE, "a map of %lld pixels cannot be measured", (long long)pixels);
    *inside = 0;
    for (int64_t i = 0; i < pixels; i++) {
        if (!isfinite(map[i]))
            return nw_fail(err, NW_NOT_FINITE, "the map is %g at pixel %lld", (double)map[i], (long long)i);
        *inside += mask[i] != 0;
    }
    return NW_OK;
}

const char *nw_mask_undefined(int64_t inside, int64_t pixels)
{
    if (inside == 0) return "the mask is empty";
    if (inside == pixels) return "the mask covers the whole image";
    return NULL;
}

/* Pixels by their value, the highest last. */
static nw_status sorted(const float *map, int64_t pixels, nw_ranked **out, nw_error *err)
{
    nw_ranked *order = nw_calloc((size_t)pixels, sizeof *order);
    if (!order) return nw_no_memory(err, (size_t)pixels * sizeof *order, "sorting a map");
    for (int64_t i = 0; i < pixels; i++) order[i] = (nw_ranked){(double)map[i], i};
    nw_rank_sort(order, (size_t)pixels);
    *out = order;
    return NW_OK;
}

/* From `first` on to before the returned place all values are equal; *inside: how many of them are. */
static int64_t tie(const nw_ranked *order, const uint8_t *mask, int64_t first, int64_t pixels,
                   int64_t *inside)
{
    int64_t end = first;
    *inside = 0;
    for (; end < pixels && order[end].value <= order[first].value; end++) *inside += mask[order[end].at] != 0;
    return end;
}

nw_status nw_pixel_auc(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out, nw_error *err)
{
    int64_t positives = 0;
    NW_TRY(nw_check_map(map, mask, pixels, &positives, err));
    const char *why = nw_mask_undefined(positives, pixels);
    if (why) {
        *out = nw_score_undefined(why);
        return NW_OK;
    }
    nw_ranked *order = NULL;
    NW_TRY(sorted(map, pixels, &order, err));
    /* Each pixel inside wins against those outside below it, and half against those level with it. */
    double wins = 0, below = 0;
    for (int64_t i = 0, end, inside; i < pixels; i = end) {
        end = tie(order, mask, i, pixels, &inside);
        double outside = (double)(end - i - inside);
        wins += (double)inside * (below + 0.5 * outside);
        below += outside;
    }
    nw_free(order);
    *out = nw_score_of(wins / ((double)positives * (double)(pixels - positives)));
    return NW_OK;
}

nw_status nw_dice_at_area(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out, nw_error *err)
{
    int64_t area = 0;
    NW_TRY(nw_check_map(map, mask, pixels, &area, err));
    const char *why = nw_mask_undefined(area, pixels);
    if (why) {
        *out = nw_score_undefined(why);
        return NW_OK;
    }
    nw_ranked *order = NULL;
    NW_TRY(sorted(map, pixels, &order, err));
    int64_t cut = pixels - area, first = cut;
    while (first > 0 && order[first - 1].value >= order[cut].value) first--;
    int64_t inside, end = tie(order, mask, first, pixels, &inside);
    double hits = (double)inside * (double)(end - cut) / (double)(end - first);
    for (int64_t i = end; i < pixels; i++) hits += mask[order[i].at] != 0;
    nw_free(order);
    *out = nw_score_of(hits / (double)area);
    return NW_OK;
}

nw_status nw_mass_inside(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out, nw_error *err)
{
    int64_t area = 0;
    NW_TRY(nw_check_map(map, mask, pixels, &area, err));
    const char *why = nw_mask_undefined(area, pixels);
    double inside = 0, all = 0;
    for (int64_t i = 0; i < pixels; i++) {
        if (map[i] < 0 && !why) why = "the map has negative values";
        all += (double)map[i];
        if (mask[i]) inside += (double)map[i];
    }
    if (!why && !(all > 0)) why = "the map is 0 everywhere";
    *out = why ? nw_score_undefined(why) : nw_score_of(inside / all);
    return NW_OK;
}

nw_status nw_localise(const float *map, const uint8_t *mask, int64_t rows, int64_t columns, double tolerance,
                      nw_localisation *out, nw_error *err)
{
    nw_localisation all = {0};
    int64_t pixels, inside = 0;
    if (rows < 1 || columns < 1 || !nw_mul_i64(rows, columns, &pixels))
        return nw_fail(err, NW_USAGE, "a map of %lld x %lld pixels cannot be measured", (long long)rows,
                       (long long)columns);
    NW_TRY(nw_check_map(map, mask, pixels, &inside, err));
    NW_TRY(nw_pixel_auc(map, mask, pixels, &all.auc, err));
    NW_TRY(nw_pointing_game(map, mask, rows, columns, tolerance, &all.pointing, err));
    NW_TRY(nw_dice_at_area(map, mask, pixels, &all.dice, err));
    NW_TRY(nw_mass_inside(map, mask, pixels, &all.mass, err));
    for (int64_t i = 0; i < pixels; i++) all.mean += (double)map[i];
    all.mean /= (double)pixels;
    all.share = (double)inside / (double)pixels;
    *out = all;
    return NW_OK;
}
