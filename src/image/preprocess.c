/* From a slice to a model's input, and from a map back to the slice. */
#include "base/memory.h"
#include "image/orient.h"
#include "image/resize.h"
#include "image/sort.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

/* value' = (value - low) * gain, then clamped to 0..1 where `clamp`. */
typedef struct scaling {
    double low, gain;
    bool clamp;
} scaling;

static bool as_is(const nw_preprocess *pre, const nw_volume_info *info)
{
    return info->kind == NW_KIND_TENSOR && !pre->tensors_as_images;
}

static scaling minmax(const float *values, int64_t count)
{
    double low = (double)values[0], high = low;
    for (int64_t i = 1; i < count; i++) {
        low = fmin(low, (double)values[i]);
        high = fmax(high, (double)values[i]);
    }
    return (scaling){low, high > low ? 1 / (high - low) : 0, true};
}

/* From the 2nd to the 98th percentile: positions of the values in order, interpolated between neighbours. */
static nw_status robust(const float *values, int64_t count, scaling *out, nw_error *err)
{
    double ends[2];
    float *sorted = nw_calloc(2 * (size_t)count, sizeof *sorted);
    if (!sorted) return nw_no_memory(err, (size_t)count * sizeof *sorted, "the percentiles of a slice");
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    nw_sort_floats(sorted, sorted + count, count);
    for (int i = 0; i < 2; i++) {
        double at = (i ? 0.98 : 0.02) * (double)(count - 1);
        int64_t below = (int64_t)at, above = below + 1 < count ? below + 1 : below;
        double share = at - (double)below;
        ends[i] = (double)sorted[below] * (1 - share) + (double)sorted[above] * share;
    }
    nw_free(sorted);
    *out = (scaling){ends[0], ends[1] > ends[0] ? 1 / (ends[1] - ends[0]) : 0, true};
    return NW_OK;
}

static nw_status scaling_of(const nw_preprocess *pre, const nw_volume *volume, const float *values,
                            int64_t count, scaling *out, nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    const char *name = nw_volume_path(volume);
    nw_scale scale = pre->scale;
    if (scale == NW_SCALE_AUTO && info->kind == NW_KIND_PICTURE) scale = NW_SCALE_FULL;
    if (scale == NW_SCALE_AUTO && info->kind == NW_KIND_TENSOR) scale = NW_SCALE_NONE;
    switch (scale) {
    case NW_SCALE_WINDOW:
        if (!(pre->high > pre->low) || !isfinite(pre->high) || !isfinite(pre->low))
            return nw_fail(err, NW_BAD_INPUT, "the window from %g to %g is empty", pre->low, pre->high);
        *out = (scaling){pre->low, 1 / (pre->high - pre->low), true};
        return NW_OK;
    case NW_SCALE_FACTOR:
        if (!isfinite(pre->factor) || pre->factor == 0)
            return nw_fail(err, NW_BAD_INPUT, "values cannot be divided by a scale of %g", pre->factor);
        *out = (scaling){0, 1 / pre->factor, false};
        return NW_OK;
    case NW_SCALE_FULL:
        if (info->full_scale <= 0)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: scale 'full' needs a picture, whose full scale is known; give a window",
                           name);
        *out = (scaling){0, 1 / info->full_scale, false};
        return NW_OK;
    case NW_SCALE_MINMAX: *out = minmax(values, count); return NW_OK;
    case NW_SCALE_ROBUST: return robust(values, count, out, err);
    case NW_SCALE_NONE: *out = (scaling){0, 1, false}; return NW_OK;
    case NW_SCALE_AUTO: break;
    }
    return nw_fail(err, NW_BAD_INPUT,
                   "%s: how values become 0..1 is not known for a scan; give the model's window, such as "
                   "\"window\": [-1350, 150] in HU, or \"scale\": \"minmax\" or \"none\"",
                   name);
}

static float scaled(const scaling *s, float value)
{
    double v = ((double)value - s->low) * s->gain;
    return (float)(s->clamp ? fmin(fmax(v, 0), 1) : v);
}

/* Rec. 601 luma; 8-bit pictures with the integer arithmetic of Pillow's convert("L"), rounding included. */
static void to_grey(const nw_volume_info *info, const float *rgb, int64_t pixels, float *grey)
{
    const float *r = rgb, *g = rgb + pixels, *b = rgb + 2 * pixels;
    bool bytes = info->kind == NW_KIND_PICTURE && info->full_scale == 255;
    for (int64_t i = 0; i < pixels; i++)
        grey[i] = bytes
                      ? (float)(((long)r[i] * 19595 + (long)g[i] * 38470 + (long)b[i] * 7471 + 0x8000) >> 16)
                      : 0.299F * r[i] + 0.587F * g[i] + 0.114F * b[i];
}

