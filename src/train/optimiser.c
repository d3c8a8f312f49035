#include "train/optimiser.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "train/arrays.h"

#include <math.h>
#include <string.h>

#define NW_OPTIMISER(name) extern const nw_optimiser_kind nw_optimiser_##name;
#include "train/optimisers.def"
#undef NW_OPTIMISER

static const nw_optimiser_kind *const kinds[] = {
#define NW_OPTIMISER(name) &nw_optimiser_##name,
#include "train/optimisers.def"
#undef NW_OPTIMISER
};
enum { KINDS = sizeof kinds / sizeof kinds[0], STEPS_LOW = 1 << 20 };

typedef struct array {
    char *name;
    float *data;
    int64_t count;
} array;

struct nw_optimiser {
    const nw_optimiser_kind *kind;
    nw_optimiser_options options;
    size_t count;
    int64_t *sizes;
    bool *decay;
    float steps[2];      /* see nw_optimiser_state */
    size_t per, states;  /* arrays a parameter, and all of them */
    array *state;        /* [states], those of parameter i from per * i */
    unsigned char *fine; /* [chunks of the largest parameter] */
};

static const nw_optimiser_kind *find(const char *name)
{
    for (size_t i = 0; name && i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

const char *nw_optimiser_name(size_t i)
{
    return i < KINDS ? kinds[i]->name : NULL;
}

static nw_status unknown(const char *name, nw_error *err)
{
    return nw_fail(err, NW_USAGE, "there is no optimiser '%s': sgd, adamw", name ? name : "");
}

nw_status nw_optimiser_defaults(const char *name, nw_optimiser_options *out, nw_error *err)
{
    const nw_optimiser_kind *kind = find(name);
    if (!kind) return unknown(name, err);
    *out = kind->defaults;
    return NW_OK;
}

static nw_status check(const nw_optimiser_kind *kind, const nw_optimiser_options *options, size_t count,
                       const int64_t *sizes, nw_error *err)
{
    if (!kind) return unknown(options->name, err);
    if (!(options->weight_decay >= 0) || !isfinite(options->weight_decay))
        return nw_fail(err, NW_USAGE, "a weight decay of %g: it cannot be below 0", options->weight_decay);
    for (size_t i = 0; i < count; i++)
        if (sizes[i] < 0) return nw_fail(err, NW_USAGE, "parameter %zu has a negative size", i);
    return kind->check(options, err);
}

static nw_status make(nw_optimiser *o, const int64_t *sizes, const bool *decay, nw_error *err)
{
    int64_t most = 0;
    o->sizes = nw_calloc(o->count, sizeof *o->sizes);
    o->decay = nw_calloc(o->count, sizeof *o->decay);
    o->state = nw_calloc(o->count, o->per * sizeof *o->state);
    if (!o->sizes || !o->decay || !o->state) return nw_no_memory(err, o->count, "an optimiser");
    for (size_t i = 0; i < o->count; i++) {
        o->sizes[i] = sizes[i];
        o->decay[i] = !decay || decay[i];
        most = sizes[i] > most ? sizes[i] : most;
        for (size_t s = 0; s < o->per; s++) {
            array *a = &o->state[o->states++];
            a->count = sizes[i];
            a->name = nw_strdup_printf("%s.%s.%zu", o->kind->name, o->kind->states[s], i);
            a->data = nw_calloc((size_t)sizes[i], sizeof *a->data);
            if (!a->name || !a->data)
                return nw_no_memory(err, (size_t)sizes[i] * sizeof *a->data, "the state of an optimiser");
        }
    }
    o->fine = nw_calloc((size_t)most / NW_ARRAYS_CHUNK + 1, 1);
    return o->fine ? NW_OK : nw_no_memory(err, (size_t)most / NW_ARRAYS_CHUNK, "an optimiser");
}

nw_status nw_optimiser_new(const nw_optimiser_options *options, size_t count, const int64_t *sizes,
                           const bool *decay, nw_optimiser **out, nw_error *err)
{
    const nw_optimiser_kind *kind = find(options->name);
    NW_TRY(check(kind, options, count, sizes, err));
    nw_optimiser *o = nw_calloc(1, sizeof *o);
    if (!o) return nw_no_memory(err, sizeof *o, "an optimiser");
    *o = (nw_optimiser){.kind = kind, .options = *options, .count = count};
    o->options.name = kind->name; /* the caller's text may go */
    while (kind->needs_states(options) && o->per < NW_OPTIMISER_STATES && kind->states[o->per]) o->per++;
    nw_status status = make(o, sizes, decay, err);
    if (status == NW_OK)
        *out = o;
    else
        nw_optimiser_free(o);
    return status;
}

void nw_optimiser_free(nw_optimiser *o)
{
    if (!o) return;
    for (size_t i = 0; o->state && i < o->states; i++) {
        nw_free(o->state[i].name);
        nw_free(o->state[i].data);
    }
    nw_free(o->state);
    nw_free(o->sizes);
    nw_free(o->decay);
    nw_free(o->fine);
    nw_free(o);
}

int64_t nw_optimiser_steps(const nw_optimiser *o)
{
    return (int64_t)o->steps[1] * STEPS_LOW + (int64_t)o->steps[0];
}

size_t nw_optimiser_state_count(const nw_optimiser *o)
{
    return 1 + o->states;
}

void nw_optimiser_state(nw_optimiser *o, size_t i, const char **name, float **data, int64_t *count)
{
    *name = i ? o->state[i - 1].name : "steps";
    *data = i ? o->state[i - 1].data : o->steps;
    *count = i ? o->state[i - 1].count : 2;
}

nw_status nw_optimiser_restored(nw_optimiser *o, nw_error *err)
{
    for (int i = 0; i < 2; i++)
        if (!(o->steps[i] >= 0 && o->steps[i] < STEPS_LOW) || floorf(o->steps[i]) < o->steps[i])
            return nw_fail(err, NW_BAD_INPUT, "the state of the optimiser: %g is no number of steps",
                           (double)o->steps[i]);
    for (size_t i = 0; i < o->states; i++) {
        const array *a = &o->state[i];
        bool squares = o->kind->squares && i % o->per == o->per - 1;
        if (!nw_array_finite(a->data, a->count))
            return nw_fail(err, NW_BAD_INPUT, "the state of the optimiser: %s is not finite", a->name);
        for (int64_t k = 0; squares && k < a->count; k++)
            if (a->data[k] < 0)
                return nw_fail(err, NW_BAD_INPUT, "the state of the optimiser: %s is negative at %lld",
                               a->name, (long long)k);
    }
    return NW_OK;
}

typedef struct work {
    const nw_optimiser_kind *kind;
    nw_optimiser_update u;
    size_t states;
    unsigned char *fine;
} work;

static void look(void *context, size_t begin, size_t end)
{
    const work *w = context;
    w->fine[begin / NW_ARRAYS_CHUNK] = nw_array_finite(w->u.grad + begin, (int64_t)(end - begin));
}

static void update(void *context, size_t begin, size_t end)
{
    const work *w = context;
    const int64_t n = (int64_t)(end - begin);
    w->kind->update(&w->u, begin, end);
    bool fine = nw_array_finite(w->u.param + begin, n);
    for (size_t s = 0; s < w->states; s++) fine = fine && nw_array_finite(w->u.state[s] + begin, n);
    w->fine[begin / NW_ARRAYS_CHUNK] = fine;
}

/* Over one array; whether all its chunks were fine. */
static bool over(const nw_optimiser *o, size_t i, nw_chunk_fn fn, work *w)
{
    nw_parallel((size_t)o->sizes[i], NW_ARRAYS_CHUNK, fn, w);
    bool fine = true;
    for (int64_t at = 0; at < o->sizes[i]; at += NW_ARRAYS_CHUNK)
        fine = fine && o->fine[at / NW_ARRAYS_CHUNK];
    return fine;
}

nw_status nw_optimiser_step(nw_optimiser *o, float *const *params, const float *const *grads, double lr,
                            nw_error *err)
{
    if (!(lr >= 0) || !isfinite(lr)) return nw_fail(err, NW_USAGE, "a learning rate of %g", lr);
    int64_t step = nw_optimiser_steps(o) + 1;
    work w = {o->kind, {.options = &o->options, .lr = lr, .step = step}, o->per, o->fine};
    for (size_t i = 0; i < o->count; i++) {
        w.u.grad = grads[i];
        if (!over(o, i, look, &w))
            return nw_fail(err, NW_NOT_FINITE,
                           "step %lld: the gradient of parameter %zu is not finite; a smaller learning rate "
                           "or clipped gradients may help",
                           (long long)step, i);
    }
    size_t lost = SIZE_MAX;
    for (size_t i = 0; i < o->count; i++) {
        w.u.grad = grads[i];
        w.u.param = params[i];
        w.u.decay = o->decay[i] ? o->options.weight_decay : 0;
        for (size_t s = 0; s < o->per; s++) w.u.state[s] = o->state[o->per * i + s].data;
        if (!over(o, i, update, &w) && lost == SIZE_MAX) lost = i;
    }
    o->steps[0] = (float)(step % STEPS_LOW);
    o->steps[1] = (float)(step / STEPS_LOW);
    if (lost == SIZE_MAX) return NW_OK;
    return nw_fail(err, NW_NOT_FINITE,
                   "step %lld: parameter %zu left the range of numbers; a smaller learning rate may help",
                   (long long)step, lost);
}
