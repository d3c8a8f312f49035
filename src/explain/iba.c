/* Per-sample information bottleneck attribution: Schulz et al., ICLR 2020 (arXiv 2001.00396), as their
 * reference implementation computes it, but with 1 - lambda as a sum and not a difference (bottleneck.h). */
#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>
#include <string.h>

typedef struct iba {
    nw_bottleneck *bottleneck;
    double weight;         /* of the summed capacity in nats */
    float *staging;        /* [batch, neurons] where the program computes in double; else NULL */
    float *clean;          /* [neurons] */
    double *logits, *diff; /* [outputs] */
} iba;

static void destroy(void *state)
{
    iba *s = state;
    if (!s) return;
    nw_bottleneck_free(s->bottleneck);
    nw_free(s->staging);
    nw_free(s->clean);
    nw_free(s->logits);
    nw_free(s->diff);
    nw_free(s);
}

static const nw_bottleneck *bottleneck(const void *state)
{
    return ((const iba *)state)->bottleneck;
}

/* The part after the layer, for `batch` samples at once. A graph that mixes up its batch (a Reshape to a
 * fixed size, say) either does not compile or gives another first dimension. */
static nw_status compile_after(nw_explainer *e, int batch, nw_program **made, nw_error *err)
{
    nw_program *program;
    NW_TRY(nw_explainer_compile(e, e->layer, &e->head.logits, 1, e->layer, batch, &program, err));
    nw_shape in, out;
    nw_program_input(program, e->layer, &in);
    nw_program_output(program, e->head.logits, &out);
    /* A lone number is one logit of one sample (head.c). */
    bool follows = out.rank ? out.dims[0] == batch : batch == 1;
    if (in.dims[0] != batch || !follows || nw_program_diff(program, e->layer, NULL) == NULL) {
        nw_program_free(program);
        return nw_fail(err, NW_UNSUPPORTED, "%s: '%s' does not follow a batch of %d samples at '%s'",
                       nw_model_path(e->model), e->head.logits, batch, e->layer);
    }
    *made = program;
    return NW_OK;
}

enum { MOST_BYTES = 20 << 20 };

static int64_t layer_bytes(const nw_explainer *e)
{
    int64_t bytes = sizeof(float);
    for (int i = 0; i < e->layer_shape.rank; i++) bytes *= e->layer_shape.dims[i];
    return bytes;
}

/* Draws whose noise is kept from before the model to after it: those of a run, where they do not take much.
 */
static uint32_t kept_draws(const nw_explainer *e)
{
    int64_t draws = e->options.noise == NW_NOISE_ANTITHETIC ? (e->batch + 1) / 2 : e->batch;
    return draws * layer_bytes(e) <= MOST_BYTES ? (uint32_t)draws : 0;
}

/* All samples in as few runs of the same size as keep memory within bounds: the part after the layer takes
 * ten to fifteen times the layer's bytes a sample. On layers so large that this counts, a run of one sample is
 * as fast as one of ten, and one program does for all steps. */
static int even_batch(const nw_explainer *e)
{
    enum { MOST = 20, LARGE_BYTES = 4 << 20 };
    int64_t fit = MOST_BYTES / layer_bytes(e), most = fit < 1 ? 1 : fit < MOST ? fit : MOST;
    int samples = e->options.samples, runs = (int)((samples + most - 1) / most);
    int batch = (samples + runs - 1) / runs;
    if (layer_bytes(e) > LARGE_BYTES) return 1;
    /* The steps of that schedule take one or an even number. */
    return e->options.schedule == NW_SCHEDULE_SLOPE && batch > 2 ? 2 : batch;
}

/* The reference computes an update after its last forward pass and throws it away. */
static bool is_last(const nw_explain_options *o, int t)
{
    return t + 1 == o->steps && o->readout == NW_READOUT_LAST_FORWARD;
}

