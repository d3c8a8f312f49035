#include "ops/window.h"

#include <string.h>

nw_status nw_window_ints(const nw_node *node, const char *name, size_t count, int64_t low, int64_t otherwise,
                         int64_t *values, nw_error *err)
{
    size_t n;
    const int64_t *given = nw_node_ints(node, name, &n);
    if (given && n != count)
        return nw_fail(err, NW_BAD_MODEL, "attribute %s has %zu numbers where %zu are expected", name, n,
                       count);
    for (size_t i = 0; i < count; i++) {
        values[i] = given ? given[i] : otherwise;
        if (values[i] < low || values[i] > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL, "attribute %s[%zu] is %lld; expected %lld to %d", name, i,
                           (long long)values[i], (long long)low, INT32_MAX);
    }
    return NW_OK;
}

/* SAME: as many windows as strides fit; the odd element of padding goes to the end (upper) or the start. */
static void pad_same(nw_window *w, int i, int64_t extent, bool upper)
{
    w->dst[i] = (w->src[i] + w->stride[i] - 1) / w->stride[i];
    int64_t pad = (w->dst[i] - 1) * w->stride[i] + extent - w->src[i];
    if (pad < 0) pad = 0;
    w->before[i] = upper ? pad / 2 : pad - pad / 2;
    w->after[i] = pad - w->before[i];
}

static nw_status count_windows(nw_window *w, int i, int64_t extent, bool ceil_mode, nw_error *err)
{
    int64_t room = w->src[i] + w->before[i] + w->after[i] - extent;
    if (room < 0)
        return nw_fail(
            err, NW_BAD_MODEL,
            "a window of %lld elements does not fit into dimension %d of %lld elements and %lld of padding",
            (long long)extent, i + 2, (long long)w->src[i], (long long)(w->before[i] + w->after[i]));
    w->dst[i] = (ceil_mode ? room + w->stride[i] - 1 : room) / w->stride[i] + 1;
    if (ceil_mode && (w->dst[i] - 1) * w->stride[i] >= w->src[i] + w->before[i]) w->dst[i]--;
    return NW_OK;
}

nw_status nw_window_read(const nw_node *node, const nw_shape *src, const int64_t *kernel, nw_window *out,
                         nw_error *err)
{
    nw_window w = {.rank = src->rank - 2};
    int64_t pads[2 * NW_MAX_SPATIAL];
    if (w.rank < 1 || w.rank > NW_MAX_SPATIAL)
        return nw_fail(err, NW_UNSUPPORTED, "the input has %d dimensions; 3 to 5 are supported", src->rank);
    size_t rank = (size_t)w.rank;
    NW_TRY(nw_window_ints(node, "strides", rank, 1, 1, w.stride, err));
    NW_TRY(nw_window_ints(node, "dilations", rank, 1, 1, w.dilation, err));
    NW_TRY(nw_window_ints(node, "pads", 2 * rank, 0, 0, pads, err));
    const char *auto_pad = nw_node_string(node, "auto_pad", "NOTSET");
    bool upper = strcmp(auto_pad, "SAME_UPPER") == 0, lower = strcmp(auto_pad, "SAME_LOWER") == 0;
    bool valid = strcmp(auto_pad, "VALID") == 0, explicit = strcmp(auto_pad, "NOTSET") == 0 || !*auto_pad;
    if (!upper && !lower && !valid && !explicit)
        return nw_fail(err, NW_BAD_MODEL,
                       "auto_pad is '%s'; expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto_pad);
    for (int i = 0; i < w.rank; i++) {
        w.src[i] = src->dims[i + 2];
        w.kernel[i] = kernel[i];
        if (w.src[i] < 1 || w.src[i] > INT32_MAX || w.kernel[i] < 1 || w.kernel[i] > INT32_MAX)
            return nw_fail(err, NW_BAD_MODEL,
                           "dimension %d has %lld elements and a kernel of %lld; both must be 1 to %d", i + 2,
                           (long long)w.src[i], (long long)w.kernel[i], INT32_MAX);
        int64_t extent = w.dilation[i] * (w.kernel[i] - 1) + 1;
        if (explicit) {
            w.before[i] = pads[i];
            w.after[i] = pads[w.rank + i];
        }
        if (upper || lower)
            pad_same(&w, i, extent, upper);
        else
            NW_TRY(count_windows(&w, i, extent, !valid && nw_node_int(node, "ceil_mode", 0) != 0, err));
    }
    *out = w;
    return NW_OK;
}

nw_window nw_window_3d(const nw_window *window)
{
    nw_window w = {.rank = NW_MAX_SPATIAL};
    int shift = NW_MAX_SPATIAL - window->rank;
    for (int i = 0; i < NW_MAX_SPATIAL; i++) {
        bool there = i >= shift;
        w.src[i] = there ? window->src[i - shift] : 1;
        w.dst[i] = there ? window->dst[i - shift] : 1;
        w.kernel[i] = there ? window->kernel[i - shift] : 1;
        w.stride[i] = there ? window->stride[i - shift] : 1;
        w.dilation[i] = there ? window->dilation[i - shift] : 1;
        w.before[i] = there ? window->before[i - shift] : 0;
        w.after[i] = there ? window->after[i - shift] : 0;
    }
    return w;
}

void nw_window_range(const nw_window *w, int i, int64_t k, int64_t *first, int64_t *last)
{
    int64_t start = k * w->dilation[i] - w->before[i], stride = w->stride[i];
    *first = start >= 0 ? 0 : (-start + stride - 1) / stride;
    *last = start >= w->src[i] ? 0 : (w->src[i] - 1 - start) / stride + 1;
    if (*last > w->dst[i]) *last = w->dst[i];
    if (*first > *last) *first = *last;
}
