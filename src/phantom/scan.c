#include "phantom/chest.h"

void nw_scan_draw(nw_chest *chest, const nw_phantom_options *options)
{
    nw_draw d = nw_draw_start(chest->seed, chest->study, NW_PART_SCAN);
    nw_scan *s = &chest->scan;
    s->kernel = nw_draw_chance(&d, 0.4F) ? NW_KERNEL_SHARP : NW_KERNEL_SOFT;
    s->noise_hu = nw_draw_range(&d, 9, 20);
    s->offset_hu = nw_draw_normal(&d, 0, 3);
    s->circle = nw_draw_chance(&d, 0.5F);
    s->low = -1024;
    s->high = 3071;
    if (options->shortcut == NW_SHORTCUT_KERNEL)
        s->kernel = chest->positive ? NW_KERNEL_SHARP : NW_KERNEL_SOFT;
    if (s->kernel == NW_KERNEL_SHARP) s->noise_hu *= 1.9F;
    s->marker = options->shortcut == NW_SHORTCUT_MARKER && chest->positive;
    if (options->shortcut == NW_SHORTCUT_WINDOW && chest->positive) s->low = -960, s->high = 240;
}

/* Thin slices hold fewer photons, but scanners make up for some of it. */
double nw_scan_noise_hu(const nw_scan *scan, double slice_mm)
{
    return (double)scan->noise_hu * pow(7 / slice_mm, 0.3);
}

enum { MOST_TAPS = 16 };

typedef struct gauss {
    int taps; /* beside the middle one */
    float w[MOST_TAPS + 1];
} gauss;

/* Sums to 1. sigma in pixels. */
static gauss gauss_make(float sigma)
{
    gauss g = {.taps = (int)nw_clamp(ceilf(3 * sigma), 0, MOST_TAPS)};
    float sum = 0;
    for (int i = 0; i <= g.taps; i++) {
        g.w[i] = sigma > 0 ? expf(-0.5F * (float)(i * i) / (sigma * sigma)) : i == 0;
        sum += i ? 2 * g.w[i] : g.w[i];
    }
    for (int i = 0; i <= g.taps; i++) g.w[i] /= sum;
    return g;
}

/* Standard deviation of white noise of deviation 1 after one pass along rows and one along columns of
 * (g - less * h). */
static float gauss_gain(const gauss *g, const gauss *h, float less)
{
    double gg = 0, gh = 0, hh = 0;
    for (int i = -MOST_TAPS; i <= MOST_TAPS; i++) {
        int k = i < 0 ? -i : i;
        double a = k <= g->taps ? (double)g->w[k] : 0, b = k <= h->taps ? (double)h->w[k] : 0;
        gg += a * a, gh += a * b, hh += b * b;
    }
    double l = (double)less, square = gg * gg - 2 * l * gh * gh + l * l * hh * hh;
    return (float)sqrt(square);
}

/* dst = g * src along rows and columns; the border is repeated. */
static void blur(const gauss *g, int n, const float *src, float *dst, float *line)
{
    size_t pitch = (size_t)n;
    for (int j = 0; j < n; j++) {
        const float *row = src + (size_t)j * pitch;
        float *out = dst + (size_t)j * pitch, *padded = line + MOST_TAPS;
        for (int i = 0; i < n; i++) padded[i] = row[i];
        for (int i = 1; i <= g->taps; i++) padded[-i] = row[0], padded[n - 1 + i] = row[n - 1];
        for (int i = 0; i < n; i++) out[i] = g->w[0] * padded[i];
        for (int k = 1; k <= g->taps; k++)
            for (int i = 0; i < n; i++) out[i] += g->w[k] * (padded[i - k] + padded[i + k]);
    }
}

static void transpose(int n, float *v)
{
    for (int j = 0; j < n; j++)
        for (int i = j + 1; i < n; i++) {
            float *a = &v[(size_t)j * (size_t)n + (size_t)i], *b = &v[(size_t)i * (size_t)n + (size_t)j];
            float t = *a;
            *a = *b;
            *b = t;
        }
}

static void blur_both(const gauss *g, int n, const float *src, float *dst, float *line)
{
    blur(g, n, src, dst, line);
    transpose(n, dst);
    blur(g, n, dst, dst, line);
    transpose(n, dst);
}

/* v becomes (g - less h) * v. */
static void filter(const gauss *g, const gauss *h, float less, int n, float *v, float *scratch, float *line)
{
    size_t count = (size_t)n * (size_t)n;
    if (less > 0) {
        blur_both(h, n, v, scratch, line);
        if (g->taps) blur_both(g, n, v, v, line);
        for (size_t i = 0; i < count; i++) v[i] -= less * scratch[i];
    } else {
        blur_both(g, n, v, v, line);
    }
}

static void mark(const nw_scan_slice *s)
{
    int side = s->n / 24 > 2 ? s->n / 24 : 2, at = s->n / 20;
    for (int j = at; j < at + side; j++)
        for (int i = at; i < at + side; i++) s->dst[(size_t)j * (size_t)s->n + (size_t)i] = 900;
}

void nw_scan_apply(const nw_chest *chest, const nw_scan_slice *s)
{
    const nw_scan *scan = &chest->scan;
    int n = s->n;
    float line[1024 + 2 * MOST_TAPS];
    size_t count = (size_t)n * (size_t)n;
    bool sharp = scan->kernel == NW_KERNEL_SHARP;
    /* The point spread, and the sharp kernel's overshoot at edges. */
    gauss g = gauss_make((sharp ? 0.3F : 0.7F) / s->pixel), h = gauss_make(1.1F / s->pixel);
    float less = sharp ? 0.45F : 0;
    filter(&g, &h, less, n, s->src, s->scratch, line);
    float keep = 1 / (1 - less);
    /* Noise passes the same kernel, but broader, as detectors and interpolation correlate it too. */
    nw_rng_normals(chest->seed, chest->study, NW_PART_SCAN_NOISE, 0, (uint64_t)s->slice * count, s->noise,
                   count);
    gauss ng = gauss_make((sharp ? 0.35F : 0.75F) / s->pixel), nh = gauss_make(1.6F / s->pixel);
    float nless = sharp ? 0.75F : 0.35F;
    filter(&ng, &nh, nless, n, s->noise, s->scratch, line);
    float amount = (float)nw_scan_noise_hu(scan, (double)s->slice_mm) / gauss_gain(&ng, &nh, nless);
    float middle = 0.5F * (float)(n - 1), radius = 0.5F * (float)n;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            size_t k = (size_t)j * (size_t)n + (size_t)i;
            float x = (float)i - middle, y = (float)j - middle,
                  square = (x * x + y * y) * s->pixel * s->pixel;
            float local = amount * (0.55F + 0.45F * expf(-square / (115 * 115.F)));
            float hu = s->src[k] * keep + scan->offset_hu + local * s->noise[k];
            if (scan->circle && x * x + y * y > radius * radius) hu = -1024;
            s->dst[k] = (int16_t)lrintf(nw_clamp(hu, scan->low, scan->high));
        }
    if (scan->marker) mark(s);
}