static nw_status check(const nw_preprocess *pre, nw_error *err)
{
    if (pre->channels < 1 || pre->channels > NW_MAX_CHANNELS || pre->height < 1 || pre->width < 1)
        return nw_fail(err, NW_BAD_INPUT,
                       "the model's input of %d channels, %lld x %lld is not known or too large",
                       pre->channels, (long long)pre->height, (long long)pre->width);
    if (pre->depth < 0 || pre->depth > NW_MAX_DEPTH)
        return nw_fail(err, NW_BAD_INPUT, "the model's input has %lld slices; volumes have 1 to %d",
                       (long long)pre->depth, NW_MAX_DEPTH);
    if ((unsigned)pre->orient > NW_ORIENT_TRANSVERSE)
        return nw_fail(err, NW_USAGE, "there is no orientation %d", (int)pre->orient);
    const int counts[2] = {pre->mean_count, pre->std_count};
    for (int k = 0; k < 2; k++)
        if (counts[k] != 0 && counts[k] != 1 && counts[k] != pre->channels)
            return nw_fail(err, NW_BAD_INPUT, "%s has %d values, 1 or the model's %d channels are wanted",
                           k ? "std" : "mean", counts[k], pre->channels);
    for (int c = 0; c < pre->std_count; c++)
        if (!isfinite(pre->std[c]) || pre->std[c] == 0)
            return nw_fail(err, NW_BAD_INPUT, "std of channel %d is %g", c, pre->std[c]);
    for (int c = 0; c < pre->mean_count; c++)
        if (!isfinite(pre->mean[c]))
            return nw_fail(err, NW_BAD_INPUT, "mean of channel %d is %g", c, pre->mean[c]);
    return NW_OK;
}

nw_status nw_preprocess_fit(nw_preprocess *pre, int rank, const int64_t *dims, nw_error *err)
{
    if (rank != 4 && rank != 5)
        return nw_fail(err, NW_BAD_INPUT,
                       "the model's input has rank %d; images need [N,C,H,W], whole volumes [N,C,D,H,W]",
                       rank);
    if (rank == 4 && pre->depth)
        return nw_fail(err, NW_BAD_INPUT,
                       "the preprocessing has a depth of %lld slices, the model takes slices: [N,C,H,W]",
                       (long long)pre->depth);
    nw_preprocess fitted = *pre;
    int64_t channels = pre->channels;
    int64_t *const fields[4] = {&channels, &fitted.depth, &fitted.height, &fitted.width};
    static const char *const names[4] = {"channels", "depth", "height", "width"};
    for (int f = 0, a = 1; f < 4; f++) {
        if (rank == 4 && f == 1) continue; /* no depth */
        int64_t wanted = dims[a++], *field = fields[f];
        if (wanted <= 0 && *field == 0)
            return nw_fail(err, NW_BAD_INPUT,
                           "the model leaves its input's %s open; give \"%s\" of the preprocessing", names[f],
                           f ? "size" : "channels");
        if (wanted > 0 && *field != 0 && *field != wanted)
            return nw_fail(err, NW_BAD_INPUT, "%s of the preprocessing is %lld, the model wants %lld",
                           names[f], (long long)*field, (long long)wanted);
        if (wanted > 0) *field = wanted;
    }
    if (channels > NW_MAX_CHANNELS)
        return nw_fail(err, NW_BAD_INPUT, "the model wants %lld channels, at most %d can be made of an image",
                       (long long)channels, NW_MAX_CHANNELS);
    fitted.channels = (int)channels;
    NW_TRY(check(&fitted, err));
    *pre = fitted;
    return NW_OK;
}

nw_shape nw_preprocess_shape(const nw_preprocess *pre, int64_t batch)
{
    if (pre->depth) return (nw_shape){5, {batch, pre->channels, pre->depth, pre->height, pre->width}};
    return (nw_shape){4, {batch, pre->channels, pre->height, pre->width}};
}

