#include "train/arrays.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

static size_t chunks_of(int64_t count)
{
    return ((size_t)count + NW_ARRAYS_CHUNK - 1) / NW_ARRAYS_CHUNK;
}

/* All bits of the exponent are set in what is not finite; bits are quicker to gather than floats. */
bool nw_array_finite(const float *values, int64_t count)
{
    uint32_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        found |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !found;
}

typedef struct squares {
    const float *values;
    double *sums; /* [chunks] */
} squares;

static void square(void *context, size_t begin, size_t end)
{
    const squares *s = context;
    double lanes[8] = {0}; /* a fixed order that is also one of a vector */
    size_t i = begin;
    for (; i + 8 <= end; i += 8)
        for (size_t l = 0; l < 8; l++) lanes[l] += (double)s->values[i + l] * (double)s->values[i + l];
    for (; i < end; i++) lanes[i % 8] += (double)s->values[i] * (double)s->values[i];
    double sum = 0;
    for (size_t l = 0; l < 8; l++) sum += lanes[l];
    s->sums[begin / NW_ARRAYS_CHUNK] = sum;
}

typedef struct scaling {
    float *values, factor;
} scaling;

static void scale(void *context, size_t begin, size_t end)
{
    const scaling *s = context;
    for (size_t i = begin; i < end; i++) s->values[i] *= s->factor;
}

nw_status nw_gradient_clip(float *const *grads, size_t count, const int64_t *sizes, double limit,
                           double *norm, nw_error *err)
{
    if (!(limit >= 0) || !isfinite(limit))
        return nw_fail(err, NW_USAGE, "gradients cannot be clipped at a norm of %g", limit);
    size_t most = 1;
    for (size_t i = 0; i < count; i++) most = chunks_of(sizes[i]) > most ? chunks_of(sizes[i]) : most;
    double *sums = nw_calloc(most, sizeof *sums), total = 0;
    if (!sums) return nw_no_memory(err, most * sizeof *sums, "the norm of the gradients");
    nw_status status = NW_OK;
    for (size_t i = 0; i < count && status == NW_OK; i++) {
        squares s = {grads[i], sums};
        double sum = 0;
        nw_parallel((size_t)sizes[i], NW_ARRAYS_CHUNK, square, &s);
        for (size_t c = 0; c < chunks_of(sizes[i]); c++) sum += sums[c];
        if (!isfinite(sum)) /* squares of floats do not overflow a double */
            status = nw_fail(err, NW_NOT_FINITE, "the gradient of parameter %zu is not finite", i);
        total += sum;
    }
    nw_free(sums);
    if (status != NW_OK) return status;
    total = sqrt(total);
    double factor = limit > 0 ? limit / (total + 1e-6) : 1;
    for (size_t i = 0; i < count && factor < 1; i++) {
        scaling s = {grads[i], (float)factor};
        nw_parallel((size_t)sizes[i], NW_ARRAYS_CHUNK, scale, &s);
    }
    if (norm) *norm = total;
    return NW_OK;
}

typedef struct averaging {
    float *average, share; /* share: of the new values */
    const float *params;
} averaging;

static void average_chunk(void *context, size_t begin, size_t end)
{
    const averaging *a = context;
    for (size_t i = begin; i < end; i++) a->average[i] += a->share * (a->params[i] - a->average[i]);
}

nw_status nw_average_step(float *const *average, const float *const *params, size_t count,
                          const int64_t *sizes, double decay, int64_t t, nw_error *err)
{
    if (!(decay >= 0 && decay <= 1) || t < 0)
        return nw_fail(err, NW_USAGE, "an average of the weights with a decay of %g at step %lld", decay,
                       (long long)t);
    double now = fmin(decay, (1 + (double)t) / (10 + (double)t));
    for (size_t i = 0; i < count; i++) {
        averaging a = {average[i], (float)(1 - now), params[i]};
        nw_parallel((size_t)sizes[i], NW_ARRAYS_CHUNK, average_chunk, &a);
    }
    return NW_OK;
}
