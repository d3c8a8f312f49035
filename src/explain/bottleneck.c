#include "explain/bottleneck.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "explain/blur.h"
#include "explain/passes.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Neurons that a thread works on at once: whole groups of random numbers, and buffers that stay in its cache.
 */
enum { CHUNK = 8 * NW_RNG_GROUP };
_Static_assert((int)CHUNK <= (int)NW_PASSES_MOST, "a chunk is one call of a pass");

/* No lambda or q comes nearer to 0 than this before the blur: 1 / q and ln q stay finite in single precision
 * whatever Adam does (it takes |alpha| > 69 to get there). */
static const double least = 1e-30;

struct nw_bottleneck {
    nw_bottleneck_config config;
    int64_t neurons, active_count;
    size_t chunks;
    nw_blur *blur;
    void *block;         /* all arrays below */
    float *base, *scale; /* active mean, active std */
    float *shift;        /* of the image: active (x - mean) */
    float *alpha, *first_moment, *second_moment;
    float *open, *shut;    /* sigmoid(alpha), sigmoid(-alpha) */
    float *lambda, *q;     /* blurred */
    float *centre, *width; /* z = centre + width eps */
    float *capacity, *diff;
    float *scratch, *spread;
    float *gathered; /* d model loss / d lambda, summed over samples */
    float *control;  /* mean d model loss / d z of the step before, then of this one; NULL: not wanted */
    float *mean_diff;
    bool controlled; /* there was a step before */
    float *kept;     /* [config.keep, neurons]: noise of the samples made last */
    struct made {
        uint64_t seed, image;
        uint32_t step, first, end;
    } made;          /* which they were; none after nw_bottleneck_begin */
    double *partial; /* [chunks] */
    int64_t updates;
    nw_recorder *recorder;
};

enum { ARRAYS = 16 };

nw_status nw_bottleneck_new(const nw_bottleneck_config *config, nw_bottleneck **out, nw_error *err)
{
    int64_t n;
    if (!nw_shape_count(&config->shape, &n) || n <= 0)
        return nw_fail(err, NW_BAD_INPUT, "a bottleneck on an empty or impossible feature map");
    nw_blur *blur;
    NW_TRY(nw_blur_new(&config->shape, config->sigma, &blur, err));
    nw_bottleneck *b = nw_calloc(1, sizeof *b);
    if (!b) {
        nw_blur_free(blur);
        return nw_no_memory(err, sizeof *b, "a bottleneck");
    }
    b->config = *config;
    b->blur = blur;
    b->neurons = n;
    b->chunks = ((size_t)n + CHUNK - 1) / CHUNK;
    /* Every array starts on a cache line. */
    size_t stride = ((size_t)n + 15) / 16 * 16;
    float *first = nw_calloc_aligned(stride, ARRAYS * sizeof *first, &b->block);
    b->gathered = nw_alloc_aligned((size_t)n, sizeof *b->gathered);
    b->partial = nw_calloc(b->chunks, sizeof *b->partial);
    if (config->keep) b->kept = nw_alloc_aligned((size_t)n, config->keep * sizeof *b->kept);
    if (config->control) {
        b->control = nw_alloc_aligned((size_t)n, sizeof *b->control);
        b->mean_diff = nw_alloc_aligned((size_t)n, sizeof *b->mean_diff);
    }
    if (!first || !b->gathered || !b->partial || (config->keep && !b->kept) ||
        (config->control && (!b->control || !b->mean_diff))) {
        nw_bottleneck_free(b);
        return nw_no_memory(err, stride * ARRAYS * sizeof(float), "a bottleneck");
    }
    float **arrays[ARRAYS] = {&b->base,          &b->scale, &b->shift,    &b->alpha,  &b->first_moment,
                              &b->second_moment, &b->open,  &b->shut,     &b->lambda, &b->q,
                              &b->centre,        &b->width, &b->capacity, &b->diff,   &b->scratch,
                              &b->spread};
    for (size_t i = 0; i < ARRAYS; i++) *arrays[i] = first + i * stride;
    for (int64_t i = 0; i < n; i++) {
        bool active = !config->active_share || (double)config->active_share[i] > config->active_threshold;
        b->base[i] = active ? config->mean[i] : 0;
        /* Above zero, which is for those that are not active. */
        b->scale[i] = active ? fmaxf(fmaxf(config->std[i], (float)config->min_std), FLT_MIN) : 0;
        b->active_count += active;
    }
    b->config.mean = b->config.std = b->config.active_share = NULL;
    nw_status status = config->profile ? nw_recorder_new(NW_PASS_COUNT, &b->recorder, err) : NW_OK;
    if (status != NW_OK) {
        nw_bottleneck_free(b);
        return status;
    }
    *out = b;
    return NW_OK;
}