static nw_status apply_as_is(const nw_preprocess *pre, const nw_volume *volume, int64_t slice, float *dst,
                             nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    if (info->channels != pre->channels || info->rows != pre->height || info->columns != pre->width)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: the tensor is %lld x %lld x %lld, the model wants %d x %lld x %lld; a tensor goes in as it "
            "is unless \"tensors\" is \"image\"",
            nw_volume_path(volume), (long long)info->channels, (long long)info->rows,
            (long long)info->columns, pre->channels, (long long)pre->height, (long long)pre->width);
    return nw_volume_slice(volume, slice, dst, err);
}

/* Turned, scaled and resized; `plane` and `turned` hold rows * columns each. */
static nw_status make_channel(const nw_preprocess *pre, const nw_volume_info *info, const scaling *s,
                              float *plane, float *turned, int channel, float *dst, nw_error *err)
{
    int64_t pixels = info->rows * info->columns;
    bool swaps = nw_orient_swaps(pre->orient);
    for (int64_t i = 0; i < pixels; i++) plane[i] = scaled(s, plane[i]);
    nw_orient_apply(pre->orient, info->rows, info->columns, plane, turned);
    NW_TRY(nw_resize_bilinear(turned, swaps ? info->columns : info->rows, swaps ? info->rows : info->columns,
                              dst, pre->height, pre->width, pre->antialias != 0, err));
    nw_preprocess_normalise(pre, channel, dst, pre->height * pre->width);
    return NW_OK;
}

/* The facts of a slice's part that is taken. */
static nw_status cropped(const nw_preprocess *pre, const nw_volume *volume, nw_volume_info *out,
                         nw_error *err)
{
    *out = volume->info;
    const int64_t *c = pre->crop;
    if (!nw_preprocess_crops(pre)) return NW_OK;
    if (c[0] < 0 || c[0] >= c[1] || c[1] > out->rows || c[2] < 0 || c[2] >= c[3] || c[3] > out->columns)
        return nw_fail(err, NW_USAGE,
                       "%s: rows %lld to %lld and columns %lld to %lld are no part of %lld x %lld",
                       nw_volume_path(volume), (long long)c[0], (long long)c[1], (long long)c[2],
                       (long long)c[3], (long long)out->rows, (long long)out->columns);
    out->rows = c[1] - c[0];
    out->columns = c[3] - c[2];
    return NW_OK;
}

/* A slice, cut to its part in place. */
static nw_status take(const nw_preprocess *pre, const nw_volume *volume, int64_t slice, float *planes,
                      nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    const int64_t *crop = pre->crop;
    float *to = planes;
    NW_TRY(nw_volume_slice(volume, slice, planes, err));
    if (!nw_preprocess_crops(pre)) return NW_OK;
    for (int64_t c = 0; c < info->channels; c++)
        for (int64_t r = crop[0]; r < crop[1]; r++, to += crop[3] - crop[2])
            memmove(to, planes + (c * info->rows + r) * info->columns + crop[2],
                    (size_t)(crop[3] - crop[2]) * sizeof *to);
    return NW_OK;
}

static nw_status apply(const nw_preprocess *pre, const nw_volume *volume, int64_t slice, float *planes,
                       float *turned, float *dst, nw_error *err)
{
    nw_volume_info part;
    NW_TRY(cropped(pre, volume, &part, err));
    const nw_volume_info *info = &part;
    int64_t pixels = info->rows * info->columns, channels = info->channels;
    scaling s;
    NW_TRY(take(pre, volume, slice, planes, err));
    if (channels == 3 && pre->channels == 1) {
        to_grey(info, planes, pixels, planes);
        channels = 1;
    }
    if (channels != pre->channels && channels != 1)
        return nw_fail(err, NW_BAD_INPUT, "%s: the image has %lld channels, the model wants %d",
                       nw_volume_path(volume), (long long)channels, pre->channels);
    NW_TRY(scaling_of(pre, volume, planes, channels * pixels, &s, err));
    for (int c = 0; c < pre->channels; c++) {
        float *plane = planes + (channels == 1 ? 0 : c * pixels);
        /* A grey plane is scaled in place once for every copy, so it is fetched again. */
        if (c > 0 && channels == 1) NW_TRY(take(pre, volume, slice, planes, err));
        NW_TRY(make_channel(pre, info, &s, plane, turned, c, dst + c * pre->height * pre->width, err));
    }
    int64_t count = pre->channels * pre->height * pre->width;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(dst[i]))
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: slice %lld is not finite after preprocessing; check scale and std",
                           nw_volume_path(volume), (long long)slice);
    return NW_OK;
}

