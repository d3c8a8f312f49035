#include "lesion/distance.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

/* One axis after the other, as all separable distance transforms; each pass is a minimum over a window of
 * parabolas, which for the short reaches that are needed here is quicker than lower envelopes. */
typedef struct pass {
    const uint8_t *src;
    uint8_t value, equal;
    int64_t n[3];
    double h[3];
    float far; /* stands for "beyond the limit" */
    int64_t reach;
    float *dst, *scratch;
    size_t chunk;
} pass;

static void along_x(void *context, size_t begin, size_t end)
{
    const pass *p = context;
    for (size_t row = begin; row < end; row++) {
        const uint8_t *src = p->src + (int64_t)row * p->n[0];
        float *dst = p->dst + (int64_t)row * p->n[0], h = (float)p->h[0];
        int64_t since = -1;
        for (int64_t x = 0; x < p->n[0]; x++) {
            if ((src[x] == p->value) == p->equal) since = x;
            float d = (float)(x - since) * h;
            dst[x] = since < 0 ? p->far : fminf(p->far, d * d);
        }
        since = -1;
        for (int64_t x = p->n[0]; x-- > 0;) {
            if ((src[x] == p->value) == p->equal) since = x;
            float d = (float)(since - x) * h;
            if (since >= 0) dst[x] = fminf(dst[x], d * d);
        }
    }
}

/* Rows of `width` values, `count` of them `stride` apart, from scratch to dst. */
static void window(const float *src, float *dst, int64_t width, int64_t count, int64_t stride, int64_t reach,
                   double h)
{
    for (int64_t i = 0; i < count; i++) {
        float *out = dst + i * stride;
        memcpy(out, src + i * width, (size_t)width * sizeof *out);
        for (int64_t j = i - reach; j <= i + reach; j++) {
            if (j < 0 || j >= count || j == i) continue;
            const float *in = src + j * width;
            float d = (float)(j - i) * (float)h, add = d * d;
            for (int64_t x = 0; x < width; x++) {
                float v = in[x] + add;
                out[x] = v < out[x] ? v : out[x];
            }
        }
    }
}

static void along_y(void *context, size_t begin, size_t end)
{
    const pass *p = context;
    const int64_t plane = p->n[0] * p->n[1];
    float *scratch = p->scratch + (int64_t)(begin / p->chunk) * plane;
    for (size_t z = begin; z < end; z++) {
        float *dst = p->dst + (int64_t)z * plane;
        memcpy(scratch, dst, (size_t)plane * sizeof *dst);
        window(scratch, dst, p->n[0], p->n[1], p->n[0], p->reach, p->h[1]);
    }
}

static void along_z(void *context, size_t begin, size_t end)
{
    const pass *p = context;
    const int64_t width = p->n[0], plane = width * p->n[1];
    float *scratch = p->scratch + (int64_t)(begin / p->chunk) * width * p->n[2];
    for (size_t y = begin; y < end; y++) {
        float *dst = p->dst + (int64_t)y * width;
        for (int64_t z = 0; z < p->n[2]; z++)
            memcpy(scratch + z * width, dst + z * plane, (size_t)width * sizeof *dst);
        window(scratch, dst, width, p->n[2], plane, p->reach, p->h[2]);
    }
}

enum { CHUNKS = 8 };

nw_status nw_distance_squared(const uint8_t *src, const int64_t n[3], const double h[3], uint8_t value,
                              int equal, double limit, float *dst, nw_error *err)
{
    pass p = {.src = src, .value = value, .equal = equal != 0, .dst = dst};
    memcpy(p.n, n, sizeof p.n);
    memcpy(p.h, h, sizeof p.h);
    p.far = (float)((limit + 1) * (limit + 1) * 1.01);
    int64_t longest = n[1] > n[2] ? n[1] : n[2];
    p.scratch = nw_alloc_aligned((size_t)CHUNKS, (size_t)(n[0] * longest) * sizeof *p.scratch);
    if (!p.scratch)
        return nw_no_memory(err, (size_t)(CHUNKS * n[0] * longest) * sizeof *p.scratch, "distances");
    nw_parallel((size_t)(n[1] * n[2]), 256, along_x, &p);
    p.chunk = ((size_t)n[2] + CHUNKS - 1) / CHUNKS;
    p.reach = (int64_t)(limit / h[1]);
    nw_parallel((size_t)n[2], p.chunk, along_y, &p);
    p.chunk = ((size_t)n[1] + CHUNKS - 1) / CHUNKS;
    p.reach = (int64_t)(limit / h[2]);
    nw_parallel((size_t)n[1], p.chunk, along_z, &p);
    nw_free(p.scratch);
    return NW_OK;
}

/* Rows along x; scratch holds one row a chunk. */
static void balls_along_x(void *context, size_t begin, size_t end)
{
    const pass *p = context;
    const int64_t n = p->n[0], reach = p->reach;
    float *in = p->scratch + (int64_t)(begin / p->chunk) * n;
    for (size_t row = begin; row < end; row++) {
        float *out = p->dst + (int64_t)row * n;
        memcpy(in, out, (size_t)n * sizeof *in);
        for (int64_t j = -reach; j <= reach; j++) {
            int64_t from = j < 0 ? -j : 0, to = j > 0 ? n - j : n;
            float d = (float)j * (float)p->h[0], add = d * d;
            for (int64_t x = from; x < to; x++) {
                float v = in[x + j] + add;
                out[x] = v < out[x] ? v : out[x];
            }
        }
    }
}

nw_status nw_balls(float *field, const int64_t n[3], const double h[3], double most, nw_error *err)
{
    pass p = {.dst = field};
    memcpy(p.n, n, sizeof p.n);
    memcpy(p.h, h, sizeof p.h);
    int64_t longest = n[1] > n[2] ? n[1] : n[2];
    p.scratch = nw_alloc_aligned((size_t)CHUNKS, (size_t)(n[0] * longest) * sizeof *p.scratch);
    if (!p.scratch)
        return nw_no_memory(err, (size_t)(CHUNKS * n[0] * longest) * sizeof *p.scratch, "distances");
    p.chunk = ((size_t)(n[1] * n[2]) + CHUNKS - 1) / CHUNKS;
    p.reach = (int64_t)(most / h[0]);
    nw_parallel((size_t)(n[1] * n[2]), p.chunk, balls_along_x, &p);
    p.chunk = ((size_t)n[2] + CHUNKS - 1) / CHUNKS;
    p.reach = (int64_t)(most / h[1]);
    nw_parallel((size_t)n[2], p.chunk, along_y, &p);
    p.chunk = ((size_t)n[1] + CHUNKS - 1) / CHUNKS;
    p.reach = (int64_t)(most / h[2]);
    nw_parallel((size_t)n[1], p.chunk, along_z, &p);
    nw_free(p.scratch);
    return NW_OK;
}

nw_status nw_close_ball(uint8_t *mask, const int64_t n[3], const double h[3], double radius, float *work,
                        nw_error *err)
{
    const int64_t count = n[0] * n[1] * n[2];
    const float r2 = (float)(radius * radius);
    NW_TRY(nw_distance_squared(mask, n, h, 1, 1, radius, work, err));
    /* 2: within the radius, so that the background is what stays 0. */
    for (int64_t i = 0; i < count; i++)
        if (!mask[i] && work[i] <= r2) mask[i] = 2;
    NW_TRY(nw_distance_squared(mask, n, h, 0, 1, radius, work, err));
    for (int64_t i = 0; i < count; i++)
        if (mask[i] == 2 && work[i] <= r2) mask[i] = 0;
    return NW_OK;
}