/* How many samples step t takes. */
static int samples_of(const nw_explain_options *o, int t)
{
    bool last = is_last(o, t);
    if (o->schedule == NW_SCHEDULE_EVEN)
        return o->early_samples > 0 && (t < o->early_steps || last) ? o->early_samples : o->samples;
    if (last) return 1;
    /* sigmoid'(alpha) / sigmoid'(0) where nothing holds alpha back. */
    double half = (o->initial_alpha - o->rate * t) / 2, slope = 1 / (cosh(half) * cosh(half));
    /* Neurons that fell freely are shut by then; the others are held where lambda has a slope. */
    if (half < 0 && slope < 0.1) slope = 0.4;
    double wanted = o->samples * slope;
    int pairs = (int)(wanted / 2 + 0.5), most = o->samples / 2;
    if (wanted < 1.5 || most == 0) return 1;
    return 2 * (pairs < 1 ? 1 : pairs > most ? most : pairs);
}

/* Whether some step has a sample without its mirror image. */
static bool has_lone(const nw_explain_options *o)
{
    for (int t = 0; o->noise == NW_NOISE_ANTITHETIC && t < o->steps; t++)
        if (!is_last(o, t) && samples_of(o, t) % 2) return true;
    return false;
}

static nw_status prepare(nw_explainer *e, nw_error *err)
{
    const nw_explain_options *o = &e->options;
    int wanted = o->batch == 0 ? even_batch(e) : o->batch < o->samples ? o->batch : o->samples;
    nw_status status = compile_after(e, wanted, &e->after, err);
    if (status != NW_OK && status != NW_NO_MEMORY && wanted > 1 && o->batch == 0) {
        wanted = 1;
        status = compile_after(e, wanted, &e->after, err);
    }
    NW_TRY(status);
    e->batch = wanted;

    iba *s = e->state = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "iba");
    int few = o->schedule == NW_SCHEDULE_SLOPE ? 1 : o->early_samples;
    if (few > 0 && few < e->batch) {
        e->few_batch = few;
        NW_TRY(compile_after(e, few, &e->few, err));
    }
    int64_t neurons = 1;
    for (int i = 0; i < e->layer_shape.rank; i++) neurons *= e->layer_shape.dims[i];
    s->weight = o->beta_over == NW_BETA_OVER_MEAN ? o->beta / (double)neurons : o->beta;
    nw_bottleneck_config config = {.shape = e->layer_shape,
                                   .mean = nw_stats_mean(o->stats),
                                   .std = nw_stats_std(o->stats),
                                   .active_share = nw_stats_active(o->stats),
                                   .active_threshold = o->active_threshold,
                                   .min_std = o->min_std,
                                   .initial_alpha = o->initial_alpha,
                                   .sigma = o->sigma,
                                   .weight = s->weight,
                                   .rate = o->rate,
                                   .relu = o->relu != 0,
                                   .control = has_lone(o),
                                   .keep = kept_draws(e),
                                   .profile = o->profile != 0};
    NW_TRY(nw_bottleneck_new(&config, &s->bottleneck, err));
    if (nw_bottleneck_active(s->bottleneck) == 0)
        return nw_fail(
            err, NW_BAD_INPUT,
            "no neuron of '%s' is active in more than a share of %g of the images that the statistics were "
            "made from: are they of this model and this kind of image?",
            e->layer, o->active_threshold);
    s->clean = nw_alloc_aligned((size_t)neurons, sizeof *s->clean);
    s->logits = nw_calloc((size_t)e->head.count, sizeof *s->logits);
    s->diff = nw_calloc((size_t)e->head.count, sizeof *s->diff);
    if (o->precision == NW_PRECISION_F64)
        s->staging = nw_alloc_aligned((size_t)neurons, (size_t)e->batch * sizeof *s->staging);
    if (!s->clean || !s->logits || !s->diff || (o->precision == NW_PRECISION_F64 && !s->staging))
        return nw_no_memory(err, (size_t)neurons * sizeof(float), "iba");
    return NW_OK;
}