void nw_bottleneck_free(nw_bottleneck *b)
{
    if (!b) return;
    nw_blur_free(b->blur);
    nw_free(b->block);
    nw_free(b->gathered);
    nw_free(b->control);
    nw_free(b->mean_diff);
    nw_free(b->partial);
    nw_free(b->kept);
    nw_recorder_free(b->recorder);
    nw_free(b);
}

int64_t nw_bottleneck_neurons(const nw_bottleneck *b)
{
    return b->neurons;
}

int64_t nw_bottleneck_active(const nw_bottleneck *b)
{
    return b->active_count;
}

void nw_bottleneck_begin(nw_bottleneck *b, const float *x)
{
    size_t bytes = (size_t)b->neurons * sizeof(float);
    nw_passes_begin(x, b->base, b->scale, b->shift, (size_t)b->neurons);
    memset(b->first_moment, 0, bytes);
    memset(b->second_moment, 0, bytes);
    for (int64_t i = 0; i < b->neurons; i++) b->alpha[i] = (float)b->config.initial_alpha;
    b->updates = 0;
    b->controlled = false;
    b->made = (struct made){.end = 0};
}

/* The partial results of the chunks in their order: the same sum whoever computed them. */
static double total(const nw_bottleneck *b)
{
    double sum = 0;
    for (size_t i = 0; i < b->chunks; i++) sum += b->partial[i];
    return sum;
}

/* The arrays from neuron `begin` on. */
static nw_passes_neurons from(const nw_bottleneck *b, size_t begin)
{
    return (nw_passes_neurons){.shift = b->shift + begin,
                               .base = b->base + begin,
                               .scale = b->scale + begin,
                               .lambda = b->lambda + begin,
                               .q = b->q + begin,
                               .centre = b->centre + begin,
                               .width = b->width + begin};
}

static void gates(void *context, size_t begin, size_t end)
{
    nw_bottleneck *b = context;
    nw_passes_gates(b->alpha + begin, least, b->open + begin, b->shut + begin, end - begin);
    memset(b->gathered + begin, 0, (end - begin) * sizeof *b->gathered);
    if (b->mean_diff) memset(b->mean_diff + begin, 0, (end - begin) * sizeof *b->mean_diff);
}

static void capacities(void *context, size_t begin, size_t end)
{
    nw_bottleneck *b = context;
    nw_passes_neurons neurons = from(b, begin);
    b->partial[begin / CHUNK] = nw_passes_capacity(&neurons, b->capacity + begin, end - begin);
}

double nw_bottleneck_forward(nw_bottleneck *b)
{
    double start = nw_record_start(b->recorder);
    nw_parallel((size_t)b->neurons, CHUNK, gates, b);
    start = nw_record(b->recorder, NW_PASS_GATES, start);
    nw_blur_apply(b->blur, b->open, b->lambda);
    nw_blur_apply(b->blur, b->shut, b->q);
    start = nw_record(b->recorder, NW_PASS_BLUR, start);
    nw_parallel((size_t)b->neurons, CHUNK, capacities, b);
    nw_record(b->recorder, NW_PASS_CAPACITY, start);
    return total(b);
}