nw_status nw_preprocess_apply(const nw_preprocess *pre, const nw_volume *volume, int64_t slice, float *dst,
                              nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    NW_TRY(check(pre, err));
    if (as_is(pre, info)) return apply_as_is(pre, volume, slice, dst, err);
    size_t pixels = (size_t)(info->rows * info->columns);
    float *planes = nw_alloc_aligned(pixels * (size_t)info->channels, sizeof *planes);
    float *turned = nw_alloc_aligned(pixels, sizeof *turned);
    nw_status status = planes && turned ? apply(pre, volume, slice, planes, turned, dst, err)
                                        : nw_no_memory(err, pixels * sizeof *planes, nw_volume_path(volume));
    nw_free(planes);
    nw_free(turned);
    return status;
}

nw_status nw_preprocess_view(const nw_preprocess *pre, const nw_volume *volume, int64_t slice, float *dst,
                             nw_error *err)
{
    const nw_volume_info *info = &volume->info;
    int64_t pixels = info->rows * info->columns;
    float *planes = nw_alloc_aligned((size_t)(pixels * info->channels), sizeof *planes);
    if (!planes) return nw_no_memory(err, (size_t)pixels * sizeof *planes, nw_volume_path(volume));
    nw_status status = nw_volume_slice(volume, slice, planes, err);
    if (status == NW_OK) {
        if (info->channels == 3) to_grey(info, planes, pixels, planes);
        scaling s;
        bool known = !as_is(pre, info) && pre->scale != NW_SCALE_NONE &&
                     scaling_of(pre, volume, planes, pixels, &s, NULL) == NW_OK &&
                     !(info->kind == NW_KIND_TENSOR && pre->scale == NW_SCALE_AUTO);
        if (!known) s = minmax(planes, pixels);
        s.clamp = true;
        for (int64_t i = 0; i < pixels; i++) dst[i] = scaled(&s, planes[i]);
    }
    nw_free(planes);
    return status;
}

/* A map of the part, at the beginning of dst, to its place in the slice, and 0 around it. */
static void put_back(const nw_preprocess *pre, const nw_volume_info *info, float *part, float *dst)
{
    const int64_t *crop = pre->crop, rows = crop[1] - crop[0], columns = crop[3] - crop[2];
    memcpy(part, dst, (size_t)(rows * columns) * sizeof *part);
    memset(dst, 0, (size_t)(info->rows * info->columns) * sizeof *dst);
    for (int64_t r = 0; r < rows; r++)
        memcpy(dst + (crop[0] + r) * info->columns + crop[2], part + r * columns,
               (size_t)columns * sizeof *dst);
}

nw_status nw_preprocess_map_back(const nw_preprocess *pre, const nw_volume *volume, int64_t slice,
                                 nw_map_unit unit, const float *src, float *dst, nw_error *err)
{
    nw_volume_info part;
    NW_TRY(check(pre, err));
    NW_TRY(cropped(pre, volume, &part, err));
    const nw_volume_info *info = &part;
    if (slice < 0 || slice >= info->slices)
        return nw_fail(err, NW_USAGE, "%s: there is no slice %lld", nw_volume_path(volume), (long long)slice);
    int64_t count = info->rows * info->columns, src_count = pre->height * pre->width;
    for (int64_t i = 0; i < src_count; i++)
        if (!isfinite(src[i]))
            return nw_fail(err, NW_NOT_FINITE, "%s: the map of slice %lld is %g at row %lld, column %lld",
                           nw_volume_path(volume), (long long)slice, (double)src[i],
                           (long long)(i / pre->width), (long long)(i % pre->width));
    /* A tensor that went in as it is was never turned. */
    nw_orient orient = as_is(pre, info) ? NW_ORIENT_NONE : pre->orient;
    bool swaps = nw_orient_swaps(orient), shrinks_evenly = unit == NW_MAP_DENSITY || pre->antialias;
    float *turned = nw_alloc_aligned((size_t)count, sizeof *turned);
    if (!turned) return nw_no_memory(err, (size_t)count * sizeof *turned, nw_volume_path(volume));
    nw_status status =
        nw_resize_bilinear(src, pre->height, pre->width, turned, swaps ? info->columns : info->rows,
                           swaps ? info->rows : info->columns, shrinks_evenly, err);
    if (status == NW_OK) {
        if (unit == NW_MAP_DENSITY) nw_resize_keep_total(src, src_count, turned, count);
        nw_orient_undo(orient, info->rows, info->columns, turned, dst);
        if (nw_preprocess_crops(pre)) put_back(pre, &volume->info, turned, dst);
    }
    nw_free(turned);
    return status;
}