static double get(const nw_explainer *e, const void *values, int64_t i)
{
    return e->options.precision == NW_PRECISION_F64 ? ((const double *)values)[i]
                                                    : (double)((const float *)values)[i];
}

static void put(const nw_explainer *e, void *values, int64_t i, double value)
{
    if (e->options.precision == NW_PRECISION_F64)
        ((double *)values)[i] = value;
    else
        ((float *)values)[i] = (float)value;
}

/* One group of samples through the model: adds to *loss, and to the gradient where that is wanted. */
static nw_status group(nw_explainer *e, const nw_noise *noise, const nw_loss_spec *spec, int samples,
                       uint32_t first, uint32_t count, bool gradient, double *loss, nw_error *err)
{
    iba *s = e->state;
    bool few = e->few && (int)count <= e->few_batch;
    nw_program *after = few ? e->few : e->after;
    int64_t batch = few ? e->few_batch : e->batch;
    int64_t neurons = nw_bottleneck_neurons(s->bottleneck), outputs = e->head.count;
    void *z = nw_program_input(after, e->layer, NULL);
    nw_bottleneck_sample(s->bottleneck, noise, first, count, s->staging ? s->staging : z);
    for (int64_t i = 0; s->staging && i < neurons * count; i++) ((double *)z)[i] = (double)s->staging[i];
    NW_TRY(nw_program_run(after, err));

    const void *logits = nw_program_output(after, e->head.logits, NULL);
    void *seed = nw_program_diff_output(after, e->head.logits);
    double scale = e->options.loss_weight / samples;
    for (int64_t k = 0; k < batch; k++) {
        bool used = k < count;
        for (int64_t i = 0; used && i < outputs; i++) s->logits[i] = get(e, logits, k * outputs + i);
        if (used) *loss += nw_loss_eval(spec, s->logits, outputs, scale, s->diff);
        for (int64_t i = 0; i < outputs; i++) put(e, seed, k * outputs + i, used ? s->diff[i] : 0);
    }
    if (!gradient) return NW_OK;
    NW_TRY(nw_program_backward(after, err));
    const void *diff = nw_program_diff(after, e->layer, NULL);
    for (int64_t i = 0; s->staging && i < neurons * count; i++)
        s->staging[i] = (float)((const double *)diff)[i];
    nw_bottleneck_gather(s->bottleneck, noise, first, count, s->staging ? s->staging : diff);
    return NW_OK;
}

static nw_status not_finite(int step, const char *what, nw_error *err)
{
    return nw_fail(
        err, NW_NOT_FINITE,
        "iba: %s is not finite in step %d; look at the preprocessing of the image and at the statistics, "
        "take a smaller --rate or --loss-weight, or try --precision f64",
        what, step + 1);
}

static nw_status optimise(nw_explainer *e, uint64_t image, const nw_loss_spec *spec,
                          const nw_progress *progress, nw_map *map, nw_error *err)
{
    iba *s = e->state;
    const nw_explain_options *o = &e->options;
    nw_noise noise = {.seed = o->seed,
                      .image = image,
                      .antithetic = o->noise == NW_NOISE_ANTITHETIC,
                      .inject = e->inject,
                      .user = e->inject_user};
    for (int t = 0; t < o->steps; t++) {
        if (progress && progress->call && progress->call(progress->user, "iba", t, o->steps))
            return nw_fail(err, NW_CANCELLED, "iba: interrupted in step %d of %d", t + 1, o->steps);
        noise.step = (uint32_t)t;
        double nats = nw_bottleneck_forward(s->bottleneck), loss = 0;
        if (!isfinite(nats)) return not_finite(t, "the capacity", err);
        bool last = is_last(o, t);
        int samples = samples_of(o, t);
        noise.samples = (uint32_t)samples;
        noise.forget = last || t + 1 == o->steps || is_last(o, t + 1) || samples_of(o, t + 1) % 2 == 0;
        for (int first = 0, count; first < samples; first += count) {
            int left = samples - first, most = e->few && 2 * left <= e->batch ? e->few_batch : e->batch;
            count = left < most ? left : most;
            NW_TRY(group(e, &noise, spec, samples, (uint32_t)first, (uint32_t)count, !last, &loss, err));
        }
        map->model_loss[t] = loss;
        map->information_loss[t] = s->weight * nats;
        map->bits[t] = nats / log(2);
        if (!isfinite(loss)) return not_finite(t, "the loss of the model", err);
        if (last) break;
        if (!isfinite(nw_bottleneck_gradient(s->bottleneck))) return not_finite(t, "the gradient", err);
        nw_bottleneck_update(s->bottleneck);
    }
    return NW_OK;
}