/* Samples that go through the model together. */
typedef struct draw {
    nw_bottleneck *bottleneck;
    const nw_noise *noise;
    uint32_t first, count;
    float *dst;
    const float *diff;
    bool kept; /* what is drawn for them is still there */
} draw;

/* Mirrored samples share what is drawn. */
static uint32_t drawn_of(const nw_noise *noise, uint32_t sample)
{
    return noise->antithetic ? sample / 2 : sample;
}

/* Whether the draws that these samples are made from are those that are kept; they will be. */
static bool keep(nw_bottleneck *b, const nw_noise *noise, uint32_t first, uint32_t count)
{
    uint32_t drawn = drawn_of(noise, first), end = drawn_of(noise, first + count - 1) + 1;
    const struct made *m = &b->made;
    if (m->seed == noise->seed && m->image == noise->image && m->step == noise->step && drawn >= m->first &&
        end <= m->end)
        return true;
    b->made = (struct made){noise->seed, noise->image, noise->step, drawn, end};
    return false;
}

static draw draw_of(nw_bottleneck *b, const nw_noise *noise, uint32_t first, uint32_t count)
{
    return (draw){.bottleneck = b,
                  .noise = noise,
                  .first = first,
                  .count = count,
                  .kept = keep(b, noise, first, count)};
}

/* The noise of sample s of the draw for neurons from `begin` on: in `spare`, or where it is kept. spare[] is
 * the caller's for all samples of a draw, and has that of sample s - 1 on entry. */
static const float *noise_of(const draw *d, uint32_t s, size_t begin, size_t n, float (*spare)[CHUNK])
{
    const nw_bottleneck *b = d->bottleneck;
    const nw_noise *noise = d->noise;
    uint32_t sample = d->first + s, drawn = drawn_of(noise, sample), place = drawn - b->made.first;
    bool keeps = place < b->config.keep, mirrored = noise->antithetic && sample % 2;
    float *eps = keeps ? b->kept + (size_t)place * (size_t)b->neurons + begin : spare[0];
    bool there = (d->kept && keeps) || (mirrored && s > 0);
    if (!there && noise->inject)
        noise->inject(noise->user, noise->step, drawn, begin, eps, n);
    else if (!there)
        nw_rng_normals(noise->seed, noise->image, noise->step, drawn, begin, eps, n);
    if (!mirrored) return eps;
    for (size_t i = 0; i < n; i++) spare[1][i] = -eps[i];
    return spare[1];
}

static void samples(void *context, size_t begin, size_t end)
{
    const draw *d = context;
    const nw_bottleneck *b = d->bottleneck;
    nw_passes_neurons neurons = from(b, begin);
    size_t n = end - begin;
    float spare[2][CHUNK];
    for (uint32_t s = 0; s < d->count; s++) {
        float *z = d->dst + (size_t)s * (size_t)b->neurons + begin;
        nw_passes_sample(&neurons, noise_of(d, s, begin, n, spare), z, n);
        if (b->config.relu)
            for (size_t i = 0; i < n; i++) z[i] = z[i] > 0 ? z[i] : 0;
    }
}

void nw_bottleneck_sample(nw_bottleneck *b, const nw_noise *noise, uint32_t first, uint32_t count, float *dst)
{
    if (!count) return;
    draw d = draw_of(b, noise, first, count);
    d.dst = dst;
    double start = nw_record_start(b->recorder);
    nw_parallel((size_t)b->neurons, CHUNK, samples, &d);
    nw_record(b->recorder, NW_PASS_NOISE, start);
}

/* Whether the mirror image of the sample is missing. */
static bool lone(const nw_noise *noise, uint32_t sample)
{
    return noise->antithetic && noise->samples % 2 && sample + 1 == noise->samples;
}

