#include "dataset/change.h"

#include "base/error.h"
#include "base/memory.h"
#include "dataset/random.h"

#include <math.h>
#include <string.h>

/* -1 .. 1 */
static double either(nw_stream *s)
{
    return 2 * nw_stream_unit(s) - 1;
}

nw_change nw_change_draw(const nw_augment *policy, uint64_t seed, uint64_t epoch, uint64_t image,
                         int64_t rows, int64_t columns)
{
    nw_stream s = nw_stream_start(seed, NW_PURPOSE_AUGMENT, epoch, image);
    nw_change c;
    /* Each strength has its own numbers, so that another strength of one leaves the others as they are. */
    c.low_hu = policy->window_hu * either(&s);
    c.high_hu = policy->window_hu * either(&s);
    c.flip_h = nw_stream_unit(&s) < policy->flip_h;
    c.flip_v = nw_stream_unit(&s) < policy->flip_v;
    c.degrees = policy->rotate * either(&s);
    double zoom = either(&s);
    c.scale = zoom < 0 ? 1 + policy->scale_low * zoom : 1 + policy->scale_high * zoom;
    c.right = policy->shift * (double)columns * either(&s);
    c.down = policy->shift * (double)rows * either(&s);
    c.gamma = exp(policy->gamma * either(&s));
    c.contrast = 1 + policy->contrast * either(&s);
    c.brightness = policy->brightness * either(&s);
    c.blur = policy->blur * nw_stream_unit(&s);
    c.noise = policy->noise * nw_stream_unit(&s);
    c.noise_seed = nw_stream_next(&s);
    c.cut_height = policy->cutout * nw_stream_unit(&s);
    c.cut_width = policy->cutout * nw_stream_unit(&s);
    c.cut_top = nw_stream_unit(&s);
    c.cut_left = nw_stream_unit(&s);
    c.cut_depth = policy->cutout * nw_stream_unit(&s);
    c.cut_front = nw_stream_unit(&s);
    return c;
}

static double mean_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    return sum / (double)count;
}

static void tone(const nw_change *c, float *values, size_t count)
{
    if (c->gamma != 1) {
        float g = (float)c->gamma;
        for (size_t i = 0; i < count; i++)
            if (values[i] > 0) values[i] = powf(values[i], g);
    }
    if (c->contrast != 1 || c->brightness != 0) {
        double mean = c->contrast != 1 ? mean_of(values, count) : 0;
        float gain = (float)c->contrast, offset = (float)(mean * (1 - c->contrast) + c->brightness);
        for (size_t i = 0; i < count; i++) values[i] = values[i] * gain + offset;
    }
}

/* The same noise in every channel, so that grey stays grey. */
static void add_noise(const nw_change *c, const nw_planes *shape, float *values)
{
    float piece[4 * NW_RNG_GROUP], sigma = (float)c->noise;
    size_t area = (size_t)(shape->depth * shape->rows * shape->columns);
    for (size_t at = 0; at < area; at += 4 * NW_RNG_GROUP) {
        size_t n = area - at < 4 * NW_RNG_GROUP ? area - at : 4 * NW_RNG_GROUP;
        nw_rng_normals(c->noise_seed, 0, 0, 0, at, piece, n);
        for (int channel = 0; channel < shape->channels; channel++) {
            float *to = values + (size_t)channel * area + at;
            for (size_t i = 0; i < n; i++) to[i] += sigma * piece[i];
        }
    }
}

static void cut_out(const nw_change *c, const nw_planes *shape, float *values)
{
    int64_t height = llround(c->cut_height * (double)shape->rows),
            width = llround(c->cut_width * (double)shape->columns);
    int64_t top = llround(c->cut_top * (double)(shape->rows - height)),
            left = llround(c->cut_left * (double)(shape->columns - width));
    if (height < 1 || width < 1) return;
    int64_t depth = llround(c->cut_depth * (double)shape->depth), area = shape->rows * shape->columns;
    if (depth < 1) depth = 1;
    int64_t front = llround(c->cut_front * (double)(shape->depth - depth));
    size_t count = (size_t)(shape->depth * area);
    for (int channel = 0; channel < shape->channels; channel++, values += count) {
        float mean = (float)mean_of(values, count);
        for (int64_t z = front; z < front + depth; z++)
            for (int64_t r = top; r < top + height; r++)
                for (int64_t x = left; x < left + width; x++)
                    values[z * area + r * shape->columns + x] = mean;
    }
}

void nw_change_apply(const nw_change *change, const nw_planes *shape, const float *src, float *dst,
                     float *work)
{
    size_t count = nw_planes_count(shape);
    float low = 0, high = 1;
    for (size_t i = 0; i < count; i++) {
        low = src[i] < low ? src[i] : low;
        high = src[i] > high ? src[i] : high;
    }
    if (!nw_change_warp(change, shape, src, dst)) memcpy(dst, src, count * sizeof *dst);
    tone(change, dst, count);
    if (change->blur > 0) nw_change_blur(change->blur, shape, dst, work);
    if (change->noise > 0) add_noise(change, shape, dst);
    cut_out(change, shape, dst);
    for (size_t i = 0; i < count; i++) dst[i] = dst[i] < low ? low : dst[i] > high ? high : dst[i];
}

nw_status nw_augment_apply(const nw_augment *policy, uint64_t seed, uint64_t epoch, uint64_t image,
                           int channels, int64_t rows, int64_t columns, const float *src, float *dst,
                           nw_error *err)
{
    NW_TRY(nw_augment_check(policy, err));
    if (channels < 1 || rows < 1 || columns < 1 || rows > 65535 || columns > 65535)
        return nw_fail(err, NW_USAGE, "an image of %d x %lld x %lld cannot be augmented", channels,
                       (long long)rows, (long long)columns);
    size_t size = (size_t)(rows * columns) + (size_t)(rows + columns) + NW_BLUR_LINE;
    float *work = nw_alloc_aligned(size, sizeof *work);
    if (!work) return nw_no_memory(err, size * sizeof *work, "augmentation");
    nw_change change = nw_change_draw(policy, seed, epoch, image, rows, columns);
    nw_planes shape = {channels, 1, rows, columns};
    nw_change_apply(&change, &shape, src, dst, work);
    nw_free(work);
    return NW_OK;
}