static void read_out(nw_explainer *e, double nats, nw_map *map)
{
    iba *s = e->state;
    int64_t channels = e->layer_shape.dims[0], positions = nw_bottleneck_neurons(s->bottleneck) / channels;
    const float *capacity = nw_bottleneck_capacity(s->bottleneck);
    for (int64_t i = 0; i < positions; i++) {
        double sum = 0;
        for (int64_t c = 0; c < channels; c++) {
            double bits = (double)capacity[c * positions + i] / log(2);
            map->capacity[c * positions + i] = (float)bits;
            sum += bits;
        }
        map->layer_map[i] = (float)sum;
    }
    map->total_bits = nats / log(2);
    int n = map->steps;
    double before = e->options.readout == NW_READOUT_AFTER ? map->bits[n - 1]
                    : n > 1                                ? map->bits[n - 2]
                                                           : map->total_bits;
    map->last_change = map->total_bits > 0 ? fabs(map->total_bits - before) / map->total_bits : 0;
    map->still_falling = map->last_change > 0.01;
}

static nw_status run(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map, nw_error *err)
{
    iba *s = e->state;
    const nw_explain_options *o = &e->options;
    size_t neurons = (size_t)nw_bottleneck_neurons(s->bottleneck), steps = (size_t)o->steps;
    map->steps = o->steps;
    map->capacity = nw_calloc(neurons, sizeof *map->capacity);
    map->model_loss = nw_calloc(steps, sizeof *map->model_loss);
    map->information_loss = nw_calloc(steps, sizeof *map->information_loss);
    map->bits = nw_calloc(steps, sizeof *map->bits);
    if (!map->capacity || !map->model_loss || !map->information_loss || !map->bits)
        return nw_no_memory(err, neurons * sizeof(float), "a map");
    NW_TRY(nw_loss_resolve(o, &e->head, &map->loss, err));
    nw_loss_spec spec = {
        .kind = map->loss, .head = e->head.kind, .target = map->target, .value = o->loss_value};
    if (spec.kind == NW_LOSS_KEEP)
        spec.value = (double)map->logits[e->head.kind == NW_HEAD_SIGMOID ? 0 : map->target];

    const void *x = nw_program_output(e->before, e->layer, NULL);
    for (size_t i = 0; i < neurons; i++) s->clean[i] = (float)get(e, x, (int64_t)i);
    nw_bottleneck_begin(s->bottleneck, s->clean);
    NW_TRY(optimise(e, image, &spec, progress, map, err));
    double nats = map->bits[o->steps - 1] * log(2);
    if (o->readout == NW_READOUT_AFTER) nats = nw_bottleneck_forward(s->bottleneck);
    if (!isfinite(nats)) return not_finite(o->steps, "the capacity", err);
    read_out(e, nats, map);
    return NW_OK;
}

static json_t *steps_of(const nw_explain_options *o)
{
    json_t *counts = json_array();
    for (int t = 0; t < o->steps; t++) json_array_append_new(counts, json_integer(samples_of(o, t)));
    return counts;
}