/* d z / d lambda = active (x - noise), with q = 1 - lambda. */
static void gathers(void *context, size_t begin, size_t end)
{
    const draw *d = context;
    const nw_bottleneck *b = d->bottleneck;
    nw_passes_neurons neurons = from(b, begin);
    size_t n = end - begin;
    float spare[2][CHUNK];
    for (uint32_t s = 0; s < d->count; s++) {
        const float *eps = noise_of(d, s, begin, n, spare);
        const float *diff = d->diff + (size_t)s * (size_t)b->neurons + begin;
        float *sum = b->gathered + begin;
        if (b->control && !d->noise->forget)
            nw_passes_remember(&neurons, eps, diff, b->config.relu, b->mean_diff + begin, n);
        if (b->control && lone(d->noise, d->first + s))
            nw_passes_gather_lone(&neurons, eps, diff, b->controlled ? b->control + begin : NULL,
                                  1 / (float)d->noise->samples, b->config.relu, sum, n);
        else
            nw_passes_gather(&neurons, eps, diff, b->config.relu, sum, n);
    }
}

void nw_bottleneck_gather(nw_bottleneck *b, const nw_noise *noise, uint32_t first, uint32_t count,
                          const float *diff_z)
{
    if (!count) return;
    draw d = draw_of(b, noise, first, count);
    d.diff = diff_z;
    double start = nw_record_start(b->recorder);
    nw_parallel((size_t)b->neurons, CHUNK, gathers, &d);
    nw_record(b->recorder, NW_PASS_GATHER, start);
}

/* d objective / d lambda, before the blur is undone. */
static void slopes(void *context, size_t begin, size_t end)
{
    nw_bottleneck *b = context;
    nw_passes_neurons neurons = from(b, begin);
    nw_passes_slopes(&neurons, b->gathered + begin, b->config.weight, b->scratch + begin, end - begin);
}

/* d lambda / d alpha = s(alpha) s(-alpha). */
static void chain(void *context, size_t begin, size_t end)
{
    nw_bottleneck *b = context;
    b->partial[begin / CHUNK] =
        nw_passes_chain(b->spread + begin, b->open + begin, b->shut + begin, b->diff + begin, end - begin);
}

double nw_bottleneck_gradient(nw_bottleneck *b)
{
    double start = nw_record_start(b->recorder);
    nw_parallel((size_t)b->neurons, CHUNK, slopes, b);
    start = nw_record(b->recorder, NW_PASS_SLOPES, start);
    nw_blur_adjoint(b->blur, b->scratch, b->spread);
    start = nw_record(b->recorder, NW_PASS_UNBLUR, start);
    nw_parallel((size_t)b->neurons, CHUNK, chain, b);
    nw_record(b->recorder, NW_PASS_CHAIN, start);
    return total(b);
}

typedef struct move {
    nw_bottleneck *bottleneck;
    float step, correction; /* rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
} move;

static void moves(void *context, size_t begin, size_t end)
{
    const move *m = context;
    nw_bottleneck *b = m->bottleneck;
    nw_passes_adam(b->diff + begin, m->step, m->correction, b->first_moment + begin, b->second_moment + begin,
                   b->alpha + begin, end - begin);
}

/* Kingma & Ba 2015, algorithm 1. */
void nw_bottleneck_update(nw_bottleneck *b)
{
    float *before = b->control;
    b->control = b->mean_diff;
    b->mean_diff = before;
    b->controlled = true;
    double t = (double)++b->updates;
    move m = {b, (float)(b->config.rate / (1 - pow(0.9, t))), (float)(1 / sqrt(1 - pow(0.999, t)))};
    double start = nw_record_start(b->recorder);
    nw_parallel((size_t)b->neurons, CHUNK, moves, &m);
    nw_record(b->recorder, NW_PASS_ADAM, start);
}

const float *nw_bottleneck_capacity(const nw_bottleneck *b)
{
    return b->capacity;
}

const float *nw_bottleneck_lambda(const nw_bottleneck *b)
{
    return b->lambda;
}

const float *nw_bottleneck_diff(const nw_bottleneck *b)
{
    return b->diff;
}

float *nw_bottleneck_alpha(nw_bottleneck *b)
{
    return b->alpha;
}

const nw_recorder *nw_bottleneck_recorder(const nw_bottleneck *b)
{
    return b->recorder;
}
