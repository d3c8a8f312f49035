#include "explain/blur.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"

#include <math.h>
#include <string.h>

/* A position that another one is summed from. */
typedef struct tap {
    int64_t from;
    float weight;
} tap;

/* What the positions along an outer axis are summed from: position i from taps [first[i], first[i + 1]). */
typedef struct taps {
    tap *all;
    int64_t *first;
} taps;

struct nw_blur {
    int64_t channels, plane; /* plane: elements a channel */
    int axes;
    int64_t dims[3]; /* of the spatial axes, outermost first */
    int radius;
    float *weights;  /* [2 radius + 1] */
    taps taps[2][2]; /* of the outer axes; the second of each for the adjoint */
    float *other;    /* [channels, plane]: between two passes */
    float *lines;    /* [channels, line]: one padded row, for the adjoint two */
    int64_t line;
};

/* The index in [0, n) that a position outside mirrors to; n > 1, and no further than one length outside. */
static int64_t mirror(int64_t i, int64_t n)
{
    if (i < 0) i = -i;
    return i < n ? i : 2 * (n - 1) - i;
}

/* What each position is summed from; for the adjoint all that it went to. */
static bool make_taps(nw_blur *blur, int axis, bool adjoint)
{
    int64_t n = blur->dims[axis], r = blur->radius, count = 0;
    taps *t = &blur->taps[axis][adjoint];
    t->all = nw_calloc((size_t)(n * (2 * r + 1)), sizeof *t->all);
    t->first = nw_calloc((size_t)n + 1, sizeof *t->first);
    if (!t->all || !t->first) return false;
    for (int64_t i = 0; i < n; i++) {
        /* Mirroring brings what is at most r away. */
        int64_t reach = adjoint ? r : 0;
        for (int64_t at = i > reach ? i - reach : 0; at <= i + reach && at < n; at++)
            for (int64_t k = -r; k <= r; k++) {
                int64_t to = mirror(at + k, n);
                if (adjoint && to != i) continue;
                t->all[count++] = (tap){adjoint ? at : to, blur->weights[k + r]};
            }
        t->first[i + 1] = count;
    }
    return true;
}

nw_status nw_blur_new(const nw_shape *shape, double sigma, nw_blur **out, nw_error *err)
{
    if (shape->rank != 3 && shape->rank != 4)
        return nw_fail(err, NW_BAD_INPUT,
                       "blur: a feature map [C, H, W] or [C, D, H, W] is wanted, not %d dimensions",
                       shape->rank);
    if (!(sigma >= 0 && sigma <= 1e6))
        return nw_fail(err, NW_USAGE, "sigma is %g: it must be 0 (no blur) or a positive number of positions",
                       sigma);
    int64_t count;
    if (!nw_shape_count(shape, &count) || count == 0)
        return nw_fail(err, NW_BAD_INPUT, "blur: an empty or impossible shape");
    /* Python's round(), which the reference uses: halves to even. */
    int64_t radius = (int64_t)nearbyint(2 * sigma);
    for (int i = 1; i < shape->rank; i++)
        if (radius > 0 && shape->dims[i] <= radius) {
            char text[NW_SHAPE_TEXT];
            return nw_fail(
                err, NW_BAD_INPUT,
                "the feature map %s is too small for sigma %g: the kernel of %lld positions needs more than "
                "%lld along every axis; choose a smaller sigma (0: no blur) or an earlier layer",
                nw_shape_text(shape, text, sizeof text), sigma, (long long)(2 * radius + 1),
                (long long)radius);
        }
    nw_blur *blur = nw_calloc(1, sizeof *blur);
    if (!blur) return nw_no_memory(err, sizeof *blur, "a blur");
    blur->channels = shape->dims[0];
    blur->plane = count / shape->dims[0];
    blur->axes = shape->rank - 1;
    memcpy(blur->dims, shape->dims + 1, (size_t)blur->axes * sizeof *blur->dims);
    blur->radius = (int)radius;
    blur->line = 2 * (blur->dims[blur->axes - 1] + 3 * radius);
    blur->weights = nw_calloc((size_t)(2 * radius + 1), sizeof *blur->weights);
    if (radius > 0) {
        blur->other = nw_alloc_aligned((size_t)count, sizeof *blur->other);
        blur->lines = nw_alloc_aligned((size_t)blur->channels, (size_t)blur->line * sizeof *blur->lines);
    }
    if (!blur->weights || (radius > 0 && (!blur->other || !blur->lines))) {
        nw_blur_free(blur);
        return nw_no_memory(err, (size_t)count * sizeof(float), "a blur");
    }
    double sum = 0;
    for (int64_t k = -radius; k <= radius; k++) sum += k ? exp(-(double)(k * k) / (2 * sigma * sigma)) : 1;
    for (int64_t k = -radius; k <= radius; k++)
        blur->weights[k + radius] = (float)((k ? exp(-(double)(k * k) / (2 * sigma * sigma)) : 1) / sum);
    for (int axis = 0; radius > 0 && axis < blur->axes - 1; axis++)
        if (!make_taps(blur, axis, false) || !make_taps(blur, axis, true)) {
            nw_blur_free(blur);
            return nw_no_memory(err, (size_t)(blur->dims[axis] * (2 * radius + 1)) * sizeof(tap), "a blur");
        }
    *out = blur;
    return NW_OK;
}

void nw_blur_free(nw_blur *blur)
{
    if (!blur) return;
    for (int i = 0; i < 4; i++) {
        nw_free(blur->taps[i / 2][i % 2].all);
        nw_free(blur->taps[i / 2][i % 2].first);
    }
    nw_free(blur->weights);
    nw_free(blur->other);
    nw_free(blur->lines);
    nw_free(blur);
}