static int describe(const nw_explainer *e, json_t *p)
{
    const nw_explain_options *o = &e->options;
    const iba *s = e->state;
    int bad = 0;
    bad |=
        nw_describe(p, "beta", json_real(o->beta), "weight of the information against the loss of the model");
    bad |= nw_describe(p, "beta_over", json_string(o->beta_over == NW_BETA_OVER_MEAN ? "mean" : "sum"),
                       "beta multiplies the mean or the sum of the capacity (nats) over all neurons");
    bad |=
        nw_describe(p, "beta_per_nat", json_real(s->weight), "the weight of one nat that follows from both");
    bad |= nw_describe(p, "sigma", json_real(o->sigma), "Gaussian blur of lambda, in positions of the layer");
    bad |= nw_describe(p, "steps", json_integer(o->steps), "steps of Adam");
    bad |= nw_describe(p, "rate", json_real(o->rate),
                       "learning rate of Adam (betas 0.9 and 0.999, epsilon 1e-8)");
    bad |= nw_describe(p, "samples", json_integer(o->samples), "draws of the noise in a step, at most");
    bool even = o->schedule == NW_SCHEDULE_EVEN;
    bad |= nw_describe(p, "schedule", json_string(even ? "even" : "slope"),
                       "as many samples in every step, or fewer where the slope of lambda is small");
    bad |= nw_describe(p, "samples_by_step", steps_of(o),
                       "draws in each step; the last may be for the loss alone");
    bad |= nw_describe(
        p, "early_samples", json_integer(even && o->early_samples ? o->early_samples : o->samples),
        "of an even schedule: draws in the first early_steps steps, and in a last forward pass "
        "without an update");
    bad |= nw_describe(p, "early_steps", json_integer(even && o->early_samples ? o->early_steps : 0),
                       "see early_samples");
    bad |=
        nw_describe(p, "noise", json_string(o->noise == NW_NOISE_ANTITHETIC ? "antithetic" : "independent"),
                    "independent draws, or pairs of a draw and its mirror image");
    /* JSON integers are signed: the bits are kept as text. */
    bad |= nw_describe(p, "seed", json_sprintf("%llu", (unsigned long long)o->seed), "of Philox4x32-10");
    bad |= nw_describe(p, "min_std", json_real(o->min_std), "least deviation of a neuron");
    bad |= nw_describe(p, "initial_alpha", json_real(o->initial_alpha), "lambda = sigmoid(alpha) at first");
    bad |= nw_describe(p, "active_threshold", json_real(o->active_threshold),
                       "neurons that are non-zero in no more than this share of the images are cut out");
    bad |= nw_describe(p, "active_neurons", json_integer(nw_bottleneck_active(s->bottleneck)),
                       "neurons that are left");
    bad |= nw_describe(p, "relu", json_boolean(o->relu), "whether the noisy features are clipped at 0");
    bad |= nw_describe(
        p, "readout", json_string(o->readout == NW_READOUT_AFTER ? "after" : "last-forward"),
        "last-forward: capacity in the last forward pass, after steps - 1 updates; after: after all");
    bad |= nw_describe(p, "loss_weight", json_real(o->loss_weight), "factor of the loss of the model");
    if (o->loss == NW_LOSS_VALUE)
        bad |=
            nw_describe(p, "loss_value", json_real(o->loss_value), "the value that the output is drawn to");
    bad |= nw_describe(p, "batch", json_integer(e->batch), "samples in one run of the model");
    bad |= nw_describe(p, "statistics_images", json_integer(nw_stats_count(o->stats)),
                       "images that the feature statistics were made from; 0: unknown");
    return bad;
}

const nw_method nw_method_iba = {
    .info = {.name = "iba",
             .description =
                 "per-sample information bottleneck: the information that the prediction needs, where it is",
             .unit = "bits per pixel",
             .needs_stats = 1},
    .at_cut = true,
    .density = true,
    .prepare = prepare,
    .run = run,
    .describe = describe,
    .destroy = destroy,
    .bottleneck = bottleneck,
};
