/* Reading the parameters of Resize and Upsample, and their coordinates. Formulas: the ONNX specification of
 * Resize-19; what it calls length_resized is here the whole number of elements of the result. */
#include "ops/resize.h"

#include <math.h>
#include <string.h>

typedef struct nw_resize_axis axis_map;

static int find(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

/* The attributes; Upsample and Resize-10 know only asymmetric coordinates, rounded down. */
static nw_status read_modes(nw_infer *cx, nw_resize *out)
{
    static const char *const modes[] = {"nearest", "linear"};
    static const char *const coordinates[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                              "asymmetric", "half_pixel_symmetric", "tf_half_pixel_for_nn"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    bool old = strcmp(cx->node->op_type, "Resize") != 0 || cx->node->opset < 11;
    const char *mode = nw_node_string(cx->node, "mode", "nearest");
    const char *coordinate =
        old ? "asymmetric" : nw_node_string(cx->node, "coordinate_transformation_mode", "half_pixel");
    const char *rounding = old ? "floor" : nw_node_string(cx->node, "nearest_mode", "round_prefer_floor");
    if (strcmp(mode, "bilinear") == 0 && old) mode = "linear";
    int m = find(mode, modes, 2), c = find(coordinate, coordinates, 6), r = find(rounding, roundings, 4);
    if (m < 0) return nw_infer_fail(cx, NW_UNSUPPORTED, "mode '%s'; nearest and linear are supported", mode);
    if (c < 0)
        return nw_infer_fail(cx, NW_UNSUPPORTED,
                             "coordinate_transformation_mode '%s'; half_pixel, pytorch_half_pixel, "
                             "half_pixel_symmetric, align_corners and asymmetric are supported",
                             coordinate);
    if (r < 0) return nw_infer_fail(cx, NW_BAD_MODEL, "nearest_mode is '%s'", rounding);
    if (nw_node_int(cx->node, "antialias", 0))
        return nw_infer_fail(cx, NW_UNSUPPORTED, "antialias is not supported; export without it");
    if (strcmp(nw_node_string(cx->node, "keep_aspect_ratio_policy", "stretch"), "stretch") != 0)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "keep_aspect_ratio_policy must be stretch");
    out->linear = m == 1;
    out->coordinates = (nw_resize_coordinates)c;
    out->rounding = (nw_resize_rounding)r;
    return NW_OK;
}

/* Constant input i as numbers; *count = 0 where it is omitted or empty. */
static nw_status read_numbers(nw_infer *cx, int i, double numbers[NW_MAX_RANK], int *count)
{
    const nw_value *value = nw_infer_in(cx, i);
    *count = 0;
    if (!value) return NW_OK;
    if (!value->data)
        return nw_infer_fail(cx, NW_UNSUPPORTED, "'%s' is not constant: the size of the result is unknown",
                             value->name);
    if (value->data->count > NW_MAX_RANK)
        return nw_infer_fail(cx, NW_BAD_MODEL, "'%s' has %lld elements", value->name,
                             (long long)value->data->count);
    *count = (int)value->data->count;
    for (int k = 0; k < *count; k++) numbers[k] = nw_tensor_get(value->data, k);
    return NW_OK;
}

/* scales[] and sizes[], of which one is there, by attribute or input. */
static nw_status read_factors(nw_infer *cx, double *scales, int *scale_count, double *sizes, int *size_count)
{
    *scale_count = *size_count = 0;
    const nw_attr *attr = nw_node_attr(cx->node, "scales");
    if (attr && attr->kind == NW_ATTR_FLOATS && attr->count <= NW_MAX_RANK) {
        *scale_count = (int)attr->count;
        for (int i = 0; i < *scale_count; i++) scales[i] = (double)attr->floats[i];
        return NW_OK;
    }
    bool modern = strcmp(cx->node->op_type, "Resize") == 0 && cx->node->opset >= 11;
    NW_TRY(read_numbers(cx, modern ? 2 : 1, scales, scale_count));
    if (modern) NW_TRY(read_numbers(cx, 3, sizes, size_count));
    return NW_OK;
}

nw_status nw_resize_read(nw_infer *cx, nw_resize *out)
{
    const nw_shape *x = &nw_infer_in(cx, 0)->shape;
    double scales[NW_MAX_RANK], sizes[NW_MAX_RANK];
    int scale_count, size_count, axis_of[NW_MAX_RANK];
    memset(out, 0, sizeof *out);
    NW_TRY(read_modes(cx, out));
    NW_TRY(read_factors(cx, scales, &scale_count, sizes, &size_count));
    int count = size_count ? size_count : scale_count;
    if ((scale_count && size_count) || !count)
        return nw_infer_fail(cx, NW_BAD_MODEL, "needs either scales or sizes");
    size_t axis_count;
    const int64_t *axes = nw_node_ints(cx->node, "axes", &axis_count);
    if (count != (axes ? (int)axis_count : x->rank))
        return nw_infer_fail(cx, NW_BAD_MODEL, "%d scales or sizes; expected one for each axis", count);
    out->shape = *x;
    for (int i = 0; i < x->rank; i++) out->axis[i] = (axis_map){x->dims[i], x->dims[i], 1, false};
    for (int i = 0; i < count; i++) {
        NW_TRY(nw_infer_axis(cx, axes ? axes[i] : i, x->rank, false, &axis_of[i]));
        axis_map *axis = &out->axis[axis_of[i]];
        /* In single precision, as exporters and other runtimes multiply: 10 x 0.7 is 7. */
        double size = size_count ? sizes[i] : floor((double)((float)axis->src * (float)scales[i]));
        if (!(size >= 0 && size <= 0x1p40) || (!size_count && !(scales[i] > 0)))
            return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d would get %g elements", axis_of[i], size);
        if (axis->src == 0 && size > 0)
            return nw_infer_fail(cx, NW_BAD_MODEL, "axis %d is empty and cannot grow", axis_of[i]);
        axis->dst = (int64_t)size;
        axis->scale = size_count ? size / (double)axis->src : scales[i];
        axis->exact = size_count != 0;
        out->shape.dims[axis_of[i]] = axis->dst;
    }
    return NW_OK;
}

/* Where position i of the result lies among the elements of the source. */
static double position(const nw_resize *r, const axis_map *axis, int64_t i)
{
    double x = (double)i, n = (double)axis->src, m = (double)axis->dst;
    /* i / scale; a ratio of two sizes is multiplied out, so that whole results are whole. */
    double unit = axis->exact ? n / m : 1 / axis->scale;
    switch (r->coordinates) {
    case NW_RESIZE_PYTORCH_HALF_PIXEL:
        if (axis->dst <= 1) return 0;
        break;
    case NW_RESIZE_ALIGN_CORNERS: return axis->dst <= 1 ? 0 : x * (n - 1) / (m - 1);
    case NW_RESIZE_ASYMMETRIC: return axis->exact ? x * n / m : x / axis->scale;
    case NW_RESIZE_TF_HALF_PIXEL_FOR_NN: return (x + 0.5) * unit;
    case NW_RESIZE_HALF_PIXEL_SYMMETRIC: {
        double adjustment = m / (axis->scale * n), center = n / 2;
        return center * (1 - adjustment) + (x + 0.5) * unit - 0.5;
    }
    case NW_RESIZE_HALF_PIXEL: break;
    }
    return axis->exact ? (x + 0.5) * n / m - 0.5 : (x + 0.5) / axis->scale - 0.5;
}

static int64_t clamp(double x, int64_t n)
{
    return x < 0 ? 0 : x > (double)(n - 1) ? n - 1 : (int64_t)x;
}

static double rounded(nw_resize_rounding rounding, double x)
{
    switch (rounding) {
    case NW_RESIZE_ROUND_PREFER_FLOOR: return ceil(x - 0.5);
    case NW_RESIZE_ROUND_PREFER_CEIL: return floor(x + 0.5);
    case NW_RESIZE_FLOOR: return floor(x);
    case NW_RESIZE_CEIL: return ceil(x);
    }
    return x;
}

nw_resize_tap nw_resize_at(const nw_resize *r, int axis_index, int64_t i)
{
    const axis_map *axis = &r->axis[axis_index];
    nw_resize_tap tap = {i, i, 0};
    if (axis->src == axis->dst && axis->scale == 1) return tap;
    double x = position(r, axis, i);
    if (r->linear) {
        double low = floor(x);
        tap = (nw_resize_tap){clamp(low, axis->src), clamp(low + 1, axis->src), x - low};
    } else {
        tap.low = tap.high = clamp(rounded(r->rounding, x), axis->src);
    }
    return tap;
}