int nw_blur_radius(const nw_blur *blur)
{
    return blur->radius;
}

/* Values that are summed in a register, or two of half the length. The last of a line of at least so many are
 * summed with some that were already, the same way once more. */
enum { TOGETHER = 16 };
typedef float vec __attribute__((vector_size(4 * TOGETHER), aligned(4), may_alias));

/* dst[i] = weights[0] src[0][i] + weights[1] src[1][i] + ...; src[k] = src + k * step. */
static inline __attribute__((always_inline)) void filter(float *restrict dst, const float *restrict src,
                                                         int64_t step, const float *weights, int64_t count,
                                                         int64_t n)
{
    int64_t i = 0;
    for (; n >= TOGETHER && i < n; i += TOGETHER) {
        if (i > n - TOGETHER) i = n - TOGETHER;
        vec sum = weights[0] * *(const vec *)(const void *)(src + i);
        for (int64_t k = 1; k < count; k++)
            sum += weights[k] * *(const vec *)(const void *)(src + k * step + i);
        *(vec *)(void *)(dst + i) = sum;
    }
    for (; i < n; i++) {
        float sum = weights[0] * src[i];
        for (int64_t k = 1; k < count; k++) sum += weights[k] * src[k * step + i];
        dst[i] = sum;
    }
}

/* Along the innermost axis: row by row through a padded line. The adjoint is the filter turned round over a
 * line with zeros on both sides, whose ends are then folded back; its weights are the same both ways. */
static inline __attribute__((always_inline)) void rows(const nw_blur *blur, const float *src, float *dst,
                                                       int64_t count, int64_t n, float *line, bool adjoint)
{
    int64_t r = blur->radius, width = 2 * r + 1, wide = n + 2 * r;
    float *zeros = line + wide;
    if (adjoint) memset(zeros, 0, (size_t)(n + 4 * r) * sizeof *zeros);
    for (int64_t row = 0; row < count; row++, src += n, dst += n) {
        if (!adjoint) {
            for (int64_t i = -r; i < 0; i++) line[i + r] = src[mirror(i, n)];
            memcpy(line + r, src, (size_t)n * sizeof *line);
            for (int64_t i = n; i < n + r; i++) line[i + r] = src[mirror(i, n)];
            filter(dst, line, 1, blur->weights, width, n);
        } else {
            memcpy(zeros + 2 * r, src, (size_t)n * sizeof *line);
            filter(line, zeros + 2 * r, -1, blur->weights, width, wide);
            memcpy(dst, line + r, (size_t)n * sizeof *line);
            for (int64_t i = -r; i < 0; i++) dst[mirror(i, n)] += line[i + r];
            for (int64_t i = n; i < n + r; i++) dst[mirror(i, n)] += line[i + r];
        }
    }
}

/* One line from others. */
static inline __attribute__((always_inline)) void gather(float *restrict dst, const float *restrict src,
                                                         int64_t inner, const tap *from, int64_t count)
{
    int64_t i = 0;
    for (; inner >= TOGETHER && i < inner; i += TOGETHER) {
        if (i > inner - TOGETHER) i = inner - TOGETHER;
        vec sum = {0};
        for (int64_t k = 0; k < count; k++)
            sum += from[k].weight * *(const vec *)(const void *)(src + from[k].from * inner + i);
        *(vec *)(void *)(dst + i) = sum;
    }
    for (; i < inner; i++) {
        float sum = 0;
        for (int64_t k = 0; k < count; k++) sum += from[k].weight * src[from[k].from * inner + i];
        dst[i] = sum;
    }
}

/* Along an outer axis: whole lines of `inner` values at once. */
static inline __attribute__((always_inline)) void columns(const taps *t, const float *src, float *dst,
                                                          int64_t count, int64_t n, int64_t inner)
{
    for (int64_t block = 0; block < count; block++, src += n * inner, dst += n * inner)
        for (int64_t i = 0; i < n; i++)
            gather(dst + i * inner, src, inner, t->all + t->first[i], t->first[i + 1] - t->first[i]);
}

typedef struct work {
    const nw_blur *blur;
    const float *src;
    float *dst;
    bool adjoint;
} work;

NW_SIMD static void channels(void *context, size_t begin, size_t end)
{
    const work *w = context;
    const nw_blur *blur = w->blur;
    for (size_t c = begin; c < end; c++) {
        int64_t at = (int64_t)c * blur->plane;
        float *dst = w->dst + at, *other = blur->other + at;
        /* The last of the passes has to land in dst. */
        const float *from = w->src + at;
        float *to = blur->axes % 2 ? dst : other;
        int64_t outer = blur->plane, inner = 1;
        for (int axis = blur->axes - 1; axis >= 0; axis--) {
            int64_t n = blur->dims[axis];
            outer /= n;
            if (axis == blur->axes - 1)
                rows(blur, from, to, outer, n, blur->lines + (int64_t)c * blur->line, w->adjoint);
            else
                columns(&blur->taps[axis][w->adjoint], from, to, outer, n, inner);
            inner *= n;
            from = to;
            to = to == dst ? other : dst;
        }
    }
}

static void run(nw_blur *blur, const float *src, float *dst, bool adjoint)
{
    if (blur->radius == 0) {
        memcpy(dst, src, (size_t)(blur->channels * blur->plane) * sizeof *dst);
        return;
    }
    work w = {blur, src, dst, adjoint};
    nw_parallel((size_t)blur->channels, 4, channels, &w);
}

void nw_blur_apply(nw_blur *blur, const float *src, float *dst)
{
    run(blur, src, dst, false);
}

void nw_blur_adjoint(nw_blur *blur, const float *src, float *dst)
{
    run(blur, src, dst, true);
}
